"""What a value or a structure may be, whichever system says so: SOAP, RFC, REST or ourselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

Kind = Literal[
    "text", "number", "integer", "boolean", "date", "time", "object", "list", "any"
]  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """One value or structure.

    `max_length` counts characters, `decimals` those behind the point; `allowed` is an
    enumeration, `known` are texts that were seen and not the only possible ones. An `open`
    structure may hold further fields than those that are known. The `fields` of a list are its
    items at known places, by their number from "0" on.
    """

    kind: Kind = "any"
    required: bool = False
    max_length: int | None = None
    min_length: int = 0
    decimals: int | None = None
    allowed: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    pattern: str | None = None
    fields: Mapping[str, Shape] = field(default_factory=dict)
    item: Shape | None = None
    open: bool = False

    def at(self, *names: str) -> Shape | None:
        """Return the shape at a path of names; a list is looked through."""
        shape: Shape | None = self
        for name in names:
            while shape is not None and shape.kind == "list":
                shape = shape.item
            shape = shape.fields.get(name) if shape is not None else None
        return shape

    def paths(self, prefix: str = "") -> Iterator[str]:
        """Give the dotted paths of everything below."""
        shape = self.item if self.kind == "list" and self.item else self
        for name, each in shape.fields.items():
            yield f"{prefix}{name}"
            yield from each.paths(f"{prefix}{name}.")


ANY = Shape()
TEXT, NUMBER, INTEGER = Shape("text"), Shape("number"), Shape("integer")
BOOLEAN, DATE, TIME = Shape("boolean"), Shape("date"), Shape("time")


def structure(open: bool = False, **fields: Shape) -> Shape:
    """Return a structure of these fields."""
    return Shape("object", fields=fields, open=open)


def listed(item: Shape) -> Shape:
    """Return a list of such items."""
    return Shape("list", item=item)


def needed(shape: Shape) -> Shape:
    """Return the same shape, which must be there."""
    return replace(shape, required=True)


def texts(length: int) -> Shape:
    """Return a text of at most so many characters."""
    return Shape("text", max_length=length)


def merged(shapes: Sequence[Shape]) -> Shape:
    """Return what a value is that is one of these."""
    if not shapes:
        return ANY
    first = shapes[0]
    for other in shapes[1:]:
        first = _either(first, other)
    return first


def _either(one: Shape, other: Shape) -> Shape:
    if one.kind != other.kind:
        numbers = {"number", "integer"}
        return NUMBER if {one.kind, other.kind} <= numbers else ANY
    both = one.allowed and other.allowed
    lengths = (one.max_length, other.max_length)
    return replace(
        one,
        allowed=tuple(dict.fromkeys((*one.allowed, *other.allowed))) if both else (),
        known=(),
        max_length=None if None in lengths else max(each for each in lengths if each is not None),
        decimals=None
        if one.decimals is None or other.decimals is None
        else max(one.decimals, other.decimals),
        pattern=one.pattern if one.pattern == other.pattern else None,
        required=one.required and other.required,
        fields={**other.fields, **one.fields},
        item=one.item if other.item is None else merged([one.item or other.item, other.item]),
        open=one.open or other.open,
    )


def shape_of(kind: Any) -> Shape:
    """Return the shape of one of our own types: dataclasses, enumerations and plain values."""
    if get_origin(kind) in (Union, UnionType):
        inner = [each for each in get_args(kind) if each is not NoneType]
        return replace(merged([shape_of(each) for each in inner]), required=False)
    if get_origin(kind) in (tuple, list):
        return listed(shape_of(get_args(kind)[0]))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return Shape(
            "object",
            fields={each.name: shape_of(hints[each.name]) for each in dataclasses.fields(kind)},
        )
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return Shape("text", allowed=tuple(each.value for each in kind))
    plain: dict[Any, Shape] = {
        str: TEXT, Decimal: NUMBER, int: INTEGER, bool: BOOLEAN, datetime: TIME, date: DATE,
    }  # fmt: skip
    return plain.get(kind, ANY)


def of_json_schema(schema: Mapping[str, Any]) -> Shape:
    """Return the shape that a JSON Schema describes, as far as it is needed here.

    `examples` of a text are the words that were seen so far.
    """
    kind = schema.get("type", "mixed")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "mixed")
    if kind == "object" or "properties" in schema:
        return Shape(
            "object",
            fields={
                name: replace(of_json_schema(each), required=name in schema.get("required", ()))
                for name, each in schema.get("properties", {}).items()
            },
            open=bool(schema.get("additionalProperties", True)),
        )
    if kind == "array":
        return listed(of_json_schema(schema.get("items", {})))
    if kind == "string":
        return Shape(
            "text",
            allowed=tuple(str(each) for each in schema.get("enum", ())),
            known=tuple(str(each) for each in schema.get("examples", ())),
            max_length=schema.get("maxLength"),
        )
    return {
        "integer": INTEGER, "number": NUMBER, "boolean": BOOLEAN, "date-time": TEXT,
    }.get(str(kind), ANY)  # fmt: skip


def differences(was: Shape, now: Shape, path: str = "") -> Iterator[str]:
    """Give how an interface differs from what it was, one line a difference."""
    if was.kind != now.kind:
        yield f"{path}: was {was.kind}, is {now.kind}"
        return
    for name, old, new in (
        ("length", was.max_length, now.max_length),
        ("decimals", was.decimals, now.decimals),
        ("pattern", was.pattern, now.pattern),
    ):
        if old != new:
            yield f"{path}: {name} was {old}, is {new}"
    if was.required != now.required:
        yield f"{path}: is {'now required' if now.required else 'no longer required'}"
    gone, come = set(was.allowed) - set(now.allowed), set(now.allowed) - set(was.allowed)
    if gone or come:
        words = [f"no longer {each}" for each in sorted(gone)] + [f"also {e}" for e in sorted(come)]
        yield f"{path}: allows {', '.join(words)}"
    if was.item is not None and now.item is not None:
        yield from differences(was.item, now.item, path)
    dot = f"{path}." if path else ""
    for name in sorted(was.fields.keys() | now.fields.keys()):
        if name not in now.fields:
            yield f"{dot}{name}: is gone"
        elif name not in was.fields:
            yield f"{dot}{name}: is new{', required' if now.fields[name].required else ''}"
        else:
            yield from differences(was.fields[name], now.fields[name], f"{dot}{name}")
