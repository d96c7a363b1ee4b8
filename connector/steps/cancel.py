"""Step: an order that the storefront or ops cancelled before release is stopped everywhere."""

from __future__ import annotations

from connector.domain.lifecycle import Stage
from connector.steps.context import Context
from connector.steps.outbound import Document
from connector.steps.place import asker, open_orders, order_call
from connector.store.calls import Call
from connector.store.orders import Change, NewDocument
from connector.store.tables import OrderRow

CONVERSATION = "dms_cancel"


def cancel(context: Context, row: OrderRow) -> Change:
    """Cancel one sales order in the DMS, or end the order when none is left there.

    A creation whose outcome is open is settled first: what may exist must be cancelled too.
    """
    documents = context.orders.documents(row.id)
    gone = {each.business_unit for each in documents if each.kind == "cancellation"}
    for unit in filter(None, row.business_units.split(",")):
        if unit in gone:
            continue
        number = _sales_order(context, row, unit)
        if number is None:
            continue
        source = {
            "sales_order": number,
            "external_number": row.number,
            "business_unit": {"code": unit, "dms_code": context.business_units[unit].dms_code},
            "reason": "cancelled in the storefront",
        }
        prepared = context.dms.prepare(CONVERSATION, source)

        def asked(unit: str = unit, number: str = number) -> Document | None:
            left = open_orders(context, row.number, unit)
            return None if any(each["number"] == number for each in left) else Document(number, {})

        context.outbound.perform(
            Call(
                system="dms",
                operation=CONVERSATION,
                subject=f"{row.shop}/{row.number}",
                part=unit,
                reference=number,
                request=prepared.body,
                revision=row.revision,
                order_pk=row.id,
                mapping_version=prepared.mapping_version,
            ),
            send=lambda prepared=prepared, number=number: Document(  # type: ignore[misc]
                number, context.dms.send(prepared)
            ),
            ask=asked if context.dms.can("dms_find") else None,
        )
        return Change(
            event="cancellation",
            text=f"sales order {number} ({unit}) cancelled in the DMS",
            documents=(NewDocument("cancellation", "dms", unit, number, context.clock()),),
            next_try_at=context.clock(),
        )
    return Change(
        event="cancelled",
        text="stopped everywhere before release",
        stage=Stage.CANCELLED,
        free_allocations=True,
    )


def _sales_order(context: Context, row: OrderRow, unit: str) -> str | None:
    for document in context.orders.documents(row.id, "sales_order"):
        if document.business_unit == unit:
            return document.number
    recorded = context.calls.find(order_call(context, row, unit, {}).key)
    if recorded is None:
        return None
    made = context.outbound.outcome(recorded, asker(context, row.number, unit, None))
    return made.number if made else None
