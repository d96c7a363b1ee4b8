"""What finance's files say of a day adds up to what each book says: the orders and differences."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given, settings
from sqlalchemy import delete, select, update

from connector.domain.calendar import Timetable
from connector.domain.deadlines import Promises
from connector.domain.lifecycle import Owner, Stage
from connector.domain.reconciliation import Book, BookDocument, Difference, Kind, Rules, State
from connector.extracts.day import Day, write_day
from connector.extracts.records import Clerk, of_difference
from connector.extracts.verify import verify
from connector.mapping import load
from connector.store.books import open_books
from connector.store.comparison import compare
from connector.store.database import Database
from connector.store.daybook import Daybook
from connector.store.our_book import OurBook
from connector.store.reconciliation import Differences, Window
from connector.store.shared import share_out
from connector.store.tables import Base, DocumentRow, LineRow, OrderRow
from connector.wording import both, quoted
from tests.reconcile.test_planted import DAYS, several
from tests.reconcile.world import DAY, END, START, Case, make
from tests.support import books as ours
from tests.support.books import SHOP, UNITS, content

ZONE = ZoneInfo("Asia/Shanghai")
SPAN = Window(START, END)
MIDNIGHT = datetime(2026, 11, 24, 16, tzinfo=UTC)
MERGED = "00009999"
MAPPINGS = load(Path("mappings"))


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """The daily examples are looked at on one database."""
    made = Database(f"sqlite:///{tmp_path / 'connector.db'}")
    made.upgrade()
    yield made
    made.close()


def money(scaled: int) -> Decimal:
    return Decimal(scaled) / 10_000


def hold(database: Database, case: Case) -> None:
    """Put a case's order into our store, as the case has it in our book."""
    if not case.orders[Book.CONNECTOR]:
        return
    order, lines = case.ours, case.lines[Book.CONNECTOR]
    assert order.placed_at is not None
    goods = sum(line.amount for line in lines)
    body = content(
        order.number,
        order.placed_at,
        [(line.sku, str(money(line.quantity)), str(money(line.amount))) for line in lines],
        freight=str(money(order.total - goods)),
    ) | {"order_id": order.part}
    made = ours.Books(database)
    row = made.order(body, order.placed_at, Stage(order.stage))
    with database.transaction() as session:
        session.execute(
            update(OrderRow)
            .where(OrderRow.id == row.id)
            .values(
                payment_state=order.payment,
                customer_number=order.customer,
                hold_cause=order.hold or None,
                hold_reasons=["a reason"] if order.hold else None,
            )
        )
        for line in lines:
            session.execute(
                update(LineRow)
                .where(LineRow.order_pk == row.id, LineRow.number == line.line)
                .values(
                    unit_price=money(line.unit_price),
                    discount=money(line.discount),
                    subsidy=money(line.subsidy),
                    shipped=money(line.shipped),
                )
            )
    for document in case.documents[Book.CONNECTOR]:
        detail = {
            name: str(money(getattr(document, name))) for name in ("net", "tax", "gross")
        } | {"date": document.day}  # fmt: skip
        if document.kind == "sales_order":
            detail = {"total": str(money(document.gross))}
        made.document(row, document.kind, document.document, order.placed_at, **detail)


def merged(cases: Sequence[Case]) -> None:
    """Let two orders share one invoice: the DMS and SAP show all of it with each."""
    parts = [case.document(Book.CONNECTOR, "invoice") for case in cases]
    whole = {name: sum(getattr(each, name) for each in parts) for name in ("net", "tax", "gross")}
    for case in cases:
        case.change(Book.CONNECTOR, "invoice", document=MERGED)
        for book in (Book.DMS, Book.SAP):
            case.change(book, "invoice", document=MERGED, **whole)


def share_ours(database: Database) -> None:
    """Note the shares of a merged invoice as the news of it do."""
    with database.transaction() as session:
        found = session.execute(
            select(DocumentRow, OrderRow)
            .join(OrderRow, OrderRow.id == DocumentRow.order_pk)
            .where(DocumentRow.number == MERGED)
        ).all()
        names = ("net", "tax", "gross")
        whole = {
            name: str(sum((Decimal(each.detail[name]) for each, _ in found), Decimal(0)))
            for name in names
        }
        numbers = [order.number for _, order in found]
        for document, order in found:
            document.detail = {
                **document.detail,
                "whole": whole,
                "shared_with": [each for each in numbers if each != order.number],
                "first": order.number == min(numbers),
            }


def theirs(cases: Sequence[Case]) -> dict[str, Decimal]:
    """Return what the other books come to, a merged invoice once."""

    def invoiced(book: Book) -> int:
        rows: list[BookDocument] = [
            each
            for case in cases
            for each in case.documents[book]
            if each.kind == "invoice" and each.live
        ]
        once = {each.document: each.gross for each in rows if each.document == MERGED}
        return sum(each.gross for each in rows if each.document not in once) + sum(once.values())

    return {
        "ordered_storefront": money(
            sum(order.total for case in cases for order in case.orders[Book.STOREFRONT])
        ),
        "ordered_dms": money(sum(order.total for case in cases for order in case.orders[Book.DMS])),
        "invoiced_dms": money(invoiced(Book.DMS)),
        "invoiced_sap": money(invoiced(Book.SAP)),
    }


def night(database: Database, cases: Sequence[Case], folder: Path) -> None:
    """Compare the day and write its files."""
    differences = Differences(database, SHOP, ZONE)
    with open_books(database, SHOP) as books:
        books.include(case.number for case in cases)
        for book in (Book.STOREFRONT, Book.DMS, Book.SAP):
            for case in cases:
                rows = case.orders[book], case.lines[book], case.documents[book]
                books.put(book, *rows)
        OurBook(books).put(START, END, ZONE)
        share_out(books)
        sums = books.sums()
        compare(books.connection, Rules(), date.fromisoformat(DAY))
        differences.merge(books, SPAN, sums, END, (Book.DMS, Book.SAP))
    clerk = Clerk(
        tuple(UNITS.values()), lambda _units: (Timetable(),), Promises(),
        since=MIDNIGHT - timedelta(days=1), until=MIDNIGHT, cut=END,
    )  # fmt: skip
    placed = Daybook(database).placed(SHOP, START, END)
    records = [record for kept in placed for record in clerk.of_order(kept)]
    records += [of_difference(each, both) for each in differences.of_window(SPAN)]
    write_day(Day(date.fromisoformat(DAY), START, END, END), records, MAPPINGS, folder, ZONE)


def added_up(folder: Path, table: str, column: str) -> Decimal:
    with (folder / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
        return sum(
            (Decimal(row[column] or 0) for row in csv.DictReader(file) if not row["earlier"])
            if table != "orders"
            else (Decimal(row[column] or 0) for row in csv.DictReader(file)),
            Decimal(0),
        )


def files_add_up(day: list[tuple[int, list[int]]], database: Database, folder: Path) -> None:
    with database.transaction() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(delete(table))
    cases = [
        several(make(at, random.Random(seed)), plants) for at, (seed, plants) in enumerate(day)
    ]
    together = [make(len(cases) + at, random.Random(at)) for at in range(2)]
    merged(together)
    cases += together
    for case in cases:
        hold(database, case)
    share_ours(database)
    night(database, cases, folder)
    assert verify(folder) == []
    expected = theirs(cases)
    ordered = added_up(folder, "orders", "total")
    invoiced = added_up(folder, "invoices", "gross")
    assert invoiced == added_up(folder, "orders", "invoiced")
    for column, sum_ in expected.items():
        base = ordered if column.startswith("ordered") else invoiced
        assert base + added_up(folder, "differences", column) == sum_, column


@settings(max_examples=8)
@given(day=DAYS)
def test_the_files_of_a_day_add_up_to_every_book(
    day: list[tuple[int, list[int]]], sqlite: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files_add_up(day, sqlite, tmp_path_factory.mktemp("day"))


@pytest.mark.long
@settings(max_examples=40)
@given(day=DAYS)
def test_the_files_of_many_days_add_up_to_every_book(
    day: list[tuple[int, list[int]]], database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files_add_up(day, database, tmp_path_factory.mktemp("day"))


def test_a_negative_amount_of_a_book_is_a_number_in_the_day_and_verifies(tmp_path: Path) -> None:
    difference = Difference(
        id=1, number="31", line=0, document="", kind=Kind.AMOUNT, field="total",
        storefront=Decimal("50.00"), connector=Decimal("-50.00"), dms="-50.00", sap=None,
        amount=Decimal("100.00"), ordered_storefront=Decimal("-100.00"), ordered_dms=Decimal(0),
        invoiced_dms=Decimal(0), invoiced_sap=Decimal(0), owner=Owner.OPS, placed_at=START,
        since=date.fromisoformat(DAY), age=0, state=State.NEW, explanation="", explained_by="",
        detail=quoted("-1 of them"), carried=False,
    )  # fmt: skip
    day = Day(date.fromisoformat(DAY), START, END, END)
    write_day(day, [of_difference(difference, both)], MAPPINGS, tmp_path, ZONE)
    assert verify(tmp_path) == []
    with (tmp_path / "differences.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["connector"], row["ordered_storefront"]) == ("-50.00", "-100.00")
    assert (row["dms"], row["detail"]) == ("'-50.00", "'-1 of them")
    book = openpyxl.load_workbook(next(tmp_path.glob("*.xlsx")))
    shown = [cell.value for line in book["差异 Differences"].iter_rows() for cell in line]
    assert -50 in shown
    assert "'-50.00" in shown
