"""What a JMESPath expression gives over a known source, and what in it can never be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from connector.mapping.expression import Tree
from connector.mapping.finding import Level, mistyped, near
from connector.mapping.shape import ANY, BOOLEAN, NUMBER, TEXT, Shape, merged

_FUNCTIONS: dict[str, tuple[int, int, Shape]] = {
    "abs": (1, 1, NUMBER), "avg": (1, 1, NUMBER), "ceil": (1, 1, NUMBER),
    "contains": (2, 2, BOOLEAN), "ends_with": (2, 2, BOOLEAN), "floor": (1, 1, NUMBER),
    "join": (2, 2, TEXT), "keys": (1, 1, Shape("list", item=TEXT)), "length": (1, 1, NUMBER),
    "map": (2, 2, Shape("list", item=ANY)), "max": (1, 1, ANY), "max_by": (2, 2, ANY),
    "merge": (1, 99, ANY), "min": (1, 1, ANY), "min_by": (2, 2, ANY), "not_null": (1, 99, ANY),
    "reverse": (1, 1, ANY), "sort": (1, 1, ANY), "sort_by": (2, 2, ANY),
    "starts_with": (2, 2, BOOLEAN), "sum": (1, 1, NUMBER), "to_array": (1, 1, ANY),
    "to_number": (1, 1, NUMBER), "to_string": (1, 1, TEXT), "type": (1, 1, TEXT),
    "values": (1, 1, Shape("list", item=ANY)),
}  # fmt: skip
_OF_ITEMS = frozenset({"max", "min", "max_by", "min_by", "reverse", "sort", "sort_by"})


class Problem(NamedTuple):
    """Something in an expression that can never be right, or probably is not."""

    rule: str
    message: str
    suggestion: str = ""
    level: Level = "error"


class Inference:
    """Walks one expression; gathers problems and the paths that it reads."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.read: set[str] = set()
        self.compared: list[tuple[str, str]] = []

    def of(self, tree: Tree, scope: Shape, path: str = "") -> Shape:
        """Return what the tree gives over a scope."""
        kind, children = tree["type"], tree.get("children", [])
        if kind == "field":
            return self._field(str(tree["value"]), scope, path)
        if kind in ("identity", "current"):
            return scope
        if kind == "literal":
            return literal(tree["value"])
        if kind in ("subexpression", "index_expression", "pipe"):
            return self._chain(tree, scope, path)
        if kind in ("index", "slice"):
            return self._item(kind, scope, tree)
        if kind in ("projection", "filter_projection", "value_projection", "flatten"):
            return self._projection(kind, children, scope, path)
        if kind == "or_expression":
            return merged([self.of(each, scope, path) for each in children])
        if kind == "and_expression":
            self._contradiction(children)
            return [self.of(each, scope, path) for each in children][-1]
        if kind == "not_expression":
            self.of(children[0], scope, path)
            return BOOLEAN
        if kind == "comparator":
            return self._comparison(tree["value"], children, scope, path)
        if kind == "multi_select_list":
            return Shape("list", item=merged([self.of(each, scope, path) for each in children]))
        if kind == "multi_select_dict":
            pairs = {each["value"]: self.of(each["children"][0], scope, path) for each in children}
            return Shape("object", fields=pairs)
        if kind == "function_expression":
            return self._function(str(tree["value"]), children, scope, path)
        return ANY

    def _field(self, name: str, scope: Shape, path: str) -> Shape:
        self.read.add(f"{path}{name}")
        if scope.kind == "any":
            return ANY
        if scope.kind != "object":
            self._say("source", f"{name}: a {scope.kind} has no fields")
            return ANY
        found = scope.fields.get(name)
        if found is not None:
            return found
        suggestion = near(name, scope.fields)
        sure = not scope.open or mistyped(name, scope.fields)
        self._say(
            "source",
            f"the source has no {name}" if sure else f"{name} was never seen in the source",
            suggestion,
            "error" if sure else "warning",
        )
        return ANY

    def _chain(self, tree: Tree, scope: Shape, path: str) -> Shape:
        for each in tree["children"]:
            scope = self.of(each, scope, path)
            if each["type"] == "field" and tree["type"] != "pipe":
                path = f"{path}{each['value']}."
            elif each["type"] in ("subexpression", "pipe", "filter_projection"):
                path = f"{path}{_named(each)}."
        return scope

    def _item(self, kind: str, scope: Shape, tree: Tree) -> Shape:
        if scope.kind not in ("list", "any"):
            self._say("source", f"a {scope.kind} has no items")
            return ANY
        if kind == "slice":
            return scope
        if scope.fields:  # items at known places
            place = int(tree["value"])
            found = scope.fields.get(str(place if place >= 0 else len(scope.fields) + place))
            if found is None:
                self._say("source", f"there is no {place}: it has {len(scope.fields)} so far")
            return replace(found or ANY, required=False)
        return replace(scope.item or ANY, required=False) if scope.kind == "list" else ANY

    def _projection(self, kind: str, children: Sequence[Tree], scope: Shape, path: str) -> Shape:
        base = self.of(children[0], scope, path)
        below = f"{path}{_named(children[0])}." if _named(children[0]) else path
        if kind == "value_projection":
            item = merged(list(base.fields.values())) if base.fields else ANY
        elif base.kind == "list":
            item = base.item or ANY
            if kind == "flatten" and item.kind == "list":
                item = item.item or ANY
        else:
            if base.kind not in ("any",):
                self._say("source", f"a {base.kind} is no list")
            item = ANY
        if kind == "flatten":
            return Shape("list", item=item)
        if kind == "filter_projection":
            self.of(children[2], item, below)
        return Shape("list", item=self.of(children[1], item, below))

    def _comparison(self, how: str, children: Sequence[Tree], scope: Shape, path: str) -> Shape:
        one, other = (self.of(each, scope, path) for each in children)
        for value, words in ((one, children[1]), (other, children[0])):
            if words["type"] == "literal" and how in ("eq", "ne"):
                self._compared(value, words["value"])
                if isinstance(words["value"], str):
                    other_side = children[0] if words is children[1] else children[1]
                    self.compared.append((_named(other_side) or str(other_side), words["value"]))
        kinds = {"number" if each.kind == "integer" else each.kind for each in (one, other)}
        if "any" not in kinds and len(kinds) > 1:
            never = "is never" if how != "ne" else "is always"
            self._say("condition", f"a {one.kind} and a {other.kind}: this {never} so")
        return BOOLEAN

    def _compared(self, value: Shape, words: Any) -> None:
        if not isinstance(words, str):
            return
        if value.allowed and words not in value.allowed and words != "":
            self._say("condition", f"it is never {words!r}", near(words, value.allowed))
        elif value.known and words not in value.known:
            alike = mistyped(words, value.known)
            suggestion = near(words, value.known)
            self._say(
                "condition",
                f"{words!r} was never seen",
                suggestion if suggestion.startswith("did you mean") else "",
                "error" if alike else "warning",
            )

    def _contradiction(self, children: Sequence[Tree]) -> None:
        """`a == 'x' && a == 'y'` holds for nothing."""
        wanted: dict[str, Any] = {}
        for each in children:
            if each["type"] != "comparator" or each["value"] != "eq":
                continue
            left, right = each["children"]
            if right["type"] == "literal":
                name = str(left)
                if name in wanted and wanted[name] != right["value"]:
                    self._say("condition", "both can never hold at once")
                wanted[name] = right["value"]

    def _function(self, name: str, children: Sequence[Tree], scope: Shape, path: str) -> Shape:
        known = _FUNCTIONS.get(name)
        if known is None:
            self._say("function", f"there is no function {name}", near(name, _FUNCTIONS))
            return ANY
        fewest, most, gives = known
        if not fewest <= len(children) <= most:
            self._say("function", f"{name} takes {fewest} values, not {len(children)}")
            return gives
        over = [
            ANY if each["type"] == "expref" else self.of(each, scope, path) for each in children
        ]
        lists = [each for each in over if each.kind == "list"]
        for each in children:
            if each["type"] == "expref":
                self.of(each["children"][0], lists[0].item or ANY if lists else ANY, path)
        if name == "join" and over[1].kind == "list" and over[1].item is not None:
            if over[1].item.kind not in ("text", "any"):
                self._say("function", f"join takes texts, not a {over[1].item.kind}")
            return _joined(children, over[1].item)
        if name in _OF_ITEMS and lists:
            return lists[0] if name in ("reverse", "sort", "sort_by") else lists[0].item or ANY
        if name == "not_null":
            return merged(over)
        return gives

    def _say(
        self,
        rule: str,
        message: str,
        suggestion: str = "",
        level: Level = "error",
    ) -> None:
        self.problems.append(Problem(rule, message, suggestion, level))


def literal(value: Any) -> Shape:
    """Return the shape of a constant."""
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, int):
        return Shape("integer", known=(str(value),))
    if isinstance(value, float):
        return NUMBER
    if isinstance(value, str):
        return Shape("text", allowed=(value,), max_length=len(value))
    if isinstance(value, list):
        return Shape("list", item=merged([literal(each) for each in value]))
    if isinstance(value, dict):
        return Shape("object", fields={key: literal(each) for key, each in value.items()})
    return ANY


def _joined(children: Sequence[Tree], item: Shape) -> Shape:
    parts = children[1]
    if parts["type"] != "multi_select_list" or item.max_length is None:
        return TEXT
    return Shape("text", max_length=(item.max_length + 1) * len(parts["children"]))


def _named(tree: Tree) -> str:
    """Return the dotted name that a tree of fields is, or nothing."""
    if tree["type"] == "field":
        return str(tree["value"])
    if tree["type"] in ("subexpression", "filter_projection", "flatten", "projection", "pipe"):
        names = [_named(each) for each in tree["children"] if each["type"] != "comparator"]
        return ".".join(filter(None, names))
    return ""
