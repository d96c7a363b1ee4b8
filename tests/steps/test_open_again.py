"""An order that the shop cancelled and has open again goes on; no older reading undoes a newer."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.domain.lifecycle import Stage
from connector.logs import configure
from connector.sandbox import world
from connector.sandbox.dms_documents import whole_orders
from connector.sandbox.faults import Fault
from connector.sandbox.storefront import ORDER
from connector.sandbox.storefront_seed import stamp_of
from connector.steps.content import Taken
from connector.steps.doubt import NotBelieved
from connector.steps.repair import request_cancel
from connector.steps.take import take
from connector.steps.take_again import gone
from connector.steps.walk import walk
from tests.support.scene import NOON, Scene, scene


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Scene]:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        yield made


def order(day: Scene, number: int, **fields: Any) -> None:
    """Have somebody order in the shop now."""
    stamp = stamp_of(day.sandbox.clock)
    times = {"date_created_gmt": stamp, "date_modified_gmt": stamp, "date_paid_gmt": stamp}
    made = {**deepcopy(day.shown(36)), **times, "id": number, "number": str(number), **fields}
    day.sandbox.books.put(ORDER, str(number), made)


def alive(day: Scene, number: int) -> list[str]:
    return [
        each["orderNumber"] for each in day.sales_orders(number) if each["status"] != "CANCELLED"
    ]


def test_a_declined_card_that_is_tried_again_loses_no_order(day: Scene) -> None:
    """The usual way in WooCommerce: pending, failed, and processing once another card is taken."""
    order(day, 901, status="pending", date_paid_gmt=None)
    order(day, 902, status="failed", date_paid_gmt=None)
    day.later(minutes=5)
    day.change(901, status="failed")
    day.later(minutes=5)
    assert day.stands(901) == day.stands(902) == ("cancelled", None)
    for number in (901, 902):
        day.change(number, status="processing", date_paid_gmt=stamp_of(day.sandbox.clock))
    day.later(minutes=5, ticks=3)
    for number in (901, 902):
        assert day.stands(number) == ("ready", None)
        assert len(alive(day, number)) == 1
    assert "starts anew" in str([each.text for each in day.story(901)])


@pytest.mark.parametrize("status", ["cancelled", "trash", "failed"])
def test_what_was_cancelled_in_the_dms_too_is_made_there_anew(day: Scene, status: str) -> None:
    (first,) = alive(day, 36)
    day.change(36, status=status)
    take(day.context, day.shown(36))
    day.later(minutes=5)
    assert (day.stands(36), alive(day, 36)) == (("cancelled", None), [])
    day.change(36, status="pending")
    day.later(minutes=5)
    assert day.stands(36) == ("received", "unpaid")
    day.change(36, status="processing")
    day.later(minutes=5, ticks=2)
    assert day.stands(36) == ("ready", None)
    (second,) = alive(day, 36)
    assert second != first
    day.until(NOON + timedelta(minutes=1))
    assert day.stands(36) == ("released", None)
    day.later(minutes=30, ticks=2)
    open_ = [row for row, sold in day.connector.aftersales.listed() if sold.number == "36"]
    assert open_ == []


def test_a_cancellation_that_may_have_arrived_is_settled_first(day: Scene) -> None:
    """The DMS cancelled and its answer was lost; meanwhile the shop has the order open again."""
    lost = Fault("dms", "lost-answer", "CancelSalesOrder", times=1)
    day.sandbox.faults.set([lost, Fault("dms", "http", "FindSalesOrder")])
    day.change(36, status="cancelled")
    take(day.context, day.shown(36))
    walk(day.context, day.order(36).id)
    assert (lost.struck, day.stands(36)[0]) == (1, "ready")
    day.fault()
    day.change(36, status="processing")
    take(day.context, day.shown(36))
    assert not day.order(36).cancel_requested
    day.later(minutes=5, ticks=3)
    assert day.stands(36) == ("ready", None)
    assert len(alive(day, 36)) == 1
    documents = day.context.orders.documents(day.order(36).id)
    assert [each.kind for each in documents].count("cancellation") == 1


def test_what_a_person_cancelled_here_stays_cancelled(day: Scene) -> None:
    request_cancel(day.context, day.order(36), "ops", "a test order")
    day.change(36, status="on-hold")
    day.later(minutes=5)
    day.change(36, status="processing")
    day.later(minutes=5, ticks=2)
    assert day.stands(36) == ("cancelled", None)
    assert alive(day, 36) == []


def test_an_order_that_is_there_after_all_goes_on(day: Scene) -> None:
    gone(day.context, day.order(36), "wave")
    day.later(minutes=5)
    assert day.stands(36) == ("cancelled", None)
    day.change(36)
    day.later(minutes=5, ticks=2)
    assert day.stands(36) == ("ready", None)


def test_an_order_cancelled_before_it_was_seen_may_have_been_shipped_by_others(day: Scene) -> None:
    order(day, 901, status="cancelled")
    day.later(minutes=5)
    day.change(901, status="completed", date_completed_gmt=stamp_of(day.sandbox.clock))
    day.later(minutes=5, ticks=2)
    assert day.stands(901) == ("received", "maybe_shipped")
    assert day.sales_orders(901) == []


def test_an_older_reading_undoes_nothing(day: Scene) -> None:
    """A list that is read for long, or a cache, shows an order as it was before the wave asked."""
    older = day.shown(36)
    day.clock.now += timedelta(minutes=1)
    day.sandbox.clock.set(day.clock.now)
    day.change(36, status="cancelled")
    assert take(day.context, day.shown(36), "wave") is Taken.CANCELLED
    assert take(day.context, older) is Taken.ECHO
    assert day.order(36).cancel_requested
    day.later(minutes=5)
    assert day.stands(36) == ("cancelled", None)


def test_an_older_reading_of_a_shop_that_cannot_be_asked_undoes_nothing_either(day: Scene) -> None:
    day.until(NOON + timedelta(minutes=1))
    older = day.shown(36)
    day.clock.now += timedelta(minutes=1)
    day.sandbox.clock.set(day.clock.now)
    world.refund(day.sandbox.books, day.sandbox.clock, "36", "1.00", [], "")
    assert take(day.context, day.context.storefront.order("36")) is Taken.CHANGED
    day.fault("storefront:outage")
    with pytest.raises(NotBelieved):
        take(day.context, older)
    assert len(day.order(36).content["refunds"]) == 1
    day.fault()
    assert take(day.context, older) is Taken.ECHO
    assert len(day.order(36).content["refunds"]) == 1


def test_a_clock_that_was_set_right_hides_no_change(day: Scene) -> None:
    """The shop's clock was an hour ahead: an edit after that bears an earlier time."""
    day.sandbox.clock.shop_ahead = timedelta(hours=1)
    day.change(38, customer_note="first")
    day.later(minutes=5)
    day.sandbox.clock.shop_ahead = timedelta(0)
    day.change(38, status="cancelled")
    day.later(minutes=5)
    assert day.stands(38) == (Stage.CANCELLED, None)


def test_an_order_that_the_shop_numbers_later_is_one_order(day: Scene) -> None:
    """A plug-in gives consecutive numbers once an order is saved; until then it bears its id."""
    order(day, 901, status="pending", date_paid_gmt=None)
    day.later(minutes=5)
    row = day.order(901)
    stamp = stamp_of(day.sandbox.clock)
    numbered = {"number": "SO-77", "status": "processing", "date_paid_gmt": stamp}
    world.change_order(day.sandbox.books, day.sandbox.clock, "901", numbered)
    day.later(minutes=5, ticks=2)
    assert day.context.orders.by_number("901") is None
    after = day.context.orders.get(row.id)
    assert (after.number, after.stage) == ("SO-77", "ready")
    assert [each["externalNumber"] for each in whole_orders(day.sandbox.books)].count("SO-77") == 1


def test_an_order_that_is_numbered_anew_after_it_was_placed_is_not_placed_again(day: Scene) -> None:
    before = day.order(36)
    world.change_order(day.sandbox.books, day.sandbox.clock, "36", {"number": "SO-78"})
    day.later(minutes=5, ticks=2)
    assert day.context.orders.by_number("SO-78") is None
    assert (day.order(36).id, day.stands(36)) == (before.id, ("ready", None))
    assert len(alive(day, 36)) == 1
