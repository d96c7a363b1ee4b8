"""Holds mappings against a WSDL: what of them it does not know, and what it wants and lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from connector.mapping import Mapping, MappingSet
from connector.mapping.model import FieldModel

_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
# Names under which an answer's expressions reach what is no element.
_OUTSIDE = frozenset({"root", "request", "position", "value"})


def findings(mappings: MappingSet, operation_of: Any) -> list[str]:
    """Return how the DMS mappings do not fit, each naming the mapping and its field.

    `operation_of` gives zeep's operation by the name that a mapping uses, or None.
    """
    found: list[str] = []
    for name in mappings.names():
        mapping = mappings[name]
        if mapping.target.system == "dms" and not mapping.absent:
            found += _of_one(mapping, operation_of(mapping.target.operation))
    return found


def _of_one(mapping: Mapping, operation: Any) -> Iterator[str]:
    place = f"mapping {mapping.name}"
    if operation is None:
        yield f"{place}: the WSDL has no operation {mapping.target.operation}"
        return
    spec = mapping.spec
    yield from _request(spec.request, _type_of(operation.input), place, "")
    answer = _type_of(operation.output)
    if spec.answer.text is not None:
        # Of what stands in the text the WSDL knows nothing.
        yield from _source(spec.answer.text, answer, f"{place}: answer.text")
        return
    for key, source in spec.answer.values.items():
        yield from _source(source, answer, f"{place}: answer.{key}")
    yield from _answer(spec.answer.fields, answer, f"{place}: answer.")


def _request(fields: Sequence[FieldModel], kind: Any, place: str, prefix: str) -> Iterator[str]:
    if _elements(kind) is None:
        return
    mapped: dict[str, list[FieldModel]] = {}
    for field in fields:
        if field.constant is not None and not isinstance(field.constant, str | int | bool):
            mapped.setdefault(field.field.split(".")[0], [])
            continue
        mapped.setdefault(field.field.split(".")[0], []).append(field)
    elements = _elements(kind) or {}
    for name, these in mapped.items():
        element = elements.get(name)
        if element is None:
            known = ", ".join(elements)
            yield f"{place}: {prefix}{name} is no element of the WSDL, which has {known}"
            continue
        inner = [
            field.model_copy(update={"field": field.field.partition(".")[2]})
            for field in these
            if "." in field.field
        ]
        for field in these:
            if field.each is not None and field.fields is not None and "." not in field.field:
                yield from _request(field.fields, element.type, place, f"{prefix}{name}[].")
        if inner:
            yield from _request(inner, element.type, place, f"{prefix}{name}.")
    for name, element in elements.items():
        if name not in mapped and _required(kind, element):
            yield f"{place}: {prefix}{name} is required by the WSDL and not mapped"


def _answer(fields: Sequence[FieldModel], kind: Any, place: str) -> Iterator[str]:
    for field in fields:
        if field.each is not None:
            yield from _source(field.each, kind, f"{place}{field.field}")
            yield from _answer(
                field.fields or (), _walk(field.each, kind), f"{place}{field.field}[]."
            )
            continue
        sources = [field.source] if isinstance(field.source, str) else field.source or []
        for source in sources:
            yield from _source(source, kind, f"{place}{field.field}")


def _source(source: str, kind: Any, place: str) -> Iterator[str]:
    if kind is None or not _SIMPLE.fullmatch(source):
        return
    at = kind
    for part in source.split("."):
        elements = _elements(at)
        if part in _OUTSIDE or elements is None:
            return
        if part not in elements:
            yield f"{place}: {source} is not in the WSDL's answer, which has {', '.join(elements)}"
            return
        at = elements[part].type


def _walk(source: str, kind: Any) -> Any:
    if not _SIMPLE.fullmatch(source):
        return None
    for part in source.split("."):
        elements = _elements(kind)
        if elements is None or part not in elements:
            return None
        kind = elements[part].type
    return kind


def _type_of(message: Any) -> Any:
    return getattr(getattr(message, "body", None), "type", None)


def _elements(kind: Any) -> dict[str, Any] | None:
    """Return a type's elements and attributes by name; None for what has no declared content."""
    elements = getattr(kind, "elements", None)
    if not elements:
        return None
    found = {str(name): element for name, element in elements}
    found |= {str(name): attribute for name, attribute in getattr(kind, "attributes", ()) or ()}
    return None if any(name.startswith("_value_") for name in found) else found


def _required(kind: Any, element: Any) -> bool:
    if type(getattr(kind, "_element", None)).__name__ == "Choice":
        return False
    return bool(getattr(element, "min_occurs", 0)) and getattr(element, "default", None) is None
