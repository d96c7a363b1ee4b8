"""Commits what several threads write at the same time in one transaction.

SQLite commits one after the other, and each commit waits for the disk. Whoever comes while one is
on its way is written with the next, by whichever of them came first. Nobody returns before the
transaction that holds its own statement is durable, and a statement that fails fails alone.

Who may lose a statement again says so (`durable=False`): where all of a commit may be lost, it is
left to the next durable one to force it to disk. A process that is killed loses nothing by that; a
power cut may take it back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any

from sqlalchemy import Engine

from connector.errors import RetryLater
from connector.store.alone import Alone, Done, typed_as
from connector.wording import systems


class _Entry:
    """One statement that waits to be written."""

    __slots__ = ("alone", "done", "durable", "error", "parameters", "woken")

    def __init__(self, alone: Alone, parameters: Any, *, durable: bool) -> None:
        self.alone = alone
        self.parameters = parameters
        self.durable = durable
        self.done: Done | None = None
        self.error: BaseException | None = None
        self.woken = threading.Lock()
        self.woken.acquire()

    def outcome(self) -> Done:
        if self.error is not None:
            raise self.error
        if self.done is None:
            raise AssertionError("nobody wrote it")
        return self.done


class Together:
    """Writes statements for the threads that share it. `turn` is awaited before each commit.

    `engine` forces its commits to disk, `eased` leaves them to the next that are.
    """

    def __init__(
        self, engine: Engine, eased: Engine, turn: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._engine = engine
        self._eased = eased
        self._turn = turn
        self._lock = threading.Lock()
        self._waiting: list[_Entry] = []
        self._leader: _Entry | None = None

    def run(self, alone: Alone, parameters: Any, *, durable: bool = True) -> Done:
        """Run a statement; it is committed when this returns. Raises as SQLAlchemy does."""
        mine = _Entry(alone, parameters, durable=durable)
        with self._lock:
            self._waiting.append(mine)
            if self._leader is None:
                self._leader = mine
                mine.woken.release()
        try:
            mine.woken.acquire()
            if mine.done is None and mine.error is None:
                self._lead(mine)
        except BaseException:
            self._withdraw(mine)
            raise
        return mine.outcome()

    def _lead(self, mine: _Entry) -> None:
        """Write for all who wait, then let the first who came meanwhile lead."""
        batch: list[_Entry] = []
        try:
            with self._turn():
                with self._lock:
                    batch, self._waiting = self._waiting, []
                self._write(batch)
        except BaseException as error:
            for each in batch:
                # Another thread is not to be interrupted by what interrupts this one.
                plain = each is mine or isinstance(error, Exception)
                each.error = error if plain else RetryLater(systems.WRITING_BROKEN_OFF())
            raise
        finally:
            self._withdraw(mine)
            for each in batch:
                if each is not mine:
                    each.woken.release()

    def _withdraw(self, mine: _Entry) -> None:
        """Wait for nothing any more, and lead no longer."""
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
            if self._leader is mine:
                self._leader = self._waiting[0] if self._waiting else None
                if self._leader is not None:
                    self._leader.woken.release()

    def _write(self, batch: Sequence[_Entry]) -> None:
        engine = self._engine if any(each.durable for each in batch) else self._eased
        with closing(engine.raw_connection()) as connection:
            if len(batch) == 1:
                (each,) = batch
                each.done = each.alone.execute(connection, each.parameters)
                return
            driven: Any = connection.driver_connection
            with typed_as("BEGIN IMMEDIATE", self._engine.dialect):
                driven.execute("BEGIN IMMEDIATE")
            made: list[tuple[_Entry, Done | None, Exception | None]] = []
            for each in batch:
                try:
                    made.append((each, each.alone.execute(connection, each.parameters), None))
                except Exception as error:
                    if not driven.in_transaction:
                        raise  # not this statement's fault: the whole transaction is gone
                    made.append((each, None, error))
            with typed_as("COMMIT", self._engine.dialect):
                driven.execute("COMMIT")
        for each, done, failed in made:
            each.done, each.error = done, failed
