"""What a person found out about a call in doubt: that it made a document, or that it made none.

A number that a person gives is looked at from all sides, for everything after is built upon it. Its
order goes on a while later, so that a slip of the pen can be taken back before anything follows.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from connector.domain.document_number import document_number
from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.masking import mask_name
from connector.domain.matching import Verdict, weigh
from connector.domain.matching import decide as decide_who
from connector.domain.order import buyer_of
from connector.errors import Rejected
from connector.steps.context import Context, number_pattern
from connector.steps.correct import usable
from connector.steps.recognise import CREATE
from connector.steps.repair import moving, remarked, retry
from connector.store.calls import CallState
from connector.store.changes import Change, Hold, StaleOrder
from connector.store.tables import CallRow, OrderRow
from connector.wording import course, systems

# How long an order stays where it is after a person gave a number.
TAKEN_BACK_WITHIN = timedelta(minutes=1)
# An order that changes under our hands this often is being moved.
_LOOKS = 3
# By whom a call was settled, among the values of its answer.
_BY = "settled_by"


def resolve_call(
    context: Context, call: CallRow, found: str | None, actor: str, reason: str = ""
) -> OrderRow | None:
    """Note what a person found out about a call, and let its order go on; return the order.

    Raises Rejected when the call moved on meanwhile, or is so young that it may still arrive:
    "absent" would then be believed too early, and the write be made twice; and for a number that is
    none, or another order's, or of a customer who is not the buyer. Other orders that wait for the
    same call go on too.
    """
    if found is not None:
        found = own_number(context, call, found)
    early_until = context.outbound.settles_at(call)
    if found is None and context.clock() < early_until:
        raise Rejected(
            "",
            f"call {call.id} may still take effect until {early_until:%H:%M:%S} UTC",
            remedy="look again then, and say --absent if it is still not there",
        )
    if found is not None:
        settled = context.calls.confirm(call, found, {_BY: actor}, context.clock())
    else:
        settled = context.calls.release(call, systems.ABSENT_SAID(actor=actor))
    if not settled:
        raise _moved_on(call)
    if call.order_pk is None:
        return None
    said = (
        course.CALL_CONFIRMED(call=call.id, document=found)
        if found
        else course.CALL_WITHOUT_EFFECT(call=call.id)
    )
    change = Change(event="call_resolved", text=remarked(said, reason))
    if found is not None and _may_be_taken_back(call):
        return _goes_on_later(context, call.order_pk, change, actor)
    context.orders.note(call.order_pk, change, actor, context.clock())
    after = retry(context, context.orders.get(call.order_pk), actor, reason)
    if call.operation == CREATE:
        # All orders of a buyer share the call that creates the customer.
        for order_pk in context.orders.held_for(HoldCause.IN_DOUBT, call.reference):
            retry(context, context.orders.get(order_pk), actor, reason)
    return after


def take_back(context: Context, call: CallRow, actor: str, reason: str = "") -> OrderRow:
    """Put a call in doubt again that a person confirmed by mistake; return its order.

    Raises Rejected when no person confirmed it, or something was built upon it meanwhile.
    """
    if call.state != CallState.CONFIRMED or _BY not in (call.answer or {}):
        raise Rejected("", f"call {call.id} is {call.state}, and not by what a person found")
    if not _may_be_taken_back(call) or call.order_pk is None:
        raise Rejected(
            "",
            f"call {call.id} ({call.system} {call.operation}) cannot be taken back",
            remedy="correct it in the other system",
        )
    said = course.CALL_TAKEN_BACK(call=call.id, document=call.document)
    text = remarked(said, reason)
    for _ in range(_LOOKS):
        row = context.orders.get(call.order_pk)
        change = Change(
            event="call_resolved",
            text=text,
            hold=Hold(HoldCause.IN_DOUBT, (said,)),
            next_try_at=context.clock(),
        )
        try:
            taken = context.calls.reopen(call, text, row, change, actor, context.clock())
        except StaleOrder:
            continue
        if not taken:
            raise Rejected(
                "",
                f"{call.document} was built upon already",
                remedy=f"cancel order {row.number}, or correct it in the other system",
            )
        return retry(context, context.orders.get(row.id), actor, reason)
    raise moving(context.orders.get(call.order_pk))


def _may_be_taken_back(call: CallRow) -> bool:
    """Whether a slip can be noticed too late: customers are read in SAP, the shop is looked at."""
    return call.system == "dms"


def _goes_on_later(context: Context, order_pk: int, change: Change, actor: str) -> OrderRow:
    """Let an order go on when its number cannot be taken back any more."""
    for _ in range(_LOOKS):
        row = context.orders.get(order_pk)
        stage = Stage(row.stage)
        if stage.ended:
            break
        stands = stage.released and row.backorder is None
        later = replace(
            change,
            keep_hold=row.hold_cause in (HoldCause.CHANGED, HoldCause.DISCREPANCY),
            next_try_at=None if stands else context.clock() + TAKEN_BACK_WITHIN,
        )
        try:
            return context.orders.apply(row, later, actor, context.clock())
        except StaleOrder:
            continue
    # It ended, or is moved by somebody else this very moment and goes on by itself.
    context.orders.note(order_pk, change, actor, context.clock())
    return context.orders.get(order_pk)


def _moved_on(call: CallRow) -> Rejected:
    return Rejected(
        "",
        f"call {call.id} has moved on meanwhile; nothing was changed",
        remedy=f"look at it again with `connector calls show {call.id}`",
    )


def own_number(context: Context, call: CallRow, found: str) -> str:
    """Return the number of the document that a call made. Raises Rejected when it cannot be it.

    A customer is read in SAP.
    """
    number = document_number(found)
    if not number:
        raise Rejected(
            "",
            f"{found!r} is no document's number",
            remedy="give the number as the other system shows it, or say --absent",
        )
    if call.operation == CREATE:
        number = _buyers_own(context, call, number)
    pattern = number_pattern(context, call.operation)
    if pattern and not re.fullmatch(pattern, number):
        raise Rejected(
            "",
            f"{number} has not the form {pattern} of its numbers",
            remedy=f"look in the other system for {call.reference}",
        )
    holder = context.calls.holder_of(call, number)
    if holder is not None:
        raise Rejected(
            "",
            f"{number} is {holder} already",
            remedy=f"look in the other system for {call.reference}",
        )
    return number


def _buyers_own(context: Context, call: CallRow, number: str) -> str:
    """Return a customer number as SAP has it. Raises Rejected when it is not the buyer's.

    A slip of the pen would bind the buyer to another debtor, and documents would follow at once.
    """
    record = usable(context.sap_customers.read_back(number), number)
    buyer = buyer_of(call.request["buyer"])
    if decide_who(buyer, [record]).verdict is Verdict.RECOGNISED:
        return record.number
    raise Rejected(
        "",
        systems.NOT_THE_BUYER(
            number=record.number,
            name=mask_name(buyer.name),
            evidence=weigh(buyer, record).summary,
        ),
        remedy=systems.CORRECT_RECORD_FIRST(),
    )
