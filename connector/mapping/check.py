"""Holds mappings against the interfaces and against what the connector gives and needs.

What is found here would fail or corrupt at run time, or is very likely not what was meant; the
form of the files has been checked by then (`connector.mapping.load`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from connector.mapping import model
from connector.mapping.absent import unheard, unmade, without
from connector.mapping.columns import misplaced
from connector.mapping.conversations import Conversation, conversations
from connector.mapping.convert import Lookup
from connector.mapping.document import Block, Items, Where, nowhere
from connector.mapping.engine import NOTHING_DONE
from connector.mapping.expression import Expression
from connector.mapping.faults import faults
from connector.mapping.finding import Finding, Level, mistyped, near
from connector.mapping.fit import TO_BOOLEAN, converted, of_field, unfit
from connector.mapping.infer import Inference, Problem, literal
from connector.mapping.interfaces import Interfaces, read_interfaces
from connector.mapping.load import Document, Folder, no_mappings
from connector.mapping.needs import (
    SESSION,
    Given,
    Spoken,
    documents,
    lacking,
    missing,
    sharpened,
    spoken_of,
    tables_of,
    uncarried,
    unread,
)
from connector.mapping.shape import ANY, INTEGER, TEXT, Shape, merged, structure
from connector.mapping.usable import unusable
from connector.mapping.wsdl.shapes import Operation

_JOINED_ROW = 512
_SHORT = 3  # words as short as this differ by a letter on purpose
# What the connector reads of a customer where it is there.
_MAY_FIND = frozenset({"name_2", "name_3", "name_4", "code_2", "code_3", "postcode"})


def check(folder: Folder, interfaces: Interfaces | None = None) -> list[Finding]:
    """Return everything that is to be said of a folder, in the sequence of its files.

    Without `interfaces` the folder's own snapshots are taken.
    """
    findings: list[Finding] = []
    if not folder.names():
        return [no_mappings(folder)]
    lookups = folder.lookups(findings)
    if interfaces is None:
        interfaces, wrong = read_interfaces(folder.interfaces())
        for name, why in wrong.items():
            findings.append(Finding(folder.path(f"interfaces/{name}"), 1, 1, "interface", why))
    used: set[str] = set()
    spoken = spoken_of(folder)
    for name in folder.names():
        for document in documents(folder, name, findings):
            broken = list(unusable(document.spec, document.tree, lookups, folder.interfaces()))
            findings += broken
            if not broken:
                checker = Checker(document, lookups, interfaces, spoken)
                findings += checker.findings()
                used |= checker.tables
    findings += missing(folder)
    findings += uncarried(folder)
    findings += unheard(folder)
    findings += unmade(folder)
    for table in sorted(lookups.keys() - used):
        path = folder.path(f"lookups/{table}.csv")
        findings.append(Finding(path, 1, 1, "unused", "no mapping uses this table", level="info"))
    return sorted(
        dict.fromkeys(findings), key=lambda each: (each.file, each.line, each.column, each.rule)
    )


class Checker:
    """Checks one effective mapping."""

    def __init__(
        self,
        document: Document,
        lookups: Mapping[str, Lookup],
        interfaces: Interfaces,
        spoken: Spoken | None = None,
    ) -> None:
        self._document = document
        self._lookups = lookups
        self._interfaces = interfaces
        self._spec = document.spec
        self._tree = document.tree
        self._system = document.spec.target.system
        self._conversation = conversations().get(document.name, Conversation())
        if self._conversation.values is not None:
            values = sharpened(document, self._conversation.values, spoken or Spoken())
            self._conversation = replace(self._conversation, values=values)
        self._compared: dict[str, list[tuple[str, Where]]] = {}
        self._found: list[Finding] = []
        self._given: list[Shape] = []
        self.tables: set[str] = set()

    def findings(self) -> list[Finding]:
        """Return what is found."""
        self.tables |= tables_of(self._spec)
        if self._spec.absent:
            lack = without(self._document)
            self._say(*lack, level="error" if lack.rule == "required" else "info")
            return self._found
        if self._spec.read_table is not None:
            self._read_table(self._spec.read_table, self._tree.block_at("read_table"))
            return self._found
        operation = self._operation(self._spec.target.operation, self._tree.block_at("target"))
        source = self._conversation.source or self._payload()
        target = self._conversation.made or (operation.request if operation else ANY)
        if self._spec.calls:
            self._calls(source)
        else:
            system = "connector" if self._conversation.made else self._system
            self._fields(self._spec.request, self._tree.items_at("request"), source, target, system)
        self._answer(operation.answer if operation else ANY, source)
        self._alike()
        given = source if self._conversation.made else operation.answer if operation else ANY
        # SAP's exports and tables are read by need: most of them are nobody's business.
        left = unread(self._spec, given) if self._system != "sap" else ""
        if left:
            self._say(self._tree, "", "unused", f"not read: {left}", level="info")
        if self._system == "dms":
            self._refusal()
            self._session()
            self._found += faults(self._spec, self._tree, self._interfaces, self._document.file)
        return self._found

    def _refusal(self) -> None:
        """Hold the expressions of refusals against what a SOAP fault has."""
        if "refusal" not in self._tree:
            return
        fault = structure(faultcode=TEXT, subcode=TEXT, faultstring=TEXT, detail=ANY)
        block = self._tree.block_at("refusal")
        for name in ("code", "text"):
            self._infer(getattr(self._spec.refusal, name), block, name, fault)

    def _session(self) -> None:
        session = self._spec.session
        if session is None:
            return
        if self._document.name != SESSION:
            text = f"only {SESSION} says how a session is carried"
            self._say(self._tree, "session", "session", text, f"move it to {SESSION}.yaml")
        elif not session.expired:
            text = "no code says that the token is over: it is renewed after a restart only"
            block = self._tree.block_at("session")
            self._say(block, "", "session", text, "expired: [CODE, …]", "warning")

    def _payload(self) -> Shape:
        """Return what the storefront gives, for a mapping of its payload."""
        route = self._interfaces.storefront.get(self._spec.target.operation)
        if self._conversation.made is not None and route is not None:
            return route.answer
        return ANY

    def _operation(self, name: str, block: Block, key: str = "operation") -> Operation | None:
        known = self._interfaces.of(self._system)
        if not known:
            return None
        found = known.get(name)
        if found is None:
            # A WSDL says all there is; of SAP and the shop only what was looked at is kept.
            sure = self._system == "dms" or mistyped(name, known)
            suggestion = near(name, known) if sure else ""
            if self._system == "sap":
                also = "if it is new: `connector mappings check --live --store`"
                suggestion = f"{suggestion} {also}".strip()
            text = f"no snapshot of {self._system} has {name}"
            self._say(block, key, "operation", text, suggestion, "error" if sure else "warning")
        return found

    def _calls(self, source: Shape) -> None:
        calls = self._tree.items_at("calls")
        for place, call in enumerate(self._spec.calls):
            block = calls.block_at(place)
            operation = self._operation(call.function, block, "function")
            scope = source
            if source.kind == "object":
                scope = replace(source, fields={**source.fields, "answers": self._answers()})
            if call.when is not None:
                self._condition(call.when, block, scope)
            self._fields(
                call.request,
                block.items_at("request"),
                scope,
                operation.request if operation else ANY,
                self._system,
                around=block,
            )
            self._given.append(operation.answer if operation else ANY)

    def _answers(self) -> Shape:
        """Return what the calls so far have answered, each at its place."""
        places = {str(place): each for place, each in enumerate(self._given)}
        return Shape("list", item=merged(self._given), fields=places)

    def _fields(
        self,
        specs: Sequence[model.FieldModel],
        tree: Items,
        scope: Shape,
        target: Shape,
        system: str,
        root: Shape | None = None,
        around: Block | None = None,
    ) -> None:
        root = root or scope
        within = scope
        if scope.kind == "object":
            more = {"root": root} if root is scope else {"root": root, "position": INTEGER}
            within = replace(scope, fields={**scope.fields, **more})
        if target.kind == "list":
            target = target.item or ANY
        for place, spec in enumerate(specs):
            self._field(spec, tree.block_at(place), within, target, system, root)
        if target.kind == "object":
            given: Given = {}
            for place, spec in enumerate(specs):
                path = tuple(spec.field.split("."))
                given.setdefault(path, []).append((spec, tree.block_at(place)))
            # What the connector reads itself may be empty: it is judged order by order.
            certain = system != "connector"
            for lack in lacking((), target, given, around or Block(tree.at), certain=certain):
                self._say(*lack)

    def _field(
        self,
        spec: model.FieldModel,
        block: Block,
        scope: Shape,
        target: Shape,
        system: str,
        root: Shape,
    ) -> None:
        wanted = self._wanted(spec, block, target)
        if spec.when is not None:
            self._condition(spec.when, block, scope)
        if spec.as_ is not None:
            if wanted is not None and wanted.kind not in ("text", "any"):
                self._say(block, "field", "type", f"is a {wanted.kind} there and no text")
            self._fields(spec.fields or [], block.items_at("fields"), scope, ANY, system, root)
            return
        if spec.fields is not None:
            items = self._infer(spec.each or "@", block, "each", scope)
            if items.kind not in ("list", "any"):
                self._say(block, "each", "type", f"gives a {items.kind}, which is no list")
            if wanted is not None and wanted.kind not in ("list", "any"):
                self._say(block, "field", "type", f"is a {wanted.kind} there and no list")
                wanted = None
            item = items.item or ANY if items.kind == "list" else ANY
            if item.kind not in ("object", "any"):
                item = structure(value=item)
            self._fields(
                spec.fields, block.items_at("fields"), item, wanted or ANY, system, root, block
            )
            return
        value = self._value(spec, block, scope)
        if spec.column is not None:
            problem = misplaced(value, spec.column.kind)
            if problem is not None:
                self._problem(block.block_at("column"), "kind", problem)
        if wanted is not None:
            for problem in unfit(value, wanted, system):
                self._problem(block, _origin(spec), problem)
            if (wanted.kind, value.kind, self._spec.answer.text is None) == (
                "boolean",
                "any",
                False,
            ):
                # "false" is a text as well, and true of itself.
                text = "a text may hold any word for it where a truth value is wanted"
                self._say(block, _origin(spec), "type", text, TO_BOOLEAN)
            if spec.max_length and wanted.max_length and spec.max_length > wanted.max_length:
                text = f"max_length {spec.max_length} where {wanted.max_length} are allowed"
                self._say(block, "max_length", "length", text, f"max_length: {wanted.max_length}")
            self._rounding(spec, block, wanted)
            self._words(spec, wanted, system)

    def _wanted(self, spec: model.FieldModel, block: Block, target: Shape) -> Shape | None:
        """Return the shape of a field's target; None where it is unknown, which is then said."""
        shape = target
        for name in spec.field.split("."):
            if shape.kind == "any":
                return ANY
            found = shape.fields.get(name) if shape.kind == "object" else None
            if found is None:
                if shape.open and not mistyped(name, shape.fields):
                    return ANY
                what = "is a list there: use each and fields" if shape.kind == "list" else ""
                text = what or f"the target has no {name}"
                self._say(
                    block, "field", "field", f"{spec.field}: {text}", near(name, shape.fields)
                )
                return None
            shape = found
        return shape

    def _words(self, spec: model.FieldModel, wanted: Shape, system: str) -> None:
        """Hold every word of a lookup table against where it goes, in the table's own line."""
        last = spec.convert[-1] if spec.convert else None
        if not isinstance(last, model.LookupConverter):
            return
        for line, row in enumerate(self._lookups[last.lookup.table].values(), start=2):
            word = literal(row.get(last.lookup.column, ""))
            length = spec.max_length
            for problem in unfit(word, wanted, system):
                self._in_table(last.lookup.table, line, problem)
            if length is not None and (word.max_length or 0) > length:
                text = f"{word.allowed[0]!r} is longer than the {length} characters of {spec.field}"
                self._in_table(last.lookup.table, line, Problem("length", text))

    def _in_table(self, table: str, line: int, problem: Problem) -> None:
        folder = self._document.folder
        self._found.append(
            Finding(
                f"{folder}/lookups/{table}.csv", line, 1,
                problem.rule, problem.message, problem.suggestion, problem.level,
            )
        )  # fmt: skip

    def _rounding(self, spec: model.FieldModel, block: Block, wanted: Shape) -> None:
        """A rounding to less than the target takes loses money, unless it is said on purpose."""
        for each in spec.convert:
            if (
                isinstance(each, model.DecimalConverter)
                and wanted.decimals is not None
                and each.decimal.places < wanted.decimals
                and "rounding" not in each.decimal.model_fields_set
            ):
                text = f"keeps {each.decimal.places} decimals where {wanted.decimals} are taken"
                suggestion = f"places: {wanted.decimals}, or say `rounding` if it is meant"
                self._say(block, "convert", "rounding", text, suggestion)

    def _value(self, spec: model.FieldModel, block: Block, scope: Shape) -> Shape:
        if spec.source is None:
            return literal(spec.constant)
        sources = [spec.source] if isinstance(spec.source, str) else spec.source
        items = block.items_at("source")
        shapes = []
        for place, text in enumerate(sources):
            at = items.places[place] if place < len(items.places) else None
            shapes.append(self._infer(text, block, "source", scope, at))
        shape, problems = converted(merged(shapes), spec.convert, self._lookups)
        for problem in problems:
            self._problem(block, "convert", problem)
        return of_field(spec, shape)

    def _infer(
        self, text: str, block: Block, key: str, scope: Shape, at: Where | None = None
    ) -> Shape:
        inference = Inference()
        shape = inference.of(Expression(text).tree, scope)
        for problem in inference.problems:
            self._problem(block, key, problem, at)
        where = at or _at(block, key, self._document.file)
        for name, word in inference.compared:
            self._compared.setdefault(name, []).append((word, where))
        return shape

    def _alike(self) -> None:
        """Of two nearly equal words that one thing is compared with, the rarer is wrong."""
        for compared in self._compared.values():
            counts = Counter(word for word, _ in compared)
            for word, where in compared:
                others = [each for each in counts if each != word and counts[each] > counts[word]]
                if len(word) > _SHORT and mistyped(word, others):
                    text = f"{word!r} is nearly another word that it is compared with"
                    self._found.append(Finding(*where, "condition", text, near(word, others)))

    def _condition(self, text: str, block: Block, scope: Shape) -> None:
        tree = Expression(text).tree
        self._infer(text, block, "when", scope)
        if tree["type"] == "literal":
            self._say(block, "when", "condition", "it always says the same")

    def _answer(self, shape: Shape, source: Shape) -> None:
        answer = self._spec.answer
        tree = self._tree.block_at("answer")
        if self._spec.calls:
            shape = structure(answers=self._answers())
        scope = shape
        if answer.text is not None:
            said = self._infer(answer.text, tree, "text", shape)
            if said.kind not in ("text", "any"):
                self._say(tree, "text", "type", f"gives a {said.kind}, which holds no message")
            shape = scope = ANY  # no interface tells what stands in a text
        if shape.kind == "object":
            scope = replace(shape, fields={**shape.fields, "root": shape, "request": source})
        values = tree.block_at("values")
        needs = self._conversation.values or structure(True)
        for name, text in answer.values.items():
            given = self._infer(text, values, name, scope)
            wanted = needs.fields.get(name)
            if wanted is not None:
                for problem in unfit(given, replace(wanted, max_length=None), "connector"):
                    self._problem(values, name, problem)
        left = {key: each for key, each in needs.fields.items() if key not in answer.values}
        self._fields(
            answer.fields,
            tree.items_at("fields"),
            scope,
            replace(needs, fields=left),
            "connector",
            around=tree if tree.at else self._tree,
        )
        self._messages(answer, tree, scope)
        self._outcomes(answer, tree, scope)

    def _messages(self, answer: model.AnswerModel, tree: Block, scope: Shape) -> None:
        if answer.messages and self._system != "sap":
            self._say(tree, "messages", "field", "only SAP's answers have messages", "use outcome")
        elif not self._spec.calls:  # there they are looked for in the answer of each call
            for text in answer.messages:
                self._infer(text, tree, "messages", scope)

    def _outcomes(self, answer: model.AnswerModel, tree: Block, scope: Shape) -> None:
        rules = tree.items_at("outcome")
        for place, rule in enumerate(answer.outcome):
            block = rules.block_at(place)
            for name, text in (("when", rule.when), ("code", rule.code), ("text", rule.text)):
                if text and name == "when":
                    self._condition(text, block, scope)
                elif text:
                    self._infer(text, block, name, scope)
        meant = [rule.is_ or rule.otherwise for rule in answer.outcome]
        if meant and "ok" not in meant:
            text = "no rule says that the answer is good"
            self._say(tree, "outcome", "outcome", text, "- {when: …, is: ok}")
        for place, rule in enumerate(answer.outcome[:-1]):
            if rule.otherwise is not None:
                self._say(rules.block_at(place), "otherwise", "outcome", "no later rule is reached")
        for place, rule in enumerate(answer.outcome if self._system == "dms" else ()):
            if rule.otherwise in NOTHING_DONE and not (rule.code or rule.text):
                text = f"no answer says that it is {rule.otherwise}: a write is in doubt"
                suggestion = "code: …, or text: …, by which the DMS says it"
                self._say(
                    rules.block_at(place), "otherwise", "outcome", text, suggestion, "warning"
                )

    def _read_table(self, spec: model.ReadTableModel, block: Block) -> None:
        known = self._interfaces.tables.get(spec.table)
        if known is None and self._interfaces.tables:
            suggestion = near(spec.table, self._interfaces.tables)
            self._say(block, "table", "operation", f"there is no table {spec.table}", suggestion)
        columns, find_by = block.block_at("columns"), block.items_at("find_by")
        within = [each.within.column for each in spec.find_by if each.within]
        read = [*spec.columns, *(each.column for each in spec.find_by), *within]
        for column in spec.columns:
            if known is not None and column not in known:
                text = f"{spec.table} has no column {column}"
                self._say(columns, column, "field", text, near(column, known))
        names = self._conversation.finds | _MAY_FIND
        for column, name in spec.columns.items():
            if self._conversation.finds and name not in names and mistyped(name, names):
                text = f"nobody reads a column called {name}"
                self._say(columns, column, "field", text, near(name, names))
        for name in sorted(self._conversation.finds - set(spec.columns.values())):
            text = f"the connector needs a column called {name}"
            self._nameless(spec, columns, block, name, text)
        for place, each in enumerate(spec.find_by):
            at = find_by.block_at(place)
            if known is not None and each.column not in known:
                text = f"{spec.table} has no column {each.column}"
                self._say(at, "column", "field", text, near(each.column, known))
            field = model.FieldModel(
                field=each.column, source=each.source, convert=list(each.convert)
            )
            shape = self._value(field, at, self._conversation.source or ANY)
            several = shape.kind == "list" and shape.item is not None and shape.item.kind == "text"
            if shape.kind in ("object", "list") and not several:
                self._say(at, "source", "type", f"gives a {shape.kind}, which no column holds")
            if each.when is not None:
                self._condition(each.when, at, self._conversation.source or ANY)
            if each.within is not None:
                inner = at.block_at("within")
                if known is not None and each.within.column not in known:
                    text = f"{spec.table} has no column {each.within.column}"
                    self._say(inner, "column", "field", text, near(each.within.column, known))
                narrowed = model.FieldModel(field=each.within.column, source=each.within.source)
                self._value(narrowed, inner, self._conversation.source or ANY)
        if known is not None:
            row = sum(known.get(column, 0) for column in dict.fromkeys(read)) + len(set(read)) - 1
            if row > _JOINED_ROW:
                text = f"the columns together have {row} characters; {_JOINED_ROW} are allowed"
                self._say(block, "columns", "length", text, "read fewer columns")

    def _nameless(
        self, spec: model.ReadTableModel, columns: Block, block: Block, name: str, text: str
    ) -> None:
        known = self._conversation.finds | _MAY_FIND
        stray = {each: column for column, each in spec.columns.items() if each not in known}
        meant = next(iter(get_close_matches(name, stray, n=1) or stray), None)
        if meant is None:
            self._say(block, "columns", "missing", text)
        else:
            self._say(columns, stray[meant], "missing", text, f"did you mean {name}?")

    def _problem(self, block: Block, key: str, problem: Problem, at: Where | None = None) -> None:
        where = at or _at(block, key, self._document.file)
        self._found.append(
            Finding(*where, problem.rule, problem.message, problem.suggestion, problem.level)
        )

    def _say(
        self,
        block: Block,
        key: str,
        rule: str,
        message: str,
        suggestion: str = "",
        level: Level = "error",
    ) -> None:
        where = _at(block, key, self._document.file)
        self._found.append(Finding(*where, rule, message, suggestion, level))


def _at(block: Block, key: str, file: str) -> Where:
    where = block.places.get(key) or block.at or nowhere()
    return where if where.file else Where(file, 1, 1)


def _origin(spec: model.FieldModel) -> str:
    return "constant" if spec.source is None else "source"
