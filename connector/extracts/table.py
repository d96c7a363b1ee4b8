"""A table on its way into a file: columns with headings in both languages, and rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

Cell = str | int | Decimal | date | datetime | bool | None


class Kind(StrEnum):
    """How a column is written and shown."""

    TEXT = "text"  # also long numbers: order, invoice, ID; never read as a number or a formula
    INTEGER = "integer"
    QUANTITY = "quantity"
    AMOUNT = "amount"
    DATE = "date"
    TIME = "time"  # shown in the business's zone


def is_amount(value: object) -> bool:
    """Whether a value is a number with cents, also where its column is of text."""
    if not isinstance(value, Decimal):
        return False
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent <= -2


@dataclass(frozen=True)
class Column:
    """One column. `name` is stable and heads the CSV; people read the two titles."""

    name: str
    chinese: str
    english: str
    kind: Kind = Kind.TEXT
    total: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under columns. The same rows always make the same bytes."""

    name: str
    chinese: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]] = field(default_factory=tuple)

    def sheet(self) -> dict[str, Any]:
        """Return what a manifest says of the sheet in a workbook."""
        return told_sheet(self.chinese, self.columns)

    def sums(self) -> dict[str, Decimal]:
        """Return the control totals: the sum of each column that has one."""
        return {
            column.name: sum(
                (Decimal(str(row[index])) for row in self.rows if row[index] is not None),
                Decimal(0),
            )
            for index, column in enumerate(self.columns)
            if column.total
        }


def told_sheet(title: str, columns: Sequence[Column]) -> dict[str, Any]:
    """Return what a manifest says of a sheet: by it the workbook is read back and compared."""
    return {
        "title": title,
        "headings": [
            [column.chinese for column in columns],
            [column.english for column in columns],
        ],
        "kinds": [column.kind.value for column in columns],
    }
