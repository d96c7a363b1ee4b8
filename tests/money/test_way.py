"""Orders of a taxed shop on their whole way: what DMS, invoice and finance's files come to."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.domain.refunds import RefundPolicy
from connector.sandbox import world
from connector.sandbox.dms_documents import whole_orders
from connector.sandbox.storefront import ORDER
from connector.sandbox.storefront_shown import REFUND
from tests.money.shop import Cart, Ware, back, order, refund, with_refunds
from tests.support.scene import NOON, Scene, scene

TWO = Cart([Ware("50.00", 2)])
SHIPPED = Cart([Ware("100.00")], shipping=("18.00", "0.13"))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Scene]:
    with scene(f"sqlite:///{tmp_path / 'connector.db'}", tmp_path) as made:
        yield made


def put(made: Scene, payload: dict[str, Any]) -> None:
    """Let the shop have an order, as news."""
    for each in payload.pop("refunds_detail", []):
        document = {**each, "order": str(payload["id"])}
        made.sandbox.books.put(REFUND, str(each["id"]), document)
    stamp = f"{made.clock.now:%Y-%m-%dT%H:%M:%S}"
    made.sandbox.books.put(ORDER, str(payload["id"]), {**payload, "date_modified_gmt": stamp})


def documents(made: Scene, number: int) -> list[dict[str, Any]]:
    return [each for each in whole_orders(made.sandbox.books)
            if each["content"]["externalNumber"] == str(number)]  # fmt: skip


def totals(made: Scene, number: int) -> tuple[Decimal, Decimal, Decimal]:
    """Return the DMS's total and freight, and what was applied for of the invoice."""
    (held,) = documents(made, number)
    applied = sum((Decimal(each["amount"]) for each in held["invoiceApplications"]), Decimal(0))
    return Decimal(held["content"]["total"]), Decimal(held["content"]["freight"]), applied


def test_orders_of_a_taxed_shop_are_placed_for_what_is_still_paid(shop: Scene) -> None:
    two, shipped = order(501, TWO), order(502, SHIPPED)
    put(shop, with_refunds(two, refund(9, [back(two["line_items"][0], 1, "0.5")])))
    put(shop, with_refunds(shipped, refund(10, shipping=[back(shipped["shipping_lines"][0])])))
    put(shop, order(503, SHIPPED))
    shop.later(minutes=10, ticks=3)
    shop.until(NOON)
    shop.later(minutes=1)
    for number, total, freight in ((501, "56.50", "0"), (502, "113.00", "0"),
                                   (503, "133.34", "20.34")):  # fmt: skip
        assert shop.stands(number) == ("released", None)
        assert totals(shop, number) == (Decimal(total), Decimal(freight), Decimal(total))
        world.ship(shop.sandbox.books, shop.sandbox.clock, str(number))
        world.invoice(shop.sandbox.books, shop.sandbox.clock, str(number))
    shop.later(minutes=20, ticks=3)
    shop.until(NOON.replace(hour=18))
    shop.later(minutes=20, ticks=2)
    found = [each for each in shop.connector.differences.listed(shop.clock.now)
             if each.number in ("501", "502", "503")]  # fmt: skip
    assert found == []


def test_a_refund_by_amount_holds_the_order_until_it_is_booked_by_lines(shop: Scene) -> None:
    two = order(501, TWO)
    put(shop, with_refunds(two, refund(9, amount="20.00")))
    shop.later(minutes=10, ticks=2)
    assert shop.stands(501) == ("received", "refund_amount")
    shop.sandbox.books.put(REFUND, "9", {**refund(9, [back(two["line_items"][0], 0, "0.2")]),
                                         "order": "501"})  # fmt: skip
    shop.change(501)
    shop.later(minutes=10, ticks=2)
    assert shop.stands(501) == ("ready", None)
    assert totals(shop, 501)[0] == Decimal("90.40")


def test_a_refund_by_amount_after_placing_holds_the_order(shop: Scene) -> None:
    put(shop, order(501, TWO))
    shop.later(minutes=10, ticks=2)
    assert shop.stands(501) == ("ready", None)
    world.refund(shop.sandbox.books, shop.sandbox.clock, "501", "20.00", [], "")
    shop.later(minutes=10, ticks=2)
    shop.until(NOON)
    shop.later(minutes=1)
    assert shop.stands(501) == ("received", "refund_amount")


def test_a_refund_by_amount_is_spread_where_that_is_policy(tmp_path: Path) -> None:
    def policy(settings: Any) -> None:
        settings.policy.refund_of_amount = RefundPolicy.SPREAD

    url = f"sqlite:///{tmp_path / 'connector.db'}"
    with scene(url, tmp_path, policy, anew=False) as shop:
        both = order(501, Cart([Ware("100.00"), Ware("50.00")], shipping=("18.00", "0.13")))
        put(shop, with_refunds(both, refund(9, amount="20.00")))
        shop.later(minutes=10, ticks=2)
        assert totals(shop, 501)[0] == Decimal(both["total"]) - 20
        shop.until(NOON)
        shop.later(minutes=1)
        assert shop.stands(501) == ("released", None)
        # After the release no line is worth less: it is open money.
        world.refund(shop.sandbox.books, shop.sandbox.clock, "501", "5.00", [], "more")
        world.ship(shop.sandbox.books, shop.sandbox.clock, "501")
        world.invoice(shop.sandbox.books, shop.sandbox.clock, "501")
        shop.later(minutes=40, ticks=3)
        assert totals(shop, 501)[2] == Decimal(both["total"]) - 20
        shop.until(NOON.replace(hour=18))
        shop.later(minutes=20, ticks=2)
        listed = shop.connector.differences.listed(shop.clock.now)
        found = {(each.kind.value, each.amount) for each in listed if each.number == "501"}
        assert found == {("refunded_not_recovered", Decimal("5.00"))}
