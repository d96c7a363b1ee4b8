"""Compares two versions of the mappings in effect: which fields of which orders change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connector.errors import MappingFailed
from connector.mapping.engine import Mapping as FieldMapping
from connector.mapping.engine import MappingSet

_FAILS = "(cannot be made)"


@dataclass(frozen=True)
class Effect:
    """One value that comes out otherwise; None stands for nothing."""

    order: str
    mapping: str
    part: str
    field: str
    old: Any
    new: Any


def compare(
    old: MappingSet, new: MappingSet, sources: Iterable[tuple[str, str, str, Mapping[str, Any]]]
) -> Iterator[Effect]:
    """Give every value that differs, for sources of (order, mapping, part, source)."""
    for order, name, part, source in sources:
        was = _made(old, name, source)
        now = _made(new, name, source)
        for field in sorted(was.keys() | now.keys()):
            if was.get(field) != now.get(field):
                yield Effect(order, name, part, field, was.get(field), now.get(field))


def changed_files(old: MappingSet, new: MappingSet) -> list[str]:
    """Return the mappings that are not the same in both, also those that only one has."""
    names = set(old.names()) | set(new.names())
    return sorted(name for name in names if _spec(old, name) != _spec(new, name))


def _spec(mappings: MappingSet, name: str) -> Any:
    if name not in mappings.names():
        return None
    mapping = mappings[name]
    return mapping.spec, {unit: each.spec for unit, each in mapping.variants.items()}


def _made(mappings: MappingSet, name: str, source: Mapping[str, Any]) -> dict[str, Any]:
    if name not in mappings.names() or mappings[name].absent:
        return {}
    mapping = mappings[name]
    try:
        return dict(_values(mapping, source))
    except MappingFailed as error:
        return {_FAILS: "; ".join(error.findings)}


def _values(mapping: FieldMapping, source: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if mapping.read_table is not None:
        for column, value, _ in mapping.find_by:
            yield f"find_by {column}", value(source)
    elif mapping.calls:
        answers: list[Any] = []
        for function, request in mapping.calls:
            yield from _flat(request({**source, "answers": answers}).body, f"{function}.")
            answers.append(_Zeros())
    elif mapping.name == "storefront_order":
        body, findings = mapping.apply_leniently(source)
        yield from _flat(body)
        if findings:
            yield _FAILS, "; ".join(findings)
    else:
        yield from _flat(mapping.apply(source).body)


class _Zeros(dict[str, Any]):
    """An answer in which every field is there: what is compared is what is made of it."""

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key, "0")


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(
                inner, f"{path}{key}." if isinstance(inner, Mapping) else f"{path}{key}"
            )
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value, start=1):
            dot = "." if isinstance(inner, Mapping) else ""
            yield from _flat(inner, f"{path}[{number}]{dot}")
    else:
        yield path, value
