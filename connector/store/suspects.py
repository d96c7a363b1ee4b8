"""Finds the orders in which anything may differ, so that the rules look at those alone.

An order is above suspicion when it is closed, all books say the same of it to the last digit, and
what was invoiced is its total. These statements go over the books in the sequence of their keys;
one order too many costs time, one too few would be a difference that nobody hears of.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Column, MetaData, Table, Text

from connector.domain.reconciliation import Rules

SUSPECT = Table(
    "suspect",
    MetaData(),
    Column("number", Text, primary_key=True),
    prefixes=["TEMPORARY"],
    sqlite_with_rowid=False,
)
_LINE_VALUES = ("sku", "quantity", "unit_price", "discount", "amount")


def suspecting(rules: Rules, *, dms: bool, sap: bool) -> Iterator[str]:
    """Give the statements that fill the table `suspect`."""
    for query in (
        _orders(dms=dms),
        _invoiced(),
        f"SELECT c.number {off_rate('whole_document', rules)}",
    ):
        yield _insert(query)
    for query in _lines(dms=dms):
        yield _insert(query)
    if dms:
        yield from map(_insert, _documents(2, "'sales_order', 'shipment', 'invoice'"))
    if sap:
        yield from map(_insert, _documents(3, "'shipment', 'invoice'"))
        yield _insert(
            "SELECT c.number FROM whole_line c WHERE c.book = 1 AND c.shipped <>"
            " COALESCE((SELECT SUM(p.shipped) FROM whole_line p WHERE p.book = 3"
            " AND p.number = c.number AND p.sku = c.sku), 0)"
        )
        yield _insert(
            "SELECT p.number FROM whole_line p WHERE p.book = 3 AND NOT EXISTS (SELECT 1"
            " FROM whole_line c WHERE c.book = 1 AND c.number = p.number AND c.sku = p.sku)"
        )


def off_rate(table: str, rules: Rules) -> str:
    """Return the FROM and WHERE for invoices `c` of ours whose tax fits no rate, nor a mixture.

    Tax of a tax-inclusive amount is gross × rate / (1 + rate).
    """
    far = " AND ".join(
        f"ABS(c.tax * {10_000 + rate} - c.gross * {rate}) > :tolerance * {10_000 + rate}"
        for rate in rules.rates
    )
    low, high = rules.rates[0], rules.rates[-1]
    return (
        f"FROM {table} c WHERE c.book = 1 AND c.kind = 'invoice' AND c.live = 1"
        f" AND {far} AND NOT (ABS(c.tax) * {10_000 + low} >= ABS(c.gross) * {low}"
        f" AND ABS(c.tax) * {10_000 + high} <= ABS(c.gross) * {high})"
    )


def _insert(query: str) -> str:
    return (
        f"INSERT INTO suspect SELECT q.number FROM ({query}) q WHERE 1 = 1"
        " ON CONFLICT (number) DO NOTHING"
    )


def _orders(*, dms: bool) -> str:
    there = "LEFT JOIN whole_order d ON d.book = 2 AND d.number = k.number" if dms else ""
    differs = (
        " OR d.number IS NULL OR d.total <> c.total"
        " OR (d.customer <> '' AND d.customer <> c.customer)"
        if dms
        else ""
    )
    return (
        "SELECT k.number FROM scope k"
        " LEFT JOIN whole_order c ON c.book = 1 AND c.number = k.number"
        f" LEFT JOIN whole_order s ON s.book = 0 AND s.number = k.number {there}"
        " WHERE c.number IS NULL OR s.number IS NULL OR s.part <> c.part OR s.total <> c.total"
        " OR s.payment <> 'completed' OR c.payment <> 'completed' OR c.stage <> 'closed'"
        f" OR c.hold <> '' OR s.refunded <> 0 OR c.refunded <> 0{differs}"
    )


def _invoiced() -> str:
    return (
        "SELECT n.number FROM (SELECT number,"
        " SUM(CASE WHEN kind = 'invoice' AND live = 1 THEN gross ELSE 0 END) AS invoiced,"
        " SUM(CASE WHEN kind = 'shipment' AND live = 1 THEN 1 ELSE 0 END) AS shipments,"
        " SUM(CASE WHEN kind = 'sales_order' AND live = 1 THEN 1 ELSE 0 END) AS orders"
        " FROM whole_document WHERE book = 1 GROUP BY number) n"
        " JOIN whole_order c ON c.book = 1 AND c.number = n.number"
        " WHERE n.invoiced <> c.total OR n.shipments = 0 OR n.orders <> 1"
    )


def _lines(*, dms: bool) -> Iterator[str]:
    told = (*_LINE_VALUES, "subsidy")
    differs = " OR ".join(
        [
            "s.number IS NULL OR c.refunded_quantity <> 0 OR c.refunded_amount <> 0"
            " OR s.refunded_quantity <> 0 OR s.refunded_amount <> 0",
            *(f"s.{name} <> c.{name}" for name in told),
        ]
    )
    there = ""
    if dms:
        there = " LEFT JOIN whole_line d ON d.book = 2 AND d.number = c.number AND d.line = c.line"
        also = " OR ".join(f"d.{name} <> c.{name}" for name in (*_LINE_VALUES, "shipped"))
        differs += f" OR d.number IS NULL OR {also}"
    yield (
        "SELECT c.number FROM whole_line c LEFT JOIN whole_line s ON s.book = 0"
        f" AND s.number = c.number AND s.line = c.line{there} WHERE c.book = 1 AND ({differs})"
    )
    for book in (0, 2) if dms else (0,):
        yield (
            f"SELECT l.number FROM whole_line l WHERE l.book = {book} AND NOT EXISTS"
            " (SELECT 1 FROM whole_line c WHERE c.book = 1 AND c.number = l.number"
            " AND c.line = l.line)"
        )


def _documents(book: int, kinds: str) -> Iterator[str]:
    same = (
        "{0}.number = {1}.number AND {0}.kind = {1}.kind AND {0}.document = {1}.document"
        " AND {0}.live = 1 AND {0}.gross = {1}.gross AND {0}.tax = {1}.tax"
    )
    yield (
        f"SELECT c.number FROM whole_document c WHERE c.book = 1 AND c.live = 1"
        f" AND c.kind IN ({kinds}) AND (SELECT COUNT(*) FROM whole_document o"
        f" WHERE o.book = {book} AND {same.format('o', 'c')}) <> 1"
    )
    yield (
        f"SELECT o.number FROM whole_document o WHERE o.book = {book} AND o.live = 1"
        f" AND o.kind IN ({kinds}) AND NOT EXISTS (SELECT 1 FROM whole_document c"
        f" WHERE c.book = 1 AND {same.format('c', 'o')})"
    )
