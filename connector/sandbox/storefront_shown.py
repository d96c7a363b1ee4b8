"""How WooCommerce shows an order, and what WordPress makes of a text that it stores."""

from __future__ import annotations

import re
from typing import Any

from connector.sandbox.books import Books, Document

REFUND, FORMER_SKU = "storefront.refund", "storefront.former_sku"
PRODUCT, VARIATION = "storefront.product", "storefront.variation"


def refunds_of(books: Books, key: str) -> list[Document]:
    """Return the refunds of an order."""
    return [
        {name: value for name, value in each.items() if name != "order"}
        for each in books.all(REFUND)
        if each["order"] == key
    ]


def _with_refunds(books: Books, order: Document) -> Document:
    refunds = [
        {"id": each["id"], "reason": each["reason"], "total": f"-{each['amount']}"}
        for each in refunds_of(books, str(order["id"]))
    ]
    # A shop names no refund that it does not list, whatever a file of orders says of them.
    return {**order, "refunds": refunds}


def shown(books: Books, order: Document) -> Document:
    """Return an order as WooCommerce shows it: the part number of a line is its product's."""
    lines = order.get("line_items")
    if isinstance(lines, list):
        order = {**order, "line_items": [_line_shown(books, each) for each in lines]}
    return _with_refunds(books, order)


def _line_shown(books: Books, line: Any) -> Any:
    if not isinstance(line, dict):
        return line
    variation = books.get(VARIATION, str(line.get("variation_id")))
    if variation is not None:
        return {**line, "sku": part_of_variation(books, variation)}
    former = books.get(FORMER_SKU, f"{line.get('product_id')}/{line.get('sku')}")
    return {**line, "sku": former["sku"]} if former else line


def part_of_variation(books: Books, variation: Document) -> str:
    """Return a variation's part number: its own, else its parent's."""
    parent = books.get(PRODUCT, str(variation["parent_id"])) or {}
    return str(variation.get("sku") or parent.get("sku") or "")


def stored(value: Any) -> Any:
    """Return a value of meta data as it comes out of WordPress again."""
    if isinstance(value, str):
        return re.sub(r"\\(.?)", r"\1", value, flags=re.DOTALL)
    if isinstance(value, dict):
        return {key: stored(each) for key, each in value.items()} or []
    return [stored(each) for each in value] if isinstance(value, list) else value


def stored_note(note: str) -> str:
    """Return a note as it comes out of WordPress again: without backslashes, with entities."""
    return re.sub(r"&(?!#?\w+;)", "&amp;", str(stored(note)))
