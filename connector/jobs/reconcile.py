"""Job: compare a closed business day across the systems and write finance's extract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from connector import __version__
from connector.domain.business_unit import assign
from connector.domain.lifecycle import OWNER, HoldCause, Owner, Stage
from connector.domain.order import Order, PaymentState
from connector.domain.reading import read_order
from connector.errors import MappingFailed, Misconfigured, RetryLater
from connector.extracts.day import DayOrder, day_tables
from connector.extracts.files import csv_bytes, manifest_bytes, publish, workbook_bytes
from connector.extracts.table import Cell
from connector.jobs.cadence import Cadence, Window
from connector.jobs.runner import Counts, Job
from connector.steps.context import Context
from connector.steps.sales_order import live
from connector.steps.take import content_hash, take
from connector.store.files import Files
from connector.store.tables import DocumentRow, OrderRow

_log = structlog.get_logger(__name__)


def reconcile(
    context: Context, files: Files, cadence: Cadence, folder: Path, zone: ZoneInfo
) -> Job:
    """Return the job. Run again for the same day and the same books, it writes the same bytes."""

    def run(window: Window, _scope: str) -> Counts:
        counts: Counter[str] = Counter()
        shown = _ask_storefront(context, window, counts)
        rows = context.orders.placed_between(window.start, window.end)
        days, differences = [], []
        for row in rows:
            documents = live(context.orders.documents(row.id))
            each = _day_order(context, row, documents)
            days.append(each)
            try:
                differences += _differences(context, row, each, documents, shown)
            except (Misconfigured, RetryLater):
                raise
            except Exception as error:
                # An order that cannot be compared is a difference, never silently fine.
                _log.exception("not compared", order=row.number)
                counts["not_compared"] += 1
                why = f"unexpected {type(error).__name__}"
                owner = Owner.OPS.value
                differences.append(
                    [row.number, "not_compared", "", None, None, None, row.total, owner, why]
                )
        day = window.end.astimezone(zone).date()
        written = write_extract(days, differences, day, folder, zone, context.mappings().version)
        files.note(written, "extract", context.clock())
        counts["orders"], counts["differences"] = len(days), len(differences)
        return dict(counts)

    return Job("reconcile", "compare the day and write finance's extract", cadence, run)


def write_extract(
    days: Sequence[DayOrder],
    differences: Sequence[Sequence[Cell]],
    day: date,
    folder: Path,
    zone: ZoneInfo,
    mapping_version: str,
) -> list[Any]:
    """Write the extract of one business day; its manifest comes last."""
    tables = day_tables(days, differences)
    name = f"{day:%Y-%m-%d}"
    contents = {f"{table.name}.csv": (csv_bytes(table, zone), len(table.rows)) for table in tables}
    contents[f"extract-{name}.xlsx"] = (
        workbook_bytes(tables, zone, f"对账 Reconciliation {name}"),
        len(tables[0].rows),
    )
    written = publish(folder / name, contents)
    facts = {"day": name, "software": __version__, "mappings": mapping_version}
    manifest = manifest_bytes(tables, written, facts)
    return written + publish(folder / name, {"manifest.json": (manifest, len(tables))})


def _ask_storefront(
    context: Context, window: Window, counts: Counter[str]
) -> dict[str, dict[str, Any]]:
    """Ask the storefront anew by time of placing, and take in what the intake missed."""
    shown = {}
    for payload in context.storefront.orders_placed(window.start, window.end):
        try:
            content, _ = context.mappings()["storefront_order"].apply_leniently(payload)
            if context.orders.by_number(str(content.get("number")), context.shop) is None:
                take(context, payload, actor="reconcile")
                counts["missed"] += 1
        except MappingFailed:
            counts["unreadable"] += 1
            continue
        shown[str(content.get("number"))] = content
    return shown


def _day_order(context: Context, row: OrderRow, documents: Sequence[DocumentRow]) -> DayOrder:
    order, _ = read_order(row.content, shop=row.shop)
    if order is not None:
        order = assign(order, tuple(context.business_units.values()))[0]
    return DayOrder(
        number=row.number,
        order=order,
        facts={
            "shop": row.shop,
            "placed_at": row.placed_at,
            "status": row.status,
            "stage": row.stage,
            "hold": row.hold_cause,
            "customer": row.customer_number,
            "business_units": row.business_units,
            "sales_orders": [each.number for each in documents if each.kind == "sales_order"],
            "released_at": row.released_at,
        },
        shipments=[_detail(each) for each in documents if each.kind == "shipment"],
        invoices=[_detail(each) for each in documents if each.kind == "invoice"],
        shipped={line.number: line.shipped for line in context.orders.lines(row.id)},
    )


def _detail(document: DocumentRow) -> dict[str, Any]:
    return {
        **document.detail,
        "number": document.number,
        "business_unit": document.business_unit,
        "at": document.at,
        "written_back": document.written_back_at is not None,
    }


def _differences(
    context: Context,
    row: OrderRow,
    each: DayOrder,
    documents: Sequence[DocumentRow],
    shown: dict[str, dict[str, Any]],
) -> list[list[Cell]]:
    order = each.order
    total = order.total if order else row.total
    found: list[list[Cell]] = []

    def differs(
        kind: str, field: str, values: tuple[Any, Any, Any], owner: Owner, why: str, amount: Any
    ) -> None:
        texts = [None if value is None else str(value) for value in values]
        found.append([row.number, kind, field, *texts, amount, owner.value, why])

    content = shown.get(row.number)
    if content is None:
        differs("missing_storefront", "order", (None, total, None), Owner.OPS, "", total)
    elif content_hash(content) != row.content_hash:
        differs(
            "amount" if str(content.get("total")) != str(total) else "content",
            "total",
            (content.get("total"), total, None),
            Owner.OPS,
            "changed in the storefront",
            total,
        )
    if row.hold_cause is not None and row.hold_cause != HoldCause.UNPAID:
        cause = HoldCause(row.hold_cause)
        why = "; ".join(map(str, row.hold_reasons or []))[:500]
        differs("held", cause.value, (row.status, row.stage, None), OWNER[cause], why, total)
    if order is None or order.payment_state in (PaymentState.UNPAID, PaymentState.CANCELLED):
        return found
    invoiced = sum((Decimal(str(one["gross"])) for one in each.invoices), Decimal(0))
    shipped = Stage(row.stage) in (Stage.SHIPPED, Stage.CLOSED)
    refunded = sum((line.refunded_amount for line in order.lines), Decimal(0))
    if shipped and invoiced != order.total - refunded:
        differs(
            "shipped_not_invoiced" if not invoiced else "invoice_amount",
            "invoiced",
            (order.total - refunded, invoiced, None),
            Owner.OPS,
            "",
            order.total - refunded - invoiced,
        )
    found += _against_dms(context, row, order, documents)
    return found


def _against_dms(
    context: Context, row: OrderRow, order: Order, documents: Sequence[DocumentRow]
) -> list[list[Cell]]:
    found: list[list[Cell]] = []
    ours = {each.number for each in documents if each.kind == "sales_order"}
    for unit in order.business_units:
        theirs = context.dms.find(row.number, context.business_units[unit].dms_code)
        if theirs is None:
            continue
        there = {str(each["number"]) for each in theirs if each.get("status") != "cancelled"}
        mine = {
            each.number
            for each in documents
            if each.kind == "sales_order" and each.business_unit == unit
        }
        if row.stage == Stage.CANCELLED:
            mine = set()
        for number in sorted(there ^ mine):
            kind = "missing_dms" if number in ours and number not in there else "unknown_document"
            found.append(
                [
                    row.number,
                    kind,
                    "sales_order",
                    None,
                    number if number in mine else None,
                    number if number in there else None,
                    order.total,
                    Owner.OPS.value,
                    "",
                ]
            )
    return found
