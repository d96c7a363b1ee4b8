"""SAP's conventions for numbers, quantities and dates, whichever transport brought them."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from connector.errors import RetryLater
from connector.wording import problems, shown, systems

_NUMBER = re.compile(r"^-?\d+(\.\d+)?$")


def alpha(number: str, length: int) -> str:
    """Return a number in SAP's inner form: digits are filled up with zeros, others stay (ALPHA).

    `length` is 10 for customers and documents, 18 for materials (40 on S/4).
    """
    number = number.strip()
    return number.zfill(length) if number.isascii() and number.isdigit() else number


def decimal_of(value: Any, place: str) -> Decimal:
    """Return a quantity or amount, also one with its sign behind. Raises RetryLater for others."""
    text = str(value).strip()
    if text.endswith("-"):
        text = f"-{text[:-1]}"
    if not _NUMBER.match(text):
        raise RetryLater(problems.NO_NUMBER_IS(value=shown(text)), place=place)
    return Decimal(text)


def date_of(value: Any, place: str) -> date | None:
    """Return a date; SAP's initial one (zeros or blank) is None. Raises RetryLater for others."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value or "").strip().replace("-", "")
    if not text.strip("0"):
        return None
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        raise RetryLater(systems.NOT_A_DATE(value=shown(text)), place=place) from None
