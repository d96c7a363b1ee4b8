"""Recognises a value that was written as WordPress gives it back.

It strips backslashes, turns an empty object into an empty list, writes `&` as an entity, takes
markup out of notes and joins white space. So texts are compared by their letters, digits and signs.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>")
_LOST = re.compile(r"[\s\\]+")


def same(written: Any, shown: Any) -> bool:
    """Whether what is shown is what was written."""
    return bool(_plain(written) == _plain(shown))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()} or []
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    if isinstance(value, bool) or value is None:
        return "1" if value else ""
    return _LOST.sub("", _MARKUP.sub("", html.unescape(html.unescape(str(value)))))
