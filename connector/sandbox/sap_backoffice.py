"""What people at SAP do, and what a goods issue or an invoice posts there. Each twice is once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connector.sandbox.books import Books

Values = dict[str, Any]

CUSTOMER, MATERIAL, STOCK = "sap.customer", "sap.material", "sap.stock"
DELIVERY, BILLING = "sap.delivery", "sap.billing"


def correct_customer(books: Books, number: str, fields: Values) -> None:
    """Change a customer's record, as a person or a committed call does. Raises LookupError."""
    with books.lock:
        row = books.get(CUSTOMER, number)
        if row is None:
            raise LookupError(f"no customer {number}")
        changed = {**row, **fields}
        changed["MCOD1"] = str(changed["NAME1"]).upper()[:25]
        books.put(CUSTOMER, number, changed)


def post_delivery(books: Books, shipment: Values, parts: dict[int, str], order: str) -> None:
    """Post the goods issue of a DMS shipment once: a delivery, and less stock."""
    key = shipment["trackingNumber"]
    with books.lock:
        if books.get(DELIVERY, key) is not None:
            return
        number = f"{books.next_number('sap.delivery', 80000001):010d}"
        items = []
        for position, line in enumerate(shipment["lines"], start=1):
            material = parts.get(int(line["lineNumber"]), "")
            quantity = Decimal(str(line["quantity"]))
            items.append(
                {
                    "VBELN": number,
                    "POSNR": f"{position * 10:06d}",
                    "MATNR": material,
                    "LFIMG": f"{quantity:.3f}",
                    "VGBEL": order,
                }
            )
            held = books.get(STOCK, f"1000/{material}")
            if held is not None:
                left = Decimal(held["LABST"]) - quantity
                books.put(STOCK, f"1000/{material}", {**held, "LABST": str(left)})
        books.put(
            DELIVERY,
            key,
            {
                "VBELN": number,
                "BOLNR": key,
                "WADAT_IST": str(shipment["shippedAt"])[:10],
                "ITEMS": items,
            },
        )


def post_billing(books: Books, invoice: Values, order: str) -> None:
    """Post the billing document of a DMS invoice once; each order of a merged one shows it."""
    number = key = str(invoice["invoiceNumber"])
    with books.lock:
        held = books.get(BILLING, key)
        if held is not None and held["BSTNK"] != order:
            key = f"{number}#{order}"
            books.put(BILLING, key, {**held, "BSTNK": order})
        if held is not None:
            return
        books.put(
            BILLING,
            key,
            {
                "VBELN": f"{books.next_number('sap.billing', 90000001):010d}",
                "FKART": "G2" if invoice.get("red") in (True, "true") else "F2",
                "FKDAT": str(invoice["date"]),
                "NETWR": str(invoice["netAmount"]),
                "MWSBK": str(invoice["taxAmount"]),
                "WAERK": "CNY",
                "FKSTO": "",
                "XBLNR": number,
                "BSTNK": order,
            },
        )


def cancel_billing_of(books: Books, invoice: str, day: str) -> None:
    """Cancel the billing document of an invoice that another one takes the place of."""
    held = books.get(BILLING, invoice)
    if held is not None:
        cancel_billing(books, held["VBELN"], day)


def cancel_billing(books: Books, number: str, day: str) -> Values:
    """Cancel a billing document once: it is flagged, and a document that cancels it is posted.

    Raises LookupError.
    """
    with books.lock:
        for key, row in books.items(BILLING):
            if row["VBELN"] != number:
                continue
            if row["FKSTO"]:
                return row
            books.put(BILLING, key, {**row, "FKSTO": "X", "AEDAT": day})
            reversal = {
                **row,
                "VBELN": f"{books.next_number('sap.billing', 90000001):010d}",
                "FKART": "S1",
                "FKDAT": day,
                "AEDAT": day,
                "SFAKN": number,
            }
            books.put(BILLING, f"{key}/S1", reversal)
            return reversal
    raise LookupError(f"no billing document {number}")
