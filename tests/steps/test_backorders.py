"""What is there goes with its wave; what is short goes with a later one, each piece once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.domain.allocation import StockPolicy
from connector.logs import configure
from connector.sandbox import world
from connector.settings import Settings
from connector.steps.repair import retry
from tests.aftersales.test_before_shipping import refund
from tests.support.scene import NOON, Scene, scene

SENSOR = "XC-80513368"  # 35 in stock; order 34 wants 40 of it, and 10 filters
AFTERNOON = NOON + timedelta(hours=3)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def everywhere(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    yield from _on_that_evening(database_url, tmp_path, StockPolicy.HOLD_LINE)


@pytest.fixture
def by_line(tmp_path: Path) -> Iterator[Scene]:
    """The same on SQLite alone, where the database makes no difference."""
    url = f"sqlite:///{tmp_path / 'c.db'}"
    yield from _on_that_evening(url, tmp_path, StockPolicy.HOLD_LINE)


@pytest.fixture
def by_piece(tmp_path: Path) -> Iterator[Scene]:
    url = f"sqlite:///{tmp_path / 'c.db'}"
    yield from _on_that_evening(url, tmp_path, StockPolicy.SHIP_AVAILABLE)


def _on_that_evening(url: str, folder: Path, policy: StockPolicy) -> Iterator[Scene]:
    configure("critical")
    with scene(url, folder, anew=False, stock=policy) as made:
        made.later(minutes=31)  # stock is asked for again
        yield made


def stock(day: Scene, quantity: int, sku: str = SENSOR) -> None:
    held = day.sandbox.books.get("sap.stock", f"1000/{sku}") or {}
    day.sandbox.books.put("sap.stock", f"1000/{sku}", {**held, "LABST": str(quantity)})


def picked(day: Scene, cutoff: datetime, number: int) -> dict[str, Decimal]:
    """Return part → quantity of an order in the batch of a cutoff."""
    (path,) = day.settings.output.rglob(f"*-{cutoff + timedelta(hours=8):%Y%m%d-%H%M}.xlsx")
    rows = _sheet(path, "订单行")
    return {str(row[2]): Decimal(str(row[4])) for row in rows if str(row[0]) == str(number)}


def _sheet(path: Path, name: str) -> list[list[Any]]:
    from openpyxl import load_workbook

    book = load_workbook(path, read_only=True)
    sheet = next(book[each] for each in book.sheetnames if each.startswith(name))
    return [list(row) for row in sheet.iter_rows(values_only=True)]


def ended(day: Scene, number: int) -> None:
    """Let warehouse and finance do their part of what is released."""
    world.ship(day.sandbox.books, day.sandbox.clock, str(number))
    world.invoice(day.sandbox.books, day.sandbox.clock, str(number))
    day.later(minutes=15, ticks=3)


def documents(day: Scene, number: int) -> tuple[list[str], list[Decimal]]:
    """Return the references of the delivery notes and the amounts applied for in the DMS."""
    (sales_order,) = day.sales_orders(number)
    return (
        [each["externalReference"] for each in sales_order["deliveryNotes"]],
        [Decimal(each["amount"]) for each in sales_order["invoiceApplications"]],
    )


@pytest.mark.long_on_postgresql
def test_a_short_line_waits_while_the_others_go_and_goes_with_a_later_wave(
    everywhere: Scene,
) -> None:
    day = everywhere
    assert day.stands(34) == ("ready", "stock")
    assert day.order(34).hold_reasons == [f"{SENSOR} in plant 1000: 40 PCE ordered, 10 free"]
    day.until(NOON + MINUTE)
    assert day.stands(34) == ("released", "stock")
    assert picked(day, NOON, 34) == {"XC-10450123": Decimal(10)}
    ended(day, 34)
    assert (day.stands(34), day.order(34).backorder) == (("released", "stock"), "placed")
    stock(day, 1000)
    day.later(minutes=31)
    assert (day.stands(34), day.order(34).backorder) == (("released", None), "ready")
    assert documents(day, 34) == (["34-GQ-DN1", "34-GQ-DN1.2"], [Decimal("3878.00"), 131996])
    day.until(AFTERNOON + MINUTE)
    assert (day.stands(34), day.order(34).backorder) == (("released", None), None)
    assert picked(day, AFTERNOON, 34) == {SENSOR: Decimal(40)}
    ended(day, 34)
    assert day.stands(34) == ("closed", None)
    assert len([e for e in day.story(34) if e.kind == "written_back"]) == 4


@pytest.mark.long
def test_what_is_there_of_a_line_goes_and_the_rest_follows_piece_by_piece(
    by_piece: Scene,
) -> None:
    day = by_piece
    day.until(NOON + MINUTE)
    assert day.stands(34) == ("released", "stock")
    first = picked(day, NOON, 34)[SENSOR]
    assert 0 < first < 40
    handed = sum(picked(day, NOON, n).get(SENSOR, 0) for n in (30, 32, 34, 36, 39, 45, 50, 52, 53))
    assert handed <= 35
    world.ship(day.sandbox.books, day.sandbox.clock)
    day.later(minutes=15, ticks=2)
    stock(day, 3)
    day.later(minutes=31)
    day.until(AFTERNOON + MINUTE)
    assert sum(picked(day, AFTERNOON, n).get(SENSOR, 0) for n in (34, 36, 39, 45, 50, 52, 53)) == 3
    stock(day, 1000)
    day.until(NOON + timedelta(days=1) + MINUTE)
    day.until(NOON + timedelta(days=1, minutes=2))
    world.ship(day.sandbox.books, day.sandbox.clock)
    world.invoice(day.sandbox.books, day.sandbox.clock)
    day.later(minutes=15, ticks=3)
    day.until(AFTERNOON + timedelta(days=1) + MINUTE)
    ended(day, 34)
    assert day.stands(34) == ("closed", None)
    assert sum(documents(day, 34)[1]) == Decimal("135874.00")
    lines = {line.sku: line for line in day.context.orders.lines(day.order(34).id)}
    assert {lines[SENSOR].allocated, lines[SENSOR].shipped} == {Decimal(40)}
    assert {day.stands(n) for n in (36, 39, 45, 50, 52, 53)} == {("closed", None)}


def test_ops_may_have_a_backorder_asked_for_at_once(by_piece: Scene) -> None:
    day = by_piece
    day.until(NOON + MINUTE)
    day.later(minutes=1)
    stock(day, 1000)
    assert retry(day.context, day.order(34), "ops").backorder == "ready"


def test_a_lost_answer_about_a_backorder_is_asked_about(by_piece: Scene) -> None:
    day = by_piece
    day.until(NOON + MINUTE)
    stock(day, 1000)
    day.fault(
        "dms:lost-answer:operation=CreateDeliveryNote,times=1",
        "dms:lost-answer:operation=ApplyForInvoice,times=1",
    )
    day.later(minutes=31, ticks=3)
    assert day.order(34).backorder in ("ready", None)
    notes, amounts = documents(day, 34)
    assert notes == ["34-GQ-DN1", "34-GQ-DN1.2"]
    assert sum(amounts) == Decimal("135874.00")


def test_the_warehouse_may_ship_a_backorder_before_its_wave(by_line: Scene) -> None:
    day = by_line
    day.until(NOON + MINUTE)
    stock(day, 1000)
    day.later(minutes=31)
    assert day.order(34).backorder == "ready"
    ended(day, 34)
    assert (day.stands(34), day.order(34).backorder) == (("closed", None), None)
    day.until(AFTERNOON + MINUTE)
    assert picked(day, AFTERNOON, 34) == {}


def _two_units(settings: Settings) -> None:
    (first,) = settings.business_units
    second = first.model_copy(update={"code": "TJ", "dms_code": "TJ", "sku_patterns": ["XC-1*"]})
    settings.business_units = [first.model_copy(update={"sku_patterns": ["XC-8*"]}), second]
    settings.policy.stock = StockPolicy.HOLD_LINE


@pytest.mark.long
def test_a_unit_that_has_nothing_of_its_part_holds_no_other_back(tmp_path: Path) -> None:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, prepare=_two_units) as day:
        day.until(NOON + MINUTE)
        assert day.stands(34) == ("released", "stock")
        by_unit = {each["content"]["businessUnit"]: each for each in day.sales_orders(34)}
        assert {unit: len(each["deliveryNotes"]) for unit, each in by_unit.items()} == {
            "GQ": 0,
            "TJ": 1,
        }
        stock(day, 1000)
        day.later(minutes=31)
        day.until(AFTERNOON + MINUTE)
        assert (day.stands(34), day.order(34).backorder) == (("released", None), None)
        ended(day, 34)
        assert day.stands(34) == ("closed", None)
        applied = [
            Decimal(each["amount"])
            for sales_order in day.sales_orders(34)
            for each in sales_order["invoiceApplications"]
        ]
        assert sum(applied) == Decimal("135874.00")


def test_what_the_buyer_gives_up_is_owed_no_longer(by_line: Scene) -> None:
    day = by_line
    day.until(NOON + MINUTE)
    refund(day, 34, "131996.00", (2, 40, "131996.00"))
    stock(day, 1000)
    day.later(minutes=31, ticks=2)
    assert (day.stands(34), day.order(34).backorder) == (("released", None), None)
    ended(day, 34)
    assert day.stands(34)[0] in ("shipped", "closed")
    assert documents(day, 34) == (["34-GQ-DN1"], [Decimal("3878.00")])


def test_refunded_in_full_it_is_owed_no_longer_and_still_held_for_the_warehouse(
    by_line: Scene,
) -> None:
    day = by_line
    day.until(NOON + MINUTE)
    refund(day, 34, "135856.00", (1, 10, "3860.00"), (2, 40, "131996.00"))
    day.change(34, status="refunded")
    stock(day, 1000)
    day.later(minutes=31, ticks=2)
    assert (day.stands(34), day.order(34).backorder) == (("released", "changed"), None)
    assert documents(day, 34)[0] == ["34-GQ-DN1"]


def test_a_change_before_release_starts_anew_with_what_is_there_then(by_line: Scene) -> None:
    day = by_line
    lines = day.shown(34)["line_items"]
    lines[1] = {**lines[1], "quantity": 10, "total": "32999.00", "subtotal": "32999.00"}
    day.change(34, line_items=lines, total="36877.00")
    day.later(minutes=10, ticks=2)
    assert (day.stands(34), day.order(34).backorder) == (("ready", None), None)
    left = [each for each in day.sales_orders(34) if each["status"] != "CANCELLED"]
    assert [len(each["deliveryNotes"]) for each in left] == [1]


def test_cancelled_before_release_nothing_stays_promised(by_line: Scene) -> None:
    day = by_line
    day.change(34, status="cancelled")
    day.later(minutes=10, ticks=2)
    assert (day.stands(34), day.order(34).backorder) == (("cancelled", None), None)
    assert day.context.orders.allocations(day.order(34).id) == []


def test_an_order_of_which_something_left_before_its_wave_is_whole_in_the_batch(
    by_line: Scene,
) -> None:
    day = by_line
    world.ship(day.sandbox.books, day.sandbox.clock, "36", "0.5")
    day.later(minutes=11)
    assert [each.kind for each in day.story(36)][-2:] == ["news", "written_back"]
    day.until(NOON + MINUTE)
    assert day.stands(36) == ("released", None)
    assert picked(day, NOON, 36)[SENSOR] == Decimal(5)
