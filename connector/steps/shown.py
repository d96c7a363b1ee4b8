"""What the shop shows of a known order, in the words of what was accepted of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.domain.accepted import as_accepted
from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.order import OrderLine
from connector.domain.reading import read_order
from connector.steps.content import SAID_HERE
from connector.steps.context import Context
from connector.store.calls import CallState
from connector.store.tables import OrderRow

_NOT_ACCEPTED = (
    HoldCause.INVALID, HoldCause.SHOP_DATA, HoldCause.UNASSIGNED, HoldCause.REJECTED,
    HoldCause.MAPPING,
)  # fmt: skip


def known_content(context: Context, row: OrderRow, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the shop shows of a known order, as far as something else was ordered.

    A part number that was accepted stays. Not accepted is what an order is held for before
    anything was placed, and what changed mappings may read otherwise before then.
    """
    placed = Stage(row.stage).position >= Stage.PLACED.position
    # Names that were masked for their age are not given back to an order.
    accepted = not forgotten(row) and (
        placed
        or (
            row.hold_cause not in _NOT_ACCEPTED
            and row.mapping_version == context.mappings().version
        )
    )
    said = {name: row.content[name] for name in SAID_HERE if name in row.content}
    return {**as_accepted(row.content, content, parts=accepted), **said}


def read_anew(context: Context, row: OrderRow) -> dict[str, Any]:
    """Return what the payload that was taken last says under the mapping in force."""
    content, _ = context.mappings()["storefront_order"].apply_leniently(row.payload)
    identity = str(content.get("order_id") or row.payload.get("id") or "").strip()[:64]
    return known_content(context, row, {**content, "order_id": identity, "number": row.number})


def refunded_lines(
    context: Context, row: OrderRow, content: Mapping[str, Any]
) -> tuple[OrderLine, ...]:
    """Return the lines of an order with what was refunded of each; none where it is unreadable."""
    order, _ = read_order(content, shop=row.shop)
    return context.with_spread(order, row).lines if order is not None else ()


def forgotten(row: OrderRow) -> bool:
    """Whether personal data of what was taken of an order last was masked or dropped for age."""
    return row.masked_at is not None and row.masked_at >= row.updated_at


def has_left(context: Context, row: OrderRow) -> bool:
    """Whether the warehouse has the order: released, or shipped ahead of its wave."""
    return Stage(row.stage).released or any(
        each.kind in ("shipment", "invoice") for each in context.orders.documents(row.id)
    )


def was_sent(context: Context, row: OrderRow) -> bool:
    """Whether the DMS may hold something of the order."""
    return Stage(row.stage).position >= Stage.PLACED.position or any(
        call.system == "dms" and (call.attempts or call.state != CallState.PENDING)
        for call in context.calls.of_order(row.id)
    )
