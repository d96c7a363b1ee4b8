"""Lays rows out in columns: what names or counts is never cut, however narrow the terminal is."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

# By these a person goes on: they stand whole, or the rows are told line by line.
_NAMING = frozenset(
    {
        "amount", "call", "connector", "customer", "dms", "document", "due", "given", "id",
        "line", "month", "number", "order", "path", "reference", "rows", "run", "sap",
        "storefront", "total", "version",
    }
)  # fmt: skip
# Words take what room is left and are wrapped.
_WORDS = frozenset(
    {"counts", "detail", "error", "explanation", "meaning", "reason", "reasons", "text", "why"}
)
_GAP = 2
# Narrower than that a column of words cannot be read; in a pipe no row is padded to more.
_NARROW, _WIDE = 24, 40


def laid_out(names: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Return the lines of a table, its head first; without a `width` each row is one line.

    Columns for which there is no room are left out, and the last words say which.
    """
    heads = [name.replace("_", " ") for name in names]
    widths = [max(map(cells, column)) for column in zip(heads, *rows, strict=True)]
    if width is None:
        padded = [
            min(each, _WIDE) if name in _WORDS else each
            for name, each in zip(names, widths, strict=True)
        ]
        return [_line(row, padded) for row in (heads, *rows)]
    shown = _fitting(names, widths, width)
    if shown is None:
        return list(_one_by_one(heads, rows))
    lines = []
    for row in (heads, *rows):
        parts = [wrapped(row[place], room) for place, room in shown.items()]
        for number in range(max(map(len, parts))):
            texts = [part[number] if number < len(part) else "" for part in parts]
            lines.append(_line(texts, list(shown.values())))
    left_out = [head for place, head in enumerate(heads) if place not in shown]
    if left_out:
        word = f"(no room for: {', '.join(left_out)} — widen the terminal, or use --json)"
        lines += wrapped(word, width)
    return lines


def _fitting(names: Sequence[str], widths: Sequence[int], width: int) -> dict[int, int] | None:
    """Return place → width of the columns that fit; None when not even those fit that must."""
    naming = [place for place, name in enumerate(names) if name in _NAMING or place == 0]
    words = [place for place, name in enumerate(names) if name in _WORDS]
    others = [place for place in range(len(names)) if place not in naming and place not in words]
    shown = {place: widths[place] for place in naming}
    left = width - sum(shown.values()) - _GAP * (len(shown) - 1)
    if left < 0:
        return None
    # The first words say why: they come before times and the like.
    kept = _NARROW + _GAP if words and left >= _NARROW + _GAP else 0
    for place in others:
        if widths[place] + _GAP <= left - min(kept, widths[words[0]] + _GAP if words else 0):
            shown[place] = widths[place]
            left -= widths[place] + _GAP
    for place in words:
        room = min(widths[place], left - _GAP)
        if room >= min(widths[place], _NARROW):
            shown[place] = room
            left -= room + _GAP
    return dict(sorted(shown.items()))


def _one_by_one(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    room = max(map(cells, heads))
    for number, row in enumerate(rows):
        if number:
            yield ""
        for head, text in zip(heads, row, strict=True):
            if text:
                yield f"{head:{room}}  {text}"


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    gap = " " * _GAP
    return gap.join(
        text + " " * (room - cells(text)) for text, room in zip(texts, widths, strict=True)
    ).rstrip()


def wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines of so many cells, divided at spaces where there are any."""
    lines, line = [], ""
    for word in text.split(" "):
        candidate = f"{line} {word}" if line else word
        if cells(candidate) <= width:
            line = candidate
            continue
        if line:
            lines.append(line)
        line = ""
        for character in word:
            if line and cells(line) + cells(character) > width:
                lines.append(line)
                line = ""
            line += character
    return [*lines, line]


def cells(text: str) -> int:
    """Return how wide a terminal shows a text: Chinese characters take two cells."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
