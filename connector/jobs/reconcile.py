"""Job: compare a closed business day across the systems and write finance's extract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connector import __version__
from connector.domain.business_unit import assign
from connector.domain.reading import read_order
from connector.domain.reconciliation import Difference
from connector.extracts.day import DayOrder, day_tables
from connector.extracts.files import csv_bytes, manifest_bytes, publish, workbook_bytes
from connector.extracts.table import Cell
from connector.jobs.cadence import Cadence, Window
from connector.jobs.runner import Counts, Job
from connector.steps.compare import Comparer
from connector.steps.context import Context
from connector.steps.sales_order import live
from connector.store.files import Files
from connector.store.reconciliation import Window as Span
from connector.store.tables import DocumentRow, OrderRow


def reconcile(
    context: Context,
    comparer: Comparer,
    files: Files,
    cadence: Cadence,
    folder: Path,
    zone: ZoneInfo,
    days_of: Callable[[datetime, datetime], Sequence[Window]],
) -> Job:
    """Return the job. Run again for the same day and the same books, it writes the same bytes.

    `days_of` gives the business days of a span: one of them gets an extract, any other span is
    only compared.
    """

    def run(window: Window, _scope: str) -> Counts:
        compared = Span(window.start, window.end)
        counts = dict(comparer.compare(compared))
        found = list(comparer.differences.of_window(compared))
        counts["differences"] = len(found)
        if window not in days_of(window.start, window.end):
            return counts
        days = [
            _day_order(context, row, live(context.orders.documents(row.id)))
            for row in context.orders.placed_between(window.start, window.end)
        ]
        day = window.end.astimezone(zone).date()
        rows = [_row(each) for each in found]
        written = write_extract(days, rows, day, folder, zone, context.mappings().version)
        files.note(written, "extract", context.clock())
        return counts

    return Job("reconcile", "compare the day and write finance's extract", cadence, run)


def _row(each: Difference) -> list[Cell]:
    def text(value: object) -> str | None:
        return None if value is None else str(value)

    words = f"{each.cause.chinese} {each.cause.english}"
    return [
        each.number,
        each.kind.value,
        each.field if not each.line else f"{each.field} {each.line}",
        text(each.storefront),
        text(each.connector),
        text(each.dms if each.dms is not None else each.sap),
        each.amount,
        each.owner.value,
        "; ".join(filter(None, (words, each.document, each.detail, each.explanation))),
    ]


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
