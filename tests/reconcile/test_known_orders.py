"""What was completed before the connector's first day: in none of the books, and finance's line."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from connector.errors import Rejected
from connector.jobs.cadence import Window
from connector.logs import configure
from connector.sandbox import world
from connector.sandbox.dms_documents import ORDER as SALES_ORDER
from connector.sandbox.storefront import ORDER
from connector.sandbox.storefront_seed import stamp_of
from connector.steps.news import take_news
from connector.steps.repair import request_cancel
from connector.store import migrate
from connector.store.daybook import Daybook
from connector.store.reconciliation import Window as Span
from connector.store.tables import OrderRow
from tests.support.scene import Scene, scene

START = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
NIGHT = DAY.end + timedelta(hours=10, minutes=40)
BEFORE = "2026-11-23T08:00:00"  # within the day, and before the first start
KNOWN = 901
MIGRATIONS = Path(migrate.__file__).parent / "migrations"


@pytest.fixture
def around(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    """An order that the shop shows as completed when the connector sees it first."""
    configure("critical")
    with scene(database_url, tmp_path) as made:
        stamp = stamp_of(made.sandbox.clock)
        order = deepcopy(made.shown(36)) | {
            "id": KNOWN,
            "number": str(KNOWN),
            "status": "completed",
            "date_created_gmt": BEFORE,
            "date_paid_gmt": BEFORE,
            "date_modified_gmt": stamp,
            "date_modified": stamp,
        }
        made.sandbox.books.put(ORDER, str(KNOWN), order)
        made.later(minutes=5)
        assert made.stands(KNOWN) == ("known", None)
        yield made


def found(around: Scene) -> list[tuple[str, str]]:
    """Compare the day and return what is said of the known order, in any state."""
    row = around.connector.runs.find("reconcile", "", DAY.bounds)
    if row is None:
        around.clock.now = NIGHT
        around.sandbox.clock.set(NIGHT)
        outcome = around.connector.runner.run_window("reconcile", DAY)
    else:
        again = around.connector.runner.rerun(row.id)
        assert again is not None
        outcome = again
    assert outcome.state == "done", outcome.error
    return [
        (each.kind.value, each.field)
        for each in around.connector.differences.of_window(Span(DAY.start, DAY.end))
        if each.number == str(KNOWN)
    ]


def sales(around: Scene) -> list[tuple[str, str, str, Decimal]]:
    """Return kind, reference, state and open money of what finance has of the known order."""
    rows = around.connector.aftersales.of_order(around.order(KNOWN).id)
    return [(row.kind, row.reference, row.state, row.open_money) for row in rows]


def test_no_book_misses_an_order_that_was_completed_before_us(around: Scene) -> None:
    assert found(around) == []
    by_currency = around.connector.differences.sums(Span(DAY.start, DAY.end))
    assert by_currency is not None
    sums = by_currency["CNY"]
    total = Decimal(around.shown(KNOWN)["total"])
    placed = sum(Decimal(each["total"]) for each in around.sandbox.books.all(ORDER)) - total
    assert sums["storefront"]["ordered"] == sums["connector"]["ordered"] == placed
    lines = (around.settings.output / "extracts" / "2026-11-24" / "orders.csv").read_text("utf-8")
    assert f"\n{KNOWN}," not in lines
    assert not around.connector.promises.of_order(around.order(KNOWN).id)


def test_what_the_dms_holds_of_it_is_not_ours_to_judge(around: Scene) -> None:
    (model,) = (
        each
        for each in around.sandbox.books.all(SALES_ORDER)
        if each["content"]["externalNumber"] == "36"
    )
    theirs = deepcopy(model)
    theirs["orderNumber"] = "SO99999999"
    theirs["content"] |= {"externalNumber": str(KNOWN), "reference": f"{KNOWN}-GQ"}
    around.sandbox.books.put(SALES_ORDER, theirs["orderNumber"], theirs)
    assert found(around) == []
    database = around.connector.database
    news = {"number": theirs["orderNumber"], "status": "released"}
    shipped = {"shipments": [{"tracking_number": "SF1", "lines": []}]}
    row = around.order(KNOWN)
    assert take_news(around.context, database, row, news | shipped) == "known"
    assert around.stands(KNOWN) == ("known", None)


def test_what_an_earlier_version_found_of_it_is_solved(around: Scene) -> None:
    row = around.order(KNOWN)
    _stage(around, row, "closed")
    assert found(around) != []
    _stage(around, row, "known")
    assert found(around) == []


def _stage(around: Scene, row: OrderRow, stage: str) -> None:
    with around.connector.database.transaction() as session:
        session.execute(
            text("UPDATE orders SET stage = :stage WHERE id = :id"), {"stage": stage, "id": row.id}
        )


def test_orders_that_an_earlier_version_closed_are_known_after_the_upgrade(around: Scene) -> None:
    closed = around.order(36)
    _stage(around, closed, "closed")
    _stage(around, around.order(KNOWN), "closed")
    with around.connector.database.own_connection() as connection:
        connection.execution_options(write=True)
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.downgrade(config, "0017")
        connection.commit()
        migrate.upgrade(connection)
    assert around.stands(KNOWN)[0] == "known"
    assert around.stands(36)[0] == "closed"


def test_a_refund_is_money_for_finance_and_no_return_in_the_dms(around: Scene) -> None:
    calls = len(around.sandbox.books.all(SALES_ORDER))
    item = around.shown(KNOWN)["line_items"][0]
    line: dict[str, Any] = {
        "id": 990,
        "quantity": -1,
        "total": "-10.00",
        "meta_data": [{"key": "_refunded_item_id", "value": str(item["id"])}],
    }
    world.refund(
        around.sandbox.books, around.sandbox.clock, str(KNOWN), "10.00", [line], "came back"
    )
    around.later(minutes=40, ticks=3)
    (sale,) = sales(around)
    assert (sale[0], sale[2], sale[3]) == ("return", "outside", Decimal("10.00"))
    assert around.stands(KNOWN) == ("known", None)
    assert not around.context.calls.of_order(around.order(KNOWN).id)
    assert len(around.sandbox.books.all(SALES_ORDER)) == calls
    daybook = Daybook(around.connector.database)
    until = around.clock() + timedelta(days=1)
    assert list(daybook.not_recovered(around.context.shop, until)) == []
    opened = {
        row.number: sale.state for row, sale in daybook.open_money(around.context.shop, until)
    }
    assert opened[str(KNOWN)] == "outside"
    assert found(around) == []
    # Finance settles it where the invoice is, and says so.
    rows = around.connector.aftersales.of_order(around.order(KNOWN).id)
    around.connector.aftersales.recovered_by_hand(
        rows[0], Decimal("10.00"), "finance", around.clock()
    )
    around.later(minutes=40)
    assert [each[2:] for each in sales(around)] == [("settled", Decimal(0))]


def test_a_refund_of_the_time_before_us_is_no_line(around: Scene) -> None:
    first = around.context.first_start()
    assert first is not None
    now = around.clock()
    around.sandbox.clock.set(first - timedelta(hours=2))
    world.refund(around.sandbox.books, around.sandbox.clock, str(KNOWN), "10.00", [], "old")
    around.sandbox.clock.set(now)
    around.change(KNOWN, customer_note="seen again")
    around.later(minutes=40, ticks=2)
    assert around.order(KNOWN).content["refunds"]
    assert sales(around) == []


@pytest.mark.parametrize("status", ["cancelled", "trash"])
def test_a_cancellation_is_the_whole_amount_for_finance(around: Scene, status: str) -> None:
    around.change(KNOWN, status=status)
    around.later(minutes=40, ticks=2)
    if status == "trash":
        # No list shows the trash: the night asks for it.
        assert found(around) == []
        around.later(minutes=40, ticks=2)
    total = Decimal(around.shown(KNOWN)["total"])
    assert sales(around) == [("cancellation", "cancellation", "outside", total)]
    assert around.stands(KNOWN) == ("known", None)
    assert found(around) == []
    with pytest.raises(Rejected):
        request_cancel(around.context, around.order(KNOWN), "somebody")
    # Out of the trash again: nothing is open.
    around.change(KNOWN, status="completed")
    around.later(minutes=40, ticks=2)
    assert [each[2:] for each in sales(around)] == [("settled", Decimal(0))]


def test_a_deleted_order_is_the_whole_amount_for_finance(around: Scene) -> None:
    total = Decimal(around.shown(KNOWN)["total"])
    around.sandbox.books.delete(ORDER, str(KNOWN))
    assert found(around) == []
    around.later(minutes=40, ticks=2)
    assert sales(around) == [("cancellation", "cancellation", "outside", total)]


def test_an_order_that_became_cheaper_is_the_difference_for_finance(around: Scene) -> None:
    total = Decimal(around.shown(KNOWN)["total"])
    (first, *others) = around.shown(KNOWN)["line_items"]
    less = {name: str(Decimal(first[name]) - 1) for name in ("total", "subtotal")}
    around.change(KNOWN, line_items=[{**first, **less}, *others], total=str(total - 1))
    around.later(minutes=40, ticks=2)
    assert sales(around) == [("refund", "total", "outside", Decimal(1))]
    assert around.order(KNOWN).total == total
    assert found(around) == []
