"""Tells how two versions of an order's content differ, in words a person can act on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connector.domain.masking import mask_text

_IGNORED = frozenset({"modified_at", "status", "payment_state", "paid_at", "completed_at"})
_LONGEST = 120


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return dotted field → (before, after) for each value that differs, masked."""
    before, after = dict(_flat(was)), dict(_flat(now))
    return {
        name: (_shown(before.get(name)), _shown(after.get(name)))
        for name in sorted(before.keys() | after.keys())
        if str(before.get(name)) != str(after.get(name)) and name not in _IGNORED
    }


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
