"""What no line explains is carried, with its age, until it is zero; never counted as settled."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.domain.aftersales import Facts, SaleKind, SaleState
from connector.domain.open_money import open_money, since_placed, unborne
from connector.sandbox import world
from connector.sandbox.storefront_refunds import refunded_item
from tests.money.shop import Cart, Ware, back, order, refund, with_refunds
from tests.money.test_reading import read
from tests.money.test_way import put
from tests.support.scene import NOON, Scene, scene

NUMBER = 501
TWO = Cart([Ware("50.00", 2)], shipping=("18.00", "0.13"))  # 133.34


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Scene]:
    with scene(f"sqlite:///{tmp_path / 'connector.db'}", tmp_path) as made:
        put(made, order(NUMBER, TWO))
        made.later(minutes=10, ticks=2)
        yield made


def release(made: Scene) -> None:
    made.until(NOON)
    made.later(minutes=1)
    assert made.stands(NUMBER) == ("released", None)


def give_back(made: Scene, amount: str, *lines: tuple[int, str, str]) -> None:
    """Refund in the shop; lines are (quantity, net, tax) of the order's first line."""
    item = made.shown(NUMBER)["line_items"][0]["id"]
    items = [refunded_item(made.shown(NUMBER), item, *each) for each in lines]
    world.refund(made.sandbox.books, made.sandbox.clock, str(NUMBER), amount, items, amount)


def account(made: Scene) -> list[tuple[str, Decimal]]:
    rows = made.connector.aftersales.of_order(made.order(NUMBER).id)
    return [(row.state, row.open_money) for row in rows]


def told(made: Scene, day: str) -> list[tuple[str, str, str]]:
    """Return what finance's extract of a day tells of the order: meaning, amount, age."""
    file = made.settings.output / "extracts" / day / "open_money.csv"
    rows = csv.DictReader(io.StringIO(file.read_text("utf-8-sig"), newline=""))
    return [(each["meaning"].split()[-1], each["open"], each["age"])
            for each in rows if each["number"] == str(NUMBER)]  # fmt: skip


def test_a_refund_by_amount_after_release_is_carried_until_an_invoice_took_it_back(
    shop: Scene,
) -> None:
    release(shop)
    give_back(shop, "20.00")
    shop.later(minutes=40)
    assert account(shop) == [("invoicing", Decimal("20.00"))]
    world.ship(shop.sandbox.books, shop.sandbox.clock, str(NUMBER))
    world.invoice(shop.sandbox.books, shop.sandbox.clock, str(NUMBER))
    shop.later(minutes=40, ticks=2)
    assert account(shop) == [("refunded", Decimal("20.00"))]
    shop.until(NOON.replace(hour=18))
    shop.later(minutes=20, ticks=2)
    (row,) = told(shop, "2026-11-24")
    assert row[1:] == ("20.00", "0")
    (difference,) = [each for each in shop.connector.differences.listed(shop.clock.now)
                     if each.number == str(NUMBER)]  # fmt: skip
    assert (difference.kind.value, difference.amount) == ("refunded_not_recovered", Decimal(20))
    shop.until(NOON.replace(hour=18) + timedelta(days=1))
    shop.later(minutes=20, ticks=2)
    (row,) = told(shop, "2026-11-25")
    assert row[1:] == ("20.00", "1")
    (sale,) = shop.connector.aftersales.of_order(shop.order(NUMBER).id)
    shop.connector.aftersales.recovered_by_hand(sale, Decimal(20), "finance", shop.clock.now)
    shop.later(minutes=40)
    assert account(shop) == [("settled", Decimal(0))]


def take_away(made: Scene) -> None:
    """Delete the order's oldest refund in the shop."""
    world.delete_refund(made.sandbox.books, made.sandbox.clock, str(NUMBER))


def invoiced(made: Scene) -> None:
    release(made)
    world.ship(made.sandbox.books, made.sandbox.clock, str(NUMBER))
    world.invoice(made.sandbox.books, made.sandbox.clock, str(NUMBER))
    made.later(minutes=20, ticks=2)


def test_a_refund_that_the_shop_deleted_leaves_no_money_open(shop: Scene) -> None:
    invoiced(shop)
    give_back(shop, "10.00")
    shop.later(minutes=40)
    assert account(shop) == [("refunded", Decimal("10.00"))]
    take_away(shop)
    shop.later(minutes=40, ticks=2)
    assert account(shop) == [("settled", Decimal(0))]
    (event,) = [each.text for each in shop.story(NUMBER) if "→ settled" in each.text]
    assert "the storefront shows it no more" in event
    (sale,) = shop.connector.aftersales.of_order(shop.order(NUMBER).id)
    assert sale.amount == 0
    shop.until(NOON.replace(hour=18))
    shop.later(minutes=20, ticks=2)
    assert told(shop, "2026-11-24") == []


def test_a_refund_deleted_and_booked_again_by_line_counts_once(shop: Scene) -> None:
    release(shop)
    give_back(shop, "10.00")
    shop.later(minutes=40)
    assert account(shop) == [("invoicing", Decimal("10.00"))]
    take_away(shop)
    give_back(shop, "10.00", (0, "8.85", "1.15"))
    shop.later(minutes=40, ticks=2)
    first, second = account(shop)
    assert first == ("settled", Decimal(0))
    assert second == ("invoicing", Decimal(0))


def test_a_refund_deleted_after_its_invoice_was_back_is_told_and_short(shop: Scene) -> None:
    invoiced(shop)
    give_back(shop, "10.00")
    shop.later(minutes=40)
    (sale,) = shop.connector.aftersales.of_order(shop.order(NUMBER).id)
    shop.connector.aftersales.recovered_by_hand(sale, Decimal(10), "finance", shop.clock.now)
    shop.later(minutes=40)
    assert account(shop) == [("settled", Decimal(0))]
    take_away(shop)
    shop.later(minutes=40, ticks=2)
    assert account(shop) == [("withdrawn", Decimal(-10))]
    (sale,) = shop.connector.aftersales.of_order(shop.order(NUMBER).id)
    shop.connector.aftersales.recovered_by_hand(sale, Decimal(10), "finance", shop.clock.now)
    shop.later(minutes=40, ticks=2)
    assert account(shop) == [("settled", Decimal(0))]


def test_a_refund_deleted_beside_a_change_that_is_held_back_is_gone(shop: Scene) -> None:
    invoiced(shop)
    give_back(shop, "10.00")
    shop.later(minutes=40)
    take_away(shop)
    shop.change(NUMBER, shipping_total="1.00")
    shop.later(minutes=40, ticks=2)
    assert shop.stands(NUMBER) == ("closed", "changed")
    assert account(shop) == [("settled", Decimal(0))]


def test_a_refund_of_an_order_that_is_held_as_changed_is_open_money(shop: Scene) -> None:
    release(shop)
    line = {**shop.shown(NUMBER)["line_items"][0], "quantity": 1}
    shop.change(NUMBER, line_items=[line])
    shop.later()
    assert shop.stands(NUMBER) == ("released", "changed")
    give_back(shop, "7.77")
    shop.later(minutes=40)
    assert shop.stands(NUMBER) == ("released", "changed")
    assert account(shop) == [("invoicing", Decimal("7.77"))]


def test_what_lines_do_not_explain_of_a_later_refund_is_open_alone(shop: Scene) -> None:
    release(shop)
    world.ship(shop.sandbox.books, shop.sandbox.clock, str(NUMBER))
    world.invoice(shop.sandbox.books, shop.sandbox.clock, str(NUMBER))
    shop.later(minutes=20)
    give_back(shop, "60.00", (1, "50.00", "6.50"))
    shop.later(minutes=40)
    assert account(shop) == [("returning", Decimal("3.50"))]
    world.take_back(shop.sandbox.books, shop.sandbox.clock, str(NUMBER))
    shop.later(minutes=40)
    world.invoice(shop.sandbox.books, shop.sandbox.clock, str(NUMBER))
    shop.later(minutes=40, ticks=2)
    # The red-letter invoice is of the goods: what was given back beyond them is open.
    assert account(shop) == [("refunded", Decimal("3.50"))]


def test_what_a_line_cannot_bear_of_a_later_refund_is_open_money(shop: Scene) -> None:
    release(shop)
    world.ship(shop.sandbox.books, shop.sandbox.clock, str(NUMBER))
    world.invoice(shop.sandbox.books, shop.sandbox.clock, str(NUMBER))
    shop.later(minutes=20)
    give_back(shop, "125.20", (2, "112.20", "13.00"))
    shop.later(minutes=40)
    assert account(shop) == [("returning", Decimal("12.20"))]
    world.take_back(shop.sandbox.books, shop.sandbox.clock, str(NUMBER))
    shop.later(minutes=40)
    world.invoice(shop.sandbox.books, shop.sandbox.clock, str(NUMBER))
    shop.later(minutes=40, ticks=2)
    assert account(shop) == [("refunded", Decimal("12.20"))]


def test_a_cancelled_order_is_not_settled_before_all_of_its_money_went_back(shop: Scene) -> None:
    shop.change(NUMBER, status="cancelled")
    shop.later(minutes=40, ticks=2)
    assert shop.stands(NUMBER) == ("cancelled", None)
    assert account(shop) == [("received", Decimal("-133.34"))]
    give_back(shop, "100.00")
    shop.later(minutes=40, ticks=2)
    assert account(shop) == [("received", Decimal("-33.34"))]
    shop.until(NOON.replace(hour=18))
    shop.later(minutes=20, ticks=2)
    (row,) = told(shop, "2026-11-24")
    assert row[1].lstrip("'") == "-33.34"
    give_back(shop, "33.34")
    shop.later(minutes=40, ticks=2)
    assert account(shop) == [("settled", Decimal(0))]


def test_money_of_a_cancelled_order_that_stays_is_settled_by_a_person(shop: Scene) -> None:
    shop.change(NUMBER, status="cancelled")
    shop.later(minutes=40, ticks=2)
    give_back(shop, "100.00")
    shop.later(minutes=40, ticks=2)
    (sale,) = shop.connector.aftersales.of_order(shop.order(NUMBER).id)
    for part in ("13.34", "20.00"):  # what was said before counts on
        sale = shop.connector.aftersales.of_order(shop.order(NUMBER).id)[0]
        shop.connector.aftersales.recovered_by_hand(sale, Decimal(part), "finance", shop.clock.now)
        shop.later(minutes=40)
    assert account(shop) == [("settled", Decimal(0))]


def facts(**changes: Any) -> Facts:
    values: dict[str, Any] = {
        "kind": SaleKind.REFUND, "goods_back": False, "registered": False, "received": False,
        "refused": False, "refunded": Decimal(50), "invoiced": Decimal(50),
        "recovered": Decimal(0), "rest": Decimal(20),
    }  # fmt: skip
    return Facts(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "state", "amount"),
    [
        ({}, SaleState.REFUNDED, 20),
        ({"recovered": Decimal(30)}, SaleState.REFUNDED, 20),
        ({"recovered": Decimal(40)}, SaleState.REFUNDED, 10),
        ({"recovered": Decimal(50)}, SaleState.SETTLED, 0),
        # Lines say more than was given back: the buyer's, until no invoice says so.
        ({"rest": Decimal(-6)}, SaleState.RETURNING, -6),
        ({"rest": Decimal(-6), "recovered": Decimal(56)}, SaleState.SETTLED, -6),
        ({"rest": Decimal(-6), "recovered": Decimal(50)}, SaleState.SETTLED, 0),
        # Booked twice: an exchange is settled, what the shop says it gave back is not.
        ({"rest": Decimal(0), "twice": Decimal(50), "recovered": Decimal(50)},
         SaleState.SETTLED, 50),
        ({"rest": Decimal(0), "twice": Decimal(50), "recovered": Decimal(100)},
         SaleState.SETTLED, 0),
    ],
)  # fmt: skip
def test_what_is_open_follows_from_the_facts(
    changes: dict[str, Any], state: SaleState, amount: int
) -> None:
    assert open_money(facts(**changes), state) == amount


def test_lines_bear_no_more_than_they_come_to_and_the_oldest_refunds_first() -> None:
    shown = order(NUMBER, TWO)  # a line of 113.00
    item = shown["line_items"][0]
    given = [refund(9, [back(item, 1, "0.8")]), refund(10, [back(item, 1, "0.5")]),
             refund(11, [back(item, 0, "0.1")], amount="1.30")]  # fmt: skip
    for at, each in enumerate(given, start=1):
        each["date_created_gmt"] = f"2026-11-2{at}T11:51:01"
    made = read(with_refunds(shown, *given))
    assert unborne(made) == {"9": 0, "10": Decimal("33.90"), "11": Decimal("1.30")}


def test_freight_and_charges_bear_no_more_than_they_come_to() -> None:
    shown = order(
        NUMBER, Cart([Ware("50.00", 2)], shipping=("18.00", "0.13"), fees=[("5.00", "0.13")])
    )
    (ship,), (fee,) = shown["shipping_lines"], shown["fee_lines"]
    come_to = Decimal(shown["total"]) - 113
    given = [
        refund(9, shipping=[back(ship)]),
        refund(10, shipping=[back(ship)], fees=[back(fee)]),
        refund(11, [back(shown["line_items"][0], 1, "0.5")], shipping=[back(ship)]),
    ]
    for at, each in enumerate(given, start=1):
        each["date_created_gmt"] = f"2026-11-2{at}T11:51:01"
    made = read(with_refunds(shown, *given))
    freight = [each.freight for each in made.refunds]
    assert sum(freight[:2]) > come_to
    assert unborne(made) == {"9": 0, "10": sum(freight[:2]) - come_to, "11": freight[2]}


def test_documents_know_of_the_refunds_that_they_are_less_by() -> None:
    given = [refund(9, amount="10.00"), refund(10, amount="20.00")]
    given[1]["date_created_gmt"] = "2026-11-25T11:51:01"
    made = read(with_refunds(order(NUMBER, TWO), *given))
    for worth, unknown in (("133.34", "9 10"), ("123.34", "10"), ("103.34", ""), ("99", "9 10")):
        found = since_placed(made, Decimal(worth))
        assert " ".join(each.refund_id for each in found) == unknown
    assert len(since_placed(made, None)) == 2
