"""The intake loses no order, however the clocks of shop and connector differ."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connector.jobs.cadence import Every, Window
from connector.jobs.intake import intake
from connector.logs import configure
from connector.sandbox import world
from connector.sandbox.faults import Fault
from connector.sandbox.storefront import ORDER
from connector.sandbox.storefront_seed import stamp_of
from connector.storefront.woocommerce import WooCommerce
from tests.support.scene import Scene, scene


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Scene]:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        yield made


def order(day: Scene, number: int) -> None:
    """Have somebody order in the shop now, by the shop's clock."""
    stamp = stamp_of(day.sandbox.clock)
    times = {"date_created_gmt": stamp, "date_modified_gmt": stamp, "date_paid_gmt": stamp}
    made = {**day.shown(36), **times, "id": number, "number": str(number)}
    day.sandbox.books.put(ORDER, str(number), made)


@pytest.mark.parametrize("ahead", [-600, 600])
def test_an_order_is_pulled_with_the_next_window_however_the_clocks_differ(
    day: Scene, ahead: int
) -> None:
    day.sandbox.clock.shop_ahead = timedelta(seconds=ahead)
    for number in (901, 902, 903):
        order(day, number)
        day.later(minutes=5)
        assert day.context.orders.by_number(str(number)) is not None


@pytest.mark.parametrize("ahead", [-60, 60])
def test_a_window_is_wide_enough_whichever_clock_is_right(
    day: Scene, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy dates the answers: the shop's orders bear other times than its header says."""
    dated = day.clock.now + timedelta(minutes=ahead)
    monkeypatch.setattr(WooCommerce, "clock", lambda _shop: dated)
    monkeypatch.setattr(day.connector.runs, "watermark", lambda _name: None)  # a first start
    job = intake(day.context, day.connector.runs, Every(timedelta(minutes=5)))
    order(day, 901)
    job.run(Window(day.clock.now - timedelta(minutes=5), day.clock.now), "")
    assert day.context.orders.by_number("901") is not None


@pytest.mark.parametrize(("was", "now"), [(-600, 0), (0, 600)])
def test_no_order_falls_between_two_windows_when_a_clock_is_set_right(
    day: Scene, was: int, now: int
) -> None:
    day.sandbox.clock.shop_ahead = timedelta(seconds=was)
    order(day, 901)
    day.later(minutes=5)
    day.clock.now += timedelta(minutes=1)
    day.sandbox.clock.set(day.clock.now)
    order(day, 902)  # by the old clock, after the last window
    day.sandbox.clock.shop_ahead = timedelta(seconds=now)
    order(day, 903)
    for _ in range(4):
        day.later(minutes=5)
    assert all(day.context.orders.by_number(str(each)) for each in (901, 902, 903))


def test_the_window_stays_open_while_the_shop_answers_no_list_and_a_person_is_told(
    day: Scene,
) -> None:
    order(day, 901)
    lists = "GET /orders"
    day.sandbox.faults.set([Fault("storefront", "garbage", lists, status=200, text="{}")])
    day.later(minutes=5, ticks=3)
    intake = day.connector.runs.history("intake", failed=True)
    assert intake
    assert "JSON object" in (intake[0].error or "")
    assert "job_failed:intake" in {alert.key for alert in day.connector.alerts.listed()}
    day.fault()
    day.later(minutes=20)
    assert day.context.orders.by_number("901") is not None


def test_one_order_whose_refunds_cannot_be_read_keeps_no_other_back_and_is_not_lost(
    day: Scene,
) -> None:
    for number in (901, 902, 903):
        order(day, number)
    world.refund(day.sandbox.books, day.sandbox.clock, "902", "1.00", [], "")
    refunds = "GET /orders/{id}/refunds"
    day.sandbox.faults.set([Fault("storefront", "garbage", refunds, status=200, text="[]")])
    day.later(minutes=5)
    order(day, 904)
    day.later(minutes=5, ticks=2)
    taken = {number: day.context.orders.by_number(str(number)) for number in range(901, 905)}
    assert [number for number, row in taken.items() if row is None] == [902]
    # The window is done all the same: what could not be read is kept, and asked for again.
    assert day.connector.runs.history("intake", failed=True) == []
    (kept,) = day.context.quarantine.listed()
    assert (kept.source, kept.failed, kept.key) == ("storefront", "read", "902")
    assert "not tell of it in full" in kept.reason
    # Most comes right by itself: a person hears of it once it lasts.
    assert "quarantined:storefront" not in {alert.key for alert in day.connector.alerts.listed()}
    day.later(minutes=10)
    assert "quarantined:storefront" in {alert.key for alert in day.connector.alerts.listed()}
    day.fault()
    day.later(minutes=20)
    row = day.context.orders.by_number("902")
    assert row is not None
    assert len(row.payload["refunds_detail"]) == 1
    assert day.context.quarantine.listed() == []
    assert "quarantined:storefront" not in {alert.key for alert in day.connector.alerts.listed()}
