"""Steps: the delivery note (发货单) and the invoice application (开票申请), workflow.md step 4."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connector.domain.lifecycle import Stage
from connector.steps.context import Context, part_source
from connector.steps.outbound import Ask, Document
from connector.steps.place import open_orders
from connector.store.calls import Call
from connector.store.orders import Change, NewDocument
from connector.store.tables import OrderRow


def note(context: Context, row: OrderRow) -> Change:
    """Request the delivery note of the first business unit that has none yet."""
    return _request(context, row, "dms_delivery_note", "delivery_note", "DN", Stage.NOTED)


def apply(context: Context, row: OrderRow) -> Change:
    """Apply for the invoice at the first business unit that has no application yet."""
    return _request(
        context, row, "dms_invoice_application", "invoice_application", "IA", Stage.READY
    )


def _request(
    context: Context, row: OrderRow, conversation: str, kind: str, suffix: str, stage: Stage
) -> Change:
    order = context.read(row)
    documents = context.orders.documents(row.id)
    requested = {each.business_unit for each in documents if each.kind == kind}
    missing = [unit for unit in order.business_units if unit not in requested]
    title = kind.replace("_", " ")
    if not missing:
        return Change(event=stage.value, text=title, stage=stage, next_try_at=_next(context, stage))
    unit = missing[0]
    sales_order = next(
        each.number
        for each in documents
        if each.kind == "sales_order" and each.business_unit == unit
    )
    reference = f"{row.number}-{unit}-{suffix}{row.revision}"
    allocated = {line.number: line.allocated for line in context.orders.lines(row.id)}
    source = part_source(context, row, order, unit)
    for line in source["lines"]:
        line["allocated"] = allocated.get(line["number"], Decimal(0))
    source |= {"sales_order": sales_order, "reference": reference}
    prepared = context.dms.prepare(conversation, source)
    made = context.outbound.perform(
        Call(
            system="dms",
            operation=conversation,
            subject=f"{row.shop}/{row.number}",
            part=unit,
            reference=reference,
            request=prepared.body,
            revision=row.revision,
            order_pk=row.id,
            mapping_version=prepared.mapping_version,
        ),
        send=lambda: _document(context.dms.send(prepared)),
        ask=_asker(context, row.number, unit, f"{kind}s", reference),
    )
    done = len(missing) == 1
    return Change(
        event=stage.value if done else kind,
        text=f"{title} {made.number} ({unit})",
        stage=stage if done else None,
        documents=(
            NewDocument(kind, "dms", unit, made.number, context.clock(), {"reference": reference}),
        ),
        next_try_at=_next(context, stage) if done else context.clock(),
        mapping_version=prepared.mapping_version,
    )


def _asker(context: Context, number: str, unit: str, documents: str, reference: str) -> Ask | None:
    if not context.dms.can("dms_find"):
        return None

    def ask() -> Document | None:
        for order in open_orders(context, number, unit):
            for document in order.get(documents) or []:
                if document.get("reference") == reference:
                    return Document(str(document["number"]), {})
        return None

    return ask


def _document(answer: dict[str, Any]) -> Document:
    return Document(str(answer["number"]), answer)


def _next(context: Context, stage: Stage) -> Any:
    # A ready order waits for its wave, not for the walker.
    return None if stage is Stage.READY else context.clock()
