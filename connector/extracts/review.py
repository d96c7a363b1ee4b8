"""The sales rep's workbook (客户识别): one row a buyer to decide, and its candidates beside it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import xlsxwriter

from connector.domain.matching import Candidate
from connector.domain.order import Buyer
from connector.extracts.files import put
from connector.extracts.handed_in import Row, read_rows
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
_RESULT = "处理结果"
_RESULT_COLUMNS = (
    ("行", "row", 10),
    ("订单号", "order", 16),
    ("结果", "result", 14),
    ("说明", "what became of it", 80),
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
    """A row that came back: `row` is its number in the sheet, `decision` link, create or else.

    `formulas` names the columns in which a formula stands where a value belongs.
    """

    row: int
    order: str
    decision: str
    customer: str
    fingerprint: str
    formulas: tuple[str, ...] = ()


class Result(Protocol):
    """What became of one row: `wrong` says why nothing did."""

    @property
    def row(self) -> int:
        """Its number in the sheet."""
        ...

    @property
    def order(self) -> str:
        """The number of its order."""
        ...

    @property
    def done(self) -> Said | None:
        """What was done."""
        ...

    @property
    def wrong(self) -> Said | None:
        """Why nothing was."""
        ...


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


def read_review(content: bytes, name: str) -> list[Answer]:
    """Read the workbook `name` that came back. Raises Misconfigured when it is none of ours."""
    rows = read_rows(content, name, _SHEET, [chinese for _, chinese, _, _ in _COLUMNS[:_READ]])
    # Sorting or deleting rows moves the second heading: it is known by its words.
    below = tuple(english for _, _, english, _ in _COLUMNS[:_READ])
    return [_answer(row) for row in rows if row.cells != below]


def result_bytes(taken: Sequence[Result], say: Say = both) -> bytes:
    """Return a workbook that says what became of each row of a sheet."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    head, wrong = book.add_format({"bold": True}), book.add_format({"bg_color": "#F8CBAD"})
    sheet = book.add_worksheet(_RESULT)
    for index, (chinese, english, width) in enumerate(_RESULT_COLUMNS):
        sheet.write_string(0, index, f"{chinese} {english}", head)
        sheet.set_column(index, index, width)
    for number, each in enumerate(taken, start=1):
        style = wrong if each.wrong else None
        told = each.wrong or each.done
        sheet.write_number(number, 0, each.row, style)
        sheet.write_string(number, 1, neutral(each.order), style)
        sheet.write_string(number, 2, "有误 wrong" if each.wrong else "完成 done", style)
        sheet.write_string(number, 3, neutral(say(told)) if told else "", style)
    sheet.freeze_panes(1, 0)
    book.close()
    return out.getvalue()


def _answer(row: Row) -> Answer:
    decision, customer, order, mark = row.cells
    word = decision.lower()
    return Answer(row.number, order, _WORDS.get(word, decision), customer, mark, row.formulas)


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
