"""What the operations of a WSDL take and give, in the form that mappings are held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from connector.mapping.shape import ANY, Shape
from connector.mapping.wsdl.documents import Description
from connector.mapping.wsdl.parsed import (
    Child,
    ParsedWsdl,
    Repeated,
    children,
    is_simple,
    item,
)

# The field by which a request says which of the types that extend another one it means.
TYPE = "_type"
_DEEPEST = 40


@dataclass(frozen=True)
class Operation:
    """What an operation takes and gives."""

    request: Shape
    answer: Shape


def operations(description: Description) -> Mapping[str, Operation]:
    """Return the operations of a WSDL by name, also with their ports and services.

    Raises ValueError when it cannot be parsed.
    """
    try:
        parsed = ParsedWsdl(description)
    except Exception as error:
        raise ValueError(str(error)[:300]) from None
    made: dict[int, Operation] = {}
    found: dict[str, Operation] = {}
    for name in (*parsed.names(), *parsed.qualified()):
        bound = parsed.operation(name)
        if id(bound) not in made:
            made[id(bound)] = operation(parsed, bound)
        found[name] = made[id(bound)]
    return found


def operation(parsed: ParsedWsdl, bound: Any) -> Operation:
    """Return what one operation takes and gives."""
    return Operation(
        _Describer(parsed, taken=True).message(bound.input),
        _Describer(parsed, taken=False).message(bound.output),
    )


class _Describer:
    def __init__(self, parsed: ParsedWsdl, *, taken: bool) -> None:
        self._parsed = parsed
        self._taken = taken
        self._known: dict[int, Shape] = {}

    def message(self, message: Any) -> Shape:
        body = getattr(message, "body", None)
        if body is None:
            return Shape("object")
        if is_simple(body.type):
            return Shape("object", fields={"value": replace(self.of(body.type), required=True)})
        return self.of(body.type)

    def of(self, kind: Any, within: tuple[Any, ...] = ()) -> Shape:
        if isinstance(kind, Repeated):
            return self._structure(kind.children, within)
        if is_simple(kind):
            return self._parsed.simple(kind)
        if item(kind) is not None:
            return Shape("list", item=self.of(item(kind), (*within, kind)))
        if kind in within or len(within) > _DEEPEST or not hasattr(kind, "elements_nested"):
            return ANY
        if id(kind) not in self._known:
            self._known[id(kind)] = self._complex(kind, (*within, kind))
        return self._known[id(kind)]

    def _complex(self, kind: Any, inside: tuple[Any, ...]) -> Shape:
        shape = self._structure(children(kind), inside)
        extensions = self._parsed.extensions(kind)
        if not extensions:
            return shape
        fields = dict(shape.fields)
        for extension in extensions.values():
            for name, each in self._structure(children(extension), inside).fields.items():
                fields.setdefault(name, replace(each, required=False))
        if self._taken:
            needed = self._parsed.abstract(kind)
            fields[TYPE] = Shape("text", needed, allowed=tuple(extensions))
        return replace(shape, fields=fields)

    def _structure(self, inside: list[Child], within: tuple[Any, ...]) -> Shape:
        return Shape("object", fields={each.name: self._child(each, within) for each in inside})

    def _child(self, child: Child, within: tuple[Any, ...]) -> Shape:
        if child.any:
            # An element of any name: a request gives it as a text, an answer as it comes.
            shape = Shape("text") if self._taken else ANY
        else:
            shape = self.of(child.kind, within)
        if child.repeated:
            shape = Shape("list", item=shape)
        empty = child.nillable or child.default is not None
        return replace(shape, required=child.required and not empty)
