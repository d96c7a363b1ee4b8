"""When a job's windows are due. Pure: the same answers for the same times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from connector.domain.calendar import Timetable


@dataclass(frozen=True)
class Window:
    """The span (from, to] that one run of a job works off. Times are aware."""

    start: datetime
    end: datetime

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """Both ends in UTC."""
        return self.start.astimezone(UTC), self.end.astimezone(UTC)


class Cadence(Protocol):
    """Enumerates the windows of a job."""

    def due(self, after: datetime, now: datetime) -> Sequence[Window]:
        """Return the windows that end after `after` and not after `now`, in their sequence."""
        ...


@dataclass(frozen=True)
class Every:
    """Windows of equal length, on the clock. What was missed is worked off as one long window.

    `longest` bounds such a window, so that a week's outage is not one request.
    """

    length: timedelta
    longest: timedelta = timedelta(days=1)

    def due(self, after: datetime, now: datetime) -> Sequence[Window]:
        """See `Cadence`."""
        end = datetime.fromtimestamp(
            now.timestamp() // self.length.total_seconds() * self.length.total_seconds(), UTC
        )
        windows = []
        while after < end:
            until = min(after + self.longest, end)
            windows.append(Window(after, until))
            after = until
        return windows


@dataclass(frozen=True)
class AtCutoffs:
    """One window for each wave (workflow.md, step 5)."""

    timetable: Timetable

    def due(self, after: datetime, now: datetime) -> Sequence[Window]:
        """See `Cadence`."""
        return [
            Window(wave.window_from, wave.window_to)
            for wave in self.timetable.cutoffs.waves(self.timetable.calendar, after, now)
        ]


@dataclass(frozen=True)
class Daily:
    """One window for each calendar day, from one `at` to the next."""

    zone: ZoneInfo
    at: time

    def due(self, after: datetime, now: datetime) -> Sequence[Window]:
        """See `Cadence`. What was missed is one window: it is done once, for all those days."""
        local = now.astimezone(self.zone)
        end = datetime.combine(local.date(), self.at, self.zone)
        if end > local:
            end = datetime.combine(local.date() - timedelta(days=1), self.at, self.zone)
        return [Window(after, end.astimezone(UTC))] if end > after else []


@dataclass(frozen=True)
class Nightly:
    """One window for each business day, due at `at` on the calendar day after it closed."""

    zone: ZoneInfo
    at: time
    window_of: Callable[[datetime, datetime], Sequence[Window]]

    def due(self, after: datetime, now: datetime) -> Sequence[Window]:
        """See `Cadence`."""
        local = now.astimezone(self.zone)
        night = datetime.combine(local.date(), self.at, self.zone)
        if night > local:
            night -= timedelta(days=1)
        closed = datetime.combine(night.date(), time(0), self.zone)
        return self.window_of(after, closed)
