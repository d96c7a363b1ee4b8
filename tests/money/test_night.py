"""The night finds no difference where every book is right."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.domain.refunds import RefundPolicy
from connector.extracts.verify import verify
from connector.sandbox import world
from connector.sandbox.storefront_refunds import refunded_item
from tests.money.shop import Cart, Ware, order
from tests.money.test_way import put, totals
from tests.support.scene import NOON, Scene, scene


def found(made: Scene, number: int) -> set[tuple[str, str, Decimal]]:
    """Let the night come; return kind, field and amount of an order's differences."""
    made.until(NOON.replace(hour=18))
    made.later(minutes=20, ticks=2)
    listed = made.connector.differences.listed(made.clock.now)
    return {(each.kind.value, each.field, each.amount) for each in listed
            if each.number == str(number)}  # fmt: skip


def test_a_refund_before_release_that_was_seen_after_it_is_spread_on_no_line(
    tmp_path: Path,
) -> None:
    def policy(settings: Any) -> None:
        settings.policy.refund_of_amount = RefundPolicy.SPREAD

    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, policy, anew=False) as shop:
        put(shop, order(501, Cart([Ware("60.00"), Ware("40.80")], tax="none")))
        shop.later(minutes=10, ticks=2)
        assert shop.stands(501) == ("ready", None)
        shop.sandbox.clock.set(NOON)
        shop.fault("storefront:outage")
        world.refund(shop.sandbox.books, shop.sandbox.clock, "501", "12.20", [], "")
        shop.until(NOON)
        shop.later(minutes=6, ticks=2)
        assert shop.stands(501)[0] == "released"
        shop.fault()
        shop.later(minutes=40, ticks=2)
        assert totals(shop, 501)[0] == Decimal("100.80")
        world.ship(shop.sandbox.books, shop.sandbox.clock, "501")
        world.invoice(shop.sandbox.books, shop.sandbox.clock, "501")
        shop.later(minutes=40, ticks=2)
        assert found(shop, 501) == {("refunded_not_recovered", "invoiced", Decimal("12.20"))}


def test_a_cancelled_order_whose_lines_were_refunded_is_behind_nowhere(tmp_path: Path) -> None:
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as shop:
        for number in (501, 502):
            put(shop, order(number, Cart([Ware("50.00", 2)])))
        shop.later(minutes=10, ticks=2)
        shop.change(501, status="cancelled")
        shop.later(minutes=10, ticks=2)
        for number in (501, 502):
            item = shop.shown(number)["line_items"][0]["id"]
            line = refunded_item(shop.shown(number), item, 2, "100.00", "13.00")
            world.refund(
                shop.sandbox.books, shop.sandbox.clock, str(number), "113.00", [line], "all"
            )
            shop.change(number, status="refunded")
        shop.later(minutes=10, ticks=2)
        assert shop.stands(501) == shop.stands(502) == ("cancelled", None)
        for number in (501, 502):
            kinds = {kind for kind, _, _ in found(shop, number)}
            assert "status_behind" not in kinds, number


def test_an_order_that_is_held_anew_before_release_is_of_no_other_customer(tmp_path: Path) -> None:
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as shop:
        put(shop, order(501, Cart([Ware("50.00", 2)])))
        shop.later(minutes=10, ticks=2)
        assert shop.stands(501) == ("ready", None)
        world.refund(shop.sandbox.books, shop.sandbox.clock, "501", "7.77", [], "by amount")
        shop.later(minutes=10, ticks=2)
        # Its sales order is alive, and nobody has recognised its buyer since it started anew.
        assert shop.stands(501) == ("received", "refund_amount")
        assert shop.order(501).customer_number is None
        assert shop.sales_orders(501)
        kinds = {(kind, field) for kind, field, _ in found(shop, 501)}
        assert kinds == {("held", "refund_amount")}


def test_all_goods_of_one_unit_refunded_before_release_are_no_later_refund(
    tmp_path: Path,
) -> None:
    def two_units(settings: Any) -> None:
        first = settings.business_units[0]
        first.sku_patterns = ["XC-10*"]
        changed = {"code": "QZ", "name": "起重事业部", "sku_patterns": ["XC-86*"], "dms_code": "QZ"}
        settings.business_units.append(first.model_copy(update=changed))

    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, two_units, anew=False) as shop:
        put(shop, order(501, Cart([Ware("100.00", 2), Ware("200.00")])))
        shop.later(minutes=10, ticks=2)
        item = shop.shown(501)["line_items"][0]["id"]
        line = refunded_item(shop.shown(501), item, 2, "200.00", "26.00")
        world.refund(shop.sandbox.books, shop.sandbox.clock, "501", "226.00", [line], "all of it")
        shop.later(minutes=10, ticks=2)
        assert shop.stands(501) == ("ready", None)
        shop.until(NOON)
        shop.later(minutes=6, ticks=2)
        world.ship(shop.sandbox.books, shop.sandbox.clock, "501")
        world.invoice(shop.sandbox.books, shop.sandbox.clock, "501")
        shop.later(minutes=40, ticks=2)
        assert found(shop, 501) == set()


def test_an_order_keeps_its_units_when_the_settings_give_its_parts_to_others(
    tmp_path: Path,
) -> None:
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as shop:
        put(shop, order(501, Cart([Ware("100.00", 2), Ware("200.00")])))
        shop.later(minutes=10, ticks=2)
        assert shop.stands(501) == ("ready", None)
        units = shop.context.business_units
        assert isinstance(units, dict)
        units["GQ"] = replace(units["GQ"], sku_patterns=("NOTHING",))
        shop.until(NOON)
        shop.later(minutes=6, ticks=2)
        assert shop.stands(501)[0] == "released"
        (batch,) = (shop.settings.output / "waves").glob("*/GQ-20261124-1200-orders.csv")
        assert "501" in batch.read_text(encoding="utf-8-sig")
        world.ship(shop.sandbox.books, shop.sandbox.clock, "501")
        world.invoice(shop.sandbox.books, shop.sandbox.clock, "501")
        shop.later(minutes=40, ticks=2)
        assert found(shop, 501) == set()


def test_what_is_no_currency_makes_no_total_of_its_own(tmp_path: Path) -> None:
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as shop:
        put(shop, order(501, Cart([Ware("50.00", 2)], currency="-1.1754943508222875E-38")))
        put(shop, order(502, Cart([Ware("50.00", 2)], currency="=1+1")))
        shop.later(minutes=10, ticks=2)
        assert shop.stands(501)[1] == shop.stands(502)[1] == "shop_data"
        found(shop, 501)
        folders = sorted((shop.settings.output / "extracts").glob("2026-11-2*"))
        told = [(each / "orders.csv").read_text(encoding="utf-8-sig") for each in folders]
        assert any("501" in each for each in told)
        assert all(verify(each) == [] for each in folders)
