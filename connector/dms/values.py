"""Values on their way between mappings and zeep: what a WSDL's types need, and plain data."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any

from lxml import etree
from zeep.xsd.types import builtins as xsd
from zeep.xsd.valueobjects import CompoundValue

from connector.dms.envelope import parsed
from connector.mapping.expression import One
from connector.mapping.texts import read
from connector.mapping.wsdl.parsed import (
    Child,
    ParsedWsdl,
    Repeated,
    children,
    is_simple,
    item,
)
from connector.mapping.wsdl.shapes import TYPE

Prepare = Callable[[Any], Any]


class Preparation:
    """Makes of a request what zeep needs of it: what is binary, of an extending type, or any."""

    def __init__(self, wsdl: ParsedWsdl) -> None:
        self._wsdl = wsdl
        self._known: dict[int, Prepare | None] = {}

    def of(self, kind: Any) -> Prepare | None:
        """Return what prepares values of a type; None where they go as they are."""
        if id(kind) not in self._known:
            self._known[id(kind)] = None  # what contains itself is prepared by its outermost
            self._known[id(kind)] = self._made(kind)
        return self._known[id(kind)]

    def _made(self, kind: Any) -> Prepare | None:
        if isinstance(kind, xsd.Base64Binary):
            return _encoded
        if is_simple(kind):
            return None
        if item(kind) is not None:
            return _each(self.of(item(kind)))
        inside = kind.children if isinstance(kind, Repeated) else children(kind)
        fields = {child.name: made for child in inside if (made := self._of_child(child))}
        extensions = {} if isinstance(kind, Repeated) else self._wsdl.extensions(kind)
        if not fields and not extensions:
            return None

        def prepare(value: Any) -> Any:
            if not isinstance(value, Mapping):
                return value
            named = value.get(TYPE)
            if named is not None and str(named) in extensions:
                chosen = extensions[str(named)]
                rest = {name: each for name, each in value.items() if name != TYPE}
                inner = self.of(chosen)
                return chosen(**(inner(rest) if inner is not None else rest))
            return {
                name: fields[name](each) if name in fields else each for name, each in value.items()
            }

        return prepare

    def _of_child(self, child: Child) -> Prepare | None:
        prepare = _element if child.any else self.of(child.kind)
        return _each(prepare) if child.repeated else prepare


def _each(prepare: Prepare | None) -> Prepare | None:
    if prepare is None:
        return None

    def all_of(value: Any) -> Any:
        return [prepare(each) for each in value] if isinstance(value, list) else prepare(value)

    return all_of


def _encoded(value: Any) -> Any:
    if isinstance(value, str):
        return base64.b64encode(value.encode()).decode()
    return value


def _element(value: Any) -> Any:
    """Return the element that a text writes, for where a WSDL takes any."""
    if not isinstance(value, str):
        return value
    try:
        return parsed(value.encode())
    except etree.XMLSyntaxError as error:
        raise ValueError(f"an element is wanted there: {error.msg}") from None


def plain(value: Any, zone: tzinfo) -> dict[str, Any]:
    """Return an answer as plain data; times without a zone are of the DMS's own."""
    found = _plain(value, zone)
    return found if isinstance(found, dict) else {"value": found}


def _plain(value: Any, zone: tzinfo) -> Any:
    if isinstance(value, CompoundValue | Mapping):
        return {str(key): _plain(value[key], zone) for key in value}
    if isinstance(value, list | tuple):
        return [_plain(each, zone) for each in value]
    if isinstance(value, etree._Element):
        return One({etree.QName(value).localname: read(value)})
    if isinstance(value, datetime):
        if value.year in (MINYEAR, MAXYEAR):
            return None  # the ends of time are how a system says that there is none
        return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    if isinstance(value, bytes):
        return _decoded(value)
    if isinstance(value, Decimal | date | str | int | bool) or value is None:
        return value
    return str(value)


def _decoded(value: bytes) -> str:
    """Return the text that came in base64; what is no text stays as it came."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return binascii.b2a_base64(value, newline=False).decode()
