"""Runs the service in a process of its own, by a clock that the test sets, so it can be killed.

The clock is a file: a moment, and the real time at which it was that moment.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import requests

from connector.bootstrap import build
from connector.logs import configure
from connector.sections import MailDelivery
from connector.service import serve
from tests.support.day_process import settings_for


def set_clock(file: Path, moment: datetime) -> None:
    """Set the clock of all processes that read this file; it runs on from there."""
    aside = file.with_suffix(".part")
    aside.write_text(f"{moment.isoformat()} {time.time()}")
    aside.replace(file)


def clock_of(file: Path) -> Callable[[], datetime]:
    """Return the clock that a file sets."""

    def now() -> datetime:
        moment, at = file.read_text().split()
        return datetime.fromisoformat(moment) + timedelta(seconds=time.time() - float(at))

    return now


def main(control: str, database_url: str, folder: str, smtp_port: str) -> None:
    configure("info")
    addresses = requests.get(control, timeout=30).json()["addresses"]
    settings = settings_for(addresses, database_url, Path(folder))
    settings.health_port = 0
    if int(smtp_port):
        settings.delivery["warehouse"] = MailDelivery(
            type="mail", kinds=["batch"], host="127.0.0.1", port=int(smtp_port), security="none",
            sender="connector@example.test", recipients=["warehouse@example.test"], timeout=60,
        )  # fmt: skip
    connector = build(settings, clock_of(Path(folder) / "clock"))
    serve(connector, tick_every=timedelta(seconds=0.5))


if __name__ == "__main__":
    main(*sys.argv[1:5])
