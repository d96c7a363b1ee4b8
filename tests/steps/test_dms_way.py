"""What the DMS holds of an order, whatever changes, is lost, or is told twice on its way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.pricing import split
from connector.jobs.advance import drain
from connector.logs import configure
from connector.settings import Settings
from connector.steps.by_hand import settled
from connector.steps.difference import content_differences
from connector.steps.news import take_news
from connector.steps.repair import retry
from connector.steps.sales_order import order_call
from connector.store.changes import Change
from connector.wording import quoted
from tests.support.scene import NOON, Scene, scene


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Scene]:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        yield made


def two_units(settings: Settings) -> None:
    (first,) = settings.business_units
    second = first.model_copy(update={"code": "TJ", "dms_code": "TJ", "sku_patterns": ["XC-1*"]})
    settings.business_units = [first.model_copy(update={"sku_patterns": ["XC-8*"]}), second]


def more(day: Scene, number: int, line: int = 0) -> None:
    """Let the storefront's order have one piece more."""
    lines = day.shown(number)["line_items"]
    lines[line] = {**lines[line], "quantity": lines[line]["quantity"] + 1}
    day.change(number, line_items=lines)


def open_in_dms(day: Scene, number: int) -> list[dict[str, Any]]:
    return [each for each in day.sales_orders(number) if each["status"] != "CANCELLED"]


def test_an_order_of_two_units_is_two_with_stable_keys_and_whole_to_the_cent(
    tmp_path: Path,
) -> None:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, two_units) as day:
        assert day.stands(45)[0] in ("ready", "placed")
        held = day.sales_orders(45)
        assert [each["content"]["businessUnit"] for each in held] == ["GQ", "TJ"]
        assert {each["externalNumber"] for each in held} == {"45"}
        totals = [Decimal(each["content"]["total"]) for each in held]
        freights = [Decimal(each["content"]["freight"]) for each in held]
        assert sum(totals) == Decimal(day.shown(45)["total"])
        assert sum(freights) == Decimal(day.shown(45)["shipping_total"])
        assert all(freight > 0 for freight in freights)
        keys = [
            call.key
            for call in day.context.calls.of_order(day.order(45).id)
            if call.operation == "dms_sales_order"
        ]
        assert keys == [f"dms|dms_sales_order|shop/45|{unit}|1" for unit in ("GQ", "TJ")]
        # A change of one unit's part leaves the other's where it is.
        day.change(45, shipping_total=day.shown(45)["shipping_total"])
        more(day, 45, line=2)
        day.later(ticks=2)
        by_unit = {
            unit: [
                each["status"] != "CANCELLED"
                for each in day.sales_orders(45)
                if each["content"]["businessUnit"] == unit
            ]
            for unit in ("GQ", "TJ")
        }
        assert by_unit == {"GQ": [True], "TJ": [False, True]}


@given(
    st.decimals(min_value=0, max_value=10**6, places=2),
    st.lists(st.decimals(min_value=0, max_value=10**6, places=4), min_size=1, max_size=8),
)
def test_what_is_split_adds_up_in_whole_cents(amount: Decimal, weights: list[Decimal]) -> None:
    parts = split(amount, weights)
    assert sum(parts) == amount
    assert all(part == round(part, 2) for part in parts)


@pytest.mark.parametrize("lost", ["lost-answer", "reset"])
def test_a_change_while_a_creation_is_in_doubt_leaves_one_order_of_the_new_content(
    day: Scene, lost: str
) -> None:
    day.fault(f"dms:{lost}:operation=CreateSalesOrder", "dms:outage:operation=FindSalesOrder")
    day.change(55, status="processing", date_paid_gmt="2026-11-23T14:10:00")
    day.later(minutes=5, ticks=2)
    if day.stands(55)[1] == "customer_review":
        pytest.skip("the buyer of this order is to be reviewed")
    assert day.stands(55) == ("recognised", None)
    more(day, 55)
    day.later(minutes=5)
    assert day.order(55).revision == 2
    day.fault()
    day.later(minutes=30, ticks=4)
    assert day.stands(55) == ("ready", None), day.order(55).hold_reasons
    (held,) = open_in_dms(day, 55)
    ordered = [Decimal(line["quantity"]) for line in held["content"]["lines"]]
    assert ordered == [line["quantity"] for line in day.shown(55)["line_items"]]
    assert len(day.sales_orders(55)) == (2 if lost == "lost-answer" else 1)


def test_a_lost_cancellation_on_the_way_to_a_new_revision_is_asked_about(day: Scene) -> None:
    day.fault("dms:lost-answer:operation=CancelSalesOrder,times=1")
    more(day, 36)
    day.later(ticks=3)
    assert day.stands(36) == ("ready", None)
    assert [each["status"] for each in day.sales_orders(36)] == ["CANCELLED", "IN_DELIVERY"]
    (number,) = [each["orderNumber"] for each in open_in_dms(day, 36)]
    documents = day.context.orders.documents(day.order(36).id)
    assert number in {each.number for each in documents if each.kind == "sales_order"}


def test_a_cancelled_order_of_a_later_revision_leaves_nothing_open(day: Scene) -> None:
    more(day, 36)
    day.later(ticks=2)
    day.change(36, status="cancelled")
    day.later(ticks=2)
    assert day.stands(36) == ("cancelled", None)
    assert open_in_dms(day, 36) == []


def test_already_there_with_the_same_content_is_taken_as_found(day: Scene) -> None:
    """The first answer was lost, and the DMS refuses the double that an operator asked for."""
    day.fault("dms:lost-answer:operation=CreateSalesOrder", "dms:outage:operation=FindSalesOrder")
    day.change(55, status="processing", date_paid_gmt="2026-11-23T14:10:00")
    day.later(minutes=5, ticks=2)
    row = day.order(55)
    (call,) = [
        each for each in day.context.calls.of_order(row.id) if each.operation == "dms_sales_order"
    ]
    day.context.calls.release(call, "absent, says somebody who looked too early")
    day.fault("dms:business:operation=CreateSalesOrder,code=DUPLICATE_EXTERNAL_NUMBER")
    day.later(minutes=30, ticks=2)
    assert day.stands(55) == ("ready", None), day.order(55).hold_reasons
    assert len(day.sales_orders(55)) == 1


def test_already_there_with_other_content_is_a_discrepancy_and_nothing_is_sent(
    day: Scene,
) -> None:
    day.fault("dms:lost-answer:operation=CreateSalesOrder", "dms:outage:operation=FindSalesOrder")
    day.change(55, status="processing", date_paid_gmt="2026-11-23T14:10:00")
    day.later(minutes=5, ticks=2)
    books = day.sandbox.books
    (held,) = day.sales_orders(55)
    kept = books.get("dms.sales_order", held["orderNumber"])
    assert kept is not None
    line = {**kept["content"]["lines"][0], "quantity": "99"}
    content = {**kept["content"], "lines": [line, *kept["content"]["lines"][1:]]}
    books.put("dms.sales_order", held["orderNumber"], {**kept, "content": content})
    day.fault()
    day.later(minutes=30, ticks=2)
    assert day.stands(55) == ("recognised", "discrepancy")
    (reason,) = day.order(55).hold_reasons or []
    assert "line 1: quantity is 99 there" in reason
    retry(day.context, day.order(55), "ops")
    assert day.stands(55) == ("recognised", "discrepancy")
    assert len(day.sales_orders(55)) == 1


def test_already_there_and_not_shown_goes_to_ops_instead_of_round_in_circles(day: Scene) -> None:
    day.fault("dms:business:operation=CreateSalesOrder,code=DUPLICATE_EXTERNAL_NUMBER")
    day.change(55, status="processing", date_paid_gmt="2026-11-23T14:10:00")
    day.later(minutes=30, ticks=4)
    assert day.stands(55) == ("recognised", "in_doubt")
    assert "does not show it" in str(day.order(55).hold_reasons)


def test_content_is_compared_as_far_as_both_sides_tell_it() -> None:
    ours = {
        "total": Decimal("10.00"),
        "customer_number": "0000100001",
        "currency": "CNY",
        "lines": [{"number": 1, "sku": "A", "quantity": Decimal(2), "amount": Decimal(10)}],
    }
    same = {"total": "10", "customer_number": "100001", "lines": [{"number": 1, "quantity": 2.0}]}
    assert content_differences(ours, same) == ()
    other = {"currency": "USD", "lines": [{"number": 1, "sku": "B"}, {"number": 2}]}
    assert content_differences(ours, other) == (
        "currency is USD there, CNY here",
        "line 1: sku is B there, A here",
        "line 2 is unknown here",
    )


def told(day: Scene, shipments: list[tuple[str, dict[int, str]]], **more: Any) -> str:
    (held,) = open_in_dms(day, 36)
    news = {
        "number": held["orderNumber"],
        "external_number": "36",
        "status": "open",
        "shipments": [
            {
                "tracking_number": name,
                "lines": [
                    {"line_number": line, "quantity": quantity} for line, quantity in lines.items()
                ],
            }
            for name, lines in shipments
        ],
        **more,
    }
    return take_news(day.context, day.connector.database, day.order(36), news)


def shipped(day: Scene) -> list[Decimal]:
    return [line.shipped for line in day.context.orders.lines(day.order(36).id)]


def test_news_repeated_merged_and_out_of_turn_count_once(day: Scene) -> None:
    day.until(NOON + timedelta(minutes=1))
    assert told(day, [("T1", {1: "2"})]) == "news"
    assert told(day, [("T1", {1: "2"})]) == "known"
    assert told(day, [("T2", {1: "1", 2: "3"}), ("T1", {1: "2"})]) == "news"
    assert told(day, [("T1", {1: "1"})]) == "known"  # older than what is known
    assert shipped(day)[:2] == [Decimal(3), Decimal(3)]
    assert told(day, [("T1", {1: "4"})]) == "news"  # more was put into the same parcel
    assert shipped(day)[:2] == [Decimal(5), Decimal(3)]
    assert day.stands(36) == ("released", None)
    assert told(day, [("T3", {3: "2", 4: "2"})]) == "news"
    assert day.stands(36) == ("shipped", None)
    documents = day.context.orders.documents(day.order(36).id, "shipment")
    assert [each.number for each in documents] == ["T1", "T2", "T1#2", "T3"]


@pytest.mark.parametrize(
    ("shipments", "more_told", "cause", "words"),
    [
        ([], {"status": "unknown", "status_code": "Q7"}, "mapping", "'Q7'"),
        ([], {"status": "cancelled"}, "discrepancy", "not by us"),
        ([("T1", {1: "6"})], {}, "discrepancy", "line 1: 6 shipped, 5 ordered"),
        ([("T1", {9: "1"})], {}, "discrepancy", "line 9"),
        ([(" ", {1: "1"})], {}, "mapping", "without its number"),
        ([], {"invoices": [{"number": None}]}, "mapping", "(invoice) of"),
        ([("T1", {1: "1"})], {"number": "SO99999999"}, "discrepancy", "not ours"),
    ],
)
def test_what_nobody_foresaw_is_a_hold_once(
    day: Scene, shipments: Any, more_told: dict[str, Any], cause: str, words: str
) -> None:
    day.until(NOON + timedelta(minutes=1))
    assert told(day, shipments, **more_told) == "news"
    assert day.stands(36) == ("released", cause)
    assert words in str(day.order(36).hold_reasons)
    events = len(day.story(36))
    assert told(day, shipments, **more_told) == "known"
    assert len(day.story(36)) == events


def test_a_difference_that_people_settled_does_not_come_back(day: Scene) -> None:
    day.until(NOON + timedelta(minutes=1))
    assert told(day, [], status="cancelled") == "news"
    assert retry(day.context, day.order(36), "ops").hold_cause == "discrepancy"
    named = str(day.order(36).hold_reasons)
    assert "connector orders done 36 --what difference" in named
    settled(day.context, day.order(36), "ops", "the warehouse ships it all the same")
    assert day.stands(36) == ("released", None)
    assert told(day, [], status="cancelled") == "known"
    assert told(day, [("T1", {1: "6"})], status="cancelled") == "news"
    assert "6 shipped" in str(day.order(36).hold_reasons)


def test_a_difference_before_release_names_what_helps_there(day: Scene) -> None:
    assert day.stands(34)[0] == "placed"
    number = day.sales_orders(34)[0]["orderNumber"]
    take_news(
        day.context, day.connector.database, day.order(34),
        {"number": number, "status": "cancelled"},
    )  # fmt: skip
    assert day.stands(34) == ("placed", "discrepancy")
    assert "connector orders retry 34" in str(day.order(34).hold_reasons)


def test_what_an_order_is_held_for_as_changed_outlives_news(day: Scene) -> None:
    day.until(NOON + timedelta(minutes=1))
    more(day, 36)
    day.later(minutes=5)
    assert day.stands(36) == ("released", "changed")
    assert told(day, [("T1", {1: "6"})]) == "news"
    assert day.stands(36) == ("released", "changed")
    codes = [each.code for each in day.order(36).hold_reasons or []]
    assert {"changed_field", "more_shipped"} <= {*codes}
    assert codes[-1] == "settle_by_hand"


def test_a_call_is_known_by_the_number_that_the_dms_was_sent(day: Scene) -> None:
    row = day.order(36)
    for body, reference in (
        ({"head": {"externalNumber": "36"}}, "36"),
        ({"head": {"no": "36-GQ"}}, "36-GQ"),
        ({"lines": [{"of": "36-GQ"}]}, "36-GQ"),
        ({}, "36"),
    ):
        assert order_call(day.context, row, "GQ", body).reference == reference


def test_a_backlog_drains_oldest_deadline_first(tmp_path: Path) -> None:
    """Orders that waited for the DMS are placed in the sequence of their deadlines."""
    configure("critical")

    def patient(settings: Settings) -> None:
        settings.dms.limits.break_after = 1000  # the breaker's time is real

    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, patient) as day:
        _drains(day)


def _drains(day: Scene) -> None:
    context = day.context
    rows = [
        row
        for row in context.orders.listed(stage="ready", limit=100)
        if row.hold_cause is None and len(day.sales_orders(int(row.number))) == 1
    ][:8]
    day.fault("dms:outage")
    for row in rows:
        more(day, int(row.number))
    day.later(minutes=6, ticks=3)
    waiting = context.orders.listed(stage="recognised", limit=100)
    assert {row.number for row in waiting} == {row.number for row in rows}
    deadlines = list(reversed(range(len(rows))))
    for place, row in zip(deadlines, waiting, strict=True):
        at = day.clock.now + timedelta(hours=place)
        change = _deadline(at, day)
        context.orders.apply(context.orders.get(row.id), change, "test", day.clock())
    day.fault()
    day.clock.now += timedelta(minutes=30)
    day.sandbox.clock.set(day.clock.now)
    for _ in range(3):
        drain(context, workers=1)
        day.clock.now += timedelta(minutes=30)
    made = [
        call
        for row in waiting
        for call in context.calls.of_order(row.id)
        if call.operation == "dms_sales_order" and call.revision == 2
    ]
    by_deadline = [call.order_pk for call in sorted(made, key=lambda call: call.id)]
    assert by_deadline == [row.id for row in reversed(waiting)]


def _deadline(at: Any, day: Scene) -> Any:
    return Change(
        event="test", text=quoted("deadline"), values={"deadline_at": at}, next_try_at=day.clock()
    )
