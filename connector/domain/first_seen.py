"""Orders that show, when they are seen first, that they may have been shipped by others.

What was completed before the first start is known. Of any other order that shows one of these signs
nobody here can tell whether the goods are out: a person says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from connector.domain.order import Order, PaymentState
from connector.domain.reader import Reader
from connector.wording import Said
from connector.wording import course as words


class Sign(StrEnum):
    """Why an order may have been shipped already."""

    COMPLETED = "completed"  # after the first start, and nothing of it went through here
    ONCE_COMPLETED = "once_completed"  # it bears a time of completion, and is open again
    SHIPMENT_TOLD = "shipment_told"  # it bears a shipment
    EARLIER = "earlier"  # placed and paid before the time from which orders are ours


def done_before(order: Order | None, content: Mapping[str, Any], since: datetime) -> bool:
    """Whether an order was done before the first start: its documents lie outside the connector.

    A storefront that shows no time of completion is believed that it was before then. An order
    that ended afterwards bears the time still: it is done, and its money goes back. What had ended
    already by the first start, and did not change since, was settled with its documents.
    """
    if order is None or order.placed_at >= since:
        return False
    completed_at = Reader().time(content.get("completed_at"), "completed_at", required=False)
    if order.payment_state is PaymentState.COMPLETED:
        return (completed_at or order.placed_at) < since
    if order.payment_state is not PaymentState.CANCELLED or completed_at is None:
        return False
    times = [order.modified_at, *(each.refunded_at or since for each in order.refunds)]
    return completed_at < since <= max(times)


def sign_of(
    order: Order | None, content: Mapping[str, Any], ours_from: datetime | None
) -> Sign | None:
    """Return the sign that an order shows which is not known; None for one that is surely open.

    `ours_from` is from when the intake reads; None while nobody has said so.
    """
    state = content.get("payment_state")
    if state in (PaymentState.CANCELLED, PaymentState.CART):
        return None
    if state == PaymentState.COMPLETED:
        return Sign.COMPLETED
    if content.get("completed_at"):
        return Sign.ONCE_COMPLETED
    if content.get("shipment_told"):
        return Sign.SHIPMENT_TOLD
    if order is None or ours_from is None or state != PaymentState.PAID:
        return None
    paid_at = order.paid_at or order.placed_at
    return Sign.EARLIER if max(order.placed_at, paid_at) < ours_from else None


def told(sign: Sign) -> Said:
    """Return the sign in a sentence."""
    return {
        Sign.COMPLETED: words.SEEN_COMPLETED,
        Sign.ONCE_COMPLETED: words.SEEN_ONCE_COMPLETED,
        Sign.SHIPMENT_TOLD: words.SEEN_SHIPMENT,
        Sign.EARLIER: words.SEEN_EARLIER,
    }[sign]()
