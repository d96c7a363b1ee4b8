"""At most so many sessions with one SAP system: who may have one now, and who waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from connector.errors import RetryLater
from connector.wording import systems

# How soon a waiting thread looks again whether another process has let a session go.
_AGAIN = 0.05

Got = TypeVar("Got")


class Slots(Protocol):
    """The sessions that SAP bears, numbered. Each number is with one holder at a time.

    `connector.store.slots` shares them between all processes of an installation.
    """

    def take(self) -> int | None:
        """Return a free slot, which is now the caller's; None when all are taken."""
        ...

    def give(self, slot: int) -> None:
        """Let a slot go."""
        ...

    def close(self) -> None:
        """Let everything go."""
        ...


class LocalSlots:
    """The slots of one process."""

    def __init__(self, count: int) -> None:
        self._free = list(range(count))
        self._lock = threading.Lock()

    def take(self) -> int | None:
        """See `Slots`."""
        with self._lock:
            return self._free.pop() if self._free else None

    def give(self, slot: int) -> None:
        """See `Slots`."""
        with self._lock:
            self._free.append(slot)

    def close(self) -> None:
        """See `Slots`."""


class Turnstile:
    """Where the threads of one process wait for a session."""

    def __init__(self, slots: Slots, patience: float) -> None:
        self.slots = slots
        self._patience = patience
        self._changed = threading.Condition()

    def wait(self, ready: Callable[[], Got | None]) -> Got:
        """Return what `ready` gives once it gives something. Raises RetryLater.

        `ready` is asked by one thread at a time, and again whenever something was given back.
        """
        ends = time.monotonic() + self._patience
        with self._changed:
            while (got := ready()) is None:
                left = ends - time.monotonic()
                if left <= 0:
                    raise RetryLater(systems.SESSIONS_BUSY(), place="SAP")
                self._changed.wait(min(left, _AGAIN))
            return got

    def give(self, slot: int) -> None:
        """Let a slot go, and wake who waits for it."""
        self.slots.give(slot)
        self.notify()

    def notify(self) -> None:
        """Say that there is something to be had."""
        with self._changed:
            self._changed.notify()

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Have one slot within. Raises RetryLater."""
        slot = self.wait(self.slots.take)
        try:
            yield
        finally:
            self.give(slot)
