"""What the storefront, SAP, the DMS and people do to an order on its way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from connector.errors import Rejected, RetryLater
from connector.logs import configure
from connector.sandbox import world
from connector.sandbox.storefront import ORDER
from connector.steps.by_hand import settled
from connector.steps.content import Taken
from connector.steps.repair import link_customer, new_customer, request_cancel, retry
from connector.steps.take import take
from connector.steps.walk import waiting
from connector.store.tables import DocumentRow, OrderRow
from tests.support.scene import NOON, Scene, scene


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    configure("critical")
    with scene(database_url, tmp_path) as made:
        yield made


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Scene]:
    """The same on SQLite alone, where the database makes no difference."""
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        yield made


def told(day: Scene, number: int) -> list[str]:
    """Return the notes that the shop's order bears."""
    notes = day.sandbox.books.all("storefront.note")
    return [note["note"] for note in notes if note["order"] == str(number)]


def test_an_order_pulled_again_is_an_echo(day: Scene) -> None:
    before = (day.order(36).version, len(day.story(36)))
    day.change(36)  # only the storefront's "modified" moves
    day.later(ticks=2)
    assert (day.order(36).version, len(day.story(36))) == before


def test_a_second_order_of_the_same_number_is_kept_apart_and_held(lite: Scene) -> None:
    other = {**lite.shown(41), "id": 999, "number": "36"}
    lite.sandbox.books.put("storefront.order", "999", other)
    before = lite.order(36).version
    assert take(lite.context, other) is Taken.NEW
    lite.later(ticks=2)
    assert lite.order(36).version == before
    row = lite.context.orders.by_number("36#999")
    assert row is not None
    assert (row.stage, row.hold_cause) == ("received", "shop_data")
    assert "36 and 999 bear the same number" in str(row.hold_reasons)
    assert take(lite.context, other) is Taken.ECHO
    assert request_cancel(lite.context, row, "test").stage == "cancelled"


def test_a_change_before_anything_was_sent_starts_the_order_anew(day: Scene) -> None:
    assert day.stands(41) == ("received", "invalid")
    meta = [
        {**each, "value": "110101199003070011"} if "id" in str(each["key"]) else each
        for each in day.shown(41)["meta_data"]
    ]
    day.change(41, meta_data=meta)
    day.later(ticks=2)
    row = day.order(41)
    assert row.revision == 2
    assert "changed" in [event.kind for event in day.story(41)]


def test_a_change_before_release_is_made_anew_in_the_dms_and_goes_into_its_wave(
    day: Scene,
) -> None:
    assert day.stands(36) == ("ready", None)
    lines = day.shown(36)["line_items"]
    lines[0] = {**lines[0], "quantity": lines[0]["quantity"] + 1}
    day.change(36, line_items=lines)
    day.later(ticks=2)
    assert day.stands(36) == ("ready", None)
    first, second = day.sales_orders(36)
    assert (first["status"], second["status"]) == ("CANCELLED", "IN_DELIVERY")
    ordered = [order["content"]["lines"][0]["quantity"] for order in (first, second)]
    assert float(ordered[1]) == float(ordered[0]) + 1
    assert [len(order["deliveryNotes"]) for order in (first, second)] == [1, 1]
    day.until(NOON + timedelta(minutes=1))
    assert day.stands(36) == ("released", None)
    assert len(day.sales_orders(36)) == 2


def test_a_change_after_release_is_a_hold_with_the_difference_and_nothing_is_resent(
    day: Scene,
) -> None:
    day.until(NOON + timedelta(minutes=1))
    assert day.stands(36) == ("released", None)
    lines = day.shown(36)["line_items"]
    lines[0] = {**lines[0], "quantity": lines[0]["quantity"] + 1}
    day.change(36, line_items=lines)
    day.later(ticks=2)
    assert day.stands(36) == ("released", "changed")
    assert any("quantity" in reason for reason in day.order(36).hold_reasons or [])
    assert len(day.sales_orders(36)) == 1


def test_an_order_paid_at_last_goes_on_by_itself(day: Scene) -> None:
    assert day.stands(55) == ("received", "unpaid")
    day.change(55, status="processing", date_paid_gmt="2026-11-23T14:10:00")
    day.later(ticks=2)
    assert day.stands(55)[1] != "unpaid"


def test_cancelled_in_the_storefront_before_release_it_is_cancelled_everywhere(
    day: Scene,
) -> None:
    day.change(36, status="cancelled")
    day.later(ticks=2)
    assert day.stands(36) == ("cancelled", None)
    (sales_order,) = day.sales_orders(36)
    assert sales_order["status"] == "CANCELLED"
    day.until(NOON + timedelta(minutes=1))
    assert day.stands(36) == ("cancelled", None)


def test_cancelled_after_release_it_is_a_hold_for_people(day: Scene) -> None:
    day.until(NOON + timedelta(minutes=1))
    assert day.stands(36) == ("released", None)
    day.change(36, status="cancelled")
    day.later(ticks=2)
    assert day.stands(36) == ("released", "changed")
    assert day.sales_orders(36)[0]["status"] != "CANCELLED"


def test_ops_cancel_before_release_and_not_after(day: Scene) -> None:
    after = request_cancel(day.context, day.order(36), "ops")
    assert after.stage == "cancelled"
    assert request_cancel(day.context, after, "ops").version == after.version
    day.until(NOON + timedelta(minutes=1))
    with pytest.raises(Rejected, match="return"):
        request_cancel(day.context, day.order(38), "ops")


def test_a_review_ends_by_itself_once_the_rep_corrected_sap(day: Scene) -> None:
    assert day.stands(31) == ("valid", "customer_review")
    code = str(day.context.read(day.order(31)).buyer.code)
    world.change_customer(day.sandbox.books, "100003", {"STCD5": code})
    day.later(ticks=2)
    assert day.order(31).customer_number == "0000100003"
    assert {day.stands(number) for number in (31, 37, 43, 49)} == {("ready", None)}


def test_linking_one_order_lets_all_of_its_buyer_go_on(day: Scene) -> None:
    moved = link_customer(day.context, day.order(31), "100003", "rep")
    assert sorted(int(row.number) for row in moved) == [31, 37, 43, 49]
    assert {row.customer_number for row in moved} == {"0000100003"}
    assert day.stands(31) == ("ready", None)
    with pytest.raises(Rejected, match="SAP has no customer"):
        link_customer(day.context, day.order(31), "999999", "rep")


def test_a_buyer_said_to_be_new_is_created_once_for_all_of_its_orders(day: Scene) -> None:
    before = len(day.sandbox.books.all("sap.customer"))
    moved = new_customer(day.context, day.order(31), "rep")
    assert sorted(int(row.number) for row in moved) == [31, 37, 43, 49]
    assert len({row.customer_number for row in moved}) == 1
    assert len(day.sandbox.books.all("sap.customer")) == before + 1


def test_stock_that_came_in_lets_a_held_order_go_on(day: Scene) -> None:
    assert day.stands(34) == ("placed", "stock")
    for key, stock in day.sandbox.books.items("sap.stock"):
        day.sandbox.books.put("sap.stock", key, {**stock, "LABST": "1000"})
    day.later(minutes=40, ticks=2)
    assert day.stands(34) == ("ready", None)


def test_a_dead_dms_stops_only_its_steps_and_drains_when_it_is_back(
    tmp_path: Path,
) -> None:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as day:
        day.fault("dms:outage")
        day.change(55, status="processing", date_paid_gmt="2026-11-23T14:10:00")
        day.later(ticks=3)
        row = day.order(55)
        assert (row.stage, row.hold_cause) in {("recognised", None), ("valid", "customer_review")}
        day.fault()
        day.later(ticks=3)
        assert day.stands(55) in {("ready", None), ("valid", "customer_review")}


def test_waits_that_a_breaker_asks_for_are_no_tries(lite: Scene) -> None:
    context, row, now = lite.context, lite.order(36), lite.clock()
    for _ in range(12):
        kept_back = waiting(context, row, RetryLater("kept back", after=1))
        row = context.orders.apply(row, kept_back, "connector", now)
    assert [event.kind for event in lite.story(36)].count("waiting") == 1
    again = waiting(context, row, RetryLater("away")).next_try_at
    assert again is not None
    assert again - now <= 3 * context.policy.retry_first


def test_what_the_storefront_refuses_to_note_holds_the_order_until_it_is_retried(
    lite: Scene,
) -> None:
    lite.until(NOON + timedelta(minutes=1))
    world.ship(lite.sandbox.books, lite.sandbox.clock, "36")
    lite.fault("storefront:business:writes=true")
    lite.later(ticks=2)
    assert lite.stands(36)[1] == "rejected", lite.order(36).hold_reasons
    assert "not written back" in str(lite.order(36).hold_reasons)
    events = len(lite.story(36))
    lite.later(ticks=2)
    assert len(lite.story(36)) == events  # no echo of the same refusal
    lite.fault()
    retry(lite.context, lite.order(36), "ops")
    lite.later(ticks=2)
    assert lite.stands(36) == ("shipped", None)
    keys = [entry["key"] for entry in lite.shown(36)["meta_data"]]
    assert any(key.startswith("_shipment_") for key in keys)


def test_one_order_that_cannot_be_written_back_keeps_no_other_back(lite: Scene) -> None:
    lite.until(NOON + timedelta(minutes=1))
    world.ship(lite.sandbox.books, lite.sandbox.clock)
    lite.fault("storefront:business:writes=true,times=1")
    lite.later(ticks=3)
    held = [row.number for row in lite.context.orders.listed(hold="rejected")]
    assert len(held) == 1
    shipped = lite.context.orders.listed(stage="shipped", limit=100)
    assert [row.hold_cause for row in shipped].count(None) == 14


def test_a_storefront_that_is_away_is_tried_again_without_a_hold(lite: Scene) -> None:
    lite.until(NOON + timedelta(minutes=1))
    world.ship(lite.sandbox.books, lite.sandbox.clock)
    lite.fault("storefront:outage")
    lite.later(ticks=2)
    assert lite.stands(36)[1] is None
    lite.fault()
    lite.later(minutes=30, ticks=3)
    assert lite.stands(36) == ("shipped", None)


def test_nothing_is_written_onto_an_order_in_the_trash_until_it_is_out_of_it(lite: Scene) -> None:
    lite.until(NOON + timedelta(minutes=1))
    lite.change(36, status="trash")  # no list of changed orders tells of it
    trashed = lite.shown(36)
    world.ship(lite.sandbox.books, lite.sandbox.clock, "36")
    world.invoice(lite.sandbox.books, lite.sandbox.clock, "36")
    lite.later(ticks=3)
    assert lite.shown(36) == trashed
    assert told(lite, 36) == []
    assert lite.stands(36)[1] == "changed"
    assert "have the warehouse keep back what has not left" in str(lite.order(36).hold_reasons)
    lite.change(36, status="processing")
    lite.later(ticks=3)
    assert lite.shown(36)["status"] == "completed"
    assert len(told(lite, 36)) > 1
    assert lite.stands(36) == ("closed", None)


def test_an_order_in_the_trash_that_nobody_is_held_for_is_held_while_it_is_there(
    lite: Scene,
) -> None:
    lite.until(NOON + timedelta(minutes=1))
    lite.change(36, status="trash")
    with lite.connector.database.transaction() as session:
        session.execute(
            update(OrderRow).where(OrderRow.number == "36").values(payment_state="cancelled")
        )
    world.ship(lite.sandbox.books, lite.sandbox.clock, "36")
    lite.later(ticks=2)
    assert lite.stands(36)[1] == "rejected"
    assert "trash" in str(lite.order(36).hold_reasons)
    lite.change(36, status="processing")
    lite.later(ticks=3)
    assert lite.stands(36) == ("shipped", None)


def test_an_order_that_the_shop_deleted_is_for_ops_and_no_call_is_made_for_it(lite: Scene) -> None:
    lite.until(NOON + timedelta(minutes=1))
    lite.sandbox.books.delete(ORDER, "36")
    world.ship(lite.sandbox.books, lite.sandbox.clock, "36")
    lite.later(ticks=3)
    assert lite.stands(36)[1] == "changed"
    assert "deleted" in str(lite.order(36).hold_reasons)
    calls = lite.context.calls.of_order(lite.order(36).id)
    assert [call.key for call in calls if call.system == "storefront"] == []
    assert [event.kind for event in lite.story(36)].count("deleted_late") == 1


def test_a_deletion_that_people_settled_does_not_come_back_and_the_order_closes(
    lite: Scene,
) -> None:
    lite.until(NOON + timedelta(minutes=1))
    lite.sandbox.books.delete(ORDER, "36")
    world.ship(lite.sandbox.books, lite.sandbox.clock, "36")
    world.invoice(lite.sandbox.books, lite.sandbox.clock, "36")
    lite.later(ticks=3)
    assert lite.stands(36)[1] == "changed"
    settled(lite.context, lite.order(36), "ops", "the sale stands, says the platform")
    lite.later(ticks=3)
    assert lite.stands(36) == ("closed", None)
    events = [event.kind for event in lite.story(36)]
    assert (events.count("deleted_late"), events.count("not_told")) == (1, 2)


def test_one_order_that_cannot_be_judged_keeps_no_other_from_closing(lite: Scene) -> None:
    lite.until(NOON + timedelta(minutes=1))
    for number in ("36", "38"):
        world.ship(lite.sandbox.books, lite.sandbox.clock, number)
        world.invoice(lite.sandbox.books, lite.sandbox.clock, number)
    lite.fault("storefront:outage")
    lite.later()
    with lite.connector.database.transaction() as session:
        for row in session.scalars(select(DocumentRow).where(
            DocumentRow.order_pk == lite.order(36).id, DocumentRow.kind == "invoice_application"
        )):  # fmt: skip
            row.detail = {**row.detail, "amount": "no number"}
    lite.fault()
    lite.later(ticks=3)
    assert lite.stands(38) == ("closed", None)
    assert lite.stands(36)[1] == "mapping"


@pytest.mark.parametrize("status", ["cancelled", "refunded"])
def test_a_status_that_ended_an_order_in_the_shop_is_never_overwritten(
    lite: Scene, status: str
) -> None:
    lite.until(NOON + timedelta(minutes=1))
    books, clock = lite.sandbox.books, lite.sandbox.clock
    world.ship(books, clock, "36")
    # No time of modification tells of it.
    world.change_order(books, clock, "36", {"status": status}, quietly=True)
    lite.later(ticks=3)
    assert lite.shown(36)["status"] == status
    assert lite.stands(36)[1] == "changed"
    assert len(told(lite, 36)) == 1
    keys = [entry["key"] for entry in lite.shown(36)["meta_data"]]
    assert any(key.startswith("_shipment_") for key in keys)


def test_a_partial_shipment_leaves_the_order_released(lite: Scene) -> None:
    lite.until(NOON + timedelta(minutes=1))
    number = next(
        int(row.number)
        for row in lite.context.orders.listed(stage="released", limit=100)
        if max(line.quantity for line in lite.context.orders.lines(row.id)) > 1
    )
    world.ship(lite.sandbox.books, lite.sandbox.clock, str(number), share="0.5")
    lite.later(ticks=2)
    assert lite.stands(number) == ("released", None)
    assert lite.shown(number)["status"] != "completed"
    lines = lite.context.orders.lines(lite.order(number).id)
    assert any(0 < line.shipped < line.quantity for line in lines)
    world.ship(lite.sandbox.books, lite.sandbox.clock, str(number))
    lite.later(ticks=2)
    assert lite.stands(number) == ("shipped", None)


def test_every_step_of_the_story_says_who_when_and_why(lite: Scene) -> None:
    story = lite.story(36)
    assert [event.kind for event in story][:1] == ["received"]
    assert all(event.actor and event.text and event.at.tzinfo for event in story)
    whole = " ".join(event.text for event in story)
    assert lite.context.read(lite.order(36)).buyer.code not in whole


def test_a_county_that_no_table_knows_is_told_in_the_story_and_holds_nothing(lite: Scene) -> None:
    meta = [
        {**each, "value": "330114197806151230"} if each["key"] == "_id_number" else each
        for each in lite.shown(41)["meta_data"]
    ]
    lite.change(41, meta_data=meta)
    lite.later(ticks=2)
    told = next(event.text for event in lite.story(41) if event.kind == "validated")
    assert "330114" in told
    assert "330114" in told.chinese
    assert "330114197806151230" not in told
    assert lite.stands(41) == ("ready", None)


def test_a_special_invoice_for_a_person_is_invalid_before_any_document(lite: Scene) -> None:
    meta = [
        {**each, "value": "special"} if each["key"] == "_invoice_kind" else each
        for each in lite.shown(32)["meta_data"]
    ]
    other = {**lite.shown(32), "id": 998, "number": "998", "meta_data": meta}
    lite.sandbox.books.put("storefront.order", "998", other)
    assert take(lite.context, other) is Taken.NEW
    lite.later(ticks=2)
    assert lite.stands(998) == ("received", "invalid")
    assert "专用发票" in str(lite.order(998).hold_reasons)
    assert lite.sales_orders(998) == []


def test_a_company_of_a_long_name_is_created_once_and_found_again(lite: Scene) -> None:
    name = f"中国{'东' * 38}有限公司"
    meta = [
        {**each, "value": "91320300MA3300ABC6"} if each["key"] == "_tax_code" else each
        for each in lite.shown(36)["meta_data"]
    ]
    billing = {**lite.shown(36)["billing"], "company": name}
    long = {**lite.shown(36), "billing": billing, "meta_data": meta}
    take(lite.context, {**long, "id": 997, "number": "997"})
    lite.later(ticks=2)
    assert lite.stands(997) == ("ready", None)
    number = lite.order(997).customer_number or ""
    held = lite.sandbox.books.get("sap.customer", number) or {}
    assert held["NAME1"] + held["NAME2"] == name
    # Whoever forgets the number finds the same customer by what SAP holds.
    (found,) = lite.context.sap_customers.find([lite.context.read(lite.order(997)).buyer])
    assert [(each.number, each.name) for each in found if each.name == name] == [(number, name)]
    take(lite.context, {**long, "id": 996, "number": "996"})
    lite.later(ticks=2)
    assert lite.order(996).customer_number == number
