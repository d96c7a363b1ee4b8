"""What the platform owes a business unit for a month, amount by amount (结算).

Rule's source: workflow.md, step 9. Goods count when they are shipped, refunds when the storefront
books them. Each amount has a reference that stays the same, so that what was settled once can be
compared with what the books say later: a closed month is never changed, the difference appears
as an adjustment (调整) of a later one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

from connector.domain.aftersales import SaleKind
from connector.domain.amounts import unit_shares
from connector.domain.currency import minor_unit, rounded
from connector.domain.order import Order, OrderLine
from connector.domain.refunds import as_of, with_refunds

_ZERO = Decimal(0)


class EntryKind(StrEnum):
    """What an amount is for, in the sequence of the statement."""

    SALE = "sale"  # 销售: what buyers paid for shipped goods
    SUBSIDY = "subsidy"  # 线上补贴: what the platform took off these prices
    FREIGHT = "freight"  # 运费
    RETURN = "return"  # 退货: refunds for goods that came back
    REFUND = "refund"  # 仅退款: other refunds
    FEE = "fee"  # 平台服务费


@dataclass(frozen=True)
class Entry:
    """One amount; positive ones are owed to the business unit. `origin` is a month, YYYY-MM.

    `currency` is empty where it is the business's own.
    """

    kind: EntryKind
    reference: str
    order_number: str
    origin: str
    amount: Decimal
    currency: str = ""


@dataclass(frozen=True)
class Terms:
    """What was agreed with a business unit from a month on.

    The fee is `fee_percent` of sales and freight less returns and refunds, and `monthly_fee`.
    """

    fee_percent: Decimal = _ZERO
    monthly_fee: Decimal = _ZERO
    freight_to_unit: bool = True
    subsidy_to_unit: bool = True


@dataclass(frozen=True)
class Shipped:
    """Pieces of lines that left together: line number → quantity."""

    number: str
    at: datetime
    quantities: Mapping[int, Decimal]


@dataclass(frozen=True)
class Refunded:
    """One refund as the storefront booked it; `amounts` by line number, 0 for what has no line.

    `pieces` are those of the lines that the buyer does not keep, `subsidies` what the platform took
    back of theirs.
    """

    refund_id: str
    kind: SaleKind
    at: datetime
    amounts: Mapping[int, Decimal]
    pieces: Mapping[int, Decimal] = field(default_factory=dict)
    subsidies: Mapping[int, Decimal] = field(default_factory=dict)


def expected(
    order: Order,
    unit: str,
    shipments: Sequence[Shipped],
    refunds: Sequence[Refunded],
    terms: Terms,
    zone: ZoneInfo,
    released_at: datetime | None = None,
) -> list[Entry]:
    """Return every amount that the books show for one unit's part of an order, by now.

    Of a refund counts only what exceeds the value of pieces that never left: those were never a
    sale. What was not given back of pieces that stay is the unit's all the same, and so is the
    subsidy that was not taken back of them. Amounts are split to the cent, the last part taking
    what is left. Freight is split as the DMS orders have it, between the units that had something
    to deliver at the release; where that is not known, between all.
    """
    lines = {line.number: line for line in order.lines if line.business_unit == unit}
    entries: list[Entry] = []
    minor = minor_unit(order.currency)
    gone = dict.fromkeys(lines, _ZERO)
    for shipment in sorted(shipments, key=lambda each: (each.at, each.number)):
        month = _month(shipment.at, zone)
        for number, quantity in sorted(shipment.quantities.items()):
            if number not in lines:
                continue
            line, before = lines[number], gone[number]
            gone[number] = min(before + quantity, line.quantity)
            key = f"{order.number}/{shipment.number}/{number}"
            for kind, whole in ((EntryKind.SALE, line.amount), (EntryKind.SUBSIDY, line.subsidy)):
                if kind is EntryKind.SUBSIDY and not terms.subsidy_to_unit:
                    continue
                part = _part(whole, gone[number], line, minor) - _part(whole, before, line, minor)
                if part:
                    entries.append(Entry(kind, key, order.number, month, part))
    if not any(gone.values()):
        return entries
    first = min(shipments, key=lambda each: (each.at, each.number))
    placed = as_of(order, released_at) if released_at is not None else with_refunds(order, ())
    freight = _share(placed, unit, order.freight)
    if freight and terms.freight_to_unit:
        key = f"{order.number}/freight"
        month = _month(first.at, zone)
        entries.append(Entry(EntryKind.FREIGHT, key, order.number, month, freight))
    oldest_first = sorted(refunds, key=lambda each: (each.at, each.refund_id))
    entries += _refunds(placed, unit, lines, gone, oldest_first, zone)
    if terms.subsidy_to_unit:
        entries += _taken_back(order, lines, gone, oldest_first, zone)
    return entries


def _refunds(
    placed: Order,
    unit: str,
    lines: Mapping[int, OrderLine],
    gone: Mapping[int, Decimal],
    refunds: Sequence[Refunded],
    zone: ZoneInfo,
) -> list[Entry]:
    minor = minor_unit(placed.currency)
    unsold = {
        number: line.amount - _part(line.amount, gone[number], line, minor)
        for number, line in lines.items()
    }
    given = [each.amounts for each in refunds]
    entries = []
    for refund, counted in zip(refunds, _counted(given, unsold, lines, gone, refunds), strict=True):
        kind = EntryKind.REFUND if refund.kind is SaleKind.REFUND else EntryKind.RETURN
        if 0 in refund.amounts:
            counted[0] = _share(placed, unit, refund.amounts[0])
        entries += _given_back(kind, placed.number, refund, counted, zone)
    return entries


def _taken_back(
    order: Order,
    lines: Mapping[int, OrderLine],
    gone: Mapping[int, Decimal],
    refunds: Sequence[Refunded],
    zone: ZoneInfo,
) -> list[Entry]:
    minor = minor_unit(order.currency)
    unsold = {
        number: line.subsidy - _part(line.subsidy, gone[number], line, minor)
        for number, line in lines.items()
    }
    taken = [each.subsidies for each in refunds]
    entries = []
    for refund, counted in zip(refunds, _counted(taken, unsold, lines, gone, refunds), strict=True):
        entries += _given_back(EntryKind.SUBSIDY, order.number, refund, counted, zone)
    return entries


def _counted(
    given: Sequence[Mapping[int, Decimal]],
    unsold: dict[int, Decimal],
    lines: Mapping[int, OrderLine],
    gone: Mapping[int, Decimal],
    refunds: Sequence[Refunded],
) -> list[dict[int, Decimal]]:
    """Return what counts of each refund by line; `given` is what it gives back, oldest first.

    `unsold` is the value of the pieces of each line that have not left.
    """
    made = []
    stayed = dict.fromkeys(lines, _ZERO)
    for refund, amounts in zip(refunds, given, strict=True):
        counted: dict[int, Decimal] = {}
        for number, amount in amounts.items():
            if number in lines:
                absorbed = min(amount, unsold[number])
                unsold[number] -= absorbed
                counted[number] = amount - absorbed
        for number, pieces in refund.pieces.items():
            if number in lines and pieces:
                stayed[number] += pieces
                if gone[number] + stayed[number] >= lines[number].quantity:
                    # Nothing more leaves: what was not given back of these pieces is the unit's.
                    counted[number] = counted.get(number, _ZERO) - unsold[number]
                    unsold[number] = _ZERO
        made.append(counted)
    return made


def _given_back(
    kind: EntryKind, order: str, refund: Refunded, counted: Mapping[int, Decimal], zone: ZoneInfo
) -> list[Entry]:
    month = _month(refund.at, zone)
    return [
        Entry(kind, f"{order}/refund {refund.refund_id}/{number}", order, month, -amount)
        for number, amount in sorted(counted.items())
        if amount
    ]


def settle(
    month: str, entries: Iterable[Entry], accounted: Mapping[tuple[str, str, str], Decimal]
) -> Iterator[Entry]:
    """Give the entries of a month for some orders: what the books show less what was settled.

    `entries` are those up to the end of the month, of orders that changed since the last closing;
    `accounted` is by (kind, reference, currency) what closed months hold of the same orders.
    The fee is told by `fees`.
    """
    left = dict(accounted)
    for entry in entries:
        if entry.origin > month:
            continue
        settled = left.pop((entry.kind.value, entry.reference, entry.currency), _ZERO)
        if entry.amount != settled:
            yield replace(entry, amount=entry.amount - settled)
    for (kind, reference, currency), settled in sorted(left.items()):
        # It was settled once, and the books show it no longer.
        if settled and kind != EntryKind.FEE:
            number = reference.split("/", 1)[0]
            yield Entry(EntryKind(kind), reference, number, "", -settled, currency)


def counts_for_the_fee(entry: Entry) -> bool:
    """Whether the platform's fee is a part of this amount too: of all but the subsidy."""
    return entry.kind is not EntryKind.SUBSIDY


def fees(month: str, unit: str, bases: Mapping[str, Decimal], terms: Terms) -> Iterator[Entry]:
    """Give what the platform takes of a unit's month.

    `bases` are by currency all that `counts_for_the_fee`. The monthly fee is in the business's own.
    """
    for currency, base in sorted(bases.items()):
        fee = rounded(base * terms.fee_percent / 100, minor_unit(currency))
        if fee:
            of = f"/{currency}" if currency else ""
            key = f"{unit}/{month}/percent{of}"
            yield Entry(EntryKind.FEE, key, "", month, -fee, currency)
    if terms.monthly_fee:
        key = f"{unit}/{month}/month"
        yield Entry(EntryKind.FEE, key, "", month, -terms.monthly_fee)


def place(entry: Entry) -> tuple[int, str]:
    """Return where an entry stands among the others of a statement."""
    return _SEQUENCE[entry.kind], entry.reference


_SEQUENCE = {kind: at for at, kind in enumerate(EntryKind)}


@dataclass(frozen=True)
class Statement:
    """The settlement of one unit and month. Its entries may be more than fit into memory.

    Amounts are told of one currency; "" is the business's own.
    """

    unit: str
    month: str
    entries: Collection[Entry]
    terms: Terms

    @cached_property
    def _sums(self) -> Mapping[tuple[str, EntryKind, bool], Decimal]:
        sums: dict[tuple[str, EntryKind, bool], Decimal] = defaultdict(Decimal)
        for each in self.entries:
            sums[each.currency, each.kind, self.late(each)] += each.amount
        return sums

    @property
    def currencies(self) -> list[str]:
        """Return the currencies of its amounts, the business's own first."""
        return sorted({"", *(currency for currency, _, _ in self._sums)})

    def of(self, kind: EntryKind, currency: str = "") -> Decimal:
        """Return what the month itself comes to."""
        return self._sums.get((currency, kind, False), _ZERO)

    def adjusted(self, kind: EntryKind, currency: str = "") -> Decimal:
        """Return what changed of earlier months."""
        return self._sums.get((currency, kind, True), _ZERO)

    def late(self, entry: Entry) -> bool:
        """Whether an entry adjusts an earlier month."""
        return entry.origin != self.month

    @property
    def due(self) -> Decimal:
        """Return what the platform owes the unit in the business's own currency."""
        return self.due_in("")

    def due_in(self, currency: str) -> Decimal:
        """Return what the platform owes the unit in a currency; negative when the unit owes it."""
        of_it = (amount for (each, _, _), amount in self._sums.items() if each == currency)
        return sum(of_it, _ZERO)


def _part(whole: Decimal, quantity: Decimal, line: OrderLine, minor: Decimal) -> Decimal:
    if not line.quantity:
        return _ZERO
    return rounded(whole * quantity / line.quantity, minor)


def _share(order: Order, unit: str, amount: Decimal) -> Decimal:
    return unit_shares(order, amount).get(unit, _ZERO)


def _month(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m}"
