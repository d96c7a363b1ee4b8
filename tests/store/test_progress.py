"""A database that was restored from a backup, or lost, makes nothing twice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connector.bootstrap import build
from connector.errors import RetryLater
from connector.steps.outbound import Document, Outbound
from connector.store.calls import Call, Calls, CallState
from connector.store.database import Database
from connector.store.progress import Progress
from tests.day.expected import CLOSED, doubles
from tests.support.scene import EVENING, Scene, forgotten, scene
from tests.support.stored import put_order


def _all_found(at: Scene) -> None:
    """Every document is known again, and none was made."""
    at.later(minutes=10, ticks=2)
    assert doubles(at.sandbox) == []
    assert {number for number in CLOSED if at.stands(number)[0] != "ready"} == set()
    assert at.stands(34) == ("placed", "stock")
    calls = at.context.calls.listed()
    assert {(call.state, call.asked > 0) for call in calls} == {(CallState.CONFIRMED, True)}


@pytest.mark.long_on_postgresql
def test_a_database_behind_the_files_beside_it_asks_before_it_sends(
    database_url: str, tmp_path: Path
) -> None:
    with forgotten(database_url, tmp_path, calls_noted=60) as at:
        _all_found(at)
        # What was never sent is sent, once it is certain that it was not.
        at.context.customers.bind(
            at.order(31).buyer_key or "", "0000100003", "linked", "rep", at.clock.now
        )
        at.later(minutes=20, ticks=5)
        assert at.stands(31) == ("ready", None)
        assert doubles(at.sandbox) == []


def test_a_database_that_a_person_calls_restored_asks_before_it_sends(tmp_path: Path) -> None:
    with forgotten(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, calls_noted=None) as at:
        at.connector.progress.mark_restored(at.clock.now)
        at.connector.close()
        at.connector = build(at.settings, at.clock, since=EVENING - timedelta(days=1))
        at.context = at.connector.context
        _all_found(at)


def test_a_database_that_goes_on_is_not_taken_for_a_restored_one(tmp_path: Path) -> None:
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as at:
        at.connector.progress.note()
        noted = (at.settings.output / ".progress").read_text(encoding="ascii")
        assert int(noted) == at.context.calls.listed()[0].id
        at.connector.progress.look(at.clock.now)
        assert at.connector.progress.restored_at is None


@pytest.mark.parametrize("state", [CallState.PENDING, CallState.REJECTED])
def test_what_the_backup_holds_as_not_sent_is_asked_about(
    database: Database, tmp_path: Path, state: CallState
) -> None:
    order = put_order(database, 30, EVENING)
    calls, progress = Calls(database), Progress(database, tmp_path / ".progress")
    call = Call("dms", "dms_sales_order", "shop/30", "30", {"total": "1.00"}, order_pk=order.id)
    begun = calls.begin(call, EVENING)
    assert begun is not None
    if state == CallState.PENDING:
        calls.release(begun, "away")
    else:
        calls.reject(begun, "E1", "no", EVENING)
    later = EVENING + timedelta(hours=8)
    progress.mark_restored(later)
    outbound = Outbound(calls, lambda: later, timedelta(minutes=3))

    sent: list[str] = []

    def send() -> Document:
        sent.append("a second time")
        return Document("SO2", {})

    def absent() -> None:
        return None

    with pytest.raises(RetryLater):  # what was sent a moment ago may still arrive
        outbound.perform(call, send, absent)
    assert outbound.perform(call, send, lambda: Document("SO1", {})).number == "SO1"
    assert (calls.by_key(call.key).state, sent) == (CallState.CONFIRMED, [])
