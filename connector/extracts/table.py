"""A table on its way into a file: columns with headings in both languages, and rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
    AMOUNT = "amount"  # in the currency that the row's column of that kind names
    CURRENCY = "currency"
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


class Totals:
    """Adds up columns row by row: amounts apart by currency, where a column says each row's."""

    def __init__(self, kinds: Sequence[Kind], totalled: Collection[int]) -> None:
        self._currency = kinds.index(Kind.CURRENCY) if Kind.CURRENCY in kinds else None
        self._apart = {
            at for at in totalled if kinds[at] is Kind.AMOUNT and self._currency is not None
        }
        self.columns = sorted(totalled)
        self._sums: dict[str, dict[int, Decimal]] = {}

    def add(self, cells: Sequence[Cell | Decimal]) -> None:
        """Add one row; a cell without a value adds nothing."""
        for at in self.columns:
            value = cells[at]
            if value is None or value == "":
                continue
            currency = ""
            if at in self._apart and self._currency is not None:
                currency = str(cells[self._currency] or NO_CURRENCY)
            of_it = self._sums.setdefault(currency, {})
            of_it[at] = of_it.get(at, Decimal(0)) + Decimal(str(value))

    @property
    def currencies(self) -> list[str]:
        """The currencies of the amounts, where there are several.

        Amounts that name none are of the only one that there is.
        """
        found = sorted(filter(None, self._sums))
        return found if len({*found} - {NO_CURRENCY}) > 1 else []

    @property
    def only(self) -> str:
        """The currency of all amounts, where there is but one; empty where none is named."""
        found = {*self._sums} - {"", NO_CURRENCY}
        return found.pop() if len(found) == 1 else ""

    def apart(self, at: int) -> bool:
        """Whether a column has a total for each of several currencies."""
        return at in self._apart and bool(self.currencies)

    def of(self, at: int, currency: str = "") -> Decimal:
        """Return a column's total: of all rows, or of those in a currency."""
        chosen = [currency] if currency else list(self._sums)
        return sum((self._sums.get(each, {}).get(at, Decimal(0)) for each in chosen), Decimal(0))

    def by_name(self, names: Sequence[str]) -> dict[str, Decimal]:
        """Return the totals under their columns' names, of several currencies `name CUR` each."""
        made = {}
        for at in self.columns:
            if self.apart(at):
                for currency in self.currencies:
                    made[f"{names[at]} {currency}"] = self.of(at, currency)
            else:
                made[names[at]] = self.of(at)
        return made


# What ISO 4217 calls an amount of no currency.
NO_CURRENCY = "XXX"


def column_of(total: str) -> str:
    """Return the column that a control total is of, by the total's name."""
    return total.partition(" ")[0]


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
        """Return the control totals: the sum of each column that has one, amounts by currency."""
        totals = totals_of(self.columns)
        for row in self.rows:
            totals.add(row)
        return totals.by_name([column.name for column in self.columns])


def totals_of(columns: Sequence[Column]) -> Totals:
    """Return the totals of columns, of which no row was added yet."""
    return Totals(
        [column.kind for column in columns],
        [at for at, column in enumerate(columns) if column.total],
    )


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
