"""Which files were handed to warehouse and finance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import select

from connector.store.database import Database
from connector.store.tables import FileRow


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

    def note(self, written: Sequence[WrittenFile], kind: str, now: datetime) -> None:
        """Note files; one whose content did not change keeps its time."""
        with self._database.transaction() as session:
            for file in written:
                row = session.scalar(select(FileRow).where(FileRow.path == str(file.path)))
                if row is None:
                    row = FileRow(path=str(file.path), kind=kind)
                    session.add(row)
                elif row.sha256 == file.sha256:
                    continue
                row.sha256, row.rows, row.written_at = file.sha256, file.rows, now

    def listed(self, kind: str | None = None) -> list[FileRow]:
        """Return files in the sequence of their paths."""
        query = select(FileRow).order_by(FileRow.path)
        if kind is not None:
            query = query.where(FileRow.kind == kind)
        with self._database.reading() as session:
            return list(session.scalars(query))
