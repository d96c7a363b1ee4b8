"""Writes finance's extract of a business day: part of the nightly reconciliation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from connector.domain.reconciliation import Difference
from connector.extracts.day import Day, write_day
from connector.extracts.files import Written
from connector.extracts.records import Clerk, Record, of_difference, of_open_invoice, of_open_money
from connector.extracts.summary import BookSums
from connector.jobs.cadence import Window
from connector.steps.context import Context
from connector.steps.quarantine import put_stored
from connector.steps.sales_order import live
from connector.store.daybook import Daybook, Kept
from connector.store.files import Files
from connector.store.invoices import missing_of
from connector.wording import Say

_log = structlog.get_logger(__name__)


def write_extract(
    context: Context,
    daybook: Daybook,
    files: Files,
    window: Window,
    differences: Iterable[Difference],
    books: Sequence[BookSums],
    folder: Path,
    zone: ZoneInfo,
    say: Say,
) -> list[Written]:
    """Write and note the extract of the business day that `window` is, streamed from the database.

    `differences` come in the sequence in which they are to stand; `books` are the sums of the four
    books, ours named "connector". `say` tells texts in the languages of the site. The same books
    make the same bytes.
    """
    day = window.end.astimezone(zone).date()
    start, end = window.bounds
    cut = max(daybook.cut(context.shop, start, end), window.end + context.promises.released_grace)
    clerk = Clerk(
        tuple(context.business_units.values()),
        context.timetables_of,
        context.promises,
        since=_midnight(window.start, zone),
        until=_midnight(window.end, zone),
        cut=cut,
    )
    written = write_day(
        Day(day, start, end, cut, tuple(books)),
        _records(context, daybook, clerk, window, differences, say),
        context.mappings(),
        folder / f"{day:%Y-%m-%d}",
        zone,
    )
    files.note(written, "extract", context.clock())
    return written


def _records(
    context: Context,
    daybook: Daybook,
    clerk: Clerk,
    window: Window,
    differences: Iterable[Difference],
    say: Say,
) -> Iterator[tuple[str, Record]]:
    start, end = window.bounds
    for kept in daybook.placed(context.shop, start, end):
        if kept.row.unreadable:
            put_stored(context, kept.row, "reconcile")
        yield from clerk.of_order(_live(kept))
    for kept in daybook.came_later(context.shop, start, clerk.since, clerk.until):
        yield from clerk.of_earlier(_live(kept))
    for row, documents in daybook.applied(context.shop, end, clerk.until):
        used = live(documents)
        missing = missing_of(row, used, clerk.until)
        for document in used:
            # What was applied for after the cutoff is due on the next day.
            applied = document.kind == "invoice_application" and document.at <= end
            if applied and document.number in missing:
                amount = missing[document.number]
                yield clerk.of_application(row, document, amount, row.placed_at <= start)
    for row, sale in daybook.not_recovered(context.shop, clerk.until):
        yield of_open_invoice(row, sale, clerk.until)
    for row, sale in daybook.open_money(context.shop, clerk.until):
        yield of_open_money(row, sale, clerk.until)
    for difference in differences:
        yield of_difference(difference, say)


def _live(kept: Kept) -> Kept:
    return replace(kept, documents=live(kept.documents))


def _midnight(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return the end of the calendar day in which an instant lies."""
    tomorrow = instant.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(0), zone).astimezone(UTC)
