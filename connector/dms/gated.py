"""A DMS behind a gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.dms.port import Dms
from connector.gate import Gate


class GatedDms:
    """Every call passes the gate first."""

    def __init__(self, dms: Dms, gate: Gate) -> None:
        self._dms = dms
        self._gate = gate

    def call(self, operation: str, request: Mapping[str, Any], *, write: bool) -> dict[str, Any]:
        """See `Dms`."""
        with self._gate.passed(operation):
            return self._dms.call(operation, request, write=write)

    def envelope(self, operation: str, request: Mapping[str, Any]) -> bytes:
        """See `Dms`."""
        return self._dms.envelope(operation, request)

    def ping(self) -> str:
        """See `Dms`. A person who asks is not kept back."""
        return self._dms.ping()
