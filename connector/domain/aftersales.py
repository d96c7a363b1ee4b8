"""What happens after the sale: cancellation, return, exchange, refund, and the invoice's recovery.

Rule's source: workflow.md, step 8. A refund whose invoice is neither recovered (退款发票回收) nor
reversed by a red-letter invoice (红字发票) stays on a list that finance sees daily.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from connector.domain.currency import minor_unit, rounded
from connector.domain.lifecycle import Owner
from connector.domain.order import Order, OrderLine, Refund

_LAST = datetime.max.replace(tzinfo=UTC)


class SaleKind(StrEnum):
    """What the buyer wants."""

    RETURN = "return"  # 退货: goods back, money back
    EXCHANGE = "exchange"  # 换货: goods back, others instead
    REFUND = "refund"  # 仅退款: money back, the goods stay or never left
    CANCELLATION = "cancellation"  # 取消: stopped before release


class SaleState(StrEnum):
    """How far it has come. Each state has one owner, see `owner_of`."""

    REQUESTED = "requested"  # the storefront shows the request or the refund
    RETURNING = "returning"  # registered as a return in the DMS, goods on their way
    RECEIVED = "received"  # the goods are back; the refund is awaited
    INVOICING = "invoicing"  # the money went back; the invoice is still to be issued, for less
    REFUNDED = "refunded"  # the money went back; the invoice is not recovered: 退款发票未回收
    OUTSIDE = "outside"  # of an order before our first day: its invoice lies outside the connector
    SETTLED = "settled"  # nothing is left to be done
    REFUSED = "refused"  # the DMS refused the return
    WITHDRAWN = "withdrawn"  # the storefront shows it no more, and something was done for it


_OWNERS = {
    SaleState.REQUESTED: Owner.OPS,
    SaleState.RETURNING: Owner.WAREHOUSE,
    SaleState.RECEIVED: Owner.SALES_REP,
    SaleState.INVOICING: Owner.BU_FINANCE,
    SaleState.REFUNDED: Owner.BU_FINANCE,
    SaleState.OUTSIDE: Owner.BU_FINANCE,
    SaleState.SETTLED: Owner.NOBODY,
    SaleState.REFUSED: Owner.OPS,
    SaleState.WITHDRAWN: Owner.OPS,
}


def owner_of(state: str) -> Owner:
    """Return who must act for it to go on."""
    return _OWNERS[SaleState(state)]


@dataclass(frozen=True)
class Sale:
    """One after-sale as the storefront shows it.

    `reference` is the number of the request, or of the refund where there was none. `back` are
    the pieces that come back by line number, `stays` refunded ones that are to be kept back,
    `refunds` the refunds that belong to it, `refunded` what they amount to. `twice` is what the
    storefront booked beyond that, for goods whose refund was booked before.
    """

    reference: str
    kind: SaleKind
    reason: str
    requested_at: datetime | None
    back: Mapping[int, Decimal]
    refunds: tuple[str, ...]
    refunded: Decimal
    refunded_at: datetime | None
    stays: Mapping[int, Decimal] = field(default_factory=dict)
    twice: Decimal = Decimal(0)


def cancellation_of(order: Order) -> Sale | None:
    """Return the after-sale of an order that was cancelled before release; None if not paid."""
    if order.paid_at is None and not order.refunds:
        return None
    return Sale(
        SaleKind.CANCELLATION.value,
        SaleKind.CANCELLATION,
        next((each.reason for each in order.refunds if each.reason), ""),
        None,
        {},
        tuple(each.refund_id for each in order.refunds),
        sum((each.amount for each in order.refunds), Decimal(0)),
        max((each.refunded_at for each in order.refunds if each.refunded_at), default=None),
    )


def kept_back(
    sales: Sequence[Sale], unshipped: Mapping[int, Decimal], unasked: Mapping[int, Decimal]
) -> list[Sale]:
    """Return the after-sales with the refunded pieces that never left as staying.

    `unshipped` are the pieces of each line that have not left, `unasked` those that the warehouse
    was never asked for: nobody need keep them back. The oldest refunds are those for which nothing
    leaves: what is refunded later comes back from the buyer. A request to return goods is of goods
    that the buyer has.
    """
    left, spare = dict(unshipped), dict(unasked)
    made = {}
    for sale in sorted(sales, key=lambda each: each.refunded_at or _LAST):
        if sale.refunds != (sale.reference,):
            made[sale.reference] = sale
            continue
        stays = {number: min(back, left.get(number, Decimal(0))) for number, back in
                 sale.back.items()}  # fmt: skip
        back = {
            number: pieces - stays[number]
            for number, pieces in sale.back.items()
            if pieces > stays[number]
        }
        for number, pieces in stays.items():
            left[number] = left.get(number, Decimal(0)) - pieces
            free = min(pieces, spare.get(number, Decimal(0)))
            spare[number] = spare.get(number, Decimal(0)) - free
            stays[number] = pieces - free
        made[sale.reference] = replace(
            sale,
            kind=SaleKind.RETURN if back else SaleKind.REFUND,
            back=back,
            stays={number: pieces for number, pieces in stays.items() if pieces},
        )
    return [made[sale.reference] for sale in sales]


def sales_of(order: Order, content: Mapping[str, Any]) -> list[Sale]:
    """Return the after-sales of a released order, in the sequence of the storefront.

    A refund with pieces and without a request is a return. Unknown words are a return too: goods
    that come back unannounced are worse than goods that are waited for in vain.
    """
    numbers = {line.line_id: line for line in order.lines}
    minor = minor_unit(order.currency)
    booked = {refund.refund_id: refund for refund in order.refunds}
    linked: dict[str, list[str]] = {}
    lines: dict[str, dict[int, Decimal]] = {}
    for entry in _entries(content.get("refunds")):
        refund = str(entry.get("refund_id"))
        lines[refund] = _pieces(entry, numbers)
        request = str(entry.get("request") or "")
        if refund in booked and request:
            linked.setdefault(request, []).append(refund)
    requests = [
        entry for entry in _entries(content.get("return_requests")) if entry.get("request_id")
    ]
    _claim(linked, requests, [booked[each] for each in lines if each in booked], lines, numbers)
    made = []
    for entry in requests:
        reference = str(entry["request_id"])
        exchange = str(entry.get("kind")).lower() == SaleKind.EXCHANGE
        kind = SaleKind.EXCHANGE if exchange else SaleKind.RETURN
        back = _pieces(entry, numbers)
        worth = sum(
            (
                rounded(line.amount * back[line.number] / line.quantity, minor)
                for line in order.lines
                if line.number in back and line.quantity
            ),
            Decimal(0),
        )
        refunds = [booked[each] for each in linked.get(reference, [])]
        amounts = [each.amount for each in refunds]
        refunded = counted(kind, amounts, worth)
        made.append(
            Sale(
                reference,
                kind,
                str(entry.get("reason") or ""),
                _time(entry.get("requested_at")),
                back,
                tuple(each.refund_id for each in refunds),
                refunded,
                max((each.refunded_at for each in refunds if each.refunded_at), default=None),
                twice=sum(amounts, -refunded),
            )
        )
    requested = {each.reference for each in made}
    known = {each for request in requested for each in linked.get(request, [])}
    for each in order.refunds:
        if each.refund_id in known:
            continue
        back = lines.get(each.refund_id, {})
        made.append(
            Sale(
                each.refund_id,
                SaleKind.RETURN if back else SaleKind.REFUND,
                each.reason,
                each.refunded_at,
                back,
                (each.refund_id,),
                each.amount,
                each.refunded_at,
            )
        )
    return made


def _claim(
    linked: dict[str, list[str]],
    requests: Sequence[Mapping[str, Any]],
    refunds: Sequence[Refund],
    lines: Mapping[str, Mapping[int, Decimal]],
    numbers: Mapping[str, OrderLine],
) -> None:
    """Give refunds that name no request to the request that asked for the same pieces before.

    The refund screen of a shop knows nothing of requests: taken for a return of its own, the same
    piece would come back twice, and its invoice would be taken back twice.
    """
    taken = {each for several in linked.values() for each in several}
    open_ones: dict[str, Counter[int]] = {}
    asked_at: dict[str, datetime | None] = {}
    for entry in requests:
        request = str(entry["request_id"])
        left = Counter(_pieces(entry, numbers))
        for refund_id in linked.get(request, ()):
            left.subtract(lines[refund_id])
        open_ones[request], asked_at[request] = left, _time(entry.get("requested_at"))
    for refund in refunds:
        pieces = Counter(lines[refund.refund_id])
        if refund.refund_id in taken or not pieces:
            continue
        fitting = [
            request
            for request, left in open_ones.items()
            if pieces <= left and _not_after(asked_at[request], refund.refunded_at)
        ]
        same = [request for request in fitting if open_ones[request] == pieces]
        for request in (same or fitting)[:1]:
            linked.setdefault(request, []).append(refund.refund_id)
            open_ones[request].subtract(pieces)


def _not_after(one: datetime | None, other: datetime | None) -> bool:
    return one is None or other is None or one <= other


def _entries(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value or [] if isinstance(each, Mapping)]


def _pieces(entry: Mapping[str, Any], lines: Mapping[str, OrderLine]) -> dict[int, Decimal]:
    found: dict[int, Decimal] = {}
    for each in _entries(entry.get("lines")):
        line = lines.get(str(each.get("line_id")))
        try:
            quantity = abs(Decimal(str(each.get("quantity") or 0)))
        except InvalidOperation:
            continue
        if line is not None and quantity:
            found[line.number] = found.get(line.number, Decimal(0)) + quantity
    return found


def _time(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime) or value.year in (MINYEAR, MAXYEAR):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Facts:
    """What the systems say of one after-sale by now.

    `refunded` is what the storefront booked; `invoiced` what of it was invoiced before;
    `recovered` what red-letter and recovered invoices took back for it. `booked`: the storefront
    has booked a refund, be it of nothing: goods were booked back. `stopping`: refunded
    pieces are still to be kept from leaving. `awaited`: an invoice of the order is to be issued.
    Of the refunds, no line explains `rest`, and no document knows of it; `twice` was booked beyond
    what counts. `paid` is what the buyer of a cancelled order paid, `settled` what of it a person
    says need not be refunded.
    """

    kind: SaleKind
    goods_back: bool  # whether goods are to come back
    registered: bool
    received: bool
    refused: bool
    refunded: Decimal
    invoiced: Decimal
    recovered: Decimal
    booked: bool = False
    stopping: bool = False
    awaited: bool = False
    rest: Decimal = Decimal(0)
    twice: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    settled: Decimal = Decimal(0)


def state_of(facts: Facts) -> SaleState:
    """Return how far an after-sale has come. Pure: the same facts give the same state.

    An exchange without a refund is settled once the goods are back: its invoice still holds. With
    a refund it is a return, and what goes out instead an order of its own. A cancelled order that
    was paid waits for its whole refund as goods do that came back.
    """
    if facts.refused:
        return SaleState.REFUSED
    if facts.kind is SaleKind.CANCELLATION:
        if facts.refunded + facts.settled < facts.paid or not facts.refunded + facts.settled:
            return SaleState.RECEIVED
        return SaleState.SETTLED if not open_amount(facts) else SaleState.REFUNDED
    if facts.stopping:
        return SaleState.REQUESTED
    if facts.goods_back and not facts.received:
        return SaleState.RETURNING if facts.registered else SaleState.REQUESTED
    if not facts.refunded and not facts.booked:
        return SaleState.SETTLED if facts.kind is SaleKind.EXCHANGE else SaleState.RECEIVED
    if open_amount(facts):
        return SaleState.REFUNDED
    return SaleState.INVOICING if facts.awaited else SaleState.SETTLED


def open_amount(facts: Facts) -> Decimal:
    """Return what of the refund's invoice is not recovered: never more than was invoiced."""
    return max(min(facts.refunded, facts.invoiced) - facts.recovered, Decimal(0))


def counted(kind: SaleKind, booked: Sequence[Decimal], worth: Decimal) -> Decimal:
    """Return what refunds that belong to one request amount to.

    Some storefronts book an exchange's refund twice, when the goods come back and when others go
    out: it counts once, up to the `worth` of the goods.
    """
    total = sum(booked, Decimal(0))
    return min(total, worth) if kind is SaleKind.EXCHANGE else total


def share_out(amounts: Sequence[tuple[str, Decimal]], taken_back: Decimal) -> dict[str, Decimal]:
    """Give what invoices took back to refunds, the oldest first.

    `amounts` are (reference, what must be recovered) in the sequence of the refunds.
    """
    shares = {}
    for reference, amount in amounts:
        share = min(amount, taken_back)
        shares[reference] = share
        taken_back -= share
    return shares


def age_band(days: int) -> str:
    """Return how long an invoice has been waiting to be recovered, in the bands finance uses."""
    for most, name in ((7, "0–7"), (30, "8–30"), (90, "31–90")):
        if days <= most:
            return name
    return "90+"
