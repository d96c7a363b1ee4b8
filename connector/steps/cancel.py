"""Step: an order that the storefront or ops cancelled before release is stopped everywhere."""

from __future__ import annotations

from connector.domain.lifecycle import HoldCause, Stage
from connector.errors import AlreadyThere
from connector.steps.context import Context
from connector.steps.outbound import Ask, Document
from connector.steps.sales_order import CONVERSATION as SALES_ORDER
from connector.steps.sales_order import (
    Differs,
    asker,
    discrepancy,
    finish,
    live,
    open_orders,
    unit_of,
)
from connector.store.calls import Call, CallState
from connector.store.changes import Change, Hold, NewDocument
from connector.store.tables import CallRow, OrderRow
from connector.wording import Said, course

CONVERSATION = "dms_cancel"


def cancel(context: Context, row: OrderRow) -> Change:
    """Cancel one sales order in the DMS, or end the order when none is left there.

    A creation whose outcome is open is settled first: what may exist must be cancelled too.
    """
    documents = context.orders.documents(row.id)
    for held in live(documents):
        if held.kind == "sales_order":
            return cancel_sales_order(
                context, row, held.business_unit, held.number, course.CANCELLED_THERE()
            )
    known = {each.number for each in documents}
    for call in context.calls.of_order(row.id):
        if call.system != "dms" or call.operation != SALES_ORDER:
            continue
        if call.state == CallState.REJECTED:
            continue
        unit = unit_of(context, row, call)
        try:
            made = context.outbound.outcome(call, asker(context, row.number, unit, None))
        except Differs as difference:
            return discrepancy(difference)
        if made is not None and made.number not in known:
            return cancel_sales_order(context, row, unit, made.number, course.CANCELLED_THERE())
    return Change(
        event="cancelled",
        text=course.STOPPED_EVERYWHERE(),
        stage=Stage.CANCELLED,
        values={"backorder": None},
        free_allocations=True,
    )


def cancel_sales_order(
    context: Context, row: OrderRow, unit: str, number: str, reason: Said
) -> Change:
    """Cancel one sales order, with what belongs to it. Raises as `Outbound.perform` does.

    A DMS without such an operation is left to people; what it shows no longer is cancelled.
    """
    if not context.dms.can(CONVERSATION):
        return _left_to_people(context, row, unit, number, reason)
    source = {
        "sales_order": number,
        "external_number": row.number,
        "reference": f"{row.number}-{unit}",
        "business_unit": {"code": unit, "dms_code": context.business_units[unit].dms_code},
        "reason": str(reason),
    }
    prepared = context.dms.prepare(CONVERSATION, source)

    def send() -> Document:
        try:
            return Document(number, context.dms.send(prepared))
        except AlreadyThere:
            # Cancelled already is what was wanted; there is no content to compare.
            return Document(number, {})

    call = Call(
        system="dms",
        operation=CONVERSATION,
        subject=f"{row.shop}/{row.number}",
        part=f"{unit}/{number}",
        reference=number,
        request=prepared.body,
        order_pk=row.id,
        mapping_version=prepared.mapping_version,
    )
    made = context.outbound.perform(call, send=send, ask=_asker(context, row, unit, number))
    finish(context, row, call, prepared, made, "")
    return _cancelled(context, unit, number, reason, prepared.mapping_version)


def settled(context: Context, row: OrderRow, call: CallRow) -> Change | None:
    """Settle a cancellation that an earlier revision asked for, of an order that goes on after all.

    Returns the change by which its sales order is cancelled, where it is; None where it stays. What
    may still arrive is waited for. Raises as `Outbound.outcome` does.
    """
    for held in live(context.orders.documents(row.id)):
        if held.kind == "sales_order" and held.number == call.reference:
            ask = _asker(context, row, held.business_unit, held.number)
            if context.outbound.outcome(call, ask) is not None:
                unit, reason = held.business_unit, course.CANCELLED_THERE()
                return _cancelled(context, unit, held.number, reason, call.mapping_version)
    return None


def _asker(context: Context, row: OrderRow, unit: str, number: str) -> Ask | None:
    if not context.dms.can("dms_find"):
        return None

    def ask() -> Document | None:
        left = open_orders(context, row.number, unit)
        return None if any(str(each["number"]) == number for each in left) else Document(number, {})

    return ask


def _cancelled(
    context: Context, unit: str, number: str, reason: Said, mapping_version: str
) -> Change:
    return Change(
        event="cancellation",
        text=course.SALES_ORDER_CANCELLED(number=number, unit=unit, reason=reason),
        documents=(NewDocument("cancellation", "dms", unit, number, context.clock()),),
        next_try_at=context.clock(),
        mapping_version=mapping_version,
    )


def cancelled_by_people(context: Context, unit: str, number: str) -> Change:
    """Return the change by which people have cancelled a sales order in the DMS."""
    return Change(
        event="cancellation",
        text=course.CANCELLED_BY_PEOPLE(number=number, unit=unit),
        documents=(NewDocument("cancellation", "dms", unit, number, context.clock()),),
        next_try_at=context.clock(),
    )


def _left_to_people(
    context: Context, row: OrderRow, unit: str, number: str, reason: Said
) -> Change:
    if context.dms.can("dms_find"):
        left = open_orders(context, row.number, unit)
        if not any(str(each["number"]) == number for each in left):
            return cancelled_by_people(context, unit, number)
    task = course.CANCEL_BY_HAND(number=number, unit=unit, order=row.number, reason=reason)
    return Change(
        event="held",
        text=task,
        hold=Hold(HoldCause.BY_HAND, (task,)),
        next_try_at=context.clock() + context.policy.review_again,
    )
