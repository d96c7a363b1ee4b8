"""The day's extract: whole or absent, columns by mapping, harmless to loaders and spreadsheets."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import psycopg
import pytest
from openpyxl import Workbook

from connector.domain.calendar import Timetable
from connector.domain.deadlines import Promises
from connector.domain.lifecycle import Owner
from connector.domain.reconciliation import Difference, Kind, State
from connector.errors import Misconfigured
from connector.extracts.day import Day, write_day
from connector.extracts.records import Clerk, Record, of_difference
from connector.extracts.summary import BookSums
from connector.extracts.verify import verify
from connector.mapping import load
from connector.store.database import Database
from connector.store.daybook import Daybook
from connector.store.invoices import missing_of
from connector.wording import both, quoted
from tests.support import postgres
from tests.support.books import SHOP, UNITS, Books, content

ZONE = ZoneInfo("Asia/Shanghai")
BEGIN, END = datetime(2026, 11, 23, 7, tzinfo=UTC), datetime(2026, 11, 24, 7, tzinfo=UTC)
PLACED = datetime(2026, 11, 24, 2, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 24, 16, tzinfo=UTC)
WILD = '=HYPERLINK("http://x","y")'
DAY = Day(
    date(2026, 11, 24), BEGIN, END, END,
    (BookSums("storefront", Decimal(5), None), BookSums("connector", Decimal(5), Decimal(5))),
)  # fmt: skip


def difference(number: str, age: int) -> Difference:
    zero = Decimal(0)
    return Difference(
        1, number, 0, "", Kind.AMOUNT, "total", Decimal("1.10"), Decimal("1.00"), None, None,
        Decimal("0.10"), zero, zero, zero, zero, Owner.BU_FINANCE, PLACED, date(2026, 11, 20), age,
        State.KNOWN, WILD, "", quoted(""), False,
    )  # fmt: skip


class Desk:
    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder / 'connector.db'}")
        self.database.upgrade()
        self.books = Books(self.database)
        self.mappings = folder / "mappings"
        shutil.copytree("mappings", self.mappings)
        self.folder = folder / "2026-11-24"

    def records(self) -> Iterator[tuple[str, Record]]:
        daybook = Daybook(self.database)
        clerk = Clerk(
            tuple(UNITS.values()), lambda _units: (Timetable(),), Promises(),
            since=MIDNIGHT - timedelta(days=1), until=MIDNIGHT, cut=END,
        )  # fmt: skip
        for kept in daybook.placed(SHOP, BEGIN, END):
            yield from clerk.of_order(kept)
        for kept in daybook.came_later(SHOP, BEGIN, clerk.since, clerk.until):
            yield from clerk.of_earlier(kept)
        for row, documents in daybook.applied(SHOP, END, MIDNIGHT):
            missing = missing_of(row, documents)
            for document in documents:
                if document.number in missing:
                    amount = missing[document.number]
                    yield clerk.of_application(row, document, amount, row.placed_at <= BEGIN)
        for number, age in (("0001", 0), ("0001", 4), ("0001", 30)):
            yield of_difference(difference(number, age), both)

    def write(self) -> None:
        write_day(DAY, self.records(), load(self.mappings), self.folder, ZONE)

    def rows(self, table: str) -> list[dict[str, str]]:
        text = (self.folder / f"{table}.csv").read_text("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    lines = [("XC-1", "3", "100.00"), ("XC-2", "1", "9.90")]
    row = made.books.order(content("0001", PLACED, lines, freight="8.00", note=WILD), PLACED)
    made.books.shipped(row, "GQ", "00123456789012345678", PLACED, {1: "3"})
    made.books.document(row, "invoice_application", "IA1", PLACED)
    made.books.refunded(row, "R1", PLACED, "12.00", ("1", "1", "10.00"))
    yield made
    made.database.close()


def test_an_extract_is_whole_and_equal_books_make_equal_bytes(desk: Desk) -> None:
    desk.write()
    assert verify(desk.folder) == []
    before = {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in desk.folder.iterdir()
    }
    assert len(before) == 11
    desk.write()
    assert {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in desk.folder.iterdir()
    } == before


def test_lines_add_up_to_orders_and_a_partial_refund_stands_line_by_line(desk: Desk) -> None:
    desk.write()
    (order,) = desk.rows("orders")
    assert sum(Decimal(line["amount"]) for line in desk.rows("lines")) == Decimal(order["goods"])
    assert Decimal(order["goods"]) + Decimal(order["freight"]) == Decimal(order["total"])
    refunds = desk.rows("refunds")
    assert [(each["line"], each["quantity"], each["amount"]) for each in refunds] == [
        ("1", "1", "10.00"),
        ("", "", "2.00"),
    ]
    assert order["refunded"] == "12.00"


def test_an_invoice_applied_for_and_not_issued_is_listed_until_it_is(desk: Desk) -> None:
    desk.write()
    (row,) = desk.rows("invoices")
    assert (row["state"], row["application"], row["gross"]) == ("未开票 not issued", "IA1", "")
    order = desk.books.orders.by_number("0001")
    assert order is not None
    amounts = {"net": "1.00", "tax": "0.13", "gross": "1.13"}
    desk.books.document(order, "invoice", "00000001", PLACED, **amounts)
    desk.write()
    (row,) = desk.rows("invoices")
    assert (row["state"], row["invoice_number"]) == ("已开票 issued", "00000001")


def test_what_came_for_an_earlier_order_stands_in_this_day_and_no_other(desk: Desk) -> None:
    early = BEGIN - timedelta(days=3)
    row = desk.books.order(content("0000", early, [("XC-1", "2", "50.00")]), early)
    desk.books.shipped(row, "GQ", "A", MIDNIGHT - timedelta(days=1), {1: "1"})
    desk.books.shipped(row, "GQ", "B", MIDNIGHT, {1: "1"})
    desk.books.shipped(row, "GQ", "C", MIDNIGHT + timedelta(seconds=1), {1: "1"})
    desk.write()
    earlier = [each["tracking_number"] for each in desk.rows("shipments") if each["earlier"]]
    assert earlier == ["B"]
    assert len(desk.rows("orders")) == 1


def test_it_changes_columns_without_code(desk: Desk) -> None:
    file = desk.mappings / "extract_orders.yaml"
    text = file.read_text("utf-8")
    kept = [line for line in text.splitlines() if "field: shop," not in line]
    kept.append("  - {field: remark, source: content.note, column: {zh: 备注, en: Remark}}")
    file.write_text("\n".join(kept).replace("field: number,", "field: order_no,"), "utf-8")
    desk.write()
    (order,) = desk.rows("orders")
    assert "shop" not in order
    assert (order["order_no"], order["remark"]) == ("0001", f"'{WILD}")


def test_a_layout_that_does_not_fit_leaves_the_extract_as_it_was(desk: Desk) -> None:
    desk.write()
    before = {path.name: path.read_bytes() for path in desk.folder.iterdir()}
    file = desk.mappings / "extract_orders.yaml"
    text = file.read_text("utf-8").replace("source: goods", "source: stage")
    file.write_text(text, "utf-8")
    with pytest.raises(Misconfigured, match=r"extract_orders.*goods: 'released' is no amount"):
        desk.write()
    assert {path.name: path.read_bytes() for path in desk.folder.iterdir()} == before


def test_the_workbook_has_a_summary_a_chart_filters_and_colours_by_age(desk: Desk) -> None:
    desk.write()
    book = openpyxl.load_workbook(desk.folder / "extract-2026-11-24.xlsx")
    assert book.sheetnames[0] == "汇总 Summary"
    with zipfile.ZipFile(desk.folder / "extract-2026-11-24.xlsx") as parts:
        assert sum("charts/chart" in name for name in parts.namelist()) == 2
    sheet = book["差异 Differences"]
    assert sheet.freeze_panes == "B3"
    assert sheet.auto_filter.ref is not None
    formulas = [rule.formula[0] for each in sheet.conditional_formatting for rule in each.rules]
    assert [each.rpartition(">=")[2] for each in formulas] == ["8", "3", "1"]
    shipments = book["发货 Shipments"]
    tracking = next(cell for cell in shipments[3] if cell.value == "00123456789012345678")
    assert tracking.data_type == "s"
    for each in book:
        for row in each.iter_rows(min_row=3):
            assert all(
                cell.data_type != "f" or str(cell.value).startswith("=SUBTOTAL(109,")
                for cell in row
            )


def test_the_summary_adds_up_no_two_currencies(desk: Desk) -> None:
    yen = content("0002", PLACED, [("XC-1", "1", "30000")]) | {"currency": "JPY"}
    desk.books.order(yen, PLACED)
    desk.write()
    assert verify(desk.folder) == []
    sheet = openpyxl.load_workbook(desk.folder / "extract-2026-11-24.xlsx")["汇总 Summary"]
    shown = {cell.value for row in sheet.iter_rows() for cell in row}
    assert {"订单金额 Ordered CNY", "订单金额 Ordered JPY", 117.9, 30000} <= shown
    assert 30117.9 not in shown
    manifest = json.loads((desk.folder / "manifest.json").read_text("utf-8"))
    sums = {each["name"]: each["sums"] for each in manifest["tables"]}
    assert sums["orders"]["total CNY"] == "117.90"
    assert Decimal(sums["orders"]["total JPY"]) == 30000
    assert Decimal(sums["lines"]["amount JPY"]) == 30000


def tampered(desk: Desk, change: Callable[[Workbook], object]) -> list[str]:
    """Change the workbook as a person does, and give the manifest the hash that then fits."""
    desk.write()
    path, manifest = desk.folder / "extract-2026-11-24.xlsx", desk.folder / "manifest.json"
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    book = openpyxl.load_workbook(path)
    change(book)
    book.save(path)
    after = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(manifest.read_text("utf-8").replace(before, after), "utf-8")
    end = " — build the extract again"
    return [each.removeprefix(f"{path}: ").removesuffix(end) for each in verify(desk.folder)]


def cell(sheet: str, place: str, value: Any) -> Callable[[Workbook], object]:
    return lambda book: book[sheet].__setitem__(place, value)


ORDERS, INVOICES = "订单 Orders", "发票 Invoices"
TAMPERED: list[tuple[Callable[[Workbook], object], str]] = [
    (cell(ORDERS, "Q3", 117.91),
     "sheet 订单 Orders, row 3, column total (Q3): the number 117.91, orders.csv has '117.90'"),
    (cell(ORDERS, "A3", 1),
     "sheet 订单 Orders, row 3, column number (A3): the number 1, orders.csv has '0001'"),
    (cell(ORDERS, "C3", datetime(2026, 11, 24, 10, 1)),
     "sheet 订单 Orders, row 3, column placed_at (C3): the number 46350.41736111111, orders.csv has"
     " '2026-11-24 10:00:00'"),
    (cell(ORDERS, "F3", "call 13812345678"),
     "sheet 订单 Orders, row 3, column stage (F3): 'call 138****5678', orders.csv has 'released'"),
    (cell(ORDERS, "Q3", "=117.9"),
     "sheet 订单 Orders, row 3, column total (Q3): the formula '=117.9' that shows nothing,"
     " orders.csv has '117.90'"),
    (cell(ORDERS, "Q3", None),
     "sheet 订单 Orders, row 3, column total (Q3): nothing, orders.csv has '117.90'"),
    (cell(ORDERS, "Q4", 117.9),
     "sheet 订单 Orders, row 4, column total (Q4): the number 117.9, where"
     " SUBTOTAL(109,$Q$3) should stand"),
    (cell(ORDERS, "Q5", 7),
     "sheet 订单 Orders, row 5, column total (Q5): the number 7, where nothing should stand"),
    (cell(ORDERS, "Q2", "Net"),
     "sheet 订单 Orders, row 2, column total (Q2): 'Net', the manifest says 'Total'"),
    (cell("汇总 Summary", "C5", 118.9),
     "sheet 汇总 Summary, cell C5: the number 118.9, the manifest says '117.9'"),
    (cell("汇总 Summary", "C5", None),
     "sheet 汇总 Summary, cell C5: empty, the manifest says '117.9'"),
    (lambda book: book.create_sheet("More").sheet_properties, "sheet More: is of no table"),
    (lambda book: book.remove(book[ORDERS]), "sheet 订单 Orders: missing"),
    (lambda book: book[INVOICES].delete_rows(3),
     "sheet 发票 Invoices, row 3, column number (A3): '合计 Total', invoices.csv has '0001'"),
]  # fmt: skip


def test_a_workbook_that_a_person_saved_again_agrees_as_long_as_its_figures_do(
    desk: Desk,
) -> None:
    assert tampered(desk, lambda book: None) == []


def test_a_figure_that_was_changed_in_the_workbook_is_named(desk: Desk) -> None:
    for change, finding in TAMPERED:
        assert finding in tampered(desk, change)


def test_a_workbook_that_cannot_be_read_is_named(desk: Desk) -> None:
    desk.write()
    path = desk.folder / "extract-2026-11-24.xlsx"
    path.write_bytes(path.read_bytes()[:-100])
    assert any("cannot be read: File is not a zip file" in each for each in verify(desk.folder))


def test_postgresql_copy_loads_every_table_unharmed(
    desk: Desk, postgres_server: postgres.Server
) -> None:
    desk.write()
    url = postgres_server.create()
    with psycopg.connect(url.replace("+psycopg", "")) as link:
        for path in sorted(desk.folder.glob("*.csv")):
            rows = desk.rows(path.stem)
            heading = path.read_text("utf-8-sig").splitlines()[0].split(",")
            columns = ", ".join(f'"{name}" text' for name in heading)
            link.execute(f'CREATE TABLE "{path.stem}" ({columns})')
            data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
            with link.cursor().copy(
                f'COPY "{path.stem}" FROM STDIN WITH (FORMAT csv, HEADER match)'
            ) as copy:
                copy.write(data)
            found = link.execute(f'SELECT * FROM "{path.stem}"').fetchall()
            told: list[tuple[Any, ...]] = [
                tuple(each[name] or None for name in heading) for each in rows
            ]
            assert found == told, path.name
    postgres_server.drop(url)
