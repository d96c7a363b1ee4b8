"""Takes an order as the storefront shows it: new, changed, or an echo of our own write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from connector.domain.first_seen import done_before, sign_of
from connector.domain.lifecycle import Stage
from connector.domain.masking import mask_said
from connector.domain.order import PaymentState
from connector.domain.reading import read_order
from connector.errors import ConnectorError, MappingFailed
from connector.mapping.live import steady
from connector.steps.content import FIRST_SEEN, SAME_NUMBER, Taken, columns, content_hash
from connector.steps.context import Context
from connector.steps.doubt import NotBelieved, doubt, still_doubtful
from connector.steps.shown import was_sent
from connector.steps.take_again import take_again
from connector.store.changes import Change, StaleOrder
from connector.store.tables import OrderRow
from connector.store.types import storable
from connector.telemetry import tracing
from connector.wording import Said, course, systems

_log = structlog.get_logger(__name__)

# Says what speaks against a reading of a known order.
Judge = Callable[[Context, OrderRow, Mapping[str, Any]], Said | None]


def take(
    context: Context, payload: Mapping[str, Any], actor: str = "intake", *, assured: bool = False
) -> Taken:
    """Take one payload. Taking the same one again changes nothing.

    `assured`: a person says that the order is as it is shown. Raises MappingFailed when the payload
    does not even say which order it is, and NotBelieved when a known order cannot be as it is shown
    and does not tell otherwise by itself.
    """
    with steady(context.mappings):
        # What no database holds is taken out first, so that what is compared later is the same.
        return _take(context, storable(payload), actor, judge=_believed if assured else doubt)


def _believed(_context: Context, _row: OrderRow, _content: Mapping[str, Any]) -> None:
    return None


def _take(context: Context, payload: Mapping[str, Any], actor: str, *, judge: Judge) -> Taken:
    content, findings = context.mappings()["storefront_order"].apply_leniently(payload)
    identity = str(content.get("order_id") or payload.get("id") or "").strip()[:64]
    if not identity:
        raise MappingFailed("storefront_order", [systems.NO_ORDER_NAMED()])
    # Whatever is wrong with the payload stands in the content, where `validate` reads it.
    content = {**content, "order_id": identity, "number": content.get("number") or identity}
    for _ in range(3):
        row = context.orders.by_number(str(content["number"])[:64], context.shop)
        if row is not None and row.order_id != identity:
            # Neither may take the other's place: the second is kept apart, and held as invalid.
            apart = f"{str(content['number'])[:30]}#{identity[:30]}"
            content = {**content, "number": apart, SAME_NUMBER: row.order_id}
            row = context.orders.by_number(apart, context.shop)
        if row is None:
            row = context.orders.by_order_id(identity, context.shop)
            if row is not None and (Stage(row.stage).ended or was_sent(context, row)):
                # Its documents bear the number that it had: that stays.
                content = {**content, "number": row.number}
                content.pop(SAME_NUMBER, None)
        try:
            if row is None and content.get("payment_state") == PaymentState.CART:
                return Taken.CART
            if row is None:
                taken = _new(context, payload, content, findings, actor)
                if taken is not None:
                    return taken
                continue
            why = judge(context, row, content)
            if why is None:
                return take_again(context, row, payload, content, actor)
            if judge is still_doubtful:
                raise NotBelieved(why)
            _log.info("the order itself is asked for", order=row.number, why=mask_said(why))
            return _newest(context, row, actor)
        except StaleOrder:
            continue
    raise StaleOrder(str(content["number"]))


def _newest(context: Context, row: OrderRow, actor: str) -> Taken:
    """Take an order as it is now, of which what came cannot be believed: only itself tells.

    When it cannot be asked for, what is known of it stays. Raises NotBelieved.
    """
    try:
        payload = context.storefront.order(row.order_id)
    except ConnectorError as error:
        raise NotBelieved(error.said) from error
    return _take(context, storable(payload), actor, judge=still_doubtful)


def _new(
    context: Context,
    payload: Mapping[str, Any],
    content: dict[str, Any],
    findings: list[str],
    actor: str,
) -> Taken | None:
    now = context.clock()
    order, _ = read_order(content, shop=context.shop)
    state = order.payment_state if order is not None else PaymentState.UNKNOWN
    # What was shipped before there was a connector is not shipped again.
    done = done_before(order, content, context.first_start() or now)
    cancelled = state is PaymentState.CANCELLED and not done
    sign = None if done else sign_of(order, content, context.ours_from())
    if sign is not None:
        content = {**content, FIRST_SEEN: sign.value}
    ends = Stage.CANCELLED if cancelled else Stage.KNOWN if done else None
    row = OrderRow(
        shop=context.shop,
        number=str(content["number"])[:64],
        order_id=str(content["order_id"])[:64],
        revision=1,
        content_hash=content_hash(content),
        payload=dict(payload),
        content=content,
        stage=ends or Stage.RECEIVED,
        next_try_at=None if ends else now,
        tries=0,
        cancel_requested=False,
        received_at=now,
        updated_at=now,
        business_units="",
        mapping_version=context.mappings().version,
        version=1,
        **columns(content, order, now),
    )
    change = Change(
        event="received",
        text=course.CANCELLED_BEFORE_TAKEN()
        if cancelled
        else course.COMPLETED_BEFORE_TAKEN()
        if done
        else course.RECEIVED(),
        stage=Stage(row.stage),
        detail={"findings": findings} if findings else {},
        mapping_version=row.mapping_version,
    )
    if context.orders.insert(row, change, actor, now) is None:
        return None
    tracing.begin(row.shop, row.number, row.placed_at)
    return Taken.CANCELLED if cancelled else Taken.KNOWN if done else Taken.NEW
