"""What is a document's number (单据号), and what only looks like one."""

from __future__ import annotations

# What programs write where they have no value.
_NOTHING = frozenset({"none", "null", "nil", "nan", "undefined", "n/a"})


def document_number(value: object) -> str:
    """Return a document's number without padding; empty where this is none.

    An answer that says ok and names no number has made no document that anybody could find.
    """
    text = "" if value is None else str(value).strip()
    if text.lower() in _NOTHING or not text.strip("0-"):
        return ""
    return text
