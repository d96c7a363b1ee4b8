"""Reads the JSON of a page so that one hostile order in it concerns itself only."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from connector.bounded import AnswerLimits
from connector.domain.bounds import DEEPEST

# A longer one is no whole number of Python's any more; where it is taken its digits are too many.
_LONGEST = 4000
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


def parsed(content: bytes, deepest: int = AnswerLimits.deepest) -> Any:
    """Return what a body says: numbers with a point, and those that are too long, as Decimal.

    Where it nests deeper than Python reads, a text stands for what lies deeper than `deepest`.
    Raises ValueError for what is no JSON.
    """
    try:
        return _read(content)
    except RecursionError:
        # Of an order that is too deep enough is left to see that where it is taken.
        return _read(_shallow(content, max(deepest, DEEPEST) + 2))


def _read(content: bytes) -> Any:
    return json.loads(content, parse_float=Decimal, parse_int=_integer)


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _LONGEST else Decimal(digits)


def _shallow(content: bytes, deepest: int) -> bytes:
    """Return JSON with a text in the place of everything that is nested too deeply.

    Bodies in other encodings than UTF-8 are not read so; no storefront sends them.
    """
    kept: list[bytes] = []
    depth, since = 0, 0
    for found in _STRING_OR_BRACKET.finditer(content):
        token = found[0]
        if token in (b"[", b"{"):
            depth += 1
            if depth == deepest + 1:
                kept.append(content[since : found.start()])
        elif token in (b"]", b"}"):
            if depth == deepest + 1:
                kept.append(b'"(nested too deeply)"')
                since = found.end()
            depth -= 1
    if depth > deepest:
        raise ValueError("the body ends within what is nested too deeply")
    return b"".join((*kept, content[since:]))
