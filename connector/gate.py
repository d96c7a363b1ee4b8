"""Before every call to another system: may it be made now?

One gate stands before each system, or before each endpoint of one. It spaces calls to a rate,
keeps them back during the system's own downtime, and after several failures in a row lets only one
call in a while try whether the system is back (circuit breaker). Whoever is kept back gets
RetryLater with the wait, and nothing has been sent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import time as time_of_day
from typing import Protocol

from connector.errors import InDoubt, RetryLater
from connector.telemetry.counters import kept_back, watched
from connector.wording import machine, systems

# Seconds after which nobody's trying again means that nobody wants the endpoint any more.
_FORGOTTEN = 3600.0
# Seconds after which it is looked again whether a pause is over: a person may end it sooner.
_PAUSED_AGAIN = 60.0
# Seconds that a call waits for its turn at the configured rate; later turns are not promised.
LONGEST_TURN = 10.0
# A write leaves within this part of the settling time after it was recorded, or not at all: the
# rest is for its way there, and for what the other side does with it.
LEAVES_WITHIN = 0.25


@dataclass(frozen=True)
class Limits:
    """What a system bears. `downtime` are daily windows in `zone`; one may pass midnight.

    `break_after` failures in a row open the breaker for `break_for` seconds, each further one
    for twice as long, at most `break_most`.
    """

    calls_per_second: float | None = None
    downtime: Sequence[tuple[time_of_day, time_of_day]] = ()
    zone: tzinfo = UTC
    break_after: int = 5
    break_for: float = 10
    break_most: float = 300


@dataclass(frozen=True)
class GateState:
    """How a system stands: `failures` in a row, whether calls are kept back, its downtime's end.

    `answered_at` is when it last answered this process. `endpoint` is what this is about where a
    system has several: a port of the DMS as the mappings name it, "" for that of the settings.
    """

    system: str
    failures: int
    is_open: bool
    downtime_until: datetime | None
    answered_at: datetime | None
    endpoint: str = ""

    @property
    def name(self) -> str:
        """System and endpoint, for people."""
        return f"{self.system} {self.endpoint}".strip()


@dataclass(frozen=True)
class Paused:
    """A system whose calls a person keeps back: since when, until when (None: until `resume`), why.

    `actor` is who said so.
    """

    system: str
    since: datetime
    until: datetime | None
    reason: str
    actor: str

    def kept_back(self, now: datetime, place: str) -> RetryLater:
        """Return the error of a call that is kept back: nothing has been sent."""
        until = f"{self.until:%Y-%m-%d %H:%M} UTC" if self.until else "resume"
        wait = (self.until - now).total_seconds() if self.until else _PAUSED_AGAIN
        return RetryLater(
            machine.PAUSED(until=until, reason=self.reason),
            place=place,
            after=min(max(wait, 1.0), _PAUSED_AGAIN),
        )


def _never() -> Paused | None:
    return None


class Guarded(Protocol):
    """A system before which gates stand, however many."""

    @property
    def system(self) -> str:
        """Its name."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether a breaker keeps calls back."""
        ...

    def state(self) -> GateState:
        """Return how the system stands, as far as this process knows."""
        ...

    def states(self) -> Sequence[GateState]:
        """Return the same for each of its endpoints; at least one."""
        ...


class Turns:
    """Spaces calls to a rate, whichever gate they pass."""

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self, rate: float, place: str) -> None:
        """Wait for a turn at `rate` a second. Raises RetryLater when it would be long."""
        with self._lock:
            now = self._monotonic()
            turn = max(self._next, now)
            if turn - now > LONGEST_TURN:
                raise RetryLater(systems.QUEUE(), place=place, after=turn - now)
            self._next = turn + 1 / rate
        if turn > now:
            self._sleep(turn - now)


class Gate:
    """The gate before one system, or one endpoint of it. Threads share it."""

    def __init__(
        self,
        system: str,
        limits: Limits,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        paused: Callable[[], Paused | None] = _never,
    ) -> None:
        self.system = system
        self._endpoint = ""
        self._paused = paused
        self._limits = limits
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._turns = Turns(monotonic, sleep)
        self._lock = threading.Lock()
        self._failures = 0
        self._failed_at = 0.0
        self._open_until = 0.0
        self._trying = False
        self._answered_at: datetime | None = None

    def beside(self, endpoint: str) -> Gate:
        """Return the gate before another endpoint: the same limits, a breaker of its own.

        The rate is the system's: both gates' calls together keep to it.
        """
        gate = Gate(
            self.system, self._limits, self._clock, self._monotonic, self._sleep, self._paused
        )
        gate._endpoint = endpoint
        gate._turns = self._turns
        return gate

    def state(self) -> GateState:
        """Return how the system stands, as far as this process knows."""
        with self._lock:
            failures = self._failures if self._tried_lately() else 0
            answered_at, is_open = self._answered_at, self._open()
        return GateState(
            self.system,
            failures,
            is_open,
            self._downtime_ends(self._clock()),
            answered_at,
            self._endpoint,
        )

    def states(self) -> Sequence[GateState]:
        """See `Guarded`."""
        return (self.state(),)

    @property
    def is_open(self) -> bool:
        """Return whether the breaker keeps calls back, or would if there were any.

        Of an endpoint that nobody has tried for an hour it is not said any more.
        """
        with self._lock:
            return self._open()

    def _open(self) -> bool:
        return self._failures >= self._limits.break_after and self._tried_lately()

    def _tried_lately(self) -> bool:
        return self._monotonic() < max(self._failed_at, self._open_until) + _FORGOTTEN

    @property
    def _place(self) -> str:
        return f"{self.system} {self._endpoint}".strip()

    @contextmanager
    def passed(self, operation: str) -> Iterator[None]:
        """Make one call within. Raises RetryLater when none may be made now."""
        try:
            probing = self._enter()
        except RetryLater:
            kept_back(self.system, operation)
            raise
        try:
            if self._limits.calls_per_second is not None:
                self._turns.wait(self._limits.calls_per_second, self._place)
            with watched(self.system, operation):
                yield
        except (RetryLater, InDoubt) as error:
            # What the other side asked us to wait for, or is locked there, is its answer, not its
            # absence.
            there = isinstance(error, RetryLater) and bool(error.after or error.answered)
            self._leave(probing, failed=not there)
            raise
        except BaseException:
            self._leave(probing, failed=False)
            raise
        self._leave(probing, failed=False)

    def _enter(self) -> bool:
        now = self._clock()
        paused = self._paused()
        if paused is not None:
            raise paused.kept_back(now, self._place)
        ends = self._downtime_ends(now)
        if ends is not None:
            raise RetryLater(
                systems.DOWNTIME(until=f"{ends:%H:%M}"),
                place=self._place,
                after=(ends - now).total_seconds(),
            )
        with self._lock:
            if self._failures < self._limits.break_after:
                return False
            wait = self._open_until - self._monotonic()
            if wait > 0 or self._trying:
                raise RetryLater(
                    systems.KEPT_BACK(calls=self._failures),
                    place=self._place,
                    after=max(wait, 1.0),
                )
            self._trying = True
            return True

    def _leave(self, probing: bool, *, failed: bool) -> None:
        limits = self._limits
        with self._lock:
            if probing:
                self._trying = False
            if not failed:
                self._failures = 0
                self._answered_at = self._clock()
                return
            self._failures += 1
            self._failed_at = self._monotonic()
            over = self._failures - limits.break_after
            if over >= 0:
                pause = min(limits.break_for * 2 ** min(over, 10), limits.break_most)
                self._open_until = self._monotonic() + pause

    def _downtime_ends(self, now: datetime) -> datetime | None:
        local = now.astimezone(self._limits.zone)
        for begins, ends in self._limits.downtime:
            at = local.time()
            passes_midnight = ends <= begins
            inside = (at >= begins or at < ends) if passes_midnight else begins <= at < ends
            if inside:
                tomorrow = timedelta(days=1 if passes_midnight and at >= begins else 0)
                return (
                    local.replace(
                        hour=ends.hour, minute=ends.minute, second=ends.second, microsecond=0
                    )
                    + tomorrow
                )
        return None
