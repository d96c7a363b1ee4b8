"""Whether a column of finance's files is of the kind that its source gives."""

from __future__ import annotations

from connector.mapping.infer import Problem
from connector.mapping.shape import Shape

# What a column of each kind may be made of. A number shown as text cannot be added up, and a time
# shown as a date loses its hours without a word.
_FITTING = {
    "text": ("text", "boolean"),
    "integer": ("integer",),
    "quantity": ("number", "integer"),
    "amount": ("number", "integer"),
    "currency": ("text",),
    "date": ("date",),
    "time": ("time",),
}
_MEANT = {"number": "amount (or quantity)", "integer": "integer", "date": "date", "time": "time",
          "text": "text", "boolean": "text"}  # fmt: skip


def misplaced(value: Shape, kind: str) -> Problem | None:
    """Return what is wrong with a column of a kind (`column.kind`) for this value, if anything.

    Of a value that nobody knows the kind of, nothing is said.
    """
    if value.kind == "any" or value.kind in _FITTING[kind]:
        return None
    if value.kind in ("object", "list"):
        return Problem("kind", f"a {value.kind} is no value of a column", "name a field of it")
    remedy = f"kind: {_MEANT[value.kind]}"
    if kind == "text":
        remedy += ", or convert: [{to: text}] if it is meant"
    return Problem("kind", f"the source gives a {value.kind}, the column is {kind}", remedy)
