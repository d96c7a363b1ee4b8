"""A customer number that SAP gave is never answered by another creation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connector.domain.alerts import AlertKind, Condition, Role
from connector.domain.lifecycle import HoldCause, Stage
from connector.errors import Rejected
from connector.jobs.cadence import Window
from connector.jobs.conditions import creations_of
from connector.sandbox.service import Sandbox
from connector.steps.context import Context
from connector.steps.resolve import resolve_call
from connector.steps.walk import walk
from connector.store.tables import CallRow
from tests.support.crowd import code_of, crowd
from tests.support.scene import EVENING, Scene

CREATES = "sap:reset:operation=BAPI_CUSTOMER_CREATEFROMDATA1,times=0"  # counts, and strikes never
COMMIT = "operation=BAPI_TRANSACTION_COMMIT"
pytestmark = pytest.mark.long_on_postgresql
ORDERS, BUYERS = 5, 3
NUMBERS = range(1000, 1000 + ORDERS)


@pytest.fixture
def at(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    """Orders of few buyers, whom SAP does not know, before anything was done about them."""
    file = tmp_path / "orders.json"
    file.write_text(json.dumps(crowd(ORDERS, BUYERS, seed=3)), encoding="utf-8")
    with Sandbox(orders=file) as sandbox:
        made = Scene(sandbox, database_url, tmp_path)
        try:
            yield made
        finally:
            made.connector.close()


def creations(at: Scene) -> int:
    return int(at.sandbox.faults.describe()[0]["seen"])


def customers(at: Scene) -> list[str]:
    codes = {code_of(buyer) for buyer in range(BUYERS)}
    return [row["KUNNR"] for row in at.sandbox.books.all("sap.customer") if row["STCD5"] in codes]


def test_a_service_without_sessions_draws_no_number(at: Scene) -> None:
    at.fault(CREATES, "sap:no-session")
    at.evening()
    at.later(minutes=20, ticks=3)
    assert (creations(at), customers(at)) == (0, [])
    assert all(at.order(number).hold_cause is None for number in NUMBERS)
    at.fault(CREATES)
    at.later(minutes=20, ticks=3)
    assert (creations(at), len(customers(at))) == (BUYERS, BUYERS)


@pytest.mark.parametrize("fault", ["update-terminated", "no-session"])
def test_a_number_that_is_not_there_is_never_answered_by_another_creation(
    at: Scene, fault: str
) -> None:
    at.fault(CREATES, f"sap:{fault}:{COMMIT}")
    at.evening()
    at.later(minutes=20, ticks=5)
    assert (creations(at), customers(at)) == (BUYERS, [])
    # Held for ops with the number and the advice, and IT is told, once each.
    calls = at.context.calls.given_in_doubt()
    assert len(calls) == BUYERS
    for number in NUMBERS:
        assert at.stands(number) == ("valid", "in_doubt")
        (reason,) = at.order(number).hold_reasons or []
        assert "SM13" in reason
        assert any(each.given and each.given[0]["number"] in reason for each in calls)
        assert sum(event.kind == "held" for event in at.story(number)) == 1
    (gone,) = [each for each in conditions_of(at) if each.kind is AlertKind.NUMBER_GONE]
    assert gone.role is Role.IT
    assert gone.detail["calls"] == BUYERS


def test_an_update_that_is_repeated_later_lets_the_orders_go_on(at: Scene) -> None:
    at.fault(CREATES, f"sap:update-terminated:{COMMIT}")
    at.evening()
    at.later(minutes=10, ticks=2)
    at.fault(CREATES)
    assert at.sandbox.sap.repeat_updates() > 0
    at.later(minutes=20, ticks=2)
    assert (creations(at), len(customers(at))) == (0, BUYERS)
    by_code = {row["STCD5"]: row["KUNNR"] for row in at.sandbox.books.all("sap.customer")}
    for number in NUMBERS:
        row = at.order(number)
        assert row.hold_cause is None
        assert row.customer_number == by_code[at.context.read(row).buyer.code]


@pytest.mark.parametrize("found", [True, False])
def test_a_person_settles_what_became_of_a_number_for_all_orders_of_the_buyer(
    at: Scene, found: bool
) -> None:
    at.fault(CREATES, f"sap:update-terminated:{COMMIT}")
    at.evening()
    at.later(minutes=10)
    at.fault(CREATES)
    call = next(each for each in at.context.calls.given_in_doubt() if orders_of(at, each) > 1)
    waiting = at.context.orders.held_for(HoldCause.IN_DOUBT, call.reference)
    if found:
        with pytest.raises(Rejected, match="no customer"):
            resolve_call(at.context, call, "0000999999", "ops")
        # It is there, and somebody else's: nobody is bound to it.
        with pytest.raises(Rejected, match="code different"):
            resolve_call(at.context, call, "100001", "ops")
        assert at.context.calls.by_key(call.key).state == "in_doubt"
        assert at.sandbox.sap.repeat_updates() > 0
    buyer = call.request["buyer"]
    there = [
        row["KUNNR"]
        for row in at.sandbox.books.all("sap.customer")
        if row["STCD5"] == buyer["code"]
    ]
    resolve_call(at.context, call, there[0].lstrip("0") if found else None, "ops")
    stand = [at.context.orders.get(each) for each in waiting]
    assert {row.hold_cause for row in stand} == {None}
    (number,) = {row.customer_number for row in stand}
    # Only after a person said that it is absent another one is created, once.
    assert creations(at) == (0 if found else 1)
    assert not found or [number] == there


def test_a_process_that_dies_before_the_commit_leaves_the_number(
    at: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(_session: object) -> None:
        raise KeyboardInterrupt

    at.fault(CREATES)
    monkeypatch.setattr("connector.sap.soap._Session.commit", dies)
    at.clock.now += timedelta(minutes=1)
    take_in(at)
    with pytest.raises(KeyboardInterrupt):
        walk(at.context, at.order(NUMBERS[0]).id)
    monkeypatch.undo()
    at.later(minutes=10, ticks=2)
    assert at.stands(NUMBERS[0]) == ("valid", "in_doubt")
    assert creations(at) == BUYERS


def test_no_more_customers_are_created_within_an_hour_than_the_bound(at: Scene) -> None:
    context = replace(at.context, policy=replace(at.context.policy, creations=2))
    at.fault(CREATES)
    take_in(at)

    def all_on() -> list[str]:
        with ThreadPoolExecutor(ORDERS) as pool:
            rows = [at.order(number).id for number in NUMBERS]
            list(pool.map(lambda each: walk(context, each, until=Stage.RECOGNISED), rows))
        return sorted(at.order(number).stage for number in NUMBERS)

    for _ in range(5):
        all_on()
        at.clock.now += timedelta(minutes=10)
    assert (creations(at), len(customers(at))) == (2, 2)
    (told,) = [each for each in conditions_of(at, context) if "creations" in each.kind]
    assert told.role is Role.IT
    at.clock.now += timedelta(hours=1)
    all_on()
    at.clock.now += timedelta(minutes=10)
    assert set(all_on()) == {Stage.RECOGNISED}
    assert (creations(at), len(customers(at))) == (3, 3)


def orders_of(at: Scene, call: CallRow) -> int:
    return len(at.context.orders.held_for(HoldCause.IN_DOUBT, call.reference))


def take_in(at: Scene) -> None:
    intake = next(job for job in at.connector.jobs if job.name == "intake")
    intake.run(Window(EVENING - timedelta(days=1), EVENING), "")


def conditions_of(at: Scene, context: Context | None = None) -> list[Condition]:
    return list(creations_of(context or at.context, at.clock()))


@pytest.mark.parametrize("there", [True, False])
def test_a_number_that_is_somebody_else_s_binds_nobody(at: Scene, there: bool) -> None:
    """SAP answers with a number that it had before, and says nothing of an error."""
    number = "<CUSTOMERNO>0000100001</CUSTOMERNO>"
    lie = f"sap:with:operation=BAPI_CUSTOMER_CREATEFROMDATA1,text={number}"
    at.fault(lie, CREATES if there else f"sap:update-terminated:{COMMIT}")
    at.evening()
    at.later(minutes=20, ticks=3)
    assert {at.order(each).customer_number for each in NUMBERS} == {None}
    assert {at.stands(each) for each in NUMBERS} == {("valid", "in_doubt")}
