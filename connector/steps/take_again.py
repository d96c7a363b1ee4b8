"""Takes a known order again: changed, refunded, cancelled, deleted, read otherwise, or an echo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.domain.accepted import as_accepted
from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.order import OrderLine, PaymentState
from connector.domain.reading import read_order
from connector.mapping.live import steady
from connector.steps.content import AFTER, COURSE, SAID_HERE, Taken, columns, content_hash
from connector.steps.context import Context
from connector.steps.difference import differences
from connector.steps.payment import course_went_on
from connector.steps.take_known import gone_known, take_known
from connector.store.calls import CallState
from connector.store.changes import Change, Hold
from connector.store.tables import OrderRow
from connector.store.types import dumps
from connector.wording import course, terms

_NOT_ACCEPTED = (
    HoldCause.INVALID, HoldCause.SHOP_DATA, HoldCause.UNASSIGNED, HoldCause.REJECTED,
    HoldCause.MAPPING,
)  # fmt: skip


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
        return _mended(context, row, payload, content, actor)
    if digest == row.content_hash and state == row.payment_state:
        return Taken.ECHO
    stage = Stage(row.stage)
    fresh: dict[str, Any] = {
        "payload": dict(payload),
        "content": content,
        "content_hash": digest,
        "mapping_version": context.mappings().version,
        **columns(content, order, now, row),
    }
    if stage is Stage.KNOWN:
        return take_known(context, row, fresh, actor)
    if order is not None and _after_sale(context, row, content):
        kept_back = state == PaymentState.CANCELLED and not any(
            line.shipped for line in context.orders.lines(row.id)
        )
        change = Change(
            event="after_sale",
            text=course.AFTER_SALE_SHOWN(),
            keep_hold=True,
            hold=Hold(HoldCause.CHANGED, (course.KEEP_BACK(),)) if kept_back else None,
            next_try_at=row.next_try_at,
            tries=row.tries,
            values=fresh,
            refunded=_refunded(context, row, content),
        )
        context.orders.apply(row, change, actor, now)
        return Taken.CHANGED
    if state == PaymentState.CANCELLED:
        return _cancelled(context, row, fresh, actor)
    if digest != row.content_hash and _read_anew(context, row) == digest:
        # The storefront changed nothing: IT changed the mapping that reads it.
        return _remapped(context, row, fresh, actor)
    if digest == row.content_hash:
        # Whatever else was held back of it stays held back.
        values = {
            "payload": dict(payload),
            "content": {**row.content, **{name: content.get(name) for name in COURSE}},
            "status": fresh["status"],
            "payment_state": fresh["payment_state"],
        }
        change = course_went_on(context, row, content, values)
        context.orders.apply(row, change, actor, now)
        return Taken.CHANGED
    if digest == content_hash(row.content):
        # What had been changed and was held back is again as it was placed.
        change = Change(
            event="storefront",
            text=course.AS_PLACED_AGAIN(),
            keep_hold=True,
            next_try_at=row.next_try_at,
            tries=row.tries,
            values={"content_hash": digest, "payload": dict(payload)},
        )
        context.orders.apply(row, change, actor, now)
        return Taken.CHANGED
    changes = differences(row.content, content)
    if stage.ended and stage is not Stage.CLOSED:
        context.orders.note(
            row.id,
            Change(event="ignored", text=course.CHANGED_AFTER_CANCELLED(), detail=changes),
            actor,
            now,
        )
        return Taken.CHANGED
    sent = _sent(context, row)
    if not _left(context, row) and (not sent or _revisable(context)):
        change = Change(
            event="changed",
            text=course.STARTS_ANEW_WITH_DMS() if sent else course.STARTS_ANEW(),
            detail=changes,
            stage=Stage.RECEIVED,
            next_try_at=now,
            values={
                **fresh,
                "revision": row.revision + 1,
                "customer_number": None,
                "backorder": None,
            },
            free_allocations=True,
            mapping_version=context.mappings().version,
        )
    else:
        change = Change(
            event="changed",
            text=course.CHANGED_AFTER_RELEASE()
            if _left(context, row)
            else course.CHANGED_AFTER_PLACED(),
            detail=changes,
            hold=Hold(
                HoldCause.CHANGED,
                tuple(
                    course.CHANGED_FIELD(field=terms.field(name), was=was, now=now_)
                    for name, (was, now_) in changes.items()
                )
                or (course.CONTENT_DIFFERS(),),
            ),
            # What was ordered stays as it was placed: the difference is for ops to settle.
            values={"content_hash": digest, "payload": dict(payload)},
        )
    context.orders.apply(row, change, actor, now)
    return Taken.CHANGED


def _mended(
    context: Context,
    row: OrderRow,
    payload: Mapping[str, Any],
    content: dict[str, Any],
    actor: str,
) -> Taken:
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
    if stage.position < Stage.PLACED.position and not _sent(context, row):
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
            mapping_version=context.mappings().version,
        )
    else:
        change = Change(
            event="changed",
            text=course.TAKEN_ANEW(),
            hold=Hold(HoldCause.CHANGED, (course.TAKEN_ANEW_AND_DIFFERS(),)),
            values=values,
            mapping_version=context.mappings().version,
        )
    context.orders.apply(row, change, actor, now)
    return Taken.CHANGED


def _after_sale(context: Context, row: OrderRow, content: Mapping[str, Any]) -> bool:
    """Whether nothing of a released order changed but what comes after the sale."""

    def ordered(each: Mapping[str, Any]) -> str:
        return dumps({k: v for k, v in each.items() if k not in (*COURSE, *AFTER, *SAID_HERE)})

    if not _left(context, row):
        return False
    changed = any(dumps(row.content.get(name)) != dumps(content.get(name)) for name in AFTER)
    return changed and ordered(row.content) == ordered(content)


def _cancelled(context: Context, row: OrderRow, fresh: dict[str, Any], actor: str) -> Taken:
    now = context.clock()
    stage = Stage(row.stage)
    if stage.ended and stage is not Stage.CLOSED:
        change = Change(
            event="storefront",
            text=course.CANCELLED_AGAIN(),
            values=fresh,
            keep_hold=True,
            refunded=_refunded(context, row, fresh["content"]),
        )
        context.orders.apply(row, change, actor, now)
        return Taken.CANCELLED
    # The content as placed is kept: cancelling needs its business units and numbers. What was
    # refunded is followed after the sale.
    refunds = {name: fresh["content"].get(name) for name in AFTER}
    content = {**row.content, **refunds}
    values = {
        "content": content,
        "payment_state": fresh["payment_state"],
        "status": fresh["status"],
        "content_hash": fresh["content_hash"],
    }
    if stage.released:
        change = Change(
            event="cancelled_late",
            text=course.CANCELLED_LATE(),
            hold=Hold(HoldCause.CHANGED, (course.TAKE_BACK(),)),
            values=values,
            refunded=_refunded(context, row, content),
        )
    else:
        change = Change(
            event="cancel_requested",
            text=course.CANCELLED_THERE(),
            next_try_at=now,
            values={**values, "cancel_requested": True},
            refunded=_refunded(context, row, content),
        )
    context.orders.apply(row, change, actor, now)
    return Taken.CANCELLED


def _refunded(context: Context, row: OrderRow, content: Mapping[str, Any]) -> tuple[OrderLine, ...]:
    """Return the lines of an order with what was refunded of each; none where it is unreadable."""
    order, _ = read_order(content, shop=row.shop)
    return context.with_spread(order, row).lines if order is not None else ()


def gone(context: Context, row: OrderRow, actor: str) -> Taken:
    """Take in that the storefront deleted an order: before release it ends, after it it is held."""
    with steady(context.mappings):
        stage = Stage(row.stage)
        if stage is Stage.KNOWN:
            return gone_known(context, row, actor)
        if stage.ended or row.cancel_requested:
            return Taken.ECHO
        if stage.released:
            hold = Hold(HoldCause.CHANGED, (course.DELETED_LATE(),))
            if row.hold_cause == hold.cause and (row.hold_reasons or [])[:1] == [*hold.reasons]:
                return Taken.ECHO
            change = Change(event="deleted_late", text=course.DELETED_LATE(), hold=hold)
        else:
            change = Change(
                event="cancel_requested",
                text=course.DELETED_THERE(),
                next_try_at=context.clock(),
                values={"cancel_requested": True},
            )
        context.orders.apply(row, change, actor, context.clock())
        return Taken.CANCELLED


def known_content(context: Context, row: OrderRow, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the shop shows of a known order, as far as something else was ordered.

    A part number that was accepted stays. Not accepted is what an order is held for before
    anything was placed, and what changed mappings may read otherwise before then.
    """
    placed = Stage(row.stage).position >= Stage.PLACED.position
    accepted = placed or (
        row.hold_cause not in _NOT_ACCEPTED and row.mapping_version == context.mappings().version
    )
    said = {name: row.content[name] for name in SAID_HERE if name in row.content}
    return {**as_accepted(row.content, content, parts=accepted), **said}


def _read_anew(context: Context, row: OrderRow) -> str:
    """Return the hash of what a payload taken earlier says under the mapping in force."""
    content, _ = context.mappings()["storefront_order"].apply_leniently(row.payload)
    identity = str(content.get("order_id") or row.payload.get("id") or "").strip()[:64]
    number = content.get("number") or identity
    shown = {**content, "order_id": identity, "number": number}
    return content_hash(known_content(context, row, shown))


def _remapped(context: Context, row: OrderRow, fresh: Mapping[str, Any], actor: str) -> Taken:
    """Take a new reading of the same payload: before anything is sent, it is the order's own."""
    stage, now = Stage(row.stage), context.clock()
    if stage.position < Stage.PLACED.position and not _sent(context, row):
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


def _left(context: Context, row: OrderRow) -> bool:
    """Whether the warehouse has the order: released, or shipped ahead of its wave."""
    return Stage(row.stage).released or any(
        each.kind in ("shipment", "invoice") for each in context.orders.documents(row.id)
    )


def _revisable(context: Context) -> bool:
    return context.dms.can("dms_amend") or context.dms.can("dms_cancel")


def _sent(context: Context, row: OrderRow) -> bool:
    return Stage(row.stage).position >= Stage.PLACED.position or any(
        call.system == "dms" and (call.attempts or call.state != CallState.PENDING)
        for call in context.calls.of_order(row.id)
    )
