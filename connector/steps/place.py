"""Step: the sales order in the DMS, one per business unit (workflow.md, step 3)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connector.domain.lifecycle import HoldCause, Stage
from connector.errors import InDoubt
from connector.steps.context import Context, part_source
from connector.steps.outbound import Ask, Document
from connector.store.calls import Call
from connector.store.orders import Change, Hold, NewDocument
from connector.store.tables import OrderRow

CONVERSATION = "dms_sales_order"


class Differs(Exception):
    """The DMS holds something else under our number than what was to be sent."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def place(context: Context, row: OrderRow) -> Change:
    """Create the sales order of the first business unit that has none yet."""
    order = context.read(row)
    placed = {
        document.business_unit
        for document in context.orders.documents(row.id, "sales_order")
        if not document.detail.get("cancelled")
    }
    missing = [unit for unit in order.business_units if unit not in placed]
    if not missing:
        return _placed(context, "sales order in the DMS")
    unit = missing[0]
    source = part_source(context, row, order, unit)
    prepared = context.dms.prepare(CONVERSATION, source)
    try:
        made = context.outbound.perform(
            order_call(context, row, unit, prepared.body),
            send=lambda: _document(context.dms.send(prepared)),
            ask=asker(context, row.number, unit, source["total"]),
        )
    except Differs as difference:
        return Change(
            event="held",
            text="the DMS holds another order under this number",
            hold=Hold(HoldCause.DISCREPANCY, difference.reasons),
        )
    # The nightly reconciliation asks the DMS for as much as was placed.
    detail = {"notes": list(prepared.notes), "total": source["total"]}
    document = NewDocument("sales_order", "dms", unit, made.number, context.clock(), detail)
    if len(missing) > 1:
        return Change(
            event="sales_order",
            text=f"sales order {made.number} ({unit})",
            documents=(document,),
            next_try_at=context.clock(),
            mapping_version=prepared.mapping_version,
        )
    return _placed(
        context, f"sales order {made.number} ({unit})", document, prepared.mapping_version
    )


def order_call(context: Context, row: OrderRow, unit: str, body: dict[str, Any]) -> Call:
    """Return the call that creates the sales order of one business unit."""
    return Call(
        system="dms",
        operation=CONVERSATION,
        subject=f"{row.shop}/{row.number}",
        part=unit,
        reference=row.number,
        request=body,
        revision=row.revision,
        order_pk=row.id,
        mapping_version=context.mappings()[CONVERSATION].version,
    )


def asker(context: Context, number: str, unit: str, total: Decimal | None) -> Ask | None:
    """Return how the DMS is asked for our sales order; None when it cannot be asked.

    What it holds must be one order of the same total, otherwise Differs.
    """
    if not context.dms.can("dms_find"):
        return None

    def ask() -> Document | None:
        found = open_orders(context, number, unit)
        if not found:
            return None
        if len(found) > 1:
            numbers = ", ".join(str(each["number"]) for each in found)
            raise Differs((f"the DMS holds {len(found)} orders for {number}: {numbers}",))
        held = found[0].get("total")
        if total is not None and held is not None and Decimal(str(held)) != total:
            raise Differs(
                (f"{found[0]['number']} in the DMS is of {held}, the storefront's of {total}",)
            )
        return Document(str(found[0]["number"]), {})

    return ask


def open_orders(context: Context, number: str, unit: str) -> list[dict[str, Any]]:
    """Return the DMS's orders under our number that are not cancelled."""
    found = context.dms.find(number, context.business_units[unit].dms_code)
    if found is None:
        raise InDoubt("the DMS cannot be asked by external number", place=f"order {number}")
    return [order for order in found if order.get("status") != "cancelled"]


def _document(answer: dict[str, Any]) -> Document:
    return Document(str(answer["number"]), answer)


def _placed(
    context: Context, text: str, document: NewDocument | None = None, version: str = ""
) -> Change:
    return Change(
        event="placed",
        text=text,
        stage=Stage.PLACED,
        documents=(document,) if document else (),
        next_try_at=context.clock(),
        mapping_version=version,
    )
