"""Tells how two versions of an order's content differ, in words a person can act on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.domain.masking import mask_text
from connector.steps.content import COURSE, SAID_HERE
from connector.wording import Said, course, terms

_IGNORED = frozenset({*COURSE, *SAID_HERE})
_LONGEST = 120


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return dotted field → (before, after) for each value that differs, masked."""
    before, after = dict(_flat(was)), dict(_flat(now))
    return {
        name: (_shown(before.get(name)), _shown(after.get(name)))
        for name in sorted(before.keys() | after.keys())
        if str(before.get(name)) != str(after.get(name)) and name not in _IGNORED
    }


def content_differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[Said, ...]:
    """Return how what another system holds differs from what was to be sent.

    Only fields that both know are compared: a mapping reads as much as the other side tells.
    Numbers are compared as numbers, and lines by their number.
    """
    found = [
        course.IS_THERE_AND_HERE(
            field=terms.field(name), theirs=_shown(theirs[name]), ours=_shown(ours[name])
        )
        for name in ours
        if name != "lines"
        and comparable(ours, theirs, name)
        and not _same(ours[name], theirs[name])
    ]
    if comparable(ours, theirs, "lines"):
        found += _line_differences(ours["lines"], theirs["lines"])
    return tuple(found)


def comparable(ours: Mapping[str, Any], theirs: Mapping[str, Any], name: str) -> bool:
    """Whether both sides tell of a field."""
    return ours.get(name) is not None and theirs.get(name) is not None


def _line_differences(
    ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]
) -> Iterator[Said]:
    here = {_plain(line["number"]): line for line in ours}
    there = {_plain(line["number"]): line for line in theirs}
    for number in sorted(here.keys() | there.keys()):
        if number not in there:
            yield course.LINE_MISSING_THERE(line=number)
        elif number not in here:
            yield course.LINE_UNKNOWN_HERE(line=number)
        else:
            for name in here[number]:
                mine, other = here[number][name], there[number].get(name)
                if mine is not None and other is not None and not _same(mine, other):
                    yield course.LINE_DIFFERS(
                        line=number,
                        field=terms.field(name),
                        theirs=_shown(other),
                        ours=_shown(mine),
                    )


def _same(one: Any, other: Any) -> bool:
    return _plain(one) == _plain(other)


def _plain(value: Any) -> str:
    # 0000100001 and 100001 are one customer, 5.0 and 5.00 one amount.
    try:
        number = Decimal(str(value).strip())
        return f"{number.normalize():f}" if number.is_finite() else str(value)
    except InvalidOperation:
        return str(value).strip()


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value, start=1):
            yield from _flat(inner, f"{name}[{index}]")
    else:
        yield name, value


def _shown(value: Any) -> str:
    return "—" if value is None else mask_text(str(value))[:_LONGEST]
