"""Whether the service is alive and ready: when it last ticked, and who leads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

# A tick that is this late means that the service hangs and should be restarted.
LATE = timedelta(minutes=30)
# Ticks come every few seconds, but one may work off a long backlog; what is older is not ready.
QUIET = timedelta(minutes=10)


class Heart:
    """When the service last ticked, and whether it leads. Threads share it.

    `leading` is None until the first election; a service without others always leads. Silence is
    measured by `seconds`: whoever sets the wall clock makes no service late.
    """

    def __init__(
        self,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._beaten = seconds()
        self._lock = threading.Lock()
        self.started = clock()
        self.ticked: datetime | None = None
        self.leading: bool | None = None

    def beat(self, *, leading: bool = True) -> None:
        """Note a tick: of the leader, or of one that stands by and would take over."""
        with self._lock:
            self.ticked = self._clock()
            self._beaten = self._seconds()
            self.leading = leading

    @property
    def silent_for(self) -> timedelta:
        """How long ago the last tick was, or the start when there was none."""
        return timedelta(seconds=self._seconds() - self._beaten)

    def beats(self) -> bool:
        """Whether the process is alive: a supervisor restarts it when this is False."""
        return self.silent_for < LATE

    def ready(self) -> bool:
        """Whether a role was taken and ticks come in time."""
        return self.leading is not None and self.silent_for < QUIET
