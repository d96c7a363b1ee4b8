"""Which logon another system refused: another try with the same credentials could lock the user."""

from __future__ import annotations

from typing import Protocol


class Logons(Protocol):
    """Remembers a refused logon. Threads share it.

    `connector.store.logons` remembers it for every process of an installation.
    """

    def refused(self) -> str | None:
        """Return what the system said when it refused these credentials; None when it did not."""
        ...

    def refuse(self, said: str) -> None:
        """Remember that the system refused these credentials."""
        ...

    def admitted(self) -> None:
        """Take note that the system admits these credentials."""
        ...


class LocalLogons:
    """What one process remembers."""

    def __init__(self) -> None:
        self._said: str | None = None

    def refused(self) -> str | None:
        """See `Logons`."""
        return self._said

    def refuse(self, said: str) -> None:
        """See `Logons`."""
        self._said = self._said or said

    def admitted(self) -> None:
        """See `Logons`."""
