"""JMESPath, compiled once: common forms to plain functions, the rest interpreted under limits.

A mapping is text that IT edits, so an expression may be wrong, but must not be able to hang or
exhaust the service: its length, its nesting, the steps it takes and the size of what it makes are
bounded. What is compiled to plain functions cannot multiply its input and needs no counting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.visitor import TreeInterpreter

from connector.mapping.convert import ConversionError

Search = Callable[[Any], Any]
Tree = Any  # jmespath's nodes: dicts of type, value and children

LONGEST = 500
DEEPEST = 40
MOST_STEPS = 200_000
MOST_ITEMS = 20_000
MOST_CHARACTERS = 200_000


class One(dict[str, Any]):
    """An element of XML: where a list is looked for, it is a list of one.

    XML says nothing of lists: of several elements of one name there may happen to be one.
    """


def rows_of(value: Any) -> Any:
    """Return a value as the list that it is meant as."""
    return [value] if isinstance(value, One) and value else value


class ExpressionError(ValueError):
    """A JMESPath expression cannot be used."""


class TooCostly(ConversionError):
    """An expression takes more steps, or makes more, than any order can need."""


class Expression:
    """A JMESPath expression over a source; `root.` reaches the whole source from within a list."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise ExpressionError(f"longer than {LONGEST} characters")
        try:
            self.tree: Tree = jmespath.compile(text).parsed
        except Exception as error:
            # jmespath draws an arrow under the text in further lines.
            raise ExpressionError(str(error).splitlines()[0]) from None
        if _depth(self.tree) > DEEPEST:
            raise ExpressionError(f"nested deeper than {DEEPEST} levels")
        self.text = text
        self._search = _compiled(self.tree) or _interpreted(self.tree)

    def __call__(self, source: Any) -> Any:
        """Return the value, or None where there is none or a function cannot take it.

        Raises TooCostly.
        """
        try:
            return self._search(source)
        except (JMESPathError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, TooCostly):
                raise
            return None  # jmespath raises these for values of a wrong type


def holds(value: Any) -> bool:
    """Whether a value is true in JMESPath: empty lists, texts and objects are not; zero is."""
    return value is not None and value is not False and value != "" and value not in ([], {})


def _compiled(tree: Tree) -> Search | None:
    """Return a plain function for a tree of simple nodes; None when it holds another kind."""
    make = _COMPILERS.get(tree["type"])
    return make(tree) if make else None


def _field(tree: Tree) -> Search:
    name = tree["value"]

    def field(source: Any) -> Any:
        try:
            return source.get(name)
        except AttributeError:
            return None

    return field


def _subexpression(tree: Tree) -> Search | None:
    children = tree["children"]
    if all(each["type"] == "field" for each in children):
        return _path(tuple(each["value"] for each in children))
    return _chain(tree)


def _path(names: tuple[str, ...]) -> Search:
    def path(source: Any) -> Any:
        try:
            for name in names:
                source = source.get(name)
        except AttributeError:
            return None
        return source

    return path


def _chain(tree: Tree) -> Search | None:
    steps = [_compiled(each) for each in tree["children"]]
    known = [each for each in steps if each is not None]
    if len(known) < len(steps):
        return None

    def chain(source: Any) -> Any:
        for step in known:
            source = step(source)
        return source

    return chain


def _index(tree: Tree) -> Search:
    place = tree["value"]

    def index(source: Any) -> Any:
        source = rows_of(source)
        if not isinstance(source, list | tuple):
            return None
        try:
            return source[place]
        except IndexError:
            return None

    return index


def _literal(tree: Tree) -> Search:
    value = tree["value"]
    return lambda _source: value


def _same(_tree: Tree) -> Search:
    return lambda source: source


def _either(tree: Tree) -> Search | None:
    left, right = (_compiled(each) for each in tree["children"])
    if left is None or right is None:
        return None

    def either(source: Any) -> Any:
        value = left(source)
        return value if holds(value) else right(source)

    return either


def _both(tree: Tree) -> Search | None:
    left, right = (_compiled(each) for each in tree["children"])
    if left is None or right is None:
        return None

    def both(source: Any) -> Any:
        value = left(source)
        return right(source) if holds(value) else value

    return both


def _not(tree: Tree) -> Search | None:
    inner = _compiled(tree["children"][0])
    return (lambda source: not holds(inner(source))) if inner else None


def _comparison(tree: Tree) -> Search | None:
    if tree["value"] not in ("eq", "ne"):
        return None
    left, right = (_compiled(each) for each in tree["children"])
    if left is None or right is None:
        return None
    wanted = tree["value"] == "eq"

    def compare(source: Any) -> bool:
        one, other = left(source), right(source)
        # 1 is not true here, nor 0 false, whatever Python thinks.
        same = one == other and isinstance(one, bool) == isinstance(other, bool)
        return same is wanted

    return compare


def _filter(tree: Tree) -> Search | None:
    base, each, test = (_compiled(child) for child in tree["children"])
    if base is None or each is None or test is None:
        return None

    def filtered(source: Any) -> Any:
        items = rows_of(base(source))
        if not isinstance(items, list | tuple):
            return None
        kept = []
        for item in items:
            if holds(test(item)):
                value = each(item)
                if value is not None:
                    kept.append(value)
        return kept

    return filtered


def _joined(tree: Tree) -> Search | None:
    """`join(text, [a, b])`, the one function that nearly every mapping uses."""
    children = tree["children"]
    if tree["value"] != "join" or len(children) != 2 or children[1]["type"] != "multi_select_list":
        return None
    glue = children[0]
    if glue["type"] != "literal" or not isinstance(glue["value"], str):
        return None
    parts = [_compiled(each) for each in children[1]["children"]]
    known = [each for each in parts if each is not None]
    if len(known) < len(parts):
        return None
    between = glue["value"]

    def join(source: Any) -> str | None:
        values = [each(source) for each in known]
        if not all(isinstance(each, str) for each in values):
            return None
        if sum(map(len, values)) > MOST_CHARACTERS:
            raise TooCostly(f"the expression makes more than {MOST_CHARACTERS} characters")
        return between.join(values)

    return join


_COMPILERS: dict[str, Callable[[Tree], Search | None]] = {
    "field": _field,
    "subexpression": _subexpression,
    "index_expression": _chain,
    "index": _index,
    "identity": _same,
    "current": _same,
    "literal": _literal,
    "pipe": _chain,
    "or_expression": _either,
    "and_expression": _both,
    "not_expression": _not,
    "comparator": _comparison,
    "filter_projection": _filter,
    "function_expression": _joined,
}


class _Limited(TreeInterpreter):
    """jmespath's interpreter, which gives up where no order could lead."""

    def __init__(self) -> None:
        super().__init__()
        self._steps = 0

    def visit(self, node: Tree, *args: Any, **kwargs: Any) -> Any:
        """Return the value of a node. Raises TooCostly."""
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooCostly(f"the expression takes more than {MOST_STEPS} steps")
        value = super().visit(node, *args, **kwargs)
        if isinstance(value, list) and len(value) > MOST_ITEMS:
            raise TooCostly(f"the expression makes more than {MOST_ITEMS} items")
        if isinstance(value, str) and len(value) > MOST_CHARACTERS:
            raise TooCostly(f"the expression makes more than {MOST_CHARACTERS} characters")
        return value

    def visit_projection(self, node: Tree, value: Any) -> Any:
        """See jmespath."""
        return super().visit_projection(self._with_rows(node, value), value)

    def visit_filter_projection(self, node: Tree, value: Any) -> Any:
        """See jmespath."""
        return super().visit_filter_projection(self._with_rows(node, value), value)

    def visit_flatten(self, node: Tree, value: Any) -> Any:
        """See jmespath."""
        return super().visit_flatten(self._with_rows(node, value), value)

    def _with_rows(self, node: Tree, value: Any) -> Tree:
        base, *others = node["children"]
        rows = rows_of(self.visit(base, value))
        return {**node, "children": [{"type": "literal", "value": rows, "children": []}, *others]}


def _interpreted(tree: Tree) -> Search:
    return lambda source: _Limited().visit(tree, source)


def _depth(tree: Tree) -> int:
    deepest, stack = 0, [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        # The children of a slice are its bounds.
        inner = (each for each in node.get("children", ()) if isinstance(each, dict))
        stack += [(each, depth + 1) for each in inner]
    return deepest
