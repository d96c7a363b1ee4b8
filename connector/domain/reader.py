"""Reads single values of a mapping, and gathers what cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

from connector.domain.lifecycle import HoldCause
from connector.domain.order import Problem
from connector.wording import Said, shown
from connector.wording import problems as wrong

Word = TypeVar("Word", bound=StrEnum)

_LARGEST = Decimal(10) ** 12
_LONGEST = 2_000
_BY_PLATFORM = wrong.CORRECT_IN_SHOP()


class Reader:
    """Reads typed values and gathers what is wrong with them."""

    def __init__(self) -> None:
        """Begin with nothing wrong."""
        self.problems: list[Problem] = []
        self.fatal = False

    def wrong(self, field: str, reason: Said, remedy: Said = _BY_PLATFORM) -> None:
        """Note that a field cannot be read: then the order cannot either."""
        self.problems.append(Problem(field, reason, remedy, HoldCause.SHOP_DATA))
        self.fatal = True

    def one_of(self, otherwise: Word, value: Any, field: str) -> Word:
        """Return the word of a kind that a value is, `otherwise` where there is none.

        A word that is of no kind is noted: what it stands for must not be guessed.
        """
        kinds = list(type(otherwise))
        word = text(value).lower()
        if word and word not in kinds:
            self.wrong(field, wrong.WORD_UNKNOWN(word=shown(word, 20), known=kinds))
        return next((each for each in kinds if each == word), otherwise)

    def decimal(self, value: Any, field: str) -> Decimal:
        """Return a number of at most four decimals; what is none is noted, and 0."""
        if isinstance(value, bool) or value is None or value == "":
            self.wrong(field, wrong.MISSING() if value in (None, "") else wrong.NOT_A_NUMBER())
            return Decimal(0)
        try:
            number = Decimal(str(value).strip())
        except InvalidOperation:
            self.wrong(field, wrong.NO_NUMBER_IS(value=shown(value)))
            return Decimal(0)
        if not number.is_finite() or number.adjusted() > 12 or abs(number) > _LARGEST:
            self.wrong(field, wrong.VALUE_OUT_OF_RANGE(value=shown(value)))
            return Decimal(0)
        if number and (number.adjusted() < -4 or number != round(number, 4)):
            self.wrong(field, wrong.DECIMALS(value=shown(value)))
            return Decimal(0)
        return number

    def time(self, value: Any, field: str, *, required: bool) -> datetime | None:
        """Return an aware time in UTC, None where there is none."""
        if isinstance(value, str) and value.strip():
            try:
                value = datetime.fromisoformat(value.strip())
            except ValueError:
                self.wrong(field, wrong.NOT_A_TIME(value=shown(value)))
                return None
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if isinstance(value, datetime):
            # At the ends of time no zone can be changed.
            if value.year in (MINYEAR, MAXYEAR):
                self.wrong(field, wrong.VALUE_OUT_OF_RANGE(value=f"{value:%Y-%m-%d %H:%M}"))
                return None
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
        if required:
            self.wrong(field, wrong.MISSING())
        return None


def text(value: Any) -> str:
    """Return a text without blanks around it; empty for what is none."""
    if value is None or isinstance(value, bool | dict | list | tuple):
        return ""
    return str(value).strip()[:_LONGEST]


def mapping(value: Any) -> Mapping[str, Any]:
    """Return named values; none for what has no names."""
    return value if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Any]:
    """Return a list; empty for what is none."""
    return list(value) if isinstance(value, list | tuple) else []


def first(value: Any, otherwise: Any) -> Any:
    """Return a value, or another where it was left empty."""
    return otherwise if value in (None, "") else value
