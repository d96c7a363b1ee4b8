"""What of a mapping cannot be used at all, whatever the interfaces: each with its own place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from zoneinfo import available_timezones

from connector.mapping import model
from connector.mapping.convert import Lookup, converter
from connector.mapping.document import Block, Items, Where, nowhere
from connector.mapping.expression import Expression, ExpressionError
from connector.mapping.finding import Finding, near
from connector.mapping.texts import Schema, is_element, is_root


def schemas_of(spec: model.MappingModel, interfaces: Mapping[str, bytes]) -> dict[str, Schema]:
    """Return the schemas that a mapping holds its texts against, by name."""
    return {name: Schema(interfaces[name]) for name, _ in _schemas(spec, Block())}


def _schemas(spec: model.MappingModel, tree: Block) -> Iterator[tuple[str, Where]]:
    if spec.answer.schema_ is not None:
        yield spec.answer.schema_, _at(tree.block_at("answer"), "schema")
    waiting = [(spec.request, tree.items_at("request"))]
    while waiting:
        fields, items = waiting.pop()
        for place, each in enumerate(fields):
            block = items.block_at(place)
            if each.schema_ is not None:
                yield each.schema_, _at(block, "schema")
            waiting.append((each.fields or [], block.items_at("fields")))


def _texts(
    spec: model.MappingModel, tree: Block, interfaces: Mapping[str, bytes]
) -> Iterator[Finding]:
    for name, at in _schemas(spec, tree):
        if name not in interfaces:
            known = [each for each in interfaces if each.endswith(".xsd")]
            yield Finding(*at, "schema", f"there is no interfaces/{name}", near(name, known))
            continue
        try:
            Schema(interfaces[name])
        except ValueError as error:
            yield Finding(*at, "schema", f"interfaces/{name} {error}")


def unusable(
    spec: model.MappingModel,
    tree: Block,
    lookups: Mapping[str, Lookup],
    interfaces: Mapping[str, bytes],
) -> Iterator[Finding]:
    """Give every expression that does not compile and every converter that cannot be made."""
    yield from _texts(spec, tree, interfaces)
    yield from _fields(spec.request, tree.items_at("request"), lookups)
    calls = tree.items_at("calls")
    for place, call in enumerate(spec.calls):
        yield from _fields(call.request, calls.block_at(place).items_at("request"), lookups)
        if call.when is not None:
            yield from _expression(call.when, calls.block_at(place), "when")
    refusal = tree.block_at("refusal")
    for name in ("code", "text"):
        yield from _expression(getattr(spec.refusal, name), refusal, name)
    answer = tree.block_at("answer")
    yield from _fields(spec.answer.fields, answer.items_at("fields"), lookups)
    if spec.answer.text is not None:
        yield from _expression(spec.answer.text, answer, "text")
    values = answer.block_at("values")
    for name, text in spec.answer.values.items():
        yield from _expression(text, values, name)
    for text in spec.answer.messages:
        yield from _expression(text, answer, "messages")
    rules = answer.items_at("outcome")
    for place, rule in enumerate(spec.answer.outcome):
        for name, words in (("when", rule.when), ("code", rule.code), ("text", rule.text)):
            if words:
                yield from _expression(words, rules.block_at(place), name)
    find_by = tree.block_at("read_table").items_at("find_by")
    for place, each in enumerate(spec.read_table.find_by if spec.read_table else ()):
        block = find_by.block_at(place)
        yield from _sources(each.source, block)
        yield from _converters(each.convert, block, lookups)
        if each.when is not None:
            yield from _expression(each.when, block, "when")
        if each.within is not None:
            yield from _expression(each.within.source, block.block_at("within"), "source")


def _fields(
    specs: Sequence[model.FieldModel],
    tree: Items,
    lookups: Mapping[str, Lookup],
    *,
    xml: bool = False,
) -> Iterator[Finding]:
    for place, spec in enumerate(specs):
        block = tree.block_at(place)
        if xml and not all(map(is_element, spec.field.split("."))):
            yield Finding(*_at(block, "field"), "field", f"{spec.field!r} is no name in XML")
        if spec.root is not None and not is_root(spec.root):
            wrong = f"{spec.root!r} is no name in XML"
            yield Finding(*_at(block, "root"), "field", wrong, "name, or {namespace}name")
        if spec.source is not None:
            yield from _sources(spec.source, block)
        for name, text in (("each", spec.each), ("when", spec.when)):
            if text is not None:
                yield from _expression(text, block, name)
        yield from _converters(spec.convert, block, lookups)
        if any(not part for part in spec.field.split(".")):
            yield Finding(*_at(block, "field"), "field", "a part of the path is empty")
        if spec.fields is not None:
            inner = block.items_at("fields")
            yield from _fields(spec.fields, inner, lookups, xml=xml or spec.as_ == "xml")
    yield from _twice(specs, tree)


def _twice(specs: Sequence[model.FieldModel], tree: Items) -> Iterator[Finding]:
    """Give fields that would take the place of another of the same name.

    Of fields with one name each needs a condition of its own: the last that applies wins.
    """
    seen: dict[str, tuple[Where, set[str | None]]] = {}
    for place, spec in enumerate(specs):
        at = _at(tree.block_at(place), "field")
        first, conditions = seen.setdefault(spec.field, (at, set()))
        if first is not at and (None in {spec.when, *conditions} or spec.when in conditions):
            message = f"{spec.field} stands twice, first in {first}: the last would win"
            remedy = "leave one, or give each a `when` of its own"
            yield Finding(*at, "field-twice", message, remedy)
        conditions.add(spec.when)


def _sources(source: str | list[str], block: Block) -> Iterator[Finding]:
    if isinstance(source, str):
        yield from _expression(source, block, "source")
        return
    items = block.items_at("source")
    for place, text in enumerate(source):
        at = items.places[place] if place < len(items.places) else _at(block, "source")
        yield from _compiled(text, at)


def _expression(text: str, block: Block, name: str) -> Iterator[Finding]:
    yield from _compiled(text, _at(block, name))


def _compiled(text: str, at: Where) -> Iterator[Finding]:
    try:
        Expression(text)
    except ExpressionError as error:
        yield Finding(*at, "jmespath", f"{text[:60]!r}: {error}", "see https://jmespath.org")


def _converters(
    specs: Sequence[model.Converter], block: Block, lookups: Mapping[str, Lookup]
) -> Iterator[Finding]:
    items = block.items_at("convert")
    for place, spec in enumerate(specs):
        at = items.places[place] if place < len(items.places) else _at(block, "convert")
        if isinstance(spec, model.LookupConverter):
            yield from _lookup(spec.lookup, items.block_at(place).block_at("lookup"), at, lookups)
        elif isinstance(spec, model.DateConverter):
            yield from _date(spec.date, at)
        elif isinstance(spec, model.ReplaceConverter) and spec.format.count("{}") != 1:
            yield Finding(*at, "format", "the value has no one place", "write {} once")
        else:
            converter(spec, lookups)


def _lookup(
    spec: model.LookupParameters, block: Block, at: Where, lookups: Mapping[str, Lookup]
) -> Iterator[Finding]:
    table = lookups.get(spec.table)
    at = block.places.get("table", at)
    if table is None:
        message = f"there is no lookup table {spec.table}.csv"
        yield Finding(*at, "lookup-missing", message, near(spec.table, lookups))
    elif not table:
        yield Finding(*at, "lookup-empty", f"{spec.table}.csv holds no rows")
    elif any(spec.column not in row for row in table.values()):
        columns = next(iter(table.values()))
        message = f"{spec.table}.csv has no column {spec.column}"
        at = block.places.get("column", at)
        yield Finding(*at, "lookup-column", message, near(spec.column, columns))


def _date(spec: model.DateParameters, at: Where) -> Iterator[Finding]:
    for zone in (spec.zone, spec.parse_zone):
        if zone not in _zones():
            message = f"there is no time zone {zone}"
            yield Finding(*at, "zone", message, near(zone, _zones()))
    if spec.format not in ("iso", "date", "time"):
        shown = datetime(2026, 11, 24, 13, 5, 9, tzinfo=UTC).strftime(spec.format)
        if "%" not in spec.format or "%" in shown:
            suggestion = "iso, date, time, or strftime such as %Y%m%d"
            yield Finding(*at, "date-format", f"{spec.format!r} is no form of a date", suggestion)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _at(block: Block, name: str) -> Where:
    return block.places.get(name) or block.at or nowhere()
