"""Which logons were refused, for all processes of an installation and over their restarts.

Of the credentials only a salted hash is kept, so hard to compute that guessing them is no way in.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from connector.errors import RetryLater
from connector.store.database import Database
from connector.store.tables import RefusedLogonRow
from connector.store.types import dumps

# For so many seconds a process may not know what another one was told.
_AGAIN = 1.0
_COST = {"n": 2**14, "r": 8, "p": 1}


class SharedLogons:
    """The refused logon of one system with these settings; other settings were not refused.

    `asking` is a person's own try (`connector check --live`): what was refused before does not
    keep it back, but it is made once.
    """

    def __init__(
        self,
        database: Database,
        system: str,
        settings: Mapping[str, object],
        clock: Callable[[], datetime],
        *,
        asking: bool = False,
    ) -> None:
        self._database = database
        self._system = system
        self._settings = dumps(settings).encode()
        self._clock = clock
        self._asking = asking
        self._lock = threading.Lock()
        self._looked_at: float | None = None
        self._said: str | None = None
        self._unnoted: str | None = None
        self._hashes: dict[str, str] = {}

    def refused(self) -> str | None:
        """Return what the system said when it refused these settings, whichever process asked."""
        if self._asking:
            return self._said
        with self._lock:
            now = time.monotonic()
            if self._looked_at is None or now - self._looked_at >= _AGAIN:
                if self._unnoted is not None:
                    self._note(self._unnoted)
                else:
                    self._said = self._look()
                self._looked_at = now
            return self._said

    def refuse(self, said: str) -> None:
        """Remember it for every process, from now on."""
        with self._lock:
            # Whatever becomes of the note, this process does not try again before it is made.
            self._said = self._unnoted = said
            self._note(said)

    def _note(self, said: str) -> None:
        salt = secrets.token_hex(16)
        row = RefusedLogonRow(
            system=self._system, salt=salt, fingerprint=self._hash(salt), said=said,
            at=self._clock(),
        )  # fmt: skip
        try:
            with self._database.transaction() as session:
                session.merge(row)
        except IntegrityError:
            return  # another process noted its own at this moment; ours is noted with the next look
        except RetryLater:
            return
        self._unnoted = None

    def admitted(self) -> None:
        """Let every process log on again, where a person's own try succeeded."""
        if self._asking and self._look() is not None:
            with self._database.transaction() as session:
                session.execute(
                    delete(RefusedLogonRow).where(RefusedLogonRow.system == self._system)
                )

    def _look(self) -> str | None:
        with self._database.reading() as session:
            row = session.get(RefusedLogonRow, self._system)
        if row is None or self._hash(row.salt) != row.fingerprint:
            return None
        return row.said

    def _hash(self, salt: str) -> str:
        if salt not in self._hashes:
            made = hashlib.scrypt(self._settings, salt=bytes.fromhex(salt), dklen=32, **_COST)
            self._hashes = {salt: made.hex()}
        return self._hashes[salt]
