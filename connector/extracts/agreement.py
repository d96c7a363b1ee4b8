"""Holds a workbook against the CSV files and the manifest that it was written with, cell by cell.

A file's hash says that it is the one that was written. Where a figure was changed and the hash was
made anew, only this finds it: the same rows went into the CSV files.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from math import isclose
from pathlib import Path
from typing import Any

from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from connector.domain.masking import mask_text
from connector.extracts.sheets import UNREADABLE, Cell, Workbook
from connector.extracts.table import Kind, Totals, column_of
from connector.extracts.workbook import FIRST, FULL, NONE, part_name, total_rows

_EPOCH = datetime(1899, 12, 30)
_SECOND = 1 / 86_400
# A spreadsheet keeps 15 digits of a number, and adds up in them.
_DIGITS, _ADDED = 5e-15, 4e-4
_MOST = 10  # findings of one sheet that are told; the others are counted
_NOTHING = Cell("", False, "")


_CENTS = re.compile(r"-?\d+\.\d{2,}")


@dataclass(frozen=True)
class Told:
    """What a manifest says of a table: its sheet, headings and kinds by column, control totals."""

    name: str
    title: str
    headings: tuple[tuple[str, ...], tuple[str, ...]]
    kinds: tuple[Kind, ...]
    sums: Mapping[str, Decimal]


def disagreements(
    path: Path, folder: Path, tables: Sequence[Told], summary: tuple[str, Mapping[str, Any]] | None
) -> Iterator[str]:
    """Give what a workbook shows otherwise than the tables' CSV files, with sheet, cell and value.

    `summary` is the name of a sheet that is in no table, and all that stands in it by cell: numbers
    as numbers. A table whose CSV file cannot be read is passed over: that is told of the file.
    """
    try:
        with Workbook(path) as book:
            left = set(book.sheets)
            if summary is not None:
                yield from _summary(book, left, *summary)
            for table in tables:
                yield from _table(book, left, table, folder / f"{table.name}.csv")
            for sheet in book.sheets:
                if sheet in left:
                    yield f"sheet {sheet}: is of no table"
    except UNREADABLE as error:
        yield f"cannot be read: {error}"


def _summary(book: Workbook, left: set[str], title: str, cells: Mapping[str, Any]) -> Iterator[str]:
    if title not in book.sheets:
        yield f"sheet {title}: missing"
        return
    left.remove(title)
    yield from _few(title, _summary_cells(book, title, cells))


def _summary_cells(book: Workbook, title: str, cells: Mapping[str, Any]) -> Iterator[str]:
    expected = dict(cells)
    for row, found in book.rows(title):
        for column, cell in found.items():
            place = xl_rowcol_to_cell(row, column)
            value = expected.pop(place, "")
            if cell.formula or not _shows(cell, value):
                yield f"cell {place}: {_said(cell)}, the manifest says {_masked(str(value))}"
    for place, value in expected.items():
        yield f"cell {place}: empty, the manifest says {_masked(str(value))}"


def _shows(cell: Cell, value: Any) -> bool:
    if isinstance(value, int | float):
        return cell.number and isclose(float(cell.text), value, rel_tol=_DIGITS)
    return not cell.number and cell.text == value


def _table(book: Workbook, left: set[str], table: Told, path: Path) -> Iterator[str]:
    """Compare the sheets of a table: one that is full goes on in another."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            names = next(reader, [])
            if len(names) != len(table.kinds):
                return
            part, more = 1, next(reader, None)
            while part == 1 or more is not None:
                title = part_name(table.title, part)
                if title not in book.sheets:
                    yield f"sheet {title}: missing"
                    return
                left.remove(title)
                sheet = _Sheet(table, names, book.rows(title))
                first = [] if more is None else [more]
                yield from _few(title, sheet.wrong(first, islice(reader, FULL - 1)))
                part, more = part + 1, next(reader, None)
    except (OSError, csv.Error, UnicodeDecodeError):
        return


def _few(title: str, findings: Iterator[str]) -> Iterator[str]:
    """Give the first findings of a sheet, and how many there are more."""
    for each in islice(findings, _MOST):
        yield f"sheet {title}, {each}"
    more = sum(1 for _ in findings)
    if more:
        yield f"sheet {title}: and {more} more"


class _Sheet:
    """One sheet on its way past the rows of a CSV file."""

    def __init__(
        self, table: Told, names: Sequence[str], rows: Iterator[tuple[int, dict[int, Cell]]]
    ) -> None:
        self._table = table
        self._names = names
        self._rows = rows
        self._next = next(rows, None)
        totalled = {column_of(each) for each in table.sums}
        self._totals = Totals(
            table.kinds, [at for at, name in enumerate(names) if name in totalled]
        )

    def wrong(self, first: Sequence[list[str]], others: Iterator[list[str]]) -> Iterator[str]:
        """Give what the sheet shows otherwise than these rows."""
        for at, heading in enumerate(self._table.headings):
            yield from self._compare(at, heading, lambda _column: _as_text, "the manifest says")
        at = FIRST
        for rows in (first, others):
            for row in rows:
                if len(row) != len(self._names):
                    raise csv.Error("cells")  # told of the file
                numbers = {at: _decimal(row[at]) or Decimal(0) for at in self._totals.columns}
                self._totals.add([numbers.get(at, text) for at, text in enumerate(row)])
                yield from self._compare(at, row, self._as_kind, f"{self._table.name}.csv has")
                at += 1
        if at == FIRST:
            yield from self._compare(at, [NONE], lambda _column: _as_text, "there should stand")
        else:
            for down, row_ in enumerate(total_rows(self._table.kinds, self._totals, at - 1)):
                yield from self._total(at + down, row_)
        yield from self._superfluous()

    def _compare(
        self,
        at: int,
        texts: Sequence[str],
        way_of: Callable[[int], Callable[[Cell, str], bool]],
        source: str,
    ) -> Iterator[str]:
        cells = self._row(at)
        for column, text in enumerate(texts):
            cell = cells.pop(column, _NOTHING)
            if cell.formula or not way_of(column)(cell, text):
                yield f"{self._place(at, column)}: {_said(cell)}, {source} {_masked(text)}"
        for column, cell in cells.items():
            yield f"{self._place(at, column)}: {_said(cell)}, where nothing should stand"

    def _as_kind(self, column: int) -> Callable[[Cell, str], bool]:
        return _AS[self._table.kinds[column]]

    def _total(self, at: int, expected: Sequence[tuple[str, Decimal | None]]) -> Iterator[str]:
        cells = self._row(at)
        for column, (shown, value) in enumerate(expected):
            cell = cells.pop(column, _NOTHING)
            if value is not None:
                if cell.formula.lstrip("=").upper() != shown:
                    yield f"{self._place(at, column)}: {_said(cell)}, where {shown} should stand"
                # A program that wrote no result leaves it to the one that opens the file.
                elif cell.text and not _near(cell, float(value)):
                    yield f"{self._place(at, column)}: {_said(cell)}, the rows add up to {value}"
            elif cell.text != shown:
                yield f"{self._place(at, column)}: {_said(cell)}, where no total should stand"
        for column, cell in cells.items():
            yield f"{self._place(at, column)}: {_said(cell)}, where nothing should stand"

    def _superfluous(self) -> Iterator[str]:
        while self._next is not None:
            row, cells = self._next
            self._next = next(self._rows, None)
            for column, cell in cells.items():
                yield f"{self._place(row, column)}: {_said(cell)}, where nothing should stand"

    def _row(self, at: int) -> dict[int, Cell]:
        """Return the cells of a row; rows come in their sequence, empty ones not at all."""
        if self._next is None or self._next[0] != at:
            return {}
        cells = self._next[1]
        self._next = next(self._rows, None)
        return cells

    def _place(self, row: int, column: int) -> str:
        name = self._names[column] if column < len(self._names) else xl_col_to_name(column)
        return f"row {row + 1}, column {name} ({xl_rowcol_to_cell(row, column)})"


def _as_text(cell: Cell, text: str) -> bool:
    return not cell.number and cell.text == text


def _as_words(cell: Cell, text: str) -> bool:
    """Compare a cell of a column of text: an amount with cents is a number there too."""
    return (
        bool(_CENTS.fullmatch(text)) and _as_number(cell, text)
        if cell.number
        else (_as_text(cell, text))
    )


def _as_number(cell: Cell, text: str) -> bool:
    number = _decimal(text)
    if number is None or not text:
        return _as_text(cell, text)
    return cell.number and isclose(float(cell.text), float(number), rel_tol=_DIGITS)


def _as_time(cell: Cell, text: str) -> bool:
    """Compare with what the file shows of it: the CSV leaves parts of a second out."""
    try:
        since = datetime.fromisoformat(text) - _EPOCH
    except ValueError:
        return _as_text(cell, text)
    days = since.days + since.seconds / 86_400
    return cell.number and -_SECOND / 10 < float(cell.text) - days < _SECOND


_AS: Mapping[Kind, Callable[[Cell, str], bool]] = {
    Kind.TEXT: _as_words,
    Kind.CURRENCY: _as_text,
    Kind.INTEGER: _as_number,
    Kind.QUANTITY: _as_number,
    Kind.AMOUNT: _as_number,
    Kind.DATE: _as_time,
    Kind.TIME: _as_time,
}


def _near(cell: Cell, value: float) -> bool:
    return cell.number and isclose(float(cell.text), value, rel_tol=1e-12, abs_tol=_ADDED)


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text or 0)
    except InvalidOperation:
        return None


def _said(cell: Cell) -> str:
    if cell.formula:
        return (
            f"the formula {_masked('=' + cell.formula.lstrip('='))} that shows {_masked(cell.text)}"
        )
    return f"the number {cell.text}" if cell.number else _masked(cell.text)


def _masked(text: str) -> str:
    return repr(mask_text(text)[:40]) if text else "nothing"
