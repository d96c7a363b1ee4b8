"""Takes a known order again: changed, cancelled, deleted, read otherwise, or an echo.

Whose documents stay as they are is taken by `take_late`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.domain.first_seen import sign_of
from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.order import Order, PaymentState
from connector.domain.reading import read_order
from connector.mapping.live import steady
from connector.steps.content import AFTER, COURSE, FIRST_SEEN, Taken, columns, content_hash
from connector.steps.context import Context
from connector.steps.difference import differences
from connector.steps.payment import course_went_on
from connector.steps.shown import has_left, known_content, read_anew, refunded_lines, was_sent
from connector.steps.take_known import gone_known, take_known
from connector.steps.take_late import take_late, to_settle
from connector.store.changes import Change
from connector.store.tables import OrderRow
from connector.wording import course


def take_again(
    context: Context,
    row: OrderRow,
    payload: Mapping[str, Any],
    content: dict[str, Any],
    actor: str,
) -> Taken:
    """Take a known order as the storefront shows it now. Raises StaleOrder."""
    now = context.clock()
    content = known_content(context, row, content)
    order, _ = read_order(content, shop=row.shop)
    digest = content_hash(content)
    state = str(content.get("payment_state") or PaymentState.UNKNOWN)
    if row.unreadable:
        _mended(context, row, payload, content, actor)
        row = context.orders.get(row.id)
        if state == row.payment_state or row.unreadable:
            return Taken.CHANGED
        # Its status is judged by itself, now that it can be read.
    # A time that no order can bear is nothing that was ordered, and held the order all the same.
    mended = order is not None and read_order(row.content, shop=row.shop)[0] is None
    if digest == row.content_hash and state == row.payment_state and not mended:
        return Taken.ECHO
    stage = Stage(row.stage)
    fresh: dict[str, Any] = {
        "number": str(content["number"])[:64],
        "payload": dict(payload),
        "content": content,
        "content_hash": digest,
        "mapping_version": context.mappings().version,
        **columns(content, order, now, row),
    }
    if stage is Stage.KNOWN:
        return take_known(context, row, fresh, actor)
    over = stage.ended and stage is not Stage.CLOSED
    if not over and has_left(context, row):
        return take_late(context, row, payload, content, actor)
    if state == PaymentState.CANCELLED:
        return _cancelled(context, row, fresh, actor)
    if _open_again(context, row, state):
        return _reopened(context, row, fresh, order, actor)
    if not over and was_sent(context, row) and not _revisable(context):
        return take_late(context, row, payload, content, actor)
    remapped = digest != row.content_hash and content_hash(read_anew(context, row)) == digest
    if remapped and not (state != row.payment_state and was_sent(context, row)):
        # The storefront changed nothing: IT changed the mapping that reads it.
        return _remapped(context, row, fresh, actor)
    if remapped or (digest == row.content_hash and not mended):
        # Whatever else was held back of it stays held back.
        values = {
            "payload": dict(payload),
            "content": {**row.content, **{name: content.get(name) for name in COURSE}},
            "content_hash": digest,
            "status": fresh["status"],
            "payment_state": fresh["payment_state"],
        }
        change = course_went_on(context, row, content, values)
        context.orders.apply(row, change, actor, now)
        return Taken.CHANGED
    changes = differences(row.content, content)
    if over:
        context.orders.note(
            row.id,
            Change(event="ignored", text=course.CHANGED_AFTER_CANCELLED(), detail=changes),
            actor,
            now,
        )
        return Taken.CHANGED
    change = Change(
        event="changed",
        text=course.STARTS_ANEW_WITH_DMS() if was_sent(context, row) else course.STARTS_ANEW(),
        detail=changes,
        stage=Stage.RECEIVED,
        next_try_at=now,
        values={**fresh, "revision": row.revision + 1, "customer_number": None, "backorder": None},
        free_allocations=True,
        mapping_version=context.mappings().version,
    )
    context.orders.apply(row, change, actor, now)
    return Taken.CHANGED


def _mended(
    context: Context,
    row: OrderRow,
    payload: Mapping[str, Any],
    content: dict[str, Any],
    actor: str,
) -> None:
    """Take an order anew of which what is stored cannot be read any more.

    What was sent stands in the order's documents and lines. Whether it still is what the
    storefront shows is told by the hash of what was ordered; where that differs, ops settle it.
    """
    now, digest = context.clock(), content_hash(content)
    order, _ = read_order(content, shop=row.shop)
    values: dict[str, Any] = {
        "payload": dict(payload),
        "content": content,
        "content_hash": digest,
        "mapping_version": context.mappings().version,
    }
    stage, waited = Stage(row.stage), row.hold_cause == HoldCause.MAPPING
    if stage.position < Stage.PLACED.position and not was_sent(context, row):
        change = Change(
            event="changed",
            text=course.TAKEN_ANEW(),
            stage=Stage.RECEIVED,
            next_try_at=now,
            values={**values, **columns(content, order, now, row), "customer_number": None},
            mapping_version=context.mappings().version,
        )
    elif digest == row.content_hash or stage.ended:
        change = Change(
            event="changed",
            text=course.TAKEN_ANEW(),
            keep_hold=not waited,
            next_try_at=now if waited and not stage.ended else row.next_try_at,
            tries=0 if waited else row.tries,
            values=values,
            refunded=refunded_lines(context, row, content),
            mapping_version=context.mappings().version,
        )
    else:
        change = Change(
            event="changed",
            text=course.TAKEN_ANEW(),
            hold=to_settle(row, course.TAKEN_ANEW_AND_DIFFERS()),
            values=values,
            refunded=refunded_lines(context, row, content),
            mapping_version=context.mappings().version,
        )
    context.orders.apply(row, change, actor, now)


def _cancelled(context: Context, row: OrderRow, fresh: dict[str, Any], actor: str) -> Taken:
    now = context.clock()
    stage = Stage(row.stage)
    if stage.ended and stage is not Stage.CLOSED:
        change = Change(
            event="storefront",
            text=course.CANCELLED_AGAIN(),
            values=fresh,
            keep_hold=True,
            refunded=refunded_lines(context, row, fresh["content"]),
        )
        context.orders.apply(row, change, actor, now)
        return Taken.CANCELLED
    # The content as placed is kept: cancelling needs its business units and numbers. What was
    # refunded is followed after the sale.
    followed = {name: fresh["content"].get(name) for name in (*AFTER, "modified_at")}
    content = {**row.content, **followed}
    change = Change(
        event="cancel_requested",
        text=course.CANCELLED_THERE(),
        next_try_at=now,
        values={
            "content": content,
            "payment_state": fresh["payment_state"],
            "status": fresh["status"],
            "content_hash": fresh["content_hash"],
            "cancel_requested": True,
        },
        refunded=refunded_lines(context, row, content),
    )
    context.orders.apply(row, change, actor, now)
    return Taken.CANCELLED


def _open_again(context: Context, row: OrderRow, state: str) -> bool:
    """Whether the storefront has an order that it had cancelled open again, before its release.

    A buyer pays again after a card was declined, a payment arrives after the shop gave up waiting
    for it, or somebody takes the order out of the trash. What a person cancelled here stays so.
    """
    ends = row.stage == Stage.CANCELLED or row.cancel_requested
    return (
        ends
        and row.payment_state == PaymentState.CANCELLED
        and state != PaymentState.CART
        and row.released_at is None
        and not has_left(context, row)
    )


def _reopened(
    context: Context, row: OrderRow, fresh: Mapping[str, Any], order: Order | None, actor: str
) -> Taken:
    """Let an order begin anew: what the DMS has of it is cancelled, or stays and is taken up."""
    content = dict(fresh["content"])
    if not row.customer_number and FIRST_SEEN not in content:
        # It may have been cancelled when it was first seen: nobody asked then who has the goods.
        sign = sign_of(order, content, context.ours_from())
        content |= {FIRST_SEEN: sign.value} if sign is not None else {}
    now = context.clock()
    change = Change(
        event="changed",
        text=course.OPEN_AGAIN(status=content.get("status")),
        stage=Stage.RECEIVED,
        next_try_at=now,
        values={
            **fresh,
            "content": content,
            "revision": row.revision + 1,
            "customer_number": None,
            "backorder": None,
            "cancel_requested": False,
        },
        free_allocations=True,
        mapping_version=context.mappings().version,
    )
    context.orders.apply(row, change, actor, now)
    return Taken.CHANGED


def gone(context: Context, row: OrderRow, actor: str) -> Taken:
    """Take in that the storefront deleted an order: before release it ends, after it it is held."""
    with steady(context.mappings):
        stage = Stage(row.stage)
        if stage is Stage.KNOWN:
            return gone_known(context, row, actor)
        if stage.ended or row.cancel_requested:
            return Taken.ECHO
        # When the storefront shows it again, this is what it is no more.
        state = PaymentState.CANCELLED.value
        values = {"payment_state": state, "content": {**row.content, "payment_state": state}}
        if stage.released:
            held = (row.hold_reasons or []) if row.hold_cause == HoldCause.CHANGED else []
            if course.DELETED_LATE() in held or settled_as_cancelled(row):
                return Taken.ECHO
            named = course.SETTLE_BY_HAND.code
            hold = to_settle(
                row, course.DELETED_LATE(), *(each for each in held if each.code != named)
            )
            change = Change(
                event="deleted_late", text=course.DELETED_LATE(), hold=hold, values=values
            )
        else:
            change = Change(
                event="cancel_requested",
                text=course.DELETED_THERE(),
                next_try_at=context.clock(),
                values={**values, "cancel_requested": True},
            )
        context.orders.apply(row, change, actor, context.clock())
        return Taken.CANCELLED


def settled_as_cancelled(row: OrderRow) -> bool:
    """Whether people settled that the storefront cancelled, trashed or deleted a released order."""
    return row.payment_state == PaymentState.CANCELLED and row.hold_cause is None


def _remapped(context: Context, row: OrderRow, fresh: Mapping[str, Any], actor: str) -> Taken:
    """Take a new reading of the same payload: before anything is sent, it is the order's own."""
    stage, now = Stage(row.stage), context.clock()
    if stage.position < Stage.PLACED.position and not was_sent(context, row):
        change = Change(
            event="remapped",
            text=course.REMAPPED(),
            stage=Stage.RECEIVED,
            next_try_at=now,
            values={name: value for name, value in fresh.items() if name != "payload"},
            mapping_version=context.mappings().version,
        )
    else:
        change = Change(
            event="remapped",
            text=course.REMAPPED_LATE(),
            keep_hold=True,
            next_try_at=row.next_try_at,
            tries=row.tries,
            values={"content_hash": fresh["content_hash"]},
            mapping_version=context.mappings().version,
        )
    context.orders.apply(row, change, actor, now)
    return Taken.ECHO


def _revisable(context: Context) -> bool:
    return context.dms.can("dms_amend") or context.dms.can("dms_cancel")
