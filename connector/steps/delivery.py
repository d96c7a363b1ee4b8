"""One delivery of an order's part: its lines, its share of the amounts, and what is kept of it.

An order of which all is in stock has one delivery. What is short goes with a later one, which has
a delivery note and an invoice application of its own (workflow.md, step 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from connector.domain.currency import minor_unit, rounded
from connector.domain.order import Order
from connector.domain.pricing import open_discount
from connector.store.tables import AllocationRow, DocumentRow


def newest_delivery(allocations: Sequence[AllocationRow]) -> tuple[int, dict[int, Decimal]]:
    """Return the number of the delivery under way, and its quantities by line."""
    newest = max((each.delivery for each in allocations), default=1)
    return newest, {
        each.line_number: each.quantity for each in allocations if each.delivery == newest
    }


def delivery_of(document: DocumentRow) -> int:
    """Return which delivery a delivery note or an invoice application is of."""
    return int(document.detail.get("delivery", 1))


def delivered_part(
    source: Mapping[str, Any], quantities: Mapping[int, Decimal], documents: Sequence[DocumentRow]
) -> dict[str, Any]:
    """Return the source of `part_source`, narrowed to what one delivery takes of it.

    `documents` are those in use of this business unit. Each line's share is by its quantity, and
    the last delivery takes what earlier invoice applications left, so that they add up to the
    order to the cent. Freight goes with the unit's first delivery.
    """
    earlier = [each for each in documents if each.kind == "invoice_application"]
    unit = minor_unit(source["order"]["currency"])
    lines = []
    for line in source["lines"]:
        before = [
            each
            for application in earlier
            for each in application.detail.get("lines", [])
            if each["number"] == line["number"]
        ]
        left = line["open_quantity"] - sum(
            (Decimal(each["quantity"]) for each in before), Decimal(0)
        )
        # What was refunded since it was promised is not delivered any more.
        quantity = min(quantities.get(line["number"], Decimal(0)), left)
        if quantity <= 0:
            continue
        amount = line["open_amount"] - sum((Decimal(each["amount"]) for each in before), Decimal(0))
        if quantity < left:
            amount = rounded(amount * quantity / left, unit)
        discount = open_discount(quantity, line["unit_price"], amount, unit)
        lines.append(
            {**line, "allocated": quantity, "open_amount": amount, "open_discount": discount}
        )
    freight = Decimal(0) if earlier else source["freight"]
    total = sum((line["open_amount"] for line in lines), Decimal(0)) + freight
    return {**source, "lines": lines, "freight": freight, "total": total}


def delivery_detail(delivery: int, source: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a delivery's documents keep of it: the batch and later deliveries read it."""
    return {
        "delivery": delivery,
        "freight": source["freight"],
        "amount": source["total"],
        "lines": [
            {
                "number": line["number"],
                "quantity": line["allocated"],
                "amount": line["open_amount"],
            }
            for line in source["lines"]
        ],
    }


def as_delivered(order: Order, document: DocumentRow) -> dict[str, Any]:
    """Return what a document kept of its delivery, whatever was refunded since; {} if nothing."""
    if document.kind != "invoice_application" or "lines" not in document.detail:
        return {}
    kept = {
        each["number"]: (Decimal(each["quantity"]), Decimal(each["amount"]))
        for each in document.detail["lines"]
    }
    unit = minor_unit(order.currency)
    return {
        "freight": Decimal(document.detail["freight"]),
        "total": Decimal(document.detail["amount"]),
        "lines": [
            {
                **asdict(line),
                "allocated": quantity,
                "open_amount": amount,
                "open_discount": open_discount(quantity, line.unit_price, amount, unit),
            }
            for line in order.lines
            if line.number in kept
            for quantity, amount in [kept[line.number]]
        ],
    }
