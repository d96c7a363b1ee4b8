"""Does a request fit a function module's interface? SAP itself cuts and ignores without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from connector.sap.port import FieldType, Parameter, Parameters
from connector.wording import Said, systems

# Kinds whose length counts characters. Others hold numbers, times or bytes.
_TEXT = frozenset({"C", "N"})
_NUMBERS = frozenset({"P", "I", "F"})
# Structures and a table within a structure.
_STRUCTURES, _TABLE = frozenset({"u", "v"}), "h"
_DIGITS = re.compile(r"[0-9]*")
_DAY = re.compile(r"|[0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"|-?[0-9]+(\.[0-9]+)?")


def findings(interface: Mapping[str, Parameter], parameters: Parameters) -> list[str]:
    """Return what does not fit, each with its place; values are not repeated."""
    found: list[str] = []
    for name, value in parameters.items():
        parameter = interface.get(name)
        if parameter is None or parameter.direction == "exporting":
            found.append(_at(name, systems.NO_PARAMETER()))
        elif parameter.rows:
            found += _rows(parameter.fields, value, name)
        elif parameter.type is None:
            found += _structure(parameter.fields, value, name)
        else:
            found += _value(parameter.type, value, name)
    found += [
        _at(name, systems.NEEDED())
        for name, parameter in interface.items()
        if parameter.direction == "importing"
        and not parameter.optional
        and parameters.get(name) is None
    ]
    return found


def _at(place: str, said: Said) -> Said:
    return systems.NAMED(name=place, message=said)


def _rows(fields: Mapping[str, FieldType], value: Any, place: str) -> Iterator[str]:
    if not isinstance(value, list | tuple):
        yield _at(place, systems.NO_TABLE())
        return
    for number, row in enumerate(value, start=1):
        yield from _structure(fields, row, f"{place}[{number}]")


def _structure(fields: Mapping[str, FieldType], value: Any, place: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield _at(place, systems.NO_STRUCTURE())
        return
    if not fields and value:
        yield _at(place, systems.PARTS_UNKNOWN())
        return
    for name, each in value.items():
        field = fields.get(name)
        if field is None:
            yield _at(f"{place}.{name}", systems.NO_FIELD())
        else:
            yield from _value(field, each, f"{place}.{name}")


def _value(field: FieldType, value: Any, place: str) -> Iterator[str]:
    if field.kind in _STRUCTURES:
        yield from _structure(field.fields, value, place)
    elif field.kind == _TABLE:
        yield from _rows(field.fields, value, place)
    elif isinstance(value, Mapping | list | tuple):
        yield _at(place, systems.NO_SINGLE_VALUE())
    elif field.kind in _TEXT and not isinstance(value, bool | date | Decimal):
        length = len(str(value if value is not None else "").encode("utf-16-le")) // 2
        if field.length and length > field.length:
            yield _at(place, systems.CHARACTERS(length=length, most=field.length))
        elif field.kind == "N" and not _DIGITS.fullmatch(str(value or "")):
            yield _at(place, systems.DIGITS_ONLY())
    elif field.kind == "L" and not isinstance(value, bool):
        yield _at(place, systems.NEITHER(value=type(value).__name__))
    elif field.kind == "D" and isinstance(value, str) and not _DAY.fullmatch(value):
        yield _at(place, systems.DATE_NEEDED())
    elif field.kind in _NUMBERS and isinstance(value, str) and not _NUMBER.fullmatch(value):
        yield _at(place, systems.NUMBER_NEEDED())
