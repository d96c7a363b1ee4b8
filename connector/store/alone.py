"""Single statements that are transactions of their own, at little more than the driver's cost.

Every outbound call writes two of these. SQLAlchemy puts them together once; what it does around
each execution (a connection's begin and commit, contexts, results) takes longer than SQLite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from sqlalchemy import ClauseElement, Dialect, PoolProxiedConnection
from sqlalchemy.exc import DBAPIError


class Done(NamedTuple):
    """What a statement did: how many rows it changed, and the first value that it returned."""

    rows: int
    returned: Any


class Alone:
    """One statement for one database. Threads share it.

    Its parameters are those of its `bindparam`s; an IN is to be written as several comparisons.
    """

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        self._text: str = compiled.string
        self._dialect = dialect
        self._positional = bool(dialect.positional)
        self._fixed: dict[str, Any] = dict(compiled.params)
        names = compiled.positiontup if dialect.positional else compiled.params
        self._parameters: list[tuple[str, Callable[[Any], Any] | None]] = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in names
        ]

    def bound(self, values: Mapping[str, Any]) -> Any:
        """Return the driver's parameters for these values."""
        given = {**self._fixed, **values}
        processed = [
            (name, process(given[name]) if process is not None else given[name])
            for name, process in self._parameters
        ]
        return [value for _, value in processed] if self._positional else dict(processed)

    def execute(self, connection: PoolProxiedConnection, parameters: Any) -> Done:
        """Run it; whether it is committed by that is the connection's. Raises as SQLAlchemy."""
        # An error that somebody keeps must not keep the cursor, and SQLite's files open with it.
        with typed_as(self._text, self._dialect), closing(connection.cursor()) as cursor:
            cursor.execute(self._text, parameters)
            found = cursor.fetchall() if cursor.description else ()
            return Done(cursor.rowcount, found[0][0] if found else None)


@contextmanager
def typed_as(text: str, dialect: Dialect) -> Iterator[None]:
    """Raise the driver's errors within as SQLAlchemy raises them."""
    driver: Any = dialect.loaded_dbapi
    try:
        yield
    except driver.Error as error:
        raise DBAPIError.instance(
            text, None, error, driver.Error, hide_parameters=True, dialect=dialect
        ) from error
