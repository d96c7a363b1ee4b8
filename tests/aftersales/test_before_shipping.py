"""Refunded before the goods left: kept back and invoiced for less. And returns refused."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.cli import app
from connector.commands.outcome import exit_code_of
from connector.domain.aftersales import kept_back, sales_of
from connector.domain.reading import read_order
from connector.sandbox import world
from connector.sandbox.dms_documents import ORDER as SALES_ORDER
from connector.sandbox.dms_documents import put_changed, timestamp
from connector.sandbox.storefront_refunds import refunded_item
from tests.commands.site import point_at
from tests.support.books import SHOP, content
from tests.support.scene import NOON, Scene, scene

A = 30
PLACED = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def released(tmp_path: Path) -> Iterator[Scene]:
    """All orders released at noon; nothing has left."""
    with scene(f"sqlite:///{tmp_path / 'connector.db'}", tmp_path) as made:
        made.until(NOON)
        made.later(minutes=1)
        assert made.stands(A) == ("released", None)
        yield made


def refund(made: Scene, number: int, amount: str, *lines: tuple[int, int, str]) -> None:
    """Refund in the storefront; lines are (place, quantity, amount), of which tax is a share."""
    shown = made.shown(number)
    items = []
    for place, quantity, each in lines:
        item = shown["line_items"][place - 1]
        whole = Decimal(item["total"]) + Decimal(item["total_tax"])
        tax = round(Decimal(each) * Decimal(item["total_tax"]) / whole, 2)
        items.append(refunded_item(shown, item["id"], quantity, str(Decimal(each) - tax), str(tax)))
    world.refund(made.sandbox.books, made.sandbox.clock, str(number), amount, items, "改买别的")


def refund_goods(made: Scene, number: int, freight: str = "0") -> None:
    """Refund every line, and freight; the storefront then calls the order refunded."""
    shown = made.shown(number)
    lines = [
        (place, int(line["quantity"]), str(Decimal(line["total"]) + Decimal(line["total_tax"])))
        for place, line in enumerate(shown["line_items"], start=1)
    ]
    goods = sum(Decimal(amount) for _, _, amount in lines)
    refund(made, number, str(goods + Decimal(freight)), *lines)
    made.change(number, status="refunded")


def sales(made: Scene, number: int) -> list[tuple[str, str]]:
    rows = made.connector.aftersales.of_order(made.order(number).id)
    return [(row.kind, row.state) for row in rows]


def returns(made: Scene, number: int) -> list[Any]:
    return [each for order in made.sales_orders(number) for each in order["returns"]]


def test_a_refund_before_shipment_is_kept_back_and_invoiced_for_less(released: Scene) -> None:
    refund(released, A, "386.00", (2, 1, "386.00"))
    released.later(minutes=40, ticks=2)
    assert released.stands(A) == ("released", None)
    (row,) = [each for each, of in released.connector.aftersales.listed() if of.number == str(A)]
    assert (row.kind, row.state) == ("refund", "requested")
    assert row.why == "refunded before it was shipped: keep 1 of line 2 back"
    line = released.context.orders.lines(released.order(A).id)[1]
    assert (line.refunded_quantity, line.refunded_amount) == (Decimal(1), Decimal("386.00"))
    # The warehouse leaves the piece out; finance has not issued the invoice yet.
    books, clock = released.sandbox.books, released.sandbox.clock
    world.ship(books, clock, str(A), share="0.5")
    world.ship(books, clock, str(A), share="0.999")
    released.later(minutes=40, ticks=2)
    assert returns(released, A) == []


def test_what_was_shipped_although_refunded_comes_back_as_a_return(released: Scene) -> None:
    refund(released, A, "386.00", (2, 1, "386.00"))
    released.later(minutes=40)
    books, clock = released.sandbox.books, released.sandbox.clock
    world.ship(books, clock, str(A))
    world.invoice(books, clock, str(A))
    released.later(minutes=40, ticks=3)
    assert sales(released, A) == [("return", "returning")]
    assert len(returns(released, A)) == 1
    world.take_back(books, clock, str(A))
    released.later(minutes=40, ticks=2)
    assert sales(released, A) == [("return", "refunded")]
    world.invoice(books, clock, str(A))
    released.later(minutes=40, ticks=2)
    assert sales(released, A) == [("return", "settled")]


def test_what_was_refunded_before_it_was_placed_needs_nobody(tmp_path: Path) -> None:
    with scene(f"sqlite:///{tmp_path / 'connector.db'}", tmp_path) as made:
        refund(made, A, "386.00", (2, 1, "386.00"))  # the sales order in the DMS follows
        made.later(minutes=40, ticks=2)
        made.until(NOON)
        made.later(minutes=40)
        assert made.stands(A)[0] == "released"
        assert sales(made, A) == [("refund", "invoicing")]
        books, clock = made.sandbox.books, made.sandbox.clock
        world.ship(books, clock, str(A))
        world.invoice(books, clock, str(A))
        made.later(minutes=40, ticks=3)
        assert made.stands(A) == ("closed", None)
        assert sales(made, A) == [("refund", "settled")]
        assert returns(made, A) == []


def test_an_order_refunded_in_full_is_stopped_in_the_dms_and_then_cancelled(
    released: Scene,
) -> None:
    refund_goods(released, A, released.shown(A)["shipping_total"])
    released.later(minutes=40)
    assert released.stands(A) == ("released", "changed")
    assert "have the warehouse keep the goods" in str(released.order(A).hold_reasons)
    assert sales(released, A) == [("refund", "requested")]
    order = released.sales_orders(A)[0]["orderNumber"]
    books, clock = released.sandbox.books, released.sandbox.clock
    held = books.get(SALES_ORDER, order)
    assert held is not None
    put_changed(books, clock, {**held, "cancelledAt": timestamp(clock)})
    released.later(minutes=40, ticks=2)
    assert released.stands(A) == ("cancelled", None)
    # The cancellation stands for the refund that was followed before it.
    assert sales(released, A) == [("refund", "settled"), ("cancellation", "settled")]


def test_a_paid_order_cancelled_before_release_waits_for_its_refund(tmp_path: Path) -> None:
    with scene(f"sqlite:///{tmp_path / 'connector.db'}", tmp_path) as made:
        made.change(A, status="cancelled")
        made.later(minutes=40, ticks=2)
        assert made.stands(A) == ("cancelled", None)
        assert sales(made, A) == [("cancellation", "received")]
        assert str(A) in [order.number for _, order in made.connector.aftersales.listed()]
        shown = made.shown(A)
        refund(made, A, shown["total"])
        made.later(minutes=40, ticks=2)
        assert sales(made, A) == [("cancellation", "settled")]
        (row,) = made.connector.aftersales.of_order(made.order(A).id)
        assert row.amount == Decimal(shown["total"])
        made.until(NOON.replace(hour=19))
        made.later(minutes=30)
        file = made.settings.output / "extracts" / "2026-11-24" / "refunds.csv"
        rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"), newline="")))
        told = {
            each["number"]: (each["kind"], each["state"], Decimal(each["amount"])) for each in rows
        }
        assert told[str(A)] == ("cancellation", "settled", Decimal(shown["total"]))
        # 33 was cancelled before the first start: its money was settled where its documents are.
        assert "33" not in told


def test_refunded_in_full_after_shipping_is_no_cancelled_order_that_was_shipped(
    released: Scene,
) -> None:
    books, clock = released.sandbox.books, released.sandbox.clock
    world.ship(books, clock, str(A))
    world.invoice(books, clock, str(A))
    released.later(minutes=20, ticks=2)
    assert released.stands(A) == ("closed", None)
    refund_goods(released, A)
    released.later(minutes=40, ticks=3)
    assert released.stands(A) == ("closed", None)
    assert sales(released, A) == [("return", "returning")]
    world.take_back(books, clock, str(A))
    released.later(minutes=40)
    world.invoice(books, clock, str(A))
    released.later(minutes=40, ticks=2)
    assert sales(released, A) == [("return", "settled")]
    released.until(NOON.replace(hour=19))
    released.later(minutes=30)
    found = {
        (each.number, each.kind.value, each.field)
        for each in released.connector.differences.listed(released.clock.now)
        if each.number == str(A)
    }
    assert found == set()


def test_a_refused_return_is_asked_for_again_by_hand(
    released: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    books, clock = released.sandbox.books, released.sandbox.clock
    world.ship(books, clock, str(A))
    world.invoice(books, clock, str(A))
    released.later(minutes=20, ticks=2)
    released.fault("dms:business:operation=RegisterReturn,times=2")
    refund(released, A, "386.00", (2, 1, "386.00"))
    released.later(minutes=40, ticks=2)
    assert sales(released, A) == [("return", "refused")]
    (row,) = released.connector.aftersales.of_order(released.order(A).id)
    point_at(released, tmp_path, monkeypatch)

    def say(*words: str) -> int:
        return exit_code_of(lambda: app(list(words)))

    retry = ("aftersales", "retry", str(A), row.reference)
    assert say(*retry, "--dry-run") == 0
    assert say(*retry) == 1  # refused once more
    assert sales(released, A) == [("return", "refused")]
    assert "refused" in capsys.readouterr().out
    assert say(*retry, "--reason", "the part is known now") == 0
    assert sales(released, A) == [("return", "returning")]
    assert len(returns(released, A)) == 1
    assert say(*retry) == 2  # nothing is refused any more
    assert say("aftersales", "retry", str(A), "R-none") == 2


def test_the_oldest_refunds_are_those_for_which_nothing_left() -> None:
    body = content(
        "7", PLACED, [("XC-1", "5", "500.00")],
        refunds=[
            {
                "refund_id": name, "amount": "100.00", "refunded_at": at.isoformat(),
                "lines": [{"line_id": "1", "quantity": "1", "amount": "100.00"}],
            }
            for name, at in (("late", PLACED + timedelta(days=9)), ("early", PLACED))
        ],
    )  # fmt: skip
    order, _ = read_order(body, shop=SHOP)
    assert order is not None
    late, early = kept_back(sales_of(order, body), {1: Decimal(1)}, {})
    assert (late.kind, late.back, late.stays) == ("return", {1: Decimal(1)}, {})
    assert (early.kind, early.back, early.stays) == ("refund", {}, {1: Decimal(1)})
    # Refunded before the warehouse was asked for it: nobody need keep it back.
    _, early = kept_back(sales_of(order, body), {1: Decimal(1)}, {1: Decimal(1)})
    assert (early.kind, early.back, early.stays) == ("refund", {}, {})
