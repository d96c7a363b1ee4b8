"""A workbook written row by row: what is in memory does not grow with the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter
from xlsxwriter.utility import xl_range_abs

from connector.domain.currency import decimals
from connector.extracts.table import (
    NO_CURRENCY,
    Cell,
    Column,
    Kind,
    Totals,
    is_amount,
    totals_of,
)
from connector.extracts.text import neutral

# A workbook carries its time of making; a fixed one keeps equal content equal to the byte.
_MADE = datetime(2000, 1, 1)
_FORMATS = {
    Kind.TEXT: "@",
    Kind.CURRENCY: "@",
    Kind.INTEGER: "#,##0_ ",
    Kind.QUANTITY: "#,##0.###_ ",
    Kind.DATE: "yyyy-mm-dd",
    Kind.TIME: "yyyy-mm-dd hh:mm",
}
_ALIGNED: Mapping[Kind, Mapping[str, str]] = {
    Kind.DATE: {"align": "center"},
    Kind.TIME: {"align": "center"},
    Kind.CURRENCY: {"align": "center"},
}


def _amount_format(currency: str) -> str:
    many = decimals(currency)
    number = f"#,##0.{'0' * many}" if many else "#,##0"
    return f"{number}_ ;[Red]-{number}_ "


FONT = "Microsoft YaHei"
NAVY, PALE, GREY, LINE = "#1F3864", "#EAF0FA", "#7F7F7F", "#D0D7E5"
_WIDEST, _SAMPLE, _A4 = 42, 200, 150
FULL = 1_000_000  # a sheet of Excel holds 1,048,576 rows
FIRST = 2  # two lines of headings stand above the rows
TOTAL, NONE = "合计 Total", "无 none"


@dataclass(frozen=True)
class Shade:
    """Rows whose `column` is at least `least` get this colour, unless a later shade fits too."""

    column: str
    least: int
    colour: str


class Book:
    """One workbook. Sheets are filled in any sequence, each from top to bottom."""

    def __init__(self, target: Path | Any, title: str, zone: ZoneInfo) -> None:
        options: dict[str, Any] = {"strings_to_formulas": False, "strings_to_urls": False}
        if isinstance(target, Path):
            options |= {"constant_memory": True, "tmpdir": str(target.parent)}
            target = str(target)
        else:
            options["in_memory"] = True
        self.workbook = xlsxwriter.Workbook(target, options)
        self.workbook.formats[0].set_font_name(FONT)
        self.workbook.formats[0].set_font_size(10)
        self.workbook.set_properties({"title": title, "created": _MADE})
        self.workbook.set_calc_mode("auto")
        self.zone = zone
        self._styles: dict[tuple[tuple[str, Any], ...], Any] = {}
        self._sheets: list[Sheet] = []

    def style(self, **properties: Any) -> Any:
        """Return a cell format; equal ones are one."""
        full = {"font_name": FONT, "font_size": 10, "valign": "vcenter", **properties}
        key = tuple(sorted(full.items()))
        if key not in self._styles:
            self._styles[key] = self.workbook.add_format(full)
        return self._styles[key]

    def number_style(self, kind: Kind, currency: str = "", **properties: Any) -> Any:
        """Return the format of a column's values; amounts have their currency's decimals."""
        shown = _amount_format(currency) if kind is Kind.AMOUNT else _FORMATS[kind]
        return self.style(num_format=shown, **properties)

    def worksheet(self, name: str) -> Any:
        """Add an empty worksheet."""
        return self.workbook.add_worksheet(name)

    def sheet(self, name: str, columns: Sequence[Column], shades: Sequence[Shade] = ()) -> Sheet:
        """Add a sheet of rows under columns."""
        made = Sheet(self, name, tuple(columns), tuple(shades))
        self._sheets.append(made)
        return made

    def close(self) -> None:
        """Finish all sheets and the file."""
        for sheet in self._sheets:
            sheet.finish()
        self.workbook.close()


@dataclass
class Sheet:
    """Rows under two lines of headings, Chinese above English, with a total that follows filters.

    Of several currencies each has a total of its own. A sheet that is full goes on in another.
    """

    book: Book
    name: str
    columns: tuple[Column, ...]
    shades: tuple[Shade, ...] = ()
    rows: int = 0
    _part: int = 0
    _row: int = 0

    def __post_init__(self) -> None:
        """Begin the first worksheet."""
        self._all = totals_of(self.columns)
        self._styles = [
            self.book.number_style(
                column.kind, bottom=4, bottom_color=LINE, **_ALIGNED.get(column.kind, {})
            )
            for column in self.columns
        ]
        self._amounts = self.book.number_style(Kind.AMOUNT, bottom=4, bottom_color=LINE)
        kinds = [column.kind for column in self.columns]
        self._currency = kinds.index(Kind.CURRENCY) if Kind.CURRENCY in kinds else None
        self._begin()

    def add(self, cells: Sequence[Cell]) -> None:
        """Add one row."""
        if self._row - FIRST >= FULL:
            self.finish()
            self._begin()
        currency = "" if self._currency is None else str(cells[self._currency] or "")
        amounts = self._amounts
        if decimals(currency) != decimals(""):
            amounts = self.book.number_style(Kind.AMOUNT, currency, bottom=4, bottom_color=LINE)
        for index, (value, column) in enumerate(zip(cells, self.columns, strict=True)):
            amount = column.kind is Kind.AMOUNT or (column.kind is Kind.TEXT and is_amount(value))
            style = amounts if amount else self._styles[index]
            write(self._sheet, self._row, index, value, column.kind, style, self.book.zone)
            if self.rows < _SAMPLE and value is not None:
                self._widths[index] = max(
                    self._widths[index], _shown_width(value, column.kind, currency)
                )
        self._all.add(cells)
        self._here.add(cells)
        self._row += 1
        self.rows += 1

    @property
    def sums(self) -> dict[str, Decimal]:
        """The control totals of all rows, on however many sheets."""
        return self._all.by_name([column.name for column in self.columns])

    def finish(self) -> None:
        """Add the total and what makes the sheet pleasant to use and to print."""
        sheet, last = self._sheet, self._row - 1
        width = len(self.columns) - 1
        if last >= FIRST:
            sheet.autofilter(FIRST - 1, 0, last, width)
            sheet.ignore_errors(
                {"number_stored_as_text": xl_range_abs(FIRST, 0, last, width).replace("$", "")}
            )
            self._shade(last, width)
            self._total(last)
        else:
            sheet.write_string(FIRST, 0, NONE, self.book.style(font_color=GREY, italic=True))
        for index, wide in enumerate(self._widths):
            sheet.set_column(index, index, min(wide + 3, _WIDEST))
        sheet.freeze_panes(FIRST, 1)
        sheet.hide_gridlines(2)
        sheet.repeat_rows(0, FIRST - 1)
        paper(sheet, wide=sum(self._widths) > _A4)

    def _begin(self) -> None:
        self._part += 1
        self._sheet = sheet = self.book.worksheet(part_name(self.name, self._part))
        above = self.book.style(bold=True, font_color="white", bg_color=NAVY, align="center")
        below = self.book.style(
            italic=True, font_color=NAVY, bg_color=PALE, font_size=9, align="center",
            bottom=1, bottom_color=NAVY,
        )  # fmt: skip
        sheet.set_row(0, 20)
        for index, column in enumerate(self.columns):
            sheet.write_string(0, index, column.chinese, above)
        for index, column in enumerate(self.columns):
            sheet.write_string(1, index, column.english, below)
        self._widths = [
            max(columns_wide(column.chinese), columns_wide(column.english)) + 2
            for column in self.columns
        ]
        self._row = FIRST
        self._here: Totals = totals_of(self.columns)

    def _total(self, last: int) -> None:
        plain = self.book.style(bold=True, bg_color=PALE, top=1, top_color=NAVY)
        kinds = [column.kind for column in self.columns]
        several = self._here.currencies or [self._here.only]
        rows = total_rows(kinds, self._here, last)
        for down, (cells, currency) in enumerate(zip(rows, several, strict=False)):
            for index, (shown, value) in enumerate(cells):
                row = last + 1 + down
                if value is None:
                    self._sheet.write_string(row, index, shown, plain)
                    continue
                style = self.book.number_style(
                    kinds[index], currency, bold=True, bg_color=PALE, top=1, top_color=NAVY
                )
                self._sheet.write_formula(row, index, f"={shown}", style, float(value))

    def _shade(self, last: int, width: int) -> None:
        names = [column.name for column in self.columns]
        for shade in self.shades:
            if shade.column not in names:
                continue  # IT took the column out
            cell = xl_range_abs(FIRST, names.index(shade.column), FIRST, names.index(shade.column))
            letter = cell.split(":", maxsplit=1)[0].split("$")[1]
            self._sheet.conditional_format(
                FIRST, 0, last, width,
                {
                    "type": "formula",
                    "criteria": f"=${letter}{FIRST + 1}>={shade.least}",
                    "format": self.book.workbook.add_format({"bg_color": shade.colour}),
                    "stop_if_true": True,
                },
            )  # fmt: skip


def total_rows(
    kinds: Sequence[Kind], totals: Totals, last: int
) -> list[list[tuple[str, Decimal | None]]]:
    """Return the rows of totals below `last`: by column a text, or a formula and its value.

    There is one row, or one for each of several currencies.
    """
    if not totals.columns:
        return []
    made = []
    for first, currency in enumerate(totals.currencies or [""]):
        row: list[tuple[str, Decimal | None]] = []
        for at in range(len(kinds)):
            cells = xl_range_abs(FIRST, at, last, at)
            if at not in totals.columns or (first and not totals.apart(at)):
                row.append((f"{TOTAL} {currency}".strip() if at == 0 else "", None))
            elif totals.apart(at):
                which = kinds.index(Kind.CURRENCY)
                of = "" if currency == NO_CURRENCY else currency
                where = xl_range_abs(FIRST, which, last, which)
                row.append((f'SUMIF({where},"{of}",{cells})', totals.of(at, currency)))
            else:
                # 109: the sum of what the filter shows.
                row.append((f"SUBTOTAL(109,{cells})", totals.of(at)))
        made.append(row)
    return made


def paper(sheet: Any, *, wide: bool = False) -> None:
    """Print across A4 (A3 when wide), as many pages long as it needs, with page numbers."""
    sheet.set_landscape()
    sheet.set_paper(8 if wide else 9)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    sheet.set_footer("&L&8&A&R&8&P / &N")


def write(
    sheet: Any, row: int, index: int, value: Cell, kind: Kind, style: Any, zone: ZoneInfo
) -> None:
    """Write one cell as its column's kind says; text never becomes a number or a formula."""
    if value is None:
        sheet.write_blank(row, index, None, style)
    elif isinstance(value, datetime):
        sheet.write_datetime(row, index, value.astimezone(zone).replace(tzinfo=None), style)
    elif isinstance(value, date):
        sheet.write_datetime(row, index, datetime(value.year, value.month, value.day), style)
    elif isinstance(value, Decimal | int) and (kind is not Kind.TEXT or is_amount(value)):
        sheet.write_number(row, index, float(value), style)
    else:
        sheet.write_string(row, index, neutral(str(value)), style)


def part_name(title: str, part: int) -> str:
    """Return the name of the sheet that holds a part of a table's rows; parts begin with 1."""
    return (title if part == 1 else f"{title} {part}")[:31]


def columns_wide(text: str) -> int:
    """Return how wide a text is in columns of Latin letters; a Chinese one takes two."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)


_FIXED: Mapping[Kind, int] = {Kind.DATE: 10, Kind.TIME: 16}


def _shown_width(value: Cell, kind: Kind, currency: str) -> int:
    if kind in _FIXED:
        return _FIXED[kind]
    if kind is Kind.AMOUNT and isinstance(value, Decimal):
        return len(f"{value:,.{decimals(currency)}f}")
    return columns_wide(str(value))
