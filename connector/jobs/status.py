"""Job: learn from the DMS what was shipped and invoiced."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import update

from connector.domain.lifecycle import HoldCause, Stage
from connector.jobs.cadence import Cadence, Window
from connector.jobs.runner import Counts, Job
from connector.steps.context import Context
from connector.store.database import Database
from connector.store.orders import Change, Hold, NewDocument, StaleOrder, apply_in
from connector.store.tables import AllocationRow, LineRow, OrderRow

_log = structlog.get_logger(__name__)

OVERLAP = timedelta(minutes=10)


def status(context: Context, database: Database, cadence: Cadence) -> Job:
    """Return the job. News that was seen before, or comes in another sequence, changes nothing."""

    def run(window: Window, _scope: str) -> Counts:
        counts: Counter[str] = Counter()
        for news in context.dms.changed_since(window.start - OVERLAP):
            counts["seen"] += 1
            row = context.orders.by_number(str(news.get("external_number")), context.shop)
            if row is None:
                counts["unknown"] += 1
                _log.warning("the DMS tells of an order that is not ours", dms=news.get("number"))
                continue
            for _ in range(3):
                try:
                    counts[take_news(context, database, row, news)] += 1
                    break
                except StaleOrder:
                    row = context.orders.get(row.id)
        return dict(counts)

    return Job("status", "learn of shipments and invoices from the DMS", cadence, run)


def take_news(context: Context, database: Database, row: OrderRow, news: dict[str, Any]) -> str:
    """Take what the DMS says of one order. Raises StaleOrder."""
    unit = _unit(context, row, str(news.get("number")))
    known = {(each.kind, each.number) for each in context.orders.documents(row.id)}
    documents = [
        document
        for document in (*_shipments(news, unit, context), *_invoices(news, unit, context))
        if (document.kind, document.number) not in known
    ]
    unknown = news.get("status") == "unknown"
    if not documents and not unknown:
        return "known"
    now = context.clock()
    lines = context.orders.lines(row.id)
    shipped = {line.number: line.shipped for line in lines}
    for document in documents:
        if document.kind == "shipment":
            for item in document.detail["lines"]:
                number = int(item["line_number"])
                shipped[number] = shipped.get(number, Decimal(0)) + Decimal(item["quantity"])
    whole = all(shipped[line.number] >= line.quantity - line.refunded_quantity for line in lines)
    stage = Stage(row.stage)
    # A warehouse that is quicker than the wave has shipped all the same.
    goes_on = whole and stage in (Stage.READY, Stage.RELEASED)
    change = Change(
        event="news",
        text=_told(documents)
        or f"the DMS says {news.get('status_code')!r}, which no mapping knows",
        stage=Stage.SHIPPED if goes_on else None,
        keep_hold=True,
        hold=Hold(
            HoldCause.MAPPING,
            (f"status {news.get('status_code')!r} of the DMS: add it to the lookup table",),
        )
        if unknown
        else None,
        documents=documents,
        next_try_at=row.next_try_at,
        tries=row.tries,
        mapping_version=context.mappings()["dms_status"].version,
    )
    with database.transaction() as session:
        apply_in(session, row, change, "status", now)
        for number, quantity in shipped.items():
            session.execute(
                update(LineRow)
                .where(LineRow.order_pk == row.id, LineRow.number == number)
                .values(shipped=quantity)
            )
            # SAP posts the goods issue with the shipment: its own stock is less from now on.
            session.execute(
                update(AllocationRow)
                .where(
                    AllocationRow.order_pk == row.id,
                    AllocationRow.line_number == number,
                    AllocationRow.quantity <= quantity,
                    AllocationRow.consumed_at.is_(None),
                )
                .values(consumed_at=now)
            )
    return "news"


def _unit(context: Context, row: OrderRow, sales_order: str) -> str:
    for document in context.orders.documents(row.id, "sales_order"):
        if document.number == sales_order:
            return document.business_unit
    return ""


def _shipments(news: dict[str, Any], unit: str, context: Context) -> list[NewDocument]:
    return [
        NewDocument(
            "shipment",
            "dms",
            unit,
            str(each["tracking_number"] or each["delivery_note"]),
            each.get("shipped_at") or context.clock(),
            each,
        )
        for each in news.get("shipments") or []
    ]


def _invoices(news: dict[str, Any], unit: str, context: Context) -> list[NewDocument]:
    return [
        NewDocument("invoice", "dms", unit, str(each["number"]), context.clock(), each)
        for each in news.get("invoices") or []
    ]


def _told(documents: list[NewDocument]) -> str:
    return ", ".join(f"{each.kind} {each.number}" for each in documents)
