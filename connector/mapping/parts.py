"""Which parts of an answer a mapping reads: without them "nothing" is no answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from connector.mapping import model
from connector.mapping.expression import Expression

# What stands beside an answer, and is no part of it.
_BESIDE = frozenset({"request", "position", "answers"})
# Nodes of which only the first child sees the answer; the others see what that one gave.
_NARROWING = frozenset(
    {"subexpression", "index_expression", "projection", "value_projection", "filter_projection",
     "pipe"}
)  # fmt: skip


class Part(NamedTuple):
    """Names of which an answer must have one, and by which expression its rows are read if any."""

    names: frozenset[str]
    rows: Expression | None = None


def parts(spec: model.AnswerModel) -> tuple[Part, ...]:
    """Return the parts that a mapping reads of an answer, whatever else stands in it."""
    found = [Part(_names(text)) for text in spec.values.values()]
    found += _of_fields(spec.fields, inner=False)
    return tuple(part for part in found if part.names)


@lru_cache(maxsize=256)
def names_in(text: str) -> frozenset[str]:
    """Return every name that stands in an expression, at whatever depth."""
    found, nodes = set(), [Expression(text).tree]
    while nodes:
        node = nodes.pop()
        if node["type"] == "field":
            found.add(str(node["value"]))
        nodes += [each for each in node.get("children", []) if isinstance(each, dict)]
    return frozenset(found)


def _of_fields(fields: Sequence[model.FieldModel], *, inner: bool) -> Iterator[Part]:
    for spec in fields:
        if spec.when is not None:
            continue  # whether it is read, the answer itself decides
        if spec.each is not None:
            if not inner:
                yield Part(_names(spec.each), Expression(spec.each))
            yield from _of_fields(spec.fields or (), inner=True)
        elif spec.source is not None:
            sources = [spec.source] if isinstance(spec.source, str) else spec.source
            yield Part(frozenset().union(*(_names(text, rooted=inner) for text in sources)))


def _names(text: str, *, rooted: bool = False) -> frozenset[str]:
    """Return the names at the top of an answer; if `rooted`, only those reached by `root`."""
    return frozenset(_walk(Expression(text).tree, rooted=rooted)) - _BESIDE - {"root"}


def _walk(node: Any, *, rooted: bool) -> Iterator[str]:
    kind, children = node["type"], node.get("children", [])
    if kind == "field":
        if not rooted:
            yield str(node["value"])
    elif kind in _NARROWING:
        first = children[0]
        if first["type"] == "field" and first["value"] == "root":
            yield from _first(children[1])
        else:
            yield from _walk(first, rooted=rooted)
    elif kind not in ("literal", "current", "identity", "expref"):
        for child in children:
            yield from _walk(child, rooted=rooted)


def _first(node: Any) -> Iterator[str]:
    while node["type"] in _NARROWING:
        node = node["children"][0]
    if node["type"] == "field":
        yield str(node["value"])
