"""The four books side by side, in tables of one connection that end with it.

Nothing of them stays in the database: another night asks anew. Rows are put in batches, so that
memory does not depend on how many orders there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    text,
)

from connector.domain.reconciliation import Book, BookDocument, BookLine, BookOrder, scaled
from connector.store.database import Database
from connector.store.types import ExactJson, UtcDateTime

_METADATA = MetaData()
_PAGE = 500


def _table(name: str, key: Sequence[str], columns: Sequence[tuple[str, Any]]) -> Table:
    return Table(
        name,
        _METADATA,
        *(
            Column(each, kind, primary_key=each in key, autoincrement=False, nullable=False)
            if each != "placed_at"
            else Column(each, kind)
            for each, kind in columns
        ),
        prefixes=["TEMPORARY"],
        # Rows lie in the sequence of their keys: the books are then joined like zips.
        sqlite_with_rowid=False,
    )


SCOPE = _table("scope", ["number"], [("number", Text), ("carried", Integer)])
ORDERS = _table(
    "book_order",
    ["book", "number", "part"],
    [
        ("book", Integer), ("number", Text), ("part", Text), ("unit", Text), ("payment", Text),
        ("customer", Text), ("freight", BigInteger), ("total", BigInteger),
        ("refunded", BigInteger), ("content", Text), ("stage", Text), ("hold", Text),
        ("placed_at", UtcDateTime),
    ],
)  # fmt: skip
LINES = _table(
    "book_line",
    ["book", "number", "line", "part"],
    [
        ("book", Integer), ("number", Text), ("line", Integer), ("part", Text), ("sku", Text),
        *((name, BigInteger) for name in BookLine._fields[4:]),
    ],
)  # fmt: skip
DOCUMENTS = _table(
    "book_document",
    ["book", "number", "kind", "document", "part"],
    [
        ("book", Integer), ("kind", Text), ("number", Text), ("document", Text), ("part", Text),
        ("unit", Text), ("live", Integer), ("day", Text), ("quantity", BigInteger),
        ("net", BigInteger), ("tax", BigInteger), ("gross", BigInteger),
    ],
)  # fmt: skip


class Books:
    """The books of one reconciliation. Made by `open_books`."""

    def __init__(self, database: Database, connection: Connection, shop: str) -> None:
        self.database = database
        self.connection = connection
        self.shop = shop
        self._sqlite = database.is_sqlite

    def put(
        self,
        book: Book,
        orders: Iterable[BookOrder] = (),
        lines: Iterable[BookLine] = (),
        documents: Iterable[BookDocument] = (),
    ) -> None:
        """Add rows to a book."""
        code = int(book)
        self._copy(ORDERS, ((code, *row[:-1], self._time(row[-1])) for row in orders))
        self._copy(LINES, ((code, *row) for row in lines))
        self._copy(DOCUMENTS, ((code, *row) for row in documents))
        # A long look at the storefront must not keep a snapshot of the database open.
        self.connection.commit()

    def include(self, numbers: Iterable[str], *, carried: bool = False) -> None:
        """Take order numbers into what is compared; `carried` ones are of earlier days."""
        self.connection.execute(
            text(
                "INSERT INTO scope (number, carried) VALUES (:number, :carried)"
                " ON CONFLICT (number) DO NOTHING"
            ),
            [{"number": number, "carried": int(carried)} for number in numbers]
            or [{"number": "", "carried": -1}],
        )
        self.connection.execute(text("DELETE FROM scope WHERE carried = -1"))
        self.connection.commit()

    def forget(self, book: Book, numbers: Sequence[str]) -> None:
        """Take what a book says of these orders back: it was asked again."""
        for table in (ORDERS, LINES, DOCUMENTS):
            self.connection.execute(
                text(
                    f"DELETE FROM {table.name} WHERE book = :book AND number IN :numbers"
                ).bindparams(bindparam("numbers", expanding=True)),
                {"book": int(book), "numbers": list(numbers)},
            )
        self.connection.commit()

    def leave_out(self, number: str) -> None:
        """Compare an order in nothing: its difference is that it could not be compared."""
        for book in Book:
            self.forget(book, [number])
        self.connection.execute(text("DELETE FROM scope WHERE number = :n"), {"n": number})
        self.connection.commit()

    def numbers(self) -> Iterator[list[str]]:
        """Give the order numbers that are compared, page by page."""
        last = ""
        while True:
            page = list(
                self.connection.scalars(
                    text("SELECT number FROM scope WHERE number > :last ORDER BY number LIMIT :n"),
                    {"last": last, "n": _PAGE},
                )
            )
            self.connection.commit()
            if not page:
                return
            yield page
            last = page[-1]

    def put_ours(self, after: datetime, until: datetime, zone: ZoneInfo) -> None:
        """Lay our own book beside: orders placed in (after, until], and those in scope already.

        `zone` is the business's: days of shipping are told in it.
        """
        window = {"shop": self.shop, "after": after, "until": until}
        times = [bindparam("after", type_=UtcDateTime), bindparam("until", type_=UtcDateTime)]
        self.connection.execute(
            text(
                "INSERT INTO scope (number, carried) SELECT number, 0 FROM orders"
                " WHERE shop = :shop AND placed_at > :after AND placed_at <= :until"
                " ON CONFLICT (number) DO NOTHING"
            ).bindparams(*times),
            window,
        )
        self.connection.execute(
            text(
                "INSERT INTO book_order SELECT 1, o.number, o.order_id, o.business_units,"
                " o.payment_state, COALESCE(o.customer_number, ''), 0, COALESCE(o.total, 0), 0,"
                " o.content_hash, o.stage, COALESCE(o.hold_cause, ''), o.placed_at"
                " FROM scope k JOIN orders o ON o.number = k.number AND o.shop = :shop"
            ),
            window,
        )
        self.connection.execute(
            text(
                "INSERT INTO book_line SELECT 1, o.number, l.number, l.business_unit, l.sku,"
                " l.quantity, l.unit_price, l.discount, l.subsidy, l.amount,"
                " l.refunded_quantity, l.refunded_amount, l.shipped"
                " FROM scope k JOIN orders o ON o.number = k.number AND o.shop = :shop"
                " JOIN order_line l ON l.order_pk = o.id"
            ),
            window,
        )
        for page in self.numbers():
            self.put(Book.CONNECTOR, documents=self._our_documents(page, zone))
        # What was placed before its total was noted with it: as much as its lines are worth.
        self.connection.execute(
            text(
                "UPDATE book_document SET gross = COALESCE((SELECT SUM(l.amount"
                " - l.refunded_amount) FROM book_line l WHERE l.book = 1"
                " AND l.number = book_document.number AND l.part = book_document.unit), 0)"
                " WHERE book = 1 AND kind = 'sales_order' AND gross = 0"
            )
        )
        self.connection.commit()

    def _our_documents(self, numbers: Sequence[str], zone: ZoneInfo) -> list[BookDocument]:
        query = (
            text(
                "SELECT o.number, d.kind, d.number, d.business_unit, d.at, d.detail"
                " FROM orders o JOIN document d ON d.order_pk = o.id"
                " WHERE o.shop = :shop AND o.number IN :numbers"
                " AND d.kind IN ('sales_order', 'cancellation', 'shipment', 'invoice')"
                " ORDER BY d.id"
            )
            .bindparams(bindparam("numbers", expanding=True))
            .columns(
                Column("order", Text), Column("kind", Text), Column("number", Text),
                Column("unit", Text), Column("at", UtcDateTime), Column("detail", ExactJson),
            )
        )  # fmt: skip
        rows = self.connection.execute(query, {"shop": self.shop, "numbers": list(numbers)}).all()
        gone = defaultdict(set)
        for order, kind, number, *_ in rows:
            if kind == "cancellation":
                gone[order].add(number)
        made = []
        for order, kind, number, unit, at, detail in rows:
            if kind == "cancellation":
                continue
            shipped = sum(scaled(each.get("quantity")) for each in detail.get("lines") or [])
            made.append(
                BookDocument(
                    kind=kind,
                    number=order,
                    document=number,
                    part="",
                    unit=unit,
                    live=int(number not in gone[order]),
                    day=str(detail.get("date") or _day(detail.get("shipped_at"), at, zone)),
                    quantity=shipped,
                    net=scaled(detail.get("net")),
                    tax=scaled(detail.get("tax")),
                    gross=scaled(detail.get("total" if kind == "sales_order" else "gross")),
                )
            )
        return made

    def sums(self) -> dict[str, dict[str, int]]:
        """Return what each book comes to for the orders of the day itself, in ten-thousandths."""
        day = "JOIN scope k ON k.number = b.number AND k.carried = 0 WHERE b.book = :book"
        made: dict[str, dict[str, int]] = {}
        for book in Book:
            at = {"book": int(book)}
            orders, ordered = self._one(
                f"SELECT COUNT(*), SUM(b.total) FROM book_order b {day}", at
            )
            lines, returned = self._one(
                f"SELECT COUNT(*), SUM(b.refunded_amount) FROM book_line b {day}", at
            )
            invoices, invoiced = self._one(
                f"SELECT COUNT(*), SUM(b.gross) FROM book_document b {day}"
                " AND b.kind = 'invoice' AND b.live = 1",
                at,
            )
            made[book.name.lower()] = {
                "orders": orders, "ordered": ordered, "lines": lines, "returned": returned,
                "invoices": invoices, "invoiced": invoiced,
            }  # fmt: skip
        self.connection.commit()
        return made

    def _one(self, statement: str, values: dict[str, int]) -> tuple[int, int]:
        count, total = self.connection.execute(text(statement), values).one()
        return int(count), int(total or 0)

    def _time(self, moment: datetime | None) -> Any:
        if moment is None or not self._sqlite:
            return moment
        return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")

    def _copy(self, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
        if not self.connection.in_transaction():
            self.connection.begin()
        raw: Any = self.connection.connection.dbapi_connection
        names = ", ".join(column.name for column in table.columns)
        if self._sqlite:
            marks = ", ".join("?" for _ in table.columns)
            raw.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)
            return
        with raw.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as into:
            for row in rows:
                into.write_row(row)


@contextmanager
def open_books(database: Database, shop: str) -> Iterator[Books]:
    """Give empty books on a connection of their own. Raises RetryLater."""
    with database.own_connection() as connection:
        raw: Any = connection.connection.dbapi_connection
        if database.is_sqlite:
            # What breaks off is asked anew: these tables need no journal, and may take a file.
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-32768"):
                raw.execute(f"PRAGMA temp.{pragma}")
        connection.execution_options(write=False)
        if not database.is_sqlite:
            connection.execute(text("SET work_mem = '64MB'"))
        for table in (SCOPE, ORDERS, LINES, DOCUMENTS):
            table.create(connection, checkfirst=False)
        connection.commit()
        yield Books(database, connection, shop)


def _day(moment: Any, otherwise: datetime, zone: ZoneInfo) -> str:
    at = datetime.fromisoformat(moment) if isinstance(moment, str) and moment else otherwise
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(zone).date().isoformat()
