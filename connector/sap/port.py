"""What the connector needs of SAP: function modules, called in sessions."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Parameters = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True)
class FieldType:
    """A field as SAP's dictionary has it: `kind` is its ABAP type (C N D T P I X g …).

    L is a truth value, which only OData has.

    A field that has parts itself is of kind u or v (a structure) or h (a table); `fields` are its
    parts, or those of its rows, where they are known.
    """

    name: str
    kind: str
    length: int
    decimals: int = 0
    fields: Mapping[str, FieldType] = field(default_factory=dict)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function module; `fields` are those of its structure or table row.

    A table, whatever its direction, has `rows`. Without `type` and `fields` its parts are unknown.
    """

    name: str
    direction: Literal["importing", "exporting", "changing", "tables"]
    optional: bool
    type: FieldType | None = None
    fields: Mapping[str, FieldType] = field(default_factory=dict)
    rows: bool = False


class SapSession(Protocol):
    """One stateful session: what is written in it is committed or rolled back together."""

    def call(self, function: str, parameters: Parameters) -> Answer:
        """Call a function module.

        Structures are dicts, tables lists of dicts. Numbers and dates come as the transport has
        them: read them with `connector.sap.conversion`.

        Raises MappingFailed (the request does not fit the interface; nothing was sent),
        RetryLater (provably nothing happened), InDoubt (answer lost), Rejected (an ABAP
        exception), LogonFailed, Misconfigured. A BAPI's RETURN is for the caller to check.
        """
        ...

    def commit(self) -> None:
        """Commit with WAIT and check the commit's RETURN. Every error is InDoubt."""
        ...

    def rollback(self) -> None:
        """Take everything since the last commit back."""
        ...


class SapSystem(Protocol):
    """One SAP system. Threads may share it."""

    def session(self, *, kept: bool = True) -> AbstractContextManager[SapSession]:
        """Open a session; what was not committed when it closes is rolled back.

        Not `kept` is one for a single call that commits by itself: any service can make it.
        """
        ...

    def call(self, function: str, parameters: Parameters) -> Answer:
        """Call a reading function module; a lost answer is RetryLater."""
        ...

    def describe(self, function: str) -> Mapping[str, Parameter]:
        """Return the interface of a function module by parameter. Raises Misconfigured."""
        ...

    def interface(self, function: str) -> Mapping[str, Parameter]:
        """Return the interface that requests are held against: SAP's, or else the stored one.

        Raises RetryLater, Rejected or Misconfigured.
        """
        ...

    def ping(self) -> str:
        """Log on, change nothing, and return what answered."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
