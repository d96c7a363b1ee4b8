"""Finds the differences between the books: one SQL for SQLite and PostgreSQL, a rule each.

Our own book is what the others are compared with. A rule that finds something spares those after
it the same finding: what is missing as a whole is not also missing in its parts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date

from sqlalchemy import Connection, Table, text

from connector.domain.lifecycle import Stage
from connector.domain.reconciliation import Book, Kind, Rules, scaled
from connector.store import rules_documents, rules_lines, rules_orders
from connector.store.books import CLOSER, SCOPE
from connector.store.rule import FOUND, Rule
from connector.store.suspects import SUSPECT, suspecting


def compare(
    connection: Connection, rules: Rules, day: date, asked: Collection[Book] = tuple(Book)
) -> None:
    """Find all differences into the table `found` of this connection.

    `day` is the business day as of which delays are told. Books that are not in `asked` say
    nothing, and nothing is missing from them.
    """
    dms, sap = Book.DMS in asked, Book.SAP in asked
    values = {"tolerance": scaled(rules.tolerance), "overdue": rules.overdue(day)}

    def execute(statements: Iterable[str]) -> None:
        for statement in statements:
            bound = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(text(statement), bound)

    def analyse(tables: Iterable[Table]) -> None:
        # Tables of a session are never looked at by PostgreSQL's own statistics job.
        if connection.dialect.name == "postgresql":
            execute([f"ANALYZE {', '.join(table.name for table in tables)}"])

    for table in (FOUND, SUSPECT, *CLOSER.values()):
        table.create(connection, checkfirst=False)
    analyse((SCOPE, *CLOSER))
    execute(suspecting(rules, dms=dms, sap=sap))
    analyse((SUSPECT,))
    execute(
        f"INSERT INTO {closer.name} SELECT w.* FROM suspect t CROSS JOIN {whole.name} w"
        " WHERE w.book IN (0, 1, 2, 3) AND w.number = t.number"
        for whole, closer in CLOSER.items()
    )
    analyse(CLOSER.values())
    execute(_statements(rules, dms=dms, sap=sap))
    connection.commit()


def _statements(rules: Rules, *, dms: bool, sap: bool) -> Iterator[str]:
    yield from _strays(dms=dms)
    yield _SUMMED
    yield "CREATE INDEX summed_number ON summed (number)"
    for rule in _rules(rules, dms=dms, sap=sap):
        yield rule.statement()


def _rules(rules: Rules, *, dms: bool, sap: bool) -> Iterator[Rule]:
    yield from rules_orders.existence()
    if dms:
        yield from rules_orders.sales_orders()
    yield from rules_lines.of_the_storefront()
    if dms:
        yield from rules_lines.of_the_dms()
        yield from rules_documents.of_the_dms()
    if sap:
        yield from rules_documents.of_sap()
    yield from rules_documents.taxes(rules)
    if dms:
        yield rules_lines.shipped()
    if sap:
        yield rules_lines.delivered()
        yield rules_lines.unordered()
    yield from rules_orders.course()
    yield from rules_orders.rest(dms=dms)


def _strays(*, dms: bool) -> Iterator[str]:
    """Orders that a book holds beside the one that counts; they are told of, then put aside."""
    yield "CREATE TEMPORARY TABLE stray (book INTEGER, number TEXT, part TEXT)"
    # The storefront's order is the one that we hold; failing that, the first.
    yield (
        "INSERT INTO stray SELECT 0, b.number, b.part FROM book_order b WHERE b.book = 0"
        " AND b.part <> COALESCE((SELECT MIN(s.part) FROM book_order s JOIN book_order c"
        " ON c.book = 1 AND c.number = s.number AND c.part = s.part"
        " WHERE s.book = 0 AND s.number = b.number),"
        " (SELECT MIN(s.part) FROM book_order s WHERE s.book = 0 AND s.number = b.number))"
    )
    yield Rule(
        f"'{Kind.DUPLICATE}'",
        "'order'",
        Book.STOREFRONT,
        "FROM stray t JOIN book_order b ON b.book = 0 AND b.number = t.number AND b.part = t.part"
        " WHERE t.book = 0",
        {
            "document": "t.part", "storefront": "b.total", "amount": "b.total",
            "ordered_storefront": "b.total", "stray": "1",
        },
    ).statement()  # fmt: skip
    if dms:
        # The DMS's orders that we know nothing of, under numbers that are ours.
        yield (
            "INSERT INTO stray SELECT 2, b.number, b.part FROM book_order b"
            " JOIN book_order c ON c.book = 1 AND c.number = b.number"
            " WHERE b.book = 2 AND NOT EXISTS (SELECT 1 FROM book_document o WHERE o.book = 1"
            " AND o.kind = 'sales_order' AND o.number = b.number AND o.document = b.part)"
        )
        invoiced = (
            "COALESCE((SELECT SUM(i.gross) FROM book_document i WHERE i.book = 2"
            " AND i.kind = 'invoice' AND i.number = t.number AND i.part = t.part), 0)"
        )
        yield Rule(
            "CASE WHEN EXISTS (SELECT 1 FROM book_document o WHERE o.book = 1"
            " AND o.kind = 'sales_order' AND o.live = 1 AND o.number = t.number"
            f" AND o.unit = b.unit) THEN '{Kind.DUPLICATE}' ELSE '{Kind.UNKNOWN_DOCUMENT}' END",
            "'sales_order'",
            Book.DMS,
            "FROM stray t JOIN book_order b ON b.book = 2 AND b.number = t.number"
            " AND b.part = t.part WHERE t.book = 2",
            {
                "document": "t.part", "unit": "b.unit", "dms": "b.total", "amount": "b.total",
                "ordered_dms": "b.total", "invoiced_dms": invoiced, "stray": "1",
            },
        ).statement()  # fmt: skip
    for table in ("book_order", "book_line", "book_document"):
        yield (
            f"DELETE FROM {table} WHERE book IN (0, 2) AND number IN (SELECT number FROM stray)"
            f" AND EXISTS (SELECT 1 FROM stray t WHERE t.book = {table}.book"
            f" AND t.number = {table}.number AND t.part = {table}.part)"
        )
    yield "DROP TABLE stray"


_PLACED = ", ".join(
    f"'{stage}'" for stage in (Stage.RECEIVED, Stage.VALID, Stage.RECOGNISED, Stage.CANCELLED)
)


def _documents_summed(book: Book) -> str:
    def total(kind: str, what: str = "1", only: str = "") -> str:
        return f"SUM(CASE WHEN kind = '{kind}' AND live = 1{only} THEN {what} ELSE 0 END)"

    # Book by book, rows come in the sequence of their numbers: nothing has to be sorted.
    return (
        f"SELECT number, {total('sales_order')} AS orders, {total('invoice')} AS invoices,"
        f" {total('invoice', 'gross')} AS invoiced, {total('shipment')} AS shipments,"
        f" {total('invoice', '-gross', ' AND gross < 0')} AS reversed,"
        " MIN(CASE WHEN kind = 'shipment' THEN day END) AS first_shipped"
        f" FROM book_document WHERE book = {int(book)} GROUP BY number"
    )


def _lines_summed(book: Book) -> str:
    return (
        "SELECT number, COUNT(*) AS pieces, SUM(amount) AS amount, SUM(subsidy) AS subsidy,"
        " SUM(refunded_amount - later_amount) AS returned, SUM(shipped) AS shipped"
        f" FROM book_line WHERE book = {int(book)} GROUP BY number"
    )


# One row an order, with what each book says of it as a whole: s storefront, c connector, d DMS,
# p SAP. What an order is worth to the DMS is its total less what was refunded before it was placed.
_SUMMED = f"""
CREATE TEMPORARY TABLE summed AS SELECT k.number,
  CASE WHEN s.number IS NULL THEN 0 ELSE 1 END AS in_storefront,
  CASE WHEN c.number IS NULL THEN 0 ELSE 1 END AS in_connector,
  COALESCE(s.total, 0) AS s_total, COALESCE(s.freight, 0) AS s_freight,
  COALESCE(s.refunded, 0) AS s_refunded, COALESCE(s.payment, '') AS s_payment,
  COALESCE(sl.pieces, 0) AS s_lines, COALESCE(sl.subsidy, 0) AS s_subsidy,
  COALESCE(c.total, 0) AS c_total, COALESCE(c.total - cl.amount, 0) AS c_freight,
  COALESCE(c.payment, '') AS c_payment, COALESCE(c.stage, '') AS c_stage,
  COALESCE(c.hold, '') AS c_hold, COALESCE(c.customer, '') AS c_customer,
  CASE WHEN c.stage IN ({_PLACED}) THEN 0 ELSE 1 END AS c_placed,
  COALESCE(cl.pieces, 0) AS c_lines, COALESCE(c.freight_back, 0) AS c_freight_back,
  COALESCE(cl.subsidy, 0) AS c_subsidy,
  COALESCE(cl.returned, 0) + COALESCE(c.freight_back, 0) AS c_returned,
  COALESCE(c.refunded, 0) AS c_recovered,
  COALESCE(cl.shipped, 0) AS c_shipped,
  COALESCE(d.total, 0) AS d_total,
  COALESCE(d.freight, c.total - cl.amount - COALESCE(c.freight_back, 0), 0) AS d_freight,
  COALESCE(d.customer, '') AS d_customer,
  COALESCE(nc.orders, 0) AS c_orders, COALESCE(nd.orders, 0) AS d_orders,
  COALESCE(nc.invoices, 0) AS c_invoices, COALESCE(nd.invoices, 0) AS d_invoices,
  COALESCE(np.invoices, 0) AS p_invoices, COALESCE(nc.invoiced, 0) AS c_invoiced,
  COALESCE(nd.invoiced, 0) AS d_invoiced, COALESCE(np.invoiced, 0) AS p_invoiced,
  COALESCE(nc.shipments, 0) AS c_shipments, COALESCE(nd.shipments, 0) AS d_shipments,
  COALESCE(np.shipments, 0) AS p_shipments, COALESCE(nc.reversed, 0) AS c_reversed,
  COALESCE(nc.first_shipped, '') AS first_shipped,
  COALESCE(s.placed_at, c.placed_at, d.placed_at) AS placed_at
FROM suspect k
LEFT JOIN book_order s ON s.book = 0 AND s.number = k.number
LEFT JOIN book_order c ON c.book = 1 AND c.number = k.number
LEFT JOIN (SELECT number, SUM(total) AS total, SUM(freight) AS freight,
  MAX(customer) AS customer, MIN(placed_at) AS placed_at
  FROM book_order WHERE book = 2 GROUP BY number) d ON d.number = k.number
LEFT JOIN ({_lines_summed(Book.STOREFRONT)}) sl ON sl.number = k.number
LEFT JOIN ({_lines_summed(Book.CONNECTOR)}) cl ON cl.number = k.number
LEFT JOIN ({_documents_summed(Book.CONNECTOR)}) nc ON nc.number = k.number
LEFT JOIN ({_documents_summed(Book.DMS)}) nd ON nd.number = k.number
LEFT JOIN ({_documents_summed(Book.SAP)}) np ON np.number = k.number
"""
