"""Recognises the buyers of all orders in a process of its own, so that it can be killed.

As the job `advance` does, but no order goes on to the DMS.
Its clock runs sixty times as fast as the real one: waiting times of minutes pass in seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from connector.bootstrap import build
from connector.domain.lifecycle import Stage
from connector.errors import ConnectorError, Misconfigured
from connector.jobs.cadence import Window
from connector.logs import configure
from connector.steps.recognise import Found, look_up
from connector.steps.walk import walk
from connector.store.calls import ASK_FIRST, CallState
from connector.store.changes import Change, StaleOrder
from connector.store.tables import CallRow, OrderRow
from connector.wording import course
from tests.support.day_process import settings_for

EVENING = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
_WORKERS = 8
_BEFORE = (Stage.RECEIVED, Stage.VALID)


def fast(begun: float) -> datetime:
    """Return the time on a clock that began sixty times as fast at this real time."""
    return EVENING + (time.time() - begun) * timedelta(seconds=60)


def main(control: str, database_url: str, folder: str, begun: str) -> None:
    configure("error")

    def clock() -> datetime:
        return fast(float(begun))

    addresses = requests.get(control, timeout=30).json()["addresses"]
    settings = settings_for(addresses, database_url, Path(folder))
    settings.sap.limits.break_for = settings.dms.limits.break_for = 0.05
    connector = build(settings, clock, since=EVENING - timedelta(days=1))
    intake = next(job for job in connector.jobs if job.name == "intake")
    intake.run(Window(EVENING - timedelta(days=1), EVENING), "")
    context = connector.context

    def all_on(rows: list[OrderRow], until: Stage, found: Mapping[int, Found]) -> None:
        def on(row: OrderRow) -> None:
            # What IT is told of keeps the order where it is.
            with suppress(Misconfigured):
                walk(context, row.id, until=until, found=found.get(row.id))

        list(pool.map(on, rows))

    def settle(call: CallRow) -> None:
        """Say what a person would who looks in SAP for what became of a call."""
        if call.state == CallState.REJECTED:
            context.calls.release(call, "looked at", ASK_FIRST)
        elif context.outbound.settles_at(call) < clock() - timedelta(minutes=2):
            buyer = context.read(context.orders.get(call.order_pk or 0)).buyer
            with suppress(ConnectorError):
                if not context.sap_customers.find_created(buyer, call.reference):
                    context.calls.release(call, "looked for, and not there")

    def a_person_looks() -> None:
        for call in context.calls.listed((CallState.IN_DOUBT, CallState.REJECTED), limit=1000):
            settle(call)
        for row in context.orders.listed(limit=10_000):
            if row.hold_cause is not None:
                again = Change(event="retry", text=course.LOOKED_AGAIN(), next_try_at=clock())
                with suppress(StaleOrder):
                    context.orders.apply(row, again, "ops", clock())

    with ThreadPoolExecutor(_WORKERS) as pool:
        while any(row.stage in _BEFORE for row in context.orders.listed(limit=10_000)):
            all_on(context.orders.due((Stage.RECEIVED,), clock()), Stage.VALID, {})
            valid = context.orders.due((Stage.VALID,), clock())
            all_on(valid, Stage.RECOGNISED, look_up(context, valid, pool.map))
            a_person_looks()
            time.sleep(0.05)
    connector.close()


if __name__ == "__main__":
    main(*sys.argv[1:5])
