"""The statement on paper: A4, headings on every page, nothing cut, signatures below the sums."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connector.domain.reconciliation import MEANING
from connector.domain.settlement import Entry, EntryKind, Statement, Terms
from connector.extracts.statement import Carried, Paper, statement_html
from tests.support.chromium import printed

pytestmark = pytest.mark.unit

LONG = "SF1234567890123-RETURN-REQUEST-OF-A-LONG-NAME"


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        missing = f"NOT LOOKED AT: there is no {name} (Debian package poppler-utils)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def read(name: str, *words: str) -> str:
    return subprocess.run([tool(name), *words], capture_output=True, text=True, check=True).stdout


def test_a_statement_shows_amounts_with_the_decimals_of_their_currency() -> None:
    given = {"": "1234.50", "KWD": "11.306", "JPY": "1100"}
    entries = tuple(
        Entry(EntryKind.SALE, f"1/{each}", "1", "2026-11", Decimal(amount), each)
        for each, amount in given.items()
    )
    statement = Statement("GQ", "2026-11", entries, Terms(Decimal(0), Decimal(100)))
    stakes = [Carried("1", "amount", Decimal("2.345"), "KWD")]
    about = Paper("工起事业部", "CNY", ZoneInfo("Asia/Shanghai"), stakes, {}, None)
    page = statement_html(statement, about).decode()
    shown = set(re.findall(r"[\d,]+(?:\.\d+)?(?=</td>)", page))
    assert {"1,234.50", "11.306", "1,100", "2.345"} <= shown
    assert not {"11.31", "1,100.00", "2.35", "2.34"} & shown
    assert "KWD 0.000" in page


@pytest.mark.long
@pytest.mark.parametrize("adjustments", [41, 47])
def test_a_statement_prints_on_a4_with_nothing_cut(tmp_path: Path, adjustments: int) -> None:
    kinds = list(EntryKind)
    entries = [Entry(EntryKind.SALE, "1/SF1/1", "1", "2026-11", Decimal("123456789.12"))]
    entries += [
        Entry(kinds[at % 6], f"1000{at:04d}/{LONG}/{at}", f"1000{at:04d}", "2026-10",
              Decimal(at * 1_000_000) - Decimal("4999999.75"))
        for at in range(adjustments)
    ]  # fmt: skip
    statement = Statement("GQ", "2026-11", tuple(entries), Terms(Decimal("2.5"), Decimal(100)))
    differences = [Carried("1", f"{each.chinese} {each.english}", Decimal("1234567.89"))
                   for each in MEANING.values()]  # fmt: skip
    about = Paper("工起事业部", "CNY", ZoneInfo("Asia/Shanghai"), differences,
                  {"": Decimal("4321.00")}, datetime(2026, 12, 2, tzinfo=UTC))  # fmt: skip
    page = tmp_path / "settlement.html"
    page.write_bytes(statement_html(statement, about))
    pdf = printed(page, tmp_path / "settlement.pdf")
    assert "A4" in read("pdfinfo", str(pdf))
    pages = read("pdftotext", "-layout", str(pdf), "-").rstrip("\f\n").split("\f")
    assert len(pages) > 2
    together = re.sub(r"\s", "", "".join(pages))
    for at in range(adjustments):
        assert f"{at * 1_000_000 - 4999999.75:,.2f}" in together
    assert sum(f"1000{at:04d}/SF" in together for at in range(adjustments)) == adjustments
    for number, text in enumerate(pages, start=1):
        assert f"{number}/{len(pages)}" in re.sub(r"\s", "", text)
        if "/SF1234567890123" in text:
            assert re.search(r"单据 ?Reference", text), f"page {number} has no heading"
        if any(each.chinese in text for each in MEANING.values()):
            assert re.search(r"类型 ?Kind", text), f"page {number} has no heading"
    # Whoever signs sees the sum above.
    assert "E-commerce platform" in pages[-1]
    assert re.search(r"合计 ?Total", pages[-1])
    boxes = read("pdftotext", "-bbox", str(pdf), "-")
    words = [
        (float(left), float(right), word)
        for left, right, word in re.findall(
            r'xMin="([\d.]+)" yMin="[\d.]+" xMax="([\d.]+)" yMax="[\d.]+">([^<]*)<', boxes
        )
    ]
    assert min(left for left, _, _ in words) >= 40
    assert max(right for _, right, _ in words) <= 595 - 40
    # Amounts of the last column stand one below the other, by their last digit.
    amounts = [right for _, right, word in words if re.fullmatch(r"-?[\d,]{5,}\.\d\d", word)]
    last = [right for right in amounts if right > 595 - 70]
    assert len(last) >= adjustments + len(differences)
    assert max(last) - min(last) < 1
