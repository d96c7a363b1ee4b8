"""Differences over reruns: new, known, explained, solved."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta

from connector.domain.lifecycle import Owner
from connector.domain.reconciliation import Book, Difference, Rules, State
from connector.store.books import open_books
from connector.store.comparison import compare
from connector.store.database import Database
from connector.store.reconciliation import Differences, Window
from connector.wording import quoted
from tests.reconcile.test_planted import ALL, SPAN, ZONE
from tests.reconcile.world import END, START, Case, fill, make

NEXT = Window(END, END + timedelta(days=1))
EVERY = tuple(state.value for state in State)


def one(change: Callable[[Case], None] | None = None) -> Case:
    case = make(1, random.Random(5))
    if change is not None:
        change(case)
    return case


def compared(
    database: Database, case: Case, span: Window = SPAN, asked: tuple[Book, ...] = ALL
) -> list[Difference]:
    differences = Differences(database, "shop", ZONE)
    with open_books(database, "shop") as books:
        fill(books, [case])
        sums = books.sums()
        compare(books.connection, Rules(), date(2026, 11, 24), (Book.STOREFRONT, *asked))
        differences.merge(books, span, sums, span.end + timedelta(hours=10), asked)
    return differences.listed(span.end, states=EVERY)


def dearer(amount: int) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        order = case.orders[Book.DMS][0]
        case.order(Book.DMS, total=order.total + amount)

    return change


def test_a_rerun_of_the_same_day_leaves_it_new(database: Database) -> None:
    (first,) = compared(database, one(dearer(50_000)))
    (again,) = compared(database, one(dearer(50_000)))
    assert first == again
    assert first.state is State.NEW
    assert first.age == 0
    assert first.owner is Owner.BU_FINANCE


def test_what_is_still_there_the_next_day_is_known_and_ages(database: Database) -> None:
    compared(database, one(dearer(50_000)))
    (known,) = compared(database, one(dearer(50_000)), NEXT)
    assert known.state is State.KNOWN
    assert known.age == 1
    differences = Differences(database, "shop", ZONE)
    (carried,) = differences.of_window(NEXT)
    assert carried.carried
    assert carried.state is State.KNOWN
    # The extract of the day itself, built again later, still says what was new then.
    (own,) = differences.of_window(SPAN)
    assert (own.carried, own.state) == (False, State.NEW)


def test_what_agrees_again_is_solved_and_its_explanation_stays(database: Database) -> None:
    (found,) = compared(database, one(dearer(50_000)))
    differences = Differences(database, "shop", ZONE)
    explained = differences.explain(found.id, "credit note", "ops:mei", END)
    assert explained is not None
    assert explained.state is State.EXPLAINED
    (solved,) = compared(database, one())
    assert (solved.state, solved.explanation) == (State.SOLVED, "credit note")
    assert list(differences.of_window(SPAN)) == []
    assert differences.explain(found.id, "too late", "ops:mei", END) is None


def test_an_explanation_holds_as_long_as_the_values_stay(database: Database) -> None:
    (found,) = compared(database, one(dearer(50_000)))
    differences = Differences(database, "shop", ZONE)
    differences.explain(found.id, "credit note", "ops:mei", END)
    (same,) = compared(database, one(dearer(50_000)), NEXT)
    assert same.state is State.EXPLAINED
    assert list(differences.carried(START + timedelta(days=2))) == []
    (other,) = compared(database, one(dearer(70_000)), NEXT)
    assert (other.state, other.explanation) == (State.KNOWN, "credit note")
    assert list(differences.carried(START + timedelta(days=2))) == [one().number]


def test_a_book_that_was_not_asked_solves_nothing(database: Database) -> None:
    compared(database, one(dearer(50_000)))
    (still,) = compared(database, one(), asked=(Book.SAP,))
    assert still.state is State.NEW


def test_rounding_and_cancelled_orders_need_nobody_the_next_night(database: Database) -> None:
    compared(database, one(dearer(100)))
    differences = Differences(database, "shop", ZONE)
    (found,) = differences.of_window(SPAN)
    assert found.kind == "rounding"
    assert found.owner is Owner.NOBODY
    assert list(differences.carried(END)) == []


def test_orders_that_another_comparison_is_about_stay_as_they_were(database: Database) -> None:
    compared(database, one(dearer(50_000)))
    other = make(2, random.Random(6))
    found = compared(database, other, NEXT)
    assert [each.state for each in found] == [State.NEW]


def test_what_cannot_be_compared_is_told_of_and_solves_nothing(database: Database) -> None:
    compared(database, one(dearer(50_000)))
    differences = Differences(database, "shop", ZONE)
    with open_books(database, "shop") as books:
        fill(books, [one()])
        books.leave_out(one().number)
        compare(books.connection, Rules(), date(2026, 11, 24), (Book.STOREFRONT, *ALL))
        books.tell("not_compared", {one().number: quoted("the DMS cannot read it")})
        differences.merge(books, SPAN, {}, END, ALL)
    told = {each.kind.value: each for each in differences.of_window(SPAN)}
    assert set(told) == {"amount", "not_compared"}
    assert told["not_compared"].detail == "the DMS cannot read it"


def test_an_order_that_we_lack_stays_open_while_nobody_can_be_asked(database: Database) -> None:
    case = one()
    case.forget(Book.CONNECTOR)
    (lost,) = compared(database, case)
    assert lost.kind == "missing_connector"
    # The next night knows only its number: the storefront can be asked by its own ids alone.
    with open_books(database, "shop") as books:
        books.include([case.number], carried=True)
        compare(books.connection, Rules(), date(2026, 11, 25), (Book.STOREFRONT, *ALL))
        Differences(database, "shop", ZONE).merge(books, NEXT, {}, NEXT.end, ALL)
    (still,) = Differences(database, "shop", ZONE).listed(END, states=EVERY)
    assert still.state is State.NEW
