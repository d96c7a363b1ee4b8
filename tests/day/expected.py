"""What a business day must make of the 26 sample orders, and how the books are compared."""

from __future__ import annotations

import re
from collections import Counter

from connector.bootstrap import Connector
from connector.sandbox.dms_documents import whole_orders
from connector.sandbox.service import Sandbox

CLOSED = {30, 32, 36, 38, 39, 42, 44, 45, 46, 47, 48, 50, 51, 52, 53}
STANDS: dict[int, tuple[str, str | None]] = {
    **dict.fromkeys(CLOSED, ("closed", None)),
    **dict.fromkeys((31, 37, 43, 49), ("valid", "customer_review")),
    33: ("cancelled", None),
    34: ("placed", "stock"),
    35: ("received", "refunded"),
    40: ("received", "invalid"),
    41: ("received", "invalid"),
    55: ("received", "unpaid"),
    56: ("received", "unpaid"),
}
# Buyers that SAP did not know: four persons of one name with four ID numbers (32, 38, 44, 50),
# another namesake (53), and two companies with several orders each.
NEW_CUSTOMERS = 7


def stands(connector: Connector) -> dict[int, tuple[str, str | None]]:
    rows = connector.context.orders.listed(limit=10_000)
    return {int(row.number): (row.stage, row.hold_cause) for row in rows}


def doubles(sandbox: Sandbox) -> list[str]:
    """Return every document that the other systems hold twice, or should not hold at all."""
    found: list[str] = []
    orders = whole_orders(sandbox.books)
    per_order = Counter(order["externalNumber"] for order in orders)
    found += [f"{number}: {times} sales orders" for number, times in per_order.items() if times > 1]
    for order in orders:
        for kind in ("deliveryNotes", "invoiceApplications", "shipments", "invoices"):
            if len(order[kind]) > 1:
                found.append(f"{order['externalNumber']}: {len(order[kind])} {kind}")
    codes = Counter(
        customer["STCD5"] for customer in sandbox.books.all("sap.customer") if customer["STCD5"]
    )
    found += [f"customer {code[:6]}…: {times}" for code, times in codes.items() if times > 1]
    notes = Counter((note["order"], note["note"]) for note in sandbox.books.all("storefront.note"))
    found += [f"note on {key[0]}: {times}" for key, times in notes.items() if times > 1]
    return found


def holds_exactly_what_it_should(sandbox: Sandbox) -> None:
    """Compare the sandboxes' own books with what the 26 orders call for."""
    assert (found := doubles(sandbox)) == [], found
    orders = {int(order["externalNumber"]): order for order in whole_orders(sandbox.books)}
    assert set(orders) == CLOSED | {34}
    for number in CLOSED:
        for kind in ("deliveryNotes", "invoiceApplications", "shipments", "invoices"):
            assert len(orders[number][kind]) == 1, (number, kind)
        assert orders[number]["status"] == "COMPLETED"
    assert orders[34]["deliveryNotes"] == []
    new = [row for row in sandbox.books.all("sap.customer") if row["KUNNR"] >= "0000200001"]
    assert len(new) == NEW_CUSTOMERS
    assert all(row["STCD5"] for row in new)
    for order in sandbox.books.all("storefront.order"):
        keys = [entry["key"] for entry in order["meta_data"]]
        written = [key for key in keys if re.match(r"_shipment_SF\d|_invoice_\d", key)]
        assert len(written) == (2 if order["id"] in CLOSED else 0), order["id"]
        if order["id"] in CLOSED:
            assert order["status"] == "completed"
