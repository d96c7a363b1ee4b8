"""What cannot be how a known order is undoes nothing: an older page, or rows left slim."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.logs import configure
from connector.sandbox import world
from connector.sandbox.storefront import ORDER
from connector.sandbox.storefront_seed import stamp_of
from connector.steps.ask_again import before_release
from connector.steps.content import Taken
from connector.steps.quarantine import take_or_quarantine
from connector.steps.quarantine_acts import retry
from connector.steps.take import take
from tests.support.scene import NOON, Scene, scene

# After the books of the day are compared.
NIGHT = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
ORDERS = (36, 38)  # ready for their wave
Row = Callable[[dict[str, Any]], Mapping[str, Any]]


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Scene]:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        yield made


def tampered(day: Scene, monkeypatch: pytest.MonkeyPatch, row: Row, *, singles: bool) -> None:
    """Have something between the shop and us change what lists show, or single orders too."""
    rest = day.context.storefront._rest  # type: ignore[attr-defined]
    read = rest.read

    def tampering(route: str, query: Mapping[str, str], *rest: Any, **named: Any) -> Any:
        body, headers = read(route, query, *rest, **named)
        if route == "/orders" and isinstance(body, list):
            body = [row(each) if int(each.get("id") or 0) in ORDERS else each for each in body]
        elif singles and route in {f"/orders/{number}" for number in ORDERS}:
            body = row(body)
        return body, headers

    monkeypatch.setattr(rest, "read", tampering)


def worth(day: Scene, number: int) -> list[str]:
    return [
        each["content"]["total"]
        for each in day.sales_orders(number)
        if each["status"] != "CANCELLED"
    ]


def edited(day: Scene) -> dict[str, Any]:
    """Have 36 cost less than it did, and 38 refunded in part; return both as they were."""
    before = {str(number): deepcopy(day.shown(number)) for number in ORDERS}
    day.clock.now += timedelta(minutes=1)
    day.sandbox.clock.set(day.clock.now)
    lines = deepcopy(day.shown(36)["line_items"])
    lines[0].update(total="10.00", total_tax="1.30", subtotal="10.00", subtotal_tax="1.30")
    rest = sum(float(each[name]) for each in lines for name in ("total", "total_tax")) + sum(
        float(day.shown(36)[name]) for name in ("shipping_total", "shipping_tax")
    )
    rest += sum(
        float(each["total"]) + float(each["total_tax"]) for each in day.shown(36)["fee_lines"]
    )
    day.change(36, line_items=lines, total=f"{rest:.2f}")
    day.change(38, status="on-hold")
    day.later(minutes=4, ticks=2)
    assert [day.stands(36), day.stands(38)] == [("ready", None), ("ready", "unpaid")]
    return before


@pytest.mark.parametrize("singles", [False, True])
def test_a_stale_page_undoes_no_edit_and_no_status(
    day: Scene, monkeypatch: pytest.MonkeyPatch, singles: bool
) -> None:
    before, was = edited(day), worth(day, 36)
    with monkeypatch.context() as patch:
        tampered(day, patch, lambda row: before[str(row["id"])], singles=singles)
        day.later(minutes=5, ticks=4)
        assert worth(day, 36) == was
        kept = day.context.quarantine.listed()
        assert sorted(row.key for row in kept) == (["36", "38"] if singles else [])
        assert all("a change of 2026-11-23" in row.reason for row in kept)
        told = {alert.key for alert in day.connector.alerts.listed()}
        assert ("quarantined:storefront" in told) is singles
        day.until(NOON + timedelta(minutes=1))
        assert [day.stands(36), day.stands(38)] == [("released", None), ("ready", "unpaid")]
        remarks = [event.text for event in day.story(36) if event.kind == "released"]
        assert ("did not answer before release" in remarks[0]) is singles
    day.later(minutes=5, ticks=2)
    assert day.context.quarantine.listed() == []
    assert (worth(day, 36), day.stands(36)) == (was, ("released", None))


def test_what_the_shop_goes_back_to_is_taken_when_a_person_says_so(
    day: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup was restored there: what was edited since is gone for good."""
    (was,) = worth(day, 36)
    before = edited(day)
    assert worth(day, 36) != [was]
    for number in ORDERS:
        day.sandbox.books.put(ORDER, str(number), before[str(number)])
        taken = take_or_quarantine(day.context, day.context.storefront.order(str(number)), "wave")
        assert taken is Taken.QUARANTINED
    for entry in day.context.quarantine.listed():
        retry(day.context, day.connector.database, entry, "ops")
    day.later(minutes=5, ticks=2)
    assert (day.context.quarantine.listed(), worth(day, 36)) == ([], [was])
    assert [day.stands(36), day.stands(38)] == [("ready", None)] * 2


SLIM: dict[str, Row] = {
    "left out": lambda row: {name: each for name, each in row.items() if name != "line_items"},
    "empty": lambda row: {**row, "line_items": []},
    "empty, and no total": lambda row: {**row, "line_items": [], "total": "0.00"},
}


@pytest.mark.parametrize(
    ("kind", "singles"),
    [
        ("left out", True),
        ("empty, and no total", False),
        pytest.param("left out", False, marks=pytest.mark.long),
        pytest.param("empty", False, marks=pytest.mark.long),
        pytest.param("empty", True, marks=pytest.mark.long),
    ],
)
def test_rows_without_lines_hold_no_order_and_no_wave(
    day: Scene, monkeypatch: pytest.MonkeyPatch, kind: str, singles: bool
) -> None:
    with monkeypatch.context() as patch:
        tampered(day, patch, SLIM[kind], singles=singles)
        for number in ORDERS:
            day.change(number)
        day.until(NOON + timedelta(minutes=1))
        assert [day.stands(number) for number in ORDERS] == [("released", None)] * 2
        world.ship(day.sandbox.books, day.sandbox.clock)
        day.later(minutes=20, ticks=2)
        day.until(NIGHT)
        assert {day.stands(number)[1] for number in ORDERS} == {None}
        found = day.connector.differences.listed(day.clock.now)
        told = {each.kind for each in found if each.number in ("36", "38")}
        assert told <= {"not_compared"} if singles else not told
    day.until(NIGHT + timedelta(hours=8))
    assert day.context.quarantine.listed() == []
    assert {day.stands(number)[1] for number in ORDERS} == {None}


def test_an_order_whose_lines_were_deleted_comes_to_a_person(day: Scene) -> None:
    shown = day.shown(36)
    total = float(shown["shipping_total"]) + float(shown["shipping_tax"])
    day.change(36, line_items=[], fee_lines=[], total=f"{total:.2f}")
    day.later(minutes=5, ticks=2)
    assert day.stands(36) == ("received", "shop_data")
    assert "lines" in str(day.order(36).hold_reasons)


def test_orders_that_vanish_all_at_once_are_held_until_they_are_there_again(day: Scene) -> None:
    """A storage was switched, or a backup restored: nobody deletes so many at once."""
    ready = [int(row.number) for row in day.context.orders.listed(stage="ready")]
    ready = [number for number in ready if day.stands(number)[1] is None]
    assert len(ready) > 3
    kept = {number: day.shown(number) for number in ready}
    for number in ready:
        day.sandbox.books.delete(ORDER, str(number))
    day.until(NOON + timedelta(minutes=1))
    day.later(minutes=20, ticks=2)
    assert {day.stands(number) for number in ready} == {("ready", "shop_data")}
    assert f"says of {len(ready)} that it has them no more" in str(day.order(36).hold_reasons)
    assert "quarantined:storefront" in {alert.key for alert in day.connector.alerts.listed()}
    for number in ready[1:]:
        day.sandbox.books.put(ORDER, str(number), kept[number])
    # The one that is deleted indeed ends with the next asking.
    day.later(minutes=20, ticks=2)
    assert day.stands(ready[0]) == ("cancelled", None)
    assert {day.stands(number) for number in ready[1:]} == {("ready", None)}
    day.until(NOON + timedelta(hours=3, minutes=1))
    assert {day.stands(number) for number in ready[1:]} == {("released", None)}


def test_many_deleted_orders_end_one_by_one_when_a_person_says_so(day: Scene) -> None:
    ready = [row for row in day.context.orders.listed(stage="ready") if row.hold_cause is None]
    for row in ready:
        day.sandbox.books.delete(ORDER, row.order_id)
    before_release(day.context, ready, timedelta(minutes=1))
    entries = day.context.quarantine.listed()
    assert len(entries) == len(ready)
    for entry in entries:
        retry(day.context, day.connector.database, entry, "ops")
    assert all(day.context.orders.get(row.id).cancel_requested for row in ready)
    assert day.context.quarantine.listed() == []


def test_a_time_that_no_order_can_bear_holds_it_as_long_as_it_is_shown(day: Scene) -> None:
    never = "9999-12-31T23:59:59"
    stamp = stamp_of(day.sandbox.clock)
    times = {"date_created_gmt": stamp, "date_paid_gmt": stamp, "date_modified_gmt": never}
    day.sandbox.books.put(ORDER, "901", {**day.shown(36), **times, "id": 901, "number": "901"})
    assert take(day.context, day.shown(901)) is Taken.NEW
    day.later(minutes=5)
    assert day.stands(901) == ("received", "shop_data")
    day.change(901)
    day.later(minutes=5, ticks=2)
    assert day.stands(901) == ("ready", None)
