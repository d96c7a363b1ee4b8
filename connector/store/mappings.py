"""Versions of the mappings that were in force, and what IT should look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from connector.store.database import Database
from connector.store.tables import MappingNoticeRow, MappingVersionRow

_LONGEST = 400


class MappingVersions:
    """Keeps and finds versions; counts notices, each of which is one row however often it comes."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def keep(self, version: str, files: Mapping[str, bytes]) -> None:
        """Keep a version that takes effect; harmless when it is kept already."""
        with self._database.reading() as session:
            row = session.get(MappingVersionRow, version)
        if row is not None and row.last:
            return
        texts = {name: data.decode("utf-8") for name, data in files.items()}
        try:
            with self._database.transaction() as session:
                session.execute(update(MappingVersionRow).values(last=False))
                again = session.get(MappingVersionRow, version)
                if again is not None:
                    again.last = True
                else:
                    made = MappingVersionRow(
                        version=version, files=texts, first_at=self._clock(), last=True
                    )
                    session.add(made)
        except IntegrityError:
            return  # another process took the same version up at the same moment

    def newest(self) -> dict[str, bytes] | None:
        """Return the files of the version that was last in force."""
        query = select(MappingVersionRow).where(MappingVersionRow.last).limit(1)
        with self._database.reading() as session:
            row = session.scalar(query)
        return _files(row) if row is not None else None

    def files(self, version: str) -> dict[str, bytes] | None:
        """Return the files of a version; None when it was never in force here."""
        with self._database.reading() as session:
            row = session.get(MappingVersionRow, version)
        return _files(row) if row is not None else None

    def listed(self) -> list[MappingVersionRow]:
        """Return the versions, newest first."""
        query = select(MappingVersionRow).order_by(
            MappingVersionRow.first_at.desc(), MappingVersionRow.version
        )
        with self._database.reading() as session:
            return list(session.scalars(query))

    def notice(self, kind: str, place: str, what: str, count: int = 1) -> bool:
        """Count something that IT should look at; return whether it is new."""
        now, what = self._clock(), what[:_LONGEST]
        same = (
            MappingNoticeRow.kind == kind,
            MappingNoticeRow.place == place,
            MappingNoticeRow.what == what,
        )
        with self._database.transaction() as session:
            changed = session.execute(
                update(MappingNoticeRow)
                .where(*same)
                .values(count=MappingNoticeRow.count + count, last_at=now)
            )
        if changed.rowcount:  # type: ignore[attr-defined]
            return False
        try:
            with self._database.transaction() as session:
                session.add(
                    MappingNoticeRow(
                        kind=kind, place=place, what=what, count=count, first_at=now, last_at=now
                    )
                )
        except IntegrityError:
            return False
        return True

    def notices(self) -> list[MappingNoticeRow]:
        """Return what IT should look at, newest first."""
        query = select(MappingNoticeRow).order_by(
            MappingNoticeRow.last_at.desc(), MappingNoticeRow.id
        )
        with self._database.reading() as session:
            return list(session.scalars(query))


def _files(row: MappingVersionRow) -> dict[str, bytes]:
    return {name: str(text).encode("utf-8") for name, text in row.files.items()}
