"""A SAP system behind a gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from connector.gate import Gate
from connector.sap.port import Answer, Parameter, Parameters, SapSession, SapSystem


class GatedSap:
    """Every call passes the gate first, whichever transport makes it."""

    def __init__(self, system: SapSystem, gate: Gate) -> None:
        self._system = system
        self._gate = gate

    @contextmanager
    def session(self, *, kept: bool = True) -> Iterator[SapSession]:
        """See `SapSystem`."""
        with self._system.session(kept=kept) as session:
            yield _GatedSession(session, self._gate)

    def call(self, function: str, parameters: Parameters) -> Answer:
        """See `SapSystem`."""
        with self._gate.passed(function):
            return self._system.call(function, parameters)

    def describe(self, function: str) -> Mapping[str, Parameter]:
        """See `SapSystem`."""
        with self._gate.passed("describe"):
            return self._system.describe(function)

    def interface(self, function: str) -> Mapping[str, Parameter]:
        """See `SapSystem`."""
        with self._gate.passed("describe"):
            return self._system.interface(function)

    def ping(self) -> str:
        """See `SapSystem`. A person who asks is not kept back."""
        return self._system.ping()

    def close(self) -> None:
        """See `SapSystem`."""
        self._system.close()


class _GatedSession:
    def __init__(self, session: SapSession, gate: Gate) -> None:
        self._session = session
        self._gate = gate

    def call(self, function: str, parameters: Parameters) -> Answer:
        with self._gate.passed(function):
            return self._session.call(function, parameters)

    def commit(self) -> None:
        # What was begun is ended: a commit that is kept back would only lose the work before it.
        self._session.commit()

    def rollback(self) -> None:
        self._session.rollback()
