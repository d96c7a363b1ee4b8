"""Rules of the reconciliation for documents: shipments and deliveries, invoices and their tax."""

from __future__ import annotations

from collections.abc import Iterator

from connector.domain.reconciliation import Book, Kind, Rules
from connector.store.rule import Rule
from connector.store.suspects import off_rate


def _same(book: Book, alias: str, of: str) -> str:
    return (
        f"{alias}.book = {int(book)} AND {alias}.kind = {of}.kind AND {alias}.number = {of}.number"
        f" AND {alias}.document = {of}.document AND {alias}.live = 1"
    )


# Of several documents of SAP under one number the first is the one; each later one is a duplicate,
# which counts by itself.
_LATER = (
    "EXISTS (SELECT 1 FROM book_document e WHERE e.book = 3 AND e.kind = {0}.kind"
    " AND e.number = {0}.number AND e.document = {0}.document AND e.live = 1"
    " AND e.part < {0}.part)"
)


def of_the_dms() -> Iterator[Rule]:
    """Give the rules for shipments and invoices by our book and by the DMS."""
    # A shipment is worth its order; an invoice its own amount.
    stake = "CASE WHEN d.kind = 'invoice' THEN ABS(d.gross) ELSE t.c_total END"
    in_sap = (
        "COALESCE((SELECT SUM(p.gross) FROM book_document p WHERE p.kind = 'invoice'"
        " AND p.book = 3 AND p.live = 1 AND p.number = d.number AND p.document = d.document"
        f" AND NOT {_LATER.format('p')}), 0)"
    )
    yield Rule(
        f"'{Kind.STATUS_BEHIND}'",
        "d.kind",
        Book.DMS,
        "FROM book_document d JOIN summed t ON t.number = d.number WHERE d.book = 2"
        " AND d.kind IN ('shipment', 'invoice') AND d.live = 1 AND t.in_connector = 1"
        f" AND NOT EXISTS (SELECT 1 FROM book_document c WHERE {_same(Book.CONNECTOR, 'c', 'd')})",
        {
            "document": "d.document", "dms": "d.document", "scaled": "0", "amount": stake,
            "invoiced_dms": "d.gross",
            "invoiced_sap": f"CASE WHEN d.kind = 'invoice' THEN {in_sap} ELSE 0 END",
        },
    )  # fmt: skip
    yield Rule(
        f"'{Kind.MISSING_DMS}'",
        "d.kind",
        Book.DMS,
        "FROM book_document d JOIN summed t ON t.number = d.number WHERE d.book = 1"
        " AND d.kind IN ('shipment', 'invoice') AND d.live = 1 AND t.in_connector = 1"
        f" AND NOT EXISTS (SELECT 1 FROM book_document o WHERE {_same(Book.DMS, 'o', 'd')})"
        f" AND NOT EXISTS (SELECT 1 FROM found f WHERE f.kind = '{Kind.MISSING_DMS}'"
        " AND f.field = 'sales_order' AND f.number = d.number AND f.unit = d.unit)",
        {
            "document": "d.document", "unit": "d.unit", "connector": "d.document",
            "scaled": "0", "amount": stake, "invoiced_dms": "-d.gross",
        },
    )  # fmt: skip
    yield _invoice_values(Book.DMS, "dms", "invoiced_dms", "")


def _invoice_values(book: Book, word: str, delta: str, only: str) -> Rule:
    gross, tax = "(o.gross - c.gross)", "(o.tax - c.tax)"
    which = f"CASE WHEN {gross} <> 0 THEN {{0}}.gross ELSE {{0}}.tax END"
    return Rule(
        f"CASE WHEN ABS{gross} <= :tolerance AND ABS{tax} <= :tolerance THEN '{Kind.ROUNDING}'"
        f" WHEN {gross} <> 0 THEN '{Kind.AMOUNT}' ELSE '{Kind.TAX}' END",
        f"CASE WHEN {gross} <> 0 THEN 'invoice' ELSE 'tax' END",
        book,
        f"FROM book_document c JOIN book_document o ON {_same(book, 'o', 'c')} WHERE c.book = 1"
        f" AND c.kind = 'invoice' AND c.live = 1 AND (o.gross <> c.gross OR o.tax <> c.tax){only}",
        {
            "number": "c.number", "document": "c.document", "unit": "c.unit",
            "connector": which.format("c"), word: which.format("o"),
            "amount": f"CASE WHEN {gross} <> 0 THEN ABS{gross} ELSE ABS{tax} END", delta: gross,
        },
    )  # fmt: skip


def of_sap() -> Iterator[Rule]:
    """Give the rules for deliveries and billing documents by our book and by SAP."""
    name = "CASE WHEN d.kind = 'invoice' THEN 'billing' ELSE 'delivery' END"
    stake = "CASE WHEN d.kind = 'invoice' THEN ABS(d.gross) ELSE t.c_total END"
    source = (
        "FROM book_document d JOIN summed t ON t.number = d.number WHERE d.book = {0}"
        " AND d.kind IN ('shipment', 'invoice') AND d.live = 1 AND t.in_connector = 1"
    )
    values = {"document": "d.document", "unit": "d.unit", "scaled": "0", "amount": stake}
    yield Rule(
        f"'{Kind.DUPLICATE}'",
        name,
        Book.SAP,
        f"{source.format(3)} AND {_LATER.format('d')}",
        {**values, "document": "d.part", "sap": "d.part", "invoiced_sap": "d.gross"},
    )
    unknown = " AND ".join(
        f"NOT EXISTS (SELECT 1 FROM book_document o WHERE {_same(book, 'o', 'd')})"
        for book in (Book.CONNECTOR, Book.DMS)
    )
    yield Rule(
        f"'{Kind.UNKNOWN_DOCUMENT}'",
        name,
        Book.SAP,
        f"{source.format(3)} AND NOT {_LATER.format('d')} AND {unknown}",
        {**values, "document": "d.part", "sap": "d.part", "invoiced_sap": "d.gross"},
    )
    yield Rule(
        f"'{Kind.MISSING_SAP}'",
        name,
        Book.SAP,
        f"{source.format(1)} AND NOT EXISTS (SELECT 1 FROM book_document o"
        f" WHERE {_same(Book.SAP, 'o', 'd')})",
        {**values, "connector": "d.document", "invoiced_sap": "-d.gross"},
    )
    yield _invoice_values(Book.SAP, "sap", "invoiced_sap", f" AND NOT {_LATER.format('o')}")


def taxes(rules: Rules) -> Iterator[Rule]:
    """Give the rule for the tax of our invoices."""
    high = rules.rates[-1]
    due = f"c.gross * {high} / {10_000 + high}"
    yield Rule(
        f"'{Kind.TAX}'",
        "'rate'",
        Book.CONNECTOR,
        off_rate("book_document", rules),
        {
            "number": "c.number", "document": "c.document", "unit": "c.unit",
            "connector": "c.tax", "amount": f"ABS(c.tax - {due})",
        },
    )  # fmt: skip
