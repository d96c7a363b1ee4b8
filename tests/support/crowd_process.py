"""Recognises the buyers of all orders in a process of its own, so that it can be killed.

As the job `advance` does, but no order goes on to the DMS.
Its clock runs sixty times as fast as the real one: waiting times of minutes pass in seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from connector.bootstrap import build
from connector.domain.lifecycle import Stage
from connector.jobs.cadence import Window
from connector.logs import configure
from connector.steps.recognise import Found, look_up
from connector.steps.resolve import resolve_call
from connector.steps.walk import walk
from connector.store.tables import OrderRow
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
            walk(context, row.id, until=until, found=found.get(row.id))

        list(pool.map(on, rows))

    def look_in_sap() -> None:
        """Say what a person would who looks for numbers that a killed process left behind."""
        for call in context.calls.given_in_doubt():
            if context.outbound.settles_at(call) < clock() - timedelta(minutes=2):
                found = context.sap_customers.find_created(
                    context.read(context.orders.get(call.order_pk or 0)).buyer, call.reference
                )
                if not found:
                    resolve_call(context, call, None, "ops")

    with ThreadPoolExecutor(_WORKERS) as pool:
        while any(row.stage in _BEFORE for row in context.orders.listed(limit=10_000)):
            all_on(context.orders.due((Stage.RECEIVED,), clock()), Stage.VALID, {})
            valid = context.orders.due((Stage.VALID,), clock())
            all_on(valid, Stage.RECOGNISED, look_up(context, valid, pool.map))
            look_in_sap()
            time.sleep(0.05)
    connector.close()


if __name__ == "__main__":
    main(*sys.argv[1:5])
