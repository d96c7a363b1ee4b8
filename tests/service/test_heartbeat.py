"""The heartbeat of a service in a process of its own: it stops when ticks stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.sandbox.service import Sandbox
from tests.jobs.test_watching import Listener
from tests.support.service_process import set_clock
from tests.support.waiting import PATIENCE, until


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.mark.long
def test_the_heartbeat_stops_when_ticks_stop(tmp_path: Path, listener: Listener) -> None:
    set_clock(tmp_path / "clock", datetime(2026, 11, 24, 3, 30, tzinfo=UTC))
    with Sandbox() as sandbox:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.service_process", sandbox.control_url,
             f"sqlite:///{tmp_path / 'c.db'}", str(tmp_path), "0"],
            env={**os.environ, "CONNECTOR_NOTIFY__HEARTBEAT": listener.url},
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            until(lambda: len(listener.heard) >= 3)
            os.kill(process.pid, signal.SIGSTOP)
            time.sleep(1)  # what was on its way has come
            heard = len(listener.heard)
            time.sleep(3)
            assert len(listener.heard) == heard
            os.kill(process.pid, signal.SIGCONT)
            until(lambda: len(listener.heard) > heard)
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            process.wait()
