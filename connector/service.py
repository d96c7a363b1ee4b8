"""The unattended service: a clock that ticks, and a health address."""

from __future__ import annotations

import http.server
import json
import signal
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.schedulers.background import BackgroundScheduler

from connector.bootstrap import Connector

_log = structlog.get_logger(__name__)

TICK = timedelta(seconds=20)
# A tick that is this late means that the service hangs and should be restarted.
LATE = timedelta(minutes=30)


class Heart:
    """When the service last ticked."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self.ticked: datetime | None = None

    def beats(self) -> bool:
        """Whether ticks still come."""
        return datetime.now(UTC) - (self.ticked or self.started) < LATE


def serve(connector: Connector) -> None:
    """Tick until SIGTERM or SIGINT; the tick under way is finished, then the service ends.

    APScheduler is only the clock. Which windows are due, and which were missed, the table of
    runs tells.
    """
    heart, stop = Heart(), threading.Event()

    def tick() -> None:
        connector.runner.tick()
        heart.ticked = datetime.now(UTC)

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
    health = _health(connector, heart)
    scheduler.start()
    _log.info("service started", owner=connector.runner.owner, health=health.server_port)
    stop.wait()
    _log.info("service stops")
    connector.runner.stop()
    scheduler.shutdown(wait=True)
    health.shutdown()
    connector.close()
    _log.info("service stopped")


def _told(event: Any) -> None:
    _log.error("tick failed", error=str(getattr(event, "exception", None) or "missed"))


def _health(connector: Connector, heart: Heart) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/healthz":
                self.send_error(404)
                return
            alive = heart.beats()
            body = json.dumps(
                {
                    "alive": alive,
                    "last_tick": heart.ticked.isoformat() if heart.ticked else None,
                }
            ).encode()
            self.send_response(200 if alive else 503)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Health questions are no news."""

    address = (connector.settings.health_address, connector.settings.health_port)
    server = http.server.ThreadingHTTPServer(address, Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
