"""What SAP's dictionary says of a function module: asked for, kept for a while, or stored.

A row of RFC_GET_FUNCTION_INTERFACE names a type, and for a scalar often the field of a structure
that types it: what a parameter is, its EXID says, never TABNAME alone. Of what parts a type is,
DDIF_FIELDINFO_GET says: those of a structure within it stand behind it, by their long names.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

from connector.errors import LogonFailed, Misconfigured, Rejected
from connector.sap.interface import Snapshots, unreadable
from connector.sap.port import Answer, FieldType, Parameter, Parameters

_CLASSES: Mapping[str, Literal["importing", "exporting", "changing", "tables"]] = {
    "I": "importing",
    "E": "exporting",
    "C": "changing",
    "T": "tables",
}
# EXID of what has parts: a flat or a deep structure, and a table type.
_STRUCTURES, _TABLE = frozenset({"u", "v"}), "h"
# Types within types; nothing of SAP's is as deep.
_DEEPEST = 12
# An interface changes with a transport; what SAP refused to tell may be permitted any time.
_KEPT, _REFUSED = 3600.0, 600.0

Fields = Mapping[str, FieldType]
Interface = Mapping[str, Parameter]
Rows = Iterable[Mapping[str, Any]]
# A reading call: a function module and its parameters.
Read = Callable[[str, Parameters], Answer]
# Name of a type, and whether it is a table type → its fields.
FieldsOf = Callable[[str, bool], Fields]


class Dictionary:
    """The interfaces of one SAP system's function modules. Threads share it.

    `snapshots` are the interfaces for a user who may not read them in SAP.
    """

    def __init__(self, snapshots: Snapshots | None = None) -> None:
        self._snapshots = snapshots or (lambda _function: None)
        self._described: dict[str, tuple[float, Interface]] = {}
        self._stored: dict[str, tuple[float, Interface]] = {}

    def known(self, function: str) -> Interface | None:
        """Return the interface that is known, however long ago; SAP is not asked."""
        found = self._described.get(function) or self._stored.get(function)
        return found[1] if found else None

    def recent(self, function: str) -> Interface | None:
        """Return the interface where it is known so lately that SAP need not be asked."""
        stored = _fresh(self._stored, function, _REFUSED)
        return _fresh(self._described, function, _KEPT) if stored is None else stored

    def described(self, function: str, ask: Callable[[str], Interface]) -> Interface:
        """Return the interface as SAP has it, or had it within the hour."""
        found = _fresh(self._described, function, _KEPT)
        return self.described_anew(function, ask) if found is None else found

    def described_anew(self, function: str, ask: Callable[[str], Interface]) -> Interface:
        """Return the interface as SAP has it at this moment."""
        found = ask(function)
        self._described[function] = (time.monotonic(), found)
        return found

    def interface(self, function: str, ask: Callable[[str], Interface]) -> Interface:
        """Return the interface as SAP tells it, or as it is stored where SAP does not.

        Raises Misconfigured where it is not stored either.
        """
        recent = self.recent(function)
        if recent is not None:
            return recent
        try:
            found = self.described(function, ask)
        except LogonFailed:
            raise
        except (Misconfigured, Rejected) as error:
            stored = self._snapshots(function)
            if stored is None:
                raise unreadable(function, error.message) from None
            self._stored[function] = (time.monotonic(), stored)
            return stored
        self._stored.pop(function, None)
        return found


def _fresh(
    known: Mapping[str, tuple[float, Interface]], name: str, keep: float
) -> Interface | None:
    found = known.get(name)
    return found[1] if found and time.monotonic() - found[0] < keep else None


def asked_of(read: Read) -> Callable[[str], Interface]:
    """Return how a function module's interface is asked for, by reading calls."""

    def ask(function: str) -> Interface:
        # Lengths in characters, not in bytes.
        answer = read(
            "RFC_GET_FUNCTION_INTERFACE", {"FUNCNAME": function, "NONE_UNICODE_LENGTH": "X"}
        )
        if "PARAMS" not in answer:
            raise _lacking("PARAMS", "RFC_GET_FUNCTION_INTERFACE")
        known: dict[str, Fields] = {}

        def fields_of(name: str, of_table_type: bool, depth: int = 0) -> Fields:
            if name not in known:
                types = {"ALL_TYPES": "X"} if of_table_type else {}
                answer = read("DDIF_FIELDINFO_GET", {"TABNAME": name, **types})
                known[name] = {}  # a type that holds itself, which SAP does not have, ends here
                known[name] = fields_in(
                    answer, name, lambda inner, table: _deeper(fields_of, inner, table, depth)
                )
                if not known[name] and not of_table_type:
                    raise _lacking(f"fields of {name}", "DDIF_FIELDINFO_GET")
            return known[name]

        return parameters(answer["PARAMS"] or [], fields_of)

    return ask


def _deeper(fields_of: Callable[..., Fields], name: str, table: bool, depth: int) -> Fields:
    return fields_of(name, table, depth + 1) if name and depth < _DEEPEST else {}


def _lacking(what: str, function: str) -> Misconfigured:
    return Misconfigured(
        f"the answer has no {what}",
        place=f"SAP {function}",
        remedy="let SAP's people look at the service behind sap.url",
    )


def parameters(rows: Rows, fields_of: FieldsOf) -> dict[str, Parameter]:
    """Return the interface that the rows of PARAMS describe; exceptions are left out."""
    return {
        str(row["PARAMETER"]): _parameter(row, fields_of)
        for row in rows
        if str(row["PARAMCLASS"]) in _CLASSES
    }


def fields_in(
    answer: Mapping[str, Any], name: str, fields_of: FieldsOf = lambda _name, _table: {}
) -> dict[str, FieldType]:
    """Return the fields that an answer of DDIF_FIELDINFO_GET gives of a type.

    Those of a table type are its rows'; rows that are no structure have none. The parts of a
    table within, and of a structure within that are not told at once, `fields_of` gives.
    """
    rows = list(answer.get("DFIES_TAB") or [])
    if not rows:
        lines = [each for each in answer.get("LINES_DESCR") or [] if each.get("TYPENAME") != name]
        rows = list(lines[0].get("FIELDS") or []) if lines else []
    long = {str(row.get("LFIELDNAME") or row["FIELDNAME"]): row for row in rows}

    def below(prefix: str) -> dict[str, FieldType]:
        found: dict[str, FieldType] = {}
        for path, row in long.items():
            if not path.startswith(prefix):
                continue
            part = path[len(prefix) :].partition("-")[0]
            if part not in found:
                own = long.get(prefix + part)
                field = _field(part, own) if own else FieldType(part, "u", 0)
                found[part] = _whole(field, own or row, below(f"{prefix}{part}-"), fields_of)
        return found

    return below("")


def _whole(
    field: FieldType, row: Mapping[str, Any], inner: Fields, fields_of: FieldsOf
) -> FieldType:
    """Return a field with its parts, if it is one that has them."""
    if field.kind in _STRUCTURES:
        return replace(field, fields=inner or fields_of(str(row.get("ROLLNAME") or ""), False))
    if field.kind == _TABLE:
        return replace(field, fields=fields_of(str(row.get("ROLLNAME") or ""), True))
    return field


def _parameter(row: Mapping[str, Any], fields_of: FieldsOf) -> Parameter:
    name, kind, type_name = str(row["PARAMETER"]), str(row["EXID"]), str(row["TABNAME"])
    direction = _CLASSES[str(row["PARAMCLASS"])]
    rows = direction == "tables" or kind == _TABLE
    scalar = kind not in _STRUCTURES and not rows
    return Parameter(
        name=name,
        direction=direction,
        optional=str(row.get("OPTIONAL", "")) == "X",
        type=FieldType(name, kind, _length(row, kind), int(row.get("DECIMALS") or 0))
        if scalar
        else None,
        fields={} if scalar or not type_name else fields_of(type_name, kind == _TABLE),
        rows=rows,
    )


def _length(row: Mapping[str, Any], kind: str) -> int:
    length = int(row.get("INTLENGTH") or 0)
    # A packed number has two digits a byte, and its sign in half of the last one.
    return 2 * length - 1 if kind == "P" and length else length


def _field(name: str, row: Mapping[str, Any]) -> FieldType:
    kind = str(row.get("INTTYPE") or "C")
    parts = kind in _STRUCTURES or kind == _TABLE
    length = 0 if parts else int(row.get("LENG") or 0)
    return FieldType(name, kind, length, int(row.get("DECIMALS") or 0))
