"""Every book says what the shop was paid: the table of docs/money.md, and any other order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.bootstrap import business_units_of
from connector.domain.lifecycle import OWNER
from connector.domain.open_money import since_placed
from connector.domain.order import Order
from connector.domain.refunds import as_of, spread
from connector.domain.validity import problems
from connector.mapping import load
from connector.settings import load_settings
from connector.steps.context import part_source
from tests.money.shop import Cart, Ware, back, order, refund, with_refunds, worth
from tests.money.table import (
    BEGIN,
    DOCUMENT,
    END,
    Day,
    Sold,
    all_sold,
    documents,
    kinds,
    table,
)
from tests.money.test_reading import read, wrong

pytestmark = pytest.mark.unit

_ZERO = Decimal(0)
SOLD = all_sold()
MAPPINGS = load(Path(__file__).parents[2] / "mappings")
UNITS = business_units_of(load_settings())


def written() -> list[list[str]]:
    text = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]]


def opened(made: Order) -> Decimal:
    return sum((line.open_amount for line in made.open_lines), made.open_freight)


def test_every_row_of_the_table_is_equal_or_held_for_somebody() -> None:
    rows = written()
    assert len(rows) == len(set(kinds())) == 216
    for row, each in zip(rows, SOLD, strict=True):
        shop, before, later, ordered, applied, total, refunded, money, outcome = row[6:]
        assert (shop, before, later) == (f"{each.total}", f"{each.before:.2f}", f"{each.after:.2f}")
        made = read(each.shown)
        if outcome == "equal":
            assert wrong(made) == ()
            assert ordered == applied == f"{each.total - each.before:.2f}" == f"{opened(made):.2f}"
            assert (total, money) == (shop, f"{each.unexplained:.2f}")
            assert Decimal(refunded) == each.before + each.after
        else:
            (cause,) = {problem.cause for problem in wrong(made)}
            assert outcome == f"held: {cause} ({OWNER[cause]})"
            assert each.kind.refund == "amount"


def lines_for_the_dms(made: Order) -> list[dict[str, Decimal]]:
    """Return the lines of the sales order, as the shipped mapping gives them to the DMS."""
    code = next(iter(UNITS))
    made = replace(made, lines=tuple(replace(line, business_unit=code) for line in made.lines))
    row = SimpleNamespace(customer_number="0000100001", payload={})
    context = SimpleNamespace(business_units=UNITS)
    source = part_source(context, row, made, code)  # type: ignore[arg-type]
    lines = MAPPINGS["dms_sales_order"].apply(source).body["header"]["lines"]
    amend = MAPPINGS["dms_amend"].apply({**source, "sales_order": "SO00000001"}).body
    assert amend["header"]["lines"] == lines
    return [
        {name: Decimal(line[name]) for name in ("quantity", "unitPrice", "discount", "amount")}
        for line in lines
    ]


def adds_up(line: dict[str, Decimal]) -> bool:
    """Whether quantity × price − discount is the amount, within what four places of a price lose.

    A price of four places is off by half its last place for each piece, and the discount is in
    whole cents.
    """
    off = line["quantity"] * line["unitPrice"] - line["discount"] - line["amount"]
    return abs(off) <= line["quantity"] * Decimal("0.00005") + Decimal("0.005")


def test_each_line_of_the_dms_order_adds_up() -> None:
    for row, each in zip(written(), SOLD, strict=True):
        if row[-1] == "equal":
            for line in lines_for_the_dms(read(each.shown)):
                assert line["discount"] >= 0
                assert adds_up(line), (each.kind, line)


@pytest.mark.parametrize(
    ("ware", "fees", "pieces", "share", "expected"),
    [
        (Ware("50.00", 2), [("-10.00", "0")], 1, "0.5", ("1", "50", "5", "45")),
        (Ware("50.00", 2), [("-10.00", "0")], 0, "0.1", ("2", "50", "19", "81")),
        # More was kept than the piece is worth: no discount is negative, the price is that of it.
        (Ware("50.00", 2), [], 1, "0.4", ("1", "60", "0", "60")),
        (Ware("50.00", 3), [], 1, "0.3", ("2", "52.5", "0", "105")),
    ],
)
def test_the_discount_is_that_of_what_is_open(
    ware: Ware, fees: list[tuple[str, str]], pieces: int, share: str, expected: tuple[str, ...]
) -> None:
    shown = order(1, Cart([ware], tax="none", shipping=("18.00", "0"), fees=fees))
    given = refund(
        9,
        [back(shown["line_items"][0], pieces, share)],
        fees=[back(fee, share=share) for fee in shown["fee_lines"]],
    )
    (line,) = lines_for_the_dms(read(with_refunds(shown, given)))
    assert tuple(line.values()) == (
        Decimal(expected[0]), Decimal(expected[1]), Decimal(expected[2]), Decimal(expected[3])
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_table_is_what_the_systems_hold(tmp_path: Path) -> None:
    day = Day(SOLD, tmp_path)
    for made in day.lived():
        ordered, _ = documents(made)
        refunds = made.sandbox.books.all("storefront.refund")
        for number, each in day.orders.items():
            row = made.order(number)
            if row.hold_cause or number not in ordered:
                continue
            open_ = sum((sale.open_money for sale in made.connector.aftersales.of_order(row.id)),
                        _ZERO)  # fmt: skip
            booked = [one for one in refunds if one["order"] == str(number)]
            given_back = sum((Decimal(one["amount"]) for one in booked), _ZERO)
            later = given_back - each.before
            followed = later == 0 or open_ == each.unexplained
            assert ordered[number] - (later - open_) - open_ == each.total - given_back
            assert followed, number
    assert table(day.rows(made)) == DOCUMENT.read_text("utf-8").split(BEGIN)[1].split(END)[0]


AMOUNTS = st.decimals("0.01", "999.99", places=2).map(str)
SHARES = st.sampled_from(["0.1", "0.25", "0.3333", "0.5", "1"])


@st.composite
def carts(draw: st.DrawFn) -> Cart:
    wares = draw(st.lists(
        st.builds(
            Ware, AMOUNTS, st.integers(1, 7), st.sampled_from(["0.13", "0.09", "0.06", "0"]),
            st.sampled_from(["0", "0.07", "0.5", "1"]),
        ),
        min_size=1, max_size=5,
    ))  # fmt: skip
    charge = st.tuples(st.sampled_from(["8.00", "0.55"]), st.sampled_from(["0.13", "0"]))
    return Cart(
        wares,
        draw(st.sampled_from(["none", "included", "on top"])),
        draw(st.booleans()),
        draw(st.none() | st.tuples(AMOUNTS, st.sampled_from(["0.13", "0"]))),
        draw(st.lists(charge, max_size=2)),
    )


@st.composite
def refunded(draw: st.DrawFn) -> tuple[Sold, int]:
    """Give an order with refunds of every kind, and how many of them came before its release."""
    shown = order(1, draw(carts()))
    items = [*shown["line_items"], *shown["shipping_lines"], *shown["fee_lines"]]
    made = []
    for at in range(draw(st.integers(0, 4))):
        of = draw(st.lists(st.sampled_from(items), unique_by=lambda each: each["id"], max_size=3))
        share = draw(SHARES)
        parts = {
            kind: [back(each, 0 if kind != "line_items" else
                        int(each["quantity"] * Decimal(share)), share)
                   for each in of if each in shown[kind]]
            for kind in ("line_items", "shipping_lines", "fee_lines")
        }  # fmt: skip
        amount = None if of else draw(AMOUNTS)
        one = refund(
            100 + at, parts["line_items"], parts["shipping_lines"], parts["fee_lines"], amount
        )
        made.append({**one, "date_created_gmt": f"2026-11-2{4 + at}T00:00:00"})
    return Sold(kinds()[0], shown, made), draw(st.integers(0, len(made)))


@settings(max_examples=150, deadline=None)
@given(refunded())
def test_each_line_of_any_order_adds_up_in_what_is_sent(one: tuple[Sold, int]) -> None:
    each, early = one
    made = read(with_refunds(each.shown, *each.later[:early]))
    if not wrong(made) and made.open_lines:
        for line in lines_for_the_dms(made):
            assert line["discount"] >= 0
            assert adds_up(line), line


@settings(max_examples=300, deadline=None)
@given(refunded(), st.booleans())
def test_documents_less_later_refunds_and_open_money_are_what_the_shop_still_has(
    one: tuple[Sold, int], policy: bool
) -> None:
    each, early = one
    placed = with_refunds(each.shown, *each.later[:early])
    order_ = read(placed)
    order_ = spread(order_, None) if policy else order_
    if problems(order_, order_.placed_at.date()) or not order_.open_lines:
        return  # held: nothing is placed
    held = opened(order_)
    given_back = sum((Decimal(refund["amount"]) for refund in each.later), _ZERO)
    before = sum((Decimal(refund["amount"]) for refund in each.later[:early]), _ZERO)
    assert held == each.total - before
    assert all(line.open_amount >= 0 for line in order_.open_lines)
    now = read(with_refunds(each.shown, *each.later))
    unknown = since_placed(now, held)
    explained = sum((refund.explained for refund in unknown), _ZERO)
    rest = sum((refund.rest for refund in unknown), _ZERO)
    assert held - explained - rest == each.total - given_back
    raw = -sum((worth(item) for refund in each.later[early:]
                for kind in ("line_items", "shipping_lines", "fee_lines")
                for item in refund[kind]), _ZERO)  # fmt: skip
    assert explained == raw
    # Whatever came since: what was open when it was placed is what it was.
    if early:
        assert opened(as_of(now, now.refunds[early - 1].refunded_at or now.placed_at)) == (
            opened(read(placed))
        )
