"""Which systems people keep back: read by every process before each call."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import delete, select

from connector.gate import Paused
from connector.store.database import Database
from connector.store.tables import PauseRow

# Seconds for which a process goes by what it read last.
_FRESH = 1.0


class Pauses:
    """Begins, ends and reads pauses; one that has its end is over by itself. Threads share it."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._read: list[Paused] = []
        self._read_at: float | None = None

    def begin(self, paused: Paused) -> None:
        """Keep a system's calls back; what was said of it before is said anew."""
        with self._database.transaction() as session:
            session.merge(PauseRow(**vars(paused)))
        self._read_at = None

    def end(self, system: str) -> bool:
        """Let a system's calls go again; whether they were kept back."""
        was = self.of(system) is not None
        with self._database.transaction() as session:
            session.execute(delete(PauseRow).where(PauseRow.system == system))
        self._read_at = None
        return was

    def of(self, system: str) -> Paused | None:
        """Return the pause that a system is in."""
        return next((each for each in self.listed() if each.system == system), None)

    def listed(self) -> list[Paused]:
        """Return the pauses there are now, by their systems."""
        with self._lock:
            if self._read_at is None or self._monotonic() - self._read_at >= _FRESH:
                with self._database.reading() as session:
                    rows = list(session.scalars(select(PauseRow).order_by(PauseRow.system)))
                self._read = [
                    Paused(row.system, row.since, row.until, row.reason, row.actor) for row in rows
                ]
                self._read_at = self._monotonic()
            now = self._clock()
            return [each for each in self._read if each.until is None or now < each.until]
