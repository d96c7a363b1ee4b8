"""Holds mappings against a WSDL: what of them it does not know, and what it wants and lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from connector.mapping import Mapping, MappingSet
from connector.mapping.model import FieldModel
from connector.mapping.shape import Shape
from connector.mapping.wsdl.parsed import ParsedWsdl
from connector.mapping.wsdl.shapes import operation as described

_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
# Names under which an answer's expressions reach what is no element.
_OUTSIDE = frozenset({"root", "request", "position", "value"})


def findings(mappings: MappingSet, wsdl: ParsedWsdl) -> list[str]:
    """Return how the DMS mappings do not fit, each naming the mapping and its field."""
    found: list[str] = []
    for name in mappings.names():
        mapping = mappings[name]
        if mapping.target.system == "dms" and not mapping.absent:
            found += _of_one(mapping, wsdl)
    return found


def _of_one(mapping: Mapping, wsdl: ParsedWsdl) -> Iterator[str]:
    place = f"mapping {mapping.name}"
    bound = wsdl.operation(mapping.target.operation)
    if bound is None:
        yield f"{place}: the WSDL has no operation {mapping.target.operation}"
        return
    known, spec = described(wsdl, bound), mapping.spec
    yield from _request(spec.request, known.request, place, "")
    if spec.answer.text is not None:
        # Of what stands in the text the WSDL knows nothing.
        yield from _source(spec.answer.text, known.answer, f"{place}: answer.text")
        return
    for key, source in spec.answer.values.items():
        yield from _source(source, known.answer, f"{place}: answer.{key}")
    yield from _answer(spec.answer.fields, known.answer, f"{place}: answer.")


def _request(
    fields: Sequence[FieldModel], shape: Shape | None, place: str, prefix: str
) -> Iterator[str]:
    elements = _elements(shape)
    if elements is None:
        return
    mapped: dict[str, list[FieldModel]] = {}
    for field in fields:
        mapped.setdefault(field.field.split(".")[0], []).append(field)
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
                yield from _request(field.fields, element, place, f"{prefix}{name}[].")
        if inner:
            yield from _request(inner, element, place, f"{prefix}{name}.")
    for name, element in elements.items():
        if name not in mapped and element.required:
            yield f"{place}: {prefix}{name} is required by the WSDL and not mapped"


def _answer(fields: Sequence[FieldModel], shape: Shape | None, place: str) -> Iterator[str]:
    for field in fields:
        if field.each is not None:
            yield from _source(field.each, shape, f"{place}{field.field}")
            yield from _answer(
                field.fields or (), _walk(field.each, shape), f"{place}{field.field}[]."
            )
            continue
        sources = [field.source] if isinstance(field.source, str) else field.source or []
        for source in sources:
            yield from _source(source, shape, f"{place}{field.field}")


def _source(source: str, shape: Shape | None, place: str) -> Iterator[str]:
    if shape is None or not _SIMPLE.fullmatch(source):
        return
    at: Shape | None = shape
    for part in source.split("."):
        elements = _elements(at)
        if part in _OUTSIDE or elements is None:
            return
        if part not in elements:
            yield f"{place}: {source} is not in the WSDL's answer, which has {', '.join(elements)}"
            return
        at = elements[part]


def _walk(source: str, shape: Shape | None) -> Shape | None:
    if shape is None or not _SIMPLE.fullmatch(source):
        return None
    for part in source.split("."):
        elements = _elements(shape)
        if elements is None or part not in elements:
            return None
        shape = elements[part]
    return shape


def _elements(shape: Shape | None) -> dict[str, Shape] | None:
    """Return what a structure, or each item of a list, holds; None for what says nothing of it."""
    while shape is not None and shape.kind == "list":
        shape = shape.item
    if shape is None or shape.kind != "object" or not shape.fields:
        return None
    return dict(shape.fields)
