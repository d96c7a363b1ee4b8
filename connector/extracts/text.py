"""Makes cell values safe and readable in spreadsheets, whatever a buyer wrote."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from connector.extracts.table import Cell, Kind

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# What spreadsheet programs take for the beginning of a formula (OWASP, CSV injection), also in
# full width.
_FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
# White space, and characters that nobody sees: programs drop them before they look.
_UNSEEN = frozenset({"Cc", "Cf", "Mn", "Zl", "Zp", "Zs"})
_LONGEST = 32_000  # a cell of Excel holds 32,767 characters


def neutral(text: str) -> str:
    """Return text that no spreadsheet runs as a formula: such text gets a leading apostrophe."""
    text = _CONTROL.sub(" ", text).replace("\r\n", "\n")[:_LONGEST]
    return f"'{text}" if _begins_formula(text) else text


def _begins_formula(text: str) -> bool:
    if text.startswith(("\t", "\r")):
        return True
    for character in text:
        if character in _FORMULA:
            return True
        if unicodedata.category(character) not in _UNSEEN:
            return False
    return False


def plain(value: Cell, kind: Kind, zone: ZoneInfo) -> str:
    """Return a value as CSV text: amounts with two decimals, times as YYYY-MM-DD HH:MM:SS."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Decimal) and kind is Kind.AMOUNT:
        return f"{value:.2f}" if value == round(value, 2) else f"{value:f}"
    if isinstance(value, Decimal):
        return f"{value:f}" if kind is Kind.TEXT else f"{value.normalize():f}"
    if isinstance(value, int):
        return str(value)
    return neutral(value)
