"""Interfaces of function modules as they are stored, for a user who may not read them in SAP."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from connector.errors import Misconfigured
from connector.sap.port import FieldType, Parameter

# Function module → its interface as it was last seen; None where nobody has stored it.
Snapshots = Callable[[str], Mapping[str, Parameter] | None]


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
    return f"sap/{name.replace('/', '_-').replace(' ', '_')}.{suffix}"


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
