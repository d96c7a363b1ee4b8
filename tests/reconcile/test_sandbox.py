"""The nightly comparison over the wire: what it asks, takes in, finds, and forgets again."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from connector.domain.reconciliation import Kind
from connector.jobs.cadence import Window
from connector.jobs.runner import Outcome
from connector.logs import configure
from connector.sandbox import world
from connector.sandbox.dms_documents import INVOICE
from connector.sandbox.dms_documents import ORDER as SALES_ORDER
from connector.sandbox.faults import Fault
from connector.sandbox.sap_backoffice import BILLING, cancel_billing
from connector.sandbox.storefront import ORDER
from connector.settings import Settings
from connector.store.reconciliation import Window as Span
from tests.support.scene import NOON, Scene, scene
from tests.support.words import english_in

START = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
NIGHT = DAY.end + timedelta(hours=10, minutes=40)


class Night:
    """A business day that was shipped and invoiced, and the night after it."""

    def __init__(self, around: Scene) -> None:
        self.scene = around
        self.books = around.sandbox.books
        self.connector = around.connector

    def reconcile(self) -> Outcome:
        """Compare the day, again when it was compared before."""
        outcome = self.connector.runner.run_window("reconcile", DAY)
        if outcome.state == "skipped":
            row = self.connector.runs.find("reconcile", "", DAY.bounds)
            assert row is not None
            again = self.connector.runner.rerun(row.id)
            assert again is not None
            outcome = again
        assert outcome.state == "done", outcome.error
        return outcome

    def found(self) -> dict[str, list[tuple[str, str]]]:
        """Return order → (kind, field) of what the extract lists, without what waits."""
        made: dict[str, list[tuple[str, str]]] = {}
        for each in self.connector.differences.of_window(Span(DAY.start, DAY.end)):
            if each.kind not in ("held", "cancelled", "under_way"):
                made.setdefault(each.number, []).append((each.kind.value, each.field))
        return made

    def put(self, kind: str, key: str, **values: Any) -> None:
        held = self.books.get(kind, key)
        assert held is not None
        self.books.put(kind, key, {**held, **values})

    def sales_order(self, number: int) -> dict[str, Any]:
        return next(
            each
            for each in self.books.all(SALES_ORDER)
            if each["content"]["externalNumber"] == str(number)
        )


def _in_chinese(settings: Settings) -> None:
    settings.notify.language = "zh"


@contextmanager
def night(database_url: str, folder: Path) -> Iterator[Night]:
    configure("error")
    with scene(database_url, folder, _in_chinese) as around:
        around.until(NOON)
        around.later(20)
        world.ship(around.sandbox.books, around.sandbox.clock)
        around.later(20)
        around.until(DAY.end + timedelta(minutes=1))
        world.ship(around.sandbox.books, around.sandbox.clock)
        world.invoice(around.sandbox.books, around.sandbox.clock)
        around.later(20, ticks=3)
        around.clock.now = NIGHT
        around.sandbox.clock.set(NIGHT)
        yield Night(around)


def test_an_amended_order_is_compared_as_it_was_amended(tmp_path: Path) -> None:
    configure("error")
    mappings = Path(shutil.copytree("mappings", tmp_path / "mappings"))
    amend = mappings / "dms_amend.yaml"
    amend.write_text(amend.read_text(encoding="utf-8").replace("absent: true\n", ""))

    def amending(settings: Settings) -> None:
        settings.mappings = mappings

    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, amending) as around:
        assert around.stands(34) == ("placed", "stock")
        shown, more = around.shown(34), Decimal(100)
        first, *others = shown["line_items"]
        first = {
            **first,
            **{name: str(Decimal(first[name]) + more) for name in ("total", "subtotal")},
        }
        total = Decimal(shown["total"]) + more
        around.change(34, line_items=[first, *others], total=str(total))
        for key, stock in around.sandbox.books.items("sap.stock"):
            around.sandbox.books.put("sap.stock", key, {**stock, "LABST": "1000"})
        around.later(20, ticks=3)
        assert around.stands(34) == ("ready", None)
        (held,) = around.sales_orders(34)
        assert Decimal(held["content"]["total"]) == total
        around.until(DAY.end + timedelta(minutes=1))
        around.clock.now = NIGHT
        around.sandbox.clock.set(NIGHT)
        tonight = Night(around)
        tonight.reconcile()
        assert "34" not in tonight.found()
        tonight.books.delete(SALES_ORDER, held["orderNumber"])
        tonight.reconcile()
        (lost,) = (
            each
            for each in tonight.connector.differences.of_window(Span(DAY.start, DAY.end))
            if (each.number, each.field) == ("34", "sales_order")
        )
        assert (lost.kind, lost.amount) == (Kind.MISSING_DMS, total)


@pytest.fixture
def tonight(tmp_path: Path) -> Iterator[Night]:
    with night(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        yield made


@pytest.mark.long_on_postgresql
def test_a_day_without_faults_leaves_only_what_waits(database_url: str, tmp_path: Path) -> None:
    with night(database_url, tmp_path) as tonight:
        outcome = tonight.reconcile()
        assert outcome.counts["orders"] == 26
        assert tonight.found() == {}
        waiting = {
            (each.number, each.kind.value, each.field): each.owner.value
            for each in tonight.connector.differences.of_window(Span(DAY.start, DAY.end))
        }
        assert waiting["34", "held", "stock"] == "parts administrator"
        assert waiting["40", "held", "invalid"] == "buyer"
        assert waiting["33", "cancelled", "cancelled"] == "nobody"
        by_currency = tonight.connector.differences.sums(Span(DAY.start, DAY.end))
        assert by_currency is not None
        sums = by_currency["CNY"]
        issued = sum(Decimal(each["grossAmount"]) for each in tonight.books.all(INVOICE.kind))
        assert sums["dms"]["invoiced"] == sums["sap"]["invoiced"] == issued
        placed = sum(Decimal(each["total"]) for each in tonight.books.all(ORDER))
        assert sums["storefront"]["ordered"] == sums["connector"]["ordered"] == placed
        _files_are_in_chinese(tonight.scene.settings.output)


def _files_are_in_chinese(output: Path) -> None:
    """Why an order waits stands in the extract and in the batch, where the site reads Chinese."""
    file = output / "extracts" / "2026-11-24" / "differences.csv"
    with file.open(encoding="utf-8-sig", newline="") as rows:
        details = {(row["number"], row["kind"]): row["detail"] for row in csv.DictReader(rows)}
    assert details["34", "held"] == "XC-80513368（工厂 1000）：订购 40 PCE，可用 10"
    batch = load_workbook(output / "waves" / "2026-11-24" / "GQ-20261124-1200.xlsx")["未放行"]
    left_out = {row[0]: row[2:4] for row in batch.iter_rows(min_row=3, values_only=True)}
    assert left_out["34"][0] == "销售订单"
    assert str(left_out["34"][1]).startswith("挂起（缺货，配件管理员处理）：XC-80513368（工厂")
    told = [*details.values(), *(str(cell) for cells in left_out.values() for cell in cells)]
    assert not [each for each in told if english_in(each)]


def test_what_the_intake_missed_is_taken_in(tonight: Night) -> None:
    order = tonight.books.get(ORDER, "36")
    assert order is not None
    # Placed within the day, and "modified" so long ago that no cursor ever sees it.
    # Nothing of it was shipped: a mark of that would be for a person to judge.
    meta = [each for each in order["meta_data"] if not each["key"].startswith("_shipment")]
    missed = {**order, "id": 900, "number": "900", "status": "processing", "meta_data": meta,
              "date_completed": None, "date_completed_gmt": None}  # fmt: skip
    old = "2026-11-01T00:00:00"
    tonight.books.put(ORDER, "900", {**missed, "date_modified": old, "date_modified_gmt": old})
    assert tonight.scene.context.orders.by_number("900") is None
    outcome = tonight.reconcile()
    assert outcome.counts["missed"] == 1
    assert tonight.scene.order(900).stage == "received"
    tonight.scene.later(5)
    assert tonight.scene.order(900).stage != "received"


def _stranger(tonight: Night) -> None:
    """Make a sales order under a number that neither storefront nor connector knows."""
    made = tonight.sales_order(36)
    stranger = {
        **made, "orderNumber": "SO99999999", "change": "99999",
        "content": {**made["content"], "externalNumber": "999"},
    }  # fmt: skip
    for child in ("deliveryNotes", "invoiceApplications", "shipments", "invoices", "returns"):
        stranger[child] = []
    tonight.books.put(SALES_ORDER, "SO99999999", stranger)
    tonight.books.put("dms-index.external_number", "999", {"orders": ["SO99999999"]})
    tonight.books.put(
        "dms-index.change", "99999",
        {"orderNumber": "SO99999999", "changedAt": stranger["changedAt"]},
    )  # fmt: skip


def test_differences_in_every_book_are_told_apart(tonight: Night) -> None:
    books = tonight.books
    # The storefront lost one; the DMS holds another amount; SAP has one too few and one too many.
    books.delete(ORDER, "36")
    content = tonight.sales_order(38)["content"]
    lines = [dict(line) for line in content["lines"]]
    lines[0]["amount"] = str(Decimal(lines[0]["amount"]) + 5)
    total = str(Decimal(content["total"]) + 5)
    tonight.put(SALES_ORDER, tonight.sales_order(38)["orderNumber"],
                content={**content, "lines": lines, "total": total})  # fmt: skip
    billed = {each["BSTNK"]: each for each in books.all("sap.billing")}
    books.delete("sap.billing", billed["39"]["XBLNR"])
    books.put("sap.billing", "77", {**billed["42"], "VBELN": "0099999999", "XBLNR": "77"})
    delivered = next(
        each for each in books.all("sap.delivery") if each["ITEMS"][0]["VGBEL"] == "44"
    )
    items = [dict(item) for item in delivered["ITEMS"]]
    items[0]["LFIMG"] = f"{Decimal(items[0]['LFIMG']) - 1:.3f}"
    tonight.put("sap.delivery", delivered["BOLNR"], ITEMS=items)
    other = tonight.sales_order(45)
    content = {**other["content"], "customerNumber": "0000000001"}
    tonight.put(SALES_ORDER, other["orderNumber"], content=content)
    _stranger(tonight)
    assert tonight.reconcile().counts["strangers"] == 1
    assert tonight.found() == {
        "999": [("unknown_document", "order")],
        "36": [("missing_storefront", "order")],
        "38": [("amount", "amount")],
        "39": [("missing_sap", "billing")],
        "42": [("unknown_document", "billing")],
        "44": [("quantity", "delivered")],
        "45": [("customer", "customer")],
    }


def test_a_difference_lasts_until_the_books_agree(tonight: Night) -> None:
    order = tonight.books.get(ORDER, "36")
    assert order is not None
    tonight.books.delete(ORDER, "36")
    tonight.reconcile()
    lost = {"36": [("missing_storefront", "order")]}
    assert tonight.found() == lost
    # A DMS that is away fails the run, and nothing is called solved for that.
    tonight.scene.fault("dms:outage")
    row = tonight.connector.runs.find("reconcile", "", DAY.bounds)
    assert row is not None
    outcome = tonight.connector.runner.rerun(row.id)
    assert outcome is not None
    assert outcome.state == "failed"
    assert tonight.found() == lost
    tonight.scene.fault()
    # The next night looks at it again, though its order is of another day.
    tomorrow = Window(DAY.end, DAY.end + timedelta(days=1))
    tonight.scene.clock.now = NIGHT + timedelta(days=1)
    tonight.scene.sandbox.clock.set(NIGHT + timedelta(days=1))
    outcome = tonight.connector.runner.run_window("reconcile", tomorrow)
    assert outcome.state == "done", outcome.error
    told = [
        (each.number, each.kind.value, each.state.value, each.age)
        for each in tonight.connector.differences.of_window(Span(tomorrow.start, tomorrow.end))
        if each.number == "36"
    ]
    assert told == [("36", "missing_storefront", "known", 1)]
    tonight.books.put(ORDER, "36", order)
    tonight.reconcile()
    assert tonight.found() == {}


def test_the_dms_is_asked_for_many_orders_together(tonight: Night) -> None:
    asked = Fault.parse("dms:latency:operation=FindSalesOrder,times=0")
    tonight.scene.sandbox.faults.set([asked])
    tonight.reconcile()
    assert tonight.found() == {}
    assert asked.seen < 5  # one or two a business unit, for 26 orders
    # What is refused as a whole is asked for one by one: an order keeps no other back.
    asked = Fault.parse("dms:business:operation=FindSalesOrder,times=1")
    tonight.scene.sandbox.faults.set([asked])
    outcome = tonight.reconcile()
    assert tonight.found() == {}
    assert "not_compared" not in outcome.counts
    assert asked.seen > 20


def test_what_sap_takes_back_of_a_closed_order_is_found_days_later(tonight: Night) -> None:
    tonight.reconcile()
    scene = tonight.scene
    closed = next(row for row in scene.context.orders.listed() if row.stage == "closed")
    (billed,) = (each for each in tonight.books.all(BILLING) if each["BSTNK"] == closed.number)
    scene.clock.now = NIGHT + timedelta(days=31)
    scene.sandbox.clock.set(scene.clock.now)
    later = Window(DAY.start + timedelta(days=30), DAY.end + timedelta(days=30))
    deliveries = Fault.parse("sap:latency:operation=Z_DELIVERY_LIST,times=0")
    scene.sandbox.faults.set([deliveries])
    cancel_billing(tonight.books, billed["VBELN"], later.end.date().isoformat())
    outcome = tonight.connector.runner.run_window("reconcile", later)
    assert outcome.state == "done", outcome.error
    told = [
        (each.kind.value, each.field, each.carried)
        for each in tonight.connector.differences.of_window(Span(later.start, later.end))
        if each.number == closed.number
    ]
    assert told == [("missing_sap", "billing", True)]
    # Two days and the few orders that are still open, not every day since.
    assert deliveries.seen < 30
