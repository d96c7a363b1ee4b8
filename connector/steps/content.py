"""What an order that was taken in is kept as: its columns, and the hash of what was ordered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from connector.domain.currency import code_of
from connector.domain.order import Order, PaymentState
from connector.store.tables import OrderRow
from connector.store.types import dumps

# What the storefront changes by itself as an order goes on; it is no change of what was ordered.
COURSE = ("status", "payment_state", "modified_at", "paid_at", "completed_at", "shipment_told")
# What comes after the sale; it is no change of what was ordered either.
AFTER = ("refunds", "return_requests")
# Why the order may have been shipped when it was first seen, and the key of the buyer whose
# document a person accepted: neither is anything that the storefront shows.
FIRST_SEEN, ACCEPTED = "first_seen", "accepted_document"
SAID_HERE = (FIRST_SEEN, ACCEPTED)
_LARGEST = Decimal(10) ** 13
# Names in the content the storefront's other order that bears this order's number.
SAME_NUMBER = "same_number_as"


class Taken(StrEnum):
    """What became of a payload."""

    NEW = "new"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    ECHO = "echo"
    CART = "cart"  # nobody ordered it yet
    KNOWN = "known"  # completed before our first day
    QUARANTINED = "quarantined"


def columns(
    content: Mapping[str, Any], order: Order | None, now: datetime, row: OrderRow | None = None
) -> dict[str, Any]:
    """Return the columns by which an order is found; `row` is the order as it stands by now."""
    placed = order.placed_at if order else (row.placed_at if row else now)
    total = order.total if order is not None and abs(order.total) < _LARGEST else None
    return {
        "status": str(content.get("status") or "")[:40],
        "payment_state": str(content.get("payment_state") or PaymentState.UNKNOWN)[:20],
        "placed_at": placed,
        "total": round(total, 4) if total is not None else None,
        "currency": code_of(order.currency) if order else "",
    }


def content_hash(content: Mapping[str, Any]) -> str:
    """Return the hash of what was ordered, without the course that the order takes."""
    kept = {name: value for name, value in content.items() if name not in (*COURSE, *SAID_HERE)}
    return hashlib.sha256(dumps(kept).encode()).hexdigest()
