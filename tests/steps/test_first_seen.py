"""What is no order yet, what was done before there was a connector, and a status nobody knows."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.errors import Rejected
from connector.logs import configure
from connector.sandbox import world
from connector.sandbox.storefront import ORDER
from connector.sandbox.storefront_seed import stamp_of
from connector.settings import Settings
from connector.steps.assure import is_known, is_open
from connector.steps.repair import retry
from connector.steps.take import take
from connector.store.reconciliation import Window
from tests.support.scene import NOON, Scene, scene


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Scene]:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        yield made


def order(day: Scene, number: int, placed: str | None = None, **fields: Any) -> None:
    """Put an order into the shop that was changed just now."""
    stamp = stamp_of(day.sandbox.clock)
    made = deepcopy(day.shown(36)) | {
        "id": number,
        "number": str(number),
        "date_created_gmt": placed or stamp,
        "date_modified_gmt": stamp,
        **fields,
    }
    day.sandbox.books.put(ORDER, str(number), made)


@pytest.mark.parametrize("status", ["checkout-draft", "auto-draft"])
def test_a_cart_is_taken_in_by_neither_the_intake_nor_the_night(day: Scene, status: str) -> None:
    order(day, 901, status=status)
    day.later(minutes=5)
    assert day.context.orders.by_number("901") is None
    day.until(NOON + timedelta(hours=16))
    (night,) = [run for run in day.connector.runs.history("reconcile") if run.state == "done"][:1]
    assert "missed" not in night.counts
    window = Window(night.window_from, night.window_to)
    assert "901" not in {each.number for each in day.connector.differences.of_window(window)}
    assert day.context.orders.by_number("901") is None
    day.change(901, status="processing", date_paid_gmt=stamp_of(day.sandbox.clock))
    day.later(minutes=5)
    assert day.context.orders.by_number("901") is not None


def test_what_was_completed_before_the_first_day_is_known_and_not_placed(day: Scene) -> None:
    day.later(minutes=5)
    order(day, 901, "2026-11-20T02:00:00", status="completed")
    order(day, 902)
    order(day, 903, "2026-11-20T02:00:00")
    day.later(minutes=5, ticks=2)
    assert day.stands(901) == ("known", None)
    assert day.sales_orders(901) == []
    assert "before the connector's first day" in day.story(901)[0].text
    assert day.sales_orders(902)
    assert day.sales_orders(903)
    day.until(NOON + timedelta(minutes=1))
    assert day.stands(901) == ("known", None)


def test_what_was_cancelled_before_the_first_day_makes_no_after_sale(day: Scene) -> None:
    day.later(minutes=5)
    order(day, 901, "2026-11-20T02:00:00", status="cancelled")
    order(day, 902, "2026-11-20T02:00:00", status="refunded")
    order(day, 903, status="cancelled")
    order(day, 904, "2026-11-20T02:00:00")
    day.later(minutes=5, ticks=2)
    day.change(904, status="cancelled")
    day.later(minutes=20, ticks=3)
    made = {
        number: [sale.kind for sale in day.connector.aftersales.of_order(day.order(number).id)]
        for number in (901, 902, 903, 904)
    }
    # Of what we knew alive, and of what was ordered since, the money is still to go back.
    assert made == {901: [], 902: [], 903: ["cancellation"], 904: ["cancellation"]}


def test_what_was_done_before_the_first_day_and_went_back_since_is_told_to_finance(
    day: Scene,
) -> None:
    """The storefront keeps the time of completion of what is refunded or cancelled afterwards."""
    day.later(minutes=5)
    done = {"placed": LONG_AGO, "date_paid_gmt": LONG_AGO, "date_completed_gmt": LONG_AGO}
    ended = {901: "refunded", 902: "cancelled", 903: "refunded", 904: "cancelled", 905: "refunded"}
    for number, status in ended.items():
        order(day, number, **done, status=status)
    order(day, 906, LONG_AGO, status="refunded", date_paid_gmt=LONG_AGO)
    total = day.shown(901)["total"]

    def refund(number: int, amount: str) -> None:
        world.refund(day.sandbox.books, day.sandbox.clock, str(number), amount, [], "back")

    refund(901, total)
    refund(905, "10.00")
    refund(906, "10.00")
    now = day.clock.now
    # Cancelled and given back before the first day: nothing of it changed since but the last.
    day.sandbox.clock.set(now - timedelta(days=2))
    refund(903, total)
    day.change(903, customer_note="old")
    day.change(904, customer_note="old")
    day.sandbox.clock.set(now)
    day.change(903, customer_note="looked at")
    for number in ended.keys() | {906}:
        take(day.context, day.context.storefront.order(str(number)))
    day.later(minutes=20, ticks=2)
    stages = {number: day.stands(number)[0] for number in (901, 902, 903, 904, 905, 906)}
    assert stages == {901: "known", 902: "known", 903: "known", 904: "cancelled", 905: "known",
                      906: "cancelled"}  # fmt: skip
    opened = {
        number: sorted(
            (sale.kind, sale.state, str(sale.open_money))
            for sale in day.connector.aftersales.of_order(day.order(number).id)
        )
        for number in stages
    }
    whole = Decimal(total)
    assert opened == {
        901: [("refund", "outside", str(whole))],
        902: [("cancellation", "outside", str(whole))],
        903: [],
        904: [],
        905: [("cancellation", "outside", str(whole - 10)), ("refund", "outside", "10.00")],
        906: [("refund", "outside", "10.00")],
    }
    # Money that goes back later of what was cancelled before the first day.
    refund(904, "5.00")
    day.later(minutes=20, ticks=2)
    (sale,) = day.connector.aftersales.of_order(day.order(904).id)
    assert (sale.state, sale.open_money) == ("outside", Decimal(5))
    assert all(day.sales_orders(number) == [] for number in stages)


def test_what_was_completed_after_the_first_start_is_no_order_of_before(day: Scene) -> None:
    """Placed before the first day, read by nobody, and completed while a connector ran."""
    day.later(minutes=5)
    stamp = stamp_of(day.sandbox.clock)
    paid = {"date_paid_gmt": stamp, "date_completed_gmt": stamp}
    order(day, 901, LONG_AGO, status="completed", **paid)
    order(day, 902, LONG_AGO, status="completed", **paid | {"date_completed_gmt": LONG_AGO})
    day.later(minutes=5, ticks=2)
    assert day.stands(901) == ("received", "maybe_shipped")
    assert day.stands(902) == ("known", None)


LONG_AGO = "2026-11-20T02:00:00"
BY_US = {"key": "_shipment_80000001", "value": {"tracking_number": "SF1"}}
SIGNS: dict[str, tuple[dict[str, Any], str]] = {
    "completed": ({"status": "completed"}, "shows it as completed"),
    "once completed": ({"date_completed_gmt": LONG_AGO}, "it was completed in the storefront once"),
    "shipment": ({"meta": BY_US}, "shows a shipment of it"),
    "earlier": ({"placed": LONG_AGO, "date_paid_gmt": LONG_AGO}, "placed and paid before"),
}


def seen(day: Scene, sign: str, number: int = 901) -> str:
    """Show an order with a sign for the first time; return what is said of it."""
    fields, said = deepcopy(SIGNS[sign])
    meta = [*day.shown(36)["meta_data"], *filter(None, [fields.pop("meta", None)])]
    order(day, number, fields.pop("placed", None), meta_data=meta, **fields)
    day.later(minutes=5, ticks=2)
    assert day.stands(number) == ("received", "maybe_shipped")
    (reason,) = day.order(number).hold_reasons or []
    assert said in reason
    assert f"`connector orders place {number}`" in reason
    assert f"`connector orders known {number}`" in reason
    return reason


@pytest.mark.parametrize("sign", SIGNS)
def test_what_may_have_been_shipped_is_held_until_a_person_says_that_it_was_not(
    day: Scene, sign: str
) -> None:
    seen(day, sign)
    # Neither a new status nor a correction, nor a look at it, takes a person's word.
    billing = day.shown(901)["billing"] | {"address_1": "另一条路8号"}
    day.change(901, billing=billing)
    day.later(minutes=5, ticks=2)
    assert retry(day.context, day.order(901), "ops").hold_cause == "maybe_shipped"
    assert day.sales_orders(901) == []
    after = is_open(day.context, day.order(901), "ops", "not picked")
    assert (after.stage, after.hold_cause) == ("ready", None)
    assert len(day.sales_orders(901)) == 1
    assert "not picked" in str([each.text for each in day.story(901)])
    day.change(901, billing=billing | {"address_1": "第三条路9号"})
    day.later(minutes=5, ticks=2)
    assert day.stands(901) == ("ready", None)


@pytest.mark.parametrize("sign", SIGNS)
def test_what_a_person_says_was_shipped_is_known_and_nothing_is_placed(
    day: Scene, sign: str
) -> None:
    seen(day, sign)
    is_known(day.context, day.order(901), "ops")
    day.until(NOON + timedelta(minutes=1))
    assert day.stands(901) == ("known", None)
    assert day.sales_orders(901) == []
    with pytest.raises(Rejected):
        is_open(day.context, day.order(901), "ops")


def test_what_is_surely_open_is_not_held(day: Scene) -> None:
    """Placed before the first day and paid after it; waiting for its payment; placed since."""
    paid = stamp_of(day.sandbox.clock)
    order(day, 901, LONG_AGO, date_paid_gmt=paid)
    order(day, 902, LONG_AGO, status="on-hold", date_paid_gmt=None)
    order(day, 903, date_paid_gmt=None)
    day.later(minutes=5, ticks=2)
    assert day.stands(901) == day.stands(903) == ("ready", None)
    assert day.stands(902) == ("received", "unpaid")
    day.change(902, status="processing", date_paid_gmt=stamp_of(day.sandbox.clock))
    day.later(minutes=5, ticks=2)
    assert day.stands(902) == ("placed", "stock")  # the third to ask for the same pieces


def test_our_own_completing_is_no_sign(day: Scene) -> None:
    day.change(36, status="completed", date_completed_gmt=stamp_of(day.sandbox.clock))
    day.later(minutes=5, ticks=2)
    assert day.stands(36) == ("ready", None)


def test_a_status_that_no_lookup_knows_is_for_it_with_value_and_file(tmp_path: Path) -> None:
    folder = Path(shutil.copytree("mappings", tmp_path / "mappings"))

    def own(settings: Settings) -> None:
        settings.mappings = folder

    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, own, anew=False) as day:
        order(day, 901, status="wc-shipped", date_paid_gmt="2026-11-23T14:00:00")
        day.later(minutes=5)
        assert day.stands(901) == ("received", "mapping")
        (reason,) = day.order(901).hold_reasons or []
        assert "wc-shipped" in reason
        assert "woocommerce_status.csv" in reason
        before = day.context.mappings().version
        with (folder / "lookups" / "woocommerce_status.csv").open("a", encoding="utf-8") as table:
            table.write("wc-shipped,paid\n")
        while day.context.mappings().version == before:
            time.sleep(0.05)
        retry(day.context, day.order(901), "it")
        day.later(minutes=1, ticks=2)
        assert day.stands(901) == ("ready", None)
