"""What every step that touches the DMS's sales orders shares: their call, and how to ask for them.

A sales order that was cancelled in the DMS is out of use, and so are the delivery note and the
invoice application that belonged to it. Nothing is struck from the record for that: a document of
kind `cancellation` names the sales order, and `live` reads the others by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from connector.dms.desk import Prepared
from connector.domain.document_number import document_number
from connector.domain.lifecycle import HoldCause
from connector.errors import InDoubt
from connector.steps.context import Context
from connector.steps.difference import content_differences
from connector.steps.outbound import Ask, Document
from connector.store.calls import Call
from connector.store.changes import Change, Hold
from connector.store.tables import CallRow, DocumentRow, OrderRow
from connector.wording import Said, course, systems, together

CONVERSATION = "dms_sales_order"


class Differs(Exception):
    """The DMS holds something else under our number than what was to be sent."""

    def __init__(self, reasons: tuple[Said, ...]) -> None:
        super().__init__(together(reasons))
        self.reasons = reasons


def differs(document: object, differences: Sequence[Said]) -> Differs:
    """Return that a document of the DMS differs, by these differences."""
    return Differs(
        tuple(course.OF_DOCUMENT(document=document, difference=each) for each in differences)
    )


def discrepancy(difference: Differs) -> Change:
    """Return the hold that lets ops look at what the DMS holds."""
    return Change(
        event="held",
        text=course.SOMETHING_ELSE(),
        hold=Hold(HoldCause.DISCREPANCY, difference.reasons),
    )


def live(documents: Sequence[DocumentRow]) -> list[DocumentRow]:
    """Return the documents in use: not those of sales orders that were cancelled in the DMS."""
    cancelled = {each.number for each in documents if each.kind == "cancellation"}
    return [
        each
        for each in documents
        if each.kind == "cancellation"
        or (
            each.detail.get("sales_order") not in cancelled
            and not (each.kind == "sales_order" and each.number in cancelled)
        )
    ]


def worth_of(documents: Sequence[DocumentRow]) -> Decimal | None:
    """Return what the sales orders among live documents come to; None where that was not noted."""
    worth: dict[str, Any] = {}
    for each in documents:
        if each.kind in ("sales_order", "amendment"):
            number = each.detail["sales_order"] if each.kind == "amendment" else each.number
            worth[str(number)] = each.detail.get("total")
    if not worth or None in worth.values():
        return None
    return sum((Decimal(str(each)) for each in worth.values()), Decimal(0))


def order_call(context: Context, row: OrderRow, unit: str, body: dict[str, Any]) -> Call:
    """Return the call that creates the sales order of one business unit."""
    return Call(
        system="dms",
        operation=CONVERSATION,
        subject=f"{row.shop}/{row.number}",
        part=unit,
        reference=_known_as(body, f"{row.number}-{unit}", row.number),
        request=body,
        revision=row.revision,
        order_pk=row.id,
        mapping_version=context.mappings()[CONVERSATION].version,
    )


def _known_as(body: object, reference: str, number: str) -> str:
    """Return under which of our numbers the DMS knows an order: the one that is in the request."""
    if isinstance(body, Mapping):
        found = any(_known_as(each, reference, number) == reference for each in body.values())
    elif isinstance(body, list):
        found = any(_known_as(each, reference, number) == reference for each in body)
    else:
        found = body == reference
    return reference if found else number


def unit_of(context: Context, row: OrderRow, call: CallRow) -> str:
    """Return the business unit whose sales order a recorded call creates."""
    for unit in context.business_units:
        same = replace(order_call(context, row, unit, {}), revision=call.revision)
        if same.key == call.key:
            return unit
    raise InDoubt(systems.NO_SUCH_UNIT(), place=call.key)


def order_content(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a sales order made from this source must hold, in the words of dms_find."""
    return {
        "customer_number": source["customer_number"],
        "currency": source["order"]["currency"],
        "freight": source["freight"],
        "total": source["total"],
        "lines": [
            {
                "number": line["number"],
                "sku": line["sku"],
                "quantity": line["open_quantity"],
                "amount": line["open_amount"],
            }
            for line in source["lines"]
        ],
    }


def asker(
    context: Context, number: str, unit: str, content: Mapping[str, Any] | None
) -> Ask | None:
    """Return how the DMS is asked for our sales order; None when it cannot be asked.

    What it holds must be one order of this content (`order_content`), otherwise Differs. None
    asks for whatever is there.
    """
    if not context.dms.can("dms_find"):
        return None

    def ask() -> Document | None:
        found = open_orders(context, number, unit)
        if not found:
            return None
        if len(found) > 1:
            numbers = [str(each["number"]) for each in found]
            several = course.SEVERAL_ORDERS(count=len(found), number=number, numbers=numbers)
            raise Differs((several,))
        held = found[0]
        differing = content_differences(content, held) if content is not None else ()
        if differing:
            raise differs(held["number"], differing)
        return Document(str(held["number"]), {})

    return ask


def open_orders(context: Context, number: str, unit: str) -> list[dict[str, Any]]:
    """Return the DMS's orders under our number that are not cancelled."""
    found = orders_of(context, number, unit)
    return [order for order in found if order.get("status") != "cancelled"]


def orders_of(context: Context, number: str, unit: str) -> list[dict[str, Any]]:
    """Return the DMS's orders under our number, each of which has one of its own."""
    code = context.business_units[unit].dms_code
    found = context.dms.find(number, code, reference=f"{number}-{unit}")
    if found is None:
        raise InDoubt(systems.DMS_UNASKABLE(), place=f"order {number}")
    if not all(document_number(order.get("number")) for order in found):
        raise InDoubt(systems.NO_DOCUMENT_NUMBER(), place=f"DMS order {number}")
    return found


def document_of(answer: Mapping[str, Any]) -> Document:
    """Return the document that the answer to a write names."""
    return Document(str(answer.get("number")), answer)


def finish(
    context: Context, row: OrderRow, call: Call, prepared: Prepared, made: Document, documents: str
) -> None:
    """Make the further calls that finish a document, such as an approval, each once.

    `call` made the document, which `dms_find` lists among `documents` ("" for the orders, those
    that are cancelled too). Each call is recorded by itself and asked about; documents of two
    kinds may be finished by the same. Raises as `Outbound.perform` does.
    """
    for name, flag in context.dms.then(prepared.conversation).items():
        source = {**prepared.source, "number": made.number, "answer": made.answer}
        further = context.dms.prepare(name, source)

        def send(further: Prepared = further) -> Document:
            return Document(made.number, context.dms.send(further))

        unit = str(source["business_unit"]["code"])
        askable = flag and context.dms.can("dms_find")
        context.outbound.perform(
            _further(context, call, further, made.number),
            send=send,
            ask=_finished(context, row.number, unit, documents, made.number, flag)
            if askable
            else None,
        )


def _further(context: Context, call: Call, further: Prepared, document: str) -> Call:
    """Return the call that finishes the document of another one, whose operation its key names.

    One that was recorded before keys did so is the same call still, and is not made again. It
    names the document, and came after the call that made it: what is done to the document later
    is finished by itself.
    """
    unnamed = replace(
        call,
        operation=further.conversation,
        reference=document,
        request=further.body,
        mapping_version=further.mapping_version,
    )
    recorded, maker = context.calls.find(unnamed.key), context.calls.find(call.key)
    if recorded and maker and recorded.reference == document and recorded.id > maker.id:
        return unnamed
    return replace(unnamed, part=f"{call.operation}/{call.part}")


def _finished(
    context: Context, number: str, unit: str, documents: str, document: str, flag: str
) -> Ask:
    def ask() -> Document | None:
        found = orders_of(context, number, unit)
        if documents:
            found = [each for order in found for each in order.get(documents) or []]
        for each in found:
            if str(each.get("number")) == document:
                if not isinstance(each.get(flag), bool):
                    raise InDoubt(systems.NO_FLAG(field=flag), place=f"DMS {document}")
                return Document(document, {}) if each[flag] else None
        raise InDoubt(systems.NOT_SHOWN(), place=f"DMS {document}")

    return ask
