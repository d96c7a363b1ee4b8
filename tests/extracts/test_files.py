"""Files: safe in a spreadsheet, the same bytes for the same rows, whole or absent."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.extracts.files import csv_bytes, manifest_bytes, publish, workbook_bytes
from connector.extracts.table import Cell, Column, Kind, Table
from connector.extracts.text import neutral, plain
from connector.extracts.verify import verify

ZONE = ZoneInfo("Asia/Shanghai")
COLUMNS = (
    Column("number", "订单号", "Order"),
    Column("note", "备注", "Note"),
    Column("pieces", "数量", "Pieces", Kind.QUANTITY, total=True),
    Column("total", "金额", "Total", Kind.AMOUNT, total=True),
    Column("day", "日期", "Day", Kind.DATE),
    Column("at", "时间", "At", Kind.TIME),
    Column("rank", "序号", "Rank", Kind.INTEGER),
)
LINK = '=HYPERLINK("http://x")'
AT = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
ROWS: tuple[tuple[Cell, ...], ...] = (
    ("0030", LINK, Decimal("2.500"), Decimal("10.10"), date(2026, 11, 24), AT, 1),
    ("0031", '工地 "A", 第1行\n第2行', Decimal("0.5"), Decimal("0.20"), None, None, None),
)


def table(rows: tuple[tuple[Cell, ...], ...] = ROWS) -> Table:
    return Table("orders", "订单", COLUMNS, rows)


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_csv_is_rfc_4180_with_byte_order_mark_and_times_of_the_business() -> None:
    content = csv_bytes(table(), ZONE)
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\r\n") == 3
    heading, first, second = read(content)
    assert heading == [column.name for column in COLUMNS]
    assert first[:4] == ["0030", f"'{LINK}", "2.5", "10.10"]
    assert first[4:] == ["2026-11-24", "2026-11-24 00:30:00", "1"]
    assert second[1] == '工地 "A", 第1行\n第2行'
    assert second[4:] == ["", "", ""]


@pytest.mark.parametrize(
    "text",
    [
        "=1",
        "+1",
        "-1",
        "@x",
        " =1",
        "\t=1",
        "\r=1",
        "\u3000=1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        "\x00=1",
        "\ufeff=HYPERLINK(1)",
        "\u200b@x",
        "\u200b \ufeff\u00ad+1",
        "\u202e-1",
        "\ufe0f=1",
    ],
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert neutral(text).startswith("'")


@pytest.mark.parametrize("text", ["", "1-2", "a=b", "徐工", "'=1", "(=1)"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert neutral(text) == text


def test_an_amount_among_words_is_a_number_in_csv_and_workbook_and_words_are_not() -> None:
    columns = (Column("number", "订单号", "Order"), Column("dms", "DMS", "DMS"))
    rows = (("31", Decimal("-50.00")), ("32", "-50.00"), ("33", "released"), ("34", None))
    made = Table("differences", "差异", columns, rows)
    _, *lines = read(csv_bytes(made, ZONE))
    assert [line[1] for line in lines] == ["-50.00", "'-50.00", "released", ""]
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes([made], ZONE, "差异")))
    cells = [book["差异"].cell(row, 2) for row in range(3, 7)]
    assert [cell.value for cell in cells] == [-50, "'-50.00", "released", None]
    assert [cell.data_type for cell in cells[:3]] == ["n", "s", "s"]
    assert "0.00" in cells[0].number_format


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_any_text_survives_the_way_through_csv_and_none_begins_a_formula(texts: list[str]) -> None:
    columns = (Column("text", "文", "Text"),)
    rows = tuple((text.encode("utf-8", "replace").decode(),) for text in texts)
    heading, *lines = read(csv_bytes(Table("t", "表", columns, rows), ZONE))
    assert heading == ["text"]
    # A lone empty cell is an empty line, which a reader of CSV passes over.
    assert [line[0] if line else "" for line in lines] == [neutral(row[0]) for row in rows]
    for row in rows:
        assert not neutral(row[0]).lstrip().startswith(("=", "+", "-", "@"))


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12
    )
)
def test_money_never_loses_a_digit(amount: Decimal) -> None:
    assert Decimal(plain(amount, Kind.AMOUNT, ZONE)) == amount
    assert "E" not in plain(amount, Kind.QUANTITY, ZONE)


def test_the_workbook_holds_texts_as_texts_numbers_as_numbers_and_a_total() -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes([table()], ZONE, "订单")))
    sheet = book["订单"]
    values = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert values[0][:2] == ["订单号", "备注"]
    assert values[1][:2] == ["Order", "Note"]
    assert values[2][0] == "0030"
    assert values[2][1] == '\'=HYPERLINK("http://x")'
    assert sheet["B3"].data_type == "s"
    assert values[2][5] == datetime(2026, 11, 24, 0, 30)
    assert values[4][0] == "合计 Total"
    assert values[4][3] == "=SUBTOTAL(109,$D$3:$D$4)"
    content = io.BytesIO(workbook_bytes([table()], ZONE, "订单"))
    cached = openpyxl.load_workbook(content, data_only=True)
    assert cached["订单"]["D5"].value == pytest.approx(10.30)


def test_the_same_rows_make_the_same_bytes() -> None:
    assert csv_bytes(table(), ZONE) == csv_bytes(table(), ZONE)
    first = workbook_bytes([table()], ZONE, "t")
    assert workbook_bytes([table()], ZONE, "t") == first


def test_control_totals_are_exact_sums() -> None:
    many = table(
        tuple(("1", "", Decimal("0.1"), Decimal("0.10"), None, None, 1) for _ in range(10))
    )
    assert many.sums() == {"pieces": Decimal("1.0"), "total": Decimal("1.00")}


SEVERAL = (
    Column("number", "订单号", "Order"),
    Column("pieces", "数量", "Pieces", Kind.QUANTITY, total=True),
    Column("total", "金额", "Total", Kind.AMOUNT, total=True),
    Column("currency", "币种", "Currency", Kind.CURRENCY),
)
IN_SEVERAL: tuple[tuple[Cell, ...], ...] = (
    ("1", Decimal(1), Decimal("100.00"), "CNY"),
    ("2", Decimal(2), Decimal(300000), "JPY"),
    ("3", Decimal(1), Decimal("0.50"), "CNY"),
)


def test_amounts_of_several_currencies_have_a_total_each_and_pieces_one(tmp_path: Path) -> None:
    made = Table("orders", "订单", SEVERAL, IN_SEVERAL)
    assert made.sums() == {
        "pieces": Decimal(4), "total CNY": Decimal("100.50"), "total JPY": Decimal(300000)
    }  # fmt: skip
    content = workbook_bytes([made], ZONE, "订单")
    sheet = openpyxl.load_workbook(io.BytesIO(content), data_only=True)["订单"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=6)]
    assert rows == [["合计 Total CNY", 4, 100.5, ""], ["合计 Total JPY", "", 300000, ""]]
    files = {
        "orders.csv": (csv_bytes(made, ZONE), 3), "orders.xlsx": (content, 3)
    }  # fmt: skip
    written = publish(tmp_path, files)
    manifest = manifest_bytes([made], written, {})
    publish(tmp_path, {"manifest.json": (manifest, 1)})
    assert verify(tmp_path) == []
    other = manifest.replace(b'"total JPY": "300000"', b'"total JPY": "300001"')
    publish(tmp_path, {"manifest.json": (other, 1)})
    (finding,) = verify(tmp_path)
    assert "column total JPY adds up to 300000.00, the manifest says 300001" in finding


def test_amounts_are_shown_with_the_decimals_of_their_currency() -> None:
    columns = (
        Column("amount", "金额", "Amount", Kind.AMOUNT, total=True),
        Column("currency", "币种", "Currency", Kind.CURRENCY),
        Column("words", "内容", "Words"),
    )

    def shown(*currencies: str) -> list[list[str]]:
        rows = tuple((Decimal("1521.306"), each, Decimal("11.306")) for each in currencies)
        sheet = openpyxl.load_workbook(
            io.BytesIO(workbook_bytes([Table("t", "表", columns, rows)], ZONE, "表"))
        ).worksheets[0]
        formats = [
            [str(cell.number_format).partition("_")[0] for cell in line]
            for line in sheet.iter_rows(min_row=3)
        ]
        return [[line[0], line[2]] for line in formats]

    two, none, three = "#,##0.00", "#,##0", "#,##0.000"
    assert shown("CNY", "JPY", "KWD")[:3] == [[two, two], [none, none], [three, three]]
    assert {each for each, _ in shown("CNY", "JPY", "KWD")[3:]} == {two, none, three}
    assert [each for each, _ in shown("KWD", "KWD")] == [three] * 3


def test_what_names_no_currency_is_of_the_only_one_there_is() -> None:
    rows = (*IN_SEVERAL[::2], ("4", Decimal(1), Decimal(7), None))
    assert Table("orders", "订单", SEVERAL, rows).sums()["total"] == Decimal("107.50")
    apart = Table("orders", "订单", SEVERAL, (*IN_SEVERAL, rows[-1])).sums()
    assert apart["total XXX"] == 7


def extract(folder: Path, rows: tuple[tuple[Cell, ...], ...] = ROWS) -> None:
    made = table(rows)
    written = publish(folder, {"orders.csv": (csv_bytes(made, ZONE), len(made.rows))})
    manifest = manifest_bytes([made], written, {"day": "2026-11-24"})
    publish(folder, {"manifest.json": (manifest, 1)})


def forged(folder: Path, change: Callable[[bytes], bytes]) -> list[str]:
    """Write the extract anew, change its file, and give the manifest the hash that then fits."""
    extract(folder)
    file, manifest = folder / "orders.csv", folder / "manifest.json"
    file.write_bytes(change(file.read_bytes()))
    body = json.loads(manifest.read_text("utf-8"))
    body["files"][0]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(body), "utf-8")
    found = verify(folder)
    for path in (file, manifest):
        path.unlink()
    return found


def test_rows_and_totals_are_counted_from_the_files_whatever_their_hash_says(
    tmp_path: Path,
) -> None:
    assert forged(tmp_path, lambda content: content) == []

    def one(change: Callable[[bytes], bytes]) -> str:
        (found,) = forged(tmp_path, change)
        return found

    total = sum((row[3] for row in ROWS if isinstance(row[3], Decimal)), Decimal(0))
    wrong = one(lambda content: content.replace(b"10.10", b"10.11"))
    assert wrong == (
        f"{tmp_path}/orders.csv: column total adds up to {total + Decimal('0.01')}, the manifest"
        f" says {total} — build the extract again"
    )
    assert "column total of row 1 is no number: '1O.10'" in one(
        lambda content: content.replace(b"10.10", b"1O.10")
    )
    assert "has no column total" in one(lambda content: content.replace(b"total", b"summe", 1))
    assert "no byte order mark" in one(lambda content: content[3:])
    more = forged(tmp_path, lambda content: content + b"0032,,1,1.00,,,\r\n")
    assert "has 3 rows, the manifest says 2" in more[0]
    assert "column pieces adds up to" in more[1]
    assert "cells under" in one(lambda content: content + b"1,2\r\n")


def test_an_extract_verifies_and_every_tampering_is_found(tmp_path: Path) -> None:
    assert "there is none" in verify(tmp_path)[0]
    extract(tmp_path)
    assert verify(tmp_path) == []
    file = tmp_path / "orders.csv"
    file.write_bytes(file.read_bytes().replace(b"10.10", b"10.11"))
    assert "changed since it was written" in verify(tmp_path)[0]
    assert "column total adds up to" in verify(tmp_path)[1]
    file.unlink()
    assert "missing" in verify(tmp_path)[0]
    (tmp_path / "manifest.json").write_text("{}")
    assert "unreadable" in verify(tmp_path)[0]


def test_equal_content_is_left_untouched(tmp_path: Path) -> None:
    extract(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    extract(tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_the_manifest_tells_rows_sums_and_hashes(tmp_path: Path) -> None:
    extract(tmp_path)
    body = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert body["day"] == "2026-11-24"
    (told,) = body["tables"]
    assert told["sheet"]["headings"][1] == [column.english for column in COLUMNS]
    assert told | {"sheet": None} == {
        "name": "orders",
        "rows": 2,
        "sums": {"pieces": "3.000", "total": "10.30"},
        "sheet": None,
    }
    assert [len(each["sha256"]) for each in body["files"]] == [64]


def test_a_writer_killed_at_any_moment_leaves_the_old_or_the_new_and_never_half(
    tmp_path: Path,
) -> None:
    script = (
        "import sys; from pathlib import Path; from connector.extracts.files import publish\n"
        "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    publish(Path(sys.argv[1]), {'a.csv': (str(n % 10).encode() * 3_000_000, 1)})\n"
        "    print(n, flush=True)\n"
    )
    file = tmp_path / "a.csv"
    for kills in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(kills + 1):
            assert process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        content = file.read_bytes()
        assert len(content) == 3_000_000
        assert len(set(content)) == 1
