"""Reads the JSON of a page so that one hostile order in it concerns itself only."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from connector.bounded import AnswerLimits

_MOST_DIGITS = 300
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


def parsed(content: bytes, deepest: int = AnswerLimits.deepest) -> Any:
    """Return what a body says: numbers with a point as Decimal, too long ones as texts.

    Where it nests deeper than Python reads, a text stands for what lies deeper than `deepest`.
    Raises ValueError for what is no JSON.
    """
    try:
        return _read(content)
    except RecursionError:
        return _read(_shallow(content, deepest))


def _read(content: bytes) -> Any:
    return json.loads(content, parse_float=Decimal, parse_int=_integer)


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


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
                kept.append(f'"(nested deeper than {deepest} levels)"'.encode())
                since = found.end()
            depth -= 1
    if depth > deepest:
        raise ValueError("the body ends within what is nested too deeply")
    return b"".join((*kept, content[since:]))
