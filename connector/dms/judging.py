"""Holds a message against the WSDL's types alone, where no schema can be compiled for it.

So are encoded messages, which no schema describes. And what of an answer the WSDL does not know
is found here, for a DMS that was upgraded without telling.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree

from connector.mapping.shape import Shape
from connector.mapping.wsdl.parsed import (
    Child,
    ParsedWsdl,
    Repeated,
    children,
    is_simple,
    item,
)
from connector.wording import Said, systems

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"


def misfits(wsdl: ParsedWsdl, element: etree._Element, kind: Any, place: str = "") -> Iterator[str]:
    """Give how an element does not fit its type, each with its place. Values are not repeated."""
    place = place or etree.QName(element).localname
    if element.get(f"{_XSI}nil") in ("true", "1") or kind is None:
        return
    if is_simple(kind):
        yield from _text(wsdl.simple(kind), element.text or "", place)
        return
    inner = item(kind)
    if inner is not None:
        for number, each in enumerate(element, start=1):
            yield from misfits(wsdl, each, inner, f"{place}[{number}]")
        return
    known = _known(wsdl, kind)
    if known is None:
        return
    seen: set[str] = set()
    for each in element:
        name = etree.QName(each).localname
        seen.add(name)
        if name in known:
            yield from misfits(wsdl, each, known[name].kind, f"{place}/{name}")
        else:
            yield systems.NAMED(name=f"{place}/{name}", message=systems.NO_FIELD())
    for name, child in known.items():
        empty = child.nillable or child.default is not None
        if child.required and not empty and not child.attribute and name not in seen:
            yield systems.NAMED(name=f"{place}/{name}", message=systems.NEEDED())


def without_extras(
    wsdl: ParsedWsdl, element: etree._Element, kind: Any, place: str = ""
) -> list[str]:
    """Take out of an answer what its type does not know, and return the places.

    What may be a list that was renamed, or holds one, stays: without it the answer would read as if
    there were nothing.
    """
    place = place or etree.QName(element).localname
    inner = item(kind)
    if kind is None or (is_simple(kind) and not len(element)):
        return []
    if inner is not None:
        return [each for child in element for each in without_extras(wsdl, child, inner, place)]
    known = _known(wsdl, kind) if not is_simple(kind) else {}
    if known is None:
        return []
    found: list[str] = []
    names = {etree.QName(each).localname for each in element}
    lacking = [child for name, child in known.items() if name not in names]
    for each in list(element):
        name = etree.QName(each).localname
        if name in known:
            found += without_extras(wsdl, each, known[name].kind, f"{place}/{name}")
        elif not any(_may_be(each, child) for child in lacking):
            element.remove(each)
            found.append(f"{place}/{name}")
    for key in list(element.attrib):
        name = etree.QName(key).localname
        if etree.QName(key).namespace is None and name not in known:
            del element.attrib[key]
            found.append(f"{place}/@{name}")
    return found


def _may_be(element: etree._Element, child: Child) -> bool:
    """Whether an element that a type does not know may be one that it knows, by another name.

    A single value is not looked at: whoever reads it misses it.
    """
    if child.attribute or child.any or (is_simple(child.kind) and not child.repeated):
        return False
    if is_simple(child.kind):
        return not len(element) and bool((element.text or "").strip())
    return len(element) > 0


def _known(wsdl: ParsedWsdl, kind: Any) -> dict[str, Child] | None:
    """Return what may stand within a type, by its name in the message; None for anything."""
    found: dict[str, Child] = {}
    kinds = [kind, *wsdl.extensions(kind).values()]
    for number, each in enumerate(kinds):
        inside = each.children if isinstance(each, Repeated) else children(each)
        if not inside and not hasattr(each, "elements_nested"):
            return None
        for child in _flat(inside, optional=number > 0):
            if child.any:
                return None
            found.setdefault(child.name.removeprefix("attr__"), child)
    return found


def _flat(inside: list[Child], *, optional: bool) -> Iterator[Child]:
    for child in inside:
        if isinstance(child.kind, Repeated):
            yield from _flat(child.kind.children, optional=optional or not child.required)
        elif optional and child.required:
            yield Child(child.name, child.kind, repeated=child.repeated, any=child.any)
        else:
            yield child


def _text(shape: Shape, text: str, place: str) -> Iterator[Said]:
    said = _wrong(shape, text)
    if said is not None:
        yield systems.NAMED(name=place, message=said)


def _wrong(shape: Shape, text: str) -> Said | None:
    word = text.strip() if shape.kind != "text" else text
    if not _of_kind(shape.kind, word):
        return systems.NOT_OF_KIND(kind=shape.kind)
    if shape.allowed and word not in shape.allowed:
        return systems.NONE_OF(allowed=", ".join(shape.allowed))
    if shape.max_length is not None and len(word) > shape.max_length:
        return systems.CHARACTERS(length=len(word), most=shape.max_length)
    if len(word) < shape.min_length:
        return systems.TOO_SHORT(length=len(word), least=shape.min_length)
    if shape.decimals is not None and _decimals(word) > shape.decimals:
        return systems.MORE_DECIMALS(most=shape.decimals)
    if shape.pattern is not None and not _fits(shape.pattern, word):
        return systems.NOT_OF_FORM(pattern=shape.pattern)
    return None


def _of_kind(kind: str, word: str) -> bool:
    try:
        match kind:
            case "boolean":
                return word in ("true", "false", "1", "0")
            case "integer":
                return re.fullmatch(r"[+-]?\d+", word) is not None
            case "number":
                Decimal(word)
            case "date":
                date.fromisoformat(re.sub(r"(Z|[+-]\d\d:\d\d)$", "", word))
            case "time":
                datetime.fromisoformat(word)
    except (ValueError, InvalidOperation):
        return False
    return True


def _decimals(word: str) -> int:
    return len(word.partition(".")[2].rstrip("0"))


def _fits(pattern: str, word: str) -> bool:
    try:
        return re.fullmatch(pattern, word) is not None
    except re.error:
        return True  # XSD's patterns know a few things that Python's do not
