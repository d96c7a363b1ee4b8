"""A service whose files cannot grow any more: IT is told what it is, and it goes on by itself."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.sandbox.service import Sandbox
from tests.jobs.test_notify import Chat
from tests.support.service_process import set_clock
from tests.support.waiting import PATIENCE, until


@pytest.fixture
def chat() -> Iterator[Chat]:
    made = Chat()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.mark.long
def test_it_is_told_of_a_full_disk_over_a_channel_that_needs_none(
    tmp_path: Path, chat: Chat
) -> None:
    set_clock(tmp_path / "clock", datetime(2026, 11, 24, 3, 30, tzinfo=UTC))
    file = tmp_path / "c.db"
    with Sandbox() as sandbox:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.service_process", sandbox.control_url,
             f"sqlite:///{file}", str(tmp_path), "0"],
            env={**os.environ, "CONNECTOR_NOTIFY__IT": f'["{chat.url}"]',
                 "CONNECTOR_NOTIFY__LANGUAGE": "en"},
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

        def told(words: str) -> bool:
            assert process.poll() is None
            return any(words in each["message"] for each in chat.posted)

        def watched() -> bool:
            with suppress(sqlite3.OperationalError), closing(sqlite3.connect(file)) as database:
                query = "SELECT count(*) FROM job_run WHERE job = 'watch' AND state = 'done'"
                return bool(database.execute(query).fetchone()[0])
            return False

        def room(bytes_: int) -> None:
            _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (bytes_, hard))

        try:
            until(watched)
            room(1)
            until(lambda: told("Nothing has been watched"), 300)
            assert told("the disk is full")
            assert not told("start the database")
            room(resource.RLIM_INFINITY)
            until(lambda: told("Everything is watched again"), 300)
            process.send_signal(15)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            process.wait()
