"""A shop that has taken what was written back, and answers in whatever way: each once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest

from connector.errors import Misconfigured
from connector.jobs.cadence import Window
from connector.jobs.writeback import write_back
from connector.sandbox import world
from connector.settings import Settings
from connector.store.calls import CallState
from connector.store.tables import DocumentRow
from tests.dms.answers import ANSWERS
from tests.support.scene import NOON, Scene, scene
from tests.support.wire import Trouble, Wire


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, Wire, DocumentRow]]:
    folder = tmp_path_factory.mktemp("shop")
    wires: list[Wire] = []

    def reached(settings: Settings) -> None:
        wires.append(Wire(int(settings.storefront.url.rpartition(":")[2].split("/")[0])))
        settings.storefront.url = wires[0].url

    with scene(f"sqlite:///{folder / 'c.db'}", folder, reached, anew=False) as day:
        day.until(NOON)
        day.later()
        world.ship(day.sandbox.books, day.sandbox.clock, "30")
        status = next(job for job in day.connector.jobs if job.name == "status")
        status.run(Window(NOON - timedelta(days=1), day.clock.now + timedelta(minutes=1)), "")
        (news,) = [each for each in day.context.orders.to_write_back() if each.kind == "shipment"]
        yield day, wires[0], news
    wires[0].stop()


@pytest.mark.parametrize("name", ["302", "401", "403", "404", "405", "409", "429", "500_html"])
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_what_a_shop_has_taken_is_not_written_again(
    wired: tuple[Scene, Wire, DocumentRow], method: str, name: str
) -> None:
    day, wire, news = wired
    row = day.context.orders.get(news.order_pk)
    # Another edition of the same news is told of again, with words of its own.
    news.detail = {**news.detail, "edition": f"{method}{name}", "carrier": name + method}
    with wire.suffers(method, Trouble("raw", forwarded=True, raw=ANSWERS[name])):
        with suppress(Misconfigured):
            write_back(day.context, row, news)
        assert wire.struck == 1
    write_back(day.context, row, news)
    told = [
        note
        for note in day.sandbox.books.all("storefront.note")
        if note["order"] == row.number and name + method in note["note"]
    ]
    assert len(told) == 1
    calls = [each for each in day.context.calls.of_order(row.id) if f"~{method}{name}" in each.key]
    assert [(each.state, each.attempts) for each in calls] == [(CallState.CONFIRMED, 1)] * 2
