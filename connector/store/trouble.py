"""What alerts are made of: questions about what is held, failed, stuck and not delivered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select, text

from connector.domain.lifecycle import WALKING, HoldCause, Stage
from connector.store.calls import DOUBLED, CallState
from connector.store.database import Database
from connector.store.runs import RunState
from connector.store.tables import CallRow, OrderRow, RunRow
from connector.store.waves import ready_for

_OPEN = tuple(stage for stage in Stage if not stage.ended)


# When a call was sent, or recorded where it was not.
_made_at = func.coalesce(CallRow.sent_at, CallRow.created_at)
# As a literal: only then do databases know that the index of these few rows serves.
_DOUBLED = CallRow.code == literal_column(f"'{DOUBLED}'")


class Trouble:
    """Asks the database what is wrong. Each answer is small, however many orders there are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def held(self) -> list[tuple[str, int, datetime]]:
        """Return cause, number of orders and the earliest since, of each hold there is."""
        query = (
            select(OrderRow.hold_cause, func.count(), func.min(OrderRow.hold_since))
            .where(OrderRow.hold_cause.is_not(None), OrderRow.stage.in_(_OPEN))
            .group_by(OrderRow.hold_cause)
            .order_by(OrderRow.hold_cause)
        )
        with self._database.reading() as session:
            return [
                (cause, orders, since)
                for cause, orders, since in session.execute(query)
                if cause is not None and since is not None
            ]

    def waiting(self) -> int:
        """Return how many orders tried in vain and wait for another system."""
        query = select(func.count()).where(
            OrderRow.stage.in_(WALKING), OrderRow.tries > 0, OrderRow.hold_cause.is_(None)
        )
        with self._database.reading() as session:
            return session.scalar(query) or 0

    def ready(self, business_unit: str, until: datetime) -> int:
        """Return how many orders placed until then are ready for a wave of this unit."""
        query = select(func.count(OrderRow.id)).where(*ready_for(business_unit, until))
        with self._database.reading() as session:
            return session.scalar(query) or 0

    def failed_runs(self) -> list[RunRow]:
        """Return the first failed run of each job, oldest window first.

        One that is being tried again counts as failed until it is done: it keeps its error.
        """
        tried_again = and_(RunRow.state == RunState.RUNNING, RunRow.error.is_not(None))
        query = (
            select(RunRow)
            .where(or_(RunRow.state == RunState.FAILED, tried_again))
            .order_by(RunRow.window_to)
        )
        found: dict[str, RunRow] = {}
        with self._database.reading() as session:
            for row in session.scalars(query):
                found.setdefault(row.job, row)
        return list(found.values())

    def stuck_runs(self, now: datetime, longer_than: timedelta) -> list[RunRow]:
        """Return runs that have been under way for long."""
        query = (
            select(RunRow)
            .where(
                RunRow.state == RunState.RUNNING,
                RunRow.started_at < now - longer_than,
                RunRow.lease_until > now,
            )
            .order_by(RunRow.id)
        )
        with self._database.reading() as session:
            return list(session.scalars(query))

    def unsettled_calls(
        self, states: tuple[CallState, ...], before: datetime
    ) -> list[tuple[str, str, int, datetime, str]]:
        """Return the calls that belong to no order and have no outcome, by where they go.

        Shape: (system, operation, number, first made at, an error).
        """
        query = (
            select(
                CallRow.system,
                CallRow.operation,
                func.count(),
                func.min(CallRow.created_at),
                func.max(CallRow.error),
            )
            .where(
                CallRow.state.in_(states), CallRow.order_pk.is_(None), CallRow.created_at < before
            )
            .group_by(CallRow.system, CallRow.operation)
            .order_by(CallRow.system, CallRow.operation)
        )
        with self._database.reading() as session:
            return [
                (system, operation, calls, since, error or "")
                for system, operation, calls, since, error in session.execute(query)
            ]

    def left_open(self, before: datetime) -> list[tuple[str, str, int, datetime, int]]:
        """Return the calls of before then that nothing works on and that have no outcome.

        A call that was sent is noted otherwise by whoever asks about it. One that is pending or in
        doubt is worked on by its order, as long as that waits or is held. Shape: (system,
        operation, number, first sent or recorded at, the first call).
        """
        idle = and_(OrderRow.tries == 0, OrderRow.hold_cause.is_(None))
        query = _counted().where(
            _made_at < before,
            or_(
                CallRow.state == CallState.SENT,
                and_(CallRow.state.in_((CallState.PENDING, CallState.IN_DOUBT)), idle),
            ),
        )
        with self._database.reading() as session:
            return [
                (system, operation, calls, since, call)
                for system, operation, calls, since, call in session.execute(query)
            ]

    def doubled(self, since: datetime) -> list[tuple[str, str, int, datetime, int, str]]:
        """Return the calls whose document may be there twice, until a person settled it.

        Of an order that is as long as it is held for it; of others, those sent since then. Shape:
        (system, operation, number, first sent at, the first call, what is said).
        """
        query = _counted(func.min(CallRow.error)).where(
            _DOUBLED,
            or_(
                OrderRow.hold_cause == HoldCause.DISCREPANCY,
                and_(CallRow.order_pk.is_(None), _made_at >= since),
            ),
        )
        with self._database.reading() as session:
            return [
                (system, operation, calls, since, call, error or "")
                for system, operation, calls, since, call, error in session.execute(query)
            ]

    def size(self) -> int:
        """Return how large the database is, in bytes."""
        with self._database.reading() as session:
            if self._database.is_sqlite:
                pages = session.scalar(text("PRAGMA page_count")) or 0
                return int(pages) * int(session.scalar(text("PRAGMA page_size")) or 0)
            return int(session.scalar(text("SELECT pg_database_size(current_database())")) or 0)


def _counted(*more: ColumnElement[Any]) -> Select[Any]:
    """Select by system and operation: how many calls, since when, the first of them, and more."""
    return (
        select(
            CallRow.system,
            CallRow.operation,
            func.count(),
            func.min(_made_at, type_=CallRow.created_at.type),
            func.min(CallRow.id),
            *more,
        )
        .outerjoin(OrderRow, OrderRow.id == CallRow.order_pk)
        .group_by(CallRow.system, CallRow.operation)
        .order_by(CallRow.system, CallRow.operation)
    )
