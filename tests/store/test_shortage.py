"""What this machine has run out of is named as such, and blames no order and no mapping."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from connector.domain.lifecycle import HoldCause
from connector.errors import RetryLater
from connector.logs import configure
from connector.shortage import Shortage, Shortages, shortage_of
from connector.steps.walk import decide
from connector.store.changes import Hold
from connector.store.database import Database
from tests.support.scene import Scene, scene

NOW = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)


def wrapped(error: Exception) -> Exception:
    """Return an error as it comes out of a client of HTTP, and of a typed one."""
    try:
        try:
            raise error
        except Exception as inner:
            raise requests.ConnectionError("cannot connect") from inner
    except requests.RequestException:
        try:
            raise RetryLater("cannot be reached") from None
        except RetryLater as outer:
            return outer


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), Shortage.DISK),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), Shortage.DISK),
        (OSError(errno.EMFILE, "Too many open files"), Shortage.FILES),
        (OSError(errno.ENFILE, "Too many open files in system"), Shortage.FILES),
        (OSError(errno.EROFS, "Read-only file system"), Shortage.READ_ONLY),
        (PermissionError(errno.EACCES, "Permission denied", "/out/x"), Shortage.READ_ONLY),
        (MemoryError(), Shortage.MEMORY),
        (RuntimeError("can't start new thread"), Shortage.MEMORY),
        (wrapped(OSError(errno.EMFILE, "Too many open files")), Shortage.FILES),
        (OSError(errno.ECONNREFUSED, "Connection refused"), None),
        (PermissionError(errno.EACCES, "Permission denied"), None),
        (KeyError("name"), None),
    ],
)
def test_errors_say_what_is_short(error: Exception, short: Shortage | None) -> None:
    assert shortage_of(error) == short


def full(path: Path) -> sqlite3.Connection:
    made = sqlite3.connect(path)
    pages = made.execute("PRAGMA page_count").fetchone()[0]
    made.execute(f"PRAGMA max_page_count={pages}")
    return made


def test_a_full_disk_is_called_so_by_the_database(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    database = Database(f"sqlite:///{path}")
    database.upgrade()
    rows = ((f"{number:060}", "2026") for number in range(10_000))
    with full(path) as connection, pytest.raises(sqlite3.OperationalError) as caught:
        connection.executemany("INSERT INTO watermark VALUES (?, ?)", rows)
    assert shortage_of(caught.value) is Shortage.DISK
    with pytest.raises(RetryLater, match="the disk is full") as told, database._typed_errors():
        raise OperationalError("INSERT", {}, caught.value)
    assert "start the database" not in str(told.value)
    assert "磁盘已满" in told.value.said.chinese
    database.close()


def test_a_database_that_may_not_be_written_to_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    database = Database(f"sqlite:///{path}")
    database.upgrade()

    def write() -> None:
        with database.writing() as connection:
            connection.execute(text("PRAGMA query_only=ON"))
            connection.execute(text("INSERT INTO watermark VALUES ('a', '2026-11-24T00:00:00')"))

    with pytest.raises(RetryLater, match="read-only"):
        write()
    database.close()


def test_what_is_short_is_over_once_nothing_meets_it(tmp_path: Path) -> None:
    now = [NOW]
    shortages = Shortages(lambda: now[0])
    assert shortages.note(KeyError("name")) is None
    shortages.note(OSError(errno.EROFS, "Read-only file system", "/out/waves"))
    now[0] += timedelta(minutes=8)
    shortages.note(OSError(errno.EROFS, "Read-only file system"))
    (seen,) = shortages.lasting()
    assert (seen.what, seen.since, seen.place) == (Shortage.READ_ONLY, NOW, "/out/waves")
    now[0] += timedelta(minutes=11)
    assert shortages.lasting() == []


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Any:
    configure("critical")
    folder = tmp_path_factory.mktemp("lite")
    with scene(f"sqlite:///{folder / 'c.db'}", folder) as made:
        yield made


def _raises(error: Exception) -> Callable[..., Any]:
    def step(_context: Any, _row: Any) -> Any:
        raise error

    return step


@pytest.mark.parametrize(
    "error", [OSError(errno.EMFILE, os.strerror(errno.EMFILE), "numdb.py"), MemoryError()]
)
def test_an_order_waits_for_the_machine_and_is_not_held_for_a_mapping(
    lite: Scene, error: Exception
) -> None:
    row = lite.order(36)
    change = decide(lite.context, row, _raises(error))
    assert (change.event, change.hold) == ("waiting", None)
    assert change.next_try_at == lite.clock.now + timedelta(minutes=1)
    assert "goes on by itself" in change.text
    assert lite.context.shortages.lasting()
    held = decide(lite.context, row, _raises(KeyError("a fault of ours")))
    assert isinstance(held.hold, Hold)
    assert held.hold.cause is HoldCause.MAPPING
