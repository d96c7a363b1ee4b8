"""Settlement: to the cent, closed for good, later changes as adjustments."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from connector.domain.aftersales import SaleKind
from connector.domain.business_unit import assign
from connector.domain.reading import read_order
from connector.domain.settlement import (
    Entry,
    EntryKind,
    Refunded,
    Shipped,
    Statement,
    Terms,
    expected,
    settle,
)
from connector.errors import Misconfigured
from connector.jobs.settlement import Months, Settler
from connector.store.database import Database
from connector.store.daybook import Daybook
from connector.store.files import Files
from connector.store.settlements import Settlements
from connector.store.tables import OrderRow
from tests.support.books import SHOP, UNITS, Books, content

ZONE = ZoneInfo("Asia/Shanghai")
OCTOBER = datetime(2026, 10, 20, 2, 0, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 10, 2, 0, tzinfo=UTC)
TERMS = Terms(fee_percent=Decimal("2"), monthly_fee=Decimal("100"))


class Desk:
    def __init__(self, database: Database, folder: Path) -> None:
        self.now = datetime(2026, 11, 2, tzinfo=UTC)
        self.books = Books(database)
        self.settler = Settler(
            SHOP,
            UNITS,
            lambda: self.now,
            Daybook(database),
            Settlements(database),
            Files(database),
            lambda _unit, _month: TERMS,
            folder / "settlements",
            ZONE,
        )

    def items(self, month: str) -> dict[str, Decimal]:
        statement, _ = self.settler.build("GQ", month)
        found = {kind.value: statement.of(kind) + statement.adjusted(kind) for kind in EntryKind}
        return {name: amount for name, amount in found.items() if amount}

    def hashes(self, month: str) -> list[str]:
        _, written = self.settler.build("GQ", month)
        return [hashlib.sha256(file.path.read_bytes()).hexdigest() for file in written]


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)


def test_a_month_is_settled_to_the_cent_and_each_unit_gets_its_part(desk: Desk) -> None:
    body = content(
        "1", OCTOBER, [("XC-1", "3", "100.00"), ("WJ-1", "1", "300.00")], freight="20.00"
    )
    row = desk.books.order(body, OCTOBER)
    desk.books.shipped(row, "GQ", "SF1", OCTOBER, {1: "1"})
    assert desk.items("2026-10") == {
        "sale": Decimal("33.33"),
        "freight": Decimal("5.00"),
        "fee": Decimal("-100.77"),  # 2 % of 38.33 and the monthly 100
    }
    statement, _ = desk.settler.build("WJ", "2026-10")
    assert statement.due == Decimal("-100")


def test_freight_is_the_units_that_still_delivered_when_the_order_was_released(desk: Desk) -> None:
    body = content("1", OCTOBER, [("XC-1", "1", "113.00"), ("WJ-1", "1", "67.80")], freight="20.34")
    row = desk.books.order(body, OCTOBER)
    desk.books.refunded(row, "r1", OCTOBER + timedelta(hours=1), "67.80", ("2", "1", "67.80"))
    with desk.books.database.transaction() as session:
        session.execute(
            update(OrderRow)
            .where(OrderRow.id == row.id)
            .values(released_at=OCTOBER + timedelta(hours=2))
        )
    desk.books.shipped(row, "GQ", "SF1", OCTOBER + timedelta(hours=3), {1: "1"})
    # What is refunded after the release, of freight too, changes nobody's share.
    desk.books.refunded(row, "r2", OCTOBER + timedelta(hours=4), "10.34")
    statement, _ = desk.settler.build("GQ", "2026-10")
    items = [(each.kind.value, each.amount) for each in statement.entries]
    assert items[:3] == [
        ("sale", Decimal("113.00")), ("freight", Decimal("20.34")), ("refund", Decimal("-10.34")),
    ]  # fmt: skip


def test_a_closed_month_never_changes_and_what_changes_later_is_an_adjustment(desk: Desk) -> None:
    row = desk.books.order(content("1", OCTOBER, [("XC-1", "2", "200.00")]), OCTOBER)
    desk.books.shipped(row, "GQ", "SF1", OCTOBER, {1: "2"})
    assert desk.settler.close("GQ", "2026-10", "finance")
    assert not desk.settler.close("GQ", "2026-10", "finance")
    october = desk.hashes("2026-10")
    desk.now = datetime(2026, 12, 2, tzinfo=UTC)
    # Learned late: another parcel had left in October; and a refund is booked in November.
    second = desk.books.order(content("2", OCTOBER, [("XC-9", "1", "50.00")]), NOVEMBER)
    desk.books.shipped(second, "GQ", "SF2", OCTOBER + timedelta(days=1), {1: "1"})
    desk.books.refunded(row, "r1", NOVEMBER, "80.00", ("1", "1", "80.00"))
    # The books were put right by hand meanwhile; `updated_at` tells that they changed.
    for each in (row, second):
        desk.books.document(each, "invoice", f"I{each.number}", desk.now - timedelta(days=1))
    assert desk.hashes("2026-10") == october
    statement, _ = desk.settler.build("GQ", "2026-11")
    late = {each.reference: each.amount for each in statement.entries if statement.late(each)}
    assert late == {"2/SF2/1": Decimal("50.00")}
    assert statement.of(EntryKind.REFUND) == Decimal("-80.00")
    assert statement.of(EntryKind.FEE) == Decimal("-99.40")  # 2 % of −30 comes back
    assert desk.settler.close("GQ", "2026-11", "finance")
    desk.now = datetime(2027, 1, 2, tzinfo=UTC)
    assert desk.items("2026-12") == {"fee": Decimal("-100")}


def test_no_statement_adds_up_two_currencies(desk: Desk) -> None:
    for number, price, currency in (("1", "300.00", "CNY"), ("2", "30001", "JPY")):
        body = content(number, OCTOBER, [("XC-1", "1", price)]) | {"currency": currency}
        row = desk.books.order(body, OCTOBER)
        desk.books.shipped(row, "GQ", f"SF{number}", OCTOBER, {1: "1"})
    statement, _ = desk.settler.build("GQ", "2026-10")
    assert statement.currencies == ["", "JPY"]
    # 2 % of each, in its own minor unit; the monthly fee is in yuan.
    assert (statement.due, statement.due_in("JPY")) == (Decimal("194.00"), Decimal(29401))
    assert desk.settler.close("GQ", "2026-10", "finance")
    before = desk.hashes("2026-10")
    closed, written = desk.settler.build("GQ", "2026-10")
    assert desk.hashes("2026-10") == before
    assert (closed.due, closed.due_in("JPY")) == (Decimal("194.00"), Decimal(29401))
    workbook, page = (file.path for file in written)
    sheet = openpyxl.load_workbook(workbook)["结算单 Statement"]
    shown = {cell.value for row in sheet.iter_rows() for cell in row}
    assert {194, 29401, "CNY", "JPY"} <= shown
    assert ">29,401<" in page.read_text("utf-8")
    # What was settled once in yen and is not there any more comes back in yen.
    desk.now = datetime(2026, 12, 2, tzinfo=UTC)
    again, _ = desk.settler.build("GQ", "2026-11")
    assert (again.due, again.due_in("JPY")) == (Decimal(-100), Decimal(0))


def test_a_month_that_is_not_over_or_before_a_closed_one_is_refused(desk: Desk) -> None:
    with pytest.raises(Misconfigured, match="not over"):
        desk.settler.build("GQ", "2026-11")
    assert desk.settler.close("GQ", "2026-10", "finance")
    with pytest.raises(Misconfigured, match="2026-10 is closed"):
        desk.settler.build("GQ", "2026-09")
    with pytest.raises(Misconfigured, match="no business unit"):
        desk.settler.build("ZZ", "2026-10")
    with pytest.raises(Misconfigured, match="is no month"):
        desk.settler.build("GQ", "2026-13")


def test_the_files_say_the_same_and_a_draft_says_that_it_is_one(desk: Desk) -> None:
    row = desk.books.order(content("1<b>", OCTOBER, [("XC-1", "2", "1234.50")]), OCTOBER)
    desk.books.shipped(row, "GQ", "SF1", OCTOBER, {1: "2"})
    statement, written = desk.settler.build("GQ", "2026-10")
    page = written[1].path.read_text("utf-8")
    assert "草稿 DRAFT" in page
    assert "1,234.50" in page
    assert f"{statement.due:,.2f}" in page
    book = openpyxl.load_workbook(written[0].path)
    values = [cell.value for line in book["结算单 Statement"].iter_rows() for cell in line]
    assert float(statement.due) in values
    assert book["明细 Entries"]["C3"].value == "1<b>/SF1/1"
    assert desk.hashes("2026-10") == desk.hashes("2026-10")
    desk.settler.close("GQ", "2026-10", "finance")
    assert "草稿" not in written[1].path.read_text("utf-8")


def test_the_month_is_drafted_once_it_is_over() -> None:
    months = Months(ZONE, datetime(2026, 1, 1, 3).time())
    begin = datetime(2026, 10, 5, tzinfo=UTC)
    end = datetime(2026, 10, 31, 16, 0, tzinfo=UTC)
    assert list(months.due(begin, end + timedelta(hours=2, minutes=59))) == []
    (window,) = months.due(begin, end + timedelta(hours=3))
    assert window.end == end
    assert list(months.due(end, end + timedelta(days=20))) == []
    assert len(months.due(end, end + timedelta(days=70))) == 2


LINES = st.lists(
    st.tuples(
        st.sampled_from(["XC-1", "XC-2", "WJ-1"]),
        st.integers(1, 7),
        st.integers(1, 100_000),
    ),
    min_size=1,
    max_size=4,
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[dict[str, object], list[Shipped], list[Refunded]]:
    lines = draw(LINES)
    goods = [(sku, str(quantity), str(Decimal(cents) / 100)) for sku, quantity, cents in lines]
    body = content("7", OCTOBER, goods, freight=str(Decimal(draw(st.integers(0, 5000))) / 100))
    left = {number: line[1] for number, line in enumerate(lines, start=1)}
    shipments = []
    for index in range(draw(st.integers(0, 4))):
        number = draw(st.sampled_from(sorted(left)))
        pieces = draw(st.integers(0, left[number]))
        left[number] -= pieces
        at = OCTOBER + timedelta(days=draw(st.integers(0, 80)))
        shipments.append(Shipped(f"S{index}", at, {number: Decimal(pieces)}))
    refunds = []
    for index in range(draw(st.integers(0, 3))):
        number = draw(st.sampled_from(sorted(left)))
        amount = Decimal(draw(st.integers(1, lines[number - 1][2]))) / 100
        at = OCTOBER + timedelta(days=draw(st.integers(0, 80)))
        refunds.append(Refunded(f"R{index}", draw(st.sampled_from(SaleKind)), at, {number: amount}))
    return body, shipments, refunds


@settings(max_examples=60)
@given(histories(), st.lists(st.booleans(), min_size=4, max_size=4))
def test_whatever_is_learned_when_all_months_together_are_what_the_books_show(
    history: tuple[dict[str, object], list[Shipped], list[Refunded]], known: list[bool]
) -> None:
    """A shipment that is learned months late ends in an adjustment: the sum stays right."""
    body, shipments, refunds = history
    order, _ = read_order(body, shop=SHOP)
    assert order is not None
    order = assign(order, tuple(UNITS.values()))[0]
    accounted: dict[tuple[str, str, str], Decimal] = {}
    total = Decimal(0)
    months = ["2026-10", "2026-11", "2026-12", "2027-01"]
    for month in months:
        end = datetime(2026 + (month == "2027-01"), int(month[-2:]) % 12 + 1, 1, tzinfo=ZONE)
        end = end if int(month[-2:]) < 12 else datetime(2027, 1, 1, tzinfo=ZONE)
        last = month == months[-1]
        seen = [
            each
            for index, each in enumerate(shipments)
            if each.at < end and (last or known[index % len(known)])
        ]
        booked = [each for each in refunds if each.at < end]
        shown = expected(order, "GQ", seen, booked, Terms(), ZONE) if seen else []
        made = settle(month, shown, accounted)
        for each in made:
            key = (each.kind.value, each.reference, each.currency)
            accounted[key] = accounted.get(key, Decimal(0)) + each.amount
            total += each.amount
    truth = expected(order, "GQ", shipments, refunds, Terms(), ZONE) if shipments else []
    assert total == sum((each.amount for each in truth), Decimal(0))


def test_a_refund_of_what_never_left_costs_the_unit_nothing() -> None:
    order, _ = read_order(content("7", OCTOBER, [("XC-1", "2", "100.00")]), shop=SHOP)
    assert order is not None
    order = assign(order, tuple(UNITS.values()))[0]
    shipments = [Shipped("S", OCTOBER, {1: Decimal(1)})]
    refund = Refunded("R", SaleKind.REFUND, NOVEMBER, {1: Decimal(50)})
    shown = expected(order, "GQ", shipments, [refund], Terms(), ZONE)
    assert [(each.kind, each.amount) for each in shown] == [(EntryKind.SALE, Decimal("50.00"))]
    more = replace(refund, amounts={1: Decimal(70)})
    shown = expected(order, "GQ", shipments, [more], Terms(), ZONE)
    assert shown[-1].amount == Decimal(-20)


def test_statement_tells_the_month_from_adjustments() -> None:
    entries = (
        Entry(EntryKind.SALE, "a", "1", "2026-11", Decimal(5)),
        Entry(EntryKind.SALE, "b", "1", "2026-10", Decimal(3)),
    )
    statement = Statement("GQ", "2026-11", entries, Terms())
    assert statement.of(EntryKind.SALE) == 5
    assert statement.adjusted(EntryKind.SALE) == 3
    assert statement.due == 8
