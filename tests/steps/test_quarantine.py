"""What cannot be taken is in the quarantine, once, until it can be: by itself or by a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from connector.domain.lifecycle import HoldCause
from connector.errors import Rejected
from connector.jobs.cadence import Window
from connector.jobs.kept import OF_JOBS
from connector.logs import configure
from connector.notify.digest import describe
from connector.sandbox import world
from connector.sandbox.storefront import ORDER
from connector.sandbox.storefront_seed import stamp_of
from connector.steps.quarantine import take_or_quarantine
from connector.steps.quarantine_acts import drop, retry
from connector.store.aftersales import AfterSales
from connector.store.changes import Change, Hold
from connector.store.reconciliation import Window as Day
from connector.store.tables import QuarantineRow
from connector.store.types import dumps
from connector.unattended import language_of
from connector.wording import quoted
from tests.support.scene import NOON, Scene, scene

DEEP: dict[str, Any] = {"meta_data": [{"key": "k", "value": eval("[" * 150 + "]" * 150)}]}


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Scene]:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        yield made


def shown(day: Scene, number: int, **fields: Any) -> dict[str, Any]:
    """Have the shop show an order, like a good one but for these fields."""
    stamp = stamp_of(day.sandbox.clock)
    times = {"date_created_gmt": stamp, "date_modified_gmt": stamp, "date_paid_gmt": stamp}
    order = {**day.shown(36), **times, "id": number, "number": str(number), **fields}
    day.sandbox.books.put(ORDER, str(number), order)
    return order


def kept(day: Scene) -> list[QuarantineRow]:
    return day.context.quarantine.listed()


def alerts(day: Scene) -> dict[str, Any]:
    return {alert.key: alert for alert in day.connector.alerts.listed()}


def test_a_hostile_order_keeps_none_of_its_window_back_and_is_told_once_with_the_command(
    day: Scene,
) -> None:
    shown(day, 901)
    shown(day, 902, **DEEP)
    shown(day, 903)
    day.later(minutes=5, ticks=4)
    assert day.connector.runs.history(failed=True) == []
    assert day.stands(901) == day.stands(903) == ("ready", None)
    assert day.context.orders.by_number("902") is None
    (row,) = kept(day)
    assert (row.source, row.failed, row.key, row.state) == ("storefront", "take", "902", "open")
    assert row.seen_in.startswith("intake 2026-")
    assert row.times > 1
    assert "nested deeper than 100 levels" in row.reason
    assert "嵌套" in row.reason.chinese
    alert = alerts(day)["quarantined:storefront"]
    assert alert.role == "it"
    assert alert.told <= 1
    said = describe(alert, language_of(day.settings))
    for words in (f"connector quarantine show {row.id}", "商城的 1 项", "from the storefront: 1"):
        assert words in said


def test_a_good_version_ends_its_entry_by_itself(day: Scene) -> None:
    good = shown(day, 902, **DEEP)
    day.later(minutes=5)
    assert len(kept(day)) == 1
    day.change(902, meta_data=day.shown(36)["meta_data"])
    day.later(minutes=5, ticks=2)
    assert kept(day) == []
    assert day.stands(902) == ("ready", None)
    (ended,) = day.context.quarantine.listed(every=True)
    assert (ended.state, ended.content, ended.closed_by) == ("ended", b"", "intake")
    assert "quarantined:storefront" not in alerts(day)
    assert good["id"] == 902


def test_a_known_order_is_held_as_it_was_taken_while_the_shop_shows_what_cannot_be(
    day: Scene,
) -> None:
    before = day.order(36).content
    meta = day.shown(36)["meta_data"]
    day.change(36, **DEEP)
    day.later(minutes=5, ticks=2)
    assert day.stands(36) == ("ready", "mapping")
    (row,) = kept(day)
    assert f"quarantined under {row.id}" in str(day.order(36).hold_reasons)
    assert day.order(36).content == before
    day.until(NOON + timedelta(minutes=1))
    assert day.stands(36)[0] == "ready"
    # As it was before: nothing is new of it, and it goes on.
    day.change(36, meta_data=meta)
    day.later(minutes=5)
    assert day.stands(36) == ("ready", None)
    assert kept(day) == []


def test_what_an_order_is_held_for_already_stays_to_be_settled(day: Scene) -> None:
    hold = Hold(HoldCause.CHANGED, (quoted("settle by hand"),))
    change = Change(event="held", text=quoted("x"), hold=hold)
    day.context.orders.apply(day.order(36), change, "test", day.clock.now)
    for _ in range(2):
        take_or_quarantine(day.context, {**day.shown(36), **DEEP})
    assert day.stands(36) == ("ready", "changed")
    reasons = day.order(36).hold_reasons or []
    assert [reasons[0], len(reasons)] == ["settle by hand", 2]
    (row,) = kept(day)
    assert drop(day.context, row, "ops", "a test of the shop's agency")
    assert day.stands(36) == ("ready", "changed")
    assert day.order(36).hold_reasons == ["settle by hand"]


def test_the_number_of_another_order_holds_nothing_of_that_one(day: Scene) -> None:
    take_or_quarantine(day.context, {**day.shown(36), **DEEP, "id": 999})
    assert [row.key for row in kept(day)] == ["999"]
    assert day.stands(36) == ("ready", None)


def test_a_retry_takes_the_order_as_the_intake_does_and_never_twice(day: Scene) -> None:
    explosive = shown(day, 902, line_items={"no": "list"}, total=[])
    row = _put(day, explosive | DEEP)
    with pytest.raises(Rejected, match="nested deeper"):
        retry(day.context, day.connector.database, row, "ops")
    assert [(each.id, each.times) for each in kept(day)] == [(row.id, 2)]
    # IT mended what reads it: here, the bytes are made good.
    good = _put(day, shown(day, 902))
    said = retry(day.context, day.connector.database, good, "ops")
    assert said == "the step was repeated: new"
    assert kept(day) == []
    day.later(minutes=5, ticks=2)
    again = _put(day, day.shown(902))
    assert retry(day.context, day.connector.database, again, "ops").endswith("echo")
    assert len([each for each in day.context.orders.listed() if each.number == "902"]) == 1
    assert len(day.sales_orders(902)) == 1


def _put(day: Scene, payload: Any) -> QuarantineRow:
    from connector.domain.quarantine import Failed
    from connector.steps.quarantine import put_order

    return put_order(day.context, Failed.TAKE, payload, quoted("made up"), "intake")


def test_what_is_dropped_is_dropped_until_it_is_something_else(day: Scene) -> None:
    shown(day, 902, **DEEP)
    day.later(minutes=5)
    (row,) = kept(day)
    assert drop(day.context, row, "ops", "not an order")
    assert not drop(day.context, row, "ops", "again")
    day.later(minutes=5, ticks=3)
    assert kept(day) == []
    assert day.context.orders.by_number("902") is None
    shown(day, 902, **DEEP, status="pending")
    day.later(minutes=5)
    assert [each.id for each in kept(day)] == [row.id]


def test_an_order_that_is_stored_and_cannot_be_read_is_asked_for_anew(day: Scene) -> None:
    with day.connector.database.writing() as connection:
        connection.execute(
            text("UPDATE orders SET content = :x, payload = :x WHERE number = '36'"),
            {"x": '{"buyer": "李雷\\x'},
        )
    day.fault("storefront:outage")
    day.until(NOON)
    day.later(minutes=6)
    assert day.stands(36) == ("ready", "mapping")
    (row,) = kept(day)
    assert (row.source, row.failed, row.key) == ("database", "stored", "36")
    assert "李雷".encode("unicode_escape") in row.content
    assert "quarantined:database" in alerts(day)
    day.fault()
    assert "repeated" in retry(day.context, day.connector.database, row, "ops")
    assert day.stands(36) == ("ready", None)
    assert kept(day) == []


def test_an_order_that_cannot_be_followed_after_its_sale_is_looked_at_until_it_can_be(
    day: Scene,
) -> None:
    day.until(NOON + timedelta(minutes=1))
    number = next(row.number for row in day.context.orders.listed(stage="released"))
    detail = next(
        each.detail
        for each in day.context.orders.documents(day.order(int(number)).id)
        if each.kind == "invoice_application"
    )
    _set_detail(day, number, '{"amount": "x", "lines": [7]}')
    world.refund(day.sandbox.books, day.sandbox.clock, number, "1.00", [], "")
    day.later(minutes=30, ticks=2)
    (row,) = kept(day)
    assert (row.source, row.failed, row.key) == ("database", "follow", number)
    assert day.connector.runs.history("aftersales", failed=True) == []
    with pytest.raises(Rejected):
        retry(day.context, day.connector.database, row, "ops", OF_JOBS)
    _set_detail(day, number, dumps(detail))
    day.later(minutes=30)
    assert kept(day) == []
    assert AfterSales(day.connector.database).of_order(day.order(int(number)).id)


def _set_detail(day: Scene, number: str, detail: str) -> None:
    with day.connector.database.writing() as connection:
        connection.execute(
            text(
                "UPDATE document SET detail = :detail WHERE kind = 'invoice_application' AND"
                " order_pk = (SELECT id FROM orders WHERE number = :number)"
            ),
            {"detail": detail, "number": number},
        )


def test_an_order_of_which_the_night_can_make_nothing_is_named_and_kept(
    day: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others of its day are compared; once it can be read, its entry ends."""
    shown(day, 902, **DEEP)
    cheaper = {"customer_note": "", "total": "1.00"}
    world.change_order(day.sandbox.books, day.sandbox.clock, "38", cheaper, quietly=True)
    day.until(NOON + timedelta(hours=16))
    (run,) = day.connector.runs.history("reconcile")[:1]
    assert run.state == "done", run.error
    found: dict[str, set[str]] = {}
    for each in day.connector.differences.of_window(Day(run.window_from, run.window_to)):
        found.setdefault(each.number, set()).add(each.kind)
    assert found["902"] == {"not_compared"}
    assert "38" in found
    assert {row.failed for row in kept(day)} == {"take", "compare"}
    day.change(902, meta_data=day.shown(36)["meta_data"])
    day.later(minutes=5)
    assert {row.failed for row in kept(day)} == {"compare"}
    day.connector.runner.rerun(run.id)
    assert kept(day) == []
    assert Window(run.window_from, run.window_to).end > run.window_from
