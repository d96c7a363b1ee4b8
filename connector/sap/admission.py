"""The first logon goes alone, and none is tried after a refused one: SAP locks users."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from connector.errors import LogonFailed, RetryLater
from connector.sap.errors import refused_before
from connector.sap.logons import LocalLogons, Logons
from connector.wording import systems


class Admission:
    """What stands before each call that carries credentials. Threads share it."""

    def __init__(self, logons: Logons | None, patience: float) -> None:
        self._logons = logons or LocalLogons()
        self._patience = patience
        self._first = threading.Lock()
        self._admitted = False

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Let one call go ahead until SAP has admitted us, and none once it refused us."""
        alone = not self._admitted
        if alone and not self._first.acquire(timeout=self._patience):
            raise RetryLater(systems.FIRST_LOGON(), place="SAP")
        try:
            said = self._logons.refused()
            if said is not None:
                raise refused_before(said)
            try:
                yield
            except LogonFailed as error:
                self._logons.refuse(error.message)
                raise
        finally:
            if alone:
                self._first.release()

    def admitted(self) -> None:
        """Take note that SAP answered a call with these credentials."""
        if not self._admitted:
            self._admitted = True
            self._logons.admitted()
