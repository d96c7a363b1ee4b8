"""An order's whole story, masked, for the command line and the status page."""

from __future__ import annotations

from typing import Any

from connector.bootstrap import Connector
from connector.domain.masking import mask_said
from connector.errors import UnreadableOrder
from connector.store.tables import OrderRow
from connector.wording import Said, quoted


def _reasons(row: OrderRow) -> list[Said]:
    reasons = [mask_said(reason) for reason in row.hold_reasons or []]
    broken = UnreadableOrder(row.number).said
    return [broken, *reasons] if row.unreadable and broken not in reasons else reasons


def story_of(connector: Connector, row: OrderRow) -> dict[str, Any]:
    """Return everything known of an order: times aware, amounts Decimal, nothing personal.

    Its texts are `Said`: in English, and in Chinese as `chinese`.
    """
    orders = connector.context.orders
    return {
        "number": row.number,
        "shop": row.shop,
        "stage": row.stage,
        "backorder": row.backorder,
        "hold": row.hold_cause,
        "reasons": _reasons(row),
        "held_since": row.hold_since,
        "placed_at": row.placed_at,
        "received_at": row.received_at,
        "deadline_at": row.deadline_at,
        "next_try_at": row.next_try_at,
        "revision": row.revision,
        "total": row.total,
        "currency": row.currency,
        "customer": row.customer_number,
        "business_units": row.business_units,
        "mapping_version": row.mapping_version,
        "lines": [
            {
                "line": line.number,
                "sku": line.sku,
                "quantity": line.quantity,
                "amount": line.amount,
                "allocated": line.allocated,
                "shipped": line.shipped,
            }
            for line in orders.lines(row.id)
        ],
        "documents": [
            {
                "kind": each.kind,
                "system": each.system,
                "number": each.number,
                "at": each.at,
                "written_back_at": each.written_back_at,
            }
            for each in orders.documents(row.id)
        ],
        "waves": [
            {
                "wave": wave.business_unit,
                "cutoff_at": wave.cutoff_at,
                "released": seen.released,
                "late": seen.late,
                "reason": mask_said(seen.reason),
            }
            for wave, seen in connector.waves.of_order(row.id)
        ],
        "calls": [
            {
                "id": call.id,
                "system": call.system,
                "operation": call.operation,
                "state": call.state,
                "attempts": call.attempts,
                "asked": call.asked,
                "document": call.document,
                "mapping_version": call.mapping_version,
                "error": mask_said(call.error or quoted("")),
            }
            for call in connector.context.calls.of_order(row.id)
        ],
        "events": [
            {
                "at": event.at,
                "actor": event.actor,
                "kind": event.kind,
                "text": mask_said(event.text),
            }
            for event in orders.events(row.id)
        ],
    }
