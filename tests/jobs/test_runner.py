"""The runner: a (job, window) counts once, whatever was missed, failed or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.errors import LogonFailed, RetryLater
from connector.jobs.cadence import Every, Window
from connector.jobs.runner import Job, Runner
from connector.logs import configure
from connector.store.database import Database
from connector.store.runs import Runs

START = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
STEP = timedelta(minutes=5)
LEASE = timedelta(seconds=60)


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Work:
    done: list[tuple[str, Window]] = field(default_factory=list)
    errors: list[Exception | None] = field(default_factory=list)
    during: Callable[[], None] = lambda: None

    def __call__(self, window: Window, scope: str) -> dict[str, Any]:
        self.during()
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.done.append((scope, window))
        return {"orders": 2}


@pytest.fixture(autouse=True)
def quiet() -> None:
    configure("critical")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def runs(database: Database) -> Runs:
    return Runs(database)


@pytest.fixture
def work() -> Work:
    return Work()


def runner(runs: Runs, clock: Clock, work: Work, *scopes: str) -> Runner:
    job = Job("pull", "made up", Every(STEP), work, scopes or ("",))
    return Runner([job], runs, clock, since=START, lease=LEASE)


def test_a_window_counts_once(runs: Runs, clock: Clock, work: Work) -> None:
    first, second = runner(runs, clock, work), runner(runs, clock, work)
    clock.now += STEP
    assert [each.state for each in first.tick()] == ["done"]
    assert first.tick() == []
    assert second.tick() == []
    window = Window(START, START + STEP)
    assert second.run_window("pull", window).state == "skipped"
    assert [each for _, each in work.done] == [window]
    assert [(row.state, row.counts) for row in runs.history()] == [("done", {"orders": 2})]


def test_windows_missed_while_it_was_down_are_worked_off_with_their_own_bounds(
    runs: Runs, clock: Clock, work: Work
) -> None:
    runner(runs, clock, work).tick()
    clock.now += timedelta(days=2, minutes=7)
    runner(runs, clock, work).tick()
    ends = [window.end - START for _, window in work.done]
    assert ends == [timedelta(days=1), timedelta(days=2), timedelta(days=2, minutes=5)]


def test_a_job_without_any_run_begins_where_it_first_began_however_often_it_is_started(
    runs: Runs, clock: Clock, work: Work
) -> None:
    assert runner(runs, clock, work, "GQ", "CZ").tick() == []
    runner(runs, clock, work).begin()
    clock.now += STEP
    # Started anew after the end of the first window, before anybody worked it off.
    job = Job("pull", "made up", Every(STEP), work)
    anew = Runner([job], runs, clock, since=clock.now, lease=LEASE)
    assert anew.reached("pull") == START
    assert [each.window for each in anew.tick()] == [Window(START, START + STEP)]


def test_each_scope_has_windows_of_its_own(runs: Runs, clock: Clock, work: Work) -> None:
    work.errors = [RetryLater("down"), None]
    clock.now += STEP
    outcomes = runner(runs, clock, work, "GQ", "CZ").tick()
    assert [(each.scope, each.state) for each in outcomes] == [("GQ", "failed"), ("CZ", "done")]


def test_a_failed_window_is_tried_again_before_any_later_one(
    runs: Runs, clock: Clock, work: Work
) -> None:
    works = runner(runs, clock, work)
    work.errors = [RetryLater("the shop is away")]
    clock.now += STEP
    assert [each.state for each in works.tick()] == ["failed"]
    assert "the shop is away" in (runs.history(failed=True)[0].error or "")
    assert works.tick() == []  # not at once: it waits a little longer each time
    clock.now += STEP
    assert [each.state for each in works.tick()] == ["done", "done"]
    assert [window.end for _, window in work.done] == [START + STEP, START + 2 * STEP]


def test_a_takeover_of_a_killed_process_is_no_failure_of_the_work(
    runs: Runs, clock: Clock, work: Work
) -> None:
    clock.now += STEP
    window = Window(START, START + STEP)
    for _ in range(5):  # processes that were killed, one after the other
        assert runs.claim("pull", "", window.bounds, "killed", clock.now, LEASE) is not None
        clock.now += LEASE
    works = runner(runs, clock, work)
    work.errors = [RetryLater("the shop is away")]
    assert [each.state for each in works.tick()] == ["failed"]
    clock.now += timedelta(minutes=1)
    assert works.tick()[0].state == "done"


def test_a_run_whose_end_could_not_be_noted_is_worked_off_with_the_next_tick(
    runs: Runs, clock: Clock, work: Work
) -> None:
    """The database was restarted while the job worked: nothing of it was written any more."""
    clock.now += STEP
    works = runner(runs, clock, work)
    window = Window(START, START + STEP)
    assert runs.claim("pull", "", window.bounds, works.owner, clock.now, LEASE) is not None
    assert [each.state for each in works.tick()] == ["done"]


def test_after_a_refused_logon_only_a_person_tries_again(
    runs: Runs, clock: Clock, work: Work
) -> None:
    works = runner(runs, clock, work)
    work.errors = [LogonFailed("wrong password")]
    clock.now += STEP
    (failed,) = works.tick()
    clock.now += timedelta(days=1)
    assert works.tick() == []
    assert failed.run_id is not None
    again = works.rerun(failed.run_id)
    assert again is not None
    assert again.state == "done"
    assert [each.state for each in works.tick()][-1] == "done"


def test_a_rerun_has_the_bounds_of_its_window_and_counts_as_the_same_run(
    runs: Runs, clock: Clock, work: Work
) -> None:
    works = runner(runs, clock, work)
    clock.now += STEP
    works.tick()
    (row,) = runs.history()
    clock.now += timedelta(hours=5)
    assert works.rerun(row.id) is not None
    assert work.done[0] == work.done[1]
    (row,) = runs.history()
    assert (row.state, row.attempts) == ("done", 2)
    assert works.rerun(4711) is None


def test_a_run_under_way_is_left_alone_until_its_lease_is_over(
    runs: Runs, clock: Clock, work: Work
) -> None:
    clock.now += STEP
    window = Window(START, START + STEP)
    assert runs.claim("pull", "", window.bounds, "killed", clock.now, LEASE) is not None
    works = runner(runs, clock, work)
    assert [each.state for each in works.tick()] == ["skipped"]
    clock.now += LEASE
    assert [each.state for each in works.tick()] == ["done"]
    assert runs.history()[0].owner == works.owner


def test_of_many_that_tick_at_once_one_works(runs: Runs, clock: Clock, work: Work) -> None:
    clock.now += STEP
    barrier = threading.Barrier(6)
    outcomes: list[str] = []

    def tick() -> None:
        works = runner(runs, clock, work)
        barrier.wait()
        outcomes.extend(each.state for each in works.tick())

    threads = [threading.Thread(target=tick) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(work.done) == 1
    assert outcomes.count("done") == 1


def test_stop_finishes_the_window_under_way_and_begins_no_other(
    runs: Runs, clock: Clock, work: Work
) -> None:
    works = runner(runs, clock, work)
    work.during = works.stop
    clock.now += timedelta(days=3)
    assert [each.state for each in works.tick()] == ["done"]
    assert works.tick() == []


_KILLED = """
import sys, time
from datetime import datetime, timedelta
from connector.jobs.cadence import Every
from connector.jobs.runner import Job, Runner
from connector.store.database import Database
from connector.store.runs import Runs

def work(window, scope):
    print("working", flush=True)
    time.sleep(600)

start = datetime.fromisoformat(sys.argv[2])
job = Job("pull", "made up", Every(timedelta(minutes=5)), work)
clock = lambda: start + timedelta(minutes=5)
Runner([job], Runs(Database(sys.argv[1])), clock, since=start).tick()
"""


def test_the_window_of_a_killed_process_is_taken_over(
    runs: Runs, database_url: str, clock: Clock, work: Work
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, database_url, START.isoformat()], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"working\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    clock.now += STEP
    works = runner(runs, clock, work)
    assert [each.state for each in works.tick()] == ["skipped"]
    clock.now += LEASE
    assert [each.state for each in works.tick()] == ["done"]
    (row,) = runs.history()
    assert (row.state, row.attempts) == ("done", 2)
