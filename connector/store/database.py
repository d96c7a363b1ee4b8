"""The database: one engine, short transactions, and its revision."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ClauseElement,
    Connection,
    Engine,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from connector.errors import Misconfigured, RetryLater
from connector.shortage import shortage_of
from connector.store.alone import Alone, Done
from connector.store.together import Together
from connector.wording import machine, systems

# The newest of the migrations: a database that has it needs none of their machinery.
NEWEST = "0022"
# Seconds that SQLite, and whoever waits for it here, waits for another's writing to end.
_LONGEST_TURN = 60


class Database:
    """One database by URL: `sqlite:///path` or `postgresql+psycopg://…`.

    Raises Misconfigured when the URL cannot be used at all.
    """

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        self.url = url
        self.engine = _engine(url, pool_size)
        self._writing = sessionmaker(self.engine, expire_on_commit=False)
        reader = self.engine.execution_options(write=False)
        self._reading = sessionmaker(reader, expire_on_commit=False)
        self._alone: dict[ClauseElement, Alone] = {}
        self._turn = threading.Lock()
        self._eased = _eased(self.engine)
        self._together = Together(self.engine, self._eased, self._turn_to_write)

    @staticmethod
    def exists(url: str) -> bool:
        """Whether there is a database to open. Of a server only opening it can tell: True.

        Raises Misconfigured.
        """
        try:
            parsed = make_url(url)
        except Exception as error:
            raise _unusable(error) from None
        file = parsed.database if parsed.get_backend_name() == "sqlite" else None
        return not file or file == ":memory:" or Path(file).exists()

    @classmethod
    def if_current(cls, url: str) -> Database | None:
        """Open a database that has the newest revision; None for one that a start would make.

        Raises Misconfigured.
        """
        if not cls.exists(url):
            return None
        database = cls(url)
        try:
            has, needs = database.revision()
        except RetryLater:
            has, needs = None, ""
        if has == needs:
            return database
        database.close()
        return None

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite (one writer at a time) and not PostgreSQL."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session whose work is committed as a whole, or not at all.

        On SQLite the write lock is taken at the first statement, so that two writers queue up
        instead of failing in the middle. Raises RetryLater when the database does not answer.
        """
        with self._typed_errors(), self._turn_to_write(), self._writing.begin() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection as `transaction` gives a session: for what needs no ORM."""
        with self._typed_errors(), self._turn_to_write(), self.engine.begin() as connection:
            yield connection

    def write_alone(
        self, statement: ClauseElement, values: Mapping[str, Any], *, durable: bool = True
    ) -> Done:
        """Run one statement as a transaction of its own; see `Alone` for what it may be.

        It is put together at its first use; on SQLite it may be committed together with those of
        other threads, and what need not be `durable` is forced to disk with the next that must
        be. Raises IntegrityError and RetryLater.
        """
        alone = self._alone.get(statement)
        if alone is None:
            alone = self._alone.setdefault(statement, Alone(statement, self.engine.dialect))
        parameters = alone.bound(values)
        with self._typed_errors():
            if self.is_sqlite:
                return self._together.run(alone, parameters, durable=durable)
            with closing(self.engine.raw_connection()) as connection:
                done = alone.execute(connection, parameters)
                connection.commit()
                return done

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session for reading; nothing is committed."""
        with self._typed_errors(), self._reading() as session:
            yield session

    @contextmanager
    def own_connection(self) -> Iterator[Connection]:
        """Give a connection of one's own: its temporary tables end with it."""
        with self._typed_errors(), self.engine.connect() as connection:
            connection.detach()
            yield connection

    @contextmanager
    def _turn_to_write(self) -> Iterator[None]:
        """Wait for the other threads that write, where the database lets one write at a time.

        SQLite itself makes who comes second sleep and look again, up to a hundred milliseconds.
        """
        if not self.is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=_LONGEST_TURN):
            raise RetryLater(systems.DATABASE_BUSY(), place=self.engine.url.render_as_string())
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _typed_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            short = shortage_of(error)
            if short is not None:
                raise RetryLater(
                    machine.SHORTAGES[short],
                    place=self.engine.url.render_as_string(),
                    remedy=machine.MAKE_ROOM(),
                ) from error
            if not isinstance(error, OperationalError):
                raise
            raise RetryLater(
                systems.DATABASE_SILENT(error=type(error.orig).__name__),
                place=self.engine.url.render_as_string(),
                remedy=systems.START_DATABASE(),
            ) from error

    def upgrade(self) -> None:
        """Bring the tables to the newest revision; harmless when they are there already."""
        if self.revision()[0] == NEWEST:
            return
        from connector.store import migrate

        with self.engine.connect() as connection:
            migrate.upgrade(connection)

    def revision(self) -> tuple[str | None, str]:
        """Return the revision that the database has and the one that this software needs.

        Raises RetryLater when the database does not answer.
        """
        with self._typed_errors(), self.engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None, NEWEST
            return connection.scalar(text("SELECT version_num FROM alembic_version")), NEWEST

    def drift(self) -> list[Any]:
        """Return how the tables differ from the models; empty when they agree."""
        from connector.store import migrate

        with self.engine.connect() as connection:
            return migrate.drift(connection)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        self._eased.dispose()


def _engine(url: str, pool_size: int) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(url, pool_size, "FULL")
        return create_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            hide_parameters=True,  # an error's text would hold buyers otherwise
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10},
        )
    except Exception as error:
        raise _unusable(error) from None


def _unusable(error: Exception) -> Misconfigured:
    return Misconfigured(
        f"the database URL cannot be used ({type(error).__name__})",
        place="CONNECTOR_DATABASE_URL",
        remedy="sqlite:///path/to/file.db or postgresql+psycopg://user:password@host/name"
        " (the latter needs the extra `postgres`)",
    )


def _eased(engine: Engine) -> Engine:
    """Return the engine of commits that need not be forced to disk, for one thread at a time."""
    file = engine.url.database
    if engine.dialect.name != "sqlite" or not file or file == ":memory:":
        return engine
    return _sqlite(engine.url.render_as_string(hide_password=False), 1, "NORMAL")


def _sqlite(url: str, pool_size: int, synchronous: str) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        hide_parameters=True,
        connect_args={"timeout": _LONGEST_TURN},
    )

    @event.listens_for(engine, "do_connect")
    def private(*_: Any) -> None:
        # Payloads lie in it. What SQLite writes beside it has the same mode.
        if path and path != ":memory:":
            with suppress(OSError):
                Path(path).touch(mode=0o600)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # We begin transactions ourselves, so that the driver must not.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        write = connection.get_execution_options().get("write", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine
