"""Whether a text that a Chinese reader sees holds an English sentence."""

from __future__ import annotations

import re

# Commands stay as they are typed, names in capitals are no sentence.
_COMMAND = re.compile(r"`[^`]*`")
_ENGLISH = re.compile(r"(?:\b[A-Za-z']{2,}\b[ ,]+){2,}\b[a-z']{2,}\b")


def english_in(text: str) -> str:
    """Return the first English sentence in a text, or nothing: three words in a row are one."""
    found = _ENGLISH.search(_COMMAND.sub("", text))
    return found.group() if found else ""
