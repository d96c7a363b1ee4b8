"""What people asked for at the command line: who, when, why, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update

from connector.store.database import Database
from connector.store.tables import ActRow


class Acts:
    """Notes acts. They are never changed but for their outcome, and never deleted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, what: str, subject: str, actor: str, reason: str, now: datetime) -> int:
        """Note an act before it is done, and return its number."""
        with self._database.transaction() as session:
            row = ActRow(at=now, actor=actor[:80], reason=reason, what=what, subject=subject[:80])
            session.add(row)
            session.flush()
            return row.id

    def end(self, act: int, outcome: str) -> None:
        """Note how an act ended."""
        with self._database.transaction() as session:
            session.execute(update(ActRow).where(ActRow.id == act).values(outcome=outcome))

    def listed(self, limit: int = 20) -> list[ActRow]:
        """Return acts, newest first."""
        with self._database.reading() as session:
            return list(session.scalars(select(ActRow).order_by(ActRow.id.desc()).limit(limit)))

    def of(self, subjects: Sequence[str]) -> list[ActRow]:
        """Return the acts on these subjects, oldest first."""
        with self._database.reading() as session:
            return list(
                session.scalars(
                    select(ActRow).where(ActRow.subject.in_(subjects)).order_by(ActRow.id)
                )
            )
