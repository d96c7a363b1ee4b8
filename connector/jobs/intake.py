"""Job: pull the orders that the storefront changed in a window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import structlog

from connector.jobs.cadence import Cadence, Window
from connector.jobs.runner import Counts, Job, System
from connector.steps.ask_again import held_ones
from connector.steps.content import Taken
from connector.steps.context import Context
from connector.steps.quarantine import put_unread, read_again, take_or_quarantine
from connector.store.changes import StaleOrder
from connector.store.runs import Runs
from connector.storefront.port import NotRead, OrdersNotRead, Payload

_log = structlog.get_logger(__name__)

# An order shows some time after the moment that it bears, when it is saved.
OVERLAP = timedelta(minutes=5)
_SAVED = timedelta(seconds=30)
# A window that is tried again reads on to the present, so far: later windows wait for it.
_READS_ON = timedelta(days=1)
# Orders of the quarantine that are read again by a run.
_AT_ONCE = 20
# What lies between two clocks below this is the second that an answer is dated to, and the wire.
_SAME = timedelta(seconds=2)


def intake(context: Context, runs: Runs, cadence: Cadence) -> Job:
    """Return the job. Orders are known by shop and number, so overlapping windows do no harm.

    A window is of our clock and what an order bears of the shop's: the window is widened by as
    much as they differ now, since the time that an answer bears may be a proxy's. It begins no
    later than the newest change that was ever seen, so that nothing falls between two windows when
    the shop's clock is set right.
    """
    newest = f"storefront:{context.shop}:modified"

    def run(window: Window, _scope: str) -> Counts:
        counts: Counter[str] = Counter()
        ahead = _ahead(context)
        seen = runs.watermark(newest)
        start = window.start + min(ahead, timedelta(0)) - OVERLAP
        now = min(context.clock(), window.end + _READS_ON)
        end = max(window.end, now) + max(ahead, timedelta(0))
        if seen is not None:
            start = min(start, seen - _SAVED)
        seen_in = f"intake {window.start.isoformat()}/{window.end.isoformat()}"
        unread: list[NotRead] = []
        for payload in _given(context.storefront.orders_modified(start, end), unread):
            counts["seen"] += 1
            changed = context.storefront.modified_at(payload)
            if changed is not None and (seen is None or changed > seen):
                seen = changed
            try:
                counts[take_or_quarantine(context, payload, seen_in=seen_in)] += 1
            except StaleOrder as error:
                # It is being moved this very moment; the overlap of the next window sees it again.
                counts["busy"] += 1
                _log.info("order is busy", order=str(error))
        for each in unread:
            counts[Taken.QUARANTINED] += 1
            with suppress(StaleOrder):
                put_unread(context, each, "intake", seen_in)
        if seen is not None:
            runs.set_watermark(newest, seen)
        held_ones(context)
        read_again(context, _AT_ONCE)
        return dict(counts)

    return Job(
        "intake",
        "pull new and changed orders from the storefront",
        cadence,
        run,
        needs=lambda: (System.STOREFRONT,),
    )


def _given(orders: Iterator[Payload], unread: list[NotRead]) -> Iterator[Payload]:
    """Give the orders of a listing; those that could not be read in full go into `unread`."""
    try:
        yield from orders
    except OrdersNotRead as error:
        unread += error.orders


def _ahead(context: Context) -> timedelta:
    """Return by how much the storefront's clock is ahead of ours."""
    shown = context.storefront.clock()
    if shown:
        context.clocks.witness(shown)
    ahead = shown - context.clock() if shown else timedelta(0)
    if abs(ahead) <= _SAME:
        return timedelta(0)
    _log.info("the storefront's clock differs", seconds=round(ahead.total_seconds()))
    return ahead
