"""The promises of workflow.md: how soon an order must have come how far, in working time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from operator import itemgetter

from connector.domain.calendar import Timetable
from connector.domain.lifecycle import Stage


class Promise(StrEnum):
    """What is promised of every order (workflow.md, steps 2 to 5)."""

    RECOGNISED = "recognised"  # the customer is known in SAP: 15 minutes
    PLACED = "placed"  # the sales order is in the DMS: 30 minutes
    READY = "ready"  # stock, delivery note and invoice application: 1 hour
    RELEASED = "released"  # out with the wave of its own cutoff

    @property
    def stage(self) -> Stage:
        """The stage that keeps the promise."""
        return Stage(self.value)

    def reached_by(self, stage: Stage) -> bool:
        """Whether an order in this stage has come far enough."""
        ended = stage in (Stage.CANCELLED, Stage.KNOWN)
        return not ended and stage.position >= self.stage.position


class PromiseState(StrEnum):
    """How a promise stands. `open` and `overdue` ones are looked at again."""

    OPEN = "open"
    KEPT = "kept"
    OVERDUE = "overdue"  # broken, and the order is not there yet
    LATE = "late"  # broken; the order came later
    VOID = "void"  # the order was cancelled before it was due

    @property
    def broken(self) -> bool:
        """Whether the promise was not kept."""
        return self in (PromiseState.OVERDUE, PromiseState.LATE)

    @property
    def settled(self) -> bool:
        """Whether nothing more can become of it."""
        return self not in (PromiseState.OPEN, PromiseState.OVERDUE)


@dataclass(frozen=True)
class Promises:
    """Working time from placing until a stage must be reached (workflow.md, steps 2 to 4).

    `released_grace` is how long after its cutoff a wave may go out. A promise is at risk once
    `warn_share` of its working time has passed, from 0 to 1.
    """

    recognised: timedelta = timedelta(minutes=15)
    placed: timedelta = timedelta(minutes=30)
    ready: timedelta = timedelta(hours=1)
    released_grace: timedelta = timedelta(minutes=10)
    warn_share: float = 0.8


_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Due:
    """By when a promise must be kept, and from when on it is at risk."""

    warn_at: datetime
    due_at: datetime


def due_for(
    promise: Promise, placed_at: datetime, timetables: Sequence[Timetable], promises: Promises
) -> Due:
    """Return when a promise of an order is due, by the timetables of its business units.

    Where they differ, working time counts by the one that is stricter; released is an order when
    the last of its units has released it.
    """
    # An older version kept whatever time a shop named; at the ends of time no date can be added to.
    placed_at = min(max(placed_at, _EARLIEST), _LATEST)
    if promise is Promise.RELEASED:
        cutoffs = [(each.wave_of(placed_at).cutoff_at, each) for each in timetables]
        due, table = max(cutoffs, key=itemgetter(0))
        passes = table.calendar.working_time_between(placed_at, due) * promises.warn_share
        return Due(
            min(table.calendar.add_working_time(placed_at, passes), due),
            due + promises.released_grace,
        )
    amount: timedelta = getattr(promises, promise.value)
    dues = [(each.calendar.add_working_time(placed_at, amount), each) for each in timetables]
    due, table = min(dues, key=itemgetter(0))
    return Due(table.calendar.add_working_time(placed_at, amount * promises.warn_share), due)


def promised_at(stage: Stage) -> Promise | None:
    """Return the promise with a deadline that an order in `stage` owes next, if any."""
    for promise in (Promise.RECOGNISED, Promise.PLACED, Promise.READY):
        if stage.position < promise.stage.position:
            return promise
    return None


def deadline_for(
    stage: Stage, placed_at: datetime, timetables: Sequence[Timetable], promises: Promises
) -> datetime | None:
    """Return by when an order that has reached `stage` must reach the next promise.

    None once only its wave is awaited.
    """
    promise = promised_at(stage)
    return due_for(promise, placed_at, timetables, promises).due_at if promise else None


def judge(
    due_at: datetime, reached_at: datetime | None, cancelled_at: datetime | None, now: datetime
) -> PromiseState:
    """Say how a promise stands, from what is known of its order at `now`."""
    if reached_at is not None:
        return PromiseState.KEPT if reached_at <= due_at else PromiseState.LATE
    if cancelled_at is not None:
        return PromiseState.VOID if cancelled_at <= due_at else PromiseState.LATE
    return PromiseState.OVERDUE if now > due_at else PromiseState.OPEN
