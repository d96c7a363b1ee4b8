"""How the work stands: counts that are asked every few seconds, each answered by an index.

Orders that have ended are left out, so that no answer takes longer as years of them pile up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, select

from connector.domain.lifecycle import Stage
from connector.store.calls import CallState
from connector.store.database import Database
from connector.store.runs import RunState
from connector.store.tables import (
    CallRow,
    DocumentRow,
    FileRow,
    OrderRow,
    RunRow,
    WaveOrderRow,
    WaveRow,
)

OPEN = tuple(stage for stage in Stage if not stage.ended)
_UNRELEASED = tuple(stage for stage in OPEN if not stage.released)


@dataclass(frozen=True)
class Group:
    """Orders of one stage and hold; `oldest` is when the first of them was placed."""

    stage: Stage
    hold: str | None
    orders: int
    oldest: datetime
    held_since: datetime | None = None


@dataclass(frozen=True)
class Deadlines:
    """Orders of one stage by what is left of their deadline."""

    stage: Stage
    late: int
    soon: int
    later: int


@dataclass(frozen=True)
class Parcel:
    """Files that go together: a wave's batch, a day's extract, a month's settlement."""

    kind: str
    name: str
    files: int
    written_at: datetime


class Standing:
    """Asks the database how the work stands."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def groups(self) -> list[Group]:
        """Return the orders that have not ended, by stage and hold, in the sequence of stages."""
        query = (
            select(OrderRow.stage, OrderRow.hold_cause, func.count(), func.min(OrderRow.placed_at))
            .where(OrderRow.stage.in_(OPEN))
            .group_by(OrderRow.stage, OrderRow.hold_cause)
        )
        with self._database.reading() as session:
            found = [
                Group(Stage(stage), hold, orders, oldest)
                for stage, hold, orders, oldest in session.execute(query)
            ]
        return sorted(found, key=lambda each: (each.stage.position, each.hold or ""))

    def deadlines(self, now: datetime, soon: datetime) -> list[Deadlines]:
        """Return how many orders of each stage are late, will be by `soon`, or have time."""
        due = OrderRow.deadline_at

        def counted(condition: ColumnElement[bool]) -> ColumnElement[int]:
            return func.sum(case((condition, 1), else_=0))

        query = (
            select(
                OrderRow.stage,
                counted(due <= now),
                counted((due > now) & (due <= soon)),
                counted(due > soon),
            )
            .where(OrderRow.stage.in_(_UNRELEASED), due.is_not(None))
            .group_by(OrderRow.stage)
        )
        with self._database.reading() as session:
            return [
                Deadlines(Stage(stage), int(late), int(near), int(later))
                for stage, late, near, later in session.execute(query)
            ]

    def at_risk(self, until: datetime, limit: int) -> list[OrderRow]:
        """Return the orders whose deadline is over or will be by `until`, the worst first."""
        # The index tells which they are; only these few are then read with all that they carry.
        worst = (
            select(OrderRow.id)
            .where(OrderRow.stage.in_(_UNRELEASED), OrderRow.deadline_at <= until)
            .order_by(OrderRow.deadline_at, OrderRow.id)
            .limit(limit)
        )
        with self._database.reading() as session:
            wanted = list(session.scalars(worst))
            query = select(OrderRow).where(OrderRow.id.in_(wanted))
            return list(session.scalars(query.order_by(OrderRow.deadline_at, OrderRow.id)))

    def due(self, now: datetime) -> dict[str, int]:
        """Return how many orders of each stage could be walked on now."""
        query = (
            select(OrderRow.stage, func.count())
            .where(OrderRow.stage.in_(_UNRELEASED), OrderRow.next_try_at <= now)
            .group_by(OrderRow.stage)
        )
        with self._database.reading() as session:
            return {row[0]: row[1] for row in session.execute(query)}

    def held_since(self, causes: Sequence[str]) -> dict[str, datetime]:
        """Return since when the first order is held for each of these causes."""
        query = (
            select(OrderRow.hold_cause, func.min(OrderRow.hold_since))
            .where(OrderRow.hold_cause.in_(causes), OrderRow.stage.in_(OPEN))
            .group_by(OrderRow.hold_cause)
        )
        with self._database.reading() as session:
            return {cause: since for cause, since in session.execute(query) if cause and since}

    def untold(self) -> dict[str, int]:
        """Return how many shipments and invoices the storefront does not know yet."""
        query = (
            select(DocumentRow.kind, func.count())
            .where(
                DocumentRow.kind.in_(("shipment", "invoice")),
                DocumentRow.written_back_at.is_(None),
            )
            .group_by(DocumentRow.kind)
        )
        with self._database.reading() as session:
            return {row[0]: row[1] for row in session.execute(query)}

    def open_calls(self) -> dict[tuple[str, str, str], int]:
        """Return how many outbound calls have no outcome: (system, operation, state) → number."""
        query = (
            select(CallRow.system, CallRow.operation, CallRow.state, func.count())
            .where(CallRow.state.in_((CallState.PENDING, CallState.SENT, CallState.IN_DOUBT)))
            .group_by(CallRow.system, CallRow.operation, CallRow.state)
        )
        with self._database.reading() as session:
            return {(system, name, state): n for system, name, state, n in session.execute(query)}

    def last_run(self, job: str, scope: str, *, done: bool = False) -> RunRow | None:
        """Return the run of the newest window; with `done` the newest that ended well."""
        query = (
            select(RunRow)
            .where(RunRow.job == job, RunRow.scope == scope)
            .order_by(RunRow.window_to.desc())
            .limit(1)
        )
        if done:
            query = query.where(RunRow.state == RunState.DONE)
        with self._database.reading() as session:
            return session.scalar(query)

    def unfinished_runs(self, job: str, scope: str) -> dict[str, int]:
        """Return how many runs of a job are not done: running or failed → number."""
        query = (
            select(RunRow.state, func.count())
            .where(RunRow.job == job, RunRow.scope == scope, RunRow.state != RunState.DONE)
            .group_by(RunRow.state)
        )
        with self._database.reading() as session:
            return {row[0]: row[1] for row in session.execute(query)}

    def wave_counts(self, wave: WaveRow) -> tuple[int, int]:
        """Return how many orders a wave released, and how many it left out."""
        query = (
            select(WaveOrderRow.released, func.count())
            .where(WaveOrderRow.wave_id == wave.id)
            .group_by(WaveOrderRow.released)
        )
        with self._database.reading() as session:
            counts = {row[0]: row[1] for row in session.execute(query)}
        return counts.get(True, 0), counts.get(False, 0)

    def newest_parcels(self, limit: int) -> list[Parcel]:
        """Return what was handed over last, the newest first."""
        written_at = func.max(FileRow.written_at)
        query = (
            select(FileRow.kind, FileRow.parcel, func.count(), written_at)
            .group_by(FileRow.kind, FileRow.parcel)
            .order_by(written_at.desc(), FileRow.kind, FileRow.parcel.desc())
            .limit(limit)
        )
        with self._database.reading() as session:
            return [Parcel(*row) for row in session.execute(query)]
