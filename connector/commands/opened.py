"""Opens the connector for one command, with logs on stderr."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from connector.bootstrap import Connector, build
from connector.domain.masking import mask_text
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


@dataclass
class Act:
    """Something that a person does: `actor` is who, `outcome` how it ended."""

    actor: str
    reason: str
    outcome: str = "done"


@contextmanager
def acting(
    connector: Connector, what: str, subject: str, actor: str | None, reason: str
) -> Iterator[Act]:
    """Note an act before it is done, and afterwards how it ended, also when it failed."""
    act = Act(operator(actor), mask_text(reason.strip()))
    noted = connector.acts.begin(what, subject, act.actor, act.reason, connector.context.clock())
    try:
        yield act
    except Exception as error:
        connector.acts.end(noted, mask_text(f"{type(error).__name__}: {error}")[:1000])
        raise
    connector.acts.end(noted, act.outcome)


def operator(actor: str | None = None) -> str:
    """Return who acts: the one named, else the user who is logged on."""
    try:
        return f"ops:{(actor or '').strip() or getpass.getuser()}"[:80]
    except (KeyError, OSError):
        return "ops"
