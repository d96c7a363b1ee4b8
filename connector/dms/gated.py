"""A DMS behind its gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.dms.carried import NOTHING, Carried
from connector.dms.port import Dms
from connector.gate import Gate, GateState


class GatedDms:
    """Every call passes the gate of its endpoint first; `gate` is that of the port by default.

    An endpoint is a port of the WSDL, as the operation names it (`Port/Operation` or
    `Service/Port/Operation`): each may be reached at an address of its own, so that a broken one
    keeps back its own operations only. Its gate is made at first use. The rate and the downtime
    are the DMS's: all endpoints share them.
    """

    def __init__(self, dms: Dms, gate: Gate) -> None:
        self._dms = dms
        self._gate = gate
        self._gates = {"": gate}

    @property
    def system(self) -> str:
        """See `Guarded`."""
        return self._gate.system

    @property
    def is_open(self) -> bool:
        """See `Guarded`. One broken endpoint is enough."""
        return self.state().is_open

    def state(self) -> GateState:
        """See `Guarded`. The worst of the endpoints, and when any of them last answered."""
        states = self.states()
        answers = [each.answered_at for each in states if each.answered_at is not None]
        return GateState(
            self.system,
            max(each.failures for each in states),
            any(each.is_open for each in states),
            states[0].downtime_until,
            max(answers, default=None),
        )

    def states(self) -> Sequence[GateState]:
        """See `Guarded`. First that of the port which is used by default."""
        return [gate.state() for gate in list(self._gates.values())]

    def call(
        self,
        operation: str,
        request: Mapping[str, Any],
        *,
        write: bool,
        carried: Carried = NOTHING,
    ) -> dict[str, Any]:
        """See `Dms`."""
        with self._of(operation).passed(operation):
            return self._dms.call(operation, request, write=write, carried=carried)

    def _of(self, operation: str) -> Gate:
        endpoint = operation.rpartition("/")[0]
        gate = self._gates.get(endpoint)
        # Of two threads that come first at once, both pass the gate that was set first.
        return gate or self._gates.setdefault(endpoint, self._gate.beside(endpoint))

    def findings(self, operation: str, request: Mapping[str, Any]) -> list[str]:
        """See `Dms`."""
        return self._dms.findings(operation, request)

    def envelope(self, operation: str, request: Mapping[str, Any]) -> bytes:
        """See `Dms`."""
        return self._dms.envelope(operation, request)

    def ping(self) -> str:
        """See `Dms`. A person who asks is not kept back."""
        return self._dms.ping()
