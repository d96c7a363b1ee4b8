"""What people do while the connector works: ship, invoice, refund, correct. Each twice is once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector.sandbox.books import Books, Clock, Document
from connector.sandbox.dms_backoffice import (
    issue_invoices,
    issue_together,
    receive_return,
    reissue,
)
from connector.sandbox.dms_backoffice import ship as ship_in_dms
from connector.sandbox.dms_documents import ORDER as SALES_ORDER
from connector.sandbox.sap_backoffice import (
    cancel_billing_of,
    correct_customer,
    post_billing,
    post_delivery,
)
from connector.sandbox.storefront import ORDER
from connector.sandbox.storefront_refunds import refund_document
from connector.sandbox.storefront_seed import stamp_of
from connector.sandbox.storefront_shown import REFUND


def ship(books: Books, clock: Clock, order: str | None = None, share: Any = 1) -> list[Document]:
    """Ship what has a delivery note, and post the goods issue in SAP."""
    made = []
    for sales_order in _sales_orders(books, order):
        content = _content(sales_order)
        parts = {int(line["lineNumber"]): line["partNumber"] for line in content["lines"]}
        for shipment in ship_in_dms(books, clock, sales_order["orderNumber"], quantity_share=share):
            post_delivery(books, shipment, parts, content["externalNumber"])
            made.append(shipment)
    return made


def invoice(books: Books, clock: Clock, order: str | None = None, share: Any = 1) -> list[Document]:
    """Issue the invoices applied for, and post the billing documents in SAP."""
    made = []
    for sales_order in _sales_orders(books, order):
        for issued in issue_invoices(books, clock, sales_order["orderNumber"], share=share):
            post_billing(books, issued, _content(sales_order)["externalNumber"])
            made.append(issued)
    return made


def invoice_together(books: Books, clock: Clock, orders: list[str]) -> list[Document]:
    """Issue one invoice for several orders, and post its billing document in SAP."""
    sales_orders = [each for order in orders for each in _sales_orders(books, order)]
    made = issue_together(books, clock, [each["orderNumber"] for each in sales_orders])
    numbers = {each["orderNumber"]: _content(each)["externalNumber"] for each in sales_orders}
    for issued in made:
        post_billing(books, issued, numbers[issued["orderNumber"]])
    return made


def reinvoice(books: Books, clock: Clock, order: str) -> list[Document]:
    """Issue other invoices in the place of an order's, and cancel the former ones in SAP."""
    made = []
    for sales_order in _sales_orders(books, order):
        for issued in reissue(books, clock, sales_order["orderNumber"]):
            cancel_billing_of(books, issued["originalInvoiceNumber"], issued["date"])
            post_billing(books, issued, _content(sales_order)["externalNumber"])
            made.append(issued)
    return made


def take_back(books: Books, clock: Clock, order: str) -> list[Document]:
    """Receive the goods of the returns registered for an order."""
    return [
        received
        for sales_order in _sales_orders(books, order)
        for received in receive_return(books, clock, sales_order["orderNumber"])
    ]


def refund(
    books: Books,
    clock: Clock,
    order: str,
    amount: str,
    lines: Sequence[Document],
    reason: str,
    shipping: Sequence[Document] = (),
    fees: Sequence[Document] = (),
    *,
    quietly: bool = False,
) -> Document:
    """Refund an order in the storefront; the same refund again is the first.

    Lines are as WooCommerce has them: negative, net, and apart from the amount. Done `quietly`,
    the order's time of modification stays, as with some of WooCommerce's own.
    """
    with books.lock:
        held = books.get(ORDER, order)
        if held is None:
            raise LookupError(f"the storefront has no order {order}")
        key = f"{order}/{amount}/{reason}"
        known = books.get(REFUND, key)
        if known is not None:
            return known
        stamp = stamp_of(clock)
        number = books.next_number("storefront.id", 100_001)
        document = refund_document(number, stamp, amount, reason, lines, shipping, fees)
        document["order"] = order
        books.put(REFUND, key, document)
        if not quietly:
            books.put(ORDER, order, {**held, "date_modified": stamp, "date_modified_gmt": stamp})
        return document


def delete_refund(books: Books, clock: Clock, order: str) -> None:
    """Delete the oldest refund of an order in the storefront, as its people do."""
    with books.lock:
        held = books.get(ORDER, order)
        refunds = [(each["id"], key) for key, each in books.items(REFUND) if each["order"] == order]
        if held is None or not refunds:
            raise LookupError(f"the storefront has no refund of order {order}")
        books.delete(REFUND, min(refunds)[1])
        stamp = stamp_of(clock)
        books.put(ORDER, order, {**held, "date_modified": stamp, "date_modified_gmt": stamp})


def change_order(
    books: Books, clock: Clock, order: str, fields: Document, *, quietly: bool = False
) -> Document:
    """Change an order in the storefront as its people or the buyer do; `quietly`: see `refund`."""
    with books.lock:
        held = books.get(ORDER, order)
        if held is None:
            raise LookupError(f"the storefront has no order {order}")
        stamp = stamp_of(clock)
        moved = {} if quietly else {"date_modified": stamp, "date_modified_gmt": stamp}
        changed = {**held, **fields, **moved}
        books.put(ORDER, order, changed)
        return changed


def change_customer(books: Books, number: str, fields: Document) -> Document:
    """Correct a customer in SAP as the sales rep does."""
    key = number.zfill(10)
    correct_customer(books, key, fields)
    return {"KUNNR": key, **fields}


def _sales_orders(books: Books, order: str | None) -> list[Document]:
    found = [
        each
        for each in books.all(SALES_ORDER)
        if order is None or order in (each["orderNumber"], _content(each)["externalNumber"])
    ]
    if order is not None and not found:
        raise LookupError(f"the DMS has no order {order}")
    return found


def _content(sales_order: Document) -> Document:
    content: Document = sales_order["content"]
    return content
