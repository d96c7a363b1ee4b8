"""Job: learn from the DMS, or where it cannot tell from SAP, what was shipped and invoiced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from connector.dms.desk import Aside
from connector.errors import ConnectorError, Misconfigured, RetryLater
from connector.jobs.cadence import Cadence, Window
from connector.jobs.runner import Counts, Job, System
from connector.mapping import Broken
from connector.sap.books import SapBooks
from connector.steps.content import Taken
from connector.steps.context import Context
from connector.steps.sap_news import changed_in_sap
from connector.steps.told import put_broken, take_told
from connector.store.database import Database
from connector.store.orders import OpenOrder

_log = structlog.get_logger(__name__)

OVERLAP = timedelta(minutes=10)
CHANGES, SINGLE, IN_SAP = "dms_status", "dms_order_status", "sap_deliveries"
News = dict[str, Any]


def status(
    context: Context, database: Database, cadence: Cadence, sap: SapBooks, zone: ZoneInfo
) -> Job:
    """Return the job. News that was seen before, or comes in another sequence, changes nothing.

    A DMS that cannot tell what changed is asked for each open sales order, in batches; where it
    cannot tell of single orders either, SAP is asked for the documents that changed. One source
    is asked, so that nothing is told twice. SAP dates changes by the day in the `zone`.
    """

    def run(window: Window, _scope: str) -> Counts:
        counts: Counter[str] = Counter()
        seen_in = f"status {window.start.isoformat()}/{window.end.isoformat()}"

        def aside(mapping: str, broken: Broken) -> None:
            counts[Taken.QUARANTINED] += 1
            put_broken(context, mapping, broken, seen_in)

        if context.dms.can(CHANGES):
            mapping, told = CHANGES, context.dms.changed_since(window.start - OVERLAP, aside)
        elif context.dms.can(SINGLE):
            mapping, told = SINGLE, _one_by_one(context, counts, aside)
        elif sap.can():
            since = (window.start - OVERLAP).astimezone(zone).date()
            mapping, told = IN_SAP, changed_in_sap(context, sap, since, zone)
        else:
            return {"nobody_to_ask": 1}  # people say it: `connector orders done`
        for news in told:
            counts["seen"] += 1
            counts[take_told(context, database, news, mapping, seen_in)] += 1
        return dict(counts)

    def needs() -> tuple[System, ...]:
        dms = context.dms.can(CHANGES) or context.dms.can(SINGLE)
        return (System.DMS,) if dms else (System.SAP,)

    return Job("status", "learn of shipments and invoices", cadence, run, needs=needs)


def _one_by_one(context: Context, counts: Counter[str], aside: Aside) -> Iterator[News]:
    """Ask for every open sales order. One that cannot be told of keeps no other back."""
    size = context.dms.batch(SINGLE)
    for page in context.orders.open_in_dms():
        # A batch is of one business unit: many a DMS has one address book for each.
        for _, group in groupby(page, key=lambda each: each.business_unit):
            orders = list(group)
            for first in range(0, len(orders), size):
                yield from _asked(context, orders[first : first + size], counts, aside)


def _asked(
    context: Context, orders: list[OpenOrder], counts: Counter[str], aside: Aside
) -> Iterator[News]:
    try:
        news = context.dms.status_of([_question(context, each) for each in orders], aside)
    except (RetryLater, Misconfigured):
        # The system's own trouble: the next run asks again.
        raise
    except ConnectorError as error:
        if len(orders) == 1:
            counts["not_told"] += 1
            _log.warning("no status told", order=orders[0].number, error=str(error))
            return
        for order in orders:
            yield from _asked(context, [order], counts, aside)
        return
    counts["asked"] += len(orders)
    numbers = {each.sales_order: each.number for each in orders}
    for each in news:
        # The DMS's own number tells which order it is; ours may come back in another form.
        ours = numbers.get(str(each.get("number")), each.get("external_number"))
        yield each | {"external_number": ours}


def _question(context: Context, order: OpenOrder) -> dict[str, Any]:
    return {
        "sales_order": order.sales_order,
        "external_number": order.number,
        "reference": f"{order.number}-{order.business_unit}",
        "business_unit": context.business_units[order.business_unit].dms_code,
    }
