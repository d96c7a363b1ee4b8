"""The first sheet of the day's workbook: what finance shows around."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from xlsxwriter.utility import xl_rowcol_to_cell

from connector.domain.currency import in_words
from connector.extracts.records import Record
from connector.extracts.table import NO_CURRENCY, Kind
from connector.extracts.workbook import GREY, LINE, NAVY, PALE, TOTAL, Book, paper

_ZERO = Decimal(0)
_STAGES = {
    "received": "已接收", "valid": "已校验", "recognised": "已识别", "placed": "已下单",
    "confirmed": "已确认", "noted": "已制单", "ready": "待放行", "released": "已放行",
    "shipped": "已发货", "closed": "已完成", "cancelled": "已取消",
}  # fmt: skip
_PROMISES = {
    "recognised": "客户识别",
    "placed": "DMS下单",
    "ready": "制单开票申请",
    "released": "按批放行",
}
_AMOUNTS = ("goods", "freight", "total", "refunded", "invoiced")
_BANDS = ((0, "当日 today"), (2, "1–2 天 days"), (7, "3–7 天 days"))
_OLDER = "8 天以上 8+ days"


@dataclass(frozen=True)
class BookSums:
    """What a book says of the day's orders of one currency in all; None where it says nothing."""

    name: str
    ordered: Decimal | None
    invoiced: Decimal | None
    currency: str = ""


@dataclass
class Money:
    """What was counted of one currency."""

    orders: int = 0
    sums: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    stages: dict[str, tuple[int, Decimal]] = field(default_factory=dict)
    kinds: dict[str, tuple[int, Decimal, int]] = field(default_factory=dict)
    ages: Counter[str] = field(default_factory=Counter)
    books: list[BookSums] = field(default_factory=list)

    def order(self, record: Mapping[str, Any]) -> None:
        """Count an order."""
        self.orders += 1
        for name in _AMOUNTS:
            self.sums[name] += record.get(name) or _ZERO
        self._staged(record["stage"], 1, record.get("total") or _ZERO)

    def difference(self, record: Record | Mapping[str, Any]) -> None:
        """Count a difference."""
        age = int(record["age"])
        self._differing(str(record["meaning"]), 1, record["amount"], age)
        self.ages[next((band for most, band in _BANDS if age <= most), _OLDER)] += 1

    def take(self, other: Money) -> None:
        """Count what was counted elsewhere, of orders whose currency no book told."""
        self.orders += other.orders
        for name, amount in other.sums.items():
            self.sums[name] += amount
        self.ages.update(other.ages)
        for stage, staged in other.stages.items():
            self._staged(stage, *staged)
        for name, kind in other.kinds.items():
            self._differing(name, *kind)

    def _staged(self, stage: str, number: int, amount: Decimal) -> None:
        before, had = self.stages.get(stage, (0, _ZERO))
        self.stages[stage] = before + number, had + amount

    def _differing(self, name: str, number: int, amount: Decimal, age: int) -> None:
        before, had, oldest = self.kinds.get(name, (0, _ZERO, 0))
        self.kinds[name] = before + number, had + amount, max(oldest, age)


@dataclass
class Figures:
    """What the summary says, counted while the rows go by: amounts of each currency apart."""

    money: dict[str, Money] = field(default_factory=lambda: defaultdict(Money))
    lines: int = 0
    pieces: Decimal = _ZERO
    promises: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    not_issued: int = 0

    @property
    def orders(self) -> int:
        """The orders of all currencies."""
        return sum(each.orders for each in self.money.values())

    def count(self, table: str, record: Mapping[str, Any]) -> None:
        """Count one record."""
        if table == "orders":
            self.money[record.get("currency") or ""].order(record)
        elif table == "lines":
            self.lines += 1
            self.pieces += record["quantity"]
        elif table == "invoices":
            self.not_issued += "gross" not in record
        elif table == "promises":
            self.promises[record["promise"]][record["state"]] += 1
        elif table == "differences":
            self.money[record.get("currency") or ""].difference(record)

    def by_currency(self, books: Sequence[BookSums]) -> list[tuple[str, Money]]:
        """Return what was counted by currency, that of the most orders first.

        What names none is of the only one, or stands alone.
        """
        for each in books:
            self.money[each.currency].books.append(each)
        named = [currency for currency in self.money if currency]
        if len(named) <= 1:
            whole = Money()
            for each_ in self.money.values():
                whole.take(each_)
            whole.books = _added(books)
            return [(named[0] if named else "", whole)]
        return sorted(
            ((currency or NO_CURRENCY, money) for currency, money in self.money.items()),
            key=lambda each: (-each[1].orders, each[0]),
        )


def _added(books: Sequence[BookSums]) -> list[BookSums]:
    """Return books of one currency, and of what names none, by name."""
    made: dict[str, BookSums] = {}
    for each in books:
        before = made.get(each.name)
        made[each.name] = each if before is None else replace(
            before,
            ordered=_sum(before.ordered, each.ordered),
            invoiced=_sum(before.invoiced, each.invoiced),
        )  # fmt: skip
    return list(made.values())


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return other if one is None else one if other is None else one + other


def summary(
    book: Book,
    sheet: Any,
    day: date,
    times: tuple[datetime, datetime, datetime],
    books: Sequence[BookSums],
    figures: Figures,
) -> dict[str, str | float]:
    """Fill the sheet, and return what it shows by cell.

    `times` are the span of placing and the cut.
    """
    page = _Page(book, sheet)
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 2)
    sheet.set_column(1, 1, 30)
    sheet.set_column(2, 5, 19)
    sheet.set_column(6, 6, 3)
    sheet.set_column(7, 14, 10)
    begins, ends, cut = (f"{each.astimezone(book.zone):%Y-%m-%d %H:%M}" for each in times)
    page.title(
        f"电商对账日报   E-commerce reconciliation   {day:%Y-%m-%d}",
        f"下单 orders placed {begins} – {ends}     数据截至 books as of {cut}",
    )
    parts = figures.by_currency(books)
    charts = []
    for currency, money in parts:
        of = f" {currency}" if len(parts) > 1 else ""
        page.currency = currency
        page.tiles(
            [
                (f"订单 Orders{of}", money.orders, Kind.INTEGER),
                (f"订单金额 Ordered{of}", money.sums["total"], Kind.AMOUNT),
                (f"已开票 Invoiced{of}", money.sums["invoiced"], Kind.AMOUNT),
                (f"已退款 Refunded{of}", money.sums["refunded"], Kind.AMOUNT),
                (f"差异 Differences{of}", sum(money.ages.values()), Kind.INTEGER),
            ]
        )
        if money.books:
            _books(page, money.books, of)
        charts.append((of, money, _stages(page, money, of), _differences(page, money, of)))
    _promises(page, figures)
    amounts = "   ".join(
        f"货款 goods{of} {in_words(money.sums['goods'], currency)}"
        f"   运费 freight{of} {in_words(money.sums['freight'], currency)}"
        for (currency, _), (of, money, _, _) in zip(parts, charts, strict=True)
    )
    page.note(
        f"订单行 lines {figures.lines:,}   件数 pieces {figures.pieces.normalize():,f}   "
        f"{amounts}   已申请未开票 applied for, not issued {figures.not_issued:,}"
    )
    of, money, stages, differences = charts[0]
    _chart(book, sheet, f"各阶段订单金额   Amount ordered by stage{of}", stages, 3, 3, NAVY)
    if money.kinds:
        title = f"差异金额   Amount at stake by difference{of}"
        _chart(book, sheet, title, differences, 19, 3, "#C55A11")
    paper(sheet)
    sheet.fit_to_pages(1, 1)
    sheet.set_first_sheet()
    sheet.activate()
    return page.shown


def _books(page: _Page, books: Sequence[BookSums], of: str) -> None:
    ours = next((each for each in books if each.name == "connector"), None)
    rows = []
    for each in books:
        apart = (
            each.ordered - ours.ordered
            if ours is not None and each.ordered is not None and ours.ordered is not None
            else None
        )
        rows.append([_BOOKS.get(each.name, each.name), each.ordered, each.invoiced, apart])
    page.table(
        f"四方账目   The four books{of}",
        ["账 Book", "订单金额 Ordered", "开票金额 Invoiced", "与连接器之差 Apart"],
        rows,
        [Kind.TEXT, Kind.AMOUNT, Kind.AMOUNT, Kind.AMOUNT],
    )


_BOOKS = {
    "storefront": "商城 Storefront",
    "connector": "连接器 Connector",
    "dms": "DMS",
    "sap": "SAP",
}


def _stages(page: _Page, money: Money, of: str) -> tuple[int, int]:
    ordered = sorted(money.stages.items(), key=lambda each: list(_STAGES).index(each[0]))
    return page.table(
        f"订单进度   Orders by stage{of}",
        ["阶段 Stage", "订单数 Orders", "金额 Amount"],
        [[f"{_STAGES[stage]} {stage}", *values] for stage, values in ordered],
        [Kind.TEXT, Kind.INTEGER, Kind.AMOUNT],
        total=True,
    )


def _differences(page: _Page, money: Money, of: str) -> tuple[int, int]:
    ordered = sorted(money.kinds.items(), key=lambda each: (-each[1][1], each[0]))
    place = page.table(
        f"差异   Differences{of}",
        ["类型 Kind", "数量 Number", "涉及金额 At stake", "最长账龄 Oldest, days"],
        [[name, *values] for name, values in ordered] or [["无差异 none", 0, _ZERO, None]],
        [Kind.TEXT, Kind.INTEGER, Kind.AMOUNT, Kind.INTEGER],
        total=bool(ordered),
        totals=2,
    )
    bands = [*(name for _, name in _BANDS), _OLDER]
    colours = {bands[0]: "#FFFFFF", bands[1]: "#FFF2CC", bands[2]: "#FAD7AC", bands[3]: "#F4B6B6"}
    page.legend([(band, money.ages[band], colours[band]) for band in bands])
    return place


def _promises(page: _Page, figures: Figures) -> None:
    rows: list[list[Any]] = []
    for name, chinese in _PROMISES.items():
        states = figures.promises.get(name, Counter())
        counted = sum(states.values()) - states["void"]
        rows.append(
            [
                f"{chinese} {name}",
                states["kept"],
                states["late"] + states["overdue"],
                states["open"],
                f"{states['kept'] / counted:.1%}" if counted else "–",
            ]
        )
    page.table(
        "时效   Promises",
        ["时效 Promise", "达成 Kept", "超时 Broken", "未到 Open", "达成率 Share"],
        rows,
        [Kind.TEXT, Kind.INTEGER, Kind.INTEGER, Kind.INTEGER, Kind.TEXT],
    )


class _Page:
    """Writes the sheet from top to bottom, in columns B to F; never upwards, as rows are gone."""

    def __init__(self, book: Book, sheet: Any) -> None:
        self._book, self._sheet = book, sheet
        self._row = 0
        self.currency = ""  # of the amounts that follow
        self.shown: dict[str, str | float] = {}

    def _put(self, row: int, column: int, value: str | int | Decimal | None, style: Any) -> None:
        """Write a cell: numbers as numbers, all else as text."""
        if value is None or value == "":
            self._sheet.write_blank(row, column, None, style)
            return
        shown = value if isinstance(value, str) else float(value)
        self.shown[xl_rowcol_to_cell(row, column)] = shown
        write = self._sheet.write_string if isinstance(shown, str) else self._sheet.write_number
        write(row, column, shown, style)

    def title(self, text: str, below: str) -> None:
        style = self._book.style(bold=True, font_size=16, font_color="white", bg_color=NAVY)
        under = self._book.style(font_size=9, font_color="white", bg_color=NAVY)
        self._sheet.set_row(0, 30)
        self._sheet.set_row(1, 18)
        for row, words, form in ((0, text, style), (1, below, under)):
            for column in range(15):
                self._put(row, column, words if column == 1 else "", form)
        self._row = 3

    def tiles(self, tiles: Sequence[tuple[str, Any, Kind]]) -> None:
        self._sheet.set_row(self._row, 16)
        self._sheet.set_row(self._row + 1, 26)
        head = self._book.style(
            font_size=9, font_color=GREY, bg_color=PALE, align="center", top=2, top_color=NAVY
        )
        for column, (label, _, _) in enumerate(tiles, start=1):
            self._put(self._row, column, label, head)
        for column, (_, value, kind) in enumerate(tiles, start=1):
            body = self._book.number_style(
                kind,
                self.currency,
                bold=True,
                font_size=14,
                font_color=NAVY,
                bg_color=PALE,
                align="center",
            )
            self._put(self._row + 1, column, value, body)
        self._row += 3

    def table(
        self,
        title: str,
        heads: Sequence[str],
        rows: Sequence[Sequence[Any]],
        kinds: Sequence[Kind],
        *,
        total: bool = False,
        totals: int = 0,
    ) -> tuple[int, int]:
        """Write a table; returns first and last row of its values. `totals` columns are summed."""
        book = self._book
        self._put(self._row, 1, title, book.style(bold=True, font_size=11, font_color=NAVY))
        self._row += 1
        for index, head in enumerate(heads, start=1):
            style = book.style(
                bold=True,
                font_color="white",
                bg_color=NAVY,
                align="center" if index > 1 else "left",
            )
            self._put(self._row, index, head, style)
        self._row += 1
        first = self._row
        for row in rows:
            for index, (value, kind) in enumerate(zip(row, kinds, strict=True), start=1):
                align = "left" if index == 1 else "right"
                style = book.number_style(
                    kind, self.currency, bottom=4, bottom_color=LINE, align=align
                )
                self._put(self._row, index, value, style)
            self._row += 1
        last = self._row - 1
        if total and rows:
            self._total(rows, kinds, totals or len(kinds) - 1)
        self._row += 1
        return first, last

    def _total(self, rows: Sequence[Sequence[Any]], kinds: Sequence[Kind], summed: int) -> None:
        look = {"bold": True, "bg_color": PALE, "top": 1, "top_color": NAVY}
        self._put(self._row, 1, TOTAL, self._book.style(**look))
        for index in range(1, len(kinds)):
            if index <= summed:
                value = sum((Decimal(row[index]) for row in rows), _ZERO)
                style = self._book.number_style(kinds[index], self.currency, **look)
                self._put(self._row, index + 1, value, style)
            else:
                self._put(self._row, index + 1, None, self._book.style(**look))
        self._row += 1

    def legend(self, bands: Sequence[tuple[str, int, str]]) -> None:
        """Say what the colours of the differences mean, and how many there are of each."""
        self._put(self._row - 1, 1, "账龄 Age", self._book.style(font_size=9, font_color=GREY))
        for column, (name, number, colour) in enumerate(bands, start=2):
            style = self._book.style(
                font_size=9, bg_color=colour, align="center", border=1, border_color=LINE
            )
            self._put(self._row - 1, column, f"{name}: {number}", style)
        self._row += 1

    def note(self, text: str) -> None:
        self._put(self._row, 1, text, self._book.style(font_size=9, font_color=GREY, italic=True))
        self._row += 1


def _chart(
    book: Book, sheet: Any, title: str, rows: tuple[int, int], top: int, column: int, colour: str
) -> None:
    first, last = rows
    name = sheet.get_name()
    chart = book.workbook.add_chart({"type": "bar"})
    chart.add_series(
        {
            "categories": [name, first, 1, last, 1],
            "values": [name, first, column, last, column],
            "fill": {"color": colour},
            "gap": 60,
            "data_labels": {"value": True, "num_format": "#,##0", "font": {"size": 8}},
        }
    )
    chart.set_title({"name": title, "name_font": {"size": 11, "color": NAVY}})
    chart.set_legend({"none": True})
    chart.set_y_axis({"reverse": True, "num_font": {"size": 9}, "line": {"color": LINE}})
    chart.set_x_axis(
        {
            "num_format": "#,##0",
            "num_font": {"size": 8},
            "major_gridlines": {"visible": True, "line": {"color": LINE}},
            "label_position": "low",
        }
    )
    chart.set_chartarea({"border": {"color": LINE}})
    chart.set_size({"width": 600, "height": 300})
    sheet.insert_chart(top, 7, chart)
