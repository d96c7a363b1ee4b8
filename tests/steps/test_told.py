"""A record of the DMS's that cannot be read or taken keeps no other of its page back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from connector.dms.desk import Aside, DmsDesk
from connector.domain.quarantine import Source
from connector.errors import MappingFailed, Rejected
from connector.jobs.cadence import Every, Window
from connector.jobs.status import status
from connector.logs import configure
from connector.mapping import Broken
from connector.sap.books import SapBooks
from connector.steps.quarantine_acts import retry
from connector.steps.told import put_broken
from tests.support.scene import NOON, Scene, scene

LISTS: dict[str, Any] = {"shipments": [], "invoices": [], "returns": []}
GOOD = {"orderNumber": "SO1", "externalNumber": "36", "status": "OPEN", **LISTS}
NAMELESS = {"orderNumber": "SO9", "status": "OPEN", **LISTS}


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Scene]:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        made.until(NOON + timedelta(minutes=1))
        yield made


def test_a_row_that_cannot_be_read_goes_apart_and_the_others_are_read(day: Scene) -> None:
    mapping = day.context.mappings()["dms_status"]
    answer = {"orders": [GOOD, NAMELESS, GOOD]}
    with pytest.raises(MappingFailed, match=r"changes\[2\]"):
        mapping.read(answer)
    reading = mapping.read(answer, apart="changes")
    assert [each["number"] for each in reading.values["changes"]] == ["SO1", "SO1"]
    (broken,) = reading.broken
    assert (broken.item, broken.read["number"]) == (NAMELESS, "SO9")
    assert "external_number" in broken.findings[0]
    assert mapping.read_row("changes", GOOD)[0][0]["external_number"] == "36"
    assert mapping.read_row("changes", NAMELESS)[1][0].item == NAMELESS


class Told:
    """A DMS that tells what it is given to tell."""

    def __init__(self, desk: DmsDesk, news: list[dict[str, Any]], broken: list[Broken]) -> None:
        self._desk, self._news, self._broken = desk, news, broken

    def changed_since(self, _since: Any, aside: Aside) -> Iterator[dict[str, Any]]:
        for each in self._broken:
            aside("dms_status", each)
        yield from self._news

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk, name)


def run(day: Scene, news: list[dict[str, Any]], broken: list[Broken]) -> Any:
    dms = cast(DmsDesk, Told(day.context.dms, news, broken))
    context = replace(day.context, dms=dms)
    sap = SapBooks(day.connector.sap, day.context.mappings)
    every = Every(timedelta(minutes=10))
    job = status(context, day.connector.database, every, sap, ZoneInfo("Asia/Shanghai"))
    return job.run(Window(day.clock.now - timedelta(minutes=10), day.clock.now), "")


def news_of(day: Scene, number: int, **shipment: Any) -> dict[str, Any]:
    (order,) = day.sales_orders(number)
    lines = [{"line_number": line["lineNumber"], "quantity": line["quantity"]}
             for line in order["content"]["lines"]]  # fmt: skip
    sent = {"tracking_number": f"SF{number}", "delivery_note": "", "lines": lines, **shipment}
    return {
        "number": order["orderNumber"], "external_number": str(number), "status": "shipped",
        "shipments": [sent],
    }  # fmt: skip


def test_news_that_cannot_be_taken_are_kept_and_those_of_others_count(day: Scene) -> None:
    released = [row.number for row in day.context.orders.listed(stage="released")][:2]
    first, second = map(int, released)
    hostile = news_of(day, first, lines=[{"line_number": "one", "quantity": "1"}])
    broken = Broken(NAMELESS, {"number": "SO9"}, ["changes[1].external_number: missing"])
    for _ in range(2):
        counts = run(day, [hostile, news_of(day, second)], [broken])
        assert counts["quarantined"] == 2
    assert day.stands(second)[0] == "shipped"
    assert day.stands(first)[0] == "released"
    entries = day.context.quarantine.listed(source=Source.DMS)
    assert {(each.failed, each.key, each.times) for each in entries} == {
        ("news", "SO9", 2), ("news", hostile["number"], 2),
    }  # fmt: skip
    assert all(each.seen_in.startswith("status 2026-") for each in entries)
    for each in entries:
        with pytest.raises(Rejected):
            retry(day.context, day.connector.database, each, "ops")
    # Good news of the same sales order end it.
    run(day, [news_of(day, first)], [])
    assert day.stands(first)[0] == "shipped"
    assert [each.key for each in day.context.quarantine.listed()] == ["SO9"]


def test_a_kept_record_is_read_by_the_mapping_in_force_and_taken_once(day: Scene) -> None:
    number = int(next(row.number for row in day.context.orders.listed(stage="released")))
    (order,) = day.sales_orders(number)
    lines = [{"lineNumber": line["lineNumber"], "quantity": line["quantity"]}
             for line in order["content"]["lines"]]  # fmt: skip
    record = {
        **LISTS, "orderNumber": order["orderNumber"], "externalNumber": str(number),
        "status": "SHIPPED",
        "shipments": [{"deliveryNoteNumber": "DN1", "trackingNumber": "SF1", "lines": lines}],
    }  # fmt: skip
    # As though the mapping had refused it before IT mended it.
    put_broken(day.context, "dms_status", Broken(record, {"number": order["orderNumber"]}, ["x"]))
    (entry,) = day.context.quarantine.listed()
    assert "repeated: news" in retry(day.context, day.connector.database, entry, "ops")
    assert day.stands(number)[0] == "shipped"
    assert day.context.quarantine.listed() == []
