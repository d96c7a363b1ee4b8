"""Job: compare a closed business day across the systems and write finance's extract."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from connector.extracts.summary import BookSums
from connector.jobs.cadence import Cadence, Window
from connector.jobs.extract import write_extract
from connector.jobs.runner import Counts, Job, System
from connector.steps.compare import Comparer
from connector.steps.context import Context
from connector.store.daybook import Daybook
from connector.store.files import Files
from connector.store.reconciliation import Window as Span
from connector.wording import Say


def reconcile(
    context: Context,
    comparer: Comparer,
    files: Files,
    daybook: Daybook,
    cadence: Cadence,
    folder: Path,
    zone: ZoneInfo,
    say: Say,
    days_of: Callable[[datetime, datetime], Sequence[Window]],
) -> Job:
    """Return the job. Run again for the same day and the same books, it writes the same bytes.

    `days_of` gives the business days of a span: one of them gets an extract, any other span is
    only compared.
    """

    def run(window: Window, _scope: str) -> Counts:
        compared = Span(window.start, window.end)
        counts = dict(comparer.compare(compared))
        if window not in days_of(window.start, window.end):
            counts["differences"] = sum(1 for _ in comparer.differences.of_window(compared))
            return counts
        found = comparer.differences.of_window(compared)
        books = _sums(comparer.differences.sums(compared) or {})
        written = write_extract(context, daybook, files, window, found, books, folder, zone, say)
        counts["differences"] = next(
            file.rows for file in written if file.path.name == "differences.csv"
        )
        return counts

    return Job(
        "reconcile",
        "compare the day and write finance's extract",
        cadence,
        run,
        needs=lambda: tuple(System),
    )


def _sums(found: Mapping[str, Mapping[str, Mapping[str, Decimal]]]) -> list[BookSums]:
    # A book without orders (SAP keeps invoices only) or without invoices says nothing of them.
    return [
        BookSums(
            name,
            sums["ordered"] if sums["orders"] else None,
            sums["invoiced"] if name != "storefront" else None,
            currency,
        )
        for currency, books in sorted(found.items())
        for name, sums in books.items()
    ]
