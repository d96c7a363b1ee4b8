"""Our own book in a comparison, and how the others stand to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column, Text, bindparam, text

from connector.domain.invoicing import Invoice, invoice_of, void
from connector.domain.reconciliation import Book, BookDocument, scaled
from connector.store.books import Books
from connector.store.refunded_later import note_refunded_later
from connector.store.types import ExactJson, UtcDateTime

_PAGE = 500


class OurBook:
    """Our orders, lines and documents beside the books of the others."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def include_open(self, before: datetime) -> None:
        """Include earlier orders that are released or shipped, and not closed yet.

        And closed ones that the shop says are not paid any more.
        """
        self._books.run(
            "INSERT INTO scope (number, carried) SELECT number, 1 FROM orders"
            " WHERE shop = :shop AND placed_at <= :before AND (stage IN ('released', 'shipped')"
            " OR (stage = 'closed' AND payment_state = 'unpaid'))"
            " ON CONFLICT (number) DO NOTHING",
            before=before,
        )

    def earlier(self, numbers: Sequence[str], before: datetime) -> list[str]:
        """Return which of these order numbers are orders of ours placed until then."""
        found: list[str] = []
        for first in range(0, len(numbers), _PAGE):
            rows = self._books.rows(
                "SELECT number FROM orders WHERE shop = :shop AND placed_at <= :before"
                " AND number IN :numbers ORDER BY number",
                before=before,
                numbers=list(numbers[first : first + _PAGE]),
            )
            found += [str(number) for (number,) in rows]
        return found

    def put(self, after: datetime, until: datetime, zone: ZoneInfo) -> None:
        """Lay our own book beside: orders placed in (after, until], and those in scope already.

        `zone` is the business's: days of shipping are told in it.
        """
        self._books.run(
            "INSERT INTO scope (number, carried) SELECT number, 0 FROM orders"
            " WHERE shop = :shop AND placed_at > :after AND placed_at <= :until"
            " ON CONFLICT (number) DO NOTHING",
            after=after,
            until=until,
        )
        self._books.run(
            "INSERT INTO whole_order SELECT 1, o.number, o.order_id, o.business_units,"
            " o.payment_state, COALESCE(o.customer_number, ''), 0, COALESCE(o.total, 0),"
            " COALESCE((SELECT SUM(a.recovered) FROM after_sale a WHERE a.order_pk = o.id), 0),"
            " o.content_hash, o.stage, COALESCE(o.hold_cause, ''), 0, o.currency,"
            " o.placed_at"
            " FROM scope k JOIN orders o ON o.number = k.number AND o.shop = :shop"
        )
        self._books.run(
            "INSERT INTO whole_line SELECT 1, o.number, l.number, l.business_unit, l.sku,"
            " l.quantity, l.unit_price, l.discount, l.subsidy, l.amount,"
            " l.refunded_quantity, l.refunded_amount, l.shipped, 0, 0"
            " FROM scope k JOIN orders o ON o.number = k.number AND o.shop = :shop"
            " JOIN order_line l ON l.order_pk = o.id"
        )
        for page in self._books.numbers():
            self._books.put(Book.CONNECTOR, documents=self._our_documents(page, zone))
        # What was placed before its total was noted with it: as much as its lines are worth.
        self._books.run(
            "UPDATE whole_document SET gross = COALESCE((SELECT SUM(l.amount"
            " - l.refunded_amount) FROM whole_line l WHERE l.book = 1"
            " AND l.number = whole_document.number AND l.part = whole_document.unit), 0)"
            " WHERE book = 1 AND kind = 'sales_order' AND gross = 0"
        )
        note_refunded_later(self._books)

    def _our_documents(self, numbers: Sequence[str], zone: ZoneInfo) -> list[BookDocument]:
        query = (
            text(
                "SELECT o.number, d.kind, d.number, d.business_unit, d.at, d.detail"
                " FROM orders o JOIN document d ON d.order_pk = o.id"
                " WHERE o.shop = :shop AND o.number IN :numbers"
                " AND d.kind IN ('sales_order', 'cancellation', 'amendment', 'shipment', 'invoice')"
                " ORDER BY d.id"
            )
            .bindparams(bindparam("numbers", expanding=True))
            .columns(
                Column("order", Text), Column("kind", Text), Column("number", Text),
                Column("unit", Text), Column("at", UtcDateTime), Column("detail", ExactJson),
            )
        )  # fmt: skip
        rows = self._books.connection.execute(
            query, {"shop": self._books.shop, "numbers": list(numbers)}
        ).all()
        gone = self._void(rows)
        amended: dict[tuple[str, str], int] = {}
        for order, kind, number, _, _, detail in rows:
            if kind == "cancellation":
                gone.add((order, number))
            elif kind == "amendment":
                amended[order, str(detail.get("sales_order"))] = scaled(detail.get("total"))
        made = []
        for order, kind, number, unit, at, detail in rows:
            if kind in ("cancellation", "amendment"):
                continue
            if detail.get("shared_with"):
                self._books.shared[order, number] = detail
            gross = scaled(detail.get("total" if kind == "sales_order" else "gross"))
            shipped = sum(scaled(each.get("quantity")) for each in detail.get("lines") or [])
            made.append(
                BookDocument(
                    kind=kind,
                    number=order,
                    document=number,
                    part="",
                    unit=unit,
                    live=int((order, number) not in gone),
                    day=str(detail.get("date") or _day(detail.get("shipped_at"), at, zone)),
                    quantity=shipped,
                    net=scaled(detail.get("net")),
                    tax=scaled(detail.get("tax")),
                    gross=amended.get((order, number), gross) if kind == "sales_order" else gross,
                )
            )
        return made

    def _void(self, rows: Sequence[Any]) -> set[tuple[str, str]]:
        """Return (order, number) of invoices that another one took the place of."""
        invoices: dict[str, list[Invoice]] = {}
        for order, kind, number, unit, _, detail in rows:
            if kind == "invoice":
                invoices.setdefault(order, []).append(invoice_of(number, unit, detail))
        return {(order, number) for order, of_it in invoices.items() for number in void(of_it)}

    def follow_numbers_kept_apart(self) -> None:
        """Know the storefront's second order of one number by the number that we keep it under."""
        for number, part in self._books.rows(
            "SELECT number, part FROM whole_order WHERE book = 1 AND number LIKE '%#%'"
        ):
            for table in ("whole_order", "whole_line"):
                self._books.run(
                    f"UPDATE {table} SET number = :number WHERE book = 0 AND number LIKE :was"
                    " AND part = :part",
                    number=str(number),
                    was=f"{str(number).partition('#')[0]}%",
                    part=str(part),
                )

    def set_known_aside(self) -> set[str]:
        """Take orders out that were completed before our first day; return their numbers.

        Their documents were made outside the connector: no book has to hold them, and what one
        holds is not ours to judge.
        """
        known = "SELECT number FROM orders WHERE shop = :shop AND stage = 'known'"
        found = self._books.rows(f"SELECT number FROM scope WHERE number IN ({known})")
        for table in ("whole_order", "whole_line", "whole_document", "scope"):
            self._books.run(f"DELETE FROM {table} WHERE number IN ({known})")
        return {str(number) for (number,) in found}

    def missed(self, version: str) -> Iterator[tuple[str, bool]]:
        """Give the storefront's orders that we have not, or not as they are now, by its own ids.

        Whether it is known comes with it. What another version of the mappings read reads
        otherwise now: that is no change of the order.
        """
        rows = self._books.rows(
            "SELECT s.part, CASE WHEN o.id IS NULL THEN 0 ELSE 1 END FROM whole_order s"
            " LEFT JOIN orders o ON o.shop = :shop AND o.number = s.number"
            " WHERE s.book = 0 AND (o.id IS NULL OR o.order_id <> s.part"
            " OR o.payment_state <> s.payment"
            " OR (o.content_hash <> s.content AND o.mapping_version = :version))"
            " ORDER BY s.number, s.part",
            version=version,
        )
        for part, known in rows:
            yield str(part), bool(known)

    def only_ours(self) -> Iterator[list[tuple[str, str]]]:
        """Give (number, the storefront's id) of orders that its book lacks, page by page."""
        rows = self._books.rows(
            "SELECT c.number, c.part FROM whole_order c WHERE c.book = 1 AND NOT EXISTS"
            " (SELECT 1 FROM whole_order s WHERE s.book = 0 AND s.number = c.number)"
            " ORDER BY c.number"
        )
        for start in range(0, len(rows), _PAGE):
            yield [(str(number), str(part)) for number, part in rows[start : start + _PAGE]]

    def units_of(self, numbers: Sequence[str]) -> dict[str, list[str]]:
        """Return order number → business units that have a part in it, where we know."""
        rows = self._books.rows(
            "SELECT number, unit FROM whole_order WHERE book = 1 AND number IN :numbers",
            numbers=list(numbers),
        )
        return {
            str(number): [each for each in str(unit).split(",") if each] for number, unit in rows
        }

    def unknown(self, numbers: Sequence[str]) -> list[str]:
        """Return which of these order numbers neither the comparison nor our book knows."""
        known = (
            {
                str(number)
                for (number,) in self._books.rows(
                    "SELECT number FROM scope WHERE number IN :numbers UNION"
                    " SELECT number FROM orders WHERE shop = :shop AND number IN :numbers",
                    numbers=list(numbers),
                )
            }
            if numbers
            else set()
        )
        return [number for number in numbers if number not in known]


def _day(moment: Any, otherwise: datetime, zone: ZoneInfo) -> str:
    at = datetime.fromisoformat(moment) if isinstance(moment, str) and moment else otherwise
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(zone).date().isoformat()
