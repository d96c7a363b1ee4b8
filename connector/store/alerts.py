"""Alerts in the database: one row for each matter as long as it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select

from connector.domain.alerts import AlertKind, Condition, Rhythm, Role
from connector.store.database import Database
from connector.store.tables import AlertRow


@dataclass(frozen=True)
class Synced:
    """How many alerts one look opened and closed."""

    opened: int
    closed: int


class Alerts:
    """Opens, closes and reads alerts."""

    def __init__(self, database: Database, rhythm: Rhythm) -> None:
        self._database = database
        self._rhythm = rhythm

    def sync(
        self,
        conditions: Sequence[Condition],
        now: datetime,
        *,
        keep: frozenset[AlertKind] = frozenset(),
    ) -> Synced:
        """Make the open alerts those of the conditions there are now.

        Alerts of the kinds to `keep`, which could not be judged this time, stay open.
        """
        wanted = {condition.key: condition for condition in conditions}
        closed = 0
        with self._database.transaction() as session:
            there = {
                row.key: row
                for row in session.scalars(select(AlertRow).where(AlertRow.closed_at.is_(None)))
            }
            for key, row in there.items():
                if key not in wanted and row.kind not in keep:
                    # Who was told that it is wrong is told that it is solved.
                    row.closed_at, row.next_at = now, now if row.told else None
                    closed += 1
            opened = 0
            for key, condition in wanted.items():
                known = there.get(key)
                if known is None:
                    known = AlertRow(
                        key=key,
                        kind=condition.kind,
                        subject=condition.subject,
                        role=condition.role,
                        since=now,
                        opened_at=now,
                        told=0,
                        next_at=now,
                    )
                    session.add(known)
                    opened += 1
                known.since = condition.since or known.since
                known.orders = condition.orders
                known.detail = dict(condition.detail)
                known.seen_at = now
        return Synced(opened, closed)

    def due(self, now: datetime) -> dict[Role, list[AlertRow]]:
        """Return what is to be told now, for each role that was left in peace long enough.

        Once a role is told anything, everything open for it that was never told, and all that
        is solved, goes along.
        """
        with self._database.reading() as session:
            rows = list(
                session.scalars(
                    select(AlertRow)
                    .where(AlertRow.next_at.is_not(None), AlertRow.next_at <= now)
                    .order_by(AlertRow.closed_at.is_not(None), AlertRow.since, AlertRow.id)
                )
            )
            told = session.execute(
                select(AlertRow.role, func.max(AlertRow.told_at))
                .where(AlertRow.told > 0)
                .group_by(AlertRow.role)
            )
            last = {str(role): at for role, at in told}
        found: dict[Role, list[AlertRow]] = {}
        for row in rows:
            told_at = last.get(row.role)
            # What seems to be told later was told before the clock was set back.
            if told_at is None or told_at > now or now - told_at >= self._rhythm.quiet:
                found.setdefault(Role(row.role), []).append(row)
        return found

    def told(self, rows: Sequence[AlertRow], now: datetime) -> None:
        """Note that people were told of these."""
        with self._database.transaction() as session:
            for each in rows:
                row = session.get(AlertRow, each.id)
                if row is None:
                    continue
                row.told, row.told_at = row.told + 1, now
                solved = row.closed_at is not None and each.closed_at is not None
                row.next_at = None if solved else self._rhythm.next_after(row.told, now)
                if row.closed_at is not None and each.closed_at is None:
                    row.next_at = now  # solved while it was being told

    def listed(self, *, closed_since: datetime | None = None) -> list[AlertRow]:
        """Return the open alerts, and those closed since a moment, oldest first."""
        shown: ColumnElement[bool] = AlertRow.closed_at.is_(None)
        if closed_since is not None:
            shown = or_(shown, AlertRow.closed_at >= closed_since)
        with self._database.reading() as session:
            return list(
                session.scalars(select(AlertRow).where(shown).order_by(AlertRow.since, AlertRow.id))
            )
