"""SAP's conventions for numbers of documents and records."""

from __future__ import annotations


def alpha(number: str, length: int) -> str:
    """Return a number in SAP's inner form: digits are filled up with zeros, others stay (ALPHA)."""
    number = number.strip()
    return number.zfill(length) if number.isascii() and number.isdigit() else number
