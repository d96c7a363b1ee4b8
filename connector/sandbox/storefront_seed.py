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
    seen: set[str] = set()
    numbers: set[int] = set()
    for order in orders:
        lines = order.get("line_items")
        for line in lines if isinstance(lines, list) else []:
            sku = line.get("sku") if isinstance(line, dict) else None
            if isinstance(sku, str) and sku and sku not in seen:
                seen.add(sku)
                number = line.get("product_id")
                if not isinstance(number, int) or number < 1 or number in numbers:
                    number = 900_000 + len(seen)
                numbers.add(number)
                yield (
                    str(number),
                    {
                        "id": number,
                        "name": line.get("name"),
                        "sku": sku,
                        "status": "publish",
                        "regular_price": str(line.get("price", "")),
                        "manage_stock": True,
                        "stock_quantity": 100,
                        "date_created_gmt": "2026-11-01T00:00:00",
                        "date_modified_gmt": "2026-11-01T00:00:00",
                    },
                )


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
