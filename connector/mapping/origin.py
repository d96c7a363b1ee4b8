"""What a request breaks of an interface, traced back to the field that it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.mapping import model
from connector.mapping.expression import Expression, holds
from connector.wording import Said, quoted

_STEP = re.compile(r"([^.\[\]/]+)(?:\[(\d+)\])?")
# A name within an expression, with what it leads to; not that of a function.
_PATH = re.compile(r"[A-Za-z_]\w*(?:\[\d+\])?(?:\.[A-Za-z_]\w*(?:\[\d+\])?)*(?![\w(])")
# The element of the operation, and that of a part in RPC style.
_WRAPPERS = 2
# Converters that leave a text as whoever wrote it meant it. What the others make, the mapping made.
_KEEP = (
    model.Text, model.Case, model.CutConverter, model.JoinConverter, model.FirstConverter,
    model.SplitConverter, model.AddressConverter,
)  # fmt: skip


@dataclass(frozen=True)
class Unfit:
    """One thing that an interface, or the mapping itself, does not take.

    `target` is its place in the request, `source` the field that it comes from ("" for a constant)
    and `value` what stands there. What is `made` is the mapping's own: a constant, a default, a
    looked-up word.
    """

    target: str
    source: str
    value: Any
    made: bool
    why: Said


def traced(
    fields: Sequence[model.FieldModel],
    source: Mapping[str, Any],
    findings: Sequence[str],
    unknown: frozenset[str] = frozenset(),
) -> list[Unfit]:
    """Return findings (`path: what is wrong`) with their origin, one for each place.

    What is made of an `unknown` part of the source, for which something else stands, is left out.
    """
    found: dict[str, Unfit] = {}
    for finding in findings:
        path, why = _parted(finding)
        steps = [(name, int(number or 0)) for name, number in _STEP.findall(path)]
        spec, place, scope, within = _spec_of(fields, steps, {**source, "root": source})
        if spec is None:
            found.setdefault(path, Unfit(path, "", None, True, why))
            continue
        origin, value = _origin(spec, scope, within)
        if not unknown & set(re.split(r"[.\[]", origin)[:1]):
            made = not origin or _is_made(spec, value)
            found.setdefault(place, Unfit(place, origin, value, made, why))
    return list(found.values())


def _parted(finding: str) -> tuple[str, Said]:
    if isinstance(finding, Said) and finding.code == "named":
        why = finding.values["message"]
        return str(finding.values["name"]), why if isinstance(why, Said) else quoted(why)
    path, divided, why = finding.partition(": ")
    return (path, quoted(why)) if divided else ("", quoted(finding))


_Found = tuple[model.FieldModel | None, str, Any, str]


def _spec_of(
    fields: Sequence[model.FieldModel], steps: Sequence[tuple[str, int]], scope: Any
) -> _Found:
    """Return what makes the value at a path, the path in the request, and from what it is made.

    The elements that SOAP wraps around a message may stand before the path.
    """
    for begin in range(min(len(steps), _WRAPPERS + 1)):
        for found in _within(fields, steps[begin:], scope, "", ""):
            return found
    return None, "", scope, ""


def _within(
    fields: Sequence[model.FieldModel],
    steps: Sequence[tuple[str, int]],
    scope: Any,
    place: str,
    within: str,
) -> Iterator[_Found]:
    # The last of several takes the place of those before it.
    for spec in reversed(fields):
        names = spec.field.split(".")
        if names != [name for name, _ in steps[: len(names)]]:
            continue
        if spec.when is not None and not holds(Expression(spec.when)(scope)):
            continue
        rest, at = steps[len(names) :], f"{place}{spec.field}"
        if rest and spec.as_ is not None:
            yield from _within(spec.fields or (), rest, scope, f"{at}.", within)
            continue
        if spec.each is None or not rest:
            yield spec, at, scope, within
            continue
        number = max(steps[len(names) - 1][1], 1)
        items = Expression(spec.each)(scope) or []
        item = items[number - 1] if number <= len(items) else {}
        inner = {**(item if isinstance(item, Mapping) else {"value": item}), "root": scope["root"]}
        yield from _within(
            spec.fields or (), rest, inner, f"{at}[{number}].", f"{within}{spec.each}[{number}]."
        )


def _origin(spec: model.FieldModel, scope: Any, within: str) -> tuple[str, Any]:
    sources = spec.source or spec.each or []
    texts = [sources] if isinstance(sources, str) else sources
    values = [(text, Expression(text)(scope)) for text in texts]
    given = [each for each in values if each[1] not in (None, "")]
    for text, value in (*given, *values):
        path = _PATH.search(text)
        if path is not None:
            absolute = path[0].startswith("root.")
            return path[0].removeprefix("root.") if absolute else f"{within}{path[0]}", value
    return "", spec.constant


def _is_made(spec: model.FieldModel, value: Any) -> bool:
    if value in (None, ""):
        return spec.default not in (None, "")
    return not all(isinstance(each, _KEEP) for each in spec.convert)
