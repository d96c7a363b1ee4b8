"""One attempt to make an outbound call: whether it may still leave when its first byte is due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from connector.departure import boottime
from connector.errors import RetryLater
from connector.gate import LEAVES_WITHIN
from connector.store.calls import Calls
from connector.store.tables import CallRow
from connector.wording import systems

# What the other side has not received within this part of the settling time, it never will.
DELIVERED = 0.45
# Seconds within which nobody can have taken a call over: others wait for the settling time.
_FRESH = 1.0
# Seconds until a call that was kept back so is looked at again.
_AGAIN = 5.0


class Attempt:
    """A call as it was claimed for sending, by the wall clock and by one that nobody sets.

    `recorded` is `boottime()` right before the claim was recorded.
    """

    def __init__(
        self,
        calls: Calls,
        clock: Callable[[], datetime],
        settling: timedelta,
        row: CallRow,
        recorded: float,
        seconds: Callable[[], float] = boottime,
    ) -> None:
        self.row = row
        self._calls = calls
        self._clock = clock
        self._settling = settling
        self._recorded = recorded
        self._seconds = seconds

    def in_time(self) -> None:
        """Raise RetryLater when others may soon believe that this call did not arrive."""
        if max(self._ages()) > self._settling.total_seconds() * LEAVES_WITHIN:
            raise RetryLater(systems.LEFT_LATE(), place=self.row.key, after=_AGAIN)

    def look(self) -> None:
        """Look once more before the first byte: this process may have stood still until now.

        Within a second of its record by both clocks nobody else can have the call. Later the
        database is asked, and asked again if the process stood still over the answer.
        """
        self.in_time()
        if all(0 <= age < _FRESH for age in self._ages()):
            return
        while True:
            asked = self._seconds()
            self._prove()
            if self._seconds() - asked < _FRESH:
                return

    def again(self) -> None:
        """Claim the call anew: what is sent once more is an attempt of its own."""
        self.in_time()
        recorded = self._seconds()
        row = self._calls.renew(self.row, self._clock())
        if row is None:
            raise RetryLater(systems.ANOTHER_PROCESS(), place=self.row.key, after=_AGAIN)
        self.row, self._recorded = row, recorded

    def stands_after(self) -> bool:
        """Whether nobody can have taken the call over until now, when its answer is there."""
        over = self._settling.total_seconds() * DELIVERED
        return all(0 <= age < over for age in self._ages()) or self._calls.stands(self.row)

    def _ages(self) -> tuple[float, float]:
        at = self.row.sent_at or self.row.created_at
        return (self._clock() - at).total_seconds(), self._seconds() - self._recorded

    def _prove(self) -> None:
        self.in_time()
        if not self._calls.stands(self.row):
            raise RetryLater(systems.ANOTHER_PROCESS(), place=self.row.key, after=_AGAIN)
