"""Values as OData V2 writes them: in addresses, in JSON, and read back from JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from connector.sap.odata.metadata import Property

_TICKS = re.compile(r"/Date\((-?\d+)([+-]\d{1,4})?\)/")
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_WHOLE = frozenset({"Edm.Int16", "Edm.Int32", "Edm.Int64", "Edm.Byte", "Edm.SByte"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def literal(known: Property, value: Any) -> str:
    """Return a value as it stands in an address. Raises ValueError."""
    if value is None:
        return "null"
    if known.edm == "Edm.Boolean":
        return str(_truth(value)).lower()
    if known.edm == "Edm.DateTime":
        return f"datetime'{_moment(value):%Y-%m-%dT%H:%M:%S}'"
    if known.edm == "Edm.DateTimeOffset":
        return f"datetimeoffset'{_moment(value):%Y-%m-%dT%H:%M:%S}Z'"
    if known.edm == "Edm.Decimal":
        return f"{_number(value)}M"
    if known.edm in _WHOLE or known.edm in ("Edm.Double", "Edm.Single"):
        return _number(value)
    text = str(value).replace("'", "''")
    return f"guid'{text}'" if known.edm == "Edm.Guid" else f"'{text}'"


def written(known: Property, value: Any) -> Any:
    """Return a value as it stands in JSON. Raises ValueError."""
    if value is None:
        return None
    if known.edm == "Edm.Boolean":
        return _truth(value)
    if known.edm in ("Edm.DateTime", "Edm.DateTimeOffset"):
        return f"/Date({int((_moment(value) - _EPOCH).total_seconds() * 1000)})/"
    if known.edm == "Edm.Time" and isinstance(value, time):
        return f"PT{value:%H}H{value:%M}M{value:%S}S"
    if known.edm in _WHOLE:
        return int(_number(value))
    if known.edm in ("Edm.Decimal", "Edm.Double", "Edm.Single"):
        return _number(value)
    return str(value)


def read(known: Property, value: Any) -> Any:
    """Return a value of an answer; a date without a time is a date. Raises ValueError."""
    if value is None:
        return None
    if known.edm == "Edm.Boolean":
        if not isinstance(value, bool):
            raise ValueError(f"{known.name} is no truth value")
        return value
    if known.edm in _WHOLE and isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, bool | list | Mapping) or (
        isinstance(value, int | Decimal) and known.edm == "Edm.String"
    ):
        raise ValueError(f"{known.name} is no {known.edm}")
    text = str(value)
    if known.edm in ("Edm.DateTime", "Edm.DateTimeOffset"):
        return _read_moment(known, text)
    if known.edm == "Edm.Time" and not _DURATION.fullmatch(text):
        raise ValueError(f"{known.name} is no time")
    if known.edm in ("Edm.Decimal", "Edm.Double", "Edm.Single") and not _NUMBER.fullmatch(text):
        raise ValueError(f"{known.name} is no number")
    return text


def _read_moment(known: Property, text: str) -> date | datetime:
    found = _TICKS.fullmatch(text)
    if found is None:
        raise ValueError(f"{known.name} is no date")
    try:
        moment = _EPOCH + timedelta(milliseconds=int(found[1]))
    except OverflowError:
        raise ValueError(f"{known.name} is no date") from None
    plain = known.edm == "Edm.DateTime" and moment.time() == time(0)
    return moment.date() if plain else moment


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in ("true", "x", "1"):
        return True
    if text in ("false", "", "0"):
        return False
    raise ValueError("neither true nor false")


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(0), UTC)
    text = str(value).strip()
    if re.fullmatch(r"\d{8}", text):
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return _moment(datetime.fromisoformat(text))


def _number(value: Any) -> str:
    text = f"{value:f}" if isinstance(value, Decimal) else str(value).strip()
    if isinstance(value, bool) or not _NUMBER.fullmatch(text):
        raise ValueError("no number")
    return text
