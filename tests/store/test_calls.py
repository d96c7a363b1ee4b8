"""The record of the calls to other systems."""

from __future__ import annotations

from datetime import timedelta

from connector.store.calls import Call, Calls
from connector.store.database import Database
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
