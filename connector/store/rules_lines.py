"""Rules of the reconciliation for lines: parts, quantities, prices, discounts, what has left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connector.domain.currency import BY_DECIMALS
from connector.domain.reconciliation import Book, Kind
from connector.store.rule import Rule, untold

# The minor unit of an order's currency in ten-thousandths: `k` is its row in `scope`.
_UNIT = "(CASE {} ELSE 100 END)".format(
    " ".join(
        f"WHEN k.currency IN ({', '.join(map(repr, codes))}) THEN {10 ** (4 - decimals)}"
        for decimals, codes in BY_DECIMALS.items()
    )
)


def _line_rule(book: Book, word: str, source: str, pairs: Mapping[str, tuple[str, str]]) -> Rule:
    """Return the rule for lines that two books have: the first value that differs names it.

    `pairs` are field → theirs and ours. A difference of amounts alone may be rounding.
    """
    differs = {name: f"{theirs} <> {ours}" for name, (theirs, ours) in pairs.items()}
    amount = f"({pairs['amount'][0]} - {pairs['amount'][1]})"
    money = [name for name in ("unit_price", "discount", "amount") if name in pairs]
    small = " AND ".join(
        f"COALESCE(ABS({pairs[name][0]} - {pairs[name][1]}), 0) <= :tolerance" for name in money
    )
    kinds = {"sku": Kind.PART, "quantity": Kind.QUANTITY, "refunded": Kind.STATUS_BEHIND}
    kind = "CASE"
    for name in ("sku", "quantity"):
        kind += f" WHEN {differs[name]} THEN '{kinds[name]}'"
    if "refunded" in pairs:
        kind += f" WHEN {' AND '.join(f'{pairs[n][0]} = {pairs[n][1]}' for n in money)}"
        kind += f" THEN '{Kind.STATUS_BEHIND}'"
    kind += f" WHEN {small} THEN '{Kind.ROUNDING}' ELSE '{Kind.AMOUNT}' END"

    def chosen(values: Mapping[str, str]) -> str:
        whens = " ".join(f"WHEN {differs[name]} THEN {values[name]}" for name in pairs)
        return f"CASE {whens} END"

    texts = [
        {name: f"CAST({pair[side]} AS TEXT)" for name, pair in pairs.items()} for side in (0, 1)
    ]
    stake = {name: f"ABS({theirs} - {ours})" for name, (theirs, ours) in pairs.items()
             if name != "sku"}  # fmt: skip
    stake["sku"] = "c.amount"
    stake["quantity"] = (
        f"CASE WHEN {amount} <> 0 THEN ABS{amount} ELSE {stake['quantity']} * c.unit_price / 10000"
        " END"
    )
    stake["unit_price"] = f"ABS{amount}"
    delta = "ordered_storefront" if book is Book.STOREFRONT else "ordered_dms"
    return Rule(
        kind,
        chosen({name: f"'{name}'" for name in pairs}),
        book,
        f"{source} AND ({' OR '.join(differs.values())})",
        {
            "number": "c.number", "line": "c.line", "unit": "c.part",
            word: chosen(texts[0]), "connector": chosen(texts[1]),
            "scaled": f"CASE WHEN {differs['sku']} THEN 0 ELSE 1 END",
            "amount": chosen(stake), delta: amount,
        },
    )  # fmt: skip


def of_the_storefront() -> Iterator[Rule]:
    """Give the rules for lines, subsidy and freight by our book and by the storefront."""
    # The subsidy is taken off the order and split over its lines: it is compared once, below.
    yield _line_rule(
        Book.STOREFRONT,
        "storefront",
        "FROM book_line c JOIN book_line s ON s.book = 0 AND s.number = c.number"
        " AND s.line = c.line WHERE c.book = 1",
        {
            "sku": ("s.sku", "c.sku"),
            "quantity": ("s.quantity", "c.quantity"),
            "unit_price": ("s.unit_price", "c.unit_price"),
            "discount": ("(s.discount - s.subsidy)", "(c.discount - c.subsidy)"),
            "amount": ("(s.amount + s.subsidy)", "(c.amount + c.subsidy)"),
            "refunded": ("(s.refunded_amount + s.refunded_quantity)",
                         "(c.refunded_amount + c.refunded_quantity)"),
        },
    )  # fmt: skip
    both = "t.in_storefront = 1 AND t.in_connector = 1 AND t.c_lines > 0"
    for kind, here, there, word, sign in (
        (Kind.MISSING_CONNECTOR, 0, 1, "storefront", ""),
        (Kind.MISSING_STOREFRONT, 1, 0, "connector", "-"),
    ):
        worth = "(l.amount + l.subsidy)"
        yield Rule(
            f"'{kind}'",
            "'line'",
            Book(there),
            f"FROM book_line l JOIN summed t ON t.number = l.number WHERE l.book = {here}"
            f" AND {both} AND NOT EXISTS (SELECT 1 FROM book_line o WHERE o.book = {there}"
            " AND o.number = l.number AND o.line = l.line)",
            {
                "line": "l.line", word: worth, "amount": worth,
                "ordered_storefront": f"{sign}{worth}",
            },
        )  # fmt: skip
    for name in ("subsidy", "freight"):
        theirs, ours = f"t.s_{name}", f"t.c_{name}"
        more = f"({theirs} - {ours})" if name == "freight" else f"({ours} - {theirs})"
        # Our freight is what is left of the total: where that is wrong, it shows there.
        known = (
            " AND t.s_total = t.c_total + t.s_freight - t.c_freight" if name == "freight" else ""
        )
        yield Rule(
            f"CASE WHEN ABS{more} <= :tolerance THEN '{Kind.ROUNDING}' ELSE '{Kind.AMOUNT}' END",
            f"'{name}'",
            Book.STOREFRONT,
            f"FROM summed t WHERE {both} AND {theirs} <> {ours}{known}",
            {
                "storefront": theirs, "connector": ours, "amount": f"ABS{more}",
                "ordered_storefront": more,
            },
        )  # fmt: skip


def of_the_dms() -> Iterator[Rule]:
    """Give the rules for lines and freight by our book and by the DMS: what was open then."""
    opened = "(c.quantity - c.refunded_quantity + c.later_quantity)"
    worth = "(c.amount - c.refunded_amount + c.later_amount)"
    # The DMS's discount is that of what was open (`domain.pricing.open_discount`). Our price is of
    # four places: of a part of the pieces it says the discount to half a minor unit of the currency
    # and its last place.
    off = f"({opened} * c.unit_price / 10000 - {worth})"
    whole = f"c.discount + c.amount - {worth}"
    discount = (
        f"CASE WHEN {opened} = c.quantity AND {whole} >= 0 THEN {whole}"
        f" WHEN d.discount >= 0 AND ABS(d.discount - {off}) <= {_UNIT} / 2 + 1 + {opened} / 20000"
        " THEN d.discount"
        f" WHEN {off} <= 0 THEN 0 ELSE ({off} + {_UNIT} / 2) / {_UNIT} * {_UNIT} END"
    )
    # More is open than the pieces are worth: at the price by which they come to it.
    price = (
        f"CASE WHEN {off} < 0 AND {opened} > 0"
        f" AND ABS(d.unit_price * {opened} - {worth} * 10000) <= {opened}"
        " THEN d.unit_price ELSE c.unit_price END"
    )
    yield _line_rule(
        Book.DMS,
        "dms",
        "FROM book_line c JOIN book_line d ON d.book = 2 AND d.number = c.number"
        " AND d.line = c.line JOIN scope k ON k.number = c.number WHERE c.book = 1",
        {
            "sku": ("d.sku", "c.sku"),
            "quantity": ("d.quantity", opened),
            "unit_price": ("d.unit_price", f"({price})"),
            "discount": ("d.discount", f"({discount})"),
            "amount": ("d.amount", worth),
        },
    )
    yield Rule(
        f"'{Kind.MISSING_DMS}'",
        "'line'",
        Book.DMS,
        f"FROM book_line c WHERE c.book = 1 AND {opened} > 0"
        " AND EXISTS (SELECT 1 FROM book_order o WHERE o.book = 2 AND o.number = c.number"
        " AND o.unit = c.part) AND EXISTS (SELECT 1 FROM book_line d WHERE d.book = 2)"
        " AND NOT EXISTS (SELECT 1 FROM book_line d WHERE d.book = 2"
        " AND d.number = c.number AND d.line = c.line)",
        {
            "number": "c.number", "line": "c.line", "unit": "c.part", "connector": worth,
            "amount": worth, "ordered_dms": f"-{worth}",
        },
    )  # fmt: skip
    yield Rule(
        f"'{Kind.MISSING_CONNECTOR}'",
        "'line'",
        Book.DMS,
        "FROM book_line d JOIN summed t ON t.number = d.number WHERE d.book = 2"
        " AND t.in_connector = 1 AND NOT EXISTS (SELECT 1 FROM book_line c WHERE c.book = 1"
        " AND c.number = d.number AND c.line = d.line)",
        {"line": "d.line", "dms": "d.amount", "amount": "d.amount", "ordered_dms": "d.amount"},
    )
    # What of the freight was given back before the order was placed, the DMS never held.
    ours = "(t.c_freight - t.c_freight_back)"
    more = f"(t.d_freight - {ours})"
    yield Rule(
        f"CASE WHEN ABS{more} <= :tolerance THEN '{Kind.ROUNDING}' ELSE '{Kind.AMOUNT}' END",
        "'freight'",
        Book.DMS,
        "FROM summed t WHERE t.in_connector = 1 AND t.c_lines > 0 AND t.d_orders > 0"
        f" AND t.c_orders = t.d_orders AND {more} <> 0"
        f" AND t.d_total = t.c_total - t.c_returned + {more}",
        {"connector": ours, "dms": "t.d_freight", "amount": f"ABS{more}", "ordered_dms": more},
    )


def shipped() -> Rule:
    """Return the rule for what has left by our book and by the DMS."""
    return Rule(
        f"'{Kind.QUANTITY}'",
        "'shipped'",
        Book.DMS,
        "FROM book_line c JOIN book_line d ON d.book = 2 AND d.number = c.number"
        " AND d.line = c.line JOIN summed t ON t.number = c.number WHERE c.book = 1"
        f" AND d.shipped <> c.shipped AND {untold('shipment', 'sku')}",
        {
            "number": "c.number", "line": "c.line", "unit": "c.part", "connector": "c.shipped",
            "dms": "d.shipped", "amount": "ABS(d.shipped - c.shipped) * c.unit_price / 10000",
        },
    )  # fmt: skip


def delivered() -> Rule:
    """Return the rule for what SAP delivered: it knows parts, not our lines."""
    return Rule(
        f"'{Kind.QUANTITY}'",
        "'delivered'",
        Book.SAP,
        "FROM (SELECT b.number, b.sku, MIN(b.line) AS line, MAX(b.unit_price) AS price,"
        " SUM(b.shipped) AS shipped,"
        " COALESCE((SELECT SUM(p.shipped) FROM book_line p WHERE p.book = 3"
        " AND p.number = b.number AND p.sku = b.sku), 0) AS delivered"
        " FROM book_line b WHERE b.book = 1 GROUP BY b.number, b.sku) l"
        " JOIN summed t ON t.number = l.number"
        " WHERE l.delivered <> l.shipped"
        f" AND {untold('shipment', 'delivery', 'shipped', 'sku')}",
        {
            "line": "l.line", "connector": "l.shipped", "sap": "l.delivered",
            "amount": "ABS(l.shipped - l.delivered) * l.price / 10000",
        },
    )  # fmt: skip


def unordered() -> Rule:
    """Return the rule for parts that SAP delivered and our order has not.

    A delivery has no prices: such a part is worth its order, as a shipment is.
    """
    return Rule(
        f"'{Kind.MISSING_CONNECTOR}'",
        "'part'",
        Book.SAP,
        "FROM (SELECT p.number, p.sku, MIN(p.line) AS line, SUM(p.shipped) AS delivered"
        " FROM book_line p WHERE p.book = 3 AND p.sku <> '' GROUP BY p.number, p.sku) l"
        " JOIN summed t ON t.number = l.number"
        " WHERE t.in_connector = 1 AND t.c_lines > 0 AND l.delivered <> 0"
        " AND NOT EXISTS (SELECT 1 FROM book_line c WHERE c.book = 1"
        f" AND c.number = l.number AND c.sku = l.sku) AND {untold('delivery')}",
        {"line": "l.line", "document": "l.sku", "sap": "l.delivered", "amount": "t.c_total"},
    )
