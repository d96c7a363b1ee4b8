"""Step: the sales orders in the DMS, one per business unit (workflow.md, step 3).

An order that the storefront changed before release comes here again with a higher revision. What
the DMS holds of an earlier one is then amended, or cancelled and created anew: as the mappings say
(`dms_amend`, `dms_cancel`). A part that the change does not touch stays as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from connector.domain.lifecycle import Stage
from connector.errors import InDoubt
from connector.steps.cancel import CONVERSATION as CANCEL
from connector.steps.cancel import cancel_sales_order, settled
from connector.steps.context import Context, part_source
from connector.steps.difference import comparable, content_differences
from connector.steps.outbound import Ask, Document
from connector.steps.sales_order import (
    CONVERSATION,
    Differs,
    asker,
    discrepancy,
    document_of,
    finish,
    live,
    open_orders,
    order_call,
    order_content,
    unit_of,
)
from connector.store.calls import Call, CallState
from connector.store.changes import Change, NewDocument
from connector.store.tables import CallRow, DocumentRow, OrderRow
from connector.store.types import dumps
from connector.wording import course, systems

AMEND = "dms_amend"
_BELONGING = ("delivery_note", "invoice_application")


def place(context: Context, row: OrderRow) -> Change:
    """Bring the DMS's sales orders to this revision: one call, then a change of the order."""
    try:
        return _settle_earlier(context, row) or _next(context, row)
    except Differs as difference:
        return discrepancy(difference)


def _next(context: Context, row: OrderRow) -> Change:
    order = context.read(row)
    documents = live(context.orders.documents(row.id))
    placed = {each.business_unit: each for each in documents if each.kind == "sales_order"}
    for unit, held in placed.items():
        if unit not in order.business_units:
            return _cancel(context, row, held)
    for unit in order.business_units:
        if unit not in placed:
            done = row.revision == 1 and len(placed) + 1 == len(order.business_units)
            source = part_source(context, row, order, unit)
            return _create(context, row, unit, source, done=done)
        revision, digest = _state(documents, placed[unit])
        if revision >= row.revision:
            continue
        source = part_source(context, row, order, unit)
        if digest == _digest(context.dms.prepare(CONVERSATION, source).body):
            continue
        belonging = any(
            each.kind in _BELONGING and each.business_unit == unit for each in documents
        )
        # What belongs to it was made for what it was: it goes with it.
        if context.dms.can(AMEND) and not belonging:
            return _amend(context, row, placed[unit], source)
        return _cancel(context, row, placed[unit])
    return Change(
        event="placed",
        text=course.IN_THE_DMS(),
        stage=Stage.PLACED,
        next_try_at=context.clock(),
    )


def _create(
    context: Context, row: OrderRow, unit: str, source: dict[str, Any], *, done: bool
) -> Change:
    prepared = context.dms.prepare(CONVERSATION, source)
    call = order_call(context, row, unit, prepared.body)
    made = context.outbound.perform(
        call,
        send=lambda: document_of(context.dms.send(prepared)),
        ask=asker(context, row.number, unit, order_content(source)),
    )
    finish(context, row, call, prepared, made, "")
    detail = {
        "notes": list(prepared.notes),
        # The nightly reconciliation asks the DMS for as much as was placed.
        "total": source["total"],
        "revision": row.revision,
        "digest": _digest(prepared.body),
    }
    return Change(
        event="placed" if done else "sales_order",
        text=course.SALES_ORDER(number=made.number, unit=unit),
        stage=Stage.PLACED if done else None,
        documents=(NewDocument("sales_order", "dms", unit, made.number, context.clock(), detail),),
        next_try_at=context.clock(),
        mapping_version=prepared.mapping_version,
    )


def _amend(context: Context, row: OrderRow, held: DocumentRow, source: dict[str, Any]) -> Change:
    prepared = context.dms.prepare(AMEND, source | {"sales_order": held.number})
    unit = held.business_unit
    call = Call(
        system="dms",
        operation=AMEND,
        subject=f"{row.shop}/{row.number}",
        part=unit,
        reference=held.number,
        request=prepared.body,
        revision=row.revision,
        order_pk=row.id,
        mapping_version=prepared.mapping_version,
    )
    made = context.outbound.perform(
        call,
        send=lambda: Document(held.number, context.dms.send(prepared)),
        ask=_amended(context, row.number, held, order_content(source)),
    )
    finish(context, row, call, prepared, made, "")
    detail = {
        "sales_order": held.number,
        "total": source["total"],
        "revision": row.revision,
        "digest": _digest(context.dms.prepare(CONVERSATION, source).body),
    }
    return Change(
        event="amended",
        text=course.AMENDED(number=held.number, unit=unit, revision=row.revision),
        documents=(
            NewDocument(
                "amendment", "dms", unit, f"{held.number}/{row.revision}", context.clock(), detail
            ),
        ),
        next_try_at=context.clock(),
        mapping_version=prepared.mapping_version,
    )


def _amended(
    context: Context, number: str, held: DocumentRow, content: dict[str, Any]
) -> Ask | None:
    if not context.dms.can("dms_find"):
        return None

    def ask() -> Document | None:
        for theirs in open_orders(context, number, held.business_unit):
            if str(theirs["number"]) != held.number:
                continue
            if not any(comparable(content, theirs, name) for name in content):
                raise InDoubt(systems.DMS_TELLS_NOTHING(), place=f"DMS {held.number}")
            return None if content_differences(content, theirs) else Document(held.number, {})
        raise Differs((course.NOT_AMONG_OPEN(document=held.number, number=number),))

    return ask


def _cancel(context: Context, row: OrderRow, held: DocumentRow) -> Change:
    """Cancel what an earlier revision made; the next look makes it anew where it is wanted."""
    return cancel_sales_order(context, row, held.business_unit, held.number, course.CHANGED_THERE())


def _settle_earlier(context: Context, row: OrderRow) -> Change | None:
    """Settle what earlier revisions sent: nothing of theirs may still arrive, none be forgotten."""
    if row.revision == 1:
        return None
    known = {each.number for each in context.orders.documents(row.id)}
    for call in context.calls.of_order(row.id):
        if call.system != "dms" or call.revision >= row.revision:
            continue
        if call.operation == CANCEL and (_open(call) or call.state == CallState.CONFIRMED):
            cancelled = settled(context, row, call)
            if cancelled is not None:
                return cancelled
        elif call.operation == AMEND and _open(call):
            # Whether it arrived does not matter, only that it no longer can.
            context.outbound.outcome(call, lambda: None)
        elif call.operation == CONVERSATION and (_open(call) or call.state == CallState.CONFIRMED):
            unit = unit_of(context, row, call)
            made = context.outbound.outcome(call, asker(context, row.number, unit, None))
            if made is not None and made.number not in known:
                detail = {"revision": call.revision}
                return Change(
                    event="sales_order",
                    text=course.SALES_ORDER_OF_REVISION(
                        number=made.number, unit=unit, revision=call.revision
                    ),
                    documents=(
                        NewDocument(
                            "sales_order", "dms", unit, made.number, context.clock(), detail
                        ),
                    ),
                    next_try_at=context.clock(),
                )
    return None


def _open(call: CallRow) -> bool:
    return call.state in (CallState.SENT, CallState.IN_DOUBT)


def _state(documents: Sequence[DocumentRow], held: DocumentRow) -> tuple[int, str]:
    """Return the revision that a sales order is of, and the digest of what was sent for it."""
    states = [
        (int(each.detail.get("revision", 1)), str(each.detail.get("digest", "")))
        for each in documents
        if each is held or (each.kind == "amendment" and each.detail["sales_order"] == held.number)
    ]
    return max(states)


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(dumps(body).encode()).hexdigest()
