"""How far the database has come, noted beside it: a restored one has forgotten what was sent."""

from __future__ import annotations

import os
import tempfile
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import func, select

from connector.store.calls import Calls
from connector.store.database import Database
from connector.store.runs import Runs
from connector.store.tables import CallRow, OrderRow
from connector.wording import systems

_log = structlog.get_logger(__name__)

_RESTORED = "restored"
_NEWEST = select(func.max(CallRow.id))


class Progress:
    """Tells a database that was restored from a backup, or is new beside files of an older one.

    `file` holds the number of the newest outbound call. A database that has not come as far may
    have sent more than it knows of: of orders placed until then, every call that is new to it is
    in doubt before it is sent.
    """

    def __init__(self, database: Database, file: Path) -> None:
        self._database = database
        self._runs = Runs(database)
        self._file = file
        self._noted = 0

    def note(self) -> None:
        """Note how far the database has come; a file that cannot be written is told of, no more."""
        newest = self._newest()
        if newest == self._noted:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            handle, aside = tempfile.mkstemp(dir=self._file.parent, prefix=".part-")
            with os.fdopen(handle, "w", encoding="ascii") as out:
                out.write(f"{newest}\n")
            Path(aside).replace(self._file)
            self._noted = newest
        except OSError as error:
            _log.warning("progress not noted", file=str(self._file), error=error.strerror)

    def look(self, now: datetime) -> None:
        """See whether the database has come as far as was noted; if not, mark it as restored."""
        try:
            noted = int(self._file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return
        newest = self._newest()
        if newest < noted:
            _log.warning(
                "the database is older than the files beside it: what it is about to send for"
                " orders placed until now is asked about first",
                calls=newest,
                noted=noted,
            )
            self.mark_restored(now)

    def mark_restored(self, now: datetime) -> None:
        """Note that the database may have forgotten what was sent until now.

        What it holds as not sent may have been sent after the backup: that is in doubt as well.
        """
        Calls(self._database).doubt_unsent(systems.FORGOTTEN(), now)
        self._runs.set_watermark(_RESTORED, now)
        self._noted = -1
        self.note()

    @property
    def restored_at(self) -> datetime | None:
        """When the database was last said or seen to be restored."""
        return self._runs.watermark(_RESTORED)

    def placed_before(self, order_pk: int, moment: datetime) -> bool:
        """Whether an order was placed until then."""
        with self._database.reading() as session:
            placed = session.scalar(select(OrderRow.placed_at).where(OrderRow.id == order_pk))
        return placed is not None and placed <= moment

    def _newest(self) -> int:
        with self._database.reading() as session:
            return session.scalar(_NEWEST) or 0
