"""Refunds as WooCommerce books them: net lines, fees and shipping apart, the amount beside them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.sandbox.books import Document

_KINDS = ("line_items", "shipping_lines", "fee_lines")


class InvalidRefund(ValueError):
    """A refund that WooCommerce does not book, in its words."""


def refund_document(
    number: int,
    stamp: str,
    amount: str,
    reason: str = "",
    lines: Sequence[Document] = (),
    shipping: Sequence[Document] = (),
    fees: Sequence[Document] = (),
) -> Document:
    """Return a refund; amounts of its lines are negative and net, but for those of a subsidy."""
    return {
        "id": number,
        "date_created": stamp,
        "date_created_gmt": stamp,
        "amount": amount,
        "reason": reason,
        "refunded_by": 1,
        "refunded_payment": False,
        "meta_data": [],
        "line_items": list(lines),
        "shipping_lines": list(shipping),
        "tax_lines": [],
        "fee_lines": list(fees),
    }


def refunded_item(order: Document, item: int, quantity: int, net: str, tax: str) -> Document:
    """Return the line of a refund for one of the order's lines, fees or shipping lines.

    `net` and `tax` are what is given back; of a subsidy, which is negative, they are negative too.
    """
    _, held = _item(order, item)
    return {
        "id": 700_000 + item,
        "name": held.get("name", held.get("method_title", "")),
        "quantity": -quantity,
        "subtotal": _negative(net),
        "subtotal_tax": _negative(tax),
        "total": _negative(net),
        "total_tax": _negative(tax),
        "taxes": [],
        "sku": held.get("sku", ""),
        "meta_data": [{"id": 800_000 + item, "key": "_refunded_item_id", "value": str(item)}],
    }


def of_request(order: Document, number: int, stamp: str, body: Document, left: Decimal) -> Document:
    """Return the refund that a request to /orders/{id}/refunds books; `left` is not refunded yet.

    The request names items of any kind by their id, with `refund_total` and `refund_tax`. Without
    an amount it is what these add up to. Raises InvalidRefund.
    """
    made: dict[str, list[Document]] = {kind: [] for kind in _KINDS}
    added = Decimal(0)
    for each in body.get("line_items") or []:
        try:
            kind, held = _item(order, int(each["id"]))
            net = Decimal(str(each.get("refund_total") or 0))
            taxes = each.get("refund_tax") or []
            tax = sum((Decimal(str(one.get("refund_total") or 0)) for one in taxes), Decimal(0))
            quantity = int(each.get("quantity") or 0)
        except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation):
            raise InvalidRefund("Invalid refund line.") from None
        made[kind].append(refunded_item(order, held["id"], quantity, f"{net:.2f}", f"{tax:.2f}"))
        added += net + tax
    try:
        amount = Decimal(str(body.get("amount") or added))
    except InvalidOperation:
        raise InvalidRefund("Invalid refund amount.") from None
    if not 0 <= amount <= left:
        raise InvalidRefund("Invalid refund amount.")
    return refund_document(
        number, stamp, f"{amount:.2f}", str(body.get("reason") or ""),
        made["line_items"], made["shipping_lines"], made["fee_lines"],
    )  # fmt: skip


def set_apart(orders: list[Document]) -> tuple[list[Document], list[Document]]:
    """Return orders without the `refunds_detail` that a file gives with them, and these refunds."""
    refunds = []
    for order in orders:
        detail = order.pop("refunds_detail", None)
        for each in detail if isinstance(detail, list) else []:
            if isinstance(each, dict):
                refunds.append({**refund_document(0, "", "0.00"), **each, "order": order["id"]})
    for at, refund in enumerate(refunds, start=1):
        refund["id"] = refund["id"] or 950_000 + at
        refund["order"] = str(refund["order"])
    return orders, refunds


def _item(order: Document, number: int) -> tuple[str, Document]:
    for kind in _KINDS:
        listed: Any = order.get(kind)
        for each in listed if isinstance(listed, list) else []:
            if isinstance(each, dict) and each.get("id") == number:
                return kind, each
    raise KeyError(number)


def _negative(amount: str) -> str:
    return f"{-Decimal(amount):.2f}" if Decimal(amount) else "0.00"
