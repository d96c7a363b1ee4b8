"""The unattended service: a clock that ticks, and an address to look at it."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.schedulers.background import BackgroundScheduler

from connector.bootstrap import Connector
from connector.web.heart import Heart
from connector.web.site import listen

_log = structlog.get_logger(__name__)

TICK = timedelta(seconds=20)


def serve(connector: Connector) -> None:
    """Tick until SIGTERM or SIGINT; the tick under way is finished, then the service ends.

    APScheduler is only the clock. Which windows are due, and which were missed, the table of
    runs tells.
    """
    heart, stop = Heart(), threading.Event()

    def tick() -> None:
        connector.runner.tick()
        heart.beat()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    scheduler = BackgroundScheduler(timezone=connector.settings.calendar.zone)
    scheduler.add_listener(_told, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
    scheduler.add_listener(lambda _event: None, EVENT_JOB_MAX_INSTANCES)
    scheduler.add_job(
        tick,
        "interval",
        seconds=TICK.total_seconds(),
        next_run_time=datetime.now(UTC),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    web = listen(connector, heart)
    scheduler.start()
    _log.info("service started", owner=connector.runner.owner, port=web.port)
    stop.wait()
    _log.info("service stops")
    connector.runner.stop()
    scheduler.shutdown(wait=True)
    web.close()
    connector.close()
    _log.info("service stopped")


def _told(event: Any) -> None:
    _log.error("tick failed", error=str(getattr(event, "exception", None) or "missed"))
