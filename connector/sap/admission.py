"""The first logon goes alone, and none is tried after a refused one: SAP locks users."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connector.errors import ConnectorError, InDoubt, LogonFailed, RetryLater, without_effect
from connector.logons import LocalLogons, Logons
from connector.sap.errors import refused_before
from connector.wording import systems


class Admission:
    """What stands before each call that carries credentials. Threads share it."""

    def __init__(self, logons: Logons | None, patience: float) -> None:
        self._logons = logons or LocalLogons()
        self._patience = patience
        self._first = threading.Lock()
        self._admitted = False

    @contextmanager
    def passed(self, log_on: Callable[[], None]) -> Iterator[None]:
        """Let one call go ahead until SAP has admitted us, and none once it refused us.

        `log_on` does nothing else, over a connection of its own. It is tried where SAP admitted us
        before and a refusal comes all the same: whoever stands before SAP may have spoken.

        Raises InDoubt where SAP admits us again, or does not answer: what the refused call has done
        is then not known, unless the refusal itself proves that it did nothing.
        """
        alone = not self._admitted
        if alone and not self._first.acquire(timeout=self._patience):
            raise RetryLater(systems.FIRST_LOGON(), place="SAP")
        try:
            said = self._logons.refused()
            if said is not None:
                raise without_effect(refused_before(said))
            try:
                yield
            except LogonFailed as error:
                if not alone and not self._refused_again(log_on):
                    doubt = InDoubt(systems.REFUSED_ONCE(said=error.message), place=error.place)
                    # What was refused may be what stands before the write: its token, its state.
                    doubt.no_effect = error.no_effect
                    raise doubt from None
                self._logons.refuse(error.message)
                raise
        finally:
            if alone:
                self._first.release()

    def _refused_again(self, log_on: Callable[[], None]) -> bool:
        with self._first:
            if self._logons.refused() is not None:
                return True
            try:
                log_on()
            except LogonFailed:
                return True
            except ConnectorError:
                return False
        return False

    def admitted(self) -> None:
        """Take note that SAP answered a call with these credentials."""
        if not self._admitted:
            self._admitted = True
            self._logons.admitted()
