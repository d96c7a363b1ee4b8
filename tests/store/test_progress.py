"""A database that was restored from a backup, or lost, makes nothing twice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connector.bootstrap import build
from connector.store.calls import CallState
from tests.day.expected import CLOSED, doubles
from tests.support.scene import EVENING, Scene, forgotten, scene


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
