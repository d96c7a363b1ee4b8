"""Interfaces of function modules: as SAP's dictionary describes them, and as they are stored.

A row of RFC_GET_FUNCTION_INTERFACE names a type, and for a scalar often the field of a structure
that types it: what a parameter is, its EXID says, never TABNAME alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from connector.errors import Misconfigured
from connector.sap.port import FieldType, Parameter

_CLASSES: Mapping[str, Literal["importing", "exporting", "changing", "tables"]] = {
    "I": "importing",
    "E": "exporting",
    "C": "changing",
    "T": "tables",
}
# EXID of what has parts: a flat or a deep structure, and a table type.
_STRUCTURES, _TABLE = frozenset({"u", "v"}), "h"

# Function module → its interface as it was last seen; None where nobody has stored it.
Snapshots = Callable[[str], Mapping[str, Parameter] | None]
Rows = Iterable[Mapping[str, Any]]
# Name of a type, and whether it is a table type → its fields.
Fields = Callable[[str, bool], Mapping[str, FieldType]]


def parameters(rows: Rows, fields_of: Fields) -> dict[str, Parameter]:
    """Return the interface that the rows of PARAMS describe; exceptions are left out."""
    return {
        str(row["PARAMETER"]): _parameter(row, fields_of)
        for row in rows
        if str(row["PARAMCLASS"]) in _CLASSES
    }


def fields_in(answer: Mapping[str, Any], name: str) -> dict[str, FieldType]:
    """Return the fields that an answer of DDIF_FIELDINFO_GET gives of a type.

    Those of a table type are its rows'; rows that are no structure have none.
    """
    rows = list(answer.get("DFIES_TAB") or [])
    if not rows:
        lines = [each for each in answer.get("LINES_DESCR") or [] if each.get("TYPENAME") != name]
        rows = list(lines[0].get("FIELDS") or []) if lines else []
    return {str(row["FIELDNAME"]): _field(row) for row in rows}


def snapshot_of(function: str, interface: Mapping[str, Parameter]) -> bytes:
    """Return an interface as the file in which it is kept."""
    known = {"function": function, "parameters": {n: _kept(p) for n, p in interface.items()}}
    return (json.dumps(known, ensure_ascii=False, indent=1) + "\n").encode()


def from_snapshot(data: bytes) -> dict[str, Parameter]:
    """Return the interface that a file keeps. Raises ValueError, KeyError or TypeError."""
    found = {}
    for name, each in json.loads(data)["parameters"].items():
        found[name] = Parameter(
            name=name,
            direction=each["direction"],
            optional=bool(each["optional"]),
            type=_known(name, each["type"]) if "type" in each else None,
            fields=_all_known(each.get("fields", {})),
            rows=each["direction"] == "tables" or bool(each.get("rows")),
        )
    return found


def _all_known(fields: Mapping[str, Any]) -> dict[str, FieldType]:
    return {name: _known(name, each) for name, each in fields.items()}


def _known(name: str, kept: Mapping[str, Any]) -> FieldType:
    return FieldType(name, **{**kept, "fields": _all_known(kept.get("fields", {}))})


def stored_in(folder: Path) -> Snapshots:
    """Return what the mappings folder keeps; each file is read when it is needed.

    Raises Misconfigured for a file that cannot be read.
    """
    return partial(_stored, folder)


def _stored(folder: Path, function: str) -> Mapping[str, Parameter] | None:
    path = folder / "interfaces" / file_of(function)
    try:
        return from_snapshot(path.read_bytes()) if path.exists() else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Misconfigured(
            f"unreadable: {type(error).__name__} {error}",
            place=str(path),
            remedy="take the file away, or make it with `connector mappings check --live --store`",
        ) from None


def unreadable(function: str, why: str) -> Misconfigured:
    """Return what a function module is whose interface neither SAP nor a file tells.

    It is not called: a table of which nobody knows is not asked for, and then looks empty.
    """
    return Misconfigured(
        f"its interface cannot be read ({why}), and none is stored",
        place=f"SAP {function}",
        remedy="give the user S_RFC for the function groups RFC1 (RFC_GET_FUNCTION_INTERFACE) and"
        " SDIFRUNTIME (DDIF_FIELDINFO_GET), or let `connector mappings check --live --store`, as a"
        f" user who may, write mappings/interfaces/{file_of(function)}",
    )


def file_of(name: str, suffix: str = "json") -> str:
    """Return the file, below `interfaces/`, that keeps what is known of a function or table."""
    return f"sap/{name.replace('/', '_-')}.{suffix}"


def _parameter(row: Mapping[str, Any], fields_of: Fields) -> Parameter:
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


def _field(row: Mapping[str, Any]) -> FieldType:
    return FieldType(
        str(row["FIELDNAME"]),
        str(row.get("INTTYPE") or "C"),
        int(row.get("LENG") or 0),
        int(row.get("DECIMALS") or 0),
    )


def _kept(parameter: Parameter) -> dict[str, Any]:
    made: dict[str, Any] = {"direction": parameter.direction, "optional": parameter.optional}
    if parameter.rows and parameter.direction != "tables":
        made["rows"] = True
    if parameter.type is not None:
        made["type"] = _kept_field(parameter.type)
    else:
        made["fields"] = {name: _kept_field(each) for name, each in parameter.fields.items()}
    return made


def _kept_field(field: FieldType) -> dict[str, Any]:
    kept = {"kind": field.kind, "length": field.length, "decimals": field.decimals}
    fields = {name: _kept_field(each) for name, each in field.fields.items()}
    return {**kept, "fields": fields} if fields else kept
