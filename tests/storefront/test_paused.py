"""An order that a person of the shop paused after its release: no status of ours takes it over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.sandbox import world
from tests.support.scene import NOON, Scene, scene

NUMBER = 36


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Scene]:
    with scene(f"sqlite:///{tmp_path / 'connector.db'}", tmp_path) as made:
        made.until(NOON)
        made.later(minutes=1)
        assert made.stands(NUMBER) == ("released", None)
        yield made


def ship(made: Scene) -> None:
    world.ship(made.sandbox.books, made.sandbox.clock, str(NUMBER))


def told(made: Scene) -> list[Any]:
    """Return what the shop was told of shipments."""
    return [each["key"] for each in made.shown(NUMBER)["meta_data"]
            if str(each["key"]).startswith("_shipment_")]  # fmt: skip


@pytest.mark.parametrize("status", ["on-hold", "pending", "in-dispute"])
@pytest.mark.parametrize("seen", [True, False])
def test_a_pause_after_release_is_not_overwritten_and_told(
    shop: Scene, status: str, seen: bool
) -> None:
    if seen:
        shop.change(NUMBER, status=status)
        shop.later()
        ship(shop)
    else:
        ship(shop)
        books, clock = shop.sandbox.books, shop.sandbox.clock
        world.change_order(books, clock, str(NUMBER), {"status": status}, quietly=True)
    shop.later(ticks=3)
    assert shop.shown(NUMBER)["status"] == status
    # The buyer is told of the goods all the same, once.
    assert len(told(shop)) == 1
    notes = [each for each in shop.sandbox.books.all("storefront.note")
             if each["order"] == str(NUMBER)]  # fmt: skip
    assert len(notes) == 1
    row = shop.order(NUMBER)
    assert row.hold_cause == ("mapping" if status == "in-dispute" else "changed")
    assert repr(status) in str(row.hold_reasons)
    # Paid again: the status follows by itself.
    shop.change(NUMBER, status="processing")
    shop.later(ticks=3)
    assert shop.order(NUMBER).hold_cause is None
    assert shop.shown(NUMBER)["status"] == "completed"
    assert len(told(shop)) == 1


def test_a_charge_back_of_a_closed_order_is_held_and_finance_reads_it(shop: Scene) -> None:
    ship(shop)
    world.invoice(shop.sandbox.books, shop.sandbox.clock, str(NUMBER))
    shop.later(ticks=3)
    assert shop.stands(NUMBER) == ("closed", None)
    shop.until(NOON.replace(hour=18))
    shop.until(NOON + timedelta(days=1))
    shop.change(NUMBER, status="on-hold")
    shop.later(ticks=2)
    assert shop.stands(NUMBER) == ("closed", "changed")
    assert shop.shown(NUMBER)["status"] == "on-hold"
    shop.until(NOON.replace(hour=18) + timedelta(days=1))
    shop.later(ticks=2)
    found = {each.kind.value for each in shop.connector.differences.listed(shop.clock.now)
             if each.number == str(NUMBER)}  # fmt: skip
    assert found == {"payment"}
