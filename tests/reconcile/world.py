"""Four books of made-up orders that agree to the cent, and a planter of differences.

The planter knows what a reconciliation must say of each: kind, field, line and amount at stake.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from connector.domain.reconciliation import Book, BookDocument, BookLine, BookOrder
from connector.store.books import Books

START = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)  # Monday 15:00 in Shanghai
END = START + timedelta(days=1)
DAY = "2026-11-24"
CENT = 100


class Expected(NamedTuple):
    """What must be said of a planted difference."""

    kind: str
    field: str
    line: int
    amount: int


@dataclass
class Case:
    """One order in the four books."""

    number: str
    orders: dict[Book, list[BookOrder]] = field(default_factory=dict)
    lines: dict[Book, list[BookLine]] = field(default_factory=dict)
    documents: dict[Book, list[BookDocument]] = field(default_factory=dict)

    @property
    def ours(self) -> BookOrder:
        return self.orders[Book.CONNECTOR][0]

    def order(self, book: Book, **values: Any) -> None:
        self.orders[book][0] = self.orders[book][0]._replace(**values)

    def line(self, book: Book, at: int, **values: Any) -> None:
        self.lines[book][at] = self.lines[book][at]._replace(**values)

    def document(self, book: Book, kind: str) -> BookDocument:
        return next(each for each in self.documents[book] if each.kind == kind)

    def change(self, book: Book, kind: str, **values: Any) -> None:
        self.documents[book] = [
            each._replace(**values) if each.kind == kind else each for each in self.documents[book]
        ]

    def drop(self, book: Book, *kinds: str) -> None:
        self.documents[book] = [each for each in self.documents[book] if each.kind not in kinds]

    def forget(self, book: Book) -> None:
        self.orders[book], self.lines[book], self.documents[book] = [], [], []


def tax_of(gross: int) -> int:
    """13 % of a tax-inclusive amount, to the cent."""
    return gross - round(gross * 10_000 / 11_300 / CENT) * CENT


def make(at: int, chance: random.Random) -> Case:
    """An order that was paid, placed, shipped and invoiced, the same in all books."""
    number, sales_order = f"{100_000 + at}", f"SO{at:08d}"
    placed = START + timedelta(seconds=1 + at % 86_000)
    lines = []
    for line in range(1, chance.randint(1, 4) + 1):
        quantity = chance.randint(1, 20) * 10_000
        price = chance.randint(100, 90_000) * CENT
        discount = chance.choice((0, 0, price // CENT // 10 * CENT))
        amount = quantity * price // 10_000 - discount
        subsidy = chance.choice((0, amount // CENT // 20 * CENT))
        sku = f"XC-{at % 900:03d}{line}"
        lines.append(
            BookLine(number, line, "GQ", sku, quantity, price, discount + subsidy, subsidy,
                     amount - subsidy, 0, 0, quantity)
        )  # fmt: skip
    freight = chance.choice((0, 1200 * CENT))
    total = sum(line.amount for line in lines) + freight
    customer = f"{at % 5000:010d}"
    case = Case(number)
    order = BookOrder(number, str(at), "GQ", "completed", customer, freight, total, 0,
                      placed_at=placed)  # fmt: skip
    case.orders = {
        Book.STOREFRONT: [order._replace(customer="", unit="")],
        Book.CONNECTOR: [order._replace(stage="closed")],
        Book.DMS: [order._replace(part=sales_order, payment="live")],
        Book.SAP: [],
    }
    case.lines = {
        Book.STOREFRONT: [line._replace(part=str(at), shipped=0) for line in lines],
        Book.CONNECTOR: lines,
        Book.DMS: [line._replace(part=sales_order, subsidy=0) for line in lines],
        Book.SAP: [
            BookLine(number, line.line, f"80{at:08d}", line.sku, 0, 0, 0, 0, 0, 0, 0, line.shipped)
            for line in lines
        ],
    }
    pieces, tax = sum(line.quantity for line in lines), tax_of(total)

    def documents(part: Callable[[str], str], unit: str) -> list[BookDocument]:
        return [
            BookDocument("shipment", number, f"SF{at}", part("80"), unit, 1, "2026-11-23",
                         pieces, 0, 0, 0),
            BookDocument("invoice", number, f"{at:08d}", part("90"), unit, 1, "2026-11-24",
                         0, total - tax, tax, total),
        ]  # fmt: skip

    placed_as = BookDocument("sales_order", number, sales_order, "", "GQ", 1, DAY, 0, 0, 0, total)
    case.documents = {
        Book.STOREFRONT: [],
        Book.CONNECTOR: [placed_as, *documents(lambda _: "", "GQ")],
        Book.DMS: [placed_as._replace(part=sales_order), *documents(lambda _: sales_order, "GQ")],
        Book.SAP: documents(lambda prefix: f"{prefix}{at:08d}", ""),
    }
    return case


Plant = Callable[[Case], Expected]


def _line(book: Book, *, kind: str, field: str, **change: int) -> Plant:
    """Change the last line of a book, and the total with its amount."""

    def plant(case: Case) -> Expected:
        at = len(case.lines[book]) - 1
        line = case.lines[book][at]
        values = {name: getattr(line, name) + more for name, more in change.items()}
        case.line(book, at, **values)
        more = change.get("amount", 0)
        case.order(book, total=case.orders[book][0].total + more)
        case.change(book, "sales_order", gross=case.orders[book][0].total)
        return Expected(kind, field, line.line, abs(more))

    return plant


def _missing_order(book: Book, kind: str, field: str) -> Plant:
    def plant(case: Case) -> Expected:
        total = case.ours.total
        case.forget(book)
        return Expected(kind, field, 0, total)

    return plant


def _missing_line(book: Book, kind: str) -> Plant:
    def plant(case: Case) -> Expected:
        line = case.lines[book].pop()
        order = case.orders[book][0]
        total = order.total - line.amount
        case.order(book, total=total)
        if book is Book.STOREFRONT:
            # Its subsidy stays with the order.
            case.line_subsidy = line.subsidy  # type: ignore[attr-defined]
        return Expected(kind, "line", line.line, line.amount)

    return plant


def _missing_document(book: Book, of: str, kind: str, field: str) -> Plant:
    def plant(case: Case) -> Expected:
        gross = case.document(book, of).gross
        case.drop(book, of)
        if book is Book.SAP and of == "shipment":
            case.lines[book] = []
        if book is Book.CONNECTOR and of == "shipment":
            case.lines[book] = [line._replace(shipped=0) for line in case.lines[book]]
        if book is Book.DMS and of == "shipment":
            case.lines[book] = [line._replace(shipped=0) for line in case.lines[book]]
        return Expected(kind, field, 0, gross or case.ours.total)

    return plant


def _document_value(book: Book, kind: str, field: str, **change: int) -> Plant:
    def plant(case: Case) -> Expected:
        invoice = case.document(book, "invoice")
        values = {name: getattr(invoice, name) + more for name, more in change.items()}
        case.change(book, "invoice", **values)
        return Expected(kind, field, 0, abs(change.get("gross", change.get("tax", 0))))

    return plant


def _order_value(book: Book, kind: str, field: str, *, total: int, freight: int = 0) -> Plant:
    def plant(case: Case) -> Expected:
        order = case.orders[book][0]
        case.order(book, total=order.total + total, freight=order.freight + freight)
        return Expected(kind, field, 0, abs(total))

    return plant


def _second_order(book: Book, kind: str, field: str, part: str) -> Plant:
    def plant(case: Case) -> Expected:
        order = case.orders[book][0]
        second = f"{part}{order.part}"
        case.orders[book].append(order._replace(part=second))
        case.lines[book] += [line._replace(part=second) for line in case.lines[book]]
        if book is Book.DMS:
            made = case.document(book, "sales_order")
            case.documents[book].append(made._replace(document=second, part=second))
        return Expected(kind, field, 0, order.total)

    return plant


def _more_in_sap(of: str, kind: str, field: str, *, known: bool) -> Plant:
    def plant(case: Case) -> Expected:
        made = case.document(Book.SAP, of)
        document = made.document if known else f"X{made.document}"
        case.documents[Book.SAP].append(made._replace(document=document, part=f"9{made.part}"))
        return Expected(kind, field, 0, made.gross or case.ours.total)

    return plant


def _only_in_the_dms(case: Case) -> Expected:
    for book in (Book.STOREFRONT, Book.CONNECTOR, Book.SAP):
        case.forget(book)
    return Expected("unknown_document", "order", 0, case.orders[Book.DMS][0].total)


def _unasked_sales_order(case: Case) -> Expected:
    """The DMS holds what we have not placed: the order is under way, and that document unknown."""
    total = case.ours.total
    _not_placed(case, stage="received", payment="paid")
    case.orders[Book.DMS] = [case.ours._replace(part="SOX", payment="live")]
    return Expected("unknown_document", "sales_order", 0, total)


def _more_lines_in_the_dms(case: Case) -> Expected:
    line = case.lines[Book.DMS][-1]
    more = line._replace(line=line.line + 1, sku="XC-MORE", shipped=0)
    case.lines[Book.DMS].append(more)
    case.order(Book.DMS, total=case.ours.total + line.amount)
    return Expected("missing_connector", "line", more.line, line.amount)


def _another_part_in_sap(case: Case) -> Expected:
    line = case.lines[Book.SAP][-1]
    more = line._replace(line=line.line + 1, sku="XC-MORE", shipped=10_000)
    case.lines[Book.SAP].append(more)
    return Expected("missing_connector", "part", more.line, case.ours.total)


def _subsidy(case: Case) -> Expected:
    lines = case.lines[Book.STOREFRONT]
    lines[:] = [
        line._replace(
            subsidy=line.subsidy + CENT * 10,
            discount=line.discount + CENT * 10,
            amount=line.amount - CENT * 10,
        )
        for line in lines
    ]
    more = CENT * 10 * len(lines)
    case.order(Book.STOREFRONT, total=case.ours.total - more)
    return Expected("amount", "subsidy", 0, more)


def _part(case: Case) -> Expected:
    line = case.lines[Book.DMS][0]
    case.line(Book.DMS, 0, sku="XC-OTHER")
    return Expected("part", "sku", 1, line.amount)


def _customer(case: Case) -> Expected:
    case.order(Book.DMS, customer="0000099999")
    return Expected("customer", "customer", 0, case.ours.total)


def _shipped(book: Book, field: str) -> Plant:
    def plant(case: Case) -> Expected:
        line = case.lines[book][0]
        case.line(book, 0, shipped=line.shipped - 5000)
        price = case.lines[Book.CONNECTOR][0].unit_price
        return Expected("quantity", field, 1, 5000 * price // 10_000)

    return plant


def _wrong_rate(case: Case) -> Expected:
    invoice = case.document(Book.CONNECTOR, "invoice")
    due = invoice.gross * 1300 // 11_300
    for book in (Book.CONNECTOR, Book.DMS, Book.SAP):
        case.change(book, "invoice", tax=due * 2, net=invoice.gross - due * 2)
    return Expected("tax", "rate", 0, due)


def _unpaid(case: Case) -> Expected:
    case.order(Book.STOREFRONT, payment="unpaid")
    return Expected("payment", "payment", 0, case.ours.total)


def _not_invoiced(case: Case) -> Expected:
    for book in (Book.CONNECTOR, Book.DMS, Book.SAP):
        case.drop(book, "invoice")
    case.order(Book.CONNECTOR, stage="shipped", payment="paid")
    case.order(Book.STOREFRONT, payment="paid")
    return Expected("shipped_not_invoiced", "invoiced", 0, case.ours.total)


def _invoiced_short(case: Case) -> Expected:
    gross = case.ours.total - EURO
    tax = tax_of(gross)
    for book in (Book.CONNECTOR, Book.DMS, Book.SAP):
        case.change(book, "invoice", gross=gross, tax=tax, net=gross - tax)
    return Expected("amount", "invoiced", 0, EURO)


def _not_shipped(case: Case) -> Expected:
    for book in (Book.CONNECTOR, Book.DMS, Book.SAP):
        case.drop(book, "shipment")
        case.lines[book] = [line._replace(shipped=0) for line in case.lines[book]]
    case.lines[Book.SAP] = []
    return Expected("invoiced_not_shipped", "shipped", 0, case.ours.total)


def _refunded(case: Case) -> Expected:
    half = case.ours.total // 2 // CENT * CENT
    case.order(Book.STOREFRONT, refunded=half)
    return Expected("refunded_not_recovered", "invoiced", 0, half)


def reverse(case: Case) -> None:
    """A refund whose invoice was taken back: all agree."""
    half = case.ours.total // 2 // CENT * CENT
    case.order(Book.STOREFRONT, refunded=half)
    for book in (Book.CONNECTOR, Book.DMS, Book.SAP):
        made = case.document(book, "invoice")
        tax = tax_of(half)
        case.documents[book].append(
            made._replace(
                document=f"R{made.document}", part=made.part if book is Book.DMS else
                f"R{made.part}" if made.part else "", gross=-half, tax=-tax, net=tax - half,
            )
        )  # fmt: skip


def _cancelled_but_shipped(case: Case) -> Expected:
    case.order(Book.STOREFRONT, payment="cancelled")
    return Expected("cancelled_but_shipped", "order", 0, case.ours.total)


def _held_but_shipped(case: Case) -> Expected:
    case.order(Book.CONNECTOR, stage="noted", hold="rejected")
    return Expected("held_but_shipped", "shipped", 0, case.ours.total)


def _status(case: Case) -> Expected:
    case.order(Book.STOREFRONT, payment="paid")
    return Expected("status_behind", "status", 0, case.ours.total)


def _refund_unseen(case: Case) -> Expected:
    line = case.lines[Book.STOREFRONT][0]
    case.line(Book.STOREFRONT, 0, refunded_amount=line.amount)
    return Expected("status_behind", "refunded", 1, line.amount)


def _alive_in_the_dms(case: Case) -> Expected:
    _not_placed(case, stage="cancelled", payment="cancelled", keep=True)
    return Expected("status_behind", "cancellation", 0, case.ours.total)


def _uncancelled(case: Case) -> Expected:
    _not_placed(case, stage="released", payment="paid", keep=True)
    case.order(Book.STOREFRONT, payment="cancelled")
    return Expected("status_behind", "cancellation", 0, case.ours.total)


def _not_placed(
    case: Case, *, stage: str, payment: str, hold: str = "", keep: bool = False
) -> None:
    """Take the order back to where nothing was shipped; without `keep` nothing is in the DMS."""
    case.forget(Book.SAP)
    for book in (Book.CONNECTOR, Book.DMS):
        case.drop(book, "shipment", "invoice")
        case.lines[book] = [line._replace(shipped=0) for line in case.lines[book]]
    if not keep:
        case.forget(Book.DMS)
        case.documents[Book.CONNECTOR] = []
    case.order(Book.CONNECTOR, stage=stage, payment=payment, hold=hold)
    case.order(Book.STOREFRONT, payment=payment)


def _waiting(kind: str, field: str, **values: str) -> Plant:
    def plant(case: Case) -> Expected:
        _not_placed(case, **values)  # type: ignore[arg-type]
        return Expected(kind, field, 0, case.ours.total)

    return plant


S, C, D, P = Book.STOREFRONT, Book.CONNECTOR, Book.DMS, Book.SAP
EURO = 100 * CENT
PLANTS: tuple[Plant, ...] = (
    _missing_order(S, "missing_storefront", "order"),
    _missing_order(C, "missing_connector", "order"),
    _missing_order(D, "missing_dms", "sales_order"),
    _missing_line(D, "missing_dms"),
    _missing_document(D, "invoice", "missing_dms", "invoice"),
    _missing_document(D, "shipment", "missing_dms", "shipment"),
    _missing_document(P, "invoice", "missing_sap", "billing"),
    _missing_document(P, "shipment", "missing_sap", "delivery"),
    _only_in_the_dms,
    _more_lines_in_the_dms,
    _more_in_sap("invoice", "unknown_document", "billing", known=False),
    _more_in_sap("shipment", "unknown_document", "delivery", known=False),
    _second_order(S, "duplicate", "order", "Z"),
    _second_order(D, "duplicate", "sales_order", "Z"),
    _more_in_sap("invoice", "duplicate", "billing", known=True),
    _more_in_sap("shipment", "duplicate", "delivery", known=True),
    _line(S, kind="amount", field="unit_price", unit_price=EURO, amount=EURO),
    _line(S, kind="amount", field="discount", discount=-EURO, amount=EURO),
    _line(S, kind="amount", field="amount", amount=3 * EURO),
    _line(D, kind="amount", field="unit_price", unit_price=-EURO, amount=-EURO),
    _line(D, kind="amount", field="amount", amount=7 * EURO),
    _line(S, kind="rounding", field="amount", amount=CENT),
    _line(D, kind="rounding", field="amount", amount=-CENT),
    _line(S, kind="quantity", field="quantity", quantity=10_000, amount=5 * EURO),
    _line(D, kind="quantity", field="quantity", quantity=-5_000, amount=-2 * EURO),
    _subsidy,
    _order_value(S, "amount", "freight", total=9 * EURO, freight=9 * EURO),
    _order_value(D, "amount", "freight", total=-EURO, freight=-EURO),
    _order_value(S, "amount", "total", total=11 * EURO),
    _order_value(D, "amount", "total", total=-13 * EURO),
    _document_value(D, "amount", "invoice", gross=EURO, net=EURO),
    _document_value(P, "amount", "invoice", gross=-EURO, net=-EURO),
    _document_value(D, "tax", "tax", tax=EURO, net=-EURO),
    _document_value(P, "tax", "tax", tax=-EURO, net=EURO),
    _document_value(P, "rounding", "tax", tax=CENT, net=-CENT),
    _wrong_rate,
    _part,
    _customer,
    _shipped(C, "shipped"),
    _shipped(P, "delivered"),
    _unpaid,
    _not_invoiced,
    _not_shipped,
    _invoiced_short,
    _refunded,
    _cancelled_but_shipped,
    _held_but_shipped,
    _missing_document(C, "shipment", "status_behind", "shipment"),
    _missing_document(C, "invoice", "status_behind", "invoice"),
    _status,
    _refund_unseen,
    _alive_in_the_dms,
    _uncancelled,
    _waiting("held", "stock", stage="received", payment="paid", hold="stock"),
    _waiting("held", "unpaid", stage="received", payment="unpaid", hold="unpaid"),
    _waiting("under_way", "recognised", stage="recognised", payment="paid"),
    _waiting("cancelled", "cancelled", stage="cancelled", payment="cancelled"),
    _another_part_in_sap,
)


def fill(books: Books, cases: Iterable[Case], batch: int = 1000) -> None:
    """Put the cases into the books, in batches."""
    for group in _grouped(cases, batch):
        books.include(case.number for case in group)
        for book in Book:
            books.put(
                book,
                [row for case in group for row in case.orders[book]],
                [row for case in group for row in case.lines[book]],
                [row for case in group for row in case.documents[book]],
            )


def _grouped(cases: Iterable[Case], batch: int) -> Iterator[list[Case]]:
    group: list[Case] = []
    for case in cases:
        group.append(case)
        if len(group) == batch:
            yield group
            group = []
    if group:
        yield group
