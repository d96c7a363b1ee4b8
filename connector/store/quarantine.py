"""The quarantine in the database: each thing once, with its bytes, until it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from connector.domain.quarantine import Entry, Failed, Source, State
from connector.store.database import Database
from connector.store.tables import QuarantineRow
from connector.wording import Said, quarantine


@dataclass(frozen=True)
class Open:
    """What is open of one source: how many entries, the oldest of them, and since when."""

    source: str
    entries: int
    first: int
    since: datetime


class Quarantine:
    """Puts things aside, and notes how each ended."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, entry: Entry, now: datetime) -> QuarantineRow:
        """Set something aside, or note that it was seen again; return its row.

        What a person dropped stays dropped as long as it is the same. What ended and fails once
        more is open again.
        """
        while True:
            try:
                return self._put(entry, now)
            except IntegrityError:
                continue  # another process was quicker: it is seen again

    def _put(self, entry: Entry, now: datetime) -> QuarantineRow:
        with self._database.transaction() as session:
            row = session.scalar(
                select(QuarantineRow)
                .where(
                    QuarantineRow.key == entry.key,
                    QuarantineRow.failed == entry.failed,
                    QuarantineRow.source == entry.source,
                )
                .with_for_update()
            )
            if row is None:
                row = QuarantineRow(
                    source=entry.source, failed=entry.failed, key=entry.key, times=0
                )
                session.add(row)
            elif row.state == State.DROPPED and row.digest == entry.digest:
                row.times, row.last_at = row.times + 1, now
                return row
            if row.state != State.OPEN:
                row.state, row.times, row.first_at = State.OPEN, 0, now
                row.closed_at, row.closed_by, row.closed_why = None, "", None
            row.times, row.last_at = row.times + 1, now
            row.content, row.digest = entry.content, entry.digest
            row.reason, row.seen_in = entry.reason, entry.seen_in[:160]
            session.flush()
            return row

    def close(self, entry: int, state: State, why: Said, by: str, now: datetime) -> bool:
        """Close an open entry; false where it was not open.

        What ended is taken by now: its bytes go. What was dropped keeps them.
        """
        values = {"state": state, "closed_at": now, "closed_by": by[:80], "closed_why": why}
        if state is State.ENDED:
            values["content"] = b""
        with self._database.transaction() as session:
            closed = session.execute(
                update(QuarantineRow)
                .where(QuarantineRow.id == entry, QuarantineRow.state == State.OPEN)
                .values(values)
            )
        return bool(closed.rowcount)  # type: ignore[attr-defined]

    def get(self, entry: int) -> QuarantineRow | None:
        """Return one entry."""
        with self._database.reading() as session:
            return session.get(QuarantineRow, entry)

    def listed(
        self,
        *,
        every: bool = False,
        source: Source | None = None,
        failed: Failed | None = None,
        limit: int = 200,
    ) -> list[QuarantineRow]:
        """Return open entries, the oldest first; `every` gives those that are closed as well."""
        query = select(QuarantineRow).order_by(QuarantineRow.id).limit(limit)
        if not every:
            query = query.where(QuarantineRow.state == State.OPEN)
        if source is not None:
            query = query.where(QuarantineRow.source == source)
        if failed is not None:
            query = query.where(QuarantineRow.failed == failed)
        with self._database.reading() as session:
            return list(session.scalars(query))

    def of_key(self, key: str) -> list[QuarantineRow]:
        """Return the open entries of one key, the one that was seen last at the end."""
        query = (
            select(QuarantineRow)
            .where(QuarantineRow.key == key, QuarantineRow.state == State.OPEN)
            .order_by(QuarantineRow.last_at, QuarantineRow.id)
        )
        with self._database.reading() as session:
            return list(session.scalars(query))

    def open(self, read_before: datetime | None = None) -> list[Open]:
        """Return what is open, by source.

        Orders that could not be read in full count only where they were first seen before then.
        """
        counts = [QuarantineRow.state == State.OPEN]
        if read_before is not None:
            counts.append(
                or_(QuarantineRow.failed != Failed.READ, QuarantineRow.first_at < read_before)
            )
        query = (
            select(
                QuarantineRow.source,
                func.count(),
                func.min(QuarantineRow.id),
                func.min(QuarantineRow.first_at),
            )
            .where(*counts)
            .group_by(QuarantineRow.source)
            .order_by(QuarantineRow.source)
        )
        with self._database.reading() as session:
            return [Open(*row) for row in session.execute(query)]

    def forget(self, dropped: datetime, closed: datetime, now: datetime) -> int:
        """Drop what is open and was last seen before `dropped`; remove what closed before `closed`.

        Returns how many entries are gone or dropped.
        """
        with self._database.transaction() as session:
            gone = session.execute(
                delete(QuarantineRow).where(
                    QuarantineRow.state != State.OPEN, QuarantineRow.closed_at < closed
                )
            )
            aged = session.execute(
                update(QuarantineRow)
                .where(QuarantineRow.state == State.OPEN, QuarantineRow.last_at < dropped)
                .values(
                    state=State.DROPPED,
                    content=b"",
                    closed_at=now,
                    closed_by="housekeeping",
                    closed_why=quarantine.TOO_OLD(),
                )
            )
        return int(gone.rowcount + aged.rowcount)  # type: ignore[attr-defined]
