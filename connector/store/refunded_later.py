"""What was refunded after an order was placed in the DMS: the DMS holds it all the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Column, Integer, Text, bindparam, text

from connector.domain.reconciliation import scaled
from connector.store.books import Books
from connector.store.types import ExactJson, UtcDateTime

_PAGE = 500
_ZERO = Decimal(0)


def note_refunded_later(books: Books) -> None:
    """Note with the lines of our book what of their refunds came after they were placed.

    To be called once our own lines are in the book.
    """
    rows = books.rows(
        "SELECT DISTINCT number FROM whole_line WHERE book = 1"
        " AND (refunded_quantity <> 0 OR refunded_amount <> 0) ORDER BY number"
    )
    numbers = [str(number) for (number,) in rows]
    for start in range(0, len(numbers), _PAGE):
        changed = list(_later(books, numbers[start : start + _PAGE]))
        if changed:
            books.connection.execute(
                text(
                    "UPDATE whole_line SET later_quantity = :quantity, later_amount = :amount"
                    " WHERE book = 1 AND number = :number AND line = :line"
                ),
                changed,
            )
            books.connection.commit()


def _later(books: Books, numbers: Sequence[str]) -> Iterator[dict[str, Any]]:
    placed: dict[tuple[str, str], datetime] = {}
    for number, unit, at in _rows(
        books,
        numbers,
        "SELECT o.number, d.business_unit, d.at FROM orders o JOIN document d ON d.order_pk = o.id"
        " WHERE o.shop = :shop AND o.number IN :numbers AND d.kind IN ('sales_order', 'amendment')",
        Column("number", Text), Column("unit", Text), Column("at", UtcDateTime),
    ):  # fmt: skip
        placed[number, unit] = max(at, placed.get((number, unit), at))
    refunds = {
        number: content.get("refunds") or []
        for number, content in _rows(
            books,
            numbers,
            "SELECT number, content FROM orders WHERE shop = :shop AND number IN :numbers",
            Column("number", Text), Column("content", ExactJson),
        )
    }  # fmt: skip
    for number, line, line_id, unit in _rows(
        books,
        numbers,
        "SELECT o.number, l.number AS line, l.line_id, l.business_unit FROM orders o"
        " JOIN order_line l ON l.order_pk = o.id WHERE o.shop = :shop AND o.number IN :numbers",
        Column("number", Text), Column("line", Integer), Column("id", Text), Column("unit", Text),
    ):  # fmt: skip
        at = placed.get((number, unit))
        if at is None:
            continue
        late = [each for each in refunds.get(number, ()) if _time(each) > at]
        quantity, amount = _of_line(late, line_id, "quantity"), _of_line(late, line_id, "amount")
        if quantity or amount:
            yield {
                "number": number, "line": line,
                "quantity": scaled(quantity), "amount": scaled(amount),
            }  # fmt: skip


def _rows(books: Books, numbers: Sequence[str], statement: str, *columns: Column[Any]) -> Any:
    query = text(statement).bindparams(bindparam("numbers", expanding=True)).columns(*columns)
    return books.connection.execute(query, {"shop": books.shop, "numbers": list(numbers)}).all()


def _of_line(refunds: Sequence[Mapping[str, Any]], line_id: str, what: str) -> Decimal:
    total = _ZERO
    for refund in refunds:
        for each in refund.get("lines") or []:
            if str(each.get("line_id")) == line_id:
                try:
                    total += abs(Decimal(str(each.get(what) or 0)))
                except InvalidOperation:
                    continue
    return total


def _time(refund: Mapping[str, Any]) -> datetime:
    """Return when it was booked; what has no time was there from the first."""
    try:
        at = datetime.fromisoformat(str(refund.get("refunded_at")))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
