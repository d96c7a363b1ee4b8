"""What converters make of a value's shape, and whether it fits where it goes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from connector.mapping import model
from connector.mapping.convert import ConversionError, Lookup, converter
from connector.mapping.finding import near
from connector.mapping.infer import Problem, literal
from connector.mapping.shape import ANY, BOOLEAN, DATE, INTEGER, TEXT, TIME, Shape, merged

TO_BOOLEAN = "convert: [{to: boolean}]"
_SAMPLE = datetime(2026, 11, 24, 13, 5, 9, 123456, tzinfo=UTC)


def converted(
    shape: Shape, specs: Sequence[model.Converter], lookups: Mapping[str, Lookup]
) -> tuple[Shape, list[Problem]]:
    """Return what a value is after its converters, and which of them cannot take it."""
    problems: list[Problem] = []
    for spec in specs:
        if shape.kind == "object" or (
            shape.kind == "list"
            and not isinstance(spec, model.JoinConverter | model.FirstConverter)
        ):
            problems.append(Problem("type", f"a {shape.kind} cannot be converted"))
            return ANY, problems
        shape = _one(shape, spec, lookups, problems)
    return shape, problems


def _one(
    shape: Shape,
    spec: model.Converter,
    lookups: Mapping[str, Lookup],
    problems: list[Problem],
) -> Shape:
    text = replace(shape, kind="text") if shape.kind == "text" else TEXT
    match spec:
        case model.Text():
            return text
        case model.Case():
            return replace(text, allowed=tuple(_each(text.allowed, spec, lookups)), known=())
        case model.DecimalConverter():
            _numeric(shape, problems)
            return Shape("number", decimals=spec.decimal.places)
        case model.TaxConverter():
            _numeric(shape, problems)
            return Shape("number", decimals=spec.tax.places)
        case model.UnitConverter():
            _numeric(shape, problems)
            return Shape("number", decimals=spec.unit.places)
        case model.DateConverter():
            if shape.kind not in ("text", "date", "time", "any"):
                problems.append(Problem("type", f"a {shape.kind} is no time"))
            return _dated(spec.date)
        case model.WholeConverter():
            made = {"integer": INTEGER, "boolean": BOOLEAN, "text": text}[spec.to]
            if spec.to == "integer":
                _numeric(shape, problems)
                if shape.kind == "number" and shape.decimals != 0:
                    rounded = "round it before: {decimal: {places: 0}}"
                    problems.append(Problem("type", "a number with decimals fails here", rounded))
            return made
        case model.LookupConverter():
            return _looked_up(shape, spec.lookup, lookups[spec.lookup.table], problems)
        case model.CutConverter():
            return _shortened(text, spec.cut, spec, lookups)
        case model.SplitConverter():
            last = spec.split.part == spec.split.of
            return Shape("text", max_length=text.max_length if last else spec.split.width)
        case model.PadConverter():
            longest = None if text.max_length is None else max(text.max_length, spec.pad.width)
            return Shape("text", max_length=longest)
        case model.AlphaConverter():
            longest = None if text.max_length is None else max(text.max_length, spec.alpha)
            return Shape("text", max_length=longest)
        case model.ReplaceConverter():
            more = len(spec.format) - 2
            longest = None if text.max_length is None else text.max_length + more
            made_of = tuple(_each(text.allowed, spec, lookups))
            return Shape("text", max_length=longest, allowed=made_of)
        case model.FirstConverter():
            return (shape.item or ANY) if shape.kind == "list" else shape
        case model.AddressConverter():
            return Shape("text", max_length=text.max_length)
        case _:
            return TEXT


def _each(
    words: Sequence[str], spec: model.Converter, lookups: Mapping[str, Lookup]
) -> Iterator[str]:
    convert = converter(spec, lookups)
    for word in words:
        try:
            yield str(convert(word))
        except ConversionError:
            continue


def _numeric(shape: Shape, problems: list[Problem]) -> None:
    if shape.kind in ("boolean", "date", "time"):
        problems.append(Problem("type", f"a {shape.kind} is no number"))
    for word in shape.allowed:
        try:
            float(word)
        except ValueError:
            problems.append(Problem("type", f"{word!r} is no number"))
            return


def _dated(spec: model.DateParameters) -> Shape:
    if spec.format in ("date", "time"):
        return {"date": DATE, "time": TIME}[spec.format]
    shown = _SAMPLE.isoformat() if spec.format == "iso" else _SAMPLE.strftime(spec.format)
    return Shape("text", max_length=len(shown))


def _shortened(
    shape: Shape, length: int, spec: model.Converter, lookups: Mapping[str, Lookup]
) -> Shape:
    longest = length if shape.max_length is None else min(length, shape.max_length)
    return Shape("text", max_length=longest, allowed=tuple(_each(shape.allowed, spec, lookups)))


def _looked_up(
    shape: Shape, spec: model.LookupParameters, table: Lookup, problems: list[Problem]
) -> Shape:
    words = [row.get(spec.column, "") for row in table.values()]
    lost = [word for word in shape.allowed if word and word not in table]
    if lost and spec.miss != "keep":
        becomes = "would be refused" if spec.miss == "reject" else f"would become {spec.default}"
        text = f"{', '.join(lost)} is not in {spec.table}.csv and {becomes}"
        problems.append(Problem("lookup-miss", text, near(lost[0], table)))
    for key in table:
        if shape.allowed and key not in shape.allowed:
            alike = near(key, shape.allowed)
            text = f"{spec.table}.csv: {key} never occurs"
            problems.append(Problem("lookup-key", text, alike, "warning"))
    if spec.miss == "default" and spec.default is not None:
        words.append(spec.default)
    if spec.miss == "keep":
        kept = tuple(lost) if shape.allowed else None
        if kept is None:
            longest = shape.max_length
            inner = max((len(word) for word in words), default=0)
            return Shape("text", max_length=None if longest is None else max(longest, inner))
        words += kept
    return Shape(
        "text",
        allowed=tuple(dict.fromkeys(words)),
        max_length=max((len(word) for word in words), default=0),
    )


def of_field(spec: model.FieldModel, shape: Shape) -> Shape:
    """Return what a field gives, with its default and its longest length."""
    if spec.default is not None:
        other = literal(spec.default)
        numeric = all(_is_number(word) for word in other.allowed)
        if not (shape.kind in ("number", "integer") and other.kind == "text" and numeric):
            shape = merged([shape, other])
    if spec.max_length is not None and shape.kind in ("text", "any"):
        known = shape.max_length
        longest = spec.max_length if known is None else min(known, spec.max_length)
        shape = replace(shape, max_length=longest)
    return shape


def unfit(value: Shape, target: Shape, system: str) -> Iterator[Problem]:
    """Give why a value of one shape cannot go where another is wanted."""
    if "any" in (value.kind, target.kind):
        if system == "storefront" and value.kind in ("number", "date", "time"):
            yield _not_json(value)
        if target.kind == "any" and target.decimals and value.kind == "integer":
            yield Problem("type", "a whole number where an amount is wanted")
        if target.kind == "text" and value.kind == "any":
            yield from _lengths(value, target)
        return
    if target.kind in ("object", "list") or value.kind in ("object", "list"):
        if target.kind != value.kind:
            yield Problem("type", f"gives a {value.kind} where a {target.kind} is wanted")
        return
    if target.kind == "text":
        yield from _text(value, target, system)
    elif target.kind in ("number", "integer"):
        yield from _number(value, target, system)
    elif target.kind != value.kind and not (
        system == "sap" and target.kind == "date" and value.kind == "text"
    ):
        suggestion = {
            "date": "convert: [{date: {format: date, zone: Asia/Shanghai}}]",
            "time": "convert: [{date: {format: time}}]",
            "boolean": TO_BOOLEAN,
        }.get(target.kind, "")
        yield Problem("type", f"gives a {value.kind} where a {target.kind} is wanted", suggestion)


def _not_json(value: Shape) -> Problem:
    suggestion = "convert: [{to: text}]" if value.kind == "number" else "convert: [{date: {}}]"
    return Problem("type", f"a {value.kind} cannot stand in JSON as it is", suggestion)


def _text(value: Shape, target: Shape, system: str) -> Iterator[Problem]:
    if value.kind in ("date", "time") or (value.kind == "boolean" and system != "sap"):
        suggestion = "convert: [{date: {format: …}}]" if value.kind != "boolean" else ""
        yield Problem("type", f"gives a {value.kind} where a text is wanted", suggestion)
        return
    if system == "storefront" and value.kind == "number":
        yield _not_json(value)
        return
    if value.kind == "text":
        yield from _lengths(value, target)
        yield from _words(value, target)


def _lengths(value: Shape, target: Shape) -> Iterator[Problem]:
    if target.max_length is None or target.allowed:
        return
    if value.allowed:
        longest = max(map(len, value.allowed))
    elif value.max_length is None:
        if target.pattern is None:
            yield Problem(
                "length",
                f"a text of any length where {target.max_length} characters are allowed",
                f"max_length: {target.max_length}",
            )
        return
    else:
        longest = value.max_length
    if longest > target.max_length:
        yield Problem(
            "length",
            f"up to {longest} characters where {target.max_length} are allowed",
            f"max_length: {target.max_length}",
        )


def _words(value: Shape, target: Shape) -> Iterator[Problem]:
    for word in value.allowed:
        if target.allowed and word not in target.allowed:
            yield Problem("enumeration", f"{word!r} is not allowed", near(word, target.allowed))
        elif len(word) < target.min_length:
            yield Problem("length", f"{word!r} is too short")
        elif target.pattern and not _matches(target.pattern, word):
            yield Problem("pattern", f"{word!r} does not fit {target.pattern}")


def _matches(pattern: str, word: str) -> bool:
    try:
        return re.fullmatch(pattern, word) is not None
    except re.error:
        return True  # XSD's patterns know a few things that Python's do not


def _number(value: Shape, target: Shape, system: str) -> Iterator[Problem]:
    if value.kind not in ("number", "integer"):
        if value.kind == "text" and value.allowed and all(_is_number(e) for e in value.allowed):
            return
        suggestion = "convert: [{decimal: {places: 2}}]"
        if target.kind == "integer":
            suggestion = "convert: [{to: integer}]"
        yield Problem("type", f"gives a {value.kind} where a number is wanted", suggestion)
        return
    if target.kind == "integer" and value.kind == "number":
        yield Problem("type", "gives a number with decimals", "convert: [{to: integer}]")
    if system == "storefront" and value.kind == "number":
        yield _not_json(value)
    if target.decimals is None or value.kind == "integer":
        return
    suggestion = f"convert: [{{decimal: {{places: {target.decimals}}}}}]"
    if value.decimals is None:
        yield Problem(
            "decimals",
            f"any number of decimals where {target.decimals} are allowed",
            suggestion,
        )
    elif value.decimals > target.decimals:
        text = f"{value.decimals} decimals where {target.decimals} are allowed"
        yield Problem("decimals", text, suggestion)


def _is_number(word: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", word) is not None
