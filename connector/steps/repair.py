"""What a person does to an order: retry, cancel, settle its customer. Every act is an event."""

from __future__ import annotations

from connector.domain.lifecycle import HoldCause, Stage
from connector.errors import Rejected
from connector.steps.confirm import confirm_all
from connector.steps.context import Context, buyer_key
from connector.steps.correct import correct, usable
from connector.steps.recognise import create_customer
from connector.steps.walk import commit, decide, walk
from connector.store.calls import CallState
from connector.store.orders import Change, StaleOrder
from connector.store.tables import CallRow, OrderRow

_REFUSED = (HoldCause.REJECTED, HoldCause.IN_DOUBT, HoldCause.MAPPING)


def retry(context: Context, row: OrderRow, actor: str) -> OrderRow:
    """Look at an order again now, and return where it then stands.

    What the other side refused may be sent again; what is in doubt is asked about first. Of an
    order that was released, it is what could not be written back: the next run tries again.
    """
    stage = Stage(row.stage)
    if stage.ended or (stage is Stage.READY and not row.cancel_requested):
        return row
    if stage.released and row.hold_cause not in _REFUSED:
        return row
    for call in context.calls.of_order(row.id):
        if call.state == CallState.REJECTED:
            context.calls.release(call, f"to be sent again: {actor}")
    change = Change(
        event="retry",
        text="looked at again by hand",
        # An invalid or refunded order is judged anew; the others go on where they stand.
        stage=Stage.RECEIVED if stage in (Stage.RECEIVED, Stage.VALID) else None,
        keep_hold=row.hold_cause in (HoldCause.CHANGED, HoldCause.DISCREPANCY),
        next_try_at=None if stage.released else context.clock(),
    )
    return _on(context, context.orders.apply(row, change, actor, context.clock()), actor)


def request_cancel(context: Context, row: OrderRow, actor: str) -> OrderRow:
    """Stop an order everywhere before release. Raises Rejected once it is released."""
    stage = Stage(row.stage)
    if stage is Stage.CANCELLED:
        return row
    if stage.released:
        raise Rejected(
            "released",
            f"order {row.number} is {row.stage}",
            remedy="take the goods back as a return",
        )
    change = Change(
        event="cancel_requested",
        text="cancelled by hand",
        next_try_at=context.clock(),
        values={"cancel_requested": True},
    )
    return _on(context, context.orders.apply(row, change, actor, context.clock()), actor)


def link_customer(
    context: Context, row: OrderRow, number: str, actor: str, *, correcting: bool | None = None
) -> list[OrderRow]:
    """Say that the buyer of an order is this SAP customer; every order of the buyer goes on.

    When `correcting`, the buyer's data is written into the SAP record first; by default as the
    policy says. Raises Rejected for a customer that is not there, deleted or blocked.
    """
    found = usable(context.sap_customers.read_back(number), number)
    order = context.read(row)
    key = buyer_key(order.buyer)
    text = f"linked to customer {found.number}"
    if correcting is None:
        correcting = context.policy.correct_linked
    if correcting and correct(context, row, order, found):
        text += ", which was corrected"
    context.customers.bind(key, found.number, "linked", actor, context.clock())
    return _held_for_review(context, key, actor, text)


def new_customer(context: Context, row: OrderRow, actor: str) -> list[OrderRow]:
    """Say that the buyer of an order is new: the customer is created once in SAP."""
    order = context.read(row)
    row = commit(context, row, decide(context, row, create_customer), actor)
    key = buyer_key(order.buyer)
    if row.hold_cause is not None or context.customers.get(key) is None:
        return [row]
    others = _held_for_review(context, key, actor, f"customer {row.customer_number}")
    return [_on(context, row, actor), *others]


def _held_for_review(context: Context, key: str, actor: str, text: str) -> list[OrderRow]:
    moved = []
    for row in context.orders.listed(hold=HoldCause.CUSTOMER_REVIEW, limit=100_000):
        if row.buyer_key != key:
            continue
        change = Change(event="customer_settled", text=text, next_try_at=context.clock())
        try:
            row = context.orders.apply(row, change, actor, context.clock())
        except StaleOrder:
            continue
        moved.append(_on(context, row, actor))
    return moved


def _on(context: Context, row: OrderRow, actor: str) -> OrderRow:
    row = walk(context, row.id, actor)
    if row.stage == Stage.PLACED and row.next_try_at is not None and not row.cancel_requested:
        confirm_all(context, [row], actor)
        row = walk(context, row.id, actor)
    return row


def ask_about(context: Context, call: CallRow, actor: str) -> str:
    """Have the order of a call whose outcome is open walked on, which begins with asking."""
    if call.state not in (CallState.SENT, CallState.IN_DOUBT):
        return f"call {call.id} is {call.state}; there is nothing to ask"
    if call.order_pk is None:
        return f"call {call.id} belongs to no order"
    row = context.orders.get(call.order_pk)
    after = retry(context, row, actor)
    settled = context.calls.get(call.id)
    state = settled.state if settled else "gone"
    return f"call {call.id}: {state}; order {after.number}: {after.stage} {after.hold_cause or ''}"


def resolve_call(context: Context, call: CallRow, found: str | None, actor: str) -> str:
    """Note what a person found out about a call, and let its order go on."""
    if found is not None:
        settled = context.calls.confirm(call, found, {"settled_by": actor}, context.clock())
    else:
        settled = context.calls.release(call, f"absent, says {actor}")
    if not settled:
        return f"call {call.id} has moved on meanwhile; nothing was changed, look at it again"
    if call.order_pk is None:
        return f"call {call.id} settled"
    row = context.orders.get(call.order_pk)
    context.orders.note(
        row.id,
        Change(
            event="call_resolved",
            text=f"call {call.id} {f'confirmed as {found}' if found else 'took no effect'}",
        ),
        actor,
        context.clock(),
    )
    after = retry(context, context.orders.get(row.id), actor)
    return f"call {call.id} settled; order {after.number}: {after.stage} {after.hold_cause or ''}"
