"""What was accepted stays: a shop that renames, deletes or recounts changes no order."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.domain.accepted import as_accepted
from connector.logs import configure
from connector.sandbox import service
from connector.steps.content import Taken
from connector.steps.take import take
from connector.store.reconciliation import Window
from tests.support.scene import NOON, Scene, scene


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Scene]:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        yield made


def at_product(day: Scene, method: str, product: int, body: dict[str, Any] | None = None) -> None:
    """Have somebody rename or delete a product in the shop."""
    answer = requests.request(
        method,
        f"{day.sandbox.storefront_url}/wp-json/wc/v3/products/{product}",
        json=body,
        auth=(service.STOREFRONT_KEY, service.STOREFRONT_SECRET),
        timeout=10,
    )
    assert answer.status_code == 200


def product_of(day: Scene, number: int) -> int:
    return int(day.shown(number)["line_items"][0]["product_id"])


def shown_now(day: Scene, number: int) -> str:
    return str(day.context.storefront.order(str(number))["line_items"][0]["sku"])


@pytest.mark.parametrize("act", ["renamed", "deleted"])
def test_a_renamed_or_deleted_product_changes_no_order_that_was_accepted(
    day: Scene, act: str
) -> None:
    """36 waits for its wave, 38 is released."""
    sku = day.shown(36)["line_items"][0]["sku"]
    body = {"sku": f"{sku}-NEW", "name": "其他名称"}
    at_product(day, "PUT" if act == "renamed" else "DELETE", product_of(day, 36), body)
    assert shown_now(day, 36) == ("" if act == "deleted" else f"{sku}-NEW")
    before = {number: day.sales_orders(number) for number in (36, 38)}
    day.change(36)
    day.later(ticks=2)
    assert (day.stands(36), day.order(36).revision) == (("ready", None), 1)
    day.until(NOON + timedelta(minutes=1))
    assert day.stands(36) == ("released", None)
    for number in (36, 38):
        day.change(number)
    day.later(ticks=2)
    assert {day.stands(number) for number in (36, 38)} == {("released", None)}
    assert {number: day.sales_orders(number) for number in (36, 38)} == before
    assert day.context.read(day.order(36)).lines[0].sku == sku


def test_the_night_sees_no_difference_in_a_renamed_part(day: Scene) -> None:
    day.until(NOON + timedelta(minutes=1))
    at_product(day, "PUT", product_of(day, 36), {"sku": "XC-OTHER"})
    day.change(36)
    day.until(NOON + timedelta(hours=16))
    (night,) = [run for run in day.connector.runs.history("reconcile") if run.state == "done"][:1]
    assert "changed" not in night.counts
    found = day.connector.differences.of_window(Window(night.window_from, night.window_to))
    assert not [each for each in found if each.number == "36" and "part" in str(each.kind)]


def test_a_part_number_that_kept_an_order_from_being_accepted_is_taken_when_it_is_mended(
    day: Scene,
) -> None:
    """A product without a part number: held, and on its way by itself once it has one."""
    made = deepcopy(day.shown(36))
    line = made["line_items"][0]
    sku, line["sku"], line["product_id"] = line["sku"], "", 0
    made |= {"id": 901, "number": "901"}
    assert take(day.context, made) is Taken.NEW
    day.later(minutes=1)
    assert day.stands(901) == ("received", "shop_data")
    mended = deepcopy(made)
    mended["line_items"][0]["sku"] = sku
    assert take(day.context, mended) is Taken.CHANGED
    day.later(minutes=1)
    assert day.order(901).hold_cause != "shop_data"


def test_what_was_held_back_after_release_stays_so_when_only_the_status_follows(
    day: Scene,
) -> None:
    day.until(NOON + timedelta(minutes=1))
    placed = day.order(36)
    lines = deepcopy(day.shown(36)["line_items"])
    lines[0] |= {"quantity": 1, "subtotal": "1.00", "total": "1.00"}
    day.change(36, line_items=lines, total="1.00")
    day.later(ticks=2)
    assert day.stands(36) == ("released", "changed")
    day.change(36, status="completed")
    day.later(ticks=2)
    row = day.order(36)
    assert (row.status, row.payment_state) == ("completed", "completed")
    assert (row.total, row.content["lines"]) == (placed.total, placed.content["lines"])
    assert row.hold_cause == "changed"


def test_a_change_that_the_shop_takes_back_stays_with_the_person_who_was_told(day: Scene) -> None:
    day.until(NOON + timedelta(minutes=1))
    was = deepcopy(day.shown(36)["line_items"])
    lines = deepcopy(was)
    lines[0]["quantity"] += 1
    day.change(36, line_items=lines)
    day.later()
    day.change(36, line_items=was)
    day.later()
    assert day.stands(36) == ("released", "changed")
    assert day.story(36)[-1].text == "in the storefront it is again as it was placed"


LINE = {"line_id": "1", "sku": "A", "name": "n", "quantity": "2", "total": "10.00"}
OTHER = {"line_id": "2", "sku": "B", "name": "m", "quantity": "1", "total": "5"}


@pytest.mark.parametrize(
    ("shown", "same"),
    [
        ({"lines": [OTHER, LINE], "total": "15.0"}, True),
        ({"lines": [{**LINE, "sku": None, "name": ""}, {**OTHER, "quantity": "1.0"}]}, True),
        ({"lines": [{**LINE, "quantity": "1"}, OTHER]}, False),
        ({"lines": [{**LINE, "total": "9"}, OTHER]}, False),
        ({"lines": [{**LINE, "line_id": "3"}, OTHER]}, False),
        ({"lines": [LINE]}, False),
        ({"lines": [LINE, {**LINE, "sku": "C"}]}, False),
        ({"lines": [LINE, OTHER, {**OTHER, "line_id": "9"}]}, False),
        ({"lines": None}, False),
        ({"lines": [LINE, "text"]}, False),
        ({"total": "16"}, False),
        ({"buyer": {"code": "0012"}}, False),
        ({"refunds": [{"amount": "5.0", "lines": [{"quantity": "1.00"}]}]}, True),
        ({"refunds": [{"amount": "5.0", "lines": [{"quantity": "2"}]}]}, False),
        ({"fees": [{"name": "x", "total": "1.0"}]}, False),
    ],
)
def test_only_what_was_ordered_otherwise_is_a_change(shown: dict[str, Any], same: bool) -> None:
    accepted = {
        "lines": [LINE, OTHER], "total": "15.00", "buyer": {"code": "12"}, "fees": [],
        "refunds": [{"amount": "5", "lines": [{"quantity": "1"}]}],
    }  # fmt: skip
    assert (as_accepted(accepted, {**accepted, **shown}, parts=True) == accepted) is same
