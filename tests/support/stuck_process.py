"""Runs the service in a process of its own with one job: it hangs, or it ends the service."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from connector.bootstrap import build
from connector.gateways import real_clock
from connector.jobs.cadence import Every, Window
from connector.jobs.runner import Job, Runner
from connector.logs import configure
from connector.service import serve
from tests.support.day_process import settings_for

NOWHERE = "http://127.0.0.1:1"
SINCE = datetime.fromisoformat("2026-11-24T00:00:00+00:00")
UNTIL = SINCE + timedelta(hours=1)


def main(database_url: str, folder: str, does: str) -> None:
    configure("info")
    addresses = dict.fromkeys(("sap", "dms", "storefront"), NOWHERE)
    settings = settings_for(addresses, database_url, Path(folder))
    settings.health_port = 0
    connector = build(settings)

    def run(_window: Window, _scope: str) -> Mapping[str, int]:
        if does == "hang":
            threading.Event().wait()
        os.kill(os.getpid(), signal.SIGTERM)
        return {}

    class Once(Every):
        """One window."""

        def due(self, after: datetime, now: datetime) -> list[Window]:
            return [] if after >= UNTIL else [Window(SINCE, UNTIL)]

    runner = Runner(
        [Job("hangs", "hangs", Once(timedelta(hours=1)), run)],
        connector.runs,
        real_clock,
        since=SINCE,
        lease=timedelta(seconds=1),
        stuck_after=timedelta(seconds=1) if does == "hang" else timedelta(hours=1),
    )
    serve(replace(connector, runner=runner), tick_every=timedelta(seconds=0.2))


if __name__ == "__main__":
    main(*sys.argv[1:4])
