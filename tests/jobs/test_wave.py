"""Right before a wave its orders are asked for again; a silent shop is not waited for."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from openpyxl import load_workbook
from sqlalchemy import update

from connector.logs import configure
from connector.sandbox import service, world
from connector.sandbox.faults import Fault
from connector.steps.content import Taken
from connector.steps.repair import link_customer, retry
from connector.steps.take import take
from connector.store.reconciliation import Window
from connector.store.tables import OrderRow
from tests.support.scene import NOON, Scene, scene


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Scene]:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        assert made.stands(36) == made.stands(38) == ("ready", None)
        yield made


def delete(day: Scene, number: int, *, force: bool) -> None:
    """Have somebody put an order into the shop's trash, or delete it for good."""
    answer = requests.delete(
        f"{day.sandbox.storefront_url}/wp-json/wc/v3/orders/{number}",
        params={"force": "true"} if force else {},
        auth=(service.STOREFRONT_KEY, service.STOREFRONT_SECRET),
        timeout=10,
    )
    assert answer.status_code == 200


def batch(day: Scene) -> dict[str, dict[str, str]]:
    """Return the rows of the noon batch by order."""
    (file,) = (day.settings.output / "waves").glob("*/GQ-20261124-1200-orders.csv")
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.reader(lines))
    return {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}


@pytest.mark.parametrize("force", [False, True])
def test_an_order_trashed_or_deleted_before_its_wave_ends_everywhere(
    day: Scene, force: bool
) -> None:
    delete(day, 36, force=force)
    day.later(minutes=20)  # no list of changed orders tells of it
    assert day.stands(36) == ("ready", None)
    day.until(NOON + timedelta(minutes=1))
    day.later(minutes=2)
    assert day.stands(36) == ("cancelled", None)
    assert day.sales_orders(36)[0]["status"] == "CANCELLED"
    assert day.stands(38) == ("released", None)
    assert "36" not in batch(day)


def test_what_was_edited_without_a_moved_time_is_released_as_it_is_now(day: Scene) -> None:
    lines = deepcopy(day.shown(36)["line_items"])
    lines[0]["quantity"] += 1
    books, clock = day.sandbox.books, day.sandbox.clock
    world.change_order(books, clock, "36", {"line_items": lines}, quietly=True)
    day.later(minutes=20)
    assert day.order(36).revision == 1
    day.until(NOON + timedelta(minutes=1))
    assert (day.stands(36), day.order(36).revision) == (("released", None), 2)
    ordered = [each["content"]["lines"][0]["quantity"] for each in day.sales_orders(36)]
    assert float(ordered[-1]) == lines[0]["quantity"]


def test_a_refund_without_a_moved_time_is_known_before_release(day: Scene) -> None:
    line = day.shown(36)["line_items"][0]
    each = float(line["total"]) / line["quantity"]
    back = {
        "id": 9001, "quantity": -1, "total": f"{-each:.2f}", "total_tax": "0.00",
        "meta_data": [{"key": "_refunded_item_id", "value": str(line["id"])}],
    }  # fmt: skip
    books, clock = day.sandbox.books, day.sandbox.clock
    world.refund(books, clock, "36", f"{each:.2f}", [back], "less", quietly=True)
    day.until(NOON + timedelta(minutes=1))
    day.later(minutes=2)
    ordered = [each["content"]["lines"] for each in day.sales_orders(36)]
    quantity = float(ordered[-1][0]["quantity"]) if len(ordered) > 1 else 0
    assert quantity == line["quantity"] - 1 or day.stands(36) == ("received", "refunded")


def test_the_wave_goes_without_a_shop_that_does_not_answer_and_says_so(day: Scene) -> None:
    day.fault("storefront:outage")
    day.until(NOON + timedelta(minutes=3))
    assert day.stands(36) == ("ready", None)
    day.until(NOON + timedelta(minutes=4))
    assert day.stands(36) == ("released", None)
    (run,) = [run for run in day.connector.runs.history("wave") if run.counts.get("released")]
    assert run.counts["not_asked"] == run.counts["released"] > 1
    assert "the storefront did not answer before release" in day.story(36)[-1].text
    assert "商城没有应答" in " ".join(batch(day)["36"].values())


def test_of_one_order_that_the_shop_cannot_tell_the_others_are_asked_for_all_the_same(
    day: Scene,
) -> None:
    world.refund(day.sandbox.books, day.sandbox.clock, "38", "1.00", [], "", quietly=True)
    delete(day, 36, force=True)
    broken = Fault("storefront", "garbage", "GET /orders/{id}/refunds", status=200, text="{}")
    day.sandbox.faults.set([broken])
    day.until(NOON + timedelta(minutes=4))
    day.later(minutes=1)
    assert day.stands(36) == ("cancelled", None)
    assert day.stands(38) == ("released", None)
    assert "商城没有应答" in " ".join(batch(day)["38"].values())


def test_trashed_or_deleted_after_release_it_is_for_ops_and_does_not_end(day: Scene) -> None:
    day.until(NOON + timedelta(minutes=1))
    delete(day, 36, force=True)
    delete(day, 38, force=False)
    day.until(NOON + timedelta(hours=16))
    assert day.order(36).stage == day.order(38).stage == "released"
    assert day.order(38).hold_cause == "changed"
    (night,) = [run for run in day.connector.runs.history("reconcile") if run.state == "done"][:1]
    found = {
        (each.number, str(each.kind))
        for each in day.connector.differences.of_window(Window(night.window_from, night.window_to))
    }
    assert ("36", "missing_storefront") in found
    assert any(number == "38" for number, _ in found)


@pytest.mark.parametrize(
    ("status", "cause"),
    [("on-hold", "unpaid"), ("pending", "unpaid"), ("checkout-draft", "unpaid"),
     ("in-dispute", "mapping")],
)  # fmt: skip
def test_what_is_not_paid_any_more_waits_for_its_payment_and_misses_its_wave(
    day: Scene, status: str, cause: str
) -> None:
    day.change(36, status=status)
    day.later()
    assert day.stands(36) == ("ready", cause)
    assert repr(status) in str(day.order(36).hold_reasons)
    assert retry(day.context, day.order(36), "ops").hold_cause == cause
    day.until(NOON + timedelta(minutes=1))
    assert (day.stands(36), day.stands(38)) == (("ready", cause), ("released", None))
    (file,) = (day.settings.output / "waves").glob("*/GQ-20261124-1200.xlsx")
    told = str([*load_workbook(file, read_only=True).worksheets[-1].values])
    assert status in told
    day.change(36, status="processing")
    day.later()
    assert day.stands(36) == ("ready", None)
    day.until(NOON + timedelta(hours=3, minutes=1))
    assert (day.stands(36), day.order(36).revision) == (("released", None), 1)
    assert [each["status"] for each in day.sales_orders(36)] != ["CANCELLED"]
    assert len(day.sales_orders(36)) == 1


def test_a_status_without_a_moved_time_is_known_before_release(day: Scene) -> None:
    books, clock = day.sandbox.books, day.sandbox.clock
    world.change_order(books, clock, "36", {"status": "on-hold"}, quietly=True)
    day.until(NOON + timedelta(minutes=1))
    assert day.stands(36) == ("ready", "unpaid")


def test_a_hold_that_stands_already_is_not_a_way_past_the_payment(day: Scene) -> None:
    """31 waits for the sales rep, who links its buyer while the order is not paid."""
    assert day.stands(31) == ("valid", "customer_review")
    day.change(31, status="on-hold")
    assert take(day.context, day.context.storefront.order("31")) is Taken.CHANGED
    assert day.stands(31) == ("valid", "customer_review")
    link_customer(day.context, day.order(31), "100003", "rep")
    day.later()
    assert day.stands(31) == ("valid", "unpaid")
    assert day.sales_orders(31) == []
    day.change(31, status="processing")
    day.later()
    assert day.stands(31) == ("ready", None)


def test_what_an_earlier_release_left_unheld_is_left_out_too(day: Scene) -> None:
    with day.connector.database.transaction() as session:
        session.execute(update(OrderRow).where(OrderRow.number == "36").values(
            payment_state="unpaid", status="on-hold"))  # fmt: skip
    day.change(36, status="on-hold")
    day.fault("storefront:outage")
    day.until(NOON + timedelta(minutes=10))
    assert day.order(36).stage == "ready"
    assert day.order(38).stage == "released"


def test_not_paid_any_more_after_release_is_for_ops_until_it_is_paid(day: Scene) -> None:
    day.until(NOON + timedelta(minutes=1))
    day.change(36, status="on-hold")
    day.later()
    assert day.stands(36) == ("released", "changed")
    assert "'on-hold'" in str(day.order(36).hold_reasons)
    day.change(36, status="processing")
    day.later()
    assert day.stands(36) == ("released", None)
