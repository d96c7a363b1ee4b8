"""An order that the storefront cannot tell of is named by the night, which compares the others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.domain.reconciliation import Difference
from connector.logs import configure
from connector.sandbox import world
from connector.store.reconciliation import Window
from tests.support.scene import NOON, Scene, scene


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Scene]:
    """The noon wave is out. Of all orders 35 alone bears a refund."""
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        assert made.stands(36) == made.stands(38) == ("ready", None)
        made.until(NOON + timedelta(minutes=1))
        yield made


def night(day: Scene) -> tuple[Any, dict[str, list[Difference]]]:
    """Let the night come; return its run, and what differs by order."""
    day.until(NOON + timedelta(hours=16))
    (run,) = day.connector.runs.history("reconcile")[:1]
    found: dict[str, list[Difference]] = {}
    for each in day.connector.differences.of_window(Window(run.window_from, run.window_to)):
        found.setdefault(each.number, []).append(each)
    return run, found


def test_one_order_that_cannot_be_read_is_named_and_the_others_are_compared(day: Scene) -> None:
    cheaper = {"customer_note": "", "total": "1.00"}
    world.change_order(day.sandbox.books, day.sandbox.clock, "38", cheaper, quietly=True)
    day.fault("storefront:http:operation=GET /orders/{id}/refunds,status=500")
    run, found = night(day)
    assert run.state == "done", run.error
    assert [each.kind for each in found["35"]] == ["not_compared"]
    assert "500" in found["35"][0].detail
    assert "not_compared" not in {each.kind for each in found["38"]}
    assert run.counts["not_compared"] == 1
    # Once it can be read, nothing of it is left.
    day.fault()
    day.connector.runner.rerun(run.id)
    window = Window(run.window_from, run.window_to)
    again = list(day.connector.differences.of_window(window))
    assert "not_compared" not in {each.kind for each in again}
    assert "38" in {each.number for each in again}


def test_a_storefront_that_is_away_compares_nothing(day: Scene) -> None:
    day.fault("storefront:http:status=503")
    run, found = night(day)
    assert run.state != "done"
    assert found == {}
