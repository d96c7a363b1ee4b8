"""What the sandbox's shop begins with: sample orders, or any list of WooCommerce orders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from connector.sandbox.books import Clock, Document
from connector.sandbox.storefront_query import STATUSES

_FORM = "%Y-%m-%dT%H:%M:%S"


def read_orders(path: Path | None, now: str) -> list[Document]:
    """Read a list of orders; what paging needs and an order lacks is supplied.

    Without a file these are the samples; what has no time was placed `now`.

    Raises ValueError that names the file, the place and the remedy.
    """
    if path is None:
        text = resources.files("connector.sandbox").joinpath("orders.json").read_text("utf-8")
        name = "orders.json"
    else:
        name = str(path)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{name}: cannot be read ({error})") from None
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{name}: is no JSON ({error}) — give a list of WooCommerce orders"
        ) from None
    if not isinstance(listed, list):
        raise ValueError(f"{name}: holds no list — give a JSON list of WooCommerce orders")
    orders, taken = [], set()
    for position, each in enumerate(listed, start=1):
        if not isinstance(each, dict):
            raise ValueError(f"{name}: entry {position} is no object — give WooCommerce orders")
        number = each.get("id")
        if not isinstance(number, int) or isinstance(number, bool) or number in taken:
            number = 900_000 + position
        taken.add(number)
        orders.append(completed({**each, "id": number}, now, number))
    return orders


def completed(order: Document, now: str, number: int) -> Document:
    """Return an order with what paging needs and it lacks."""
    placed = _readable(order.get("date_created_gmt")) or _readable(order.get("date_created"))
    placed = placed or now
    modified = _readable(order.get("date_modified_gmt")) or placed
    shown = order.get("status")
    status = shown if isinstance(shown, str) and shown in STATUSES else "processing"
    supplied = {
        "id": number,
        "status": status,
        "date_created_gmt": placed,
        "date_modified_gmt": modified,
    }
    return {"number": str(number), "meta_data": [], "refunds": [], **order, **supplied}


def _readable(value: Any) -> str | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    moment = moment.astimezone(UTC) if moment.tzinfo else moment
    return moment.strftime(_FORM)


def sample_refunds() -> list[Document]:
    """Return the refunds that belong to the sample orders."""
    text = resources.files("connector.sandbox").joinpath("refunds.json").read_text("utf-8")
    return [{**refund, "order": "35"} for refund in json.loads(text)]


def products_of(orders: list[Document]) -> Iterator[tuple[str, Document]]:
    """Give what these orders sell, by the product number of their lines."""
    parents = _parents(orders)
    seen: set[str] = set()
    numbers: set[int] = set(parents)
    for number, sku in parents.items():
        yield str(number), _product(number, sku, "variable")
    for line in _lines(orders):
        part = line.get("sku")
        if isinstance(part, str) and part and part not in seen and not line.get("variation_id"):
            seen.add(part)
            at = line.get("product_id")
            if not isinstance(at, int) or at < 1 or at in numbers:
                at = 900_000 + len(seen)
            numbers.add(at)
            yield str(at), _product(at, part, "simple", line)


def variations_of(orders: list[Document]) -> Iterator[tuple[str, Document]]:
    """Give the variations that these orders sell; one that has its parent's number has none."""
    parents = _parents(orders)
    for line in _lines(orders):
        number, parent = line.get("variation_id"), line.get("product_id")
        if number and parent in parents:
            sku = "" if line.get("sku") == parents[parent] else line.get("sku")
            yield str(number), {"id": number, "parent_id": parent, "sku": sku}


def _parents(orders: list[Document]) -> dict[int, str]:
    """Return the part numbers of products that consist of variations, as far as orders tell.

    It is the one that two variations share, or with which another's begins.
    """
    parts: dict[int, dict[Any, str]] = {}
    for line in _lines(orders):
        if line.get("variation_id") and isinstance(line.get("product_id"), int):
            shown = str(line.get("sku") or "")
            parts.setdefault(line["product_id"], {})[line["variation_id"]] = shown
    return {product: _shared(list(skus.values())) for product, skus in parts.items()}


def _shared(skus: list[str]) -> str:
    shared = (
        one
        for at, one in enumerate(skus)
        if one and any(each.startswith(one) for each in (*skus[:at], *skus[at + 1 :]))
    )
    return next(shared, "")


def _lines(orders: list[Document]) -> Iterator[Document]:
    for order in orders:
        lines = order.get("line_items")
        for line in lines if isinstance(lines, list) else []:
            if isinstance(line, dict):
                yield line


def _product(number: int, sku: str, kind: str, line: Document | None = None) -> Document:
    return {
        "id": number,
        "name": (line or {}).get("name"),
        "type": kind,
        "sku": sku,
        "status": "publish",
        "regular_price": str((line or {}).get("price", "")),
        "manage_stock": True,
        "stock_quantity": 100,
        "date_created_gmt": "2026-11-01T00:00:00",
        "date_modified_gmt": "2026-11-01T00:00:00",
    }


def placed_until(
    newest: datetime, orders: list[Document], refunds: list[Document]
) -> tuple[list[Document], list[Document]]:
    """Return them with all times moved: the last order is placed then, and all are news then."""
    end = newest.astimezone(UTC).replace(tzinfo=None)
    later = end - max(datetime.fromisoformat(each["date_created_gmt"]) for each in orders)
    news = {"date_modified_gmt": end.strftime(_FORM)}
    return [_moved(each, later) | news for each in orders], [
        _moved(each, later) for each in refunds
    ]


def _moved(document: Document, later: timedelta) -> Document:
    moved = {
        key: (datetime.fromisoformat(value) + later).strftime(_FORM)
        for key, value in document.items()
        if key.startswith("date_") and isinstance(value, str) and value
    }
    return {**document, **moved}


def stamp_of(clock: Clock) -> str:
    """Return the time as WooCommerce writes it, in UTC."""
    return clock.shop_now().strftime(_FORM)
