"""Invoices that are merged over several orders, in the books of the DMS and SAP.

Each order's part of such a book shows the whole invoice: its money would count once an order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import text

from connector.domain.invoicing import Claim, Share, nearest, share
from connector.domain.reconciliation import Book, scaled
from connector.store.books import Books
from connector.store.types import scaled_down

_PAGE = 500
_ROWS = (
    "SELECT d.number, d.document, d.part, d.net, d.tax, d.gross, c.total FROM whole_document d"
    " LEFT JOIN whole_order c ON c.book = 1 AND c.number = d.number"
    " WHERE d.book = :book AND d.kind = 'invoice' AND d.live = 1 AND "
)


def share_out(books: Books) -> None:
    """Give each order its share of what the DMS and SAP tell as a whole.

    By our own shares where we know them; else by what the orders are worth. To be called once all
    books are read.
    """
    for book in (Book.DMS, Book.SAP):
        changed: list[dict[str, Any]] = []
        for rows in _invoices(books, book):
            changed += _shared(books, rows)
        if changed:
            books.connection.execute(
                text(
                    "UPDATE whole_document SET net = :net, tax = :tax, gross = :gross"
                    " WHERE book = :book AND number = :number AND kind = 'invoice'"
                    " AND document = :document AND part = :part"
                ),
                [{**each, "book": int(book)} for each in changed],
            )
            books.connection.commit()


def _invoices(books: Books, book: Book) -> Iterator[list[Any]]:
    """Give the rows of each invoice that several orders show, or that we know to be merged."""
    several = books.rows(
        f"{_ROWS} d.document IN (SELECT m.document FROM whole_document m WHERE m.book = :book"
        " AND m.kind = 'invoice' AND m.live = 1 GROUP BY m.document"
        " HAVING MIN(m.number) < MAX(m.number)) ORDER BY d.document, d.number, d.part",
        book=int(book),
    )
    seen = set()
    for document, rows in groupby(several, lambda row: str(row[1])):
        seen.add(document)
        yield list(rows)
    known = sorted({each for each in books.shared if each[1] not in seen})
    for start in range(0, len(known), _PAGE):
        page = known[start : start + _PAGE]
        for row in books.rows(
            f"{_ROWS} d.number IN :numbers AND d.document IN :documents",
            book=int(book),
            numbers=[number for number, _ in page],
            documents=[document for _, document in page],
        ):
            if (str(row[0]), str(row[1])) in books.shared:
                yield [row]


def _shared(books: Books, rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Give the changed values of the rows of one invoice."""
    ours = [books.shared.get((str(row[0]), str(row[1]))) for row in rows]
    told = [Share(*(scaled_down(value) for value in row[3:6])) for row in rows]
    if any(ours):
        shares = [_by_ours(*each, ours) for each in zip(told, ours, strict=True)]
    else:
        once = len({row[0] for row in rows}) == len(rows)
        claims = [
            Claim(str(row[0]), each.net, each.tax, each.gross, scaled_down(row[6] or 0))
            for row, each in zip(rows, told, strict=True)
        ]
        shares = (share(claims) if once else None) or told
    for row, said, mine in zip(rows, told, shares, strict=True):
        if mine != said:
            yield {
                "number": row[0], "document": row[1], "part": row[2],
                "net": scaled(mine.net), "tax": scaled(mine.tax), "gross": scaled(mine.gross),
            }  # fmt: skip


def _by_ours(
    told: Share, detail: Mapping[str, Any] | None, ours: Sequence[Mapping[str, Any] | None]
) -> Share:
    if detail is not None:
        return nearest(told, _of(detail), _of(detail["whole"]), first=bool(detail["first"]))
    # We do not know yet that it is this order's too: what the others leave is told of it.
    known = [each for each in ours if each is not None]
    rest = _of(known[0]["whole"])
    for each in known:
        mine = _of(each)
        rest = Share(rest.net - mine.net, rest.tax - mine.tax, rest.gross - mine.gross)
    return rest


def _of(amounts: Mapping[str, Any]) -> Share:
    return Share(*(Decimal(str(amounts[name])) for name in ("net", "tax", "gross")))
