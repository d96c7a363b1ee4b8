"""Open money: what our documents and what the buyer paid differ by, and no line explains.

Rule's source: workflow.md, "What no line explains is open money, carried from day to day until it
is zero". It is positive where documents stand for more than the buyer still pays (a refund by
amount only, or of more than its lines come to), negative where they stand for less (a paid order
that was cancelled, its money here).
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from connector.domain.aftersales import Facts, SaleKind, SaleState
from connector.domain.order import Order, Refund

_ZERO = Decimal(0)
_FIRST = datetime.min.replace(tzinfo=UTC)


def since_placed(order: Order, worth: Decimal | None) -> tuple[Refund, ...]:
    """Return the refunds that the sales orders know nothing of; `worth` is what these come to.

    The oldest refunds are those that they are less by. Where that does not work out, or their
    worth is not known, they know of none.
    """
    oldest_first = sorted(order.refunds, key=lambda each: each.refunded_at or _FIRST)
    known = _ZERO
    for at, refund in enumerate(oldest_first):
        if worth is not None and known == order.total - worth:
            return tuple(oldest_first[at:])
        known += refund.amount
    return () if worth is not None and known == order.total - worth else tuple(oldest_first)


def unborne(order: Order) -> dict[str, Decimal]:
    """Return by refund what of it neither lines nor freight bear: beyond what these come to.

    The oldest refunds come first: a line that they used up bears nothing of later ones, nor do
    freight and charges.
    """
    left = {line.number: line.amount for line in order.lines}
    freight = order.freight
    made = {}
    for refund in sorted(order.refunds, key=lambda each: each.refunded_at or _FIRST):
        borne = min(refund.freight, freight)
        freight -= borne
        beyond = refund.freight - borne
        for line in refund.lines:
            if line.number:
                borne = min(line.amount, left[line.number])
                left[line.number] -= borne
                beyond += line.amount - borne
        made[refund.refund_id] = refund.rest + beyond
    return made


def open_money(facts: Facts, state: SaleState) -> Decimal:
    """Return what is open of one after-sale by now. Pure: the same facts give the same amount."""
    if facts.kind is SaleKind.CANCELLATION:
        return min(facts.refunded + facts.settled - facts.paid, _ZERO)
    beyond = max(facts.recovered - facts.refunded, _ZERO)
    twice = max(facts.twice - beyond, _ZERO)
    if state is not SaleState.SETTLED:
        left = facts.refunded - facts.recovered
        return twice + (min(facts.rest, max(left, _ZERO)) if facts.rest > 0 else facts.rest)
    # Documents that were taken back for more than was given back.
    return twice - min(max(-facts.rest, _ZERO), beyond)
