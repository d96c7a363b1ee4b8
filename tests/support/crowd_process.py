"""Recognises the buyers of all orders in a process of its own, so that it can be killed.

Its clock runs sixty times as fast as the real one: waiting times of minutes pass in seconds.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from connector.bootstrap import build
from connector.domain.lifecycle import Stage
from connector.jobs.advance import drain
from connector.jobs.cadence import Window
from connector.logs import configure
from tests.support.day_process import settings_for

EVENING = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
_FASTER = 60
_WORKERS = 8
_RECOGNISED = (Stage.RECEIVED, Stage.VALID)


def main(control: str, database_url: str, folder: str, begun: str) -> None:
    configure("error")

    def clock() -> datetime:
        return EVENING + (time.time() - float(begun)) * timedelta(seconds=_FASTER)

    addresses = requests.get(control, timeout=30).json()["addresses"]
    settings = settings_for(addresses, database_url, Path(folder))
    settings.sap.limits.break_for = settings.dms.limits.break_for = 0.05
    connector = build(settings, clock, since=EVENING - timedelta(days=1))
    intake = next(job for job in connector.jobs if job.name == "intake")
    intake.run(Window(EVENING - timedelta(days=1), EVENING), "")
    while any(row.stage in _RECOGNISED for row in connector.context.orders.listed(limit=10_000)):
        drain(connector.context, _WORKERS)
        time.sleep(0.05)
    connector.close()


if __name__ == "__main__":
    main(*sys.argv[1:5])
