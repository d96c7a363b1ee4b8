"""Forgetting by age: masked, then dropped; the books stay, and the database gives room back."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from connector.domain.lifecycle import Stage
from connector.jobs.cadence import Daily, Window
from connector.jobs.housekeeping import Ages, housekeeping
from connector.store.calls import Call, Calls
from connector.store.changes import Change
from connector.store.database import Database
from connector.store.orders import Orders
from connector.store.quarantine import Quarantine
from connector.store.retention import Retention
from connector.store.runs import Runs
from connector.store.tables import CallRow, EventRow, OrderRow, RunRow
from connector.wording import quoted
from tests.support.stored import move, put_order

PLACED = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SECRETS = ("欧阳明月", "13900000001", "320300198201010027", "铜山路99号")
PERSON = {
    "number": "1", "order_id": "1", "total": "10.00", "currency": "CNY",
    "buyer": {"name": "欧阳明月", "phone": "13900000001", "code": "320300198201010027",
              "address": {"street": "铜山路99号"}},
}  # fmt: skip


class House:
    """A database with one order that a person bought, and the job at a time of its own."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.now = PLACED
        row = put_order(database, 1, PLACED, payload=PERSON, content=PERSON)
        call = Calls(database).begin(
            Call("sap", "create", "shop/1", "1", PERSON, order_pk=row.id), PLACED
        )
        assert call is not None
        Calls(database).confirm(call, "0000200001", PERSON, PLACED)
        Orders(database).note(
            row.id,
            Change(event="held", text=quoted("13900000001"), detail=PERSON),
            "connector",
            PLACED,
        )
        self.order = move(database, row, Stage.CLOSED, PLACED)

    def run(self, days: int) -> dict[str, int]:
        self.now = PLACED + days * DAY
        job = housekeeping(
            Retention(self.database), Quarantine(self.database),
            Ages(180 * DAY, 730 * DAY, 90 * DAY),
            Daily(ZoneInfo("Asia/Shanghai"), time(3, 30)), self.folder, lambda: self.now,
        )  # fmt: skip
        return dict(job.run(Window(self.now - DAY, self.now), ""))

    def all_text(self) -> str:
        with self.database.reading() as session:
            order = session.scalars(select(OrderRow)).one()
            call = session.scalars(select(CallRow)).one()
            events = session.scalars(select(EventRow)).all()
            held = [order.payload, order.content, call.request, call.answer]
            return json.dumps([*held, *([each.text, each.detail] for each in events)],
                              ensure_ascii=False, default=str)  # fmt: skip


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return House(database, tmp_path)


def test_young_orders_are_left_alone(house: House) -> None:
    assert house.run(179)["masked"] == 0
    assert all(secret in house.all_text() for secret in SECRETS)


def test_old_personal_data_is_masked_then_dropped_and_the_books_stay(house: House) -> None:
    assert house.run(181)["masked"] == 1
    assert not [secret for secret in SECRETS if secret in house.all_text()]
    assert "320300********0027" in house.all_text()
    assert house.run(182)["masked"] == 0
    assert house.run(731)["dropped"] == 1
    assert house.run(732)["dropped"] == 0
    row = Orders(house.database).get(house.order.id)
    assert (row.payload, row.content["total"]) == ({}, "10.00")
    assert "buyer" not in row.content
    (call,) = Calls(house.database).of_order(row.id)
    assert (call.document, call.request) == ("0000200001", {})
    stages = [each.detail.get("stage") for each in Orders(house.database).events(row.id)]
    assert stages == ["received", None, "closed"]


def test_an_order_that_goes_on_is_never_masked(house: House, database: Database) -> None:
    put_order(database, 2, PLACED, payload=PERSON, content=PERSON)
    assert house.run(800)["dropped"] == 1
    other = Orders(database).by_number("2")
    assert other is not None
    assert other.payload == PERSON


def test_what_was_changed_after_it_was_masked_is_masked_again(house: House) -> None:
    house.run(181)
    row = Orders(house.database).get(house.order.id)
    change = Change(event="changed", text=quoted(""), values={"payload": PERSON})
    Orders(house.database).apply(row, change, "intake", PLACED + 200 * DAY)
    assert house.run(300)["masked"] == 0
    assert "13900000001" in house.all_text()
    assert house.run(381)["masked"] == 1
    assert "13900000001" not in house.all_text()


def test_runs_are_pruned_but_each_job_keeps_how_far_it_has_come(house: House) -> None:
    runs = Runs(house.database)
    for minute in range(50):
        window = (
            PLACED + minute * timedelta(minutes=1),
            PLACED + (minute + 1) * timedelta(minutes=1),
        )
        row = runs.claim("advance", "", window, "x", window[1], DAY)
        assert row is not None
        if minute != 20:
            runs.finish(row, {}, window[1])
    assert house.run(91)["runs"] == 48
    assert runs.last_window_to("advance", "") == PLACED + timedelta(minutes=50)
    with house.database.reading() as session:
        # What is not finished stays too: it is still to be done.
        assert session.scalar(select(func.count(RunRow.id))) == 2


def test_batch_folders_go_when_the_data_in_them_does(house: House, tmp_path: Path) -> None:
    for name in ("2026-01-05", "2027-01-05", "notes"):
        (tmp_path / "waves" / name).mkdir(parents=True)
    assert house.run(740)["folders"] == 1
    left = sorted(each.name for each in (tmp_path / "waves").iterdir())
    assert left == ["2027-01-05", "notes"]


def test_sheets_of_buyers_to_settle_go_when_their_data_is_masked(
    house: House, tmp_path: Path
) -> None:
    folder = tmp_path / "review"
    folder.mkdir()
    for name, days in (("review-1.xlsx", 10), ("review-2.xlsx", 100), ("notes.xlsx", 10)):
        at = (PLACED + days * DAY).timestamp()
        (folder / name).touch()
        os.utime(folder / name, (at, at))
    assert house.run(200)["sheets"] == 1
    assert sorted(each.name for each in folder.iterdir()) == ["notes.xlsx", "review-2.xlsx"]


def test_a_database_that_shrank_gives_its_room_back(database: Database, tmp_path: Path) -> None:
    house = House(database, tmp_path)
    for number in range(2, 62):
        row = put_order(database, number, PLACED, payload={"x": "y" * 40_000})
        move(database, row, Stage.CLOSED, PLACED)
    counts = house.run(731)
    assert counts["dropped"] == 61
    if database.is_sqlite:
        assert counts["rewritten"] == 1
    assert house.run(732)["rewritten"] == 0


def test_days_on_which_nobody_tidied_are_one_window() -> None:
    daily = Daily(ZoneInfo("Asia/Shanghai"), time(3, 30))
    last = datetime(2026, 11, 20, 19, 30, tzinfo=UTC)
    assert daily.due(last, last + timedelta(hours=23)) == []
    assert daily.due(last, last + timedelta(days=3, hours=1)) == [
        Window(last, last + timedelta(days=3))
    ]
