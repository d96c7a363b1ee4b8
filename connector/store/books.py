"""The four books side by side, in tables of one connection that end with it.

Nothing of them stays in the database: another night asks anew. Rows are put in batches, so that
memory does not depend on how many orders there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    Connection,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    TextClause,
    bindparam,
    text,
)

from connector.domain.reconciliation import Book, BookDocument, BookLine, BookOrder
from connector.store.database import Database
from connector.store.types import UtcDateTime, told
from connector.wording import Said

_METADATA = MetaData()
_PAGE = 500
# Rows of one statement: every SQLite takes 999 values.
_AT_ONCE = 70


def _table(name: str, key: Sequence[str], columns: Sequence[tuple[str, Any]]) -> Table:
    return Table(
        name,
        _METADATA,
        *(Column(each, kind) for each, kind in columns),
        # In this sequence: the rows of an order lie together.
        PrimaryKeyConstraint(*key),
        prefixes=["TEMPORARY"],
        # Rows lie in the sequence of their keys: the books are then joined like zips.
        sqlite_with_rowid=False,
    )


_SHAPES: dict[str, tuple[list[str], list[tuple[str, Any]]]] = {
    "whole_order": (
        ["book", "number", "part"],
        [
            ("book", Integer), ("number", Text), ("part", Text), ("unit", Text), ("payment", Text),
            ("customer", Text), ("freight", BigInteger), ("total", BigInteger),
            ("refunded", BigInteger), ("content", Text), ("stage", Text), ("hold", Text),
            ("freight_back", BigInteger), ("currency", Text),
            ("placed_at", UtcDateTime),
        ],
    ),
    "whole_line": (
        ["book", "number", "line", "part"],
        [
            ("book", Integer), ("number", Text), ("line", Integer), ("part", Text), ("sku", Text),
            *((name, BigInteger) for name in BookLine._fields[4:]),
        ],
    ),
    "whole_document": (
        ["book", "number", "kind", "document", "part"],
        [
            ("book", Integer), ("kind", Text), ("number", Text), ("document", Text), ("part", Text),
            ("unit", Text), ("live", Integer), ("day", Text), ("quantity", BigInteger),
            ("net", BigInteger), ("tax", BigInteger), ("gross", BigInteger),
        ],
    ),
}  # fmt: skip
SCOPE = _table("scope", ["number"], [("number", Text), ("carried", Integer), ("currency", Text)])
ORDERS = _table("whole_order", *_SHAPES["whole_order"])
LINES = _table("whole_line", *_SHAPES["whole_line"])
DOCUMENTS = _table("whole_document", *_SHAPES["whole_document"])


# The same tables once more, for the orders in which anything may differ.
CLOSER = {
    whole: _table(whole.name.replace("whole_", "book_"), *_SHAPES[whole.name])
    for whole in (ORDERS, LINES, DOCUMENTS)
}


class Books:
    """The books of one reconciliation. Made by `open_books`."""

    def __init__(self, database: Database, connection: Connection, shop: str) -> None:
        self.database = database
        self.connection = connection
        self.shop = shop
        # (order, invoice) → what our book notes of an invoice that is merged with other orders'.
        self.shared: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._sqlite = database.is_sqlite

    def put(
        self,
        book: Book,
        orders: Iterable[BookOrder] = (),
        lines: Iterable[BookLine] = (),
        documents: Iterable[BookDocument] = (),
    ) -> None:
        """Add rows to a book."""
        self._copy(ORDERS, book, ((*row[:-1], self._time(row[-1])) for row in orders))
        self._copy(LINES, book, lines)
        self._copy(DOCUMENTS, book, documents)
        # A long look at the storefront must not keep a snapshot of the database open.
        self.connection.commit()

    def include(self, numbers: Iterable[str], *, carried: bool = False) -> None:
        """Take order numbers into what is compared; `carried` ones are of earlier days."""
        rows = [{"number": number, "carried": int(carried)} for number in numbers]
        if rows:
            self.connection.execute(
                text(
                    "INSERT INTO scope (number, carried) VALUES (:number, :carried)"
                    " ON CONFLICT (number) DO NOTHING"
                ),
                rows,
            )
            self.connection.commit()

    def forget(self, book: Book, numbers: Sequence[str], parts: Sequence[str] = ()) -> None:
        """Take what a book says of these orders back: it was asked again.

        With `parts`, of its own documents of these numbers only.
        """
        if not numbers:
            return
        narrowed = " AND part IN :parts" if parts else ""
        values = {"numbers": list(numbers), **({"parts": list(parts)} if parts else {})}
        for table in (ORDERS, LINES, DOCUMENTS):
            self.run(
                f"DELETE FROM {table.name} WHERE book = :book AND number IN :numbers{narrowed}",
                book=int(book),
                **values,
            )

    def leave_out(self, number: str) -> None:
        """Compare an order in nothing: its difference is that it could not be compared."""
        for book in Book:
            self.forget(book, [number])
        self.run("DELETE FROM scope WHERE number = :number", number=number)

    def numbers(self) -> Iterator[list[str]]:
        """Give the order numbers that are compared, page by page."""
        last = ""
        while True:
            page = [
                str(number)
                for (number,) in self.rows(
                    "SELECT number FROM scope WHERE number > :last ORDER BY number LIMIT :most",
                    last=last,
                    most=_PAGE,
                )
            ]
            if not page:
                return
            yield page
            last = page[-1]

    def compared(self, numbers: Sequence[str]) -> set[str]:
        """Return which of these order numbers are compared."""
        if not numbers:
            return set()
        rows = self.rows("SELECT number FROM scope WHERE number IN :numbers", numbers=list(numbers))
        return {str(number) for (number,) in rows}

    def carried(self, most: int) -> list[str]:
        """Return order numbers of earlier days that are compared, no more than `most`."""
        rows = self.rows(
            "SELECT number FROM scope WHERE carried = 1 ORDER BY number LIMIT :most", most=most
        )
        return [str(number) for (number,) in rows]

    def oldest(self) -> datetime | None:
        """Return when the oldest order that is compared was placed."""
        query = text("SELECT MIN(placed_at) AS oldest FROM whole_order").columns(oldest=UtcDateTime)
        found: datetime | None = self.connection.scalar(query)
        self.connection.commit()
        return found

    def tell(self, kind: str, reasons: Mapping[str, Said]) -> None:
        """Add to the table `found` what no comparison could tell: order number → why."""
        for number, why in reasons.items():
            self.run(
                "INSERT INTO found (number, line, document, unit, kind, field, book, scaled,"
                " amount, ordered_storefront, ordered_dms, invoiced_dms, invoiced_sap, detail,"
                " stray) VALUES (:number, 0, '', '', :kind, 'order', 1, 0, 0, 0, 0, 0, 0, :why, 0)",
                number=number,
                kind=str(kind),
                why=told(why),
            )

    def tell_why_held(self) -> None:
        """Note with held orders for which reasons they are, as their hold has them."""
        self.run(
            "UPDATE found SET detail = COALESCE((SELECT o.hold_reasons FROM orders o"
            " WHERE o.shop = :shop AND o.number = found.number), '') WHERE kind = 'held'"
        )

    def run(self, statement: str, **values: Any) -> None:
        """Execute a statement; `:shop` is known, times and lists are bound as tables have them."""
        self.connection.execute(*self._bound(statement, values))
        self.connection.commit()

    def rows(self, statement: str, **values: Any) -> Sequence[Any]:
        """Return the rows of a query, bound as in `run`."""
        rows = self.connection.execute(*self._bound(statement, values)).all()
        self.connection.commit()
        return rows

    def _bound(self, statement: str, values: dict[str, Any]) -> tuple[TextClause, dict[str, Any]]:
        if ":shop" in statement:
            values = {**values, "shop": self.shop}
        return _expanding(statement, *values, values=values), values

    def sums(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return by currency what each book comes to for the day's own orders, in ten-thousandths.

        An order's currency is what the first book says that tells one. It stays noted in `scope`.
        """
        self.run(
            # The books are named so that the key, which begins with them, leads to each order.
            "UPDATE scope SET currency = COALESCE((SELECT o.currency FROM whole_order o"
            " WHERE o.book IN (0, 1, 2, 3) AND o.number = scope.number AND o.currency <> ''"
            " ORDER BY o.book, o.part LIMIT 1), '')"
        )
        day = "JOIN scope k ON k.number = b.number AND k.carried = 0 WHERE b.book = :book"
        made: dict[str, dict[str, dict[str, int]]] = {}
        for book in Book:
            for (count, total), query in {
                ("orders", "ordered"): f"SUM(b.total) FROM whole_order b {day}",
                ("", "freight"): f"SUM(b.freight_back) FROM whole_order b {day}",
                ("lines", "returned"):
                    f"SUM(b.refunded_amount - b.later_amount) FROM whole_line b {day}",
                ("invoices", "invoiced"): f"SUM(b.gross) FROM whole_document b {day}"
                " AND b.kind = 'invoice' AND b.live = 1",
            }.items():  # fmt: skip
                statement = f"SELECT k.currency, COUNT(*), {query} GROUP BY k.currency"
                for currency, rows, amount in self.rows(statement, book=int(book)):
                    books = made.setdefault(currency, _nothing())
                    of_it = books[book.name.lower()]
                    if count:
                        of_it[count] = int(rows)
                    # What was given back of the freight has no line.
                    of_it["returned" if total == "freight" else total] += int(amount or 0)
        return made or {"": _nothing()}

    def _time(self, moment: datetime | None) -> Any:
        if moment is None or not self._sqlite:
            return moment
        # As the tables have it: UTC, and no zone beside.
        return moment.astimezone(UTC).isoformat(" ", "microseconds")[:26]

    def _copy(self, table: Table, book: Book, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows, which lack the book, the fastest way that each driver has."""
        if not self.connection.in_transaction():
            self.connection.begin()
        raw: Any = self.connection.connection.dbapi_connection
        names = [column.name for column in table.columns if column.name != "book"]
        into = f"{table.name} (book, {', '.join(names)})"
        if not self._sqlite:
            with raw.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
                code = int(book)
                for row in rows:
                    copy.write_row((code, *row))
            return
        one = f"({int(book)}{', ?' * len(names)})"
        many = f"INSERT INTO {into} VALUES {', '.join([one] * _AT_ONCE)}"
        rest = iter(rows)
        # A statement of many rows finds the place of the next beside the last, and is begun once.
        while values := list(chain.from_iterable(islice(rest, _AT_ONCE))):
            count = len(values) // len(names)
            few = f"INSERT INTO {into} VALUES {', '.join([one] * count)}"
            raw.execute(many if count == _AT_ONCE else few, values)


@contextmanager
def open_books(database: Database, shop: str) -> Iterator[Books]:
    """Give empty books on a connection of their own. Raises RetryLater."""
    with database.own_connection() as connection:
        raw: Any = connection.connection.dbapi_connection
        if database.is_sqlite:
            # What breaks off is asked anew: these tables need no journal, and may take a file.
            for pragma in (
                "page_size=16384", "journal_mode=OFF", "synchronous=OFF", "cache_size=-32768",
            ):  # fmt: skip
                raw.execute(f"PRAGMA temp.{pragma}")
        connection.execution_options(write=False)
        if not database.is_sqlite:
            connection.execute(text("SET work_mem = '64MB'"))
        for table in (SCOPE, ORDERS, LINES, DOCUMENTS):
            table.create(connection, checkfirst=False)
        connection.commit()
        yield Books(database, connection, shop)


def _nothing() -> dict[str, dict[str, int]]:
    names = ("orders", "ordered", "lines", "returned", "invoices", "invoiced")
    return {book.name.lower(): dict.fromkeys(names, 0) for book in Book}


def _expanding(statement: str, *names: str, values: Mapping[str, Any] | None = None) -> TextClause:
    """Return a statement whose lists are spelt out, and whose times are those of the tables."""
    binds: list[BindParameter[Any]] = []
    for name in names:
        value = (values or {}).get(name, [])
        if isinstance(value, list):
            binds.append(bindparam(name, expanding=True))
        elif isinstance(value, datetime):
            binds.append(bindparam(name, type_=UtcDateTime))
    return text(statement).bindparams(*binds)
