"""Rules of the reconciliation for orders: existence, customer, course, and what is left over."""

from __future__ import annotations

from collections.abc import Iterator

from connector.domain.reconciliation import Book, Kind
from connector.store.rule import Rule, untold


def existence() -> Iterator[Rule]:
    """Give the rules for orders that only some of the books have."""
    yield Rule(
        f"'{Kind.MISSING_CONNECTOR}'",
        "'order'",
        Book.CONNECTOR,
        "FROM summed t WHERE t.in_storefront = 1 AND t.in_connector = 0",
        {
            "storefront": "t.s_total", "dms": "CASE WHEN t.d_orders > 0 THEN t.d_total END",
            "amount": "t.s_total", "ordered_storefront": "t.s_total", "ordered_dms": "t.d_total",
            "invoiced_dms": "t.d_invoiced", "invoiced_sap": "t.p_invoiced",
        },
    )  # fmt: skip
    yield Rule(
        f"'{Kind.UNKNOWN_DOCUMENT}'",
        "'order'",
        Book.DMS,
        "FROM summed t WHERE t.in_storefront = 0 AND t.in_connector = 0 AND t.d_orders > 0",
        {
            "dms": "t.d_total", "amount": "t.d_total", "ordered_dms": "t.d_total",
            "invoiced_dms": "t.d_invoiced", "invoiced_sap": "t.p_invoiced",
        },
    )  # fmt: skip
    yield Rule(
        f"'{Kind.MISSING_STOREFRONT}'",
        "'order'",
        Book.STOREFRONT,
        "FROM summed t WHERE t.in_storefront = 0 AND t.in_connector = 1",
        {"connector": "t.c_total", "amount": "t.c_total", "ordered_storefront": "-t.c_total"},
    )


def sales_orders() -> Iterator[Rule]:
    """Give the rules for sales orders that the DMS lacks, and for their customer."""
    invoiced = (
        "COALESCE((SELECT SUM(i.gross) FROM book_document i WHERE i.book = 1"
        " AND i.kind = 'invoice' AND i.number = o.number AND i.unit = o.unit), 0)"
    )
    yield Rule(
        f"'{Kind.MISSING_DMS}'",
        "'sales_order'",
        Book.DMS,
        "FROM summed t JOIN book_document o ON o.book = 1 AND o.kind = 'sales_order'"
        " AND o.number = t.number AND o.live = 1 WHERE t.in_connector = 1"
        " AND NOT EXISTS (SELECT 1 FROM book_document d WHERE d.book = 2"
        " AND d.kind = 'sales_order' AND d.number = o.number AND d.document = o.document"
        " AND d.live = 1)",
        {
            "document": "o.document", "unit": "o.unit", "connector": "o.gross",
            "amount": "o.gross", "ordered_dms": "-o.gross", "invoiced_dms": f"-{invoiced}",
        },
    )  # fmt: skip
    yield Rule(
        f"'{Kind.CUSTOMER}'",
        "'customer'",
        Book.DMS,
        # What starts anew has no customer until it is recognised again.
        "FROM summed t WHERE t.in_connector = 1 AND t.d_orders > 0 AND t.c_orders > 0"
        " AND t.c_customer <> '' AND t.d_customer <> '' AND t.d_customer <> t.c_customer",
        {"connector": "t.c_customer", "dms": "t.d_customer", "scaled": "0", "amount": "t.c_total"},
    )


def course() -> Iterator[Rule]:
    """Give the rules for how far an order is: cancelled, paid, shipped, invoiced, refunded."""
    ours = "t.in_storefront = 1 AND t.in_connector = 1"
    gone = "(t.c_shipments > 0 OR t.d_shipments > 0 OR t.p_shipments > 0)"
    cancelled = "(t.s_payment = 'cancelled' OR t.c_stage = 'cancelled')"
    # A storefront calls an order cancelled, too, whose goods were refunded after they had left.
    unreturned = "(t.s_refunded = 0 OR t.s_refunded < t.c_total - t.c_freight)"
    more = "(t.d_total - t.c_total + t.c_returned)"
    words = {"storefront": "t.s_payment", "connector": "t.c_stage", "scaled": "0"}
    invoiced = "CASE WHEN t.c_invoiced > t.d_invoiced THEN t.c_invoiced ELSE t.d_invoiced END"
    due = "(t.c_total - t.s_refunded)"
    # What came back as paper stands in no red-letter invoice.
    paper = "CASE WHEN t.c_recovered > t.c_reversed THEN t.c_recovered - t.c_reversed ELSE 0 END"
    yield Rule(
        f"'{Kind.CANCELLED_BUT_SHIPPED}'",
        "'order'",
        Book.STOREFRONT,
        f"FROM summed t WHERE t.in_connector = 1 AND {cancelled} AND {gone}"
        f" AND {unreturned} AND {untold('sales_order')}",
        {**words, "amount": "t.c_total", "ordered_dms": more},
    )
    yield Rule(
        f"'{Kind.HELD_BUT_SHIPPED}'",
        "'shipped'",
        Book.DMS,
        f"FROM summed t WHERE t.in_connector = 1 AND t.c_hold <> '' AND NOT {cancelled}"
        f" AND {gone} AND t.c_stage NOT IN ('released', 'shipped', 'closed')",
        {"connector": "t.c_hold", "scaled": "0", "amount": "t.c_total"},
    )
    # Cancelled here and still alive there: in the DMS, or in the storefront, or here.
    yield Rule(
        f"'{Kind.STATUS_BEHIND}'",
        "'cancellation'",
        Book.DMS,
        f"FROM summed t WHERE t.in_connector = 1 AND t.c_stage = 'cancelled' AND t.d_orders > 0"
        f" AND {untold('order', 'sales_order')}",
        {**words, "dms": "t.d_total", "amount": "t.d_total", "ordered_dms": more},
    )
    yield Rule(
        f"'{Kind.STATUS_BEHIND}'",
        "'cancellation'",
        Book.STOREFRONT,
        f"FROM summed t WHERE {ours} AND {untold('order', 'sales_order', 'cancellation')}"
        " AND ((t.s_payment = 'cancelled' AND t.c_stage <> 'cancelled'"
        f" AND {unreturned}) OR (t.c_stage = 'cancelled'"
        " AND t.s_payment <> 'cancelled'))",
        {**words, "amount": "t.c_total"},
    )
    yield Rule(
        f"'{Kind.PAYMENT}'",
        "'payment'",
        Book.STOREFRONT,
        f"FROM summed t WHERE {ours} AND t.s_payment = 'unpaid' AND t.c_orders > 0"
        f" AND NOT {cancelled}",
        {**words, "amount": "t.c_total"},
    )
    yield Rule(
        f"'{Kind.STATUS_BEHIND}'",
        "'status'",
        Book.STOREFRONT,
        f"FROM summed t WHERE {ours} AND NOT {cancelled}"
        " AND (t.s_payment <> t.c_payment OR (t.c_stage = 'closed'"
        f" AND t.s_payment <> 'completed')) AND {untold('payment')}",
        {**words, "amount": "t.c_total"},
    )
    yield Rule(
        f"'{Kind.SHIPPED_NOT_INVOICED}'",
        "'invoiced'",
        Book.CONNECTOR,
        "FROM summed t WHERE t.in_connector = 1 AND t.first_shipped <> ''"
        " AND t.first_shipped <= :overdue AND t.c_invoices = 0 AND t.d_invoices = 0"
        f" AND {due} > 0 AND NOT {cancelled} AND {untold('sales_order')}",
        {"connector": "t.c_invoiced", "amount": due},
    )
    yield Rule(
        f"'{Kind.INVOICED_NOT_SHIPPED}'",
        "'shipped'",
        Book.CONNECTOR,
        f"FROM summed t WHERE t.in_connector = 1 AND {invoiced} > 0 AND NOT {gone}"
        f" AND NOT {cancelled} AND {untold('sales_order')}",
        {"connector": "t.c_invoiced", "amount": invoiced},
    )
    yield Rule(
        f"'{Kind.REFUNDED_NOT_RECOVERED}'",
        "'invoiced'",
        Book.STOREFRONT,
        f"FROM summed t WHERE {ours} AND t.s_refunded > 0"
        f" AND {invoiced} - {due} - {paper} > :tolerance",
        {
            "storefront": "t.s_refunded", "connector": invoiced,
            "amount": f"({invoiced} - {due} - {paper})",
        },
    )  # fmt: skip
    yield Rule(
        f"'{Kind.AMOUNT}'",
        "'invoiced'",
        Book.CONNECTOR,
        "FROM summed t WHERE t.in_connector = 1 AND t.c_stage IN ('shipped', 'closed')"
        f" AND t.c_invoices > 0 AND t.in_storefront = 1 AND ({due} - {invoiced} > :tolerance"
        f" OR (t.s_refunded = 0 AND {invoiced} - {due} > :tolerance))"
        f" AND {untold('invoiced', 'invoice', 'order', 'total')}",
        {"storefront": due, "connector": invoiced, "amount": f"ABS({due} - {invoiced})"},
    )


def rest(*, dms: bool) -> Iterator[Rule]:
    """Give the rules for what none has told: our sum and the differences are each book's sum."""
    for book, prefix, base, when in (
        (Book.STOREFRONT, "storefront", "t.c_total", "t.in_storefront = 1"),
        (Book.DMS, "dms", "(t.c_total - t.c_returned)", "1 = 1"),
    ):
        if book is Book.DMS and not dms:
            continue
        theirs = "t.s_total" if book is Book.STOREFRONT else "t.d_total"
        rest = (
            f"({theirs} - {base} - COALESCE((SELECT SUM(f.ordered_{prefix}) FROM found f"
            " WHERE f.number = t.number AND f.stray = 0), 0))"
        )
        waiting = (
            f"WHEN l.c_stage = 'cancelled' THEN {{0}}'{Kind.CANCELLED}'"
            f" WHEN l.c_placed = 0 AND l.c_hold <> '' THEN {{0}}'{Kind.HELD}'"
            f" WHEN l.c_placed = 0 THEN {{0}}'{Kind.UNDER_WAY}'"
        ).format("")
        rounding = f"WHEN ABS(l.rest) <= :tolerance THEN '{Kind.ROUNDING}' ELSE '{Kind.AMOUNT}'"
        yield Rule(
            f"CASE {waiting if book is Book.DMS else ''} {rounding} END",
            "CASE WHEN l.c_placed = 0 AND l.c_hold <> '' THEN l.c_hold"
            " WHEN l.c_placed = 0 THEN l.c_stage ELSE 'total' END"
            if book is Book.DMS
            else "'total'",
            book,
            f"FROM (SELECT t.number, t.c_stage, t.c_hold, t.c_placed, {theirs} AS theirs,"
            f" {base} AS ours, {rest} AS rest FROM summed t WHERE t.in_connector = 1 AND {when}) l"
            " WHERE l.rest <> 0",
            {
                "number": "l.number", prefix: "l.theirs", "connector": "l.ours",
                "amount": "ABS(l.rest)", f"ordered_{prefix}": "l.rest",
            },
        )  # fmt: skip
    yield Rule(
        f"'{Kind.HELD}'",
        "t.c_hold",
        Book.CONNECTOR,
        "FROM summed t WHERE t.in_connector = 1 AND t.c_hold <> ''"
        " AND NOT EXISTS (SELECT 1 FROM found f WHERE f.number = t.number)",
        {"connector": "t.c_stage", "scaled": "0", "amount": "t.c_total"},
    )
