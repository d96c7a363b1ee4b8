"""The settlement statement as a workbook and as a page that prints well (HTML to PDF)."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from connector.domain.currency import in_words
from connector.domain.settlement import EntryKind, Statement
from connector.extracts.table import Column, Kind
from connector.extracts.workbook import GREY, LINE, NAVY, PALE, Book, paper

TITLES = {
    EntryKind.SALE: "销售 Sales",
    EntryKind.SUBSIDY: "线上补贴 Online subsidy",
    EntryKind.FREIGHT: "运费 Freight",
    EntryKind.RETURN: "退货 Returns",
    EntryKind.REFUND: "退款 Refunds",
    EntryKind.FEE: "平台服务费 Platform fee",
}
_ENTRIES = (
    Column("kind", "项目", "Item"),
    Column("order", "订单号", "Order"),
    Column("reference", "单据", "Reference"),
    Column("origin", "归属月份", "Month"),
    Column("adjustment", "调整", "Adjustment"),
    Column("amount", "金额", "Amount", Kind.AMOUNT, total=True),
    Column("currency", "币种", "Currency", Kind.CURRENCY),
)
_DIFFERENCES = (
    Column("number", "订单号", "Order"),
    Column("kind", "差异类型", "Kind"),
    Column("amount", "涉及金额", "Amount at stake", Kind.AMOUNT, total=True),
    Column("currency", "币种", "Currency", Kind.CURRENCY),
)


class Carried(NamedTuple):
    """A difference that is carried over: not part of what is due. `kind` is in words."""

    number: str
    kind: str
    amount: Decimal
    currency: str = ""  # empty where it is the business's own


@dataclass(frozen=True)
class Paper:
    """What a statement shows besides its amounts.

    `currency` is the business's own. `opening` is by currency what was at stake when the month
    before was closed. `closed_at` is empty on a draft.
    """

    unit_name: str
    currency: str
    zone: ZoneInfo
    differences: Sequence[Carried]
    opening: Mapping[str, Decimal]
    closed_at: datetime | None


def figures(statement: Statement) -> list[dict[str, Any]]:
    """Return one row for each currency and item: of the month itself, of earlier ones, together."""
    return [
        {
            "kind": kind.value,
            "title": TITLES[kind],
            "currency": currency,
            "month": statement.of(kind, currency),
            "adjusted": statement.adjusted(kind, currency),
            "total": statement.of(kind, currency) + statement.adjusted(kind, currency),
        }
        for currency in statement.currencies
        for kind in EntryKind
    ]


def at_stake(differences: Iterable[Carried]) -> Mapping[str, Decimal]:
    """Return by currency what differences amount to."""
    made: dict[str, Decimal] = defaultdict(Decimal)
    for each in differences:
        made[each.currency] += each.amount
    return made


def statement_html(statement: Statement, about: Paper) -> bytes:
    """Return the statement as one page that needs nothing else."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(
        loader=PackageLoader("connector.extracts"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["money"] = in_words
    closed = about.closed_at
    rows = figures(statement)
    stakes = at_stake(about.differences)
    carried = sorted({"", *stakes, *about.opening})
    text = pages.get_template("settlement.html.j2").render(
        unit=statement.unit,
        unit_name=about.unit_name,
        month=statement.month,
        currency=about.currency,
        draft=closed is None,
        closed_at=f"{closed.astimezone(about.zone):%Y-%m-%d %H:%M}" if closed else "",
        parts=[
            {
                "currency": each or about.currency,
                "rows": [row for row in rows if row["currency"] == each],
                "due": statement.due_in(each),
            }
            for each in statement.currencies
        ],
        terms=statement.terms,
        adjustments=[
            {
                "reference": each.reference,
                "origin": each.origin,
                "title": TITLES[each.kind],
                "amount": each.amount,
                "currency": each.currency or about.currency,
            }
            for each in statement.entries
            if statement.late(each)
        ],
        adjusted=[
            {
                "currency": each or about.currency,
                "amount": sum((statement.adjusted(kind, each) for kind in EntryKind), Decimal(0)),
            }
            for each in statement.currencies
        ],
        differences=_by_kind(about),
        carried=[
            {
                "currency": each or about.currency,
                "amount": stakes.get(each, Decimal(0)),
                "opening": about.opening.get(each, Decimal(0)),
                "number": sum(one.currency == each for one in about.differences),
            }
            for each in carried
        ],
    )
    return text.encode()


def statement_workbook(statement: Statement, about: Paper) -> bytes:
    """Return the statement as a workbook: the statement, every entry, the differences."""
    title = f"电商结算单 Settlement {statement.unit} {statement.month}"
    with tempfile.TemporaryDirectory(prefix="settlement-") as folder:
        # Written to a file, row by row: what is in memory does not grow with the entries.
        file = Path(folder) / "statement.xlsx"
        _write(Book(file, title, about.zone), statement, about, title)
        return file.read_bytes()


def _write(book: Book, statement: Statement, about: Paper, title: str) -> None:
    front = book.worksheet("结算单 Statement")
    _front(book, front, statement, about, title)
    entries = book.sheet("明细 Entries", _ENTRIES)
    for each in statement.entries:
        late = "调整 adjustment" if statement.late(each) else ""
        entries.add(
            [
                TITLES[each.kind],
                each.order_number,
                each.reference,
                each.origin,
                late,
                each.amount,
                each.currency or about.currency,
            ]
        )
    differences = book.sheet("结转差异 Differences", _DIFFERENCES)
    for difference in about.differences:
        differences.add([*difference[:3], difference.currency or about.currency])
    book.close()


def _front(book: Book, sheet: Any, statement: Statement, about: Paper, title: str) -> None:
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 2)
    sheet.set_column(1, 1, 34)
    sheet.set_column(2, 4, 20)
    sheet.set_row(0, 30)
    band = book.style(bold=True, font_size=15, font_color="white", bg_color=NAVY)
    for column in range(5):
        sheet.write_string(0, column, title if column == 1 else "", band)
    state = "草稿 DRAFT：未关账 not closed"
    if about.closed_at is not None:
        state = f"关账 closed {about.closed_at.astimezone(about.zone):%Y-%m-%d %H:%M}"
    colour = GREY if about.closed_at else "#C00000"
    sheet.write_string(
        2, 1, f"{about.unit_name}   {about.currency}   {state}", book.style(font_color=colour)
    )
    row = 4
    for currency in statement.currencies:
        row = _currency(book, sheet, statement, currency, row, about) + 2
    row -= 2
    small = book.style(font_size=9, font_color=GREY, italic=True)
    terms = statement.terms
    sheet.write_string(
        row + 2,
        1,
        f"平台服务费 platform fee {terms.fee_percent} % , 每月 monthly"
        f" {in_words(terms.monthly_fee, about.currency)}",
        small,
    )
    stakes = at_stake(about.differences)
    for down, currency in enumerate(sorted({"", *stakes, *about.opening}), start=3):
        number = sum(each.currency == currency for each in about.differences)
        named = currency or about.currency
        sheet.write_string(
            row + down,
            1,
            f"结转差异 differences carried over {named}"
            f" {in_words(stakes.get(currency, Decimal(0)), named)} ({number}), "
            f"上期 month before {in_words(about.opening.get(currency, Decimal(0)), named)}; "
            "未计入应付 not part of the amount due",
            small,
        )
    paper(sheet)
    sheet.fit_to_pages(1, 1)


def _currency(
    book: Book, sheet: Any, statement: Statement, currency: str, row: int, about: Paper
) -> int:
    """Write what the platform owes in one currency, from a row on; return the last row."""
    heads = ("项目 Item", "本月 This month", "以前月份调整 Adjustments", "合计 Total")
    for column, head in enumerate(heads, start=1):
        align = "left" if column == 1 else "center"
        sheet.write_string(
            row, column, head, book.style(bold=True, font_color="white", bg_color=NAVY, align=align)
        )
    plain = book.number_style(Kind.AMOUNT, currency or about.currency, bottom=4, bottom_color=LINE)
    for each in figures(statement):
        if each["currency"] != currency:
            continue
        row += 1
        sheet.write_string(row, 1, each["title"], book.style(bottom=4, bottom_color=LINE))
        for column, name in enumerate(("month", "adjusted", "total"), start=2):
            sheet.write_number(row, column, float(each[name]), plain)
    row += 1
    due = {"bold": True, "font_size": 12, "bg_color": PALE, "top": 2, "top_color": NAVY}
    sheet.write_string(row, 1, "应付事业部 Amount due", book.style(**due))
    sheet.write_blank(row, 2, None, book.style(**due))
    sheet.write_string(row, 3, currency or about.currency, book.style(**due))
    sheet.write_number(
        row,
        4,
        float(statement.due_in(currency)),
        book.number_style(Kind.AMOUNT, currency or about.currency, **due),
    )
    return row


def _by_kind(about: Paper) -> list[Mapping[str, Any]]:
    kinds: dict[tuple[str, str], list[Decimal]] = {}
    for each in about.differences:
        key = (each.currency or about.currency, each.kind)
        kinds.setdefault(key, []).append(each.amount)
    return [
        {
            "title": kind,
            "currency": currency,
            "number": len(amounts),
            "amount": sum(amounts, Decimal(0)),
        }
        for (currency, kind), amounts in sorted(kinds.items())
    ]
