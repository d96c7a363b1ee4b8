"""The record of the calls to other systems."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.store.calls import Call, Calls, CallState
from connector.store.changes import Change
from connector.store.database import Database
from connector.store.orders import Orders
from connector.wording import quoted
from tests.support.scene import EVENING
from tests.support.stored import put_order


def test_calls_recorded_in_one_instant_do_not_all_count_each_other(database: Database) -> None:
    order, calls = put_order(database, 30, EVENING), Calls(database)
    sent = [
        calls.begin(Call("sap", "create", f"buyer {one}", "30", {}, order_pk=order.id), EVENING)
        for one in range(3)
    ]
    since = EVENING - timedelta(hours=1)
    assert [calls.sent_since("create", since, each)[0] for each in sent] == [0, 1, 2]
    assert calls.sent_since("create", since) == (3, EVENING)


@pytest.mark.parametrize("approval", ["none", "of another", "sent", "confirmed"])
def test_a_call_is_not_reopened_after_a_call_on_its_document_left(
    database: Database, approval: str
) -> None:
    order, calls = put_order(database, 30, EVENING), Calls(database)
    call = Call("dms", "dms_sales_order", "shop/30", "30-GQ", {}, part="GQ", order_pk=order.id)
    row = calls.begin(call, EVENING)
    assert row is not None
    calls.confirm(row, "SO1", {}, EVENING)
    later = EVENING + timedelta(minutes=1)
    if approval != "none":
        reference = "SO2" if approval == "of another" else "SO1"
        further = calls.begin(
            Call("dms", "dms_approve", "shop/30", reference, {}, part="GQ", order_pk=order.id),
            later,
        )
        assert further is not None
        if approval == "confirmed":
            calls.confirm(further, "SO1", {}, later)
    change = Change(event="call_resolved", text=quoted("taken back"))
    order, row = Orders(database).get(order.id), calls.by_key(call.key)
    reopened = calls.reopen(row, "mistyped", order, change, "ops", later)
    free = approval in ("none", "of another")
    assert reopened is free
    assert calls.by_key(call.key).state == (CallState.IN_DOUBT if free else CallState.CONFIRMED)
