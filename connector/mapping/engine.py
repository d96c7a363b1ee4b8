"""Applies mappings: compiled once, then plain functions over plain data."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from connector.errors import MappingFailed, Misconfigured
from connector.mapping import model
from connector.mapping.convert import ConversionError, Lookup
from connector.mapping.document import Block
from connector.mapping.expression import Expression, ExpressionError, holds
from connector.mapping.fields import (
    Broken,
    Field,
    Kit,
    Run,
    Traced,
    build,
    compiled,
    named,
    single,
)
from connector.mapping.parts import names_in, parts
from connector.mapping.texts import Schema, parsed

# What an answer says of which the write had no effect, or of which there is nothing.
NOTHING_DONE = ("rejected", "passing", "absent")

_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?")

__all__ = [
    "Broken",
    "Expression",
    "ExpressionError",
    "Mapping",
    "MappingSet",
    "Reading",
    "Target",
    "Traced",
]


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
    condition that holds. `broken` are the rows that were left out.
    """

    outcome: model.Outcome
    code: str
    text: str
    values: dict[str, Any]
    otherwise: bool = False
    named: frozenset[str] = frozenset()
    broken: tuple[Broken, ...] = ()


Observer = Callable[[str, AbstractMapping[str, Any]], None]


class Mapping:
    """One conversation's mapping, compiled. See `connector.mapping.model` for its parts.

    `tree` is the text that the model was read from, which knows file and line of everything.
    `variants` are the mappings of business units that differ, by code. `observe` is shown the
    payloads and answers of the other side as they are read. `schemas` are those of texts.
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
        schemas: AbstractMapping[str, Schema] | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.spec = spec
        self.tree = tree if tree is not None else Block()
        self.variants = dict(variants or {})
        self.target = Target(spec.target.system, spec.target.operation)
        self.absent = spec.absent
        self.by_hand = spec.by_hand
        self.then = dict(spec.then)
        self.batch = spec.batch
        self.read_table = spec.read_table
        self._observe = observe
        kit = Kit(lookups, schemas or {})
        self._schema = kit.schemas.get(spec.answer.schema_ or "")
        self._text = Expression(spec.answer.text) if spec.answer.text is not None else None
        self._request = compiled(spec.request, kit, self.tree.items_at("request"))
        calls = self.tree.items_at("calls")
        self._calls = tuple(
            (
                call.function,
                compiled(call.request, kit, calls.block_at(place).items_at("request")),
            )
            for place, call in enumerate(spec.calls)
        )
        self.calls: tuple[tuple[str, Callable[[Any], Applied]], ...] = tuple(
            (function, self._applier(place)) for place, (function, _) in enumerate(self._calls)
        )
        self._called_when = [Expression(call.when) if call.when else None for call in spec.calls]
        # The place of the first call that nothing takes back; behind the last where there is none.
        self.commits_at = next(
            (place for place, call in enumerate(spec.calls) if call.commits), len(spec.calls)
        )
        self.commits_itself = self.commits_at < len(spec.calls)
        answer = self.tree.block_at("answer")
        self._answer_values = {key: Expression(text) for key, text in spec.answer.values.items()}
        read = kit._replace(asked=spec.target.system == "dms", form=spec.answer.as_)
        self._answer_fields = compiled(spec.answer.fields, read, answer.items_at("fields"))
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

    def calls_at(self, place: int, source: AbstractMapping[str, Any]) -> bool:
        """Whether one of several calls is made for a source."""
        when = self.of(source)._called_when[place]
        return when is None or holds(when({**source, "root": source}))

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
        run = Run()
        return build(self._fields_of(source, call), {**source, "root": source}, run), run.findings

    def apply_leniently(
        self, source: AbstractMapping[str, Any]
    ) -> tuple[dict[str, Any], list[str]]:
        """Return what could be mapped, along with what could not and why."""
        if self._observe is not None:
            self._observe(self.name, source)
        run = Run()
        body = build(self._request, {**source, "root": source}, run)
        return body, run.findings

    def read(
        self,
        answer: AbstractMapping[str, Any],
        source: AbstractMapping[str, Any] | None = None,
        apart: str = "",
    ) -> Reading:
        """Return what an answer says. Raises MappingFailed when a value cannot be converted.

        Of the list `apart` a row that cannot be read is left out, and stands in `broken`.
        """
        answer = self._spoken(answer)
        if self._observe is not None:
            self._observe(self.name, answer)
        scope = {**answer, "root": answer, "request": source}
        said = self._outcome(scope)
        values = {key: expression(scope) for key, expression in self._answer_values.items()}
        run = Run(apart=apart)
        values |= build(self._answer_fields, scope, run)
        if run.findings and said.outcome == "ok":
            raise MappingFailed(self.name, run.findings)
        return replace(said, values=values, broken=tuple(run.broken))

    def read_row(self, name: str, item: Any) -> tuple[list[Any], list[Broken]]:
        """Return what one row of the list `name` says, as `read` reads it; else why it does not."""
        run = Run(apart=name, only=[item])
        fields = [each for each in self._answer_fields if each.name == name]
        values = build(fields, {"root": {}, "request": None}, run)
        return list(values.get(name) or []), run.broken

    def outcome(
        self, answer: AbstractMapping[str, Any], source: AbstractMapping[str, Any] | None = None
    ) -> Reading:
        """Return what an answer says, without its values: no value is read of a refusal."""
        answer = self._spoken(answer)
        return self._outcome({**answer, "root": answer, "request": source})

    def _spoken(self, answer: AbstractMapping[str, Any]) -> AbstractMapping[str, Any]:
        """Return what an answer says, in its text where it is one. Raises MappingFailed."""
        spec = self.spec.answer
        if self._text is None or spec.as_ is None:
            return answer
        try:
            return parsed(self._text(answer), spec.as_, self._schema)
        except ConversionError as error:
            raise MappingFailed(
                self.name, [named("", f"answer.{spec.text}", error.args[0])]
            ) from None

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
                words = _word(code(scope)), _word(text(scope))
                if outcome == "rejected":
                    outcome = self._faults.get(words[0], outcome)
                claimed = self.target.system == "dms" and outcome in NOTHING_DONE
                if claimed and not self._says(rule, fits, words, scope):
                    outcome = "unknown"
                named = names_in(rule.when) if rule.when is not None else frozenset()
                return Reading(outcome, *words, {}, rule.when is None, named)
        return Reading("unknown" if self._rules else "ok", "", "", {}, True)

    def _says(
        self,
        rule: model.RuleModel,
        fits: Callable[[Any], bool],
        words: tuple[str, str],
        scope: AbstractMapping[str, Any],
    ) -> bool:
        """Whether an answer itself says that nothing was done: with a code, words, or a value.

        One that was not understood has none, and conditions like `code != '0'` hold of it. And one
        whose values are those of a good answer in another form (0 for '0') is no refusal.
        """
        about = {"request": scope.get("request")}
        if rule.code or rule.text:
            said = bool(words[0] if rule.code else words[1])
        else:
            said = rule.when is not None and not fits({**about, "root": {}})
        for written in (_as_text, _as_number):
            answer = _each_value(scope["root"], written)
            alike = {**answer, "root": answer, **about}
            meant = next((outcome for fits, outcome, _, _ in self._rules if fits(alike)), None)
            said = said and meant != "ok"
        return said

    def _fields_of(self, source: AbstractMapping[str, Any], call: int | None) -> Sequence[Field]:
        mapping = self.of(source)
        return mapping._request if call is None else mapping._calls[call][1]

    def _applier(self, place: int) -> Callable[[Any], Applied]:
        return lambda source: self._applied(self.of(source)._calls[place][1], source)

    def _applied(
        self,
        fields: Sequence[Field],
        source: AbstractMapping[str, Any],
        traces: list[Traced] | None = None,
    ) -> Applied:
        run = Run(traces)
        body = build(fields, {**source, "root": source}, run)
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


def _word(value: Any) -> str:
    """Return a code or words of an answer; "" where there are none."""
    if isinstance(value, list | tuple):
        return "; ".join(filter(None, map(_word, value)))
    plain = isinstance(value, str | int | Decimal) and not isinstance(value, bool)
    return str(value).strip() if plain else ""


def _each_value(value: Any, written: Callable[[Any], Any]) -> Any:
    """Return an answer with every value written in another way."""
    if isinstance(value, AbstractMapping):
        return {name: _each_value(each, written) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_each_value(each, written) for each in value]
    return value if value is None or isinstance(value, bool) else written(value)


def _as_text(value: Any) -> str:
    return str(value).strip()


def _as_number(value: Any) -> Any:
    word = str(value).strip()
    return Decimal(word) if _NUMBER.fullmatch(word) else value


def _found_by(
    spec: model.FindByModel, lookups: AbstractMapping[str, Lookup]
) -> Callable[[Any], Any]:
    field = model.FieldModel(field=spec.column, source=spec.source, convert=list(spec.convert))
    compiled = single(field, Kit(lookups), Block())
    when = Expression(spec.when) if spec.when is not None else None

    def found_by(source: Any) -> Any:
        if when is not None and not holds(when(source)):
            return None
        return compiled(source, Run(), "")

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
