"""The month's settlement of an order is what the shop was paid for it, less what it gave back."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from connector.domain.business_unit import assign
from connector.domain.settlement import Shipped, Terms, expected
from connector.jobs.settlement import refunds_of
from connector.store.daybook import Kept
from connector.store.tables import OrderRow
from tests.money.shop import Cart, Ware, back, order, refund, with_refunds, worth
from tests.money.table import Sold
from tests.money.test_reading import MAPPING, read, wrong
from tests.money.test_table import SOLD, refunded
from tests.support.books import UNITS

pytestmark = pytest.mark.unit

ZONE = ZoneInfo("Asia/Shanghai")
TERMS = Terms(subsidy_to_unit=False)


def settled(
    each: Sold, terms: Terms = TERMS, gone: Mapping[int, Decimal] | None = None
) -> Decimal | None:
    """Return what is settled once all that is open, or `gone`, has left; None where it is held."""
    payload = with_refunds(each.shown, *each.shown.get("refunds_detail", []), *each.later)
    made = assign(read(payload), tuple(UNITS.values()))[0]
    if wrong(made) or not made.open_lines:
        return None
    left = {line.number: line.open_quantity for line in made.open_lines}
    row = OrderRow(shop="shop", content=MAPPING.apply_leniently(payload)[0],
                   placed_at=made.placed_at)  # fmt: skip
    refunds = refunds_of(Kept(row, (), (), (), {}), made.placed_at.replace(year=2099))
    shipped = [Shipped("SF1", made.placed_at, gone or left)]
    entries = expected(made, "GQ", shipped, refunds, terms, ZONE)
    return sum((entry.amount for entry in entries), Decimal(0))


def test_each_kind_of_order_is_settled_for_what_the_buyer_still_pays() -> None:
    for each in SOLD:
        due = settled(each)
        assert due is None or due == each.total - each.before - each.after, each.kind


@settings(max_examples=150, deadline=None)
@given(refunded())
def test_any_order_is_settled_for_what_the_buyer_still_pays(one: tuple[Sold, int]) -> None:
    each, _ = one
    due = settled(each)
    assert due is None or due == each.total - each.after


def test_what_was_not_given_back_of_a_piece_that_stays_is_the_units() -> None:
    shown = order(1, Cart([Ware("33.33", 3)]))
    given_back = refund(9, [back(shown["line_items"][0], 1, "0.2655")])
    made = Sold(SOLD[0].kind, with_refunds(shown, given_back))
    assert settled(made) == Decimal(shown["total"]) - Decimal(given_back["amount"])


@pytest.mark.parametrize("gone", ["all", "what is open"])
@pytest.mark.parametrize(
    ("lines", "taken_back", "subsidy"),
    [
        ([(1, "0.5")], "0.5", "5"),
        ([(1, "0.5")], "0", "10"),
        ([(2, "1")], "1", "0"),
    ],
)
def test_the_platform_owes_the_subsidy_that_no_refund_took_back(
    lines: list[tuple[int, str]], taken_back: str, subsidy: str, gone: str
) -> None:
    shown = order(1, Cart([Ware("50.00", 2), Ware("0.10")], tax="on top", fees=[("-10", "0")]))
    item, fee = shown["line_items"][0], shown["fee_lines"][0]
    given_back = refund(
        9,
        [back(item, pieces, share) for pieces, share in lines],
        fees=[back(fee, share=taken_back)] if Decimal(taken_back) else [],
    )
    made = Sold(SOLD[0].kind, with_refunds(shown, given_back))
    left = {1: Decimal(2), 2: Decimal(1)} if gone == "all" else None
    due = settled(made, Terms(), left)
    assert due == made.total - made.before + Decimal(subsidy)


@settings(max_examples=150, deadline=None)
@given(refunded())
def test_the_subsidy_is_settled_beside_what_the_buyer_still_pays(one: tuple[Sold, int]) -> None:
    each, _ = one
    due, fees = settled(each, Terms()), each.shown["fee_lines"]
    subsidy = -sum((min(worth(fee), Decimal(0)) for fee in fees), Decimal(0))
    back = [fee for given in each.later for fee in given["fee_lines"]]
    taken = sum((max(worth(fee), Decimal(0)) for fee in back), Decimal(0))
    assert due is None or due == each.total - each.after + subsidy - taken
