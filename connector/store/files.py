"""Which files were made for warehouse and finance, and which target has got which of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Protocol

from sqlalchemy import and_, exists, select

from connector.store.database import Database
from connector.store.tables import DeliveryRow, FileRow, WatermarkRow


class WrittenFile(Protocol):
    """A file as it lies in its folder."""

    @property
    def path(self) -> Path:
        """Where it lies."""
        ...

    @property
    def sha256(self) -> str:
        """The hash of its bytes."""
        ...

    @property
    def rows(self) -> int:
        """How many rows it has below its headings."""
        ...


class Files:
    """Notes files; the same path is noted once, with its newest content."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(
        self, written: Sequence[WrittenFile], kind: str, now: datetime, parcel: str = ""
    ) -> None:
        """Note files that belong together; one whose content did not change keeps its time.

        They are delivered as one parcel, in this sequence; its name is that of their folder
        unless another is given.
        """
        with self._database.transaction() as session:
            for file in written:
                row = session.scalar(select(FileRow).where(FileRow.path == str(file.path)))
                if row is None:
                    row = FileRow(path=str(file.path), kind=kind, revision=0)
                    session.add(row)
                elif row.sha256 == file.sha256:
                    continue
                row.parcel = parcel or file.path.parent.name
                row.revision += 1
                row.sha256, row.rows, row.written_at = file.sha256, file.rows, now
                session.flush()

    def listed(self, kind: str | None = None) -> list[FileRow]:
        """Return files in the sequence of their paths."""
        query = select(FileRow).order_by(FileRow.path)
        if kind is not None:
            query = query.where(FileRow.kind == kind)
        with self._database.reading() as session:
            return list(session.scalars(query))

    def undelivered(
        self, target: str, kinds: Collection[str], now: datetime
    ) -> list[tuple[str, str, list[FileRow]]]:
        """Return (kind, name, files) of each parcel that a target has not got whole, oldest first.

        What was written before this was first asked for the target is not its concern: `now` is
        noted as its beginning then.
        """
        began = self._began(target, now)
        there = exists().where(
            and_(
                DeliveryRow.file_id == FileRow.id,
                DeliveryRow.target == target,
                DeliveryRow.revision == FileRow.revision,
            )
        )
        behind = (
            select(FileRow.kind, FileRow.parcel)
            .where(FileRow.kind.in_(kinds), FileRow.written_at >= began, ~there)
            .distinct()
        )
        with self._database.reading() as session:
            wanted = {(kind, parcel) for kind, parcel in session.execute(behind)}
            names = {parcel for _, parcel in wanted}
            rows = session.scalars(
                select(FileRow)
                .where(FileRow.kind.in_(kinds), FileRow.parcel.in_(names))
                .order_by(FileRow.kind, FileRow.parcel, FileRow.id)
            ).all()
        parcels = [
            (kind, parcel, list(group))
            for (kind, parcel), group in groupby(rows, lambda row: (row.kind, row.parcel))
            if (kind, parcel) in wanted
        ]
        return sorted(parcels, key=lambda each: max(row.written_at for row in each[2]))

    def delivered(self, rows: Iterable[FileRow], target: str, now: datetime) -> None:
        """Note that a target has got these files as they are."""
        with self._database.transaction() as session:
            for row in rows:
                session.merge(
                    DeliveryRow(file_id=row.id, target=target, revision=row.revision, at=now)
                )

    def deliveries(self) -> dict[int, list[DeliveryRow]]:
        """Return by file which targets have got it, and in which revision."""
        found: dict[int, list[DeliveryRow]] = {}
        with self._database.reading() as session:
            for row in session.scalars(select(DeliveryRow).order_by(DeliveryRow.target)):
                found.setdefault(row.file_id, []).append(row)
        return found

    def _began(self, target: str, now: datetime) -> datetime:
        name = f"delivery/{target}"
        with self._database.transaction() as session:
            row = session.get(WatermarkRow, name)
            if row is None:
                row = WatermarkRow(name=name, at=now)
                session.add(row)
            return row.at
