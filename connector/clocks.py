"""The wall clock, held against one that nobody sets: was it put forward or back?

Every time that is stored comes of the wall clock. Where it is put back, what was to be done next
lies hours ahead; where it is put forward by mistake, waves would be released that have not come.
So the moment at which this machine was booted is computed over and over: it only moves when the
wall clock does. Whether a step was right, another machine's clock says: the storefront's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

_log = structlog.get_logger(__name__)

# What is below this is the tuning of a clock, and no step.
_STEP = timedelta(minutes=1)
# Another machine's clock that is no farther away than this agrees with ours.
_AGREES = timedelta(minutes=2)
# So long after a step forward waves wait for another clock's word, and people are told of it.
_WAITS = 5 * 60.0
_TOLD_FOR = 30 * 60.0


@dataclass(frozen=True)
class Step:
    """The wall clock was set: by how much, and when it was seen. `right` is None until known."""

    by: timedelta
    at: datetime
    right: bool | None = None


class Clocks:
    """Watches the wall clock. Threads share it.

    `seconds` is the clock that nobody sets; without it no step is ever seen. `remembered` and
    `remember` keep the moment of the machine's boot over the ends of processes.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        seconds: Callable[[], float] | None = None,
        remembered: Callable[[], datetime | None] = lambda: None,
        remember: Callable[[datetime], None] = lambda _booted: None,
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._remembered = remembered
        self._remember = remember
        self._lock = threading.Lock()
        self._booted: datetime | None = None
        self._step: Step | None = None
        # By how much the other machine's clock is ahead of ours, as it last said.
        self._ahead: timedelta | None = None
        self._seen_at = 0.0

    def look(self) -> Step | None:
        """Return the step that the wall clock made since the last look, if it made one."""
        if self._seconds is None:
            return None
        with self._lock:
            booted = self._now_booted(self._seconds)
            if self._booted is None:
                self._booted = self._remembered()
                if self._booted is None:
                    self._booted = booted
                    self._remember(booted)
            by = booted - self._booted
            if abs(by) < _STEP:
                if self._step is None and self._booted != booted:
                    self._booted = booted
                    self._remember(booted)
                return None
            self._booted = booted
            if by < timedelta(0):
                self._remember(booted)  # one that is put forward may be wrong: after a restart too
            self._step = Step(by, self._clock())
            self._seen_at = self._seconds()
            _log.warning("the wall clock was set", seconds=round(by.total_seconds()))
            return self._step

    def witness(self, shown: datetime) -> None:
        """Take the word of another machine's clock: whether the last step was right.

        It is where the two agree, or differ by as much as they did before the step.
        """
        with self._lock:
            ahead, before = shown - self._clock(), self._ahead
            if self._step is None:
                self._ahead = ahead
                return
            same = before is not None and abs(ahead - before) <= _AGREES
            right = same or abs(ahead) <= _AGREES
            self._step = Step(self._step.by, self._step.at, right)
            if right and self._booted is not None:
                self._ahead = ahead
                self._remember(self._booted)

    @property
    def step(self) -> Step | None:
        """The last step, while people are told of it: half an hour, or until it is set right."""
        with self._lock:
            step = self._step
            if step is None or self._seconds is None:
                return None
            told = self._seconds() - self._seen_at < _TOLD_FOR
            return step if told or step.right is False else None

    @property
    def doubtful(self) -> bool:
        """Whether it may not be as late as the wall clock says.

        After a step forward, until another clock agrees with it, or none answered for a while.
        """
        with self._lock:
            step = self._step
            if step is None or self._seconds is None or step.by < timedelta(0):
                return False
            if step.right is None:
                return self._seconds() - self._seen_at < _WAITS
            return not step.right

    def _now_booted(self, seconds: Callable[[], float]) -> datetime:
        # To the second: the two clocks are not read in the same instant.
        at = self._clock() - timedelta(seconds=seconds())
        return at.replace(microsecond=0)


def boot_id() -> str:
    """Return what tells one boot of this machine from another; "" where nothing does."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:36]
    except OSError:
        return ""
