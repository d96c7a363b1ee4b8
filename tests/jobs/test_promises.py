"""Promises: warned of, kept or broken, whenever one looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.domain.calendar import Timetable
from connector.domain.deadlines import Due, Promise, Promises, due_for
from connector.domain.lifecycle import HoldCause, Stage
from connector.store.changes import Change
from connector.store.database import Database
from connector.store.orders import Orders
from connector.store.promises import PromiseBook
from connector.store.tables import OrderRow
from connector.wording import quoted
from tests.support.stored import hold, move, put_order

NINE = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)  # Tuesday 09:00 in Shanghai
MINUTE = timedelta(minutes=1)


def due_of(promise: Promise, placed_at: datetime, units: str) -> Due:
    # A made-up unit that promises to be slower shows that its own clock counts.
    promises = Promises(recognised=timedelta(minutes=40 if units == "SLOW" else 15))
    return due_for(promise, placed_at, (Timetable(),), promises)


@pytest.fixture
def book(database: Database) -> PromiseBook:
    return PromiseBook(database)


def states(book: PromiseBook, row: OrderRow) -> dict[str, tuple[str, str]]:
    return {each.promise: (each.state, each.cause) for each in book.of_order(row.id)}


def kinds(database: Database, row: OrderRow) -> list[str]:
    events = Orders(database).events(row.id)
    return [each.text for each in events if each.kind.startswith("promise")]


def test_a_promise_is_warned_of_at_its_share_and_broken_after_its_time(
    database: Database, book: PromiseBook
) -> None:
    row = put_order(database, 1, NINE)
    book.follow(due_of, NINE + 11 * MINUTE)
    assert kinds(database, row) == []
    book.follow(due_of, NINE + 12 * MINUTE)
    book.follow(due_of, NINE + 13 * MINUTE)
    assert kinds(database, row) == ["recognised: at risk"]
    assert [each[:2] for each in book.at_risk(NINE + 13 * MINUTE)] == [("recognised", 1)]
    book.follow(due_of, NINE + 15 * MINUTE)
    assert states(book, row)["recognised"] == ("open", "")
    book.follow(due_of, NINE + 16 * MINUTE)
    book.follow(due_of, NINE + 17 * MINUTE)
    assert states(book, row)["recognised"] == ("overdue", "slow")
    assert kinds(database, row) == ["recognised: at risk", "recognised: not kept (slow)"]
    assert book.at_risk(NINE + 17 * MINUTE) == []
    assert book.overdue() == [("slow", 1, NINE + 15 * MINUTE)]
    move(database, row, Stage.RECOGNISED, NINE + 18 * MINUTE)
    book.follow(due_of, NINE + 19 * MINUTE)
    assert states(book, row)["recognised"] == ("late", "slow")
    assert book.overdue() == []


def test_what_became_of_a_promise_does_not_depend_on_when_one_looks(
    database: Database, book: PromiseBook
) -> None:
    kept = put_order(database, 1, NINE)
    late = put_order(database, 2, NINE)
    for row, minutes in ((kept, 15), (late, 16)):
        move(database, row, Stage.READY, NINE + minutes * MINUTE)
    book.follow(due_of, NINE + timedelta(days=3))  # the service was down meanwhile
    assert states(book, kept)["recognised"] == ("kept", "")
    assert states(book, kept)["ready"] == ("kept", "")
    assert states(book, late)["recognised"] == ("late", "slow")
    assert states(book, late)["placed"] == ("kept", "")


@pytest.mark.parametrize("cause", [HoldCause.STOCK, HoldCause.CUSTOMER_REVIEW])
def test_the_cause_is_what_held_the_order_when_it_fell_due(
    database: Database, book: PromiseBook, cause: HoldCause
) -> None:
    row = put_order(database, 1, NINE)
    hold(database, row, cause, NINE + 5 * MINUTE)
    book.follow(due_of, NINE + 20 * MINUTE)
    assert states(book, row)["recognised"] == ("overdue", cause.value)


def test_an_order_that_waits_for_a_system_and_one_pulled_late_say_so(
    database: Database, book: PromiseBook
) -> None:
    waits = put_order(database, 1, NINE)
    waiting = Change(event="waiting", text=quoted("SAP: away"), keep_hold=True, tries=1)
    Orders(database).apply(waits, waiting, "connector", NINE + 3 * MINUTE)
    pulled = put_order(database, 2, NINE, received_at=NINE + 30 * MINUTE)
    book.follow(due_of, NINE + 31 * MINUTE)
    assert states(book, waits)["recognised"] == ("overdue", "system_away")
    assert states(book, pulled)["recognised"] == ("overdue", "late_intake")


def test_a_cancelled_order_owes_nothing_more(database: Database, book: PromiseBook) -> None:
    row = put_order(database, 1, NINE)
    move(database, row, Stage.CANCELLED, NINE + 20 * MINUTE)
    book.follow(due_of, NINE + timedelta(hours=2))
    assert states(book, row) == {
        "recognised": ("late", "slow"),
        "placed": ("void", ""),
        "ready": ("void", ""),
        "released": ("void", ""),
    }


def test_an_order_that_waits_for_its_wave_is_not_at_risk(
    database: Database, book: PromiseBook
) -> None:
    row = put_order(database, 1, NINE)
    move(database, row, Stage.READY, NINE + MINUTE)
    book.follow(due_of, NINE + 175 * MINUTE)  # 11:55
    assert kinds(database, row) == []
    book.follow(due_of, NINE + 191 * MINUTE)
    assert states(book, row)["released"] == ("overdue", "slow")


def test_the_clock_of_its_business_unit_counts_once_it_is_known(
    database: Database, book: PromiseBook
) -> None:
    row = put_order(database, 1, NINE, units="")
    book.follow(due_of, NINE + MINUTE)
    change = Change(
        event="validated", text=quoted(""), stage=Stage.VALID, values={"business_units": "SLOW"}
    )
    Orders(database).apply(row, change, "connector", NINE + MINUTE)
    book.follow(due_of, NINE + 20 * MINUTE)
    assert states(book, row)["recognised"] == ("open", "")
    book.follow(due_of, NINE + 41 * MINUTE)
    assert states(book, row)["recognised"][0] == "overdue"


def test_many_orders_are_followed_page_by_page(database: Database, book: PromiseBook) -> None:
    rows = [put_order(database, number, NINE) for number in range(1, 260)]
    found = book.follow(due_of, NINE + timedelta(hours=2))
    assert (found.watched, found.broken) == (259, 3 * 259)
    assert {state for row in rows[::50] for state, _ in states(book, row).values()} == {
        "overdue", "open"}  # fmt: skip
