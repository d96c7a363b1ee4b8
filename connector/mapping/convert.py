"""Converters: small pure functions, made once from their typed parameters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from connector.mapping import model

Convert = Callable[[Any], Any]
Lookup = Mapping[str, Mapping[str, str]]

_SPACES = re.compile(r"\s+")
# Control characters, and the lone surrogates and noncharacters that XML 1.0 cannot carry.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class ConversionError(ValueError):
    """A value cannot be converted; the message says why."""


def converter(spec: model.Converter, lookups: Mapping[str, Lookup]) -> Convert:
    """Return the function that a converter stands for. Raises KeyError for a missing table."""
    match spec:
        case model.Text():
            return normal_text
        case model.Case():
            return lambda value: getattr(str(value), spec.case)()
        case model.DecimalConverter():
            quantum = Decimal(1).scaleb(-spec.decimal.places)
            return lambda value: _decimal(value, quantum)
        case model.DateConverter():
            zone = ZoneInfo(spec.date.zone)
            return lambda value: _date(value, spec.date.format, zone)
        case model.WholeConverter():
            return {"integer": _integer, "boolean": _boolean, "text": _text}[spec.to]
        case model.LookupConverter():
            return _lookup(spec.lookup, lookups[spec.lookup.table])
        case model.CutConverter():
            return lambda value: str(value)[: spec.cut]
        case model.PadConverter():
            return lambda value: str(value).rjust(spec.pad.width, spec.pad.fill)
        case model.ReplaceConverter():
            before, _, after = spec.format.partition("{}")
            return lambda value: f"{before}{value}{after}"


def normal_text(value: Any) -> str:
    """Return text in NFKC form on one line, without control characters and double spaces."""
    text = _UNPRINTABLE.sub(" ", unicodedata.normalize("NFKC", str(value)))
    return _SPACES.sub(" ", text).strip()


def _text(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _decimal(value: Any, quantum: Decimal) -> Decimal:
    try:
        number = Decimal(str(value).strip())
        if not number.is_finite():
            raise InvalidOperation
        return number.quantize(quantum, ROUND_HALF_UP)
    except InvalidOperation:
        raise ConversionError(f"{str(value)[:40]!r} is not a number") from None


def _date(value: Any, form: str, zone: ZoneInfo) -> Any:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ConversionError(f"{value[:40]!r} is not a time") from None
    if not isinstance(value, date):
        raise ConversionError(f"{str(value)[:40]!r} is not a time")
    if isinstance(value, datetime):
        try:
            value = (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(zone)
        except (OverflowError, ValueError):
            raise ConversionError(f"{str(value)[:40]!r} is out of range") from None
    if form == "iso":
        return value.isoformat()
    if form == "date":
        return value.date() if isinstance(value, datetime) else value
    if form == "time":
        return value
    return value.strftime(form)


def _integer(value: Any) -> int:
    number = _decimal(value, Decimal(1))
    if number != _decimal(value, Decimal("0.000001")):
        raise ConversionError(f"{str(value)[:40]!r} is not a whole number")
    return int(number)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in ("1", "true", "yes", "x", "是"):
        return True
    if text in ("0", "false", "no", "", "否"):
        return False
    raise ConversionError(f"{text[:40]!r} is neither true nor false")


def _lookup(spec: model.LookupParameters, table: Lookup) -> Convert:
    def look_up(value: Any) -> Any:
        row = table.get(str(value).strip())
        if row is not None:
            return row[spec.column]
        if spec.miss == "keep":
            return value
        if spec.miss == "default":
            return spec.default
        raise ConversionError(f"{str(value)[:40]!r} is not in the lookup table {spec.table}.csv")

    return look_up
