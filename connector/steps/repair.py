"""What a person does to an order: retry, cancel, settle its customer. Every act is an event.

Each act begins with a change of the order that only the newest version of it allows. Of two
people who act at once, or of a person and the service, one wins; the other looks again, or is
told. What was sent, is sent once whoever asks: see `connector.steps.outbound`.
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.masking import mask_text
from connector.errors import Rejected, RetryLater
from connector.steps.confirm import Stock, awaits_stock, confirm_all
from connector.steps.context import Context, buyer_key, readable
from connector.steps.correct import CORRECT, correct, settle, usable, withdraw
from connector.steps.payment import unpaid, unsettled
from connector.steps.recognise import create_customer, creation
from connector.steps.walk import commit, decide, walk
from connector.store.calls import ASK_FIRST, WITHDRAWN, CallState
from connector.store.changes import Change, StaleOrder
from connector.store.tables import CallRow, OrderRow
from connector.wording import Said, course, systems

_REFUSED = (HoldCause.REJECTED, HoldCause.IN_DOUBT, HoldCause.MAPPING)
# What a person settles, and no look at it ends.
_STAYS = (HoldCause.CHANGED, HoldCause.DISCREPANCY)
# An order that changes under our hands this often is being moved; it needs nobody.
_LOOKS = 3


def retry(context: Context, row: OrderRow, actor: str, reason: str = "") -> OrderRow:
    """Look at an order again now, and return where it then stands.

    What the other side refused may be sent again; what is in doubt is asked about first. Of an
    order that was released, it is what could not be written back: the next run tries again.
    Raises UnreadableOrder.
    """
    readable(row)
    for _ in range(_LOOKS):
        stage = Stage(row.stage)
        if stage.ended or (
            stage is Stage.READY and not row.cancel_requested and not unsettled(row)
        ):
            return row
        rested = stage.released and row.backorder is None
        if rested and row.hold_cause not in _REFUSED:
            return row
        for call in context.calls.of_order(row.id):
            if call.state == CallState.REJECTED and call.code != WITHDRAWN:
                context.calls.release(call, systems.SENT_AGAIN(actor=actor), ASK_FIRST)
        change = Change(
            event="retry",
            text=remarked(course.LOOKED_AGAIN(), reason),
            # An invalid or refunded order is judged anew; the others go on where they stand.
            stage=Stage.RECEIVED if stage in (Stage.RECEIVED, Stage.VALID) else None,
            keep_hold=row.hold_cause in _STAYS,
            hold=unpaid(row) if rested and row.hold_cause not in _STAYS else None,
            next_try_at=None if rested else context.clock(),
        )
        try:
            return go_on(context, context.orders.apply(row, change, actor, context.clock()), actor)
        except StaleOrder:
            row = context.orders.get(row.id)
    return row


def retry_held(
    context: Context, cause: HoldCause, actor: str, reason: str = ""
) -> Iterator[OrderRow]:
    """Look at every order held for a cause again, and give each as it then stands.

    One that is no longer held for it, when its turn comes, is left alone; so is one that cannot
    be read.
    """
    for order_pk in context.orders.held_for(cause):
        row = context.orders.get(order_pk)
        if row.unreadable:
            yield row
        elif row.hold_cause == cause:
            yield retry(context, row, actor, reason)


def waits_for(context: Context, row: OrderRow) -> str:
    """Return what kept an order from going on, and lets it wait; empty when nothing does."""
    if not row.tries:
        return ""
    events = reversed(context.orders.events(row.id))
    return next((each.text for each in events if each.kind == "waiting"), "a system")


def request_cancel(context: Context, row: OrderRow, actor: str, reason: str = "") -> OrderRow:
    """Stop an order everywhere before release. Raises Rejected once it is released."""
    for _ in range(_LOOKS):
        stage = Stage(row.stage)
        if stage is Stage.CANCELLED:
            return row
        if stage.released or stage is Stage.KNOWN:
            raise Rejected(
                "",
                f"order {row.number} is {row.stage}",
                remedy="have the warehouse keep back what has not left; take back the rest"
                " as a return",
            )
        change = Change(
            event="cancel_requested",
            text=remarked(course.CANCELLED_BY_HAND(), reason),
            next_try_at=context.clock(),
            values={"cancel_requested": True},
        )
        try:
            return go_on(context, context.orders.apply(row, change, actor, context.clock()), actor)
        except StaleOrder:
            row = context.orders.get(row.id)
    raise moving(row)


def link_customer(
    context: Context,
    row: OrderRow,
    number: str,
    actor: str,
    reason: str = "",
    *,
    correcting: bool | None = None,
) -> list[OrderRow]:
    """Say that the buyer of an order is this SAP customer; every order of the buyer goes on.

    When `correcting`, the buyer's data is written into the SAP record first; by default as the
    policy says. Raises Rejected for a customer that is not there, deleted or blocked, and when
    somebody else settled the order meanwhile.
    """
    found = usable(context.sap_customers.read_back(number), number)
    order = context.read(row)
    key, call = buyer_key(order.buyer), creation(context, row, order)
    _nobody_else(row, context.calls.find(call.key), found.number)
    text = remarked(course.LINKED(number=found.number), reason)
    row = _claim(context, row, text, actor)
    if correcting is None:
        correcting = context.policy.correct_linked
    if correcting and correct(context, row, order, found):
        text = course.CORRECTED(text=text)
    settled = context.calls.spare(call, found.number, {"linked_by": actor}, context.clock())
    _nobody_else(row, settled, found.number)
    context.customers.bind(key, found.number, "linked", actor, context.clock())
    withdraw(context, order.buyer)
    return _held_for_review(context, key, actor, text)


def new_customer(context: Context, row: OrderRow, actor: str, reason: str = "") -> list[OrderRow]:
    """Say that the buyer of an order is new: the customer is created once in SAP.

    Raises Rejected when somebody else settled the order or its buyer meanwhile, and RetryLater
    when SAP cannot be reached: then the order waits for the sales rep as before.
    """
    buyer = context.read(row).buyer
    key = buyer_key(buyer)
    row = _claim(context, row, remarked(course.SAID_TO_BE_NEW(), reason), actor)
    if context.customers.get(key) is None:
        try:
            row = commit(context, row, decide(context, row, create_customer), actor)
        except StaleOrder:
            row = context.orders.get(row.id)
        if context.customers.get(key) is None:
            if row.tries:
                raise RetryLater(waits_for(context, row))
            return [row]
    withdraw(context, buyer)
    others = _held_for_review(context, key, actor, course.CUSTOMER(number=row.customer_number))
    return [go_on(context, row, actor), *others]


def _nobody_else(row: OrderRow, call: CallRow | None, number: str) -> None:
    """Refuse to link a buyer for whom somebody is creating a customer, or has taken another."""
    if call is None or call.state in (CallState.PENDING, CallState.REJECTED):
        return
    if call.state != CallState.CONFIRMED:
        raise Rejected(
            "",
            f"the buyer of order {row.number} is being created in SAP (call {call.id})",
            remedy=f"see `connector orders show {row.number}` in a while",
        )
    if (call.document or "") != number:
        raise Rejected(
            "",
            f"the buyer of order {row.number} is customer {call.document} since just now",
            remedy=f"see `connector orders show {row.number}`",
        )


def _claim(context: Context, row: OrderRow, text: Said, actor: str) -> OrderRow:
    """Take an order that waits for the sales rep. Of two who settle it at once, one gets it.

    The service looks at it again only later, as if it had done so just now.
    """
    later = context.clock() + context.policy.review_again
    change = Change(event="customer_settled", text=text, keep_hold=True, next_try_at=later)
    try:
        return context.orders.apply(row, change, actor, context.clock())
    except StaleOrder:
        raise moving(row) from None


def _held_for_review(context: Context, key: str, actor: str, text: Said) -> list[OrderRow]:
    moved = []
    for order_pk in context.orders.held_for(HoldCause.CUSTOMER_REVIEW, key):
        row = context.orders.get(order_pk)
        change = Change(event="customer_settled", text=text, next_try_at=context.clock())
        try:
            row = context.orders.apply(row, change, actor, context.clock())
        except StaleOrder:
            continue
        moved.append(go_on(context, row, actor))
    return moved


def go_on(context: Context, row: OrderRow, actor: str) -> OrderRow:
    """Move an order on as far as it goes now, over the question of stock too."""
    row = walk(context, row.id, actor)
    if awaits_stock(row) and row.next_try_at is not None and not row.cancel_requested:
        confirm_all(context, [row], Stock(context), actor)
        row = walk(context, row.id, actor)
    return row


def ask_about(context: Context, call: CallRow, actor: str, reason: str = "") -> OrderRow:
    """Have the order of a call whose outcome is open walked on, which begins with asking.

    Raises Rejected when there is nothing to ask, or no order that could ask.
    """
    if call.state not in (CallState.SENT, CallState.IN_DOUBT):
        free = call.state == CallState.PENDING
        why = "had no effect and is free to be sent" if free else "has its outcome"
        raise Rejected("", f"call {call.id} {why}; there is nothing to ask")
    if call.order_pk is None:
        raise Rejected(
            "",
            f"call {call.id} belongs to no order, its job asks when it runs next",
            remedy=f"look there for {call.reference}, then `connector calls resolve {call.id}`",
        )
    row = context.orders.get(call.order_pk)
    if call.operation == CORRECT and row.hold_cause != HoldCause.CUSTOMER_REVIEW:
        # Its order goes on without it, and so never asks.
        settle(context, row, call)
        return row
    return retry(context, row, actor, reason)


def remarked(text: Said, reason: str) -> Said:
    """Return what was done, with the reason that a person gave."""
    return course.remarked(text, mask_text(reason))


def moving(row: OrderRow) -> Rejected:
    """Return why an act fails on an order that others move at the same time."""
    return Rejected(
        "",
        f"order {row.number} was moved by somebody else this very moment",
        remedy=f"look where it stands with `connector orders show {row.number}`",
    )
