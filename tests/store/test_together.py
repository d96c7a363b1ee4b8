"""What several threads write at once: durable before anyone returns, each failing for itself."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    bindparam,
    create_engine,
    event,
    insert,
)
from sqlalchemy.exc import IntegrityError

from connector.errors import RetryLater
from connector.store.alone import Alone
from connector.store.database import Database
from connector.store.together import Together
from tests.support.waiting import PATIENCE, until

NORMAL, FULL = 1, 2  # PRAGMA synchronous

TABLES = MetaData()
ROWS = Table("row", TABLES, Column("number", Integer, primary_key=True))
CHILDREN = Table(
    "child",
    TABLES,
    Column("number", Integer, primary_key=True),
    Column("of", ForeignKey("row.number", deferrable=True, initially="DEFERRED")),
)


class Writers:
    """Threads that write through one gate, behind a turn that the test gives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = Database(f"sqlite:///{path}")
        self.wrote: list[int] = []  # how each row was committed, by SQLite's own numbers
        self.eased = create_engine(
            f"sqlite:///{path}", connect_args={"isolation_level": None, "timeout": 60}
        )
        for engine, synchronous in ((self.database.engine, FULL), (self.eased, NORMAL)):
            event.listen(engine, "connect", partial(self._traced, synchronous))
        TABLES.create_all(self.database.engine)
        dialect = self.database.engine.dialect
        self.row = Alone(insert(ROWS).values(number=bindparam("number")), dialect)
        self.child = Alone(
            insert(CHILDREN).values(number=bindparam("number"), of=bindparam("of")), dialect
        )
        self.may = threading.Event()
        self.refused: list[Exception] = []
        self.turns = 0
        self.together = Together(self.database.engine, self.eased, self.turn)
        self.outcomes: dict[int, BaseException | int] = {}
        self.threads: list[threading.Thread] = []

    @contextmanager
    def turn(self) -> Iterator[None]:
        self.turns += 1
        assert self.may.wait(PATIENCE)
        if self.refused:
            raise self.refused.pop()
        yield

    def begin(self, *writes: Callable[[], object]) -> None:
        """Start a thread for each write, one after the other; all wait, the first for its turn."""
        for at, write in enumerate(writes, start=len(self.threads)):
            thread = threading.Thread(target=self._run, args=(at, write))
            self.threads.append(thread)
            thread.start()
            self._comes(at)

    def _comes(self, at: int) -> None:
        until(lambda: len(self.together._waiting) > at)

    def end(self) -> list[BaseException | int]:
        self.may.set()
        for thread in self.threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        return [self.outcomes[at] for at in range(len(self.threads))]

    def put(self, number: int, *, durable: bool = True) -> Callable[[], object]:
        parameters = self.row.bound({"number": number})
        return lambda: self.together.run(self.row, parameters, durable=durable)

    def seen(self, table: str = "row") -> int:
        """How many rows a process beside this one would find."""
        with sqlite3.connect(self.path) as other:
            return int(other.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])

    def _traced(self, synchronous: int, connection: sqlite3.Connection, _record: object) -> None:
        def ran(text: str) -> None:
            if text.startswith("INSERT"):
                self.wrote.append(synchronous)

        connection.set_trace_callback(ran)

    def _run(self, at: int, write: Callable[[], object]) -> None:
        try:
            write()
            self.outcomes[at] = self.seen()
        except BaseException as error:
            self.outcomes[at] = error


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[Writers]:
    made = Writers(tmp_path / "c.db")
    yield made
    made.database.close()
    made.eased.dispose()


def test_who_comes_while_another_writes_is_written_with_it_and_returns_after_it(
    writers: Writers,
) -> None:
    writers.begin(*(writers.put(number) for number in range(8)))
    assert writers.seen() == 0
    assert writers.end() == [8] * 8  # committed before the first of them returned
    assert writers.turns == 1


def test_a_statement_that_fails_takes_no_other_with_it(writers: Writers) -> None:
    writers.begin(*(writers.put(number) for number in (1, 2, 1, 3)))
    first, second, double, last = writers.end()
    assert (first, second, last) == (3, 3, 3)
    assert isinstance(double, IntegrityError)


def test_a_commit_that_fails_is_told_to_all_whom_it_held(writers: Writers) -> None:
    def orphan() -> object:
        return writers.together.run(writers.child, writers.child.bound({"number": 1, "of": 99}))

    writers.begin(writers.put(1), orphan)
    assert all(isinstance(each, IntegrityError) for each in writers.end())
    assert (writers.seen(), writers.seen("child")) == (0, 0)
    writers.put(1)()  # nothing is left begun
    assert writers.seen() == 1


def test_who_gets_no_turn_fails_alone_and_the_next_leads(writers: Writers) -> None:
    writers.refused = [RetryLater("the database is busy")]
    writers.begin(*(writers.put(number) for number in range(4)))
    first, *others = writers.end()
    assert isinstance(first, RetryLater)
    assert others == [3, 3, 3]
    assert writers.turns == 2


def test_many_threads_write_each_row_once(writers: Writers) -> None:
    writers.may.set()

    def many() -> None:
        for number in range(40):
            try:
                writers.put(number)()
            except IntegrityError:
                continue
            assert writers.seen() > 0

    threads = [threading.Thread(target=many) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writers.seen() == 40


def test_only_what_may_be_lost_again_is_left_to_the_next_commit_to_force(writers: Writers) -> None:
    writers.may.set()
    writers.put(1)()
    writers.put(2, durable=False)()
    assert (writers.wrote, writers.seen()) == ([FULL, NORMAL], 2)
    with pytest.raises(IntegrityError):
        writers.put(2, durable=False)()
    writers.put(3)()
    assert (writers.wrote, writers.seen()) == ([FULL, NORMAL, NORMAL, FULL], 3)


def test_a_commit_that_holds_one_durable_statement_is_forced(writers: Writers) -> None:
    eased = [writers.put(number, durable=False) for number in range(4)]
    writers.begin(*eased[:2], writers.put(9), *eased[2:])
    assert writers.end() == [5] * 5
    assert set(writers.wrote) == {FULL}


def test_a_shared_commit_of_what_may_be_lost_is_not_forced(writers: Writers) -> None:
    writers.begin(*(writers.put(number, durable=False) for number in (1, 2, 1, 3)))
    assert [isinstance(each, IntegrityError) for each in writers.end()].count(True) == 1
    assert (set(writers.wrote), writers.seen()) == ({NORMAL}, 3)
