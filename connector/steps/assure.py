"""What a person assures of an order: that it was shipped, that it was not, or whose it is."""

from __future__ import annotations

from connector.domain.identity import checkable
from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.masking import mask_text
from connector.domain.order import BuyerKind
from connector.domain.reading import read_order
from connector.errors import Rejected
from connector.steps.content import ACCEPTED, FIRST_SEEN
from connector.steps.context import Context, buyer_key, readable
from connector.steps.repair import go_on
from connector.store.changes import Change
from connector.store.tables import OrderRow
from connector.wording import course, systems


def is_open(context: Context, row: OrderRow, actor: str, reason: str = "") -> OrderRow:
    """Say that nothing of an order was shipped: it goes its way. Raises Rejected, StaleOrder."""
    _doubtful(row)
    change = Change(
        event="retry",
        text=course.remarked(course.SAID_OPEN(), mask_text(reason)),
        stage=Stage.RECEIVED,
        next_try_at=context.clock(),
        values={"content": {**row.content, FIRST_SEEN: None}},
    )
    return go_on(context, context.orders.apply(row, change, actor, context.clock()), actor)


def is_known(context: Context, row: OrderRow, actor: str, reason: str = "") -> OrderRow:
    """Say that an order was shipped without the connector. Raises Rejected, StaleOrder."""
    _doubtful(row)
    change = Change(
        event="known",
        text=course.remarked(course.SAID_KNOWN(), mask_text(reason)),
        stage=Stage.KNOWN,
    )
    return context.orders.apply(row, change, actor, context.clock())


def _doubtful(row: OrderRow) -> None:
    readable(row)
    if row.hold_cause != HoldCause.MAYBE_SHIPPED:
        raise Rejected(
            "",
            systems.NOT_MAYBE_SHIPPED(number=row.number),
            remedy=systems.LOOK_AT_ORDER(number=row.number),
        )


def accept_document(context: Context, row: OrderRow, actor: str, reason: str = "") -> OrderRow:
    """Accept it, and go on. Raises Rejected for what a rule can check, and StaleOrder."""
    readable(row)
    order, _ = read_order(row.content, shop=row.shop)
    if (
        row.hold_cause != HoldCause.INVALID
        or row.stage != Stage.RECEIVED
        or order is None
        or order.buyer.kind is not BuyerKind.PERSON
        or not order.buyer.code
        or checkable(order.buyer.code)
    ):
        raise Rejected(
            "",
            systems.NO_SUCH_DOCUMENT(number=row.number),
            remedy=systems.LOOK_OR_CORRECT(number=row.number),
        )
    change = Change(
        event="retry",
        text=course.remarked(course.DOCUMENT_ACCEPTED(), mask_text(reason)),
        stage=Stage.RECEIVED,
        next_try_at=context.clock(),
        values={"content": {**row.content, ACCEPTED: buyer_key(order.buyer)}},
    )
    return go_on(context, context.orders.apply(row, change, actor, context.clock()), actor)
