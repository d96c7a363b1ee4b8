"""The table of job runs: the one truth about which window of which job was worked off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.exc import IntegrityError

from connector.store.database import Database
from connector.store.tables import RunRow, WatermarkRow


class RunState(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


# What a failed run has counted.
FAILURES = "failures"
# Asked for every job with every tick, so that they are put together once.
_OF_JOB = (RunRow.job == bindparam("job"), RunRow.scope == bindparam("scope"))
_FIND = select(RunRow).where(
    *_OF_JOB, RunRow.window_from == bindparam("start"), RunRow.window_to == bindparam("end")
)
# Named, and not "other than done": so that the index leads to the few among all that were kept.
_UNDONE = RunRow.state.in_((RunState.RUNNING, RunState.FAILED))
_UNFINISHED = select(RunRow).where(*_OF_JOB, _UNDONE)
_UNDONE_FROM = select(func.min(RunRow.window_from)).where(*_OF_JOB, _UNDONE)
_DONE_UNTIL = select(func.max(RunRow.window_to)).where(*_OF_JOB, RunRow.state == RunState.DONE)
_LAST = select(func.max(RunRow.window_to)).where(*_OF_JOB)
# The watermark that says where a job begins as long as it has no run.
_BEGUN = "begun:"
_FIRST = "connector"


def _is_leased(row: RunRow, now: datetime, lease: timedelta) -> bool:
    """Whether a run is another's. Nobody leases one for longer: the clock was set back since."""
    return row.state == RunState.RUNNING and now < row.lease_until <= now + 3 * lease


class Runs:
    """Claims, finishes and lists job runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(
        self,
        job: str,
        scope: str,
        window: tuple[datetime, datetime],
        owner: str,
        now: datetime,
        lease: timedelta,
    ) -> RunRow | None:
        """Take a window for this owner; None when it is done or another owner is at it.

        A failed run, and a running one whose lease is over, is taken over.
        """
        row = self.find(job, scope, window)
        if row is None:
            try:
                with self._database.transaction() as session:
                    row = RunRow(
                        job=job,
                        scope=scope,
                        window_from=window[0],
                        window_to=window[1],
                        state=RunState.RUNNING,
                        attempts=1,
                        owner=owner,
                        started_at=now,
                        lease_until=now + lease,
                        counts={},
                    )
                    session.add(row)
                return row
            except IntegrityError:
                return None
        if row.state == RunState.DONE or _is_leased(row, now, lease):
            return None
        return self._take(row, owner, now, lease)

    def reopen(self, run_id: int, owner: str, now: datetime, lease: timedelta) -> RunRow | None:
        """Take a finished run again because a person asked for it."""
        row = self.get(run_id)
        if row is None or _is_leased(row, now, lease):
            return None
        return self._take(row, owner, now, lease)

    def _take(self, row: RunRow, owner: str, now: datetime, lease: timedelta) -> RunRow | None:
        with self._database.transaction() as session:
            taken = session.execute(
                update(RunRow)
                .where(
                    RunRow.id == row.id,
                    RunRow.attempts == row.attempts,
                    RunRow.state == row.state,
                )
                .values(
                    state=RunState.RUNNING,
                    attempts=RunRow.attempts + 1,
                    owner=owner,
                    started_at=now,
                    lease_until=now + lease,
                    finished_at=None,
                )
                .execution_options(synchronize_session=False)
            )
        return self.get(row.id) if taken.rowcount else None  # type: ignore[attr-defined]

    def renew(self, row: RunRow, until: datetime) -> bool:
        """Prolong the lease of a run; False when another owner took it over."""
        return self._update(row, lease_until=until)

    def finish(self, row: RunRow, counts: Mapping[str, Any], now: datetime) -> bool:
        """Note that a run is done."""
        return self._update(
            row, state=RunState.DONE, counts=dict(counts), finished_at=now, error=None
        )

    def fail(self, row: RunRow, error: str, now: datetime) -> bool:
        """Note that a run failed, and how often it has; its window is worked off again later.

        A takeover from a process that was killed is an attempt, and no failure.
        """
        counts = {FAILURES: int(row.counts.get(FAILURES, 0)) + 1}
        return self._update(row, state=RunState.FAILED, error=error, finished_at=now, counts=counts)

    def abandon(self, row: RunRow, now: datetime) -> bool:
        """Let the next process take a run over at once: its own is about to end."""
        return self._update(row, lease_until=now)

    def _update(self, row: RunRow, **values: Any) -> bool:
        with self._database.transaction() as session:
            changed = session.execute(
                update(RunRow)
                .where(
                    RunRow.id == row.id,
                    RunRow.owner == row.owner,
                    RunRow.attempts == row.attempts,
                    RunRow.state == RunState.RUNNING,
                )
                .values(**values)
                .execution_options(synchronize_session=False)
            )
        return bool(changed.rowcount)  # type: ignore[attr-defined]

    def find(self, job: str, scope: str, window: tuple[datetime, datetime]) -> RunRow | None:
        """Return the run of one window."""
        with self._database.reading() as session:
            return session.scalar(
                _FIND, {"job": job, "scope": scope, "start": window[0], "end": window[1]}
            )

    def get(self, run_id: int) -> RunRow | None:
        """Return one run."""
        with self._database.reading() as session:
            return session.get(RunRow, run_id)

    def unfinished(self, job: str, scope: str) -> list[RunRow]:
        """Return runs that are not done, in the sequence of their windows."""
        with self._database.reading() as session:
            rows = session.scalars(_UNFINISHED, {"job": job, "scope": scope})
            # Put in sequence here: SQLite would read all runs of the job to have them so.
            return sorted(rows, key=lambda row: (row.window_to, row.window_from))

    def done_until(self, job: str, scope: str = "") -> datetime | None:
        """Return how far the windows of a job are done, without a gap."""
        of = {"job": job, "scope": scope}
        with self._database.reading() as session:
            first, last = session.scalar(_UNDONE_FROM, of), session.scalar(_DONE_UNTIL, of)
        return last if first is None or last is None else min(first, last)

    def last_window_to(self, job: str, scope: str) -> datetime | None:
        """Return how far the windows of a job reach, whatever became of them."""
        with self._database.reading() as session:
            return session.scalar(_LAST, {"job": job, "scope": scope})

    def history(
        self, job: str | None = None, *, failed: bool = False, limit: int = 50
    ) -> list[RunRow]:
        """Return runs, newest first."""
        query = select(RunRow).order_by(RunRow.id.desc()).limit(limit)
        if job is not None:
            query = query.where(RunRow.job == job)
        if failed:
            query = query.where(RunRow.state == RunState.FAILED)
        with self._database.reading() as session:
            return list(session.scalars(query))

    def watermark(self, name: str) -> datetime | None:
        """Return how far something was read."""
        with self._database.reading() as session:
            row = session.get(WatermarkRow, name)
        return row.at if row else None

    def begun(self, job: str, scope: str, at: datetime) -> datetime:
        """Return since when a job without any run counts: `at` when nobody said so before."""
        name = f"{_BEGUN}{job}:{scope}"
        try:
            with self._database.transaction() as session:
                session.add(WatermarkRow(name=name, at=at))
            return at
        except IntegrityError:
            return self.watermark(name) or at

    def started(self, now: datetime) -> datetime:
        """Return when a connector first ran on this database: now, if none did."""
        return self.begun(_FIRST, "", now)

    def first_start(self) -> datetime | None:
        """Return when a connector first ran on this database."""
        return self.watermark(f"{_BEGUN}{_FIRST}:")

    def begins(self, job: str, scope: str = "") -> datetime | None:
        """Return where the very first window of a job begins; None while nobody said so."""
        return self.watermark(f"{_BEGUN}{job}:{scope}")

    def reached(self, job: str, scope: str) -> datetime | None:
        """Return how far a job has come: to the end of its last window, else where it begins."""
        return self.last_window_to(job, scope) or self.watermark(f"{_BEGUN}{job}:{scope}")

    def set_watermark(self, name: str, at: datetime) -> None:
        """Note how far something was read."""
        with self._database.transaction() as session:
            session.merge(WatermarkRow(name=name, at=at))
