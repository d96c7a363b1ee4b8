"""What ops do: recorded, harmless when two do it at once, and never double."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from typer.testing import CliRunner, Result

from connector.cli import app
from connector.domain.lifecycle import HoldCause
from connector.errors import ConnectorError, Rejected
from connector.logs import configure
from connector.sandbox.books import Books
from connector.steps.repair import (
    link_customer,
    new_customer,
    request_cancel,
    retry,
    retry_held,
)
from connector.steps.resolve import resolve_call
from connector.store.database import Database
from connector.store.tables import Base, OrderRow
from tests.commands.site import point_at
from tests.day.expected import doubles
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


Command = Callable[..., Result]


@pytest.fixture
def command(lite: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Give the command line of that site, in this process. Its clock is the real one."""
    point_at(lite, tmp_path, monkeypatch)

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, list(words))

    return run


_ANEW = ("compared_at", "id")
# How often a window was run, and how often a mapping met a field that it does not know.
_COUNTED = ("job_run", "mapping_notice")


def rows_of(database: Database, *without: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that is in the database."""
    with database.engine.connect() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(
                    # A comparison made again is noted anew, with the time at which it was made.
                    select(*(each for each in table.c if each.name not in _ANEW)).order_by(
                        *table.primary_key
                    )
                )
            ]
            for table in Base.metadata.sorted_tables
            if table.name not in without
        }


def held_by(books: Books) -> list[str]:
    """Return all that the other systems hold, but for what they count of our questions."""
    kinds = ("dms.sales_order", "dms.delivery_note", "dms.invoice_application", "sap.customer")
    return [f"{kind} {each}" for kind in kinds for each in books.all(kind)]


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Wait until something is so; whether it came to be."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(0.01)
    return True


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do all of these at the same moment, and return what came of each, errors included."""
    barrier = threading.Barrier(len(acts))
    results: list[Any] = [None] * len(acts)

    def run(place: int) -> None:
        barrier.wait()
        try:
            results[place] = acts[place]()
        except ConnectorError as error:
            results[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.long_on_postgresql
def test_a_finished_run_is_rerun_and_changes_nothing(day: Scene) -> None:
    """Every run of a whole day, waves and the night's comparison included."""
    lived = day.connector.runs.history(limit=1)[0].id  # by another process, in another folder
    day.until(NOON + timedelta(minutes=1))
    day.until(NOON + timedelta(hours=3, minutes=1))
    day.later(minutes=20, ticks=2)
    day.until(NOON + timedelta(hours=14))
    day.later(minutes=1, ticks=2)
    history = reversed(day.connector.runs.history(limit=1000))
    runs = [run for run in history if run.id > lived]
    assert {run.job for run in runs} >= {"intake", "advance", "wave", "status", "reconcile"}
    assert {run.state for run in runs} == {"done"}
    before, books = rows_of(day.connector.database, *_COUNTED), held_by(day.sandbox.books)
    files = {
        file: (file.stat().st_mtime_ns, file.read_bytes())
        for file in day.settings.output.rglob("*")
        if file.is_file()
    }
    assert files
    newest = {(run.job, run.scope): run for run in runs}
    waves = [run for run in runs if run.job == "wave"]
    for run in [*newest.values(), *waves, *runs[:3]]:
        outcome = day.connector.runner.rerun(run.id)
        assert outcome is not None
        assert outcome.state == "done", outcome
    after = rows_of(day.connector.database, *_COUNTED)
    for table, rows in before.items():
        assert after[table] == rows, table
    assert held_by(day.sandbox.books) == books
    for file, (_, content) in files.items():
        assert file.read_bytes() == content, file


def test_two_who_link_one_buyer_at_once_are_one_and_a_refusal(day: Scene) -> None:
    row = day.order(31)
    first, second = at_once(
        lambda: link_customer(day.context, row, "100003", "ops:a", "rang the buyer"),
        lambda: link_customer(day.context, row, "100001", "ops:b"),
    )
    refused = [each for each in (first, second) if isinstance(each, Rejected)]
    moved = [each for each in (first, second) if isinstance(each, list)]
    assert (len(refused), len(moved)) == (1, 1), (first, second)
    assert "connector orders show 31" in str(refused[0])
    bound = day.context.customers.get(row.buyer_key or "")
    assert bound is not None
    assert day.order(31).customer_number == bound.number
    assert day.stands(31) == ("ready", None)
    settled = [event.actor for event in day.story(31) if event.kind == "customer_settled"]
    assert len(set(settled)) == 1
    assert doubles(day.sandbox) == []


def test_link_and_create_at_once_make_no_customer_that_nobody_wanted(day: Scene) -> None:
    customers = len(day.sandbox.books.all("sap.customer"))
    row = day.order(31)
    linked, created = at_once(
        lambda: link_customer(day.context, row, "100003", "ops:a"),
        lambda: new_customer(day.context, row, "ops:b"),
    )
    new = len(day.sandbox.books.all("sap.customer")) - customers
    assert isinstance(linked, Rejected) != isinstance(created, Rejected), (linked, created)
    assert new == (1 if isinstance(linked, Rejected) else 0)
    assert day.stands(31) == ("ready", None)
    assert doubles(day.sandbox) == []


def same_customer(day: Scene) -> str:
    """Return the customer of the four orders of one buyer."""
    (number,) = {day.order(number).customer_number for number in (31, 37, 43, 49)}
    assert number is not None
    assert {day.stands(number) for number in (31, 37, 43, 49)} == {("ready", None)}
    assert doubles(day.sandbox) == []
    return number


def test_who_links_a_buyer_while_another_creates_it_by_another_order_is_refused(
    day: Scene,
) -> None:
    customers = len(day.sandbox.books.all("sap.customer"))
    day.fault("sap:latency:operation=BAPI_CUSTOMER_CREATEFROMDATA1,seconds=2")

    def created_under_way() -> bool:
        return any(
            each.operation == "create_customer" and each.order_pk == day.order(37).id
            for each in day.context.calls.listed()
        )

    def link() -> list[OrderRow]:
        assert wait_for(created_under_way)
        return link_customer(day.context, day.order(31), "100003", "ops:a")

    linked, created = at_once(link, lambda: new_customer(day.context, day.order(37), "ops:b"))
    assert isinstance(linked, Rejected), linked
    assert "customer" in str(linked) or "created in SAP" in str(linked)
    assert isinstance(created, list), created
    day.later(minutes=20)
    assert len(day.sandbox.books.all("sap.customer")) == customers + 1
    assert same_customer(day) != "0000100003"


def test_link_and_create_of_two_orders_of_one_buyer_at_once_come_to_one_customer(
    day: Scene,
) -> None:
    customers = len(day.sandbox.books.all("sap.customer"))
    linked, _ = at_once(
        lambda: link_customer(day.context, day.order(31), "100003", "ops:a"),
        lambda: new_customer(day.context, day.order(37), "ops:b"),
    )
    day.later(minutes=20)
    new = len(day.sandbox.books.all("sap.customer")) - customers
    assert new == (1 if isinstance(linked, Rejected) else 0), linked
    assert (same_customer(day) == "0000100003") == (new == 0)


def test_a_buyer_whose_creation_was_refused_can_be_linked(lite: Scene) -> None:
    lite.fault("sap:business:operation=BAPI_CUSTOMER_CREATEFROMDATA1")
    (row,) = new_customer(lite.context, lite.order(31), "ops:a")
    assert row.hold_cause == HoldCause.REJECTED
    lite.fault()
    link_customer(lite.context, lite.order(37), "100003", "ops:b")
    retry(lite.context, lite.order(31), "ops:b")
    assert same_customer(lite) == "0000100003"
    assert "linked" in " ".join(event.text for event in lite.story(31))


def test_two_who_retry_all_that_was_refused_at_once_send_it_once(day: Scene) -> None:
    with_fault(day)
    held = {row.number for row in day.context.orders.listed(hold="rejected")}
    assert held
    day.fault()
    cause = HoldCause.REJECTED
    results = at_once(
        *(lambda: list(retry_held(day.context, cause, "ops:a", "mended")) for _ in range(3)),
        lambda: day.connector.runner.tick(),
    )
    assert not [each for each in results if isinstance(each, Exception)], results
    day.later(minutes=5, ticks=2)
    assert day.context.orders.listed(hold="rejected") == []
    assert {day.stands(int(number)) for number in held} == {("ready", None)}
    assert doubles(day.sandbox) == []


def with_fault(day: Scene) -> None:
    """Have the DMS refuse the delivery notes of orders that a rep lets go on."""
    day.fault("dms:business:operation=CreateDeliveryNote")
    for number in (31, 37, 43, 49):
        if day.order(number).hold_cause == "customer_review":
            new_customer(day.context, day.order(number), "rep")


def test_cancel_and_retry_at_once_end_in_one_state(day: Scene) -> None:
    with_fault(day)
    row = day.context.orders.listed(hold="rejected")[0]
    day.fault()
    at_once(
        lambda: request_cancel(day.context, row, "ops:a", "the buyer rang"),
        lambda: retry(day.context, row, "ops:b"),
        lambda: request_cancel(day.context, row, "ops:c"),
    )
    day.later(minutes=5, ticks=2)
    assert day.stands(int(row.number)) == ("cancelled", None)
    (sales_order,) = day.sales_orders(int(row.number))
    assert sales_order["status"] == "CANCELLED"


def test_absent_is_not_believed_while_the_write_may_still_arrive(lite: Scene) -> None:
    lite.fault("dms:lost-answer:operation=CreateSalesOrder", "dms:outage:operation=Find*")
    new_customer(lite.context, lite.order(31), "rep")
    # Of the buyer's orders one goes first; then the breaker may keep the others back.
    call = lite.context.calls.listed(("in_doubt",))[-1]
    assert call.operation == "dms_sales_order"
    assert call.order_pk is not None
    number_of_order = int(lite.context.orders.get(call.order_pk).number)
    with pytest.raises(Rejected, match="may still take effect until"):
        resolve_call(lite.context, call, None, "ops:a")
    assert len(lite.sales_orders(number_of_order)) == 1
    # Two look: one found it, the other is late. What was noted first stands.
    (number,) = [each["orderNumber"] for each in lite.sales_orders(number_of_order)]
    lite.fault()
    resolve_call(lite.context, call, number, "ops:a", "seen in the DMS")
    lite.later(minutes=10)
    with pytest.raises(Rejected, match="has moved on meanwhile"):
        resolve_call(lite.context, call, None, "ops:b")
    assert len(lite.sales_orders(number_of_order)) == 1
    told = [event for event in lite.story(number_of_order) if event.kind == "call_resolved"]
    assert [event.actor for event in told] == ["ops:a"]
    assert told[0].text.endswith("seen in the DMS")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("", "'' is no document's number"),
        ("  ", "is no document's number"),
        ("None", "is no document's number"),
        ("of order 36", "is of order 36 already"),
    ],
)
def test_a_number_that_is_none_or_anothers_settles_nothing(
    lite: Scene, command: Command, found: str, said: str
) -> None:
    if found == "of order 36":
        found = lite.sales_orders(36)[0]["orderNumber"]
    (call,) = [
        each
        for each in lite.context.calls.of_order(lite.order(30).id)
        if each.operation == "dms_sales_order"
    ]
    with lite.connector.database.transaction() as session:
        session.execute(text("UPDATE outbound_call SET state = 'in_doubt' WHERE id = :id"),
                        {"id": call.id})  # fmt: skip
    done = command("calls", "resolve", str(call.id), "--found", found)
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", "").split())
    assert lite.context.calls.by_key(call.key).state == "in_doubt"


def test_a_customer_that_is_not_the_buyer_settles_no_creation(
    lite: Scene, command: Command
) -> None:
    call = next(
        each
        for each in lite.context.calls.listed()
        if each.operation == "create_customer" and each.document and each.state == "confirmed"
    )
    with lite.connector.database.transaction() as session:
        session.execute(text("UPDATE outbound_call SET state = 'in_doubt' WHERE id = :id"),
                        {"id": call.id})  # fmt: skip
    for words in ((), ("--dry-run",)):
        done = command("calls", "resolve", str(call.id), "--found", "0000100001", *words)
        assert done.exit_code == 2
        said = " ".join(done.output.replace("│", "").split())
        assert "customer 0000100001 is not the buyer" in said
        assert "name different" in said
        assert "correct the record in SAP first" in said
        assert call.request["buyer"]["code"] not in said
    assert lite.context.calls.by_key(call.key).state == "in_doubt"
    done = command("calls", "resolve", str(call.id), "--found", str(call.document).lstrip("0"))
    assert done.exit_code in (0, 1), done.output
    assert lite.context.calls.by_key(call.key).document == call.document


def test_who_and_why_stand_in_the_story_and_in_the_acts(lite: Scene, command: Command) -> None:
    done = command("orders", "cancel", "36", "--actor", "li", "--reason", "call 13912345678 back")
    assert done.exit_code == 0, done.output
    event = next(each for each in lite.story(36) if each.kind == "cancel_requested")
    assert (event.actor, event.text) == ("ops:li", "cancelled by hand: call 139****5678 back")
    (act,) = lite.connector.acts.listed()
    assert (act.what, act.subject, act.actor) == ("orders cancel", "order 36", "ops:li")
    assert (act.reason, act.outcome) == ("call 139****5678 back", "cancelled")
    refused = command("customers", "link", "31", "999999", "--actor", "li")
    assert isinstance(refused.exception, Rejected)
    assert "SAP has no customer 999999" in (lite.connector.acts.listed()[0].outcome or "")


def test_bulk_retry_takes_one_cause_and_leaves_the_others(lite: Scene, command: Command) -> None:
    before = {row.number: row.version for row in lite.context.orders.listed()}
    done = command("orders", "retry", "--hold", "unpaid", "--actor", "li", "--reason", "asked")
    assert done.exit_code == 1  # still unpaid: somebody is needed
    moved = {
        row.number for row in lite.context.orders.listed() if row.version != before[row.number]
    }
    assert moved == {"55", "56"}
    act = lite.connector.acts.listed()[0]
    assert (act.subject, act.outcome) == ("hold unpaid", "2 looked at again, 2 of them held")


def test_a_dry_run_changes_nothing_anywhere(lite: Scene, command: Command) -> None:
    run = lite.connector.runs.history(limit=1)[0].id
    call = lite.context.calls.listed()[0].id
    with lite.connector.database.transaction() as session:
        session.execute(text("UPDATE outbound_call SET state = 'in_doubt' WHERE id = :id"),
                        {"id": call})  # fmt: skip
    before = rows_of(lite.connector.database), held_by(lite.sandbox.books)
    for words in (
        "orders retry 34", "orders retry --hold unpaid", "orders cancel 36",
        "customers link 31 100003", "customers create 31", f"calls ask {call}",
        f"calls resolve {call} --absent", f"calls resolve {call} --found SO1",
        f"job rerun {run}", "job run intake", "job run wave --date 2026-11-24",
    ):  # fmt: skip
        done = command(*words.split(), "--dry-run")
        assert done.exit_code == 0, (words, done.output)
        assert "would be" in done.output or words.startswith("job run"), (words, done.output)
        assert (rows_of(lite.connector.database), held_by(lite.sandbox.books)) == before, words


def test_a_rerun_says_in_the_history_who_asked_for_it(lite: Scene, command: Command) -> None:
    run = lite.connector.runs.history("status", limit=1)[0].id
    done = command("job", "rerun", str(run), "--actor", "li", "--reason", "to be sure")
    assert done.exit_code == 0, done.output
    listed = command("job", "history", "status", "--json")
    assert '"rerun_by": "ops:li: to be sure"' in listed.stdout
