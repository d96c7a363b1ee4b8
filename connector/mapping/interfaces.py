"""What the other systems take and give, as it was last seen: the files below `interfaces/`.

dms.wsdl, dms/              the WSDL, and what it imports
dms_faults.csv              the DMS's fault codes and what they mean: no WSDL says that
sap/FUNCTION.json           the interface of a function module, from SAP's dictionary
sap/TABLE.table.json        the columns of a table
storefront.json             routes with JSON Schemas of what they take and give
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

from connector.mapping.shape import ANY, Kind, Shape, of_json_schema
from connector.mapping.wsdl.shapes import Operation, operations
from connector.mapping.wsdl.snapshot import WSDL, described, is_part

_KINDS: dict[str, Kind] = {
    "C": "text", "N": "text", "g": "text", "D": "date", "T": "text", "P": "number",
    "F": "number", "I": "integer", "X": "any", "y": "any", "h": "list", "L": "boolean",
}  # fmt: skip


class Fault(NamedTuple):
    """A fault code and what it means, in all operations or in those named."""

    code: str
    means: str
    operations: frozenset[str]


@dataclass(frozen=True)
class Interfaces:
    """What is known of all systems; what is not known is not judged."""

    dms: Mapping[str, Operation] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    sap: Mapping[str, Operation] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    storefront: Mapping[str, Operation] = field(default_factory=dict)

    def of(self, system: str) -> Mapping[str, Operation]:
        """Return the operations of a system by name; files have none."""
        known = {"dms": self.dms, "sap": self.sap, "storefront": self.storefront}
        return known.get(system, {})


def read_interfaces(files: Mapping[str, bytes]) -> tuple[Interfaces, dict[str, str]]:
    """Return the interfaces of a folder's files, and by file what is wrong with those unreadable.

    Names are those below `interfaces/`.
    """
    wrong: dict[str, str] = {}
    sap: dict[str, Operation] = {}
    tables: dict[str, Mapping[str, int]] = {}
    dms: Mapping[str, Operation] = {}
    storefront: Mapping[str, Operation] = {}
    faults: tuple[Fault, ...] = ()
    needs: list[tuple[str, str]] = []
    for name, data in files.items():
        try:
            if name == WSDL:
                dms = _wsdl(tuple((each, files[each]) for each in files if is_part(each)))
            elif name == "dms_faults.csv":
                faults = _faults(data)
            elif name == "sap_needs.csv":
                needs = [(row["function"], row["field"]) for row in _rows(data)]
            elif name == "storefront.json":
                storefront = _routes(data)
            elif name.endswith(".table.json"):
                known = json.loads(data)
                tables[known["table"]] = {
                    column: int(each["length"]) for column, each in known["fields"].items()
                }
            elif name.startswith("sap/"):
                known = json.loads(data)
                sap[known["function"]] = of_function(known["parameters"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            wrong[name] = f"unreadable: {type(error).__name__} {error}"
    for function, path in needs:
        if function in sap:
            known = sap[function]
            request = _needing(known.request, path.split("."))
            sap[function] = Operation(request, known.answer)
    return Interfaces(dms, faults, sap, tables, storefront), wrong


def _needing(shape: Shape, path: list[str]) -> Shape:
    """Return the shape in which the field at a path is needed where its structure is given.

    Of a table the path goes on in its rows.
    """
    if shape.item is not None:
        return replace(shape, item=_needing(shape.item, path))
    found = shape.fields.get(path[0])
    if found is None:
        return shape
    changed = _needing(found, path[1:]) if path[1:] else replace(found, required=True)
    return replace(shape, fields={**shape.fields, path[0]: changed})


@lru_cache(maxsize=8)
def _wsdl(files: tuple[tuple[str, bytes], ...]) -> Mapping[str, Operation]:
    description = described(dict(files))
    return operations(description) if description is not None else {}


@lru_cache(maxsize=8)
def _routes(data: bytes) -> Mapping[str, Operation]:
    return {
        route: Operation(
            of_json_schema(each["request"]) if "request" in each else ANY,
            of_json_schema(each["answer"]) if "answer" in each else ANY,
        )
        for route, each in json.loads(data)["routes"].items()
    }


def _faults(data: bytes) -> tuple[Fault, ...]:
    return tuple(
        Fault(row["code"], row["means"], frozenset((row["operations"] or "").split()))
        for row in _rows(data)
    )


def _rows(data: bytes) -> Iterator[dict[str, str]]:
    return iter(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def of_function(parameters: Mapping[str, Any]) -> Operation:
    """Return what a function module takes and gives.

    A parameter has `direction` (importing, exporting, changing, tables: as the module sees them),
    `optional`, and either `type` or `fields`, each with `kind`, `length` and `decimals`, or with
    `fields` of its own. One that is a table, though it stands not under tables, has `rows`.
    """
    taken: dict[str, Shape] = {}
    given: dict[str, Shape] = {}
    for name, each in parameters.items():
        shape = _structure(each) if each.get("fields") else _field(each.get("type") or {})
        if each["direction"] == "tables" or each.get("rows"):
            shape = Shape("list", item=shape)
        if each["direction"] != "exporting":
            needed = each["direction"] == "importing" and not each["optional"]
            taken[name] = Shape(**{**vars(shape), "required": needed})
        if each["direction"] != "importing":
            given[name] = shape
    return Operation(Shape("object", fields=taken), Shape("object", fields=given))


def _structure(known: Mapping[str, Any]) -> Shape:
    return Shape("object", fields={key: _field(one) for key, one in known["fields"].items()})


def _field(known: Mapping[str, Any]) -> Shape:
    if known.get("fields"):
        inner = _structure(known)
        return Shape("list", item=inner) if known["kind"] == "h" else inner
    kind = _KINDS.get(str(known.get("kind", "")), "any")
    length, decimals = int(known.get("length") or 0), int(known.get("decimals") or 0)
    return Shape(
        kind,
        max_length=length or None if kind == "text" else None,
        decimals=decimals if kind == "number" else None,
    )
