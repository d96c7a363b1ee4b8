"""Repeats for an entry of the quarantine what only a job does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from connector.domain.quarantine import Failed
from connector.errors import Misconfigured, RetryLater
from connector.jobs.aftersales import follow
from connector.steps.context import Context
from connector.steps.quarantine import put_unjudged
from connector.steps.quarantine_acts import Again
from connector.store.aftersales import AfterSales
from connector.store.changes import StaleOrder
from connector.store.database import Database
from connector.store.tables import QuarantineRow
from connector.wording import Said, quarantine, quoted


def _follow(context: Context, database: Database, entry: QuarantineRow, actor: str) -> Said | None:
    """Follow the order of an entry once more, as the job does; None where it fails again."""
    row = context.orders.by_order_id(entry.key, context.shop)
    if row is None:
        return quarantine.GONE_THERE()
    counts: Counter[str] = Counter()
    try:
        follow(context, AfterSales(database), row, counts)
    except (RetryLater, Misconfigured, StaleOrder, OSError):
        raise
    except Exception as error:
        put_unjudged(context, Failed.FOLLOW, row, error, actor)
        return None
    return quoted(", ".join(f"{number} {name}" for name, number in counts.items()) or "followed")


OF_JOBS: Mapping[Failed, Again] = MappingProxyType({Failed.FOLLOW: _follow})
