"""Job: tell the storefront of shipments and invoices (workflow.md, steps 6 and 7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog

from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.masking import mask_text
from connector.domain.order import UNSETTLED, PaymentState
from connector.errors import Misconfigured, Rejected, RetryLater, UnreadableOrder
from connector.jobs.cadence import Cadence, Window
from connector.jobs.runner import Counts, Job, System
from connector.mapping.live import steady
from connector.steps.context import Context
from connector.steps.outbound import Document
from connector.steps.payment import unpaid
from connector.steps.quarantine import put_stored, take_or_quarantine
from connector.steps.sales_order import live
from connector.steps.take_again import gone, settled_as_cancelled
from connector.steps.walk import held_for
from connector.store.calls import Call
from connector.store.changes import Change, Hold, StaleOrder
from connector.store.invoices import missing_of
from connector.store.tables import DocumentRow, OrderRow
from connector.wording import Said, course
from connector.wording.terms import term

_log = structlog.get_logger(__name__)


# So many waits one after the other are the storefront's, not an order's: the next run goes on.
_AWAY = 5
# Seconds in which the storefront must show an order that is to be written to.
_SHOWN_WITHIN = 60.0
# Payment states of an order that a person stopped in the shop: no status is written over them.
_STOPPED = {*UNSETTLED, PaymentState.CANCELLED}
_INVOICING = ("invoice_application", "invoice")


def writeback(context: Context, cadence: Cadence) -> Job:
    """Return the job. A document is written back once; one that must wait is tried again.

    What the storefront refuses, or a mapping cannot say, holds the order; the others go on.
    """

    def run(_window: Window, _scope: str) -> Counts:
        counts: Counter[str] = Counter()
        vain = 0
        for document in context.orders.to_write_back():
            row = context.orders.get(document.order_pk)
            try:
                told = write_back(context, row, document)
            except Misconfigured:
                raise
            except RetryLater as error:
                counts["waiting"] += 1
                _log.warning("not written back", order=row.number, error=mask_text(str(error)))
                vain = vain + 1 if error.after is None and not error.answered else 0
                if vain >= _AWAY:
                    break
                continue
            except Exception as error:
                if context.shortages.note(error) is not None:
                    counts["waiting"] += 1
                    continue
                counts["held"] += 1
                _hold(context, row, document, error)
            else:
                counts[document.kind if told else "paused"] += 1
                if told:
                    _unhold(context, row, document)
            vain = 0
        for row in context.orders.to_finish():
            try:
                if row.unreadable:
                    put_stored(context, row, "writeback")
                    raise UnreadableOrder(row.number)
                counts["closed"] += finish(context, row)
            except (RetryLater, Misconfigured, OSError):
                raise
            except Exception as error:
                # Whether all of it is invoiced cannot be told: the others are closed all the same.
                counts["held"] += _hold_doubtful(context, row, error)
        return dict(counts)

    return Job(
        "writeback",
        "tell the storefront of shipments and invoices",
        cadence,
        run,
        needs=lambda: (System.STOREFRONT,),
    )


def _hold_doubtful(context: Context, row: OrderRow, error: Exception) -> bool:
    """Hold an order of which it cannot be told whether it is done."""
    change = held_for(context.orders.get(row.id), error)
    with suppress(StaleOrder):
        context.orders.apply(row, change, "writeback", context.clock())
        return True
    return False


def _not_told(document: DocumentRow, reason: str) -> Said:
    return course.NOT_WRITTEN_BACK(
        kind=term("document", document.kind), number=document.number, reason=reason
    )


def _hold(context: Context, row: OrderRow, document: DocumentRow, error: Exception) -> None:
    change = held_for(row, error)
    text = _not_told(document, change.text)
    if change.hold is None or (row.hold_cause and not _held_for(row, document)):
        _log.warning(text, order=row.number)  # it waits for somebody already
        return
    hold = replace(
        change.hold, reasons=tuple(_not_told(document, each) for each in change.hold.reasons)
    )
    with suppress(StaleOrder):  # somebody else is changing it; the next run holds it
        context.orders.apply(
            row,
            # What is owed of the order goes on meanwhile.
            replace(change, text=text, hold=hold, next_try_at=row.next_try_at),
            "writeback",
            context.clock(),
        )


def _held_for(row: OrderRow, document: DocumentRow) -> bool:
    """Whether the order is held because this document could not be written back, and only so."""
    prefix, reasons = _not_told(document, ""), row.hold_reasons or ()
    return bool(reasons) and all(each.startswith(prefix) for each in reasons)


def _unhold(context: Context, row: OrderRow, document: DocumentRow) -> None:
    """End the hold that an earlier run put for this document; what else it holds is held on."""
    # What was read of the shop before the writing may have changed the order.
    row = context.orders.get(row.id)
    prefix, reasons = _not_told(document, ""), row.hold_reasons or []
    others = tuple(each for each in reasons if not each.startswith(prefix))
    if not row.hold_cause or len(others) == len(reasons):
        return
    change = Change(
        event="written_back",
        text=course.GOES_ON(),
        hold=unpaid(row) or Hold(HoldCause(row.hold_cause), others) if others else None,
        next_try_at=row.next_try_at,
    )
    with suppress(StaleOrder):
        context.orders.apply(row, change, "writeback", context.clock())


def write_back(context: Context, row: OrderRow, document: DocumentRow) -> bool:
    """Write one shipment or invoice back: the order's fields, then a note for the buyer.

    A status by which the shop took the payment back or ended the order is a person's, and stays.
    False where all is told but the status, which follows once the payment is settled again. Of an
    order that the storefront deleted nothing is told, once people have settled that. Raises
    Rejected where the order is in the storefront's trash, or deleted.
    """
    state = _state(context, row)
    if state is None:
        _leave_untold(context, row, document)
        return True
    paused = state in UNSETTLED
    source = {
        "order_id": row.order_id,
        "number": row.number,
        document.kind: {**document.detail, "number": document.number},
        "complete": _all_shipped(context, row),
    }
    with steady(context.mappings):
        whole = _fields(
            context, row, document, source, paused=paused, ended=state == PaymentState.CANCELLED
        )
        _note(context, row, document, source)
    if not whole:
        return False
    context.orders.written_back(document.id, context.clock())
    context.orders.note(
        row.id,
        Change(
            event="written_back",
            text=course.IN_THE_STOREFRONT(
                kind=term("document", document.kind), number=document.number
            ),
        ),
        "writeback",
        context.clock(),
    )
    return True


def _leave_untold(context: Context, row: OrderRow, document: DocumentRow) -> None:
    now = context.clock()
    context.orders.written_back(document.id, now)
    text = _not_told(document, course.DELETED_LATE())
    context.orders.note(row.id, Change(event="not_told", text=text), "writeback", now)


def _state(context: Context, row: OrderRow) -> str | None:
    """Return how the shop has an order's payment now; what is new of that is taken in.

    No list shows the trash, and of some edits no list tells: nothing is overwritten unseen. None is
    an order that the shop deleted, as people know and have settled.
    """
    shown = context.storefront.orders([row.order_id], _SHOWN_WITHIN)[row.order_id]
    if shown is None:
        if settled_as_cancelled(row):
            return None
        with suppress(StaleOrder):
            gone(context, row, "writeback")
        raise Rejected("", course.DELETED_LATE())
    content, _ = context.mappings()["storefront_order"].apply_leniently(shown)
    state = str(content.get("payment_state") or PaymentState.UNKNOWN)
    if {state, row.payment_state} & _STOPPED and state != row.payment_state:
        with suppress(StaleOrder):
            take_or_quarantine(context, shown, "writeback")
    if context.storefront.in_trash(shown):
        raise Rejected("", course.IN_TRASH())
    return state


def _all_shipped(context: Context, row: OrderRow) -> bool:
    return all(
        line.shipped >= line.quantity - line.refunded_quantity
        for line in context.orders.lines(row.id)
    )


def finish(context: Context, row: OrderRow) -> bool:
    """Note that a released order is shipped; close it once it is invoiced in full too.

    That is: what was applied for is issued, to the cent, and the storefront was told.
    """
    documents = live(context.orders.documents(row.id))
    applied = {each.business_unit for each in documents if each.kind in _INVOICING}
    try:
        if row.stage == Stage.RELEASED:
            row = _moved(context, row, Stage.SHIPPED, course.ALL_SHIPPED())
        if any(each.kind == "invoice" and each.written_back_at is None for each in documents):
            return False
        if not set(filter(None, row.business_units.split(","))) <= applied:
            return False
        if missing_of(row, documents):
            return False
        _moved(context, row, Stage.CLOSED, course.ALL_DONE())
    except StaleOrder:
        # Somebody else is changing it; the next run closes it.
        return False
    return True


def _moved(context: Context, row: OrderRow, stage: Stage, text: Said) -> OrderRow:
    change = Change(event=stage.value, text=text, stage=stage, values={"backorder": None})
    return context.orders.apply(row, change, "writeback", context.clock())


def _fields(
    context: Context,
    row: OrderRow,
    document: DocumentRow,
    source: Mapping[str, Any],
    *,
    paused: bool,
    ended: bool,
) -> bool:
    """Write the fields; false where the status is still to follow."""
    mapping = context.mappings()[f"storefront_{document.kind}"]
    body = mapping.apply(source).body
    left = "status" in body and (paused or ended)
    if left:
        # The buyer is told all the same.
        body = {name: value for name, value in body.items() if name != "status"}
    wanted = {str(entry["key"]): entry["value"] for entry in body.get("meta_data", [])}

    def ask() -> Document | None:
        shown = context.storefront.order(row.order_id)
        entries = shown.get("meta_data")
        there = {
            entry.get("key"): entry.get("value")
            for entry in (entries if isinstance(entries, list) else [])
            if isinstance(entry, dict)
        }
        same = all(
            key in there and context.storefront.same(value, there[key])
            for key, value in wanted.items()
        )
        same = same and body.get("status", shown.get("status")) == shown.get("status")
        return Document(row.order_id, {}) if same else None

    def send() -> Document:
        context.storefront.update_order(row.order_id, body)
        return Document(row.order_id, {})

    call = _call(row, document, mapping.name, body, mapping.version)
    if left and paused:
        # With its status the document is told in a call of its own, later.
        call = replace(call, part=f"{call.part}~paused")
    context.outbound.perform(call, send=send, ask=ask)
    return not (left and paused)


def _note(
    context: Context, row: OrderRow, document: DocumentRow, source: Mapping[str, Any]
) -> None:
    mapping = context.mappings()[f"storefront_{document.kind}_note"]
    if mapping.absent:
        return
    body = mapping.apply(source).body

    def ask() -> Document | None:
        for note in context.storefront.notes(row.order_id):
            if context.storefront.same(body.get("note"), note.get("note")):
                return Document(str(note.get("id")), {})
        return None

    def send() -> Document:
        return Document(str(context.storefront.add_note(row.order_id, body).get("id")), {})

    context.outbound.perform(
        _call(row, document, mapping.name, body, mapping.version), send=send, ask=ask
    )


def _call(
    row: OrderRow,
    document: DocumentRow,
    conversation: str,
    body: Mapping[str, Any],
    version: str,
) -> Call:
    return Call(
        system="storefront",
        operation=conversation,
        subject=f"{row.shop}/{row.number}",
        part=_part(document),
        reference=row.order_id,
        request=body,
        order_pk=row.id,
        mapping_version=version,
    )


def _part(document: DocumentRow) -> str:
    """Return which document is told of; what was told otherwise before is told as another."""
    edition = document.detail.get("edition")
    return f"{document.number}~{edition}" if edition else document.number
