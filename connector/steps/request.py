"""Steps: the delivery note (发货单) and the invoice application (开票申请), workflow.md step 4.

And, for the after-sales flow, the registration of a return (退货登记), workflow.md step 8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.refunds import with_refunds
from connector.errors import InDoubt
from connector.steps.context import Context, part_source
from connector.steps.delivery import (
    delivered_part,
    delivery_detail,
    delivery_of,
    newest_delivery,
)
from connector.steps.difference import content_differences
from connector.steps.outbound import Ask, Document
from connector.steps.sales_order import (
    Differs,
    differs,
    discrepancy,
    document_of,
    finish,
    live,
    open_orders,
)
from connector.store.calls import Call
from connector.store.changes import Change, Hold, NewDocument
from connector.store.tables import DocumentRow, OrderRow
from connector.wording import Said, course, systems
from connector.wording.terms import term

RETURN = "dms_return"


@dataclass(frozen=True)
class Request:
    """A document that each business unit is asked for, and what stands behind our number for it."""

    conversation: str
    kind: str
    suffix: str
    stage: Stage


DELIVERY_NOTE = Request("dms_delivery_note", "delivery_note", "DN", Stage.NOTED)
INVOICE_APPLICATION = Request("dms_invoice_application", "invoice_application", "IA", Stage.READY)


def note(context: Context, row: OrderRow) -> Change:
    """Request the delivery note of the first business unit that has none for this delivery."""
    return _request(context, row, DELIVERY_NOTE)


def apply(context: Context, row: OrderRow) -> Change:
    """Apply for the invoice at the first business unit that has none for this delivery."""
    return _request(context, row, INVOICE_APPLICATION)


def register_return(
    context: Context,
    row: OrderRow,
    unit: str,
    reference: str,
    lines: Mapping[int, Decimal],
    reason: str,
) -> Document:
    """Announce goods that will come back to a business unit: line number → quantity.

    `reference` is our own number of the return: the same again is the same return. Raises as
    `Outbound.perform` does, and Differs when the DMS holds another return under the reference. A
    DMS without such an operation is left to people: the return bears our own number here.
    """
    if not context.dms.can(RETURN):
        return Document(reference, {})
    sold = context.read(row)
    # The return is of what was sold, also where the storefront has refunded all of it.
    order = with_refunds(sold, ())
    sales_order = _sales_order(context, row, unit)
    source = part_source(context, row, order, unit) | {
        "sales_order": sales_order,
        "reference": reference,
        "reason": reason,
        "return_lines": [
            {"number": number, "quantity": quantity} for number, quantity in lines.items()
        ],
    }
    prepared = context.dms.prepare(RETURN, source)
    call = Call(
        system="dms",
        operation=RETURN,
        subject=f"{row.shop}/{row.number}",
        part=reference,
        reference=reference,
        request=prepared.body,
        order_pk=row.id,
        mapping_version=prepared.mapping_version,
    )
    made = context.outbound.perform(
        call,
        send=lambda: document_of(context.dms.send(prepared)),
        ask=_asker(
            context, row.number, unit, "returns", reference, {"lines": source["return_lines"]}
        ),
    )
    finish(context, row, call, prepared, made, "returns")
    return made


def source_of(
    request: Request,
    row: OrderRow,
    part: Mapping[str, Any],
    sales_order: str,
    delivery: tuple[int, Mapping[int, Decimal]],
    documents: Sequence[DocumentRow],
) -> dict[str, Any]:
    """Return what a document is made of, for a delivery (number, quantities) of a unit's part.

    `part` is that of `part_source`, `documents` are those in use of the business unit.
    """
    number, quantities = delivery
    further = "" if number == 1 else f".{number}"
    return delivered_part(part, quantities, documents) | {
        "sales_order": sales_order,
        "reference": f"{part['reference']}-{request.suffix}{row.revision}{further}",
    }


@dataclass(frozen=True)
class Wanted:
    """The next document of an order: whose, of which delivery, and what it is made of.

    `last` says that it is the last one that the stage needs.
    """

    unit: str
    delivery: int
    sales_order: str
    source: dict[str, Any]
    last: bool

    @property
    def reference(self) -> str:
        """Our own number of the document."""
        return str(self.source["reference"])


def wanted(context: Context, row: OrderRow, request: Request) -> Wanted | None:
    """Return the document of this kind that an order needs next; None when it needs none."""
    order = context.read(row)
    documents = live(context.orders.documents(row.id))
    delivery, quantities = newest_delivery(context.orders.allocations(row.id))
    requested = {
        each.business_unit
        for each in documents
        if each.kind == request.kind and delivery_of(each) == delivery
    }
    missing = [
        unit
        for unit in order.business_units
        if unit not in requested and any(line.number in quantities for line in order.lines_of(unit))
    ]
    if not missing:
        return None
    unit = missing[0]
    sales_order = _sales_order(context, row, unit)
    source = source_of(
        request,
        row,
        part_source(context, row, order, unit),
        sales_order,
        (delivery, quantities),
        [each for each in documents if each.business_unit == unit],
    )
    return Wanted(unit, delivery, sales_order, source, last=len(missing) == 1)


def documented(
    context: Context, row: OrderRow, request: Request, next_: Wanted, number: str, text: Said
) -> Change:
    """Return the change by which an order has its next document."""
    detail = {
        "reference": next_.reference,
        "sales_order": next_.sales_order,
        **delivery_detail(next_.delivery, next_.source),
    }
    stage, done = request.stage, next_.last
    made = NewDocument(request.kind, "dms", next_.unit, number, context.clock(), detail)
    return Change(
        event=stage.value if done else request.kind,
        text=text,
        stage=stage if done else None,
        keep_hold=row.hold_cause == HoldCause.STOCK,
        documents=(made,),
        next_try_at=_next(context, stage) if done else context.clock(),
        mapping_version=context.mappings()[request.conversation].version,
    )


def _request(context: Context, row: OrderRow, request: Request) -> Change:
    kind, stage = request.kind, request.stage
    title = term("document", kind, kind.replace("_", " "))
    next_ = wanted(context, row, request)
    if next_ is None:
        return Change(
            event=stage.value,
            text=title,
            stage=stage,
            # What waits for stock is told until it is asked for again.
            keep_hold=row.hold_cause == HoldCause.STOCK,
            next_try_at=_next(context, stage),
        )
    if not context.dms.can(request.conversation):
        return _left_to_people(context, row, request, next_, title)
    source, reference, unit = next_.source, next_.reference, next_.unit
    prepared = context.dms.prepare(request.conversation, source)
    content = {
        "amount": source["total"],
        "lines": [
            {"number": line["number"], "quantity": line["allocated"]} for line in source["lines"]
        ],
    }
    further = "" if next_.delivery == 1 else f".{next_.delivery}"
    call = Call(
        system="dms",
        operation=request.conversation,
        subject=f"{row.shop}/{row.number}",
        part=f"{unit}{further}",
        reference=reference,
        request=prepared.body,
        revision=row.revision,
        order_pk=row.id,
        mapping_version=prepared.mapping_version,
    )
    try:
        made = context.outbound.perform(
            call,
            send=lambda: document_of(context.dms.send(prepared)),
            ask=_asker(context, row.number, unit, f"{kind}s", reference, content),
        )
        finish(context, row, call, prepared, made, f"{kind}s")
    except Differs as difference:
        return discrepancy(difference)
    text = course.DOCUMENT(kind=title, number=made.number, unit=unit)
    return documented(context, row, request, next_, made.number, text)


def _left_to_people(
    context: Context, row: OrderRow, request: Request, next_: Wanted, title: Said
) -> Change:
    """Let people make the document in the DMS, which has no operation for it.

    The order goes on with our own number for it, or waits until they say what they made.
    """
    words = {"kind": title, "number": next_.sales_order, "unit": next_.unit}
    if not context.dms.waits_for_people(request.conversation):
        text = course.LEFT_TO_PEOPLE(**words, reference=next_.reference)
        return documented(context, row, request, next_, next_.reference, text)
    what = request.kind.replace("_", "-")
    reason = course.MAKE_BY_HAND(**words, order=row.number, what=what)
    return Change(event="held", text=reason, hold=Hold(HoldCause.BY_HAND, (reason,)))


def _sales_order(context: Context, row: OrderRow, unit: str) -> str:
    for document in live(context.orders.documents(row.id)):
        if document.kind == "sales_order" and document.business_unit == unit:
            return document.number
    raise LookupError(f"order {row.number} has no sales order of {unit} in the DMS")


def _asker(
    context: Context,
    number: str,
    unit: str,
    documents: str,
    reference: str,
    content: Mapping[str, Any],
) -> Ask | None:
    if not context.dms.can("dms_find"):
        return None

    def ask() -> Document | None:
        held = [
            document
            for order in open_orders(context, number, unit)
            for document in order.get(documents) or []
        ]
        found = [each for each in held if each.get("reference") == reference]
        for each in () if found else held:
            if not each.get("reference") and not content_differences(content, each):
                # Made by people, or ours, and its reference stands elsewhere.
                unnamed = systems.NO_REFERENCE(number=each.get("number"))
                raise InDoubt(unnamed, place=f"DMS order {number}")
        if not found:
            return None
        numbers = list(dict.fromkeys(str(each.get("number")) for each in found))
        if len(numbers) > 1:
            several = course.SEVERAL_ORDERS(count=len(numbers), number=reference, numbers=numbers)
            raise Differs((several,))
        differing = content_differences(content, found[0])
        if differing:
            raise differs(found[0].get("number"), differing)
        return Document(numbers[0], {})

    return ask


def _next(context: Context, stage: Stage) -> Any:
    # A ready order waits for its wave, not for the walker.
    return None if stage is Stage.READY else context.clock()
