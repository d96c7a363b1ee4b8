"""Listings: nothing that names or counts is cut, and nothing from outside steers the terminal."""

from __future__ import annotations

import json
import re
import sys
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.commands import output
from connector.commands.columns import cells, laid_out, wrapped
from connector.commands.output import listing, say

pytestmark = pytest.mark.unit

ZONE = ZoneInfo("Asia/Shanghai")
LONG = (
    "库存不足：XC-80513368 工厂 1000 需要 40 PCE, only 10 are free, and the rest waits for SAP " * 4
)


def orders(count: int) -> list[dict[str, Any]]:
    return [
        {
            "number": f"{30 + each}", "placed_at": "2026-11-23 14:01:00", "stage": "recognised",
            "hold": "customer_review", "since": "2026-11-23 14:02:00", "customer": "0000100003",
            "total": Decimal("135874.00") + each, "deadline_at": "2026-11-23 15:01:00",
            "reason": LONG if each % 2 else None,
        }
        for each in range(count)
    ]  # fmt: skip


def printed(
    rows: list[dict[str, Any]],
    columns: int | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    **how: Any,
) -> tuple[str, str]:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: columns is not None, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns or 80))
    listing(rows, as_json=False, zone=ZONE, **how)
    shown = capsys.readouterr()
    return re.sub("\x1b\\[[0-9;]*m", "", shown.out), shown.err


@pytest.mark.parametrize("columns", [20, 40, 80, 100, 120, 200, None])
def test_numbers_customers_and_amounts_stand_whole_at_every_width(
    columns: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, _ = printed(orders(12), columns, monkeypatch, capsys)
    for each in range(12):
        assert re.search(rf"(^|\s){30 + each}(\s|$)", text, re.MULTILINE)
        assert re.search(rf"\s{135874 + each}\.00(\s|$)", text)
    assert text.count("0000100003") == 12
    if columns is not None and columns >= 80:
        assert all(cells(line) <= columns for line in text.splitlines())


def test_what_has_no_room_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, _ = printed(orders(2), 80, monkeypatch, capsys)
    assert "库存不足" in text
    left_out = " ".join(text.partition("(no room for: ")[2].splitlines())
    for name in ("number", "placed at", "stage", "since", "deadline at", "customer", "reason"):
        assert (name in text.splitlines()[0]) is not (name in left_out), name
    assert "no room" not in printed(orders(2), 300, monkeypatch, capsys)[0]


def test_a_pipe_gets_a_row_a_line_and_no_padding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, _ = printed(orders(4), None, monkeypatch, capsys)
    lines = text.splitlines()
    assert len(lines) == 5
    assert all(line == line.rstrip() for line in lines)
    assert len(lines[1]) < 150 < len(lines[2])
    assert LONG.strip() in lines[2]


@given(
    rows=st.lists(
        st.tuples(*[st.from_regex(r"[!-~一-龥é]{0,30}", fullmatch=True)] * 5),
        min_size=1,
        max_size=4,
    ),
    width=st.integers(1, 200),
)
def test_whatever_names_is_found_whole_whatever_the_width(
    rows: list[tuple[str, ...]], width: int
) -> None:
    names = ["number", "stage", "document", "since", "reason"]
    text = "\n".join(laid_out(names, rows, width))
    for row in rows:
        assert row[0] in text
        assert row[2] in text


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(2, 60))
def test_wrapping_loses_nothing_and_keeps_to_its_width(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(cells(line) <= width for line in lines)


STEERING = "\x1b[2J51\n66\r\x9b2J\u202e\ud800"


@pytest.mark.parametrize("as_json", [True, False])
def test_an_order_number_neither_breaks_a_table_nor_steers_the_terminal(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"number": STEERING, "total": Decimal("1.00"), "reason": [STEERING]}
    listing([row], as_json=as_json, zone=ZONE)
    if not as_json:
        say(f"{STEERING}: ready")
    out = capsys.readouterr().out
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800]", out)
    if as_json:
        assert json.loads(out)[0]["number"] == STEERING
    else:
        assert len(out.splitlines()) == 3


@pytest.mark.parametrize("as_json", [True, False])
def test_a_listing_that_ends_early_says_so(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    listing(orders(4), as_json=as_json, zone=ZONE, limit=3)
    shown = capsys.readouterr()
    assert shown.err == "these are the first 3, there are more: see --limit\n"
    assert "135876.00" in shown.out
    assert "135877.00" not in shown.out
    if as_json:
        assert len(json.loads(shown.out)) == 3
    listing(orders(3), as_json=as_json, zone=ZONE, limit=3)
    assert capsys.readouterr().err == ""


def test_no_listing_is_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    output.listing([], as_json=False, zone=ZONE, empty="no such orders")
    assert capsys.readouterr().out == "no such orders\n"
