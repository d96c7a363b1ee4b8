"""What the connector needs of SAP: function modules, called in sessions."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

Parameters = Mapping[str, Any]
Answer = dict[str, Any]


class SapSession(Protocol):
    """One stateful session: what is written in it is committed or rolled back together."""

    def call(self, function: str, parameters: Parameters) -> Answer:
        """Call a function module. Structures are dicts, tables lists of dicts, numbers Decimal.

        Raises RetryLater (provably nothing happened), InDoubt (answer lost), Rejected (an ABAP
        exception), LogonFailed, Misconfigured. A BAPI's RETURN is for the caller to check.
        """
        ...

    def commit(self) -> None:
        """Commit with WAIT and check the commit's RETURN. A lost answer is InDoubt."""
        ...

    def rollback(self) -> None:
        """Take everything since the last commit back."""
        ...


class SapSystem(Protocol):
    """One SAP system. Threads may share it."""

    def session(self) -> AbstractContextManager[SapSession]:
        """Open a session; what was not committed when it closes is rolled back."""
        ...

    def call(self, function: str, parameters: Parameters) -> Answer:
        """Call a reading function module; a lost answer is RetryLater."""
        ...

    def ping(self) -> str:
        """Log on, change nothing, and return what answered."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
