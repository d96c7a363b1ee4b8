"""A variation that bears its parent's part number is no part that anybody can pick."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.domain.lifecycle import OWNER, HoldCause
from connector.domain.variations import VariationPolicy
from connector.logs import configure
from connector.sandbox import service
from connector.sandbox.storefront import ORDER
from connector.sandbox.storefront_seed import stamp_of
from connector.sandbox.storefront_shown import PRODUCT, VARIATION
from connector.settings import Settings
from tests.support.scene import Scene, scene

PARENT = 71_000
_PRODUCTS = "storefront:latency:operation=GET /products/*"


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Scene]:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        sell(made)
        yield made


def sell(day: Scene) -> str:
    """Have the shop sell a product in two variations, of which 71001 has a number of its own."""
    line = day.shown(36)["line_items"][0]
    parent = {"id": PARENT, "type": "variable", "sku": line["sku"], "status": "publish"}
    day.sandbox.books.put(PRODUCT, str(PARENT), parent)
    for number, sku in ((71_001, day.shown(38)["line_items"][0]["sku"]), (71_002, "")):
        variation = {"id": number, "parent_id": PARENT, "sku": sku}
        day.sandbox.books.put(VARIATION, str(number), variation)
    return str(line["sku"])


def order(day: Scene, number: int, variation: int) -> None:
    """Have somebody order a variation."""
    stamp = stamp_of(day.sandbox.clock)
    made: dict[str, Any] = deepcopy(day.shown(36)) | {
        "id": number,
        "number": str(number),
        "date_created_gmt": stamp,
        "date_modified_gmt": stamp,
    }
    made["line_items"][0] |= {"product_id": PARENT, "variation_id": variation}
    day.sandbox.books.put(ORDER, str(number), made)


def product_requests(day: Scene) -> int:
    return sum(int(rule["seen"]) for rule in day.sandbox.faults.describe())


def give_part_number(day: Scene, variation: int, sku: str) -> None:
    answer = requests.put(
        f"{day.sandbox.storefront_url}/wp-json/wc/v3/products/{PARENT}/variations/{variation}",
        json={"sku": sku},
        auth=(service.STOREFRONT_KEY, service.STOREFRONT_SECRET),
        timeout=10,
    )
    assert answer.json()["sku"] == sku


def test_it_is_held_for_the_platform_until_the_shop_gives_it_a_number(day: Scene) -> None:
    order(day, 901, 71_002)
    shown = day.context.storefront.order("901")["line_items"][0]["sku"]
    assert shown == day.shown(36)["line_items"][0]["sku"]
    day.later(minutes=5)
    assert day.stands(901) == ("received", "shop_data")
    assert OWNER[HoldCause.SHOP_DATA] == "e-commerce platform"
    (reason,) = day.order(901).hold_reasons or []
    assert "variation 71002 has no part number of its own" in reason
    assert "policy.variation_sku" in reason
    give_part_number(day, 71_002, day.shown(38)["line_items"][0]["sku"])
    day.later(minutes=5)  # the shop moves no order's time of modification
    day.later(minutes=1, ticks=2)
    assert day.stands(901) == ("ready", None)
    (line, *_) = day.sales_orders(901)[0]["content"]["lines"]
    assert day.shown(38)["line_items"][0]["sku"] in str(line)


def test_one_with_a_number_of_its_own_goes_on_and_its_parent_is_asked_for_once(day: Scene) -> None:
    day.fault(f"{_PRODUCTS},seconds=0")
    for number in (901, 902, 903):
        order(day, number, 71_001)
    day.later(minutes=5)
    day.later(minutes=1, ticks=2)
    assert {day.stands(number) for number in (901, 902, 903)} == {("ready", None)}
    assert product_requests(day) == 1


@pytest.mark.parametrize("fault", ["http", "garbage"])
def test_a_shop_that_does_not_answer_stops_no_order_and_the_story_says_so(
    day: Scene, fault: str
) -> None:
    day.fault(f"storefront:{fault}:operation=GET /products/*,text={{}}")
    for number in (901, 902):
        order(day, number, 71_002)
    day.later(minutes=5)
    day.later(minutes=1, ticks=2)
    assert day.stands(901) == day.stands(902) == ("ready", None)
    assert any("did not tell whether a variation" in each.text for each in day.story(901))
    assert product_requests(day) <= 3  # one question with its repetitions, for both


def test_where_the_parents_number_is_the_part_nobody_is_asked(tmp_path: Path) -> None:
    def accepting(settings: Settings) -> None:
        settings.policy.variation_sku = VariationPolicy.ACCEPT

    configure("critical")
    url = f"sqlite:///{tmp_path / 'c.db'}"
    with scene(url, tmp_path, accepting, anew=False) as day:
        sell(day)
        day.fault(f"{_PRODUCTS},seconds=0")
        order(day, 901, 71_002)
        day.later(minutes=5)
        day.later(minutes=1, ticks=2)
        assert day.stands(901) == ("ready", None)
        assert product_requests(day) == 0
