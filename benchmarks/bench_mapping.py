"""Mapping an order of 30 fields, beside the same paths as bare compiled JMESPath; and the check."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jmespath

from connector.mapping import load
from connector.mapping.check import check
from connector.mapping.engine import Mapping
from connector.mapping.load import Folder
from connector.mapping.model import MappingModel

ROOT = Path(__file__).parents[1]
_FIELDS = (
    "id", "number", "status", "currency", "total", "date_created", "date_modified", "date_paid",
    "payment_method", "customer_note", "shipping_total", "billing.company", "billing.first_name",
    "billing.last_name", "billing.phone", "billing.email", "billing.country", "billing.state",
    "billing.city", "billing.address_1", "billing.postcode", "shipping.company",
    "shipping.first_name", "shipping.last_name", "shipping.state", "shipping.city",
    "shipping.address_1", "shipping.postcode", "meta_data[?key=='_tax_code'] | [0].value",
    "join('', [billing.last_name || '', billing.first_name || ''])",
)  # fmt: skip


def main() -> None:
    """Print orders per second and the ratio, then how long the check of the folder takes."""
    orders = json.loads((ROOT / "connector/sandbox/orders.json").read_text(encoding="utf-8"))
    fields: list[dict[str, Any]] = [
        {"field": f"f{place}", "source": path, "convert": [{"text": "normal"}], "max_length": 200}
        for place, path in enumerate(_FIELDS)
    ]
    target = {"system": "dms", "operation": "X"}
    spec = MappingModel.model_validate({"target": target, "request": fields})
    mapping = Mapping("bench", "1", spec, {})
    bare = [jmespath.compile(path) for path in _FIELDS]

    def mapped() -> None:
        for order in orders:
            mapping.apply(order)

    def searched() -> None:
        for order in orders:
            {place: each.search(order) for place, each in enumerate(bare)}

    ours, theirs = _rate(mapped, len(orders)), _rate(searched, len(orders))
    print(f"  30 fields, each converted and measured   {ours:10,.0f} orders/s")
    print(f"  the same paths as bare jmespath          {theirs:10,.0f} orders/s")
    print(f"  time of ours / time of bare jmespath     {theirs / ours:10.2f}")
    whole = load(ROOT / "mappings")["storefront_order"]
    rate = _rate(lambda: [whole.apply_leniently(each) for each in orders], len(orders))
    print(f"  the shipped storefront_order, with lines {rate:10,.0f} orders/s")
    for time_of in ("first check of the whole folder", "next check"):
        start = time.perf_counter()
        found = check(Folder.read(ROOT / "mappings"))
        took = time.perf_counter() - start
        print(f"  {time_of:40} {took:10.3f} s ({len(found)} findings)")


def _rate(work: Callable[[], object], orders: int) -> float:
    work()
    best = 0.0
    for _ in range(5):
        start, done = time.process_time(), 0
        while time.process_time() - start < 0.3:
            work()
            done += orders
        best = max(best, done / (time.process_time() - start))
    return best


if __name__ == "__main__":
    main()
