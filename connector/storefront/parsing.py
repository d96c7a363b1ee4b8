"""Reads the JSON of a page so that one hostile order in it concerns itself only."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

# Deeper than any order nests. What lies deeper is put aside, and the rest of the page is read.
_DEEPEST = 100
_MOST_DIGITS = 300
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_TOO_DEEP = f'"(nested deeper than {_DEEPEST} levels)"'.encode()


def parsed(content: bytes) -> Any:
    """Return what a body says: numbers with a point as Decimal, too long ones as texts.

    Raises ValueError for what is no JSON.
    """
    try:
        return _read(content)
    except RecursionError:
        return _read(_shallow(content))


def _read(content: bytes) -> Any:
    return json.loads(content, parse_float=Decimal, parse_int=_integer)


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _shallow(content: bytes) -> bytes:
    """Return JSON with a text in the place of everything that is nested too deeply.

    Bodies in other encodings than UTF-8 are not read so; no storefront sends them.
    """
    kept: list[bytes] = []
    depth, since = 0, 0
    for found in _STRING_OR_BRACKET.finditer(content):
        token = found[0]
        if token in (b"[", b"{"):
            depth += 1
            if depth == _DEEPEST + 1:
                kept.append(content[since : found.start()])
        elif token in (b"]", b"}"):
            if depth == _DEEPEST + 1:
                kept.append(_TOO_DEEP)
                since = found.end()
            depth -= 1
    if depth > _DEEPEST:
        raise ValueError("the body ends within what is nested too deeply")
    return b"".join((*kept, content[since:]))
