"""Mapping files as text: YAML that knows the line of everything, includes and overlays.

What a shop or a business unit does otherwise stands in a small file of its own and is laid over
the common one; every value of the result still knows the file and line that it came from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import yaml

from connector.mapping.finding import Finding, near

_LARGEST = 400_000
_DEEPEST = 30
_TAGS = frozenset({"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Where(NamedTuple):
    """A place in a file; lines and columns begin with 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.file else "—"


def nowhere() -> Where:
    """Return the place of what came from no file."""
    return Where("", 0, 0)


class Block(dict[str, Any]):
    """A YAML mapping with the place of itself and of each value."""

    def __init__(self, at: Where | None = None) -> None:
        super().__init__()
        self.at = at
        self.places: dict[str, Where] = {}

    def put(self, key: str, value: Any, at: Where) -> None:
        """Set a value that stands somewhere."""
        self[key] = value
        self.places[key] = at

    def block_at(self, key: str) -> Block:
        """Return the block under a key, or an empty one."""
        value = self.get(key)
        return value if isinstance(value, Block) else Block()

    def items_at(self, key: str) -> Items:
        """Return the list under a key, or an empty one."""
        value = self.get(key)
        return value if isinstance(value, Items) else Items()


class Items(list[Any]):
    """A YAML list with the place of itself and of each item."""

    def __init__(self, at: Where | None = None) -> None:
        super().__init__()
        self.at = at
        self.places: list[Where] = []

    def put(self, value: Any, at: Where) -> None:
        """Append a value that stands somewhere."""
        self.append(value)
        self.places.append(at)

    def block_at(self, place: int) -> Block:
        """Return the block at a place, or an empty one."""
        value = self[place] if place < len(self) else None
        return value if isinstance(value, Block) else Block()


class Unreadable(Exception):
    """A file cannot be read; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def read(file: str, content: bytes) -> Any:
    """Return what a YAML file holds, as Block, Items and plain values. Raises Unreadable."""
    if len(content) > _LARGEST:
        raise Unreadable(Finding(file, 1, 1, "size", f"larger than {_LARGEST} bytes"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(not_utf8(file, content, error)) from None
    try:
        loader = _LOADER(text)
        try:
            node = loader.get_single_node()
            return None if node is None else _plain(loader, node, file, set())
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise Unreadable(
            Finding(file, line, column, "yaml", str(error.problem), "indentation or quotes?")
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise Unreadable(Finding(file, 1, 1, "yaml", str(error).splitlines()[0])) from None


def not_utf8(file: str, content: bytes, error: UnicodeDecodeError) -> Finding:
    """Return what is said of a file in another encoding, GBK for example."""
    line = content[: error.start].count(b"\n") + 1
    message = "the file is not in UTF-8"
    return Finding(file, line, 1, "encoding", message, "save it as UTF-8 (Excel: CSV UTF-8)")


def _plain(loader: Any, node: yaml.Node, file: str, seen: set[int], depth: int = 0) -> Any:
    at = Where(file, node.start_mark.line + 1, node.start_mark.column + 1)
    if depth > _DEEPEST:
        raise Unreadable(Finding(*at, "yaml", f"nested deeper than {_DEEPEST} levels"))
    if not isinstance(node, yaml.ScalarNode):
        if id(node) in seen:
            # References to references could make millions of fields of a few lines.
            raise Unreadable(
                Finding(
                    *at, "yaml", "no references here", "write it out, or use `include` in mappings"
                )
            )
        seen.add(id(node))
        if node.tag not in _TAGS:
            raise Unreadable(Finding(*at, "yaml", f"{node.tag} is not accepted"))
    if isinstance(node, yaml.MappingNode):
        block = Block(at)
        for key, inner in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            place = Where(file, key.start_mark.line + 1, key.start_mark.column + 1)
            known = name or (isinstance(key, yaml.ScalarNode) and key.style in _QUOTED)
            if key.tag == "tag:yaml.org,2002:merge" or not known:
                message = "this kind of key is not accepted"
                raise Unreadable(Finding(*place, "yaml", message, "write the keys out"))
            if name in block:
                first = block.places[name].line
                message = f"{name} stands twice here, first in line {first}"
                raise Unreadable(Finding(*place, "duplicate-key", message, "leave one of them"))
            value_at = Where(file, inner.start_mark.line + 1, inner.start_mark.column + 1)
            block.put(name, _plain(loader, inner, file, seen, depth + 1), value_at)
        return block
    if isinstance(node, yaml.SequenceNode):
        items = Items(at)
        for inner in node.value:
            value_at = Where(file, inner.start_mark.line + 1, inner.start_mark.column + 1)
            items.put(_plain(loader, inner, file, seen, depth + 1), value_at)
        return items
    return _scalar(loader, node, at)


def _scalar(loader: Any, node: Any, at: Where) -> Any:
    """Return a value as whoever wrote it sees it. Raises Unreadable where YAML 1.1 reads another.

    Unquoted, 12:00 is 720, 0000100003 is 32771 and no is false; a date is the text that it is.
    """
    kind, text = node.tag.rpartition(":")[2], node.value
    if node.style in _QUOTED or kind == "str":
        return loader.construct_object(node)
    if kind == "timestamp":
        return text
    value = loader.construct_object(node)
    if kind == "bool" and text.lower() not in ("true", "false"):
        read_as, otherwise = str(value).lower(), "true or false"
    elif kind in _NUMBERS and not _NUMBERS[kind].fullmatch(text):
        read_as, otherwise = f"the number {value}", "the plain number"
    else:
        return value
    message = f"{text} is read as {read_as}"
    raise Unreadable(
        Finding(*at, "yaml-value", message, f'write "{text}" in quotes, or {otherwise}')
    )


# How a plain number is written: anything else YAML 1.1 reads in base 60, octal and so on.
_NUMBERS = {"int": re.compile(r"[-+]?(0|[1-9]\d*)"), "float": re.compile(r"[-+]?\d*\.\d*")}
_QUOTED = ("'", '"', "|", ">")


def place_of(tree: Any, location: tuple[Any, ...]) -> Where:
    """Return where a part of a tree stands, or the nearest thing around it that does."""
    at = getattr(tree, "at", None) or nowhere()
    for part in location:
        found = step(tree, part)
        # A validator's own words for a branch it tried are no part of the tree.
        if found is not None:
            tree, at = found
    return at


def step(tree: Any, part: Any) -> tuple[Any, Where] | None:
    """Return what stands under a key or at a place of a tree, and where; None for nothing."""
    if isinstance(tree, Block) and isinstance(part, str) and part in tree:
        return tree[part], tree.places[part]
    if isinstance(tree, Items) and isinstance(part, int) and part < len(tree):
        return tree[part], tree.places[part]
    return None


Part = Callable[[str], Any]


def included(tree: Any, part: Part) -> Any:
    """Return the tree with every `include` replaced by the fields of that part.

    `part` returns the fields of a part by name. Raises KeyError for one that is not there.
    """
    if isinstance(tree, Block):
        made = Block(tree.at)
        for key, value in tree.items():
            made.put(key, included(value, part), tree.places[key])
        return made
    if not isinstance(tree, Items):
        return tree
    items = Items(tree.at)
    for value, at in zip(tree, tree.places, strict=True):
        if not (isinstance(value, Block) and "include" in value):
            items.put(included(value, part), at)
            continue
        for field, field_at in _fields_of(value, part):
            items.put(field, field_at)
    return items


def _fields_of(include: Block, part: Part) -> Iterator[tuple[Any, Where]]:
    name, prefix = str(include["include"]), include.get("prefix")
    fields = part(name)
    if not isinstance(fields, Items):
        raise Unreadable(
            Finding(
                *include.places["include"], "include", f"parts/{name}.yaml is no list of fields"
            )
        )
    for field, at in zip(fields, fields.places, strict=True):
        if prefix and isinstance(field, Block) and isinstance(field.get("field"), str):
            below = _copy(field)
            below.put("field", f"{prefix}.{field['field']}", field.places["field"])
            yield below, at
        else:
            yield field, at


def overlaid(base: Any, over: Any) -> Any:
    """Return the base with another tree laid over it.

    Fields are the same when they are called the same. A field with an origin of its own (source,
    constant, each) takes the other's place, one without changes only what it says, one with
    `remove: true` goes, and one that is new stands at the end. Names in other blocks take the
    place of the same names; one that is null goes. Raises Unreadable for what cannot be laid over.
    """
    if isinstance(base, Block) and isinstance(over, Block):
        return _blocks(base, over)
    if isinstance(base, Items) and isinstance(over, Items) and _named(base) and _named(over):
        return _lists(base, over)
    return over


def _blocks(base: Block, over: Block) -> Block:
    made = _copy(base)
    for key, value in over.items():
        if value is None:
            made.pop(key, None)
        elif key in base:
            made.put(key, overlaid(base[key], value), _place(base, over, key))
        else:
            made.put(key, value, over.places[key])
    return made


def _lists(base: Items, over: Items) -> Items:
    made, replaced = Items(base.at), set()
    changes: dict[str, list[tuple[Block, Where]]] = {}
    for value, at in zip(over, over.places, strict=True):
        changes.setdefault(_name(value), []).append((value, at))
    for value, at in zip(base, base.places, strict=True):
        name = _name(value)
        others = [each for each in changes.get(name, []) if _originates(each[0])]
        if others and name not in replaced:
            for change, change_at in others:
                made.put(change, change_at)
            replaced.add(name)
        if others:
            continue
        for change, _ in changes.get(name, []):
            value = _blocks(value, change)
        if not value.get("remove"):
            made.put(value, at)
    known = {_name(value) for value in base}
    for name, left in changes.items():
        for change, at in left if name not in known else ():
            if "field" in change and not _originates(change):
                raise Unreadable(
                    Finding(
                        *at, "overlay", f"there is no field {name} to change", near(name, known)
                    )
                )
            made.put(change, at)
    return made


def _named(items: Items) -> bool:
    return all(isinstance(each, Block) and _name(each) for each in items)


def _name(block: Block) -> str:
    return str(block.get("field") or block.get("function") or block.get("column") or "")


def _originates(block: Block) -> bool:
    return any(name in block for name in ("source", "constant", "each"))


def _place(base: Block, over: Block, key: str) -> Where:
    return base.places[key] if isinstance(base[key], Block | Items) else over.places[key]


def _copy(block: Block) -> Block:
    made = Block(block.at)
    for key, value in block.items():
        made.put(key, value, block.places[key])
    return made
