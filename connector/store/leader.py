"""Who leads: of all services on one database, one ticks and the others stand by."""

from __future__ import annotations

import fcntl
import threading
from pathlib import Path
from typing import IO, Protocol

import structlog
from sqlalchemy import Connection, NullPool, create_engine, make_url, text

from connector.errors import Misconfigured

_log = structlog.get_logger(__name__)

# Any constant does; the lock is one of the database that the URL names.
_LEADER_LOCK = 0x6C656164
# A leader that vanishes without a word is noticed by the server after 5 + 3 × 3 seconds, and a
# server that vanishes by the leader after 10: well within the 30 of a hand-over.
_SESSION = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3",
}


class Leadership(Protocol):
    """The lead among all services on one database."""

    def leads(self) -> bool:
        """Whether this process leads now. It takes the lead where nobody has it."""
        ...

    def resign(self) -> None:
        """Let another lead."""
        ...


class PostgresLeadership:
    """The lead as a session-level advisory lock on a connection of its own.

    The lock is gone with the connection, and the connection with the process, however that ended.
    A connection pooler in transaction mode between the two would break it.
    """

    def __init__(self, url: str) -> None:
        self._engine = create_engine(
            url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=dict(_SESSION)
        )
        self._lock = threading.Lock()
        self._session: Connection | None = None
        self._held = False

    def leads(self) -> bool:
        """See `Leadership`. Who cannot reach the database does not lead."""
        with self._lock:
            try:
                return self._ask()
            except Exception as error:
                # Whatever the driver raises: without its connection the lock is not ours.
                _log.warning("the lead is lost", error=type(error).__name__)
                self._let_go()
                return False

    def resign(self) -> None:
        """See `Leadership`."""
        with self._lock:
            self._let_go()

    def _ask(self) -> bool:
        if self._session is None:
            self._session = self._engine.connect()
        if self._held:
            self._session.execute(text("SELECT 1"))
            return True
        question = text("SELECT pg_try_advisory_lock(:key)")
        self._held = bool(self._session.execute(question, {"key": _LEADER_LOCK}).scalar())
        if self._held:
            _log.info("this service leads now")
        return self._held

    def _let_go(self) -> None:
        session, self._session, self._held = self._session, None, False
        if session is not None:
            try:
                session.invalidate()
                session.close()
            except Exception as error:
                _log.debug("connection of the lead was gone", error=type(error).__name__)


class FileLeadership:
    """The lead on SQLite, which bears one service: a lock on a file beside the database."""

    def __init__(self, database: Path) -> None:
        """Take the lead at once. Raises Misconfigured when another service has it."""
        self._file: IO[str] = database.with_name(f"{database.name}.service").open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise Misconfigured(
                "another service runs on this database, and SQLite bears one",
                place=str(database),
                remedy="stop the other one, or give both a PostgreSQL by CONNECTOR_DATABASE_URL",
            ) from None

    def leads(self) -> bool:
        """See `Leadership`."""
        return True

    def resign(self) -> None:
        """See `Leadership`."""
        self._file.close()


class LoneLeadership:
    """The lead on a database that no other process can see."""

    def leads(self) -> bool:
        """See `Leadership`."""
        return True

    def resign(self) -> None:
        """See `Leadership`."""


def leadership(url: str) -> Leadership:
    """Return the lead that suits a database. Raises Misconfigured."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return PostgresLeadership(url)
    if not parsed.database or parsed.database == ":memory:":
        return LoneLeadership()
    return FileLeadership(Path(parsed.database))
