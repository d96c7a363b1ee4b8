"""Known differences are planted into books that agree: exactly those are found, none more."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connector.domain.reconciliation import Book, Difference, Kind, Rules
from connector.sections import ReconciliationSection
from connector.store.books import Books, open_books
from connector.store.comparison import compare
from connector.store.database import Database
from connector.store.reconciliation import Differences, Window
from tests.reconcile.world import (
    CENT,
    DAY,
    END,
    PLANTS,
    START,
    Case,
    Expected,
    fill,
    make,
    reverse,
)

ZONE = ZoneInfo("Asia/Shanghai")
SPAN = Window(START, END)
ALL = (Book.DMS, Book.SAP)
_RULES = Rules()


def reconciled(
    database: Database, cases: Iterator[Case], rules: Rules = _RULES
) -> list[Difference]:
    """Compare these books, and return the differences as the day's extract lists them."""
    differences = Differences(database, "shop", ZONE)
    with open_books(database, "shop") as books:
        fill(books, cases)
        finish(books, differences, rules)
    return list(differences.of_window(SPAN))


def finish(books: Books, differences: Differences, rules: Rules = _RULES) -> None:
    sums = books.sums()
    compare(books.connection, rules, date.fromisoformat(DAY), (Book.STOREFRONT, *ALL))
    differences.merge(books, SPAN, sums, END, ALL)


def said(found: Difference) -> Expected:
    return Expected(found.kind.value, found.field, found.line, int(found.amount * 10_000))


def planted(
    orders: int, at: Mapping[int, int], expected: dict[str, Expected], seed: int = 20261124
) -> Iterator[Case]:
    """Give made-up orders; `at` says which plant goes into which order."""
    chance = random.Random(seed)
    for number in range(orders):
        case = make(number, chance)
        if number in at:
            expected[case.number] = PLANTS[at[number]](case)
        elif number % 7 == 3:
            reverse(case)
        yield case


def table(expected: Mapping[str, Expected], found: list[Difference]) -> str:
    """Return kind × planted / found / false as text."""
    at = Counter(each.kind for each in expected.values())
    right = Counter(each.kind.value for each in found if expected.get(each.number) == said(each))
    wrong = Counter(each.kind.value for each in found if expected.get(each.number) != said(each))
    lines = [f"{'kind':24}{'planted':>9}{'found':>9}{'false':>9}"]
    for kind in sorted({*at, *wrong}):
        lines.append(f"{kind:24}{at[kind]:9}{right[kind]:9}{wrong[kind]:9}")
    lines.append(f"{'':24}{at.total():9}{right.total():9}{wrong.total():9}")
    return "\n".join(lines)


def test_books_that_agree_differ_in_nothing(database: Database) -> None:
    assert reconciled(database, planted(50, {}, {})) == []


@pytest.mark.parametrize(("rates", "kinds"), [
    (None, [Kind.TAX]),
    (["0.13", "0.09", "0.06", "免税"], []),
    (["0.13", "0"], []),
    (["0"], []),
])  # fmt: skip
def test_invoices_without_tax_agree_where_that_is_a_rate(
    database: Database, rates: list[str] | None, kinds: list[Kind]
) -> None:
    case = make(1, random.Random(7))
    for book in (Book.CONNECTOR, *ALL):
        gross = case.document(book, "invoice").gross
        case.change(book, "invoice", tax=0, net=gross)
    section = ReconciliationSection.model_validate({} if rates is None else {"tax_rates": rates})
    found = reconciled(database, iter([case]), Rules(**section.model_dump()))
    assert [each.kind for each in found] == kinds


@pytest.mark.parametrize(
    ("pieces", "given_back", "discount", "agrees"),
    [
        (1, 1722, 1000, True),  # a third of 66.67 less 15.00; 44.45 − 34.45 are open
        (1, 1722, 1500, False),  # that of the whole line
        (1, 500, 0, True),  # more is open than the pieces are worth: no discount is negative
        (1, 500, -222, False),
        (0, 800, 2300, True),
        (0, 800, 1500, False),
    ],
)
def test_the_discount_in_the_dms_is_that_of_what_was_open_when_it_was_placed(
    database: Database, pieces: int, given_back: int, discount: int, agrees: bool
) -> None:
    case = make(1, random.Random(1))
    sold = {"quantity": 30_000, "unit_price": 222_233, "discount": 1500 * CENT, "subsidy": 0,
            "amount": 5167 * CENT, "refunded_quantity": pieces * 10_000,
            "refunded_amount": given_back * CENT}  # fmt: skip
    held = {"quantity": (3 - pieces) * 10_000, "unit_price": 222_233, "discount": discount * CENT,
            "subsidy": 0, "amount": (5167 - given_back) * CENT}  # fmt: skip
    for book, values in ((Book.STOREFRONT, sold), (Book.CONNECTOR, sold), (Book.DMS, held)):
        case.line(book, 0, **values)
    said_of = [each.field for each in reconciled(database, iter([case])) if each.line == 1]
    assert ("discount" not in said_of) is agrees


def test_every_kind_is_found_with_its_amount_and_nothing_else(database: Database) -> None:
    expected: dict[str, Expected] = {}
    chance = random.Random(1)
    orders = chance.sample(range(500), 2 * len(PLANTS))
    at = {order: index % len(PLANTS) for index, order in enumerate(orders)}
    found = reconciled(database, planted(500, at, expected))
    assert {each.number: said(each) for each in found} == expected
    assert len(found) == len(expected)


@pytest.mark.long
# A statement that does not end is inside the database, where no signal is heard.
@pytest.mark.timeout(300, method="thread")
def test_a_thousand_differences_in_a_hundred_thousand_orders(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    expected: dict[str, Expected] = {}
    orders = random.Random(2).sample(range(100_000), 1_000)
    at = {order: index % len(PLANTS) for index, order in enumerate(orders)}
    found = reconciled(database, planted(100_000, at, expected))
    with capsys.disabled():
        print(f"\n{database.engine.dialect.name}\n{table(expected, found)}")
    assert len(found) == len(expected) == 1_000
    assert {each.number: said(each) for each in found} == expected


def sums_agree(differences: Differences, found: list[Difference]) -> None:
    """Our sum and the differences' signed amounts are each book's sum."""
    by_currency = differences.sums(SPAN)
    assert by_currency is not None
    (sums,) = by_currency.values()
    ours = sums["connector"]

    def more(name: str) -> Decimal:
        return sum((getattr(each, name) for each in found if not each.carried), Decimal(0))

    assert ours["ordered"] + more("ordered_storefront") == sums["storefront"]["ordered"]
    assert ours["ordered"] - ours["returned"] + more("ordered_dms") == sums["dms"]["ordered"]
    assert ours["invoiced"] + more("invoiced_dms") == sums["dms"]["invoiced"]
    assert ours["invoiced"] + more("invoiced_sap") == sums["sap"]["invoiced"]


def several(case: Case, plants: list[int]) -> Case:
    """Plant one difference after the other into the same order, as far as they go together."""
    for plant in plants:
        try:
            PLANTS[plant](case)
        except (IndexError, StopIteration):
            # The order, line or document that it would change is gone from that book.
            continue
    if not any(case.orders[book] for book in (Book.STOREFRONT, Book.CONNECTOR, Book.DMS)):
        # Of SAP's documents only those of orders that another book has are compared.
        case.forget(Book.SAP)
    return case


DAYS = st.lists(
    st.tuples(
        st.integers(0, 2**20),
        st.lists(st.integers(0, len(PLANTS) - 1), max_size=3, unique=True),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=15)
@given(day=DAYS)
@example(day=[(0, [2, 0, 1])])
# An invoice that we have not, and SAP has twice.
@example(day=[(0, [14, 47])])
def test_our_sum_and_the_differences_are_the_sum_of_each_book(
    day: list[tuple[int, list[int]]], database: Database
) -> None:
    with database.transaction() as session:
        session.connection().exec_driver_sql("DELETE FROM difference")
    differences = Differences(database, "shop", ZONE)
    cases = (
        several(make(at, random.Random(seed)), plants) for at, (seed, plants) in enumerate(day)
    )
    found = reconciled(database, cases)
    sums_agree(differences, found)
