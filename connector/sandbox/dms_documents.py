"""The sandbox DMS's documents as they lie in the books, and what follows from them.

Documents are the WSDL's elements as dictionaries: names as there, in the sequence of the schema,
repeated elements as lists, everything else as text. The kinds:

- `dms.sales_order`, `dms.delivery_note`, `dms.invoice_application`, `dms.shipment`,
  `dms.invoice`, `dms.return`: one document each, by number. No status is stored: it follows from
  the documents, so that no half-done write can leave a wrong one;
- `dms-index.*`: the DMS's own indices.

A write's last step is to put its document: a sandbox that is killed has made it or has not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from connector.sandbox.books import Books, Clock, Document

ORDER = "dms.sales_order"
BY_EXTERNAL_NUMBER = "dms-index.external_number"
BY_CHANGE = "dms-index.change"


@dataclass(frozen=True)
class Child:
    """A kind of document that belongs to a sales order; the order lists its numbers."""

    kind: str
    listed: str
    prefix: str


NOTE = Child("dms.delivery_note", "deliveryNotes", "DN")
APPLICATION = Child("dms.invoice_application", "invoiceApplications", "IA")
SHIPMENT = Child("dms.shipment", "shipments", "SH")
INVOICE = Child("dms.invoice", "invoices", "")
RETURN = Child("dms.return", "returns", "RT")
CHILDREN = (NOTE, APPLICATION, SHIPMENT, INVOICE, RETURN)


def whole_orders(books: Books) -> list[Document]:
    """Return every sales order with its status and documents, as FindSalesOrder tells it."""
    with books.lock:
        return [whole(books, order) for order in books.all(ORDER)]


def whole(books: Books, order: Document) -> Document:
    """Return one sales order with its status and documents: the schema's type SalesOrder."""
    notes = children_of(books, order, NOTE)
    applications = children_of(books, order, APPLICATION)
    shipments = children_of(books, order, SHIPMENT)
    invoices = children_of(books, order, INVOICE)
    returns = children_of(books, order, RETURN)
    cancelled = is_cancelled(order)
    issued = {invoice["applicationNumber"] for invoice in invoices}
    left = shipped_by_note(books, order)

    def note_status(note: Document) -> str:
        if cancelled:
            return "CANCELLED"
        gone = left[note["deliveryNoteNumber"]]
        if not gone:
            return "OPEN"
        return "SHIPPED" if dict(gone) == quantities_of([note]) else "PARTIALLY_SHIPPED"

    def application_status(application: Document) -> str:
        if cancelled:
            return "CANCELLED"
        return "ISSUED" if application["applicationNumber"] in issued else "OPEN"

    def return_status(document: Document) -> str:
        return "RECEIVED" if "receivedAt" in document else "REGISTERED"

    if cancelled:
        status = "CANCELLED"
    elif shipments:
        status = "SHIPPED" if quantities_of(shipments) == ordered_in(order) else "PARTIALLY_SHIPPED"
        if status == "SHIPPED" and applications and len(issued) == len(applications):
            status = "COMPLETED"
    else:
        status = "IN_DELIVERY" if notes else "OPEN"
    return {
        "orderNumber": order["orderNumber"],
        "externalNumber": order["content"]["externalNumber"],
        "status": status,
        "createdAt": order["createdAt"],
        "changedAt": order["changedAt"],
        "cancellationReason": order.get("cancellationReason"),
        "content": order["content"],
        "deliveryNotes": [_with_status(note, note_status(note)) for note in notes],
        "invoiceApplications": [
            _with_status(application, application_status(application))
            for application in applications
        ],
        "shipments": [_without_order(shipment) for shipment in shipments],
        "invoices": [_without_order(invoice) for invoice in invoices],
        "returns": [_with_status(document, return_status(document)) for document in returns],
    }


def _with_status(document: Document, status: str) -> Document:
    # The status stands second in the schema, after the number.
    (name, number), *rest = _without_order(document).items()
    return {name: number, "status": status, **dict(rest)}


def _without_order(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "orderNumber"}


def is_cancelled(order: Document) -> bool:
    """Say whether the order was cancelled."""
    return "cancelledAt" in order


def unit_of(order: Document) -> str:
    """Return the order's business unit."""
    return str(order["content"]["businessUnit"])


def ordered_in(order: Document) -> dict[int, Decimal]:
    """Return the ordered quantities by line number."""
    return quantities_of([order["content"]])


def quantities_of(documents: Iterable[Document]) -> dict[int, Decimal]:
    """Add up the quantities of the documents' lines, by line number."""
    quantities: dict[int, Decimal] = {}
    for document in documents:
        for line in document["lines"]:
            number = int(line["lineNumber"])
            quantities[number] = quantities.get(number, Decimal(0)) + Decimal(line["quantity"])
    return quantities


def shipped_by_note(books: Books, order: Document) -> dict[str, dict[int, Decimal]]:
    """Return the shipped quantities by delivery note and line; zero for what is not there."""
    shipped: dict[str, dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for shipment in children_of(books, order, SHIPMENT):
        for line, quantity in quantities_of([shipment]).items():
            shipped[shipment["deliveryNoteNumber"]][line] += quantity
    return shipped


def children_of(books: Books, order: Document, child: Child) -> list[Document]:
    """Return the order's documents of one kind, oldest first."""
    # A number without its document is the trace of a write that a kill cut short.
    found = (books.get(child.kind, number) for number in order[child.listed])
    return [document for document in found if document is not None]


def add(
    books: Books, clock: Clock, order: Document, child: Child, number: str, document: Document
) -> Document:
    """Put a new document of an order, which changes the order."""
    # The order as it is now: the caller may have added others since it looked.
    order = books.get(ORDER, order["orderNumber"]) or order
    put_changed(books, clock, order | {child.listed: [*order[child.listed], number]})
    document = document | {"orderNumber": order["orderNumber"]}
    books.put(child.kind, number, document)
    return document


def put_changed(books: Books, clock: Clock, order: Document) -> Document:
    """Put the order as the latest change. Its place in the index before is void from then on."""
    former = order.get("change")
    change = str(books.next_number("dms.change", 1))
    order = order | {"changedAt": timestamp(clock), "change": change}
    entry = {"orderNumber": order["orderNumber"], "changedAt": order["changedAt"]}
    books.put(BY_CHANGE, change, entry)
    books.put(ORDER, order["orderNumber"], order)
    if former is not None:
        books.delete(BY_CHANGE, former)
    return order


def next_number(books: Books, series: str, prefix: str) -> str:
    """Draw the next document number: the prefix and eight digits."""
    return f"{prefix}{books.next_number(series, 10000001):08d}"


def timestamp(clock: Clock) -> str:
    """Return the current second as the schema's Moment, in UTC."""
    return clock.now().isoformat().replace("+00:00", "Z")


def plain(quantity: Decimal) -> str:
    """Write a quantity without exponent and trailing zeros."""
    return format(quantity.normalize(), "f")
