"""Job: pull the orders that the storefront changed in a window."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import structlog

from connector.domain.masking import mask_text
from connector.errors import MappingFailed
from connector.jobs.cadence import Cadence, Window
from connector.jobs.runner import Counts, Job
from connector.steps.context import Context
from connector.steps.take import take
from connector.store.changes import StaleOrder

_log = structlog.get_logger(__name__)

# The storefront's clock and ours may differ, and its "modified" has a resolution of a second.
OVERLAP = timedelta(minutes=5)


def intake(context: Context, cadence: Cadence) -> Job:
    """Return the job. Orders are known by shop and number, so overlapping windows do no harm."""

    def run(window: Window, _scope: str) -> Counts:
        counts: Counter[str] = Counter()
        for payload in context.storefront.orders_modified(window.start - OVERLAP, window.end):
            counts["seen"] += 1
            try:
                counts[take(context, payload)] += 1
            except MappingFailed as error:
                counts["unreadable"] += 1
                _log.error("unreadable order", error=mask_text(str(error)))
            except StaleOrder as error:
                # It is being moved this very moment; the overlap of the next window sees it again.
                counts["busy"] += 1
                _log.info("order is busy", order=str(error))
        return dict(counts)

    return Job("intake", "pull new and changed orders from the storefront", cadence, run)
