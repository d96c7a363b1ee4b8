"""What is promised of an order, by policy."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.allocation import Availability, Part, StockPolicy, Wanted, promise

pytestmark = pytest.mark.unit

A, B = ("1000", "A-1", "EA"), ("1000", "B-2", "EA")


def _wanted(*each: tuple[int, Part, int]) -> list[Wanted]:
    return [Wanted(line, part, Decimal(n), Decimal(n)) for line, part, n in each]


def _known(a: int, b: int = 100, multiple: int = 0) -> dict[Part, Availability]:
    return {
        A: Availability(Decimal(a), multiple=Decimal(multiple)),
        B: Availability(Decimal(b)),
    }


@pytest.mark.parametrize(
    ("policy", "free", "promised", "short"),
    [
        ("hold_order", 5, {1: 5, 2: 2}, ()),
        ("hold_order", 3, {}, (A,)),
        ("hold_line", 5, {1: 5, 2: 2}, ()),
        ("hold_line", 3, {2: 2}, (A,)),
        ("ship_available", 3, {1: 3, 2: 2}, (A,)),
        ("ship_available", 0, {2: 2}, (A,)),
        ("ship_available", -4, {2: 2}, (A,)),
    ],
)
def test_what_goes_of_a_short_order_is_the_policy(
    policy: str, free: int, promised: dict[int, int], short: tuple[Part, ...]
) -> None:
    made = promise(StockPolicy(policy), _wanted((1, A, 5), (2, B, 2)), _known(free))
    assert made.quantities == {line: Decimal(n) for line, n in promised.items()}
    assert made.short == short


def test_a_later_line_that_fits_goes_though_an_earlier_one_of_the_part_does_not() -> None:
    made = promise(StockPolicy.HOLD_LINE, _wanted((1, A, 5), (2, A, 2)), _known(3))
    assert dict(made.quantities) == {2: 2}


def test_packs_are_not_opened_for_a_part_delivery() -> None:
    wanted = _wanted((1, A, 12))
    made = promise(StockPolicy.SHIP_AVAILABLE, wanted, _known(11, multiple=4))
    assert dict(made.quantities) == {1: 8}


def test_what_is_left_of_a_line_need_not_reach_the_least_order() -> None:
    known = {A: Availability(Decimal(9), minimum=Decimal(5))}
    left = Wanted(1, A, ordered=Decimal(6), quantity=Decimal(2))
    assert dict(promise(StockPolicy.HOLD_LINE, [left], known).quantities) == {1: 2}
    few = Wanted(1, A, ordered=Decimal(2), quantity=Decimal(2))
    assert promise(StockPolicy.SHIP_AVAILABLE, [few], known).short == (A,)


_lines = st.lists(st.tuples(st.sampled_from([A, B]), st.integers(1, 20)), min_size=1, max_size=5)


@given(
    policy=st.sampled_from(StockPolicy),
    orders=st.lists(_lines, min_size=1, max_size=6),
    free=st.tuples(st.integers(-3, 40), st.integers(-3, 40)),
    multiple=st.sampled_from([0, 1, 4]),
)
def test_no_sequence_of_orders_hands_out_a_piece_twice(
    policy: StockPolicy, orders: list[list[tuple[Part, int]]], free: tuple[int, int], multiple: int
) -> None:
    left = dict(zip((A, B), map(Decimal, free), strict=True))
    for order in orders:
        known = {part: Availability(left[part], multiple=Decimal(multiple)) for part in (A, B)}
        wanted = _wanted(*((n, part, q) for n, (part, q) in enumerate(order, start=1)))
        made = promise(policy, wanted, known)
        taken: dict[Part, Decimal] = defaultdict(Decimal)
        for each in wanted:
            quantity = made.quantities.get(each.line, Decimal(0))
            assert 0 <= quantity <= each.quantity
            if policy is not StockPolicy.SHIP_AVAILABLE:
                assert quantity in (0, each.quantity)
            taken[each.part] += quantity
            if quantity < each.quantity and (made.quantities or policy != "hold_order"):
                assert each.part in made.short
        if policy is StockPolicy.HOLD_ORDER:
            assert not made.quantities or not made.short
        for part, quantity in taken.items():
            assert quantity <= max(left[part], Decimal(0))
            left[part] -= quantity
