"""What an order of a taxed shop comes to, line by line: net and tax, fees, shipping, refunds."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.domain.lifecycle import HoldCause
from connector.domain.order import Order, Problem
from connector.domain.reading import read_order
from connector.domain.refunds import as_of, spread
from connector.domain.validity import problems
from connector.mapping import load
from tests.money.shop import Cart, Ware, back, order, refund, with_refunds

pytestmark = pytest.mark.unit

MAPPING = load(Path(__file__).parents[2] / "mappings")["storefront_order"]
TWO = Cart([Ware("50.00", 2)])  # 100.00 and 13.00


def read(payload: dict[str, Any]) -> Order:
    made, wrong = read_order(MAPPING.apply_leniently(payload)[0], shop="shop")
    assert made is not None, wrong
    return made


def wrong(made: Order) -> tuple[Problem, ...]:
    return problems(made, made.placed_at.date())


def held(payload: dict[str, Any]) -> set[HoldCause]:
    return {each.cause for each in wrong(read(payload))}


def opened(made: Order) -> Decimal:
    return sum((line.open_amount for line in made.open_lines), made.open_freight)


def test_the_tax_of_shipping_is_freight() -> None:
    made = read(order(1, Cart([Ware("100.00")], shipping=("18.00", "0.13"))))
    assert (made.freight, made.total) == (Decimal("20.34"), Decimal("133.34"))
    assert wrong(made) == ()


def test_the_tax_of_a_refunded_line_was_refunded_too() -> None:
    shown = order(1, TWO)
    made = read(with_refunds(shown, refund(9, [back(shown["line_items"][0], 1, "0.5")])))
    assert made.refunds[0].amount == Decimal("56.50")
    assert made.lines[0].refunded_amount == Decimal("56.50")
    assert opened(made) == Decimal("56.50")
    assert wrong(made) == ()


def test_a_subsidy_that_is_taken_back_is_refunded_less() -> None:
    cart = Cart([Ware("50.00", 2)], tax="none", shipping=("18.00", "0"), fees=[("-10.00", "0")])
    shown = order(1, cart)
    (line,), (fee,) = shown["line_items"], shown["fee_lines"]
    given = refund(9, [back(line, 1, "0.5")], fees=[back(fee, share="0.5")])
    assert given["amount"] == "45.00"
    made = read(with_refunds(shown, given))
    assert (made.lines[0].open_amount, made.open_freight) == (Decimal("45.00"), Decimal("18.00"))
    assert wrong(made) == ()


def test_a_subsidy_that_is_not_taken_back_stays_with_what_is_open() -> None:
    cart = Cart([Ware("50.00"), Ware("30.00"), Ware("20.00")], tax="none", fees=[("-10.00", "0")])
    shown = order(1, cart)
    made = read(with_refunds(shown, refund(9, [back(shown["line_items"][0], 1)])))
    assert [line.open_amount for line in made.lines] == [
        Decimal(0), Decimal("24.00"), Decimal("16.00")
    ]  # fmt: skip
    assert wrong(made) == ()


def test_a_subsidy_taken_back_alone_is_shared_by_the_lines_that_had_it() -> None:
    cart = Cart([Ware("60.00"), Ware("40.00")], tax="none", shipping=("18.00", "0"),
                fees=[("-10.00", "0")])  # fmt: skip
    shown = order(1, cart)
    given = refund(
        9, shipping=[back(shown["shipping_lines"][0])], fees=[back(shown["fee_lines"][0])]
    )
    made = read(with_refunds(shown, given))
    assert given["amount"] == "8.00"
    assert [line.open_amount for line in made.lines] == [Decimal("60.00"), Decimal("40.00")]
    assert made.open_freight == 0
    assert wrong(made) == ()


def test_shipping_and_charges_that_are_refunded_are_no_freight() -> None:
    cart = Cart([Ware("100.00")], shipping=("18.00", "0.13"), fees=[("8.00", "0.13")])
    shown = order(1, cart)
    made = read(with_refunds(shown, refund(9, shipping=[back(shown["shipping_lines"][0])])))
    assert (made.freight, made.open_freight) == (Decimal("29.38"), Decimal("9.04"))
    both = refund(
        9, shipping=[back(shown["shipping_lines"][0])], fees=[back(shown["fee_lines"][0])]
    )
    made = read(with_refunds(shown, both))
    assert made.open_freight == 0
    assert wrong(made) == ()


def test_the_cent_that_taxes_rounded_at_the_subtotal_leave_is_carried() -> None:
    shown = order(1, Cart([Ware("2.50")] * 3, at_subtotal=True))
    assert shown["total"] == "8.48"
    made = read(shown)
    assert [line.amount for line in made.lines] == [Decimal(each) for each in
                                                    ("2.82", "2.83", "2.83")]  # fmt: skip
    assert wrong(made) == ()
    shown = order(1, Cart([Ware("54.17", rate="0.2"), Ware("41.67", rate="0.2")], at_subtotal=True))
    assert shown["total"] == "115.01"
    made = read(shown)
    assert [line.amount for line in made.lines] == [Decimal("65.01"), Decimal("50.00")]
    assert [(line.unit_price, line.discount) for line in made.lines] == [
        (Decimal("65.01"), Decimal(0)), (Decimal("50.00"), Decimal(0))
    ]  # fmt: skip


@pytest.mark.parametrize("refunded", [0, 1])
def test_the_cent_stays_with_what_is_open(refunded: int) -> None:
    shown = order(1, Cart([Ware("54.17", rate="0.2"), Ware("41.67", rate="0.2")], at_subtotal=True))
    given = refund(9, [back(shown["line_items"][refunded], 1)])
    made = read(with_refunds(shown, given))
    assert opened(made) == Decimal(shown["total"]) - Decimal(given["amount"])
    assert wrong(made) == ()


def test_more_than_rounding_is_held_with_both_sums() -> None:
    shown = order(1, TWO) | {"total": "113.02"}
    (problem,) = wrong(read(shown))
    assert "113.00" in str(problem)
    assert "113.02" in str(problem)


def test_a_refund_by_amount_only_is_on_no_line() -> None:
    given = with_refunds(order(1, TWO), refund(9, amount="20.00"))
    made = read(given)
    assert (made.refunds[0].rest, opened(made)) == (Decimal("20.00"), Decimal("113.00"))
    assert held(given) == {HoldCause.REFUND_AMOUNT}
    (problem,) = wrong(made)
    assert "20.00 CNY stands on no line" in str(problem)
    assert "BU finance" in str(problem)
    assert opened(spread(made, None)) == Decimal("93.00")
    assert wrong(spread(made, None)) == ()


def test_what_lines_do_not_explain_of_a_refund_is_on_no_line() -> None:
    shown = order(1, TWO)
    given = refund(9, [back(shown["line_items"][0], 1, "0.5")], amount="60.00")
    assert held(with_refunds(shown, given)) == {HoldCause.REFUND_AMOUNT}
    # Less was given back than the lines say: the rest is still ours.
    given = refund(9, [back(shown["line_items"][0], 1, "0.5")], amount="50.00")
    assert held(with_refunds(shown, given)) == {HoldCause.REFUND_AMOUNT}


def test_what_is_kept_of_a_line_that_went_back_whole_is_on_no_line() -> None:
    shown = order(1, Cart([Ware("100.00"), Ware("50.00")]))
    made = with_refunds(shown, refund(9, [back(shown["line_items"][0], 1, "0.9")]))
    assert held(made) == {HoldCause.REFUND_AMOUNT}
    assert opened(spread(read(made), None)) == Decimal("67.80")


@pytest.mark.parametrize("early", [False, True])
def test_money_that_went_back_whole_leaves_nothing_open_under_spread(early: bool) -> None:
    shown = order(1, Cart([Ware("100.00"), Ware("50.00")], shipping=("18.00", "0.13")))
    rest = Decimal(shown["total"])
    given = []
    if early:
        given.append(refund(8, [back(shown["line_items"][0], 1)]))
        rest -= Decimal(given[0]["amount"])
    made = spread(read(with_refunds(shown, *given, refund(9, amount=f"{rest}"))), None)
    assert made.open_lines == ()
    assert made.open_freight == 0
    assert wrong(made) == ()


def test_a_refund_of_more_than_the_goods_is_spread_on_no_line_and_says_so() -> None:
    shown = order(1, Cart([Ware("100.00"), Ware("50.00")], shipping=("18.00", "0.13")))
    less = Decimal(shown["total"]) - Decimal("0.01")
    made = spread(read(with_refunds(shown, refund(9, amount=f"{less}"))), None)
    assert all(line.open_amount == line.amount for line in made.lines)
    (problem,) = wrong(made)
    assert problem.cause is HoldCause.REFUND_AMOUNT
    assert f"{less} CNY stands on no line" in str(problem)
    assert "more than the open lines are worth" in str(problem)
    assert "spread" not in str(problem)


def test_a_refund_of_a_line_that_is_not_there_is_on_no_line() -> None:
    shown = order(1, TWO)
    stranger = {**shown["line_items"][0], "id": 4711}
    given = with_refunds(shown, refund(9, [back(stranger, 1, "0.5")]))
    assert held(given) == {HoldCause.REFUND_AMOUNT}


def test_more_than_a_line_is_worth_cannot_be_refunded_of_it() -> None:
    shown = order(1, Cart([Ware("100.00"), Ware("50.00")]))
    given = refund(9, [back(shown["line_items"][1], 0, "1.5")])
    assert HoldCause.REFUND_AMOUNT in held(with_refunds(shown, given))


def test_what_was_refunded_later_leaves_earlier_amounts_as_they_were() -> None:
    shown = order(1, TWO)
    line = shown["line_items"][0]
    early, late = refund(9, [back(line, 1, "0.5")]), refund(10, amount="20.00")
    late["date_created_gmt"] = "2026-11-25T11:51:01"
    made = read(with_refunds(shown, early, late))
    moment = made.placed_at
    assert opened(as_of(made, moment)) == Decimal("56.50")
    assert opened(spread(made, moment)) == Decimal("56.50")  # released in between: open money
    assert opened(spread(made, None)) == Decimal("36.50")


def test_the_undiscounted_price_has_its_own_tax() -> None:
    made = read(order(1, Cart([Ware("8.78", off="1"), Ware("100.00", 3, off="0.07")])))
    gift, other = made.lines
    assert (gift.amount, gift.discount) == (Decimal(0), Decimal("9.92"))
    assert (other.amount, other.discount) == (Decimal("315.27"), Decimal("23.73"))
    assert wrong(made) == ()


@pytest.mark.parametrize(
    ("currency", "price", "amount"), [("JPY", "500", "1130"), ("KWD", "1.005", "2.272")]
)
def test_amounts_are_in_the_minor_units_of_their_currency(
    currency: str, price: str, amount: str
) -> None:
    net = Decimal(price) * 2
    tax = Decimal(amount) - net
    shown = order(1, Cart([Ware("1.00", 2)], currency=currency))
    shown["line_items"][0] |= {
        "subtotal": f"{net}", "total": f"{net}", "subtotal_tax": f"{tax}", "total_tax": f"{tax}",
    }  # fmt: skip
    shown["total"] = amount
    made = with_refunds(shown, refund(9, amount="0.500" if currency == "KWD" else "100"))
    spread_ = spread(read(made), None)
    assert str(read(shown).lines[0].amount) == amount
    assert wrong(spread_) == ()
    assert spread_.lines[0].open_amount.as_tuple().exponent == (-3 if currency == "KWD" else 0)


def test_what_is_finer_than_the_currency_is_rounded_half_up() -> None:
    shown = order(1, Cart([Ware("10.00")], tax="none", currency="EUR"))
    shown["line_items"][0] |= {"subtotal": "10.005", "total": "10.005"}
    made = read(shown | {"total": "10.005"})
    assert (made.total, made.lines[0].amount) == (Decimal("10.01"), Decimal("10.01"))
    assert wrong(made) == ()
