"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Text
from sqlalchemy.types import TypeDecorator

from connector.wording import Said, recalled, recorded

_SCALE = 10_000


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
        scaled = Decimal(value) * _SCALE
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


class ExactJson(TypeDecorator[Any]):
    """JSON as text. Numbers with a point come back as Decimal; Decimal and times go in as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write compactly and in a stable sequence of keys."""
        return value if value is None or isinstance(value, Written) else dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read, keeping decimals exact."""
        return None if value is None else json.loads(value, parse_float=Decimal)


class SaidText(TypeDecorator[Said]):
    """A text of the connector's: as it is, or JSON where it is a sentence of the catalogue.

    What an older version stored, and words that are not ours, come back without a code.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Keep the sentence's code and values beside the text."""
        return None if value is None else told(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Said | None:
        """Give back the text with what it is known to be."""
        if value is None:
            return None
        return recalled(json.loads(value)) if value.startswith(_OPENS) else Said(value)


class SaidList(TypeDecorator[list[Said]]):
    """Texts of the connector's, as JSON: see `SaidText`."""

    impl = ExactJson
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Keep each sentence's code and values beside its text."""
        return None if value is None else [recorded(each) for each in value]

    def process_result_value(self, value: Any, dialect: Dialect) -> list[Said] | None:
        """Give back each text with what it is known to be."""
        return None if value is None else [recalled(each) for each in value]


_OPENS = ('{"code":', '{"text":')


def told(text: str) -> str:
    """Return what a column of texts holds of one, for statements that bind no types."""
    stored = recorded(text)
    if isinstance(stored, str):
        # A text that looks like what is kept of a sentence must not be taken for it.
        return dumps({"text": stored}) if stored.startswith(_OPENS) else stored
    return dumps(stored)


def dumps(value: Any) -> str:
    """Write JSON that is the same for equal values: the base of every content hash.

    U+0000 and lone surrogates, which PostgreSQL and UTF-8 cannot hold, become U+FFFD.
    """
    text = json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain
    )
    return text.replace("\\u0000", "\ufffd").encode("utf-8", "replace").decode()


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
