"""Ends calls that take too long as a whole, whatever the other side does byte by byte.

A socket's timeout bounds one read; a peer that drips can hold a call for hours. One thread watches
all calls of the process and shuts the socket of a call that is past its time.
"""

from __future__ import annotations

import contextvars
import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Result = TypeVar("Result")


class Watchdog:
    """Calls `expire` of whatever is not done in time. Threads share it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._over: set[int] = set()
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    @contextmanager
    def within(self, seconds: float, expire: Callable[[], None]) -> Iterator[None]:
        """Run the block; `expire` is called from another thread when it takes longer."""
        entry = (time.monotonic() + seconds, next(self._numbers), expire)
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._thread.start()
            earliest = not self._waiting or entry < self._waiting[0]
            heapq.heappush(self._waiting, entry)
            if earliest:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._over.add(entry[1])

    def _watch(self) -> None:
        with self._changed:
            while True:
                while self._waiting and self._waiting[0][1] in self._over:
                    self._over.discard(heapq.heappop(self._waiting)[1])
                if not self._waiting:
                    self._changed.wait()
                    continue
                left = self._waiting[0][0] - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                _, number, expire = heapq.heappop(self._waiting)
                # Under the lock: a call that ends now waits, and its socket is not another's yet.
                if number in self._over:
                    self._over.discard(number)
                else:
                    expire()


WATCHDOG = Watchdog()


def in_time(seconds: float, work: Callable[[], Result]) -> Result:
    """Return what some work of a library gives whose sockets cannot be reached.

    Raises TimeoutError when it takes longer: it is done in a thread of its own, which is left to
    itself then.
    """
    found: list[Result] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:
            raised.append(error)

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(run,), name="in-time", daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if not found:
        raise TimeoutError("the whole call took too long")
    return found[0]
