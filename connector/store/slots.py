"""Slots that all processes of an installation share: advisory locks of PostgreSQL."""

from __future__ import annotations

import threading
import zlib

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from connector.errors import RetryLater
from connector.store.database import Database
from connector.wording import systems

_TAKE = text(
    "SELECT slot FROM unnest(CAST(:free AS integer[])) AS slot"
    " WHERE pg_try_advisory_lock(:room, slot) LIMIT 1"
)
_GIVE = text("SELECT pg_advisory_unlock(:room, :slot)")


class SharedSlots:
    """At most `count` holders among all processes on one PostgreSQL database.

    A slot is a session-level lock, so the server frees those of a process that died. All slots of
    a process stand on one connection of their own, which must not pass a pooler in transaction
    mode. When that connection breaks, another process may take a slot that is still in use here:
    for so long the limit is passed by at most what this process holds.
    """

    def __init__(self, database: Database, name: str, count: int) -> None:
        self._database = database
        # Two keys of 32 bits: the room, and the slot within it.
        self._room = zlib.crc32(f"slots:{name}".encode()) - 2**31
        self._slots = range(count)
        self._held: set[int] = set()
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    def take(self) -> int | None:
        """Return a free slot, None when all are taken. Raises RetryLater without a database."""
        with self._lock:
            # A session may take its own lock twice: what is held here must not be asked for.
            free = [slot for slot in self._slots if slot not in self._held]
            if not free:
                return None
            try:
                slot = self._open().execute(_TAKE, {"free": free, "room": self._room}).scalar()
            except SQLAlchemyError as error:
                self._lose()
                raise RetryLater(
                    systems.COUNTING_SILENT(error=type(error).__name__),
                    place="SAP sessions",
                ) from None
            if slot is None:
                return None
            self._held.add(slot)
            return int(slot)

    def give(self, slot: int) -> None:
        """Let a slot go."""
        with self._lock:
            if slot not in self._held:
                return
            self._held.discard(slot)
            try:
                self._open().execute(_GIVE, {"room": self._room, "slot": slot})
            except SQLAlchemyError:
                # With its connection the server has let the lock go too.
                self._lose()

    def close(self) -> None:
        """Let everything go."""
        with self._lock:
            self._lose()

    def _open(self) -> Connection:
        if self._connection is None:
            engine = self._database.engine.execution_options(isolation_level="AUTOCOMMIT")
            self._connection = engine.connect()
        return self._connection

    def _lose(self) -> None:
        connection, self._connection = self._connection, None
        self._held.clear()
        if connection is not None:
            # Invalidated, not returned: its locks must not live on in the pool.
            connection.invalidate()
            connection.close()
