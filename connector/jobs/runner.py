"""Runs jobs: every due window once, in sequence, whatever was missed, on however many machines."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog

from connector.domain.masking import mask_said, mask_text
from connector.errors import LogonFailed, said_of
from connector.jobs.cadence import Cadence, Every, Window
from connector.shortage import Shortages
from connector.store.runs import FAILURES, Runs, RunState
from connector.store.tables import RunRow
from connector.wording import Said, machine, systems

_log = structlog.get_logger(__name__)

Counts = Mapping[str, Any]


class Stopped(Exception):
    """Raised by a job that was told to stop: its window is worked off anew by the next process."""


class Lane(StrEnum):
    """Jobs of two lanes run side by side: what has its time does not wait for what takes its."""

    WORK = "work"
    CLOCK = "clock"


class System(StrEnum):
    """A system that a job cannot do without."""

    STOREFRONT = "storefront"
    SAP = "sap"
    DMS = "dms"


@dataclass(frozen=True)
class Job:
    """Something that is done once for each of its windows.

    `run` gets the window and the scope and returns what it counted. It may be run again after
    it failed or its process died, and must then come to the same end. `scopes` are run apart,
    each with windows of its own (the waves of each business unit). A window that is due waits
    until it is `ready`, and until none of the systems that the job `needs` is paused.
    """

    name: str
    title: str
    cadence: Cadence
    run: Callable[[Window, str], Counts]
    scopes: tuple[str, ...] = ("",)
    by_scope: Mapping[str, Cadence] = field(default_factory=dict)
    lane: Lane = Lane.WORK
    ready: Callable[[Window], bool] = lambda _window: True
    needs: Callable[[], Collection[System]] = tuple

    def due(self, scope: str, after: datetime, now: datetime) -> Sequence[Window]:
        """Return the windows of a scope that are due; it may have a cadence of its own."""
        return self.by_scope.get(scope, self.cadence).due(after, now)


@dataclass(frozen=True)
class Outcome:
    """How one run ended: `state` is done, failed, stopped (the service ends) or skipped.

    Skipped is what is somebody else's or was done before.
    """

    job: str
    scope: str
    window: Window
    state: str
    counts: Counts
    error: str = ""
    run_id: int | None = None


class Runner:
    """Works off the windows of jobs.

    `since` is where a job begins for which no process has ticked before. The lease of a run is
    prolonged from a thread of its own while the job works; when its process dies, another takes it
    over after `lease`. A run that takes longer than `stuck_after` is no longer believed to work:
    its lease ends.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        runs: Runs,
        clock: Callable[[], datetime],
        *,
        since: datetime,
        lease: timedelta = timedelta(seconds=20),
        retry: timedelta = timedelta(minutes=1),
        stuck_after: timedelta = timedelta(hours=1),
        stop: threading.Event | None = None,
        shortages: Shortages | None = None,
        paused: Callable[[Job], Said | None] = lambda _job: None,
    ) -> None:
        self.jobs = {job.name: job for job in jobs}
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
        self._runs = runs
        self._clock = clock
        self._since = since
        self._lease = lease
        self._retry = retry
        self._stuck_after = stuck_after
        self._started = False
        self._stopped = stop or threading.Event()
        self._shortages = shortages or Shortages(clock)
        self._paused = paused
        self._waiting: set[str] = set()
        # How far jobs have come anew since the clock was set back, by job and scope.
        self._anew: dict[tuple[str, str], datetime] = {}
        self._under_way: dict[int, tuple[RunRow, float]] = {}

    def tick(
        self, lane: Lane | None = None, leads: Callable[[], bool] = lambda: True
    ) -> list[Outcome]:
        """Work off all that is due now, job by job in their sequence: all of it, or one lane's.

        No further window is begun once this process no longer leads.
        """
        if not self._started:
            self._runs.started(self._clock())
            self._started = True
        return [
            outcome
            for job in self.jobs.values()
            if lane in (None, job.lane)
            for scope in job.scopes
            for outcome in self._due(job, scope, leads)
        ]

    def stop(self) -> None:
        """Begin no further window; the one under way is finished or, where it can, broken off."""
        self._stopped.set()

    @property
    def idle(self) -> bool:
        """Whether no window is under way."""
        return not self._under_way

    @property
    def stuck(self) -> RunRow | None:
        """A window under way for so long that it will not end by itself."""
        for row, since in tuple(self._under_way.values()):
            if time.monotonic() - since > self._stuck_after.total_seconds():
                return row
        return None

    def abandon(self) -> None:
        """Leave what is under way to the next process, at once: this one is about to end."""
        for row, _ in tuple(self._under_way.values()):
            self._runs.abandon(row, self._clock())

    def reached(self, name: str, scope: str = "") -> datetime:
        """Return how far a job has come: its next window ends later than this."""
        return self._runs.reached(name, scope) or self._since

    def begin(self) -> None:
        """Note for every job without any run where it begins, unless that was noted before.

        Its first window may end long after this process: it is not to begin later because another
        one is started meanwhile.
        """
        for job in self.jobs.values():
            for scope in job.scopes:
                self._begun(job, scope)

    def _begun(self, job: Job, scope: str) -> datetime:
        reached = self._runs.reached(job.name, scope)
        return reached or self._runs.begun(job.name, scope, self._since)

    def run_window(self, name: str, window: Window, scope: str = "") -> Outcome:
        """Run one window of a job unless it was done; the command `job run` does this."""
        return self._run(self.jobs[name], scope, window)

    def rerun(self, run_id: int) -> Outcome | None:
        """Run a finished window again; None when there is no such run or it is under way."""
        row = self._runs.reopen(run_id, self.owner, self._clock(), self._lease)
        if row is None:
            return None
        return self._work(self.jobs[row.job], row)

    def _due(self, job: Job, scope: str, leads: Callable[[], bool]) -> Iterator[Outcome]:
        now = self._clock()

        def goes_on() -> bool:
            return not self._stopped.is_set() and leads()

        if not goes_on() or self._waits(job):
            return
        for row in self._runs.unfinished(job.name, scope):
            if self._left_behind(row):
                self._runs.abandon(row, now)
            if row.state == "failed" and not self._may_retry(row, now):
                return
            outcome = self._run(job, scope, Window(row.window_from, row.window_to))
            yield outcome
            # Windows are worked off in their sequence: a later one waits for an earlier.
            if outcome.state != "done" or not goes_on():
                return
        after = self._begun(job, scope)
        anew = self._set_back(job, scope, after, now)
        for window in job.due(scope, after if anew is None else anew, now):
            if not job.ready(window):
                return
            outcome = self._run(job, scope, window, anew=anew is not None)
            yield outcome
            if outcome.state != "done" or not goes_on():
                return
            if anew is not None:
                self._anew[job.name, scope] = window.end

    def waits(self, job: Job) -> Said | None:
        """Return what a job waits for: a system that it needs and that a person paused."""
        return self._paused(job)

    def _waits(self, job: Job) -> bool:
        why = self.waits(job)
        if why is None:
            self._waiting.discard(job.name)
            return False
        if job.name not in self._waiting:
            self._waiting.add(job.name)
            _log.info("job waits", job=job.name, why=mask_text(why))
        return True

    def _set_back(self, job: Job, scope: str, after: datetime, now: datetime) -> datetime | None:
        """Return from where a job goes on that has come farther than the clock, or None.

        The clock was set back. What is done every so often is done all the same, and the windows
        that come for the second time are worked off once more; those of waves and nights are not.
        """
        every = job.by_scope.get(scope, job.cadence)
        if not isinstance(every, Every) or after <= now + every.length:
            self._anew.pop((job.name, scope), None)
            return None
        reached = self._anew.setdefault((job.name, scope), now - every.length)
        return min(reached, now)

    def _left_behind(self, row: RunRow) -> bool:
        """Whether a run is this process's own and over: the database was away at its end."""
        ours = row.state == RunState.RUNNING and row.owner == self.owner
        return ours and row.id not in self._under_way

    def _may_retry(self, row: RunRow, now: datetime) -> bool:
        if (row.error or "").startswith(LogonFailed.__name__):
            # A second refused logon could lock the user: only `job rerun` tries again.
            return False
        failures = int(row.counts.get(FAILURES, row.attempts))
        wait = min(self._retry * 2 ** min(failures - 1, 6), timedelta(minutes=15))
        return row.finished_at is None or now >= row.finished_at + wait

    def _run(self, job: Job, scope: str, window: Window, *, anew: bool = False) -> Outcome:
        row = self._runs.claim(
            job.name, scope, window.bounds, self.owner, self._clock(), self._lease
        )
        if row is None and anew:
            done = self._runs.find(job.name, scope, window.bounds)
            if done is not None and done.state == RunState.DONE:
                row = self._runs.reopen(done.id, self.owner, self._clock(), self._lease)
        if row is None:
            return Outcome(job.name, scope, window, "skipped", {})
        return self._work(job, row)

    def _work(self, job: Job, row: RunRow) -> Outcome:
        window = Window(row.window_from, row.window_to)
        log = _log.bind(job=job.name, scope=row.scope, run=row.id)
        try:
            with self._prolonging(row):
                counts = job.run(window, row.scope)
        except Stopped:
            self._runs.abandon(row, self._clock())
            log.info("job broken off: the service stops")
            return Outcome(job.name, row.scope, window, "stopped", {}, "", row.id)
        except Exception as error:
            short = self._shortages.note(error)
            said = said_of(error)
            if short is not None:
                said = systems.NAMED(name=machine.SHORTAGES[short], message=said)
            words = mask_said(systems.NAMED(name=type(error).__name__, message=said))
            self._runs.fail(row, words, self._clock())
            log.error("job failed", error=words)
            return Outcome(job.name, row.scope, window, "failed", {}, words, row.id)
        if not self._runs.finish(row, counts, self._clock()):
            log.warning("run was taken over meanwhile; its result stands all the same")
        log.debug("job done", **{key: value for key, value in counts.items() if value})
        return Outcome(job.name, row.scope, window, "done", counts, "", row.id)

    @contextmanager
    def _prolonging(self, row: RunRow) -> Iterator[None]:
        done, began = threading.Event(), time.monotonic()

        def prolong() -> None:
            while not done.wait(self._lease.total_seconds() / 3):
                if time.monotonic() - began > self._stuck_after.total_seconds():
                    _log.critical("run is stuck", job=row.job, scope=row.scope, run=row.id)
                    return
                try:
                    self._runs.renew(row, self._clock() + self._lease)
                except Exception as error:
                    # The database is away for a moment; the lease may still be prolonged in time.
                    _log.warning("lease not prolonged", run=row.id, error=mask_text(str(error)))

        thread = threading.Thread(target=prolong, name=f"lease-{row.job}", daemon=True)
        thread.start()
        self._under_way[row.id] = row, began
        try:
            yield
        finally:
            del self._under_way[row.id]
            done.set()
            thread.join()
