"""A run that hangs ends its process, so that a supervisor starts another that does the work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from connector.store.database import Database
from connector.store.runs import Runs, RunState
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.long


def service(url: str, folder: Path, does: str) -> tuple[int, str]:
    """Start a service, and return what it ends with and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.stuck_process", url, str(folder), does],
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stderr


def test_a_service_whose_run_hangs_exits_with_70_and_the_next_one_does_the_run(
    database_url: str, tmp_path: Path
) -> None:
    code, said = service(database_url, tmp_path, "hang")
    assert code == 70, said
    assert "service ends itself: run is stuck" in said
    database = Database(database_url)
    (run,) = Runs(database).history("hangs")
    assert (run.state, run.attempts) == (RunState.RUNNING, 1)
    code, said = service(database_url, tmp_path, "work")
    assert code == 0, said
    (run,) = Runs(database).history("hangs")
    assert (run.state, run.attempts) == (RunState.DONE, 2)
    database.close()
