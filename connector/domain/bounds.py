"""How much of one thing from outside is taken: larger, deeper or longer, and nobody means it.

What exceeds a bound is put into the quarantine, and what came beside it goes on. The bounds are
stated in docs/architecture.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connector.wording import Said, quarantine

# Characters of all texts and keys of one order together, and its values.
MOST_CHARACTERS = 4_000_000
MOST_VALUES = 200_000
# Deeper than any order nests; deeper still, and neither a parser nor a mapping comes through.
DEEPEST = 100
# Digits of a number, written out: what a shop or a system counts has no more than twenty.
MOST_DIGITS = 300


def exceeded(value: Any) -> Said | None:
    """Say which bound a payload exceeds; None where it keeps them all."""
    characters = values = 0
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        each, depth = waiting.pop()
        values += 1
        if isinstance(each, str):
            characters += len(each)
        elif isinstance(each, Mapping | list | tuple):
            if depth >= DEEPEST:
                return quarantine.ORDER_TOO_DEEP(most=DEEPEST)
            if isinstance(each, Mapping):
                characters += sum(map(len, filter(_is_text, each)))
                waiting += [(inner, depth + 1) for inner in each.values()]
            else:
                waiting += [(inner, depth + 1) for inner in each]
        elif _too_long(each):
            return quarantine.ORDER_TOO_MANY_DIGITS(most=MOST_DIGITS)
        if characters > MOST_CHARACTERS:
            return quarantine.ORDER_TOO_LARGE(most=MOST_CHARACTERS)
        if values + len(waiting) > MOST_VALUES:
            return quarantine.ORDER_TOO_MANY_VALUES(most=MOST_VALUES)
    return None


def _too_long(number: Any) -> bool:
    if isinstance(number, int):
        return number.bit_length() > MOST_DIGITS * 3.33
    if not isinstance(number, Decimal) or not number.is_finite():
        return False
    sign_digits_exponent = number.as_tuple()
    return len(sign_digits_exponent.digits) > MOST_DIGITS or abs(number.adjusted()) > MOST_DIGITS


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
