"""After the sale: goods back once, the refund counted once, the invoice followed to its end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.aftersales import (
    Facts,
    SaleKind,
    SaleState,
    counted,
    open_amount,
    owner_of,
    sales_of,
    share_out,
    state_of,
)
from connector.domain.lifecycle import Owner
from connector.domain.reading import read_order
from connector.sandbox import world
from tests.support.books import SHOP, content
from tests.support.scene import NOON, Scene, scene

PLACED = datetime(2026, 11, 20, tzinfo=UTC)
ORDER = "30"


@pytest.fixture
def shipped(tmp_path: Path) -> Iterator[Scene]:
    """Order 30 shipped, invoiced and closed."""
    with scene(f"sqlite:///{tmp_path / 'connector.db'}", tmp_path) as made:
        made.until(NOON)
        world.ship(made.sandbox.books, made.sandbox.clock, ORDER)
        world.invoice(made.sandbox.books, made.sandbox.clock, ORDER)
        made.later(minutes=20, ticks=2)
        assert made.stands(30) == ("closed", None)
        yield made


def refund(made: Scene, amount: str, *lines: tuple[int, int, str]) -> None:
    """Refund in the storefront; lines are (place, quantity, amount)."""
    items = [
        {
            "id": 900 + place,
            "quantity": -quantity,
            "total": f"-{each}",
            "meta_data": [
                {
                    "key": "_refunded_item_id",
                    "value": str(made.shown(30)["line_items"][place - 1]["id"]),
                }
            ],
        }
        for place, quantity, each in lines
    ]
    world.refund(made.sandbox.books, made.sandbox.clock, ORDER, amount, items, f"refund {amount}")


def states(made: Scene) -> list[tuple[str, str]]:
    rows = made.connector.aftersales.of_order(made.order(30).id)
    return [(row.kind, row.state) for row in rows]


def test_a_return_goes_from_refund_to_red_letter_invoice_and_is_registered_once(
    shipped: Scene,
) -> None:
    refund(shipped, "386.00", (2, 1, "386.00"))
    shipped.later(minutes=40, ticks=3)
    assert shipped.stands(30) == ("closed", None)
    assert states(shipped) == [("return", "returning")]
    returns = [each for order in shipped.sales_orders(30) for each in order["returns"]]
    assert len(returns) == 1
    world.take_back(shipped.sandbox.books, shipped.sandbox.clock, ORDER)
    shipped.later(minutes=40, ticks=2)
    assert states(shipped) == [("return", "refunded")]
    (open_one,) = shipped.connector.aftersales.listed(("refunded",))
    assert (open_one[0].amount, open_one[0].recovered) == (Decimal("386.00"), Decimal("0.00"))
    world.invoice(shipped.sandbox.books, shipped.sandbox.clock, ORDER)
    shipped.later(minutes=40, ticks=2)
    assert states(shipped) == [("return", "settled")]
    told = [each.text for each in shipped.story(30) if each.kind == "after_sale"]
    assert any("returning → refunded (BU finance)" in each for each in told)
    assert any("refunded → settled (nobody)" in each for each in told)


def test_a_lost_answer_of_the_return_registers_it_once(shipped: Scene) -> None:
    shipped.fault("dms:lost-answer:operation=RegisterReturn,times=1")
    refund(shipped, "386.00", (2, 1, "386.00"))
    shipped.later(minutes=40, ticks=3)
    assert states(shipped) == [("return", "returning")]
    returns = [each for order in shipped.sales_orders(30) for each in order["returns"]]
    assert len(returns) == 1


def test_money_back_without_goods_waits_for_the_invoice_until_a_person_has_it(
    shipped: Scene,
) -> None:
    refund(shipped, "10.00")
    shipped.later(minutes=40, ticks=2)
    assert states(shipped) == [("refund", "refunded")]
    sales = shipped.connector.aftersales
    (row,) = sales.of_order(shipped.order(30).id)
    sales.recovered_by_hand(row, Decimal("10.00"), "finance", shipped.clock.now)
    shipped.later(minutes=40, ticks=2)
    assert states(shipped) == [("refund", "settled")]


def test_a_return_registered_for_a_refund_that_the_shop_deleted_is_told_to_ops(
    shipped: Scene,
) -> None:
    refund(shipped, "386.00", (2, 1, "386.00"))
    shipped.later(minutes=40, ticks=3)
    assert states(shipped) == [("return", "returning")]
    world.delete_refund(shipped.sandbox.books, shipped.sandbox.clock, ORDER)
    shipped.later(minutes=40, ticks=3)
    assert states(shipped) == [("return", "withdrawn")]
    told = [each.text for each in shipped.story(30) if each.kind == "after_sale"]
    (moved,) = [each for each in told if "returning → withdrawn (ops)" in each]
    assert "the storefront shows it no more" in moved
    (listed,) = [each for each, of in shipped.connector.aftersales.listed() if of.number == ORDER]
    assert (listed.state, listed.open_money) == ("withdrawn", Decimal(0))
    shipped.connector.aftersales.recovered_by_hand(listed, Decimal(0), "ops", shipped.clock.now)
    shipped.later(minutes=40, ticks=3)
    assert states(shipped) == [("return", "settled")]


def request(kind: str, *refunds: str) -> Any:
    return content(
        "7",
        PLACED,
        [("XC-1", "2", "100.00")],
        return_requests=[
            {"request_id": "Q1", "kind": kind, "lines": [{"line_id": "1", "quantity": "1"}]}
        ],
        refunds=[
            {
                "refund_id": f"R{index}",
                "amount": amount,
                "request": "Q1",
                "refunded_at": (PLACED + timedelta(days=index)).isoformat(),
                "lines": [{"line_id": "1", "quantity": "1", "amount": amount}],
            }
            for index, amount in enumerate(refunds, start=1)
        ],
    )


@pytest.mark.parametrize(
    ("asked", "refunds", "sales"),
    [
        # The shop's own refund screen names no request: the same piece is meant.
        ("1", [("1", 1)], {"Q1": ("R1",)}),
        ("2", [("1", 1), ("1", 2)], {"Q1": ("R1", "R2")}),
        # A second piece is another return, and so is what was refunded before anybody asked.
        ("1", [("1", 1), ("1", 2)], {"Q1": ("R1",), "R2": ("R2",)}),
        ("1", [("1", -1)], {"Q1": (), "R1": ("R1",)}),
        ("1", [("2", 1)], {"Q1": (), "R1": ("R1",)}),
    ],
)
def test_a_refund_that_names_no_request_is_of_the_one_that_asked_for_its_pieces(
    asked: str, refunds: list[tuple[str, int]], sales: dict[str, tuple[str, ...]]
) -> None:
    body = content(
        "7",
        PLACED,
        [("XC-1", "3", "150.00")],
        return_requests=[
            {"request_id": "Q1", "kind": "return", "requested_at": PLACED.isoformat(),
             "lines": [{"line_id": "1", "quantity": asked}]}
        ],
        refunds=[
            {"refund_id": f"R{index}", "amount": f"{50 * int(pieces)}.00",
             "refunded_at": (PLACED + timedelta(hours=hours)).isoformat(),
             "lines": [{"line_id": "1", "quantity": pieces, "amount": f"{50 * int(pieces)}.00"}]}
            for index, (pieces, hours) in enumerate(refunds, start=1)
        ],
    )  # fmt: skip
    order, _ = read_order(body, shop=SHOP)
    assert order is not None
    assert {each.reference: each.refunds for each in sales_of(order, body)} == sales


def test_an_exchange_that_the_storefront_refunds_twice_counts_once() -> None:
    body = request("exchange", "50.00", "50.00")
    order, _ = read_order(body, shop=SHOP)
    assert order is not None
    (sale,) = sales_of(order, body)
    assert (sale.kind, sale.refunded, sale.refunds) == (
        SaleKind.EXCHANGE,
        Decimal("50.00"),
        ("R1", "R2"),
    )
    body = request("return", "20.00", "30.00")
    order, _ = read_order(body, shop=SHOP)
    assert order is not None
    (sale,) = sales_of(order, body)
    assert sale.kind is SaleKind.RETURN
    assert sale.refunded == 50
    assert sale.back == {1: Decimal(1)}


@pytest.mark.parametrize(
    ("kind", "changes", "state", "owner"),
    [
        (SaleKind.RETURN, {}, SaleState.REQUESTED, Owner.OPS),
        (SaleKind.RETURN, {"registered": True}, SaleState.RETURNING, Owner.WAREHOUSE),
        (SaleKind.RETURN, {"received": True}, SaleState.RECEIVED, Owner.SALES_REP),
        (
            SaleKind.RETURN,
            {"received": True, "refunded": Decimal(5)},
            SaleState.REFUNDED,
            Owner.BU_FINANCE,
        ),
        (
            SaleKind.RETURN,
            {"received": True, "refunded": Decimal(5), "recovered": Decimal(5)},
            SaleState.SETTLED,
            Owner.NOBODY,
        ),
        # The shop took goods back by a refund of nothing: no money is waited for.
        (SaleKind.RETURN, {"received": True, "booked": True}, SaleState.SETTLED, Owner.NOBODY),
        (SaleKind.REFUND, {"goods_back": False, "booked": True}, SaleState.SETTLED, Owner.NOBODY),
        (SaleKind.EXCHANGE, {"received": True}, SaleState.SETTLED, Owner.NOBODY),
        (SaleKind.REFUND, {"goods_back": False, "refunded": Decimal(5), "invoiced": Decimal(0)},
         SaleState.SETTLED, Owner.NOBODY),
        (SaleKind.RETURN, {"refused": True}, SaleState.REFUSED, Owner.OPS),
    ],
)  # fmt: skip
def test_each_state_has_its_owner(
    kind: SaleKind, changes: dict[str, Any], state: SaleState, owner: Owner
) -> None:
    facts = {
        "goods_back": True, "registered": False, "received": False, "refused": False,
        "refunded": Decimal(0), "invoiced": Decimal(10), "recovered": Decimal(0), **changes,
    }  # fmt: skip
    found = state_of(Facts(kind=kind, **facts))
    assert (found, owner_of(found)) == (state, owner)


AMOUNTS = st.decimals(min_value=0, max_value=10_000, places=2)


@given(st.lists(AMOUNTS, max_size=6), AMOUNTS)
def test_what_invoices_took_back_is_given_to_refunds_once(
    due: list[Decimal], back: Decimal
) -> None:
    shares = share_out([(str(index), amount) for index, amount in enumerate(due)], back)
    assert sum(shares.values(), Decimal(0)) == min(back, sum(due, Decimal(0)))
    assert all(shares[str(index)] <= amount for index, amount in enumerate(due))


@given(st.sampled_from(SaleKind), st.lists(AMOUNTS, max_size=4), AMOUNTS, AMOUNTS)
def test_no_more_is_open_than_was_invoiced(
    kind: SaleKind, booked: list[Decimal], worth: Decimal, invoiced: Decimal
) -> None:
    refunded = counted(kind, booked, worth)
    facts = Facts(kind, True, True, True, False, refunded, invoiced, Decimal(0))
    assert 0 <= open_amount(facts) <= invoiced
    assert kind is not SaleKind.EXCHANGE or refunded <= worth
