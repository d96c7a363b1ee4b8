"""Applies mappings: compiled once, then plain functions over plain data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, NamedTuple

from connector.errors import MappingFailed, Misconfigured
from connector.mapping import model
from connector.mapping.convert import ConversionError, Convert, Lookup, converter
from connector.mapping.document import Block, Items, Where, nowhere
from connector.mapping.expression import Expression, ExpressionError, TooCostly, holds
from connector.mapping.parts import names_in, parts
from connector.wording import Said, quoted, systems

__all__ = ["Expression", "ExpressionError", "Mapping", "MappingSet", "Reading", "Target", "Traced"]

_NOTHING: tuple[Any, ...] = (None, "")


@dataclass(frozen=True)
class Target:
    """Which conversation with which system."""

    system: str
    operation: str


@dataclass(frozen=True)
class Applied:
    """A request, and what happened on the way that somebody may want to know (cuts)."""

    body: dict[str, Any]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """What an answer says: its outcome, in whose words, and the values that were read.

    `otherwise` says that the outcome is that of no rule's condition; `named` are the names in the
    condition that holds.
    """

    outcome: model.Outcome
    code: str
    text: str
    values: dict[str, Any]
    otherwise: bool = False
    named: frozenset[str] = frozenset()


class Traced(NamedTuple):
    """One value of a request: its place there, what it is, and which line of a file made it."""

    path: str
    value: Any
    where: Where
    made_of: str


class _Run:
    """One application: gathers findings and notes, and the origin of values when asked to."""

    __slots__ = ("findings", "notes", "traces")

    def __init__(self, traces: list[Traced] | None = None) -> None:
        self.findings: list[str] = []
        self.notes: list[str] = []
        self.traces = traces


Compiled = Callable[[Any, _Run, str], Any]
Observer = Callable[[str, AbstractMapping[str, Any]], None]


class Mapping:
    """One conversation's mapping, compiled. See `connector.mapping.model` for its parts.

    `tree` is the text that the model was read from, which knows file and line of everything.
    `variants` are the mappings of business units that differ, by code. `observe` is shown the
    payloads and answers of the other side as they are read.
    """

    def __init__(
        self,
        name: str,
        version: str,
        spec: model.MappingModel,
        lookups: AbstractMapping[str, Lookup],
        tree: Block | None = None,
        variants: AbstractMapping[str, Mapping] | None = None,
        observe: Observer | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.spec = spec
        self.tree = tree if tree is not None else Block()
        self.variants = dict(variants or {})
        self.target = Target(spec.target.system, spec.target.operation)
        self.absent = spec.absent
        self.batch = spec.batch
        self.read_table = spec.read_table
        self._observe = observe
        self._request = _fields(spec.request, lookups, self.tree.items_at("request"))
        calls = self.tree.items_at("calls")
        self._calls = tuple(
            (
                call.function,
                _fields(call.request, lookups, calls.block_at(place).items_at("request")),
            )
            for place, call in enumerate(spec.calls)
        )
        self.calls: tuple[tuple[str, Callable[[Any], Applied]], ...] = tuple(
            (function, self._applier(place)) for place, (function, _) in enumerate(self._calls)
        )
        self.commits_itself = any(call.commits_itself for call in spec.calls)
        answer = self.tree.block_at("answer")
        self._answer_values = {key: Expression(text) for key, text in spec.answer.values.items()}
        self._answer_fields = _fields(spec.answer.fields, lookups, answer.items_at("fields"))
        self._rules = [_rule(rule) for rule in spec.answer.outcome]
        self._messages = [Expression(text) for text in spec.answer.messages]
        self.parts = parts(spec.answer)
        self._faults = spec.faults
        self._refusal = (Expression(spec.refusal.code), Expression(spec.refusal.text))
        self.find_by: tuple[tuple[str, Callable[[Any], Any], bool], ...] = tuple(
            (each.column, _found_by(each, lookups), each.prefix)
            for each in (spec.read_table.find_by if spec.read_table else ())
        )
        self.find_within: tuple[tuple[str, Expression] | None, ...] = tuple(
            (each.within.column, Expression(each.within.source)) if each.within else None
            for each in (spec.read_table.find_by if spec.read_table else ())
        )

    def of(self, source: AbstractMapping[str, Any]) -> Mapping:
        """Return the mapping for a source: that of its business unit where there is one."""
        if not self.variants:
            return self
        unit = source.get("business_unit")
        code = unit.get("code") if isinstance(unit, AbstractMapping) else None
        return self.variants.get(str(code), self)

    def apply(self, source: AbstractMapping[str, Any]) -> Applied:
        """Return the request for a source. Raises MappingFailed with every finding at once."""
        return self._applied(self.of(source)._request, source)

    def trace(
        self, source: AbstractMapping[str, Any], call: int | None = None
    ) -> tuple[Applied, list[Traced]]:
        """Return the request, or that of one of several calls, and the origin of each value.

        Raises MappingFailed.
        """
        traces: list[Traced] = []
        return self._applied(self._fields_of(source, call), source, traces), traces

    def attempt(
        self, source: AbstractMapping[str, Any], call: int | None = None
    ) -> tuple[dict[str, Any], list[str]]:
        """Return as much of the request as can be made, and everything that is wrong with it."""
        run = _Run()
        return _build(self._fields_of(source, call), {**source, "root": source}, run), run.findings

    def apply_leniently(
        self, source: AbstractMapping[str, Any]
    ) -> tuple[dict[str, Any], list[str]]:
        """Return what could be mapped, along with what could not and why."""
        if self._observe is not None:
            self._observe(self.name, source)
        run = _Run()
        body = _build(self._request, {**source, "root": source}, run)
        return body, run.findings

    def read(
        self, answer: AbstractMapping[str, Any], source: AbstractMapping[str, Any] | None = None
    ) -> Reading:
        """Return what an answer says. Raises MappingFailed when a value cannot be converted."""
        if self._observe is not None:
            self._observe(self.name, answer)
        scope = {**answer, "root": answer, "request": source}
        said = self._outcome(scope)
        values = {key: expression(scope) for key, expression in self._answer_values.items()}
        run = _Run()
        values |= _build(self._answer_fields, scope, run)
        if run.findings and said.outcome == "ok":
            raise MappingFailed(self.name, run.findings)
        return replace(said, values=values)

    def outcome(
        self, answer: AbstractMapping[str, Any], source: AbstractMapping[str, Any] | None = None
    ) -> Reading:
        """Return what an answer says, without its values: no value is read of a refusal."""
        return self._outcome({**answer, "root": answer, "request": source})

    def messages(self, answer: AbstractMapping[str, Any]) -> list[Any]:
        """Return what stands in an answer where the mapping says that messages stand."""
        return [expression({**answer, "root": answer}) for expression in self._messages]

    def refusal(self, fault: AbstractMapping[str, Any]) -> tuple[str, str]:
        """Return code and text of the refusal that a SOAP fault is; no code where it is none."""
        code, text = self._refusal[0](fault), self._refusal[1](fault)
        named = isinstance(code, str | int) and not isinstance(code, bool)
        return str(code).strip() if named else "", str(text or "")

    def classify(self, code: str) -> model.Outcome:
        """Return what a refusal with this code means; `*` stands for all others.

        A code that the mapping does not name is unknown: nothing says that it had no effect.
        """
        return self._faults.get(code) or self._faults.get("*") or "unknown"

    def _outcome(self, scope: Any) -> Reading:
        for rule, (fits, outcome, code, text) in zip(
            self.spec.answer.outcome, self._rules, strict=True
        ):
            if fits(scope):
                words = str(code(scope) or ""), str(text(scope) or "")
                named = names_in(rule.when) if rule.when is not None else frozenset()
                return Reading(outcome, *words, {}, rule.when is None, named)
        return Reading("unknown" if self._rules else "ok", "", "", {}, True)

    def _fields_of(self, source: AbstractMapping[str, Any], call: int | None) -> Sequence[_Field]:
        mapping = self.of(source)
        return mapping._request if call is None else mapping._calls[call][1]

    def _applier(self, place: int) -> Callable[[Any], Applied]:
        return lambda source: self._applied(self.of(source)._calls[place][1], source)

    def _applied(
        self,
        fields: Sequence[_Field],
        source: AbstractMapping[str, Any],
        traces: list[Traced] | None = None,
    ) -> Applied:
        run = _Run(traces)
        body = _build(fields, {**source, "root": source}, run)
        if run.findings:
            raise MappingFailed(self.name, run.findings)
        return Applied(body, tuple(run.notes))


class MappingSet:
    """All mappings of a folder, in one version."""

    def __init__(self, version: str, mappings: AbstractMapping[str, Mapping]) -> None:
        self.version = version
        self._mappings = dict(mappings)

    def names(self) -> list[str]:
        """Return the names of the mappings."""
        return sorted(self._mappings)

    def __getitem__(self, name: str) -> Mapping:
        """Return a mapping. Raises Misconfigured when there is none of this name."""
        try:
            return self._mappings[name]
        except KeyError:
            raise Misconfigured(
                "there is no such mapping", place=f"{name}.yaml", remedy="add the file"
            ) from None


@dataclass(frozen=True)
class _Field:
    name: str
    path: tuple[str, ...]
    value: Compiled
    when: Expression | None


def _fields(
    specs: Sequence[model.FieldModel], lookups: AbstractMapping[str, Lookup], tree: Items
) -> tuple[_Field, ...]:
    return tuple(
        _Field(
            spec.field,
            tuple(spec.field.split(".")),
            _list(spec, lookups, tree.block_at(place))
            if spec.each is not None
            else _value(spec, lookups, tree.block_at(place)),
            Expression(spec.when) if spec.when is not None else None,
        )
        for place, spec in enumerate(specs)
    )


def _build(fields: Sequence[_Field], scope: Any, run: _Run, place: str = "") -> dict[str, Any]:
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


def _list(spec: model.FieldModel, lookups: AbstractMapping[str, Lookup], tree: Block) -> Compiled:
    items = Expression(spec.each or "@")
    fields = _fields(spec.fields or (), lookups, tree.items_at("fields"))

    def built(scope: Any, run: _Run, place: str) -> Any:
        found = items(scope)
        rows = []
        for number, item in enumerate(found if isinstance(found, list | tuple) else (), start=1):
            inner = item if isinstance(item, AbstractMapping) else {"value": item}
            within = {**inner, "root": scope.get("root"), "position": number}
            rows.append(_build(fields, within, run, f"{place}{spec.field}[{number}]."))
        if not rows and spec.required:
            run.findings.append(_at(place, spec.field, systems.EMPTY()))
        return rows or None

    return built


def _value(spec: model.FieldModel, lookups: AbstractMapping[str, Lookup], tree: Block) -> Compiled:
    where = tree.at or nowhere()
    if spec.source is None:
        constant = spec.constant

        def fixed(_scope: Any, run: _Run, place: str) -> Any:
            if run.traces is not None:
                run.traces.append(Traced(f"{place}{spec.field}", constant, where, "constant"))
            return constant

        return fixed
    sources = [spec.source] if isinstance(spec.source, str) else spec.source
    expressions = [Expression(text) for text in sources]
    converters: list[Convert] = [converter(each, lookups) for each in spec.convert]
    steps = " → ".join(next(iter(each.model_fields_set), "") for each in spec.convert)

    def built(scope: Any, run: _Run, place: str) -> Any:
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
                run.findings.append(_at(place, spec.field, error.args[0]))
                return None
        if value in _NOTHING:
            value, made_of = spec.default, "default"
        if value in _NOTHING:
            if spec.required:
                run.findings.append(_at(place, spec.field, _missing(sources)))
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


def _at(place: str, name: str, said: str) -> Said:
    return systems.NAMED(name=f"{place}{name}", message=said)


def _fitted(spec: model.FieldModel, value: Any, run: _Run, place: str) -> Any:
    if spec.max_length is None or not isinstance(value, str) or len(value) <= spec.max_length:
        return value
    length = systems.CHARACTERS(length=len(value), most=spec.max_length)
    said = _at(place, spec.field, length)
    if spec.too_long == "reject":
        run.findings.append(said)
        return None
    run.notes.append(systems.CUT(said=said))
    return value[: spec.max_length]


def _found_by(
    spec: model.FindByModel, lookups: AbstractMapping[str, Lookup]
) -> Callable[[Any], Any]:
    field = model.FieldModel(field=spec.column, source=spec.source, convert=list(spec.convert))
    compiled = _value(field, lookups, Block())
    when = Expression(spec.when) if spec.when is not None else None

    def found_by(source: Any) -> Any:
        if when is not None and not holds(when(source)):
            return None
        return compiled(source, _Run(), "")

    return found_by


def _rule(
    rule: model.RuleModel,
) -> tuple[Callable[[Any], bool], model.Outcome, Callable[[Any], Any], Callable[[Any], Any]]:
    when = Expression(rule.when) if rule.when is not None else None
    code = Expression(rule.code) if rule.code else None
    text = Expression(rule.text) if rule.text else None
    return (
        (lambda scope: holds(when(scope))) if when else (lambda _scope: True),
        rule.otherwise or rule.is_ or "unknown",
        code or (lambda _scope: ""),
        text or (lambda _scope: ""),
    )
