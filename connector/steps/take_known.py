"""Takes an order again that was completed before the connector's first day.

Its documents were made outside the connector, and nothing is called for it. What the storefront
changes of it is kept, so that finance hears of money that goes back (`domain/known.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.domain.order import PaymentState
from connector.steps.content import Taken, content_hash
from connector.steps.context import Context
from connector.steps.difference import differences
from connector.store.changes import Change
from connector.store.tables import OrderRow
from connector.wording import course


def take_known(context: Context, row: OrderRow, fresh: Mapping[str, Any], actor: str) -> Taken:
    """Keep what the storefront shows of it now: `fresh` are its columns. Raises StaleOrder."""
    content = fresh["content"]
    values = dict(fresh)
    # What it was worth when it was first seen stays: what it is worth less since is told.
    del values["total"]
    reordered = content_hash(row.content) != fresh["content_hash"]
    change = Change(
        event="storefront",
        text=course.KNOWN_CHANGED(status=content.get("status")),
        detail=differences(row.content, content) if reordered else {},
        keep_hold=True,
        values=values,
    )
    context.orders.apply(row, change, actor, context.clock())
    cancelled = fresh["payment_state"] == PaymentState.CANCELLED
    return Taken.CANCELLED if cancelled else Taken.CHANGED


def gone_known(context: Context, row: OrderRow, actor: str) -> Taken:
    """Take in that the storefront deleted it: the buyer owes nothing for it any more."""
    if row.payment_state == PaymentState.CANCELLED:
        return Taken.ECHO
    state = PaymentState.CANCELLED.value
    change = Change(
        event="storefront",
        text=course.DELETED_THERE(),
        keep_hold=True,
        values={"payment_state": state, "content": {**row.content, "payment_state": state}},
    )
    context.orders.apply(row, change, actor, context.clock())
    return Taken.CANCELLED
