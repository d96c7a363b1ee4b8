"""Takes what the DMS says of an order: shipments, invoices, a status. Said twice, it counts once.

A shipment is known by its tracking number (or delivery note); of each of its lines the largest
quantity ever told counts, so that news may come repeated, merged, and in any sequence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from connector.domain.document_number import document_number
from connector.domain.lifecycle import HoldCause, Stage
from connector.steps.cancel import CONVERSATION as CANCEL
from connector.steps.cancel import cancelled_by_people
from connector.steps.context import Context
from connector.steps.payment import rests
from connector.steps.sales_order import live
from connector.store.changes import Change, Hold, NewDocument, apply_in
from connector.store.database import Database
from connector.store.invoices import missing_of, share_merged
from connector.store.tables import AllocationRow, DocumentRow, LineRow, OrderRow
from connector.wording import Said, course, together
from connector.wording.terms import term

Quantities = dict[int, Decimal]
# Names in an event the reasons of a hold that people settled.
SETTLED = "settled"


def take_news(
    context: Context,
    database: Database,
    row: OrderRow,
    news: Mapping[str, Any],
    mapping: str = "dms_status",
) -> str:
    """Take what the DMS says of one sales order. Raises StaleOrder."""
    if row.stage == Stage.KNOWN:
        return "known"  # its documents are not ours to judge
    held = context.orders.documents(row.id)
    number = str(news.get("number"))
    now = context.clock()
    unit = next(
        (
            each.business_unit
            for each in held
            if each.kind == "sales_order" and each.number == number
        ),
        None,
    )
    documents = [
        *_shipments(news, unit or "", context, held),
        *_invoices(news, unit or "", row, now, held),
        *_received(news, unit or "", held),
    ]
    lines = context.orders.lines(row.id)
    shipped = {line.number: line.shipped for line in lines}
    for document in documents:
        if document.kind == "shipment":
            for line, quantity in _quantities([document.detail]).items():
                shipped[line] = shipped.get(line, Decimal(0)) + quantity
    holds = _holds(news, number, unit, held, shipped, lines, row, documents)
    hold = next((each for each in holds if not _settled(context, row, each)), None)
    hold = _with_act(row, hold) if hold is not None else None
    if _cancelled_by_people(context, news, number, held, row):
        change = cancelled_by_people(context, unit or "", number)
        context.orders.apply(row, change, "status", now)
        return "news"
    if not documents and hold is None:
        return "known"
    if hold is not None and not documents and _says_the_same(row, hold):
        return "known"
    whole = all(shipped[line.number] >= line.quantity - line.refunded_quantity for line in lines)
    if _stopped(news, number, held, shipped, lines, row):
        return _take_stop(context, database, row, number, unit or "", mapping, held)
    # A warehouse that is quicker than the wave has shipped all the same; what was shipped before
    # its invoice was applied for goes on once it is.
    under_way = row.backorder in (Stage.CONFIRMED, Stage.NOTED)
    goes_on = whole and not under_way and Stage(row.stage) in (Stage.READY, Stage.RELEASED)
    change = Change(
        event="news",
        text=_told(row, held, documents) if documents or hold is None else hold.reasons[0],
        stage=Stage.SHIPPED if goes_on else None,
        keep_hold=True,
        hold=hold,
        documents=documents,
        # What somebody must look into is not delivered further meanwhile.
        next_try_at=None if hold and Stage(row.stage).released else row.next_try_at,
        values={"backorder": None} if goes_on else {},
        tries=row.tries,
        mapping_version=context.mappings()[mapping].version,
    )
    with database.transaction() as session:
        apply_in(session, row, change, "status", now)
        invoices = [each.number for each in documents if each.kind == "invoice"]
        share_merged(session, row, invoices, "status", now)
        for line, quantity in shipped.items():
            session.execute(
                update(LineRow)
                .where(LineRow.order_pk == row.id, LineRow.number == line)
                .values(shipped=quantity)
            )
        _consume(session, row, shipped, now)
    return "news"


def _consume(session: Session, row: OrderRow, shipped: Quantities, now: datetime) -> None:
    """SAP posts the goods issue with the shipment: its own stock is less from now on."""
    gone: Quantities = {}
    for each in session.scalars(
        select(AllocationRow)
        .where(AllocationRow.order_pk == row.id)
        .order_by(AllocationRow.line_number, AllocationRow.delivery)
    ):
        gone[each.line_number] = gone.get(each.line_number, Decimal(0)) + each.quantity
        if each.consumed_at is None and gone[each.line_number] <= shipped[each.line_number]:
            each.consumed_at = now


def _holds(
    news: Mapping[str, Any],
    number: str,
    unit: str | None,
    held: Sequence[DocumentRow],
    shipped: Quantities,
    lines: Sequence[LineRow],
    row: OrderRow,
    documents: Sequence[NewDocument],
) -> Iterator[Hold]:
    """Give the holds that news ask for: what nobody foresaw is never passed over."""
    nameless = tuple(
        course.NEWS_WITHOUT_NUMBER(kind=term("document", kind), number=number)
        for kind in _nameless(news)
    )
    if nameless:
        yield Hold(HoldCause.MAPPING, nameless)
    if news.get("status") == "unknown":
        code = news.get("status_code")
        yield Hold(
            HoldCause.MAPPING,
            (course.UNKNOWN_STATUS(status=repr(code), number=number),),
        )
    if unit is None:
        # Without documents it is an order whose creation is under way, or is found by asking.
        if documents:
            yield Hold(HoldCause.DISCREPANCY, (course.NOT_OURS(number=number),))
        return
    ours = any(each.kind == "cancellation" and each.number == number for each in held)
    if news.get("status") == "cancelled" and not ours and not row.cancel_requested:
        # A cancellation that is under way is asked about by its own step.
        if Stage(row.stage).ended or row.stage == Stage.RECEIVED:
            return
        yield Hold(HoldCause.DISCREPANCY, (course.CANCELLED_BY_OTHERS(number=number),))
    if not documents:
        return
    ordered = {line.number: line.quantity for line in lines}
    wrong = tuple(
        course.MORE_SHIPPED(
            line=line,
            shipped=f"{quantity.normalize():f}",
            ordered=f"{ordered.get(line, Decimal(0)).normalize():f}",
        )
        for line, quantity in sorted(shipped.items())
        if quantity > ordered.get(line, Decimal(0))
    )
    if wrong:
        yield Hold(HoldCause.DISCREPANCY, wrong)


def _stopped(
    news: Mapping[str, Any],
    number: str,
    held: Sequence[DocumentRow],
    shipped: Quantities,
    lines: Sequence[LineRow],
    row: OrderRow,
) -> bool:
    """Whether people cancelled in the DMS what was refunded in full after its release."""
    return (
        news.get("status") == "cancelled"
        and Stage(row.stage) is Stage.RELEASED
        and any(each.kind == "sales_order" and each.number == number for each in live(held))
        and bool(lines)
        and not any(shipped.values())
        and all(line.refunded_quantity >= line.quantity for line in lines)
    )


def _cancelled_by_people(
    context: Context,
    news: Mapping[str, Any],
    number: str,
    held: Sequence[DocumentRow],
    row: OrderRow,
) -> bool:
    """Whether people did what the DMS has no operation for: cancel what is to be cancelled."""
    return (
        news.get("status") == "cancelled"
        and not context.dms.can(CANCEL)
        and (row.cancel_requested or row.hold_cause == HoldCause.BY_HAND)
        and any(each.kind == "sales_order" and each.number == number for each in live(held))
    )


def _take_stop(
    context: Context,
    database: Database,
    row: OrderRow,
    number: str,
    unit: str,
    mapping: str,
    held: Sequence[DocumentRow],
) -> str:
    """Note that a sales order was stopped; with the last of them the order is cancelled."""
    left = [each for each in live(held) if each.kind == "sales_order" and each.number != number]
    now = context.clock()
    change = Change(
        event="cancellation",
        text=course.STOPPED_AFTER_REFUND(number=number, unit=unit),
        stage=None if left else Stage.CANCELLED,
        keep_hold=bool(left),
        next_try_at=row.next_try_at if left else None,
        values={} if left else {"backorder": None},
        documents=(NewDocument("cancellation", "dms", unit, number, now),),
        free_allocations=not left,
        mapping_version=context.mappings()[mapping].version,
    )
    with database.transaction() as session:
        apply_in(session, row, change, "status", now)
    return "news"


def _with_act(row: OrderRow, hold: Hold) -> Hold:
    """Return a hold with the act that ends it, and with what the order is held for as changed."""
    if row.hold_cause == HoldCause.CHANGED:
        act = course.SETTLE_BY_HAND(number=row.number)
        others = [
            each for each in row.hold_reasons or [] if each not in hold.reasons and each != act
        ]
        return Hold(HoldCause.CHANGED, (*others, *hold.reasons, act))
    if hold.cause is not HoldCause.DISCREPANCY:
        return hold
    words = course.SETTLE_BY_HAND if rests(row) else course.SETTLE_THERE
    return replace(hold, reasons=(*hold.reasons, words(number=row.number)))


def _settled(context: Context, row: OrderRow, hold: Hold) -> bool:
    """Whether people settled all that a hold would be for."""
    events = context.orders.events(row.id)
    settled = {said for each in events for said in each.detail.get(SETTLED) or ()}
    return {str(each) for each in hold.reasons} <= settled


def _says_the_same(row: OrderRow, hold: Hold) -> bool:
    return row.hold_cause == hold.cause and row.hold_reasons == list(hold.reasons)


def _shipments(
    news: Mapping[str, Any], unit: str, context: Context, held: Sequence[DocumentRow]
) -> list[NewDocument]:
    """Return what of the shipments is new, each with the lines that are new."""
    made: list[NewDocument] = []
    for each in news.get("shipments") or []:
        name = _name_of(each)
        if not name:
            continue
        parts: list[Mapping[str, Any]] = [
            document.detail
            for document in held
            if document.kind == "shipment"
            and document.detail.get("shipment", document.number) == name
        ]
        parts += [document.detail for document in made if document.detail["shipment"] == name]
        known = _quantities(parts)
        told = _quantities([each])
        if not told and not parts:
            told = _open_of(each, str(news.get("number")), [*held, *made])
        fresh = {
            line: quantity - known.get(line, Decimal(0))
            for line, quantity in told.items()
            if quantity > known.get(line, Decimal(0))
        }
        if not fresh:
            continue
        detail = {
            **each,
            "shipment": name,
            "sales_order": str(news.get("number")),
            "lines": [
                {"line_number": line, "quantity": quantity} for line, quantity in fresh.items()
            ],
        }
        made.append(
            NewDocument(
                "shipment",
                "dms",
                unit,
                f"{name}#{len(parts) + 1}" if parts else name,
                each.get("shipped_at") or context.clock(),
                detail,
            )
        )
    return made


def _open_of(
    shipment: Mapping[str, Any], sales_order: str, documents: Sequence[DocumentRow | NewDocument]
) -> Quantities:
    """Return what a shipment without lines is of: all that is open of its delivery note.

    One that names none of ours is of all notes of its sales order.
    """
    note = document_number(shipment.get("delivery_note"))
    notes = [
        each
        for each in documents
        if each.kind == "delivery_note" and each.detail.get("sales_order") == sales_order
    ]
    own = [each for each in notes if each.number == note]
    gone = [
        each.detail
        for each in documents
        if each.kind == "shipment"
        and each.detail.get("sales_order") == sales_order
        and (not own or each.detail.get("delivery_note") == note)
    ]
    shipped = _quantities(gone)
    open_: Quantities = {}
    for each in own or notes:
        for line in each.detail.get("lines") or []:
            number = int(line["number"])
            open_[number] = open_.get(number, Decimal(0)) + Decimal(str(line["quantity"]))
    return {
        line: quantity - shipped.get(line, Decimal(0))
        for line, quantity in open_.items()
        if quantity > shipped.get(line, Decimal(0))
    }


def _invoices(
    news: Mapping[str, Any], unit: str, row: OrderRow, now: datetime, held: Sequence[DocumentRow]
) -> list[NewDocument]:
    """Return the invoices that are new. One without an amount is of all that is not issued yet."""
    known = {each.number for each in held if each.kind == "invoice"}
    made: list[NewDocument] = []
    for each in news.get("invoices") or []:
        number = document_number(each.get("number"))
        if not number or number in known:
            continue
        if each.get("gross") is None:
            left = missing_of(row, [*live(held), *made])
            named = left.get(str(each.get("application") or ""))
            each = {**each, "gross": named or sum(filter(None, left.values()), Decimal(0))}
        made.append(NewDocument("invoice", "dms", unit, number, now, each))
    return made


def _told(row: OrderRow, held: Sequence[DocumentRow], documents: Sequence[NewDocument]) -> Said:
    """Name what came, and what is left to be issued where an invoice is among it."""
    came = course.SEVERAL_CAME(
        each=[
            course.CAME(kind=term("document", each.kind), number=each.number) for each in documents
        ]
    )
    if not any(each.kind == "invoice" for each in documents):
        return came
    left = missing_of(row, [*live(held), *documents])
    return together(
        [
            came,
            *(
                course.NOT_ISSUED_YET(amount=amount, application=application)
                for application, amount in left.items()
            ),
        ]
    )


def _received(news: Mapping[str, Any], unit: str, held: Sequence[DocumentRow]) -> list[NewDocument]:
    """Return the returns whose goods the warehouse has newly received."""
    known = {each.number for each in held if each.kind == "return_receipt"}
    return [
        NewDocument("return_receipt", "dms", unit, number, each["received_at"], each)
        for each in news.get("returns") or []
        if each.get("received_at")
        and (number := document_number(each.get("number")))
        and number not in known
    ]


def _name_of(shipment: Mapping[str, Any]) -> str:
    """Return what a shipment is known by: its tracking number, or else its delivery note's."""
    tracking = document_number(shipment.get("tracking_number"))
    return tracking or document_number(shipment.get("delivery_note"))


def _nameless(news: Mapping[str, Any]) -> list[str]:
    """Return the kinds of documents that news tell of without saying which."""
    named = {
        "shipment": [_name_of(each) for each in news.get("shipments") or []],
        "invoice": [document_number(each.get("number")) for each in news.get("invoices") or []],
        "return_receipt": [
            document_number(each.get("number"))
            for each in news.get("returns") or []
            if each.get("received_at")
        ],
    }
    return [kind for kind, numbers in named.items() if not all(numbers)]


def _quantities(parts: Sequence[Mapping[str, Any]]) -> Quantities:
    found: Quantities = {}
    for part in parts:
        for item in part.get("lines") or []:
            line = int(item["line_number"])
            found[line] = found.get(line, Decimal(0)) + Decimal(str(item["quantity"]))
    return found
