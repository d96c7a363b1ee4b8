"""The words by which other interfaces call what the sandbox's operations know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The words of these interfaces → those of the sandbox's operations.
TAKEN: Mapping[str, str] = {
    "code": "orderNumber", "extNo": "externalNumber", "moreNo": "furtherNumber",
    "bu": "businessUnit", "cust": "customerNumber", "date": "orderDate", "curr": "currency",
    "receiver": "shipTo", "tel": "phone", "prov": "province", "addr": "street", "zip": "postcode",
    "invType": "invoiceKind", "memo": "remark", "fee": "freight", "sum": "total",
    "entry": "lines", "line": "lineNumber", "part": "partNumber", "desc": "description",
    "qty": "quantity", "uom": "unit", "price": "unitPrice", "amt": "amount", "disc": "discount",
    "ref": "externalReference", "note": "deliveryNoteNumber", "app": "applicationNumber",
    "order": "orders", "head": "header", "body": "content", "notes": "deliveryNotes",
    "apps": "invoiceApplications", "state": "status", "waybill": "trackingNumber",
    "shippedOn": "shippedAt", "invNo": "invoiceNumber", "net": "netAmount", "tax": "taxAmount",
    "gross": "grossAmount", "original": "originalInvoiceNumber", "ret": "returnNumber",
    "receivedOn": "receivedAt", "ship": "shipments", "inv": "invoices",
}  # fmt: skip
GIVEN = {ours: theirs for theirs, ours in TAKEN.items()}


def renamed(value: Any, words: Mapping[str, str]) -> Any:
    """Return a message with other names, at any depth."""
    if isinstance(value, Mapping):
        return {words.get(name, name): renamed(each, words) for name, each in value.items()}
    if isinstance(value, list):
        return [renamed(each, words) for each in value]
    return value
