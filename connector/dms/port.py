"""What the connector needs of a DMS client: operations by name, plain data in and out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from connector.dms.carried import NOTHING, Carried


class Dms(Protocol):
    """A DMS behind a WSDL."""

    def call(
        self,
        operation: str,
        request: Mapping[str, Any],
        *,
        write: bool,
        carried: Carried = NOTHING,
    ) -> dict[str, Any]:
        """Make one call and return its answer as plain data (Decimal, aware times).

        `carried` are the headers that go with it.

        Raises MappingFailed (the request breaks the WSDL's schema; nothing was sent), Rejected
        (with the fault's code), RetryLater (nothing happened), InDoubt (a write whose answer is
        lost or breaks the schema), LogonFailed, Misconfigured.
        """
        ...

    def findings(self, operation: str, request: Mapping[str, Any]) -> list[str]:
        """Return how a request breaks the WSDL's schema (`path: what is wrong`). Nothing is sent.

        The request may be a part of one: everything is found at once. Raises RetryLater or
        Misconfigured where the WSDL cannot be had now.
        """
        ...

    def envelope(self, operation: str, request: Mapping[str, Any]) -> bytes:
        """Return the exact envelope that `call` would send, without credentials."""
        ...

    def ping(self) -> str:
        """Read the WSDL and return what it offers."""
        ...
