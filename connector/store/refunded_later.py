"""What was refunded before an order was placed in the DMS, and what later: that the DMS holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Text, bindparam, text

from connector.domain.order import Order
from connector.domain.reading import read_order
from connector.domain.reconciliation import scaled
from connector.domain.refunds import as_of
from connector.store.books import Books
from connector.store.types import ExactJson, UtcDateTime

_PAGE = 500


def note_refunded_later(books: Books) -> None:
    """Note with our book what of the lines' refunds came after they were placed.

    With our order goes the freight that was given back before. To be called once our own lines
    and documents are in the book: what was refunded before shows in the lines, or in a sales order
    that is worth less than its order.
    """
    rows = books.rows(
        "SELECT DISTINCT number FROM whole_line WHERE book = 1"
        " AND (refunded_quantity <> 0 OR refunded_amount <> 0)"
        " UNION SELECT o.number FROM whole_order o JOIN whole_document d ON d.book = 1"
        " AND d.number = o.number AND d.kind = 'sales_order' AND d.live = 1 WHERE o.book = 1"
        " GROUP BY o.number, o.total HAVING SUM(d.gross) <> o.total ORDER BY 1"
    )
    numbers = [str(number) for (number,) in rows]
    for start in range(0, len(numbers), _PAGE):
        lines, freights = [], []
        for number, order, placed in _refunded(books, numbers[start : start + _PAGE]):
            then = {unit: as_of(order, at) for unit, at in placed.items()}
            for unit, before in then.items():
                lines += list(_later(number, unit, order, before))
            freight = max((each.refunded_freight for each in then.values()), default=0)
            if freight:
                freights.append({"number": number, "freight": scaled(freight)})
        _note(books, lines, freights)


def _note(books: Books, lines: list[dict[str, Any]], freights: list[dict[str, Any]]) -> None:
    if lines:
        books.connection.execute(
            text(
                "UPDATE whole_line SET later_quantity = :quantity, later_amount = :amount"
                " WHERE book = 1 AND number = :number AND line = :line AND part = :unit"
            ),
            lines,
        )
    if freights:
        books.connection.execute(
            text(
                "UPDATE whole_order SET freight_back = :freight WHERE book = 1 AND number = :number"
            ),
            freights,
        )
    books.connection.commit()


def _later(number: str, unit: str, order: Order, before: Order) -> Iterator[dict[str, Any]]:
    for now, then in zip(order.lines, before.lines, strict=True):
        quantity = now.refunded_quantity - then.refunded_quantity
        amount = now.refunded_amount - then.refunded_amount
        if quantity or amount:
            yield {
                "number": number, "line": now.number, "unit": unit,
                "quantity": scaled(quantity), "amount": scaled(amount),
            }  # fmt: skip


def _refunded(
    books: Books, numbers: Sequence[str]
) -> Iterator[tuple[str, Order, dict[str, datetime]]]:
    """Give orders with refunds, and when each part was last placed of which the DMS holds one.

    A unit whose goods were all refunded before release has no sales order any more: nothing of it
    was refunded later.
    """
    alive = {
        (str(number), str(unit))
        for number, unit in books.rows(
            "SELECT DISTINCT number, unit FROM whole_document WHERE book = 1"
            " AND kind = 'sales_order' AND live = 1 AND number IN :numbers",
            numbers=list(numbers),
        )
    }
    placed: dict[str, dict[str, datetime]] = {}
    for number, unit, at in _rows(
        books,
        numbers,
        "SELECT o.number, d.business_unit, d.at FROM orders o JOIN document d ON d.order_pk = o.id"
        " WHERE o.shop = :shop AND o.number IN :numbers AND d.kind IN ('sales_order', 'amendment')",
        Column("number", Text), Column("unit", Text), Column("at", UtcDateTime),
    ):  # fmt: skip
        if (number, unit) not in alive:
            continue
        units = placed.setdefault(number, {})
        units[unit] = max(at, units.get(unit, at))
    for number, content in _rows(
        books,
        numbers,
        "SELECT number, content FROM orders WHERE shop = :shop AND number IN :numbers",
        Column("number", Text), Column("content", ExactJson),
    ):  # fmt: skip
        order, _ = read_order(content, shop=books.shop)
        if order is not None and order.refunds and number in placed:
            yield number, order, placed[number]


def _rows(books: Books, numbers: Sequence[str], statement: str, *columns: Column[Any]) -> Any:
    query = text(statement).bindparams(bindparam("numbers", expanding=True)).columns(*columns)
    return books.connection.execute(query, {"shop": books.shop, "numbers": list(numbers)}).all()
