"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect
from sqlalchemy import String as _String
from sqlalchemy import Text as _Text
from sqlalchemy.types import TypeDecorator

from connector.domain.bounds import DEEPEST
from connector.wording import Said, recalled, recorded

_SCALE = 10_000
# What a whole number of a column (BIGINT) holds is less than ten to the nineteenth.
_MOST_DIGITS = 18
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# U+FFFD behind an odd number of backslashes: older versions put it where \u0000 was typed.
_CUT = re.compile(r"(?<!\\)((?:\\\\)*)\\\ufffd")


def storable(value: Any) -> Any:
    """Return a text, or JSON of them, as every database holds it; most come back as they are.

    U+0000 and lone surrogates, which PostgreSQL and UTF-8 cannot hold, become U+FFFD, in keys as
    in values. A whole number too long to be written becomes a Decimal. What nests deeper than
    anything that means something becomes a text that says so.
    """
    return _storable(value, DEEPEST)


def _storable(value: Any, deeper: int) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value) if _UNSTORABLE.search(value) else value
    if isinstance(value, Mapping):
        if not deeper:
            return _TOO_DEEP
        return {_storable(name, 1): _storable(each, deeper - 1) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(each, deeper - 1) for each in value] if deeper else _TOO_DEEP
    if isinstance(value, int) and abs(value) >= _LONGEST_NUMBER:
        return Decimal(value)
    return value


_TOO_DEEP = f"(nested deeper than {DEEPEST} levels)"
_LONGEST_NUMBER = 10**300


class String(TypeDecorator[str]):
    """A text of limited length, made storable."""

    impl = _String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Take out what a database cannot hold: see `storable`."""
        return None if value is None else storable(value)


class Text(TypeDecorator[str]):
    """A text of any length, made storable."""

    impl = _Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Take out what a database cannot hold: see `storable`."""
        return None if value is None else storable(value)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, kept in UTC. A naive one is refused: nobody could tell what it means."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; SQLite gets the UTC wall clock, as it keeps no zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be stored: {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Exact(TypeDecorator[Decimal]):
    """An amount or quantity with up to four decimals, kept as a whole number of ten-thousandths.

    Both databases then add and compare exactly; SQLite has no decimal type of its own.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """Scale up; more than four decimals are an error, never rounded away unseen."""
        if value is None:
            return None
        value = Decimal(value)
        if not value.is_finite() or value.adjusted() + 4 >= _MOST_DIGITS:
            raise ValueError(f"so large an amount cannot be stored: {str(value)[:40]}")
        scaled = value * _SCALE
        if scaled != scaled.to_integral_value():
            raise ValueError(f"more than four decimals cannot be stored: {value}")
        return int(scaled)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        """Scale down, without trailing zeros beyond two decimals."""
        return None if value is None else scaled_down(value)


def scaled_down(value: int) -> Decimal:
    """Turn ten-thousandths into a Decimal with at least two decimals."""
    amount = Decimal(value) / _SCALE
    return amount.quantize(Decimal("0.01")) if value % 100 == 0 else amount.normalize()


class Written(str):
    """JSON that `dumps` wrote before: it goes in as it is."""

    __slots__ = ()


class Unreadable(dict[str, Any]):
    """What stands for JSON that is stored and cannot be read any more: empty, and known as such.

    So one such row ends no query of many. Whoever works with one order asks `OrderRow.unreadable`.
    """


class ExactJson(TypeDecorator[Any]):
    """A JSON object as text. Numbers with a point come back as Decimal.

    Decimal and times go in as text. What cannot be read comes back as `Unreadable`.
    """

    impl = _Text
    cache_ok = True
    _read_as: type[Any] = dict

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write compactly and in a stable sequence of keys."""
        if isinstance(value, Unreadable):
            raise ValueError("what could not be read is not written over what is stored")
        return value if value is None or isinstance(value, Written) else dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read, keeping decimals exact."""
        if value is None:
            return None
        read = read_json(value)
        return read if isinstance(read, self._read_as) else Unreadable()


class ExactJsonList(ExactJson):
    """A JSON list as text: see `ExactJson`."""

    cache_ok = True
    _read_as = list


def read_json(text: str) -> Any:
    """Read stored JSON; `Unreadable` where that is impossible.

    Where an older version cut a typed backslash, the text reads as it was typed.
    """
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(_CUT.sub(r"\1\\\\u0000", text), parse_float=Decimal)
    except (ValueError, RecursionError):
        return Unreadable()


class SaidText(TypeDecorator[Said]):
    """A text of the connector's: as it is, or JSON where it is a sentence of the catalogue.

    What an older version stored, and words that are not ours, come back without a code.
    """

    impl = _Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Keep the sentence's code and values beside the text."""
        return None if value is None else told(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Said | None:
        """Give back the text with what it is known to be."""
        if value is None or not value.startswith(_OPENS):
            return None if value is None else Said(value)
        read = read_json(value)
        return Said(value) if isinstance(read, Unreadable) else recalled(read)


class SaidList(TypeDecorator[list[Said]]):
    """Texts of the connector's, as JSON: see `SaidText`."""

    impl = _Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Keep each sentence's code and values beside its text."""
        return None if value is None else dumps([recorded(each) for each in value])

    def process_result_value(self, value: str | None, dialect: Dialect) -> list[Said] | None:
        """Give back each text with what it is known to be."""
        if value is None:
            return None
        read = read_json(value)
        return [recalled(each) for each in (read if isinstance(read, list) else [value])]


_OPENS = ('{"code":', '{"text":')


def told(text: str) -> str:
    """Return what a column of texts holds of one, for statements that bind no types."""
    stored = recorded(text)
    if isinstance(stored, str):
        # A text that looks like what is kept of a sentence must not be taken for it.
        return dumps({"text": stored}) if stored.startswith(_OPENS) else str(storable(stored))
    return dumps(stored)


def dumps(value: Any) -> str:
    """Write JSON that is the same for equal values: the base of every content hash.

    What no database holds is taken out of the texts before they are written: see `storable`.
    """
    try:
        text = _ENCODE(value)
        # What is innocent, which is nearly everything, is looked through once and quickly.
        if "\\u0000" not in text:
            text.encode()
            return text
    except (ValueError, RecursionError):  # an encoding error is a ValueError
        pass
    return _ENCODE(storable(value))


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


_ENCODE = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain
).encode
