"""What happens after the sale: cancellation, return, exchange, refund, and the invoice's recovery.

Rule's source: workflow.md, step 8. A refund whose invoice is neither recovered (退款发票回收) nor
reversed by a red-letter invoice (红字发票) stays on a list that finance sees daily.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from connector.domain.lifecycle import Owner


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
    REFUNDED = "refunded"  # the money went back; the invoice is not recovered: 退款发票未回收
    SETTLED = "settled"  # nothing is left to be done
    REFUSED = "refused"  # the DMS refused the return


_OWNERS = {
    SaleState.REQUESTED: Owner.OPS,
    SaleState.RETURNING: Owner.WAREHOUSE,
    SaleState.RECEIVED: Owner.SALES_REP,
    SaleState.REFUNDED: Owner.BU_FINANCE,
    SaleState.SETTLED: Owner.NOBODY,
    SaleState.REFUSED: Owner.OPS,
}


def owner_of(state: str) -> Owner:
    """Return who must act for it to go on."""
    return _OWNERS[SaleState(state)]


@dataclass(frozen=True)
class Returned:
    """Pieces of one line that come back, and what they are worth to the buyer."""

    line: int
    quantity: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Facts:
    """What the systems say of one after-sale by now.

    `refunded` is what the storefront booked; `invoiced` what was invoiced of the order before;
    `recovered` what red-letter and recovered invoices took back for it.
    """

    kind: SaleKind
    goods_back: bool  # whether goods are to come back
    registered: bool
    received: bool
    refused: bool
    refunded: Decimal
    invoiced: Decimal
    recovered: Decimal


def state_of(facts: Facts) -> SaleState:
    """Return how far an after-sale has come. Pure: the same facts give the same state.

    An exchange without a refund is settled once the goods are back: its invoice still holds. With
    a refund it is a return, and what goes out instead an order of its own.
    """
    if facts.refused:
        return SaleState.REFUSED
    if facts.kind is SaleKind.CANCELLATION:
        return SaleState.SETTLED if not open_amount(facts) else SaleState.REFUNDED
    if facts.goods_back and not facts.received:
        return SaleState.RETURNING if facts.registered else SaleState.REQUESTED
    if not facts.refunded:
        return SaleState.SETTLED if facts.kind is SaleKind.EXCHANGE else SaleState.RECEIVED
    return SaleState.REFUNDED if open_amount(facts) else SaleState.SETTLED


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


def age_band(refunded: date, today: date) -> str:
    """Return how long an invoice has been waiting to be recovered, in the bands finance uses."""
    days = (today - refunded).days
    for most, name in ((7, "0–7"), (30, "8–30"), (90, "31–90")):
        if days <= most:
            return name
    return "90+"
