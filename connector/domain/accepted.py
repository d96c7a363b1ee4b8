"""What of an accepted order the shop may show otherwise, without that anything else was ordered.

A shop tells a line's part number and name by what its product is called today: who renames or
deletes a product changes no order. Nor does a shop that shows the lines in another sequence, or an
amount with more or fewer decimals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

_NAMED = ("sku", "name", "product_id", "variation_id")
_NUMBERS = frozenset(
    {
        "quantity", "subtotal", "subtotal_tax", "total", "total_tax",
        "freight", "freight_tax", "amount", "tax",
    }
)  # fmt: skip
_LISTS = ("fees", "refunds")


def as_accepted(
    accepted: Mapping[str, Any], shown: Mapping[str, Any], *, parts: bool
) -> dict[str, Any]:
    """Return what is shown now, in the words of what was accepted where both say the same.

    With `parts` the part numbers that were accepted stay.
    """
    made = _numbers_as(accepted, shown)
    for name in _LISTS:
        if name in shown:
            made[name] = _each_as(accepted.get(name), shown[name])
    lines = _by_id(accepted.get("lines"))
    now = _by_id(shown.get("lines"))
    if not lines or not now:
        return made
    same = lines.keys() == now.keys()
    made["lines"] = [
        _line_as(lines[line_id], now[line_id], parts=parts) if line_id in lines else now[line_id]
        for line_id in (lines if same else now)
    ]
    return made


def _line_as(
    accepted: Mapping[str, Any], shown: Mapping[str, Any], *, parts: bool
) -> dict[str, Any]:
    line = _numbers_as(accepted, shown)
    for name in _NAMED:
        if parts and accepted.get(name):
            line[name] = accepted[name]
    return line


def _each_as(accepted: Any, shown: Any) -> Any:
    if not isinstance(shown, list) or not isinstance(accepted, list):
        return shown
    if len(shown) != len(accepted):
        return shown
    return [
        {**_numbers_as(was, now), **_deeper(was, now)}
        if isinstance(was, Mapping) and isinstance(now, Mapping)
        else now
        for was, now in zip(accepted, shown, strict=True)
    ]


def _deeper(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _each_as(was.get(name), value) for name, value in now.items() if _is_list(value)}


def _numbers_as(accepted: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: accepted[name] if name in _NUMBERS and _equal(accepted.get(name), value) else value
        for name, value in shown.items()
    }


def _by_id(lines: Any) -> dict[str, Mapping[str, Any]]:
    """Return lines by the shop's own identifier; none where it does not tell them apart."""
    if not _is_list(lines) or not all(isinstance(each, Mapping) for each in lines):
        return {}
    found = {str(each.get("line_id") or ""): each for each in lines}
    return found if len(found) == len(lines) and "" not in found else {}


def _equal(one: Any, other: Any) -> bool:
    try:
        return Decimal(str(one)) == Decimal(str(other))
    except InvalidOperation:
        return False


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
