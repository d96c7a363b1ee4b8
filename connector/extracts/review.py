"""The sales rep's workbook (客户识别): one row a buyer to decide, and its candidates beside it."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xlsxwriter

from connector.domain.matching import Candidate
from connector.domain.order import Buyer
from connector.errors import Misconfigured
from connector.extracts.files import put
from connector.extracts.text import neutral
from connector.wording import Said, Say, both

LINK, CREATE = "link", "create"
_WORDS = {LINK: LINK, CREATE: CREATE, "关联": LINK, "新建": CREATE}
_SHEET, _CANDIDATES = "客户识别", "候选客户"
# Name · Chinese · English · width. The first four are read back.
_COLUMNS = (
    ("decision", "决定", "decision: 关联 link / 新建 create", 16),
    ("customer", "SAP客户号", "SAP customer, for link", 16),
    ("order", "订单号", "order", 14),
    ("fingerprint", "校验码", "do not change", 15),
    ("others", "同一买方的其他订单", "further orders of the buyer", 24),
    ("kind", "类型", "kind", 10),
    ("name", "名称", "name", 34),
    ("code", "代码/证件号", "code", 22),
    ("phone", "电话", "phone", 16),
    ("address", "地址", "address", 40),
    ("reason", "原因", "reason", 50),
    ("best", "最接近的SAP客户", "closest SAP customer", 40),
)
_OFFER_COLUMNS = (
    ("订单号", "order", 14),
    ("SAP客户号", "SAP customer", 16),
    ("名称", "name", 34),
    ("代码", "code", 22),
    ("电话", "phone", 16),
    ("地址", "address", 40),
    ("一致与差异", "what agrees and differs", 60),
    ("名称相似度", "likeness of names, 0-100", 14),
)
_READ = 4
_KINDS = {"company": "单位", "person": "个人"}


@dataclass(frozen=True)
class Offer:
    """A candidate and how it agrees with the buyer."""

    candidate: Candidate
    evidence: Said
    likeness: float


@dataclass(frozen=True)
class Question:
    """A buyer who waits to be settled, with the numbers of the orders that wait with them."""

    orders: Sequence[str]
    buyer: Buyer
    fingerprint: str
    reason: Said
    offers: Sequence[Offer]


@dataclass(frozen=True)
class Answer:
    """A row that came back: `row` is its number in the sheet, `decision` link, create or else."""

    row: int
    order: str
    decision: str
    customer: str
    fingerprint: str


def write_review(path: Path, questions: Sequence[Question], say: Say = both) -> Path:
    """Write the workbook, aside and renamed. It holds personal data: it goes to the rep alone.

    `say` tells reasons and evidence in the languages of the site.
    """
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    styles = {
        "head": book.add_format({"bold": True, "bg_color": "#D9E2F3", "border": 1}),
        "below": book.add_format({"italic": True, "font_color": "#666666", "border": 1}),
        "text": book.add_format({"num_format": "@"}),
        "fill": book.add_format({"num_format": "@", "bg_color": "#FFF2CC", "border": 1}),
    }
    sheet = book.add_worksheet(_SHEET)
    _headings(sheet, [each[1:] for each in _COLUMNS], styles)
    for number, question in enumerate(questions, start=2):
        for index, value in enumerate(_cells(question, say)):
            style = styles["fill" if index < 2 else "text"]
            sheet.write_string(number, index, neutral(value), style)
    if questions:
        allowed = {"validate": "list", "source": ["关联", "新建"], "ignore_blank": True}
        sheet.data_validation(2, 0, len(questions) + 1, 0, allowed)
    sheet.freeze_panes(2, 4)
    offers = book.add_worksheet(_CANDIDATES)
    _headings(offers, _OFFER_COLUMNS, styles)
    rows = [(question, offer) for question in questions for offer in question.offers]
    for number, (question, offer) in enumerate(rows, start=2):
        for index, value in enumerate(_offer_cells(question, offer, say)):
            offers.write_string(number, index, neutral(value), styles["text"])
    offers.freeze_panes(2, 2)
    book.close()
    return put(path, out.getvalue())


def read_review(path: Path) -> list[Answer]:
    """Read a workbook that came back. Raises Misconfigured when it is none of ours."""
    from openpyxl import load_workbook

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except Exception as error:
        raise Misconfigured(
            f"is no readable workbook ({type(error).__name__})",
            place=str(path),
            remedy="give the .xlsx file that `connector customers review --export` wrote",
        ) from None
    try:
        if _SHEET not in book.sheetnames:
            raise _not_ours(path, f"there is no sheet {_SHEET}")
        rows = book[_SHEET].iter_rows(max_col=_READ, values_only=True)
        heading = [_text(cell) for cell in next(rows, ())]
        expected = [chinese for _, chinese, _, _ in _COLUMNS[:_READ]]
        if heading != expected:
            raise _not_ours(path, f"the first columns are not {', '.join(expected)}")
        # Sorting or deleting rows moves the second heading: it is known by its words.
        below = [english for _, _, english, _ in _COLUMNS[:_READ]]
        texts = ((number, [_text(cell) for cell in row]) for number, row in enumerate(rows, 2))
        return [_answer(number, row) for number, row in texts if any(row) and row != below]
    finally:
        book.close()


def _answer(number: int, cells: list[str]) -> Answer:
    decision, customer, order, mark = (*cells, "", "", "", "")[:_READ]
    word = decision.strip().lower()
    return Answer(number, order, _WORDS.get(word, decision), customer, mark)


def _cells(question: Question, say: Say) -> list[str]:
    buyer, best = question.buyer, next(iter(question.offers), None)
    address = buyer.address
    return [
        "",
        "",
        question.orders[0],
        question.fingerprint,
        ", ".join(question.orders[1:]),
        _KINDS[buyer.kind.value],
        buyer.name,
        buyer.code,
        buyer.phone,
        f"{address.province}{address.city}{address.street} {address.postcode}".strip(),
        say(question.reason),
        f"{best.candidate.number} {best.candidate.name}: {say(best.evidence)}" if best else "",
    ]


def _offer_cells(question: Question, offer: Offer, say: Say) -> list[str]:
    each = offer.candidate
    return [
        question.orders[0],
        each.number,
        each.name,
        each.code,
        each.phone,
        f"{each.city}{each.street} {each.postcode}".strip(),
        say(offer.evidence),
        f"{offer.likeness:.0f}",
    ]


def _headings(sheet: Any, columns: Sequence[tuple[str, str, int]], styles: dict[str, Any]) -> None:
    for index, (chinese, english, width) in enumerate(columns):
        sheet.write_string(0, index, chinese, styles["head"])
        sheet.write_string(1, index, english, styles["below"])
        sheet.set_column(index, index, width)


def _text(cell: Any) -> str:
    """Return a cell as text; a number typed into it has no decimals, full-width signs are plain."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return unicodedata.normalize("NFKC", str(cell)).strip()


def _not_ours(path: Path, why: str) -> Misconfigured:
    return Misconfigured(
        why, place=str(path), remedy="fill in what `connector customers review --export` wrote"
    )
