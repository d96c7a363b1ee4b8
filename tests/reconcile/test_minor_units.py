"""What rounding leaves between our line and the DMS's is told in the currency's own minor unit."""

from __future__ import annotations

from datetime import date

import pytest

from connector.domain.reconciliation import Book, BookDocument, BookLine, BookOrder, Rules, scaled
from connector.store.books import open_books
from connector.store.comparison import compare
from connector.store.database import Database


def _line(part: str, quantity: int, price: str, discount: str, amount: str) -> BookLine:
    return BookLine(
        "1", 1, part, "XC-1", scaled(quantity), scaled(price), scaled(discount), 0, scaled(amount),
        0, 0, 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("currency", "price", "discount", "amount", "found"),
    [
        # Of 3 pieces for 900 less 100, one went back: 2 × 333.3333 are 667 yen, less 67.
        ("JPY", "333.3333", "67", "600", 0),
        ("JPY", "333.3333", "68", "600", 1),
        ("CNY", "333.3333", "67", "600", 1),
        ("CNY", "333.3333", "66.67", "600", 0),
        ("KWD", "333.3333", "66.667", "600", 0),
        ("KWD", "333.3333", "66.67", "600", 1),
        # Of a piece less was given back than it costs: the DMS has the price of what is open.
        ("CNY", "340", "0", "680", 0),
        ("CNY", "341", "0", "680", 1),
    ],
)
def test_a_discount_may_be_off_by_half_a_minor_unit(
    database: Database, currency: str, price: str, discount: str, amount: str, found: int
) -> None:
    back = 900 - int(amount)
    ours = _line("GQ", 3, "333.3333", "100", "900")._replace(
        refunded_quantity=scaled(1), refunded_amount=scaled(back)
    )
    theirs = _line("SO1", 2, price, discount, amount)
    orders = [
        BookOrder("1", part, "GQ", "paid", "1", 0, scaled(total), 0, currency=currency)
        for part, total in (("1", "900"), ("SO1", amount))
    ]
    with open_books(database, "shop") as books:
        books.include(["1"])
        for book, order, line, part in (
            (Book.CONNECTOR, orders[0], ours, ""), (Book.DMS, orders[1], theirs, "SO1")
        ):  # fmt: skip
            gross = scaled(amount)
            document = BookDocument(
                "sales_order", "1", "SO1", part, "GQ", 1, "", 0, 0, 0, gross
            )  # fmt: skip
            books.put(book, [order], [line], [document])
        books.sums()
        compare(books.connection, Rules(), date(2026, 11, 24), (Book.DMS,))
        told = books.rows("SELECT kind, field FROM found WHERE line = 1")
    assert len(told) == found, told
