"""Takes a known order again whose documents stay as they are, whatever the shop shows of it now.

The warehouse has it, or it lies in a DMS that can neither amend nor cancel. What a reading brings
(something else ordered, a refund, another status) is judged each by itself, and never one instead
of the other: what was ordered stays as it was placed, a refund is followed after the sale, and the
hold names every reason there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.order import UNSETTLED, PaymentState
from connector.domain.reading import read_order
from connector.steps.content import AFTER, COURSE, SAID_HERE, Taken, content_hash
from connector.steps.context import Context
from connector.steps.difference import differences
from connector.steps.payment import held_for_payment, hold_for, rests
from connector.steps.shown import forgotten, has_left, read_anew, refunded_lines
from connector.store.changes import Change, Hold
from connector.store.tables import OrderRow
from connector.store.types import dumps
from connector.wording import Said, course, problems, terms

# Reasons of something else ordered stay until a person says that it is settled; those of a status
# go with it. All others are not of a reading.
_OF_CHANGE = {course.CHANGED_FIELD.code, course.CONTENT_DIFFERS.code}
_OF_STATUS = {
    course.TAKE_BACK.code, course.KEEP_BACK.code, course.UNPAID_LATE.code,
    course.DELETED_LATE.code, problems.UNPAID.code, problems.STATUS_NOT_KNOWN.code,
}  # fmt: skip


def take_late(
    context: Context,
    row: OrderRow,
    payload: Mapping[str, Any],
    content: Mapping[str, Any],
    actor: str,
) -> Taken:
    """Take what the storefront shows of it now. Raises StaleOrder."""
    left = has_left(context, row)
    follows = (*COURSE, *AFTER) if left else COURSE
    # What was forgotten for its age is taken anew, where it is what was ordered.
    anew = _as_ordered(context, row, content) if forgotten(row) else None
    kept = _with(anew or row.content, content, follows)
    if read_order(kept, shop=row.shop)[0] is None:
        # What cannot be read is no refund to follow: it is told as something that differs.
        follows = COURSE
        kept = _with(row.content, content, follows)
    digest, state = content_hash(content), str(content.get("payment_state") or PaymentState.UNKNOWN)
    # Both are read by the mapping in force: what IT changed of it is nothing that was ordered.
    edited = digest != row.content_hash and (
        anew is None
        if forgotten(row)
        else _ordered(read_anew(context, row), follows) != _ordered(content, follows)
    )
    again = edited and _ordered(row.content, follows) == _ordered(content, follows)
    refunded = any(dumps(row.content.get(name)) != dumps(kept.get(name)) for name in AFTER)
    went_on = state != row.payment_state
    values = {
        "payload": dict(payload),
        "content": kept,
        "content_hash": digest,
        "mapping_version": context.mappings().version,
        "status": str(content.get("status") or "")[:40],
        "payment_state": state[:20],
    }
    events = []
    changes = {}
    if edited and not again and not forgotten(row):
        changes = differences(kept, content)
    if again:
        events.append(Change(event="storefront", text=course.AS_PLACED_AGAIN()))
    elif edited:
        text = course.CHANGED_AFTER_RELEASE() if left else course.CHANGED_AFTER_PLACED()
        events.append(Change(event="changed", text=text, detail=changes))
    if refunded:
        events.append(Change(event="after_sale", text=course.AFTER_SALE_SHOWN()))
    if went_on and state == PaymentState.CANCELLED:
        events.append(Change(event="cancelled_late", text=course.CANCELLED_LATE()))
    elif went_on:
        said = course.STOREFRONT_SAYS(status=content.get("status"))
        events.append(Change(event="storefront", text=said))
    told = events or [Change(event="remapped", text=course.REMAPPED_LATE())]
    change = replace(
        _held(
            context,
            row,
            told[-1],
            of_change=_change_reasons(changes) if edited and not again else None,
            of_status=_status_reasons(context, row, kept, state) if went_on else None,
            state=state,
        ),
        also=told[:-1],
        values=values,
        refunded=refunded_lines(context, row, kept) if refunded else (),
        mapping_version="" if events else context.mappings().version,
    )
    context.orders.apply(row, change, actor, context.clock())
    if not events:
        return Taken.ECHO
    return Taken.CANCELLED if went_on and state == PaymentState.CANCELLED else Taken.CHANGED


def _held(
    context: Context,
    row: OrderRow,
    change: Change,
    *,
    of_change: tuple[Said, ...] | None,
    of_status: tuple[Said, ...] | None,
    state: str,
) -> Change:
    """Return a change with the hold that a reading leaves; None is what it brought nothing of."""
    stays = replace(change, keep_hold=True, next_try_at=row.next_try_at, tries=row.tries)
    ours = row.hold_cause == HoldCause.CHANGED or held_for_payment(row)
    if row.hold_cause is not None and not ours:
        # Who waits for another system goes on waiting, but for what people must keep back.
        stronger = of_change or (of_status and state == PaymentState.CANCELLED)
        if not stronger and not (of_status and row.hold_cause == HoldCause.STOCK):
            return stays if of_status is None else _beside(row, stays, of_status)
    named = ours or row.hold_cause == HoldCause.DISCREPANCY
    held = (row.hold_reasons or []) if named else []
    if of_change is None:
        of_change = tuple(each for each in held if each.code in _OF_CHANGE)
    if of_status is None:
        of_status = tuple(each for each in held if each.code in _OF_STATUS)
    ended = {*_OF_CHANGE, *_OF_STATUS, course.SETTLE_BY_HAND.code}
    others = [each for each in held if each.code not in ended]
    reasons = (*others, *of_change, *of_status)
    if not reasons:
        if not ours:
            return stays
        return replace(change, next_try_at=row.next_try_at if rests(row) else context.clock())
    hold = to_settle(row, *reasons)
    if of_status and state in UNSETTLED and len(reasons) == len(of_status):
        # It ends by itself, once it is paid or IT has named the status.
        hold = Hold(hold_for(row, state, row.content.get("status")).cause, of_status)
    if hold.cause == row.hold_cause and [*hold.reasons] == row.hold_reasons:
        return stays
    # What was refunded in full is owed no longer: a backorder is walked on to its end.
    walked = row.next_try_at if course.KEEP_BACK() in of_status else None
    return replace(change, hold=hold, next_try_at=walked)


def _beside(row: OrderRow, stays: Change, of_status: tuple[Said, ...]) -> Change:
    """Return the change of an order that waits for somebody else, with what its status says now."""
    held = row.hold_reasons or []
    reasons = (*(each for each in held if each.code not in _OF_STATUS), *of_status)
    if [*reasons] == held or row.hold_cause is None:
        return stays
    return replace(stays, keep_hold=False, hold=Hold(HoldCause(row.hold_cause), reasons))


def _as_ordered(
    context: Context, row: OrderRow, content: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return what is shown of an order of which only the books are left, under the parts accepted.

    None where something else was ordered than the books hold.
    """
    order, _ = read_order(content, shop=row.shop)
    ours = {line.line_id: line for line in context.orders.lines(row.id)}
    if order is None or (order.total, order.currency) != (row.total, row.currency):
        return None
    shown = {line.line_id[:64]: (line.quantity, line.amount) for line in order.lines}
    if shown != {line.line_id: (line.quantity, line.amount) for line in ours.values()}:
        return None
    lines = [
        {**line, "sku": ours[named.line_id[:64]].sku}
        for line, named in zip(content["lines"], order.lines, strict=True)
    ]
    return {**content, "lines": lines}


def to_settle(row: OrderRow, *reasons: Said) -> Hold:
    """Return the hold of an order as changed, with the act that ends it."""
    return Hold(HoldCause.CHANGED, (*reasons, course.SETTLE_BY_HAND(number=row.number)))


def _change_reasons(changes: Mapping[str, tuple[str, str]]) -> tuple[Said, ...]:
    return tuple(
        course.CHANGED_FIELD(field=terms.field(name), was=was, now=now)
        for name, (was, now) in changes.items()
    ) or (course.CONTENT_DIFFERS(),)


def _status_reasons(
    context: Context, row: OrderRow, content: Mapping[str, Any], state: str
) -> tuple[Said, ...]:
    if state in UNSETTLED:
        if row.cancel_requested:
            return ()
        return hold_for(row, state, content.get("status")).reasons
    if state != PaymentState.CANCELLED:
        return ()
    order, _ = read_order(content, shop=row.shop)
    if order is None or not order.refunds:
        return (course.TAKE_BACK(),)
    goods = all(line.refunded_quantity >= line.quantity for line in order.lines)
    if order.refunded < order.total and not goods:
        return (course.TAKE_BACK(),)
    # What has left of an order refunded in full comes back after the sale.
    if row.stage in (Stage.SHIPPED, Stage.CLOSED):
        return ()
    lines = context.orders.lines(row.id)
    return () if all(line.shipped >= line.quantity for line in lines) else (course.KEEP_BACK(),)


def _with(
    was: Mapping[str, Any], content: Mapping[str, Any], follows: tuple[str, ...]
) -> dict[str, Any]:
    kept = {name: value for name, value in was.items() if name not in follows}
    return kept | {name: content[name] for name in follows if name in content}


def _ordered(content: Mapping[str, Any], follows: tuple[str, ...]) -> str:
    left_out = (*follows, *SAID_HERE)
    return dumps({name: each for name, each in content.items() if name not in left_out})
