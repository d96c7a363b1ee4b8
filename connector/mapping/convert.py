"""Converters: small pure functions, made once from their typed parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import MAXYEAR, MINYEAR, date, datetime
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Decimal,
    InvalidOperation,
)
from typing import Any
from zoneinfo import ZoneInfo

from connector.domain.writing import normal
from connector.mapping import model
from connector.wording import problems as wrong
from connector.wording import shown, systems

Convert = Callable[[Any], Any]
Lookup = Mapping[str, Mapping[str, str]]

_ROUNDING = {
    "half_up": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
    "down": ROUND_DOWN,
    "up": ROUND_UP,
}
# The house number begins at the first digits that 号 or 弄 follow, at the latest at digits
# standing last.
_HOUSE = re.compile(r"[0-9０-９]+(?:[-—之/][0-9０-９]+)?\s*(?:号|號|弄)|[0-9０-９]+[A-Za-z]?\s*$")

# Where a long name may be cut: before a bracket or a space, and before a legal form.
_WORD = re.compile(r"[\s(（]|(?:股份|责任)?有限(?:责任)?公司|集团")
_LONGEST_FORM = 6


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
            return _places(spec.decimal)
        case model.TaxConverter():
            return _tax(spec.tax)
        case model.UnitConverter():
            factor, quantum = spec.unit.factor, _quantum(spec.unit.places)
            return lambda value: _decimal(_number(value) * factor, quantum)
        case model.DateConverter():
            return _dates(spec.date)
        case model.WholeConverter():
            return {"integer": _integer, "boolean": _boolean, "text": _text}[spec.to]
        case model.LookupConverter():
            return _lookup(spec.lookup, lookups[spec.lookup.table])
        case model.CutConverter():
            return lambda value: str(value)[: spec.cut]
        case model.PadConverter():
            pad = spec.pad
            if pad.side == "right":
                return lambda value: str(value).ljust(pad.width, pad.fill)
            return lambda value: str(value).rjust(pad.width, pad.fill)
        case model.AlphaConverter():
            return lambda value: _alpha(str(value).strip(), spec.alpha)
        case model.ReplaceConverter():
            before, _, after = spec.format.partition("{}")
            return lambda value: f"{before}{value}{after}"
        case model.ExchangeConverter():
            return lambda value: str(value).replace(spec.replace.what, spec.replace.by)
        case model.JoinConverter():
            return lambda value: spec.join.join(_text(each) for each in _parts(value))
        case model.FirstConverter():
            return lambda value: next(iter(_parts(value)), None)
        case model.SplitConverter():
            return lambda value: _part(str(value), spec.split)
        case model.AddressConverter():
            place = 0 if spec.address == "street" else 1
            return lambda value: split_address(str(value))[place]


def _alpha(number: str, width: int) -> str:
    return number.zfill(width) if number.isascii() and number.isdigit() else number


_LONGEST = 100


def normal_text(value: Any) -> str:
    """Return text on one line, in common widths, without entities of HTML and double spaces."""
    return normal(value if isinstance(value, str) else str(value))


def split_address(text: str) -> tuple[str, str]:
    """Return the street and the house number (with what follows it) of a Chinese address."""
    found = _HOUSE.search(text)
    if found is None or not text[: found.start()].strip():
        return text.strip(), ""
    return text[: found.start()].strip(), text[found.start() :].strip()


def _part(text: str, spec: model.SplitParameters) -> str:
    """Return one part of a text; nothing of it is lost where `of` says which is the last."""
    for part in range(1, spec.part):
        text = text[_cut(text, spec, part) :].lstrip() if len(text) > spec.width else ""
    if spec.part == spec.of or len(text) <= spec.width:
        return text
    return text[: _cut(text, spec, spec.part)].rstrip()


def _cut(text: str, spec: model.SplitParameters, part: int) -> int:
    """Return where a text that is too long for one part is cut, at the latest after `width`.

    No word is kept whole for which the rest would not go into the parts that follow.
    """
    if spec.at == "words":
        room = spec.width * (spec.of - part) if spec.of else len(text)
        places = [
            found.start()
            for found in _WORD.finditer(text, 0, spec.width + _LONGEST_FORM)
            if spec.width // 2 <= found.start() <= spec.width
            and len(text[found.start() :].lstrip()) <= room
        ]
        if places:
            return places[-1]
    return spec.width


def _parts(value: Any) -> list[Any]:
    return [
        each
        for each in (value if isinstance(value, list | tuple) else [value])
        if each is not None and each != ""
    ]


def _text(value: Any) -> str:
    plain = isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < _LONGEST
    return f"{value:f}" if plain else str(value)


def _quantum(places: int) -> Decimal:
    return Decimal(1).scaleb(-places)


def _number(value: Any) -> Decimal:
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value).strip())
        # No price and no quantity: a thousand digits would be written for nine of these.
        if not number.is_finite() or (number and abs(number.adjusted()) >= _LONGEST):
            raise InvalidOperation
    except InvalidOperation:
        raise ConversionError(wrong.NO_NUMBER_IS(value=shown(value))) from None
    return number


def _places(spec: model.Places) -> Convert:
    quantum = _quantum(spec.places)
    if spec.rounding is not None:
        rounding = _ROUNDING[spec.rounding]
        return lambda value: _decimal(value, quantum, rounding)

    def exact(value: Any) -> Decimal:
        # Money that is lost in silence is found by finance: a currency may have three decimals.
        made = _decimal(value, quantum)
        if made != _number(value):
            raise ConversionError(
                wrong.PLACES_EXCEEDED(value=shown(value), places=str(spec.places))
            )
        return made

    return exact


def _decimal(value: Any, quantum: Decimal, rounding: str = ROUND_HALF_UP) -> Decimal:
    try:
        return _number(value).quantize(quantum, rounding)
    except InvalidOperation:
        raise ConversionError(wrong.NO_NUMBER_IS(value=shown(value))) from None


def _tax(spec: model.TaxParameters) -> Convert:
    quantum, whole = _quantum(spec.places), 1 + spec.rate

    def taxed(value: Any) -> Decimal:
        amount = _number(value)
        if spec.to == "gross":
            return _decimal(amount * whole, quantum)
        net = _decimal(amount / whole, quantum)
        # The tax is what is left, so that net and tax always make up the amount.
        return net if spec.to == "net" else _decimal(amount, quantum) - net

    return taxed


def _dates(spec: model.DateParameters) -> Convert:
    """Return the converter. Raises ValueError for an unknown zone."""
    try:
        zone, assumed = ZoneInfo(spec.zone), ZoneInfo(spec.parse_zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {spec.zone!r} or {spec.parse_zone!r}") from None
    return lambda value: _date(value, spec.format, zone, spec.parse, assumed)


def _date(value: Any, form: str, zone: ZoneInfo, parse: str | None, assumed: ZoneInfo) -> Any:
    if isinstance(value, str):
        try:
            text = value.strip()
            value = datetime.strptime(text, parse) if parse else datetime.fromisoformat(text)
        except ValueError:
            raise ConversionError(wrong.NOT_A_TIME(value=shown(value))) from None
    if not isinstance(value, date):
        raise ConversionError(wrong.NOT_A_TIME(value=shown(value)))
    if isinstance(value, datetime):
        try:
            local = (value if value.tzinfo else value.replace(tzinfo=assumed)).astimezone(zone)
        except (OverflowError, ValueError):
            raise ConversionError(wrong.VALUE_OUT_OF_RANGE(value=shown(value))) from None
        if form == "time" and local.year in (MINYEAR, MAXYEAR):
            # Whoever shows it in another zone would fail.
            raise ConversionError(wrong.VALUE_OUT_OF_RANGE(value=shown(value)))
        value = local
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
        raise ConversionError(systems.NOT_WHOLE(value=shown(value)))
    return int(number)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in ("1", "true", "yes", "x", "是"):
        return True
    if text in ("0", "false", "no", "", "否"):
        return False
    raise ConversionError(systems.NEITHER(value=shown(text)))


def _lookup(spec: model.LookupParameters, table: Lookup) -> Convert:
    def look_up(value: Any) -> Any:
        row = table.get(str(value).strip())
        if row is not None:
            return row[spec.column]
        if spec.miss == "keep":
            return value
        if spec.miss == "default":
            return spec.default
        raise ConversionError(systems.NOT_IN_TABLE(value=shown(value), table=spec.table))

    return look_up
