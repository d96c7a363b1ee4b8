"""Applies mappings: compiled once, then plain functions over plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from typing import Any

import jmespath

from connector.errors import MappingFailed, Misconfigured
from connector.mapping import model
from connector.mapping.convert import ConversionError, Convert, Lookup, converter

_LONGEST_EXPRESSION = 500
_NOTHING: tuple[Any, ...] = (None, "")


class ExpressionError(ValueError):
    """A JMESPath expression cannot be used."""


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
    """What an answer says: its outcome, in whose words, and the values that were read."""

    outcome: model.Outcome
    code: str
    text: str
    values: dict[str, Any]


class _Run:
    """One application: gathers findings and notes."""

    def __init__(self) -> None:
        self.findings: list[str] = []
        self.notes: list[str] = []


Compiled = Callable[[Any, _Run, str], Any]


class Expression:
    """A JMESPath expression over a source; `root.` reaches the whole source from within a list."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST_EXPRESSION:
            raise ExpressionError(f"longer than {_LONGEST_EXPRESSION} characters")
        try:
            self._search = jmespath.compile(text).search
        except Exception as error:
            raise ExpressionError(str(error).splitlines()[0]) from None
        self.text = text

    def __call__(self, source: Any) -> Any:
        """Return the value, or None where there is none or a function cannot take it."""
        try:
            return self._search(source)
        except Exception:  # jmespath raises many kinds for values of a wrong type
            return None


class Mapping:
    """One conversation's mapping, compiled. See `connector.mapping.model` for its parts."""

    def __init__(
        self,
        name: str,
        version: str,
        spec: model.MappingModel,
        lookups: AbstractMapping[str, Lookup],
    ) -> None:
        self.name = name
        self.version = version
        self.target = Target(spec.target.system, spec.target.operation)
        self.absent = spec.absent
        self.batch = spec.batch
        self.spec = spec
        self.read_table = spec.read_table
        self._request = _fields(spec.request, lookups)
        self.calls: tuple[tuple[str, Callable[[Any], Applied]], ...] = tuple(
            (call.function, self._applier(_fields(call.request, lookups))) for call in spec.calls
        )
        self._answer_values = {key: Expression(text) for key, text in spec.answer.values.items()}
        self._answer_fields = _fields(spec.answer.fields, lookups)
        self._rules = [_rule(rule) for rule in spec.answer.outcome]
        self._faults = spec.faults
        self.find_by: tuple[tuple[str, Callable[[Any], Any], bool], ...] = tuple(
            (each.column, _found_by(each, lookups), each.prefix)
            for each in (spec.read_table.find_by if spec.read_table else ())
        )

    def apply(self, source: AbstractMapping[str, Any]) -> Applied:
        """Return the request for a source. Raises MappingFailed with every finding at once."""
        return self._applier(self._request)(source)

    def apply_leniently(
        self, source: AbstractMapping[str, Any]
    ) -> tuple[dict[str, Any], list[str]]:
        """Return what could be mapped, along with what could not and why."""
        run = _Run()
        body = _build(self._request, {**source, "root": source}, run)
        return body, run.findings

    def read(
        self, answer: AbstractMapping[str, Any], source: AbstractMapping[str, Any] | None = None
    ) -> Reading:
        """Return what an answer says. Raises MappingFailed when a value cannot be converted."""
        scope = {**answer, "root": answer, "request": source}
        outcome, code, text = self._outcome(scope)
        values = {key: expression(scope) for key, expression in self._answer_values.items()}
        run = _Run()
        values |= _build(self._answer_fields, scope, run)
        if run.findings and outcome == "ok":
            raise MappingFailed(self.name, run.findings)
        return Reading(outcome, code, text, values)

    def classify(self, code: str) -> model.Outcome:
        """Return what a fault with this code means; `*` stands for all others."""
        return self._faults.get(code) or self._faults.get("*") or "rejected"

    def _outcome(self, scope: Any) -> tuple[model.Outcome, str, str]:
        for holds, outcome, code, text in self._rules:
            if holds(scope):
                return outcome, str(code(scope) or ""), str(text(scope) or "")
        return ("unknown" if self._rules else "ok"), "", ""

    def _applier(self, fields: Sequence[_Field]) -> Callable[[Any], Applied]:
        def applied(source: AbstractMapping[str, Any]) -> Applied:
            run = _Run()
            body = _build(fields, {**source, "root": source}, run)
            if run.findings:
                raise MappingFailed(self.name, run.findings)
            return Applied(body, tuple(run.notes))

        return applied


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
    path: tuple[str, ...]
    value: Compiled
    when: Expression | None


def _fields(
    specs: Sequence[model.FieldModel], lookups: AbstractMapping[str, Lookup]
) -> tuple[_Field, ...]:
    return tuple(
        _Field(
            tuple(spec.field.split(".")),
            _list(spec, lookups) if spec.each is not None else _value(spec, lookups),
            Expression(spec.when) if spec.when is not None else None,
        )
        for spec in specs
    )


def _build(fields: Sequence[_Field], scope: Any, run: _Run, place: str = "") -> dict[str, Any]:
    body: dict[str, Any] = {}
    for each in fields:
        if each.when is not None and not _true(each.when(scope)):
            continue
        value = each.value(scope, run, place)
        if value is None:
            continue
        inner = body
        for part in each.path[:-1]:
            inner = inner.setdefault(part, {})
        inner[each.path[-1]] = value
    return body


def _list(spec: model.FieldModel, lookups: AbstractMapping[str, Lookup]) -> Compiled:
    items, fields = Expression(spec.each or "@"), _fields(spec.fields or (), lookups)

    def built(scope: Any, run: _Run, place: str) -> Any:
        found = items(scope)
        rows = []
        for number, item in enumerate(found if isinstance(found, list | tuple) else (), start=1):
            inner = item if isinstance(item, AbstractMapping) else {"value": item}
            within = {**inner, "root": scope.get("root"), "position": number}
            rows.append(_build(fields, within, run, f"{place}{spec.field}[{number}]."))
        if not rows and spec.required:
            run.findings.append(f"{place}{spec.field}: is empty")
        return rows or None

    return built


def _value(spec: model.FieldModel, lookups: AbstractMapping[str, Lookup]) -> Compiled:
    if spec.source is None:
        constant = spec.constant
        return lambda _scope, _run, _place: constant
    sources = [spec.source] if isinstance(spec.source, str) else spec.source
    expressions = [Expression(text) for text in sources]
    converters: list[Convert] = [converter(each, lookups) for each in spec.convert]

    def built(scope: Any, run: _Run, place: str) -> Any:
        value = next(
            (each for each in (search(scope) for search in expressions) if each not in _NOTHING),
            None,
        )
        if value is not None:
            try:
                for convert in converters:
                    value = convert(value)
            except ConversionError as error:
                run.findings.append(f"{place}{spec.field}: {error}")
                return None
        if value in _NOTHING:
            value = spec.default
        if value in _NOTHING:
            if spec.required:
                run.findings.append(f"{place}{spec.field}: is missing ({' or '.join(sources)})")
            return None
        return _fitted(spec, value, run, place)

    return built


def _fitted(spec: model.FieldModel, value: Any, run: _Run, place: str) -> Any:
    if spec.max_length is None or not isinstance(value, str) or len(value) <= spec.max_length:
        return value
    said = f"{place}{spec.field}: {len(value)} characters, {spec.max_length} allowed"
    if spec.too_long == "reject":
        run.findings.append(said)
        return None
    run.notes.append(f"{said}, cut")
    return value[: spec.max_length]


def _found_by(
    spec: model.FindByModel, lookups: AbstractMapping[str, Lookup]
) -> Callable[[Any], Any]:
    field = model.FieldModel(field=spec.column, source=spec.source, convert=list(spec.convert))
    compiled = _value(field, lookups)
    when = Expression(spec.when) if spec.when is not None else None

    def found_by(source: Any) -> Any:
        if when is not None and not _true(when(source)):
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
        (lambda scope: _true(when(scope))) if when else (lambda _scope: True),
        rule.otherwise or rule.is_ or "unknown",
        code or (lambda _scope: ""),
        text or (lambda _scope: ""),
    )


def _true(value: Any) -> bool:
    # JMESPath's truth: empty lists, texts and objects are false; zero is true.
    return value is not None and value is not False and value != "" and value not in ([], {})


def paths(fields: Sequence[model.FieldModel], prefix: str = "") -> Iterator[str]:
    """Give the dotted target paths of fields, those of lists with `[]`."""
    for each in fields:
        if each.fields is not None:
            yield from paths(each.fields, f"{prefix}{each.field}[].")
        else:
            yield f"{prefix}{each.field}"
