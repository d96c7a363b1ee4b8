"""What calls for a person: conditions, when they are told of, and who is told.

Source: workflow.md, "Who uses the connector, and how": it must say when it needs somebody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from connector.domain.lifecycle import OWNER, HoldCause, Owner


class AlertKind(StrEnum):
    """What is wrong. What may follow it in an alert's key is named behind each."""

    HELD = "held"  # cause of the hold
    AT_RISK = "at_risk"  # promise
    BROKEN = "broken"  # cause of the breach
    CALL_IN_DOUBT = "call_in_doubt"  # system: a call that belongs to no order
    CALL_OPEN = "call_open"  # system: a call that nobody makes or asks about any more
    DOUBLED = "doubled"  # system: what it may hold twice
    NUMBER_GONE = "number_gone"  # what SAP gave a number, and is not there
    CREATIONS_WAIT = "creations_wait"
    NOT_DELIVERED = "not_delivered"  # target of a delivery
    WAVE_LATE = "wave_late"  # business unit
    JOB_FAILED = "job_failed"  # job
    JOB_STUCK = "job_stuck"  # job
    JOB_BEHIND = "job_behind"  # job: a window of it is open for long
    SYSTEM_AWAY = "system_away"  # system
    SYSTEM_PAUSED = "system_paused"  # system, or shop
    CALENDAR_ENDS = "calendar_ends"
    DATABASE_LARGE = "database_large"
    MAPPINGS_REFUSED = "mappings_refused"
    QUARANTINED = "quarantined"  # source of what is in the quarantine
    SHORTAGE = "shortage"  # what this machine has run out of
    CLOCK_SET = "clock_set"
    UNJUDGED = "unjudged"  # what could not be judged: holds, promises, calls, waves …


class Role(StrEnum):
    """Who gets messages. Who has no channel of his own is told through ops."""

    OPS = "ops"
    IT = "it"
    SALES = "sales"
    PARTS = "parts"
    WAREHOUSE = "warehouse"
    FINANCE = "finance"


@dataclass(frozen=True)
class Condition:
    """Something that is wrong now. `orders` is how many it concerns, 0 where none are.

    `since` is None where nothing tells it: then it is since it was first seen.
    """

    kind: AlertKind
    subject: str
    since: datetime | None
    orders: int = 0
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same for the same matter: as long as it lasts, it is one alert."""
        return f"{self.kind}:{self.subject}" if self.subject else str(self.kind)

    @property
    def role(self) -> Role:
        """Who must act."""
        if self.kind is AlertKind.HELD:
            return _ROLES[OWNER[HoldCause(self.subject)]]
        return _KINDS.get(self.kind, Role.OPS)


_ROLES = {
    Owner.BUYER: Role.SALES,
    Owner.PLATFORM: Role.SALES,
    Owner.SALES_REP: Role.SALES,
    Owner.PARTS_ADMINISTRATOR: Role.PARTS,
    Owner.IT: Role.IT,
    Owner.OPS: Role.OPS,
    Owner.BU_FINANCE: Role.FINANCE,
}
_KINDS = {
    AlertKind.NUMBER_GONE: Role.IT,
    AlertKind.CREATIONS_WAIT: Role.IT,
    AlertKind.CALENDAR_ENDS: Role.IT,
    AlertKind.DATABASE_LARGE: Role.IT,
    AlertKind.MAPPINGS_REFUSED: Role.IT,
    AlertKind.QUARANTINED: Role.IT,
    AlertKind.SHORTAGE: Role.IT,
    AlertKind.CLOCK_SET: Role.IT,
    AlertKind.UNJUDGED: Role.IT,
}


@dataclass(frozen=True)
class Rhythm:
    """When people are told.

    An alert that lasts is repeated after `first`, then after twice as long each time, at most
    after `longest`. Nobody gets two messages within `quiet`: what comes up meanwhile is told with
    the next.
    """

    first: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=24)
    quiet: timedelta = timedelta(minutes=5)

    def next_after(self, told: int, at: datetime) -> datetime:
        """Return when an alert that was told so many times, last at `at`, is told again."""
        pause: timedelta = self.first * 2 ** min(max(told - 1, 0), 16)
        return at + min(pause, self.longest)
