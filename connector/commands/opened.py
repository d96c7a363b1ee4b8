"""Opens the connector for one command, with logs on stderr."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from connector.bootstrap import Connector, build
from connector.logs import configure
from connector.settings import Settings, load_settings


@contextmanager
def opened(settings: Settings | None = None) -> Iterator[Connector]:
    """Give the connector as the settings say, and let go of its connections afterwards."""
    settings = settings or load_settings()
    configure("warning")
    connector = build(settings)
    try:
        yield connector
    finally:
        connector.close()


def zone_of(connector: Connector) -> ZoneInfo:
    """Return the business's zone."""
    return ZoneInfo(connector.settings.calendar.zone)


def operator() -> str:
    """Return who is at the keyboard, for the story of an order."""
    try:
        return f"ops:{getpass.getuser()}"
    except (KeyError, OSError):
        return "ops"
