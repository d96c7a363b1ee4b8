"""Builds the monthly settlement of a business unit; a job drafts it when the month is over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connector.domain.aftersales import SaleKind
from connector.domain.business_unit import BusinessUnit, assign
from connector.domain.reading import read_order
from connector.domain.reconciliation import MEANING, Kind
from connector.domain.settlement import (
    Entry,
    Refunded,
    Shipped,
    Statement,
    Terms,
    counts_for_the_fee,
    expected,
    fees,
    place,
    settle,
)
from connector.errors import Misconfigured, UnreadableOrder
from connector.extracts.files import Written, publish
from connector.extracts.statement import (
    Carried,
    Paper,
    at_stake,
    figures,
    statement_html,
    statement_workbook,
)
from connector.jobs.cadence import Window
from connector.jobs.runner import Counts, Job
from connector.steps.sales_order import live
from connector.store.daybook import Daybook, Kept
from connector.store.files import Files
from connector.store.settlements import Settlements
from connector.store.spilled import Spilled

_PAGE = 500


@dataclass(frozen=True)
class Months:
    """One window for each calendar month, due at `at` on the day after its end."""

    zone: ZoneInfo
    at: time

    def due(self, after: datetime, now: datetime) -> Sequence[Window]:
        """See `connector.jobs.cadence.Cadence`."""
        windows = []
        start, end = month_of(after.astimezone(self.zone).date(), self.zone)
        while end + timedelta(hours=self.at.hour, minutes=self.at.minute) <= now:
            if end > after:
                windows.append(Window(start, end))
            start, end = month_of(end.astimezone(self.zone).date(), self.zone)
        return windows


@dataclass(frozen=True)
class Settler:
    """Builds and closes settlements. `terms` are by business unit and month."""

    shop: str
    business_units: Mapping[str, BusinessUnit]
    clock: Callable[[], datetime]
    daybook: Daybook
    settlements: Settlements
    files: Files
    terms: Callable[[str, str], Terms]
    folder: Path
    zone: ZoneInfo
    currency: str = "CNY"

    def build(self, unit: str, month: str) -> tuple[Statement, list[Written]]:
        """Write the statement: of a closed month as it was closed, else a draft.

        Raises Misconfigured.
        """
        closed = self.settlements.closed(unit, month)
        if closed is not None:
            statement, row = closed
            held = row.figures
            differences = [
                Carried(str(number), str(kind), Decimal(str(amount)), *map(str, currency))
                for number, kind, amount, *currency in held["differences"]
            ]
            opening = _in_currencies(held, "opening")
            return statement, self._write(statement, differences, opening, row.closed_at)
        statement = self._statement(unit, month)
        differences = self._differences(unit, month)
        return statement, self._write(statement, differences, self._opening(unit), None)

    def close(self, unit: str, month: str, actor: str) -> bool:
        """Close a month for good and write it; false when it was closed before.

        Raises Misconfigured for a month that is not over, or before one that is closed.
        """
        if self.settlements.closed(unit, month) is not None:
            return False
        statement = self._statement(unit, month)
        differences = self._differences(unit, month)
        held = {
            "differences": [
                [each.number, each.kind, str(each.amount), each.currency] for each in differences
            ],
            **_told("opening", self._opening(unit)),
            **_told("at_stake", at_stake(differences)),
            **_told("due", {each: statement.due_in(each) for each in statement.currencies}),
            "rows": [
                {name: str(value) for name, value in row.items()} for row in figures(statement)
            ],
        }
        now = self.clock()
        if not self.settlements.close(statement, held, actor, now):
            return False
        self.build(unit, month)
        return True

    def _statement(self, unit: str, month: str) -> Statement:
        end = self._end(unit, month)
        last = self.settlements.last(unit)
        if last is not None and last.month > month:
            raise Misconfigured(
                f"{last.month} is closed; what changed of {month} is an adjustment after it",
                place=f"settlement {unit} {month}",
                remedy=f"build a month after {last.month}",
            )
        terms = self.terms(unit, month)
        entries = Spilled(place)
        bases: dict[str, Decimal] = defaultdict(Decimal)
        touched = self.daybook.touched(self.shop, unit, last.closed_at if last else None)
        while some := list(islice(touched, _PAGE)):
            accounted = (
                self.settlements.accounted(unit, [kept.row.number for kept in some]) if last else {}
            )
            shown = (entry for kept in some for entry in self._expected(kept, unit, terms, end))
            for entry in settle(month, shown, accounted):
                entries.add(entry)
                if counts_for_the_fee(entry):
                    bases[entry.currency] += entry.amount
        for entry in fees(month, unit, bases, terms):
            entries.add(entry)
        return Statement(unit, month, entries, terms)

    def _expected(
        self, kept: Kept, unit: str, terms: Terms, end: datetime
    ) -> Iterator[Entry] | list[Entry]:
        if kept.row.unreadable:
            # A statement is whole or it is none.
            raise UnreadableOrder(kept.row.number)
        order, _ = read_order(kept.row.content, shop=kept.row.shop)
        if order is None:
            return []
        order = assign(order, tuple(self.business_units.values()))[0]
        shipments = [
            Shipped(
                document.number,
                document.at,
                {
                    int(line["line_number"]): Decimal(str(line["quantity"]))
                    for line in document.detail.get("lines") or []
                },
            )
            for document in live(kept.documents)
            if document.kind == "shipment" and document.at < end and document.business_unit == unit
        ]
        if not shipments:
            return []
        refunds = refunds_of(kept, end)
        released_at = kept.row.released_at
        entries = expected(order, unit, shipments, refunds, terms, self.zone, released_at)
        return [replace(each, currency=self._told_as(order.currency)) for each in entries]

    def _told_as(self, currency: str) -> str:
        """Return how entries name a currency: not at all where it is the business's own."""
        return "" if currency == self.currency else currency

    def _differences(self, unit: str, month: str) -> list[Carried]:
        end = month_from(month, self.zone)[1]
        found = self.settlements.open_differences(self.shop, unit, end)
        return [
            Carried(
                each.number,
                f"{MEANING[Kind(each.kind)].chinese} {each.kind}",
                each.amount,
                self._told_as(each.currency),
            )
            for each in found
            if MEANING[Kind(each.kind)].lasting
        ]

    def _opening(self, unit: str) -> Mapping[str, Decimal]:
        last = self.settlements.last(unit)
        return _in_currencies(last.figures, "at_stake") if last is not None else {}

    def _end(self, unit: str, month: str) -> datetime:
        if unit not in self.business_units:
            raise Misconfigured(
                f"there is no business unit {unit}",
                place="settlement",
                remedy=f"one of {', '.join(self.business_units)}",
            )
        end = month_from(month, self.zone)[1]
        if end > self.clock():
            raise Misconfigured(
                "the month is not over", place=f"settlement {unit} {month}", remedy="wait for it"
            )
        return end

    def _write(
        self,
        statement: Statement,
        differences: Sequence[Carried],
        opening: Mapping[str, Decimal],
        closed_at: datetime | None,
    ) -> list[Written]:
        unit = self.business_units[statement.unit]
        about = Paper(unit.name, self.currency, self.zone, differences, opening, closed_at)
        name = f"settlement-{statement.unit}-{statement.month}"
        rows = len(statement.entries)
        written = publish(
            self.folder / f"{statement.unit}-{statement.month}",
            {
                f"{name}.xlsx": (statement_workbook(statement, about), rows),
                f"{name}.html": (statement_html(statement, about), rows),
            },
        )
        self.files.note(written, "settlement", self.clock())
        return written


def _told(name: str, amounts: Mapping[str, Decimal]) -> dict[str, Any]:
    """Return amounts as a closed settlement keeps them: ours, and beside it other currencies'."""
    others = {each: str(amount) for each, amount in amounts.items() if each}
    return {
        name: str(amounts.get("", Decimal(0))),
        **({f"{name}_in": others} if others else {}),
    }


def _in_currencies(held: Mapping[str, Any], name: str) -> Mapping[str, Decimal]:
    amounts = {"": held.get(name, "0"), **held.get(f"{name}_in", {})}
    return {currency: Decimal(str(amount)) for currency, amount in amounts.items()}


def settlement(settler: Settler, cadence: Months) -> Job:
    """Return the job: a draft for each business unit when a month is over; a person closes it."""

    def run(window: Window, scope: str) -> Counts:
        month = f"{window.start.astimezone(settler.zone):%Y-%m}"
        statement, written = settler.build(scope, month)
        return {"entries": len(statement.entries), "files": len(written)}

    return Job(
        "settlement",
        "draft the month's settlement of each business unit",
        cadence,
        run,
        tuple(settler.business_units),
    )


def refunds_of(kept: Kept, until: datetime) -> list[Refunded]:
    """Return an order's refunds booked before then, by line; 0 holds what belongs to no line."""
    order, _ = read_order(kept.row.content, shop=kept.row.shop)
    if order is None:
        return []
    kinds = {
        str(refund): SaleKind(sale.kind)
        for sale in kept.after_sales
        for refund in sale.detail.get("refunds", [])
    }
    made = []
    for refund in order.refunds:
        at = refund.refunded_at or kept.row.placed_at
        if at >= until:
            continue
        amounts: dict[int, Decimal] = {}
        pieces: dict[int, Decimal] = {}
        subsidies: dict[int, Decimal] = {}
        for line in refund.lines:
            if line.number:
                amounts[line.number] = amounts.get(line.number, Decimal(0)) + line.amount
                pieces[line.number] = pieces.get(line.number, Decimal(0)) + line.quantity
                subsidies[line.number] = subsidies.get(line.number, Decimal(0)) + line.subsidy
        if refund.freight + refund.rest:
            amounts[0] = refund.freight + refund.rest
        kind = kinds.get(refund.refund_id, SaleKind.REFUND)
        made.append(Refunded(refund.refund_id, kind, at, amounts, pieces, subsidies))
    return made


def month_of(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when the calendar month of a day begins and ends, in UTC."""
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    start, end = (
        datetime.combine(each, time(0), zone).astimezone(UTC) for each in (first, following)
    )
    return start, end


def month_from(month: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when a month begins and ends. Raises Misconfigured for what is no month."""
    try:
        day = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise Misconfigured(
            f"{month!r} is no month", place="settlement", remedy="for example 2026-11"
        ) from None
    return month_of(day, zone)
