"""A merged invoice of which the orders tell on different days: each day's file stays right."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest

from connector.domain.calendar import Timetable
from connector.domain.deadlines import Promises
from connector.extracts.records import Clerk, Record
from connector.sandbox import world
from connector.sandbox.dms_documents import INVOICE, ORDER, add
from connector.store.database import Database
from connector.store.daybook import Daybook
from connector.store.invoices import share_merged
from connector.store.tables import OrderRow
from tests.support.books import SHOP, UNITS, Books, content
from tests.support.scene import NOON, scene

DAY = timedelta(days=1)
MORNING = datetime(2026, 11, 24, 2, tzinfo=UTC)
CUTOFF = datetime(2026, 11, 24, 7, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 24, 16, tzinfo=UTC)
WHOLE = {"net": "88.51", "tax": "11.50", "gross": "100.01"}
AMOUNTS = tuple(WHOLE)
SHOWN = ("number", "earlier", "invoice_number", "state", "shared_with", "whole", *AMOUNTS)
APPLIED = ("60.00", "30.00", "10.01")


def invoices_of_day(database: Database, day: int) -> list[Record]:
    """Return the invoices of a day's file; days count from 0."""
    begin, end = CUTOFF + (day - 1) * DAY, CUTOFF + day * DAY
    until = MIDNIGHT + day * DAY
    clerk = Clerk(
        tuple(UNITS.values()), lambda _units: (Timetable(),), Promises(),
        since=until - DAY, until=until, cut=end,
    )  # fmt: skip
    daybook = Daybook(database)

    def records() -> Iterator[tuple[str, Record]]:
        for kept in daybook.placed(SHOP, begin, end):
            yield from clerk.of_order(kept)
        for kept in daybook.came_later(SHOP, begin, clerk.since, until):
            yield from clerk.of_earlier(kept)

    found = list(records())
    rows = [
        {name: record[name] for name in SHOWN} for table, record in found if table == "invoices"
    ]
    orders = {record["number"]: record for table, record in found if table == "orders"}
    for number, order in orders.items():
        mine = [Decimal(str(row["gross"])) for row in rows if row["number"] == number]
        assert order["invoiced"] == sum(mine, Decimal(0)), number
    return rows


@pytest.mark.long_on_postgresql
def test_whatever_day_each_order_tells_of_it_the_days_together_are_the_invoice(
    database: Database,
) -> None:
    books = Books(database)
    # On which day each of three orders tells of their invoice; the third is placed a day later.
    cases = {
        f"{at:08d}": (one, two, max((one + two) % 3, 1))
        for at, (one, two) in enumerate(product(range(3), repeat=2))
    }
    rows: dict[tuple[str, int], OrderRow] = {}
    for invoice in cases:
        for at, applied in enumerate(APPLIED):
            placed = MORNING + (DAY if at == 2 else timedelta())
            number = f"{invoice}-{at}"
            row = books.order(content(number, placed, [("XC-1", "1", applied)]), placed)
            books.document(row, "invoice_application", f"IA{number}", placed, amount=applied)
            rows[invoice, at] = row
    filed: list[list[Record]] = []
    for day in range(3):
        for at in range(3):
            now = MORNING + day * DAY + timedelta(hours=2 + at)
            for invoice, days in cases.items():
                if days[at] == day:
                    row = rows[invoice, at]
                    books.document(row, "invoice", invoice, now, application=f"IA{row.number}",
                                   **WHOLE)  # fmt: skip
                    with database.transaction() as session:
                        share_merged(session, row, [invoice], "status", now)
        filed.append(invoices_of_day(database, day))
        told: dict[str, dict[str, Decimal]] = defaultdict(
            lambda: dict.fromkeys(AMOUNTS, Decimal(0))
        )
        for each in (each for file in filed for each in file):
            for name in AMOUNTS:
                told[each["invoice_number"]][name] += Decimal(str(each[name]))
        for invoice, days in cases.items():
            known = min(days) <= day
            for name, amount in WHOLE.items():
                assert told[invoice][name] == (Decimal(amount) if known else 0), (day, days, name)
    for day, file in enumerate(filed):
        assert invoices_of_day(database, day) == file, "a day that is built again is what it was"
    of_order: dict[str, Decimal] = defaultdict(Decimal)
    for each in (each for file in filed for each in file):
        of_order[each["number"]] += Decimal(str(each["gross"]))
    for (_, at), row in rows.items():
        assert of_order[row.number] == Decimal(APPLIED[at])


def test_what_an_earlier_file_has_of_a_share_is_what_its_replacement_takes_back(
    database: Database,
) -> None:
    books, now = Books(database), MORNING + 2 * DAY
    pair = []
    for number, amount in (("1", "60.00"), ("2", "40.01")):
        row = books.order(content(number, MORNING, [("XC-1", "1", amount)]), MORNING)
        books.document(row, "invoice_application", f"IA{number}", MORNING, amount=amount)
        pair.append(row)
    books.document(pair[0], "invoice", "M", MORNING, **WHOLE)
    # On one day the other order tells of it, and the first gets another in its place.
    books.document(pair[1], "invoice", "M", now, **WHOLE)
    with database.transaction() as session:
        share_merged(session, pair[1], ["M"], "status", now)
    other = {"net": "53.10", "tax": "6.90", "gross": "60.00"}
    books.document(pair[0], "invoice", "N", now + timedelta(hours=1), original="M", **other)
    days = [invoices_of_day(database, day) for day in range(3)]
    told = [[(each["number"], each["gross"]) for each in day] for day in days]
    assert [len(day) for day in told] == [1, 0, 3]
    assert Decimal(str(told[0][0][1])) == Decimal("100.01")
    first = sum(Decimal(str(gross)) for day in told for number, gross in day if number == "1")
    assert first == Decimal("60.00")


@pytest.mark.long
def test_news_of_two_days_leave_both_files_and_both_comparisons_right(
    database_url: str, tmp_path: Path
) -> None:
    """With every job: the first night shows what does not agree yet, the second closes it."""
    pair = ("30", "39")
    with scene(database_url, tmp_path) as made:
        books, clock = made.sandbox.books, made.sandbox.clock
        made.until(NOON)
        for number in pair:
            world.ship(books, clock, number)
        made.later(minutes=20, ticks=2)
        first, second = world.invoice_together(books, clock, list(pair))
        key = f"{first['invoiceNumber']}#{second['orderNumber']}"
        held = books.get(ORDER, second["orderNumber"])
        assert held is not None
        # The second order's application is put to the invoice a day later.
        books.delete(INVOICE.kind, key)
        listed = INVOICE.listed
        books.put(ORDER, second["orderNumber"],
                  held | {listed: [each for each in held[listed] if each != key]})  # fmt: skip
        made.later(minutes=20, ticks=3)

        def night(day: int) -> dict[str, list[dict[str, str]]]:
            made.until(NOON.replace(hour=19) + day * DAY)
            made.later(minutes=30)
            folder = made.settings.output / "extracts" / f"{NOON + day * DAY:%Y-%m-%d}"
            tables = {}
            for path in folder.glob("*.csv"):
                with path.open(encoding="utf-8-sig", newline="") as file:
                    tables[path.stem] = list(csv.DictReader(file))
            return tables

        def gross(*days: dict[str, list[dict[str, str]]]) -> dict[str, Decimal]:
            found: dict[str, Decimal] = defaultdict(Decimal)
            for day in days:
                for row in day["invoices"]:
                    if row["invoice_number"] == first["invoiceNumber"]:
                        found[row["number"]] += Decimal(row["gross"])
            return found

        def open_ones() -> dict[str, set[str]]:
            rows: dict[str, set[str]] = defaultdict(set)
            for each in made.connector.differences.listed(made.clock()):
                if each.number in pair:
                    rows[each.number].add(f"{each.kind.value} {each.field}")
            return rows

        one = night(0)
        whole = Decimal(first["grossAmount"])
        assert gross(one) == {pair[0]: whole}
        assert open_ones()[pair[0]], "the whole is more than the first order is worth"
        made.until(NOON + DAY)
        order = books.get(ORDER, second["orderNumber"])
        assert order is not None
        add(books, clock, order, INVOICE, key, second)
        made.later(minutes=20, ticks=3)
        two = night(1)
        totals = {number: made.order(int(number)).total for number in pair}
        assert gross(one, two) == totals
        assert sum(gross(one, two).values()) == whole
        (taken_back,) = [
            row for row in two["invoices"] if row["number"] == pair[0] and row["gross"][0] == "-"
        ]
        assert taken_back["state"] == "合并分摊 shared out"
        assert open_ones() == {}, "both orders agree in all books"
        outcome = made.connector.runner.rerun(
            next(
                row.id
                for row in made.connector.runs.history("reconcile")
                if row.window_to == CUTOFF  # the first day
            )
        )
        assert outcome is not None
        again = night(0)
        assert gross(again) == gross(one), "the first day's file is what it was"
