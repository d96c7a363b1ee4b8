"""The unattended service: a clock that ticks, and an address to look at it."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.schedulers.background import BackgroundScheduler

from connector.bootstrap import Connector
from connector.interfaces import watch as watch_interfaces
from connector.jobs.runner import Lane, Runner
from connector.mapping.live import LOOK_EVERY
from connector.store.leader import leadership
from connector.store.shop import refuse_other_shop
from connector.unattended import heartbeat_of, watchman_of
from connector.web.heart import Heart
from connector.web.site import listen

_log = structlog.get_logger(__name__)

TICK = timedelta(seconds=5)
# So long the orders in hand may take after SIGTERM; whoever sent it kills after 20 to 30 seconds.
FINISH = timedelta(seconds=15)
_STUCK = 70  # exit code: a supervisor starts the service anew


def serve(connector: Connector, tick_every: timedelta = TICK) -> None:
    """Tick until SIGTERM or SIGINT, as long as this service leads; others stand by.

    APScheduler is only the clock. Which windows are due, and which were missed, the table of
    runs tells. Raises Misconfigured where the database bears one service and has it.
    """
    lead, heart, stop = leadership(connector.settings.database_url), Heart(), threading.Event()
    led = threading.Event()
    settings, clock = connector.settings, connector.context.clock
    watchman, heartbeat = watchman_of(settings, clock), heartbeat_of(settings)

    def tick(lane: Lane) -> None:
        try:
            work(lane)
        except Exception as error:
            watchman.failed(error)
            raise

    def work(lane: Lane) -> None:
        leading = lead.leads()
        if not leading:
            led.clear()
        elif not led.is_set():
            # While this one stood by, another may have begun the database under another name.
            refuse_other_shop(connector.database, connector.settings.shop)
            led.set()
        if leading:
            settle_clock(connector)
            watchman.ticked(connector.runner.tick(lane, lead.leads))
            connector.progress.note()
            if heartbeat is not None and lane is Lane.CLOCK and watchman.well:
                heartbeat.beat()
        else:
            watchman.stands_by()
        heart.beat(leading=leading)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    scheduler = BackgroundScheduler(timezone=connector.settings.calendar.zone)
    scheduler.add_listener(_told, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
    scheduler.add_listener(lambda _event: None, EVENT_JOB_MAX_INSTANCES)
    for lane in Lane:
        scheduler.add_job(
            tick,
            "interval",
            [lane],
            seconds=tick_every.total_seconds(),
            next_run_time=datetime.now(UTC),
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
    # Whoever asks for mappings looks at the folder too; this one looks when nothing else is done.
    scheduler.add_job(
        connector.mappings.look,
        "interval",
        seconds=LOOK_EVERY,
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    scheduler.add_job(
        watch_interfaces,
        "interval",
        [connector],
        hours=6,
        next_run_time=datetime.now(UTC) + timedelta(minutes=1),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    # The scheduler's own logger speaks of every tick that finds the last one under way.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    web = listen(connector, heart)
    scheduler.start()
    _log.info(
        "service started",
        owner=connector.runner.owner,
        port=web.port,
        orders_pulled_from=connector.runner.reached("intake").isoformat(),
    )
    while not stop.wait(1):
        watchman.look()
        if (stuck := connector.runner.stuck) is not None:
            # It holds the lead and cannot be interrupted; what it recorded is safe at any point.
            _log.critical("service ends itself: run is stuck", job=stuck.job, run=stuck.id)
            os._exit(_STUCK)
    _log.info("service stops")
    connector.runner.stop()
    scheduler.pause()
    if not _idle(connector.runner):
        # What is under way was recorded before it was sent: the next process asks about it.
        _log.warning("service ends with a run under way; the next one takes it over")
        connector.runner.abandon()
        lead.resign()
        os._exit(0)
    scheduler.shutdown(wait=True)
    lead.resign()
    web.close()
    connector.close()
    _log.info("service stopped")


def settle_clock(connector: Connector) -> None:
    """See whether the wall clock was set; set back, nothing waits for times that lie ahead."""
    step = connector.context.clocks.look()
    if step is not None and step.by < timedelta(0):
        now = connector.context.clock()
        connector.context.calls.not_sent_later(now)
        waiting = connector.context.orders.look_again(now)
        _log.warning("the clock was set back: what waits is looked at now", orders=waiting)


def _idle(runner: Runner) -> bool:
    ends = time.monotonic() + FINISH.total_seconds()
    while not runner.idle and time.monotonic() < ends:
        time.sleep(0.1)
    return runner.idle


def _told(event: Any) -> None:
    _log.error("tick failed", error=str(getattr(event, "exception", None) or "missed"))
