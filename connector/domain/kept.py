"""What is set aside, as bytes that say all of it: its times and amounts, and texts of any kind.

The bytes are ASCII, so that every database holds them whatever stands in the texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from connector.domain.masking import mask_text, mask_tree

_DEEPEST = 200
_OF_KIND: Mapping[str, Callable[[str], Any]] = {
    "$time": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$amount": Decimal,
}


def to_bytes(value: Any) -> bytes:
    """Return the bytes of plain data. What has no form of its own is kept as its text."""
    try:
        return json.dumps(value, default=_plain).encode("ascii")
    except (ValueError, TypeError, RecursionError):
        return json.dumps(_cut(value, _DEEPEST), default=_plain).encode("ascii")


def from_bytes(content: bytes) -> Any:
    """Return what was kept. Raises ValueError for bytes that are no JSON."""
    return json.loads(content, object_hook=_of_kind)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    if isinstance(value, Decimal):
        return {"$amount": str(value)}
    return _described(value)


def _described(value: Any) -> str:
    try:
        return str(value)
    except Exception as error:
        return f"({type(value).__name__}: {type(error).__name__})"


def _cut(value: Any, deeper: int) -> Any:
    """Return a value without what no JSON holds: too deep nesting, and keys that are no text."""
    if not isinstance(value, Mapping | list | tuple):
        return value
    if not deeper:
        return f"(nested deeper than {_DEEPEST} levels)"
    if isinstance(value, Mapping):
        return {str(name): _cut(each, deeper - 1) for name, each in value.items()}
    return [_cut(each, deeper - 1) for each in value]


def _of_kind(found: dict[str, Any]) -> Any:
    if len(found) == 1:
        ((name, text),) = found.items()
        read = _OF_KIND.get(name)
        if read is not None and isinstance(text, str):
            try:
                return read(text)
            except (ValueError, ArithmeticError):
                return found  # somebody else's, who names a field so
    return found


def shown(content: bytes) -> Any:
    """Return what was kept as people may see it: personal data masked."""
    try:
        return mask_tree(from_bytes(content)) if content else None
    except ValueError:
        return mask_text(content.decode("ascii", "replace"))
