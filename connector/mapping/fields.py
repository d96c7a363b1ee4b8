"""Compiles the fields of mappings: each a plain function of a source."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

from connector.mapping import model
from connector.mapping.convert import ConversionError, Convert, Lookup, converter
from connector.mapping.document import Block, Items, Where, nowhere
from connector.mapping.expression import Expression, TooCostly, holds, rows_of
from connector.mapping.texts import Form, Schema, written
from connector.wording import Said, quoted, systems

_NOTHING: tuple[Any, ...] = (None, "")
# The names that an expression of a list begins with: `data.rows` of `data.rows[?open]`.
_LEADING = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?=$|\[|\s*\|\|)")


class Traced(NamedTuple):
    """One value of a request: its place there, what it is, and which line of a file made it."""

    path: str
    value: Any
    where: Where
    made_of: str


class Broken(NamedTuple):
    """A row of a list that cannot be read: as it came, what could be read of it, and why not."""

    item: Any
    read: dict[str, Any]
    findings: list[str]


class Run:
    """One application: gathers findings and notes, and the origin of values when asked to.

    Of the list `apart`, rows with findings are left out and gathered in `broken`; with `only`,
    these are its rows.
    """

    __slots__ = ("apart", "broken", "findings", "notes", "only", "traces")

    def __init__(
        self,
        traces: list[Traced] | None = None,
        apart: str = "",
        only: Sequence[Any] | None = None,
    ) -> None:
        self.findings: list[str] = []
        self.notes: list[str] = []
        self.traces = traces
        self.apart = apart
        self.only = only
        self.broken: list[Broken] = []


Compiled = Callable[[Any, Run, str], Any]


@dataclass(frozen=True)
class Field:
    """One compiled field."""

    name: str
    path: tuple[str, ...]
    value: Compiled
    when: Expression | None


class Kit(NamedTuple):
    """What fields are compiled with, beside their text.

    `asked`: the fields are read from an answer in which a list that was not found is not an empty
    one. `form` is that of an answer in a text.
    """

    lookups: AbstractMapping[str, Lookup]
    schemas: AbstractMapping[str, Schema] = {}
    asked: bool = False
    form: Form | None = None


def compiled(specs: Sequence[model.FieldModel], kit: Kit, tree: Items) -> tuple[Field, ...]:
    """Return fields as functions of a source; `tree` is the text that they stand in."""
    return tuple(
        Field(
            spec.field,
            tuple(spec.field.split(".")),
            _of(spec)(spec, kit, tree.block_at(place)),
            Expression(spec.when) if spec.when is not None else None,
        )
        for place, spec in enumerate(specs)
    )


def _of(spec: model.FieldModel) -> Callable[[model.FieldModel, Kit, Block], Compiled]:
    if spec.as_ is not None:
        return _message
    return _list if spec.each is not None else single


def _message(spec: model.FieldModel, kit: Kit, tree: Block) -> Compiled:
    """Compile a field that is a whole message as a text."""
    fields = compiled(spec.fields or (), kit, tree.items_at("fields"))
    schema = kit.schemas.get(spec.schema_ or "")

    def built(scope: Any, run: Run, place: str) -> Any:
        known = len(run.findings)
        body = build(fields, scope, run, f"{place}{spec.field}.")
        if len(run.findings) > known or not body:
            return None
        try:
            text = written(body, spec.as_ or "xml", spec.root or "", schema, cdata=spec.cdata)
        except ConversionError as error:
            run.findings.append(named(place, spec.field, error.args[0]))
            return None
        return _fitted(spec, text, run, place)

    return built


def build(fields: Sequence[Field], scope: Any, run: Run, place: str = "") -> dict[str, Any]:
    """Return what the fields make of a source; what is wrong with it is added to the run."""
    body: dict[str, Any] = {}
    for each in fields:
        try:
            if each.when is not None and not holds(each.when(scope)):
                continue
            value = each.value(scope, run, place)
        except TooCostly as error:
            run.findings.append(f"{place}{each.name}: {error}")
            continue
        if value is None:
            continue
        path = each.path
        if len(path) == 1:
            body[path[0]] = value
            continue
        inner = body
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        inner[path[-1]] = value
    return body


def _list(spec: model.FieldModel, kit: Kit, tree: Block) -> Compiled:
    items = Expression(spec.each or "@")
    fields = compiled(spec.fields or (), kit, tree.items_at("fields"))
    understood = _understood(spec.each or "@", kit)

    def built(scope: Any, run: Run, place: str) -> Any:
        apart = not place and spec.field == run.apart
        if apart and run.only is not None:
            found, wrong = run.only, None
        else:
            found = rows_of(items(scope))
            wrong = understood(scope, found)
        if wrong is not None:
            run.findings.append(named(place, spec.field, wrong))
            return None
        rows = []
        for number, item in enumerate(found or (), start=1):
            inner = item if isinstance(item, AbstractMapping) else {"value": item}
            within = {**inner, "root": scope.get("root"), "position": number}
            known = len(run.findings)
            row = build(fields, within, run, f"{place}{spec.field}[{number}].")
            if apart and len(run.findings) > known:
                run.broken.append(Broken(item, row, run.findings[known:]))
                del run.findings[known:]
            else:
                rows.append(row)
        if not rows and not run.broken and spec.required:
            run.findings.append(named(place, spec.field, systems.EMPTY()))
        return rows or None

    return built


def _understood(each: str, kit: Kit) -> Callable[[Any, Any], Said | None]:
    """Return what says why what was found for `each` is no list, not even an empty one.

    An answer that was not understood has no list either, or has it under another name. So the list
    itself must be there. Only in a text of XML a list of none is no element at all, within one that
    must be there and hold nothing else. A mapping may say what else counts as empty, as in
    ``rows || `[]` ``.
    """
    otherwise = "||" in each
    match = _LEADING.match(each) if kit.asked else None
    leading = match[0] if match else ""
    holder = leading.rpartition(".")[0]
    at, held = Expression(leading or "@"), Expression(holder or "@")

    def spared(value: Any) -> bool:
        return otherwise and (value is None or not holds(value))

    def wrong(scope: Any, found: Any) -> Said | None:
        if not kit.asked and found in _NOTHING:
            return None
        if found is not None and not isinstance(found, list | tuple):
            return systems.NOT_OF_KIND(kind="list")
        if not kit.asked or (found and None not in found and not otherwise):
            return None
        value = rows_of(at(scope)) if leading else None
        if not (value is None or isinstance(value, list | tuple) or spared(value)):
            return systems.NOT_OF_KIND(kind="list")
        if found is not None and None in found:
            return systems.NOT_OF_KIND(kind="list")
        if found is None and kit.form != "xml" and not otherwise:
            return systems.LIST_MISSING(path=each)
        if not holder or value is not None:
            return None
        around = held(scope)
        there = _is_bare(around) if kit.form == "xml" else isinstance(around, AbstractMapping)
        if there or spared(around) or (otherwise and isinstance(around, AbstractMapping)):
            return None
        return systems.LIST_MISSING(path=leading)

    return wrong


def _is_bare(element: Any) -> bool:
    """Whether an element of XML is there and has nothing but attributes."""
    if isinstance(element, AbstractMapping):
        inner = {name: each for name, each in element.items() if not name.startswith("@")}
        return set(inner) == {"#text"} and not str(inner["#text"]).strip()
    return isinstance(element, str) and not element.strip()


def single(spec: model.FieldModel, kit: Kit, tree: Block) -> Compiled:
    """Compile a field that is one value."""
    where = tree.at or nowhere()
    if spec.source is None:
        constant = spec.constant

        def fixed(_scope: Any, run: Run, place: str) -> Any:
            if run.traces is not None:
                run.traces.append(Traced(f"{place}{spec.field}", constant, where, "constant"))
            return constant

        return fixed
    sources = [spec.source] if isinstance(spec.source, str) else spec.source
    expressions = [Expression(text) for text in sources]
    converters: list[Convert] = [converter(each, kit.lookups) for each in spec.convert]
    steps = " → ".join(next(iter(each.model_fields_set), "") for each in spec.convert)

    def built(scope: Any, run: Run, place: str) -> Any:
        value, made_of = None, "default"
        for search in expressions:
            found = search(scope)
            if found is not None and found != "":
                value, made_of = found, search.text
                break
        if value is not None:
            try:
                for convert in converters:
                    value = convert(value)
            except ConversionError as error:
                run.findings.append(named(place, spec.field, error.args[0]))
                return None
        if value in _NOTHING:
            value, made_of = spec.default, "default"
        if value in _NOTHING:
            if spec.required:
                run.findings.append(named(place, spec.field, _missing(sources)))
            return None
        value = _fitted(spec, value, run, place)
        if run.traces is not None and value is not None:
            shown = f"{made_of} → {steps}" if steps and made_of != "default" else made_of
            run.traces.append(Traced(f"{place}{spec.field}", value, where, shown))
        return value

    return built


def _missing(sources: Sequence[str]) -> Said:
    either = reduce(lambda one, other: systems.OR(one=one, other=other), map(quoted, sources))
    return systems.SOURCE_MISSING(sources=either)


def named(place: str, name: str, said: str) -> Said:
    """Return what is said of a field."""
    return systems.NAMED(name=f"{place}{name}", message=said)


def _fitted(spec: model.FieldModel, value: Any, run: Run, place: str) -> Any:
    if spec.max_length is None or not isinstance(value, str) or len(value) <= spec.max_length:
        return value
    length = systems.CHARACTERS(length=len(value), most=spec.max_length)
    said = named(place, spec.field, length)
    if spec.too_long == "reject":
        run.findings.append(said)
        return None
    run.notes.append(systems.CUT(said=said))
    return value[: spec.max_length]
