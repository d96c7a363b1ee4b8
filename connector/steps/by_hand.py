"""What people did by hand in a DMS that has no operation for it, and say here.

An order that waits for it goes on with the number that they give; a shipment or an invoice that
nobody else tells of counts as news. One that is held for a change goes on with the documents it
has, once somebody says that the difference is settled.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

from connector.domain.document_number import document_number
from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.masking import mask_text
from connector.errors import Rejected
from connector.steps.cancel import cancelled_by_people
from connector.steps.context import Context, number_pattern, readable
from connector.steps.news import SETTLED, take_news
from connector.steps.payment import rests
from connector.steps.repair import go_on
from connector.steps.request import (
    DELIVERY_NOTE,
    INVOICE_APPLICATION,
    Request,
    documented,
    wanted,
)
from connector.steps.sales_order import live
from connector.steps.walk import commit, walk
from connector.store.changes import Change, StaleOrder
from connector.store.database import Database
from connector.store.tables import DocumentRow, OrderRow
from connector.wording import course
from connector.wording.terms import term


class What(StrEnum):
    """What people did in the DMS."""

    DELIVERY_NOTE = "delivery-note"
    INVOICE_APPLICATION = "invoice-application"
    CANCEL = "cancel"
    SHIPMENT = "shipment"
    INVOICE = "invoice"
    DIFFERENCE = "difference"


# The document that an order at a stage waits for.
_REQUESTS: dict[What, tuple[Request, Stage]] = {
    What.DELIVERY_NOTE: (DELIVERY_NOTE, Stage.CONFIRMED),
    What.INVOICE_APPLICATION: (INVOICE_APPLICATION, Stage.NOTED),
}


def done(
    context: Context, database: Database, row: OrderRow, what: What, document: str, actor: str
) -> OrderRow:
    """Note what people did for an order, and return it as it then stands.

    `document` is its number in the DMS, or the tracking number of a shipment. Raises Rejected where
    the order does not wait for it, the number is none, or is another document's.
    """
    number = document_number(document)
    if not number:
        raise _refused(f"{document!r} is no document's number", "give it as the DMS shows it")
    try:
        if what in _REQUESTS:
            change = _requested(context, row, what, number)
        elif what is What.CANCEL:
            change = cancelled_by_people(context, _waiting(context, row, number), number)
        else:
            take_news(context, database, row, _news(context, row, what, number))
            return context.orders.get(row.id)
        row = commit(context, row, change, actor)
    except StaleOrder:
        raise _refused(
            f"order {row.number} was moved by somebody else this very moment", "say it again"
        ) from None
    return walk(context, row.id, actor=actor)


def settled(context: Context, row: OrderRow, actor: str, reason: str) -> OrderRow:
    """Note that people settled a difference for which an order is held, and return it.

    Its documents and what was accepted stay; the difference is told to finance at night as before.
    So is a discrepancy, such as a document that was there twice. Raises Rejected where the order is
    held for neither, or nobody says what was done.
    """
    readable(row)
    if row.hold_cause not in (HoldCause.CHANGED, HoldCause.DISCREPANCY):
        raise _refused(
            f"order {row.number} ({row.hold_cause or row.stage}) is not held as changed or for a"
            " discrepancy",
            f"look where it stands with `connector orders show {row.number}`",
        )
    if not reason.strip():
        raise _refused("nobody knows later what was done", "say it with --reason")
    change = Change(
        event="retry",
        text=course.remarked(course.DIFFERENCE_SETTLED(), mask_text(reason)),
        # Told again by the DMS, these are no news.
        detail={SETTLED: [str(each) for each in row.hold_reasons or []]},
        next_try_at=None if rests(row) else context.clock(),
    )
    try:
        row = context.orders.apply(row, change, actor, context.clock())
    except StaleOrder:
        raise _refused(
            f"order {row.number} was moved by somebody else this very moment",
            "look at it again first: it may be held for something else now",
        ) from None
    return go_on(context, row, actor)


def _requested(context: Context, row: OrderRow, what: What, number: str) -> Change:
    request, stage = _REQUESTS[what]
    next_ = None
    at = row.backorder if row.stage == Stage.RELEASED else row.stage
    if at == stage and not row.cancel_requested and not context.dms.can(request.conversation):
        next_ = wanted(context, row, request)
    if next_ is None:
        raise _not_awaited(row, what)
    pattern = number_pattern(context, request.conversation)
    if pattern and not re.fullmatch(pattern, number):
        raise _refused(f"{number} has not the form {pattern} of its numbers", "look in the DMS")
    if context.orders.holder_of("dms", request.kind, number) is not None:
        raise _refused(f"{number} is a document of an order already", "look in the DMS")
    kind = term("document", request.kind)
    text = course.DONE_BY_HAND(kind=kind, number=number, unit=next_.unit)
    return documented(context, row, request, next_, number, text)


def _waiting(context: Context, row: OrderRow, number: str) -> str:
    """Return the business unit of a sales order that people were to cancel."""
    if row.hold_cause == HoldCause.BY_HAND:
        for each in _sales_orders(context, row):
            if each.number == number:
                return each.business_unit
    raise _not_awaited(row, What.CANCEL)


def _news(context: Context, row: OrderRow, what: What, number: str) -> dict[str, Any]:
    """Return what is told of an order by a person, in the words of the DMS's status."""
    orders = _sales_orders(context, row)
    if len(orders) != 1 or not Stage(row.stage).released:
        raise _not_awaited(row, what)
    told = (
        {"shipments": [{"tracking_number": number, "shipped_at": context.clock()}]}
        if what is What.SHIPMENT
        else {"invoices": [{"number": number, "date": f"{context.clock():%Y-%m-%d}"}]}
    )
    return {"number": orders[0].number, "status": "open", **told}


def _sales_orders(context: Context, row: OrderRow) -> list[DocumentRow]:
    return [each for each in live(context.orders.documents(row.id)) if each.kind == "sales_order"]


def _not_awaited(row: OrderRow, what: What) -> Rejected:
    where = f"order {row.number} ({row.hold_cause or row.stage})"
    return _refused(
        f"{where} does not wait for a {what.value} made by hand",
        f"look where it stands with `connector orders show {row.number}`",
    )


def _refused(why: str, remedy: str) -> Rejected:
    return Rejected("", why, remedy=remedy)
