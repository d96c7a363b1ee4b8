"""Stock: asked once a part for all waiting orders, and never promised twice."""

from __future__ import annotations

import random
import shutil
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.domain.allocation import Availability
from connector.errors import Rejected
from connector.jobs.advance import drain
from connector.mapping import load
from connector.mapping.check import check
from connector.mapping.load import Folder
from connector.sandbox.faults import Fault
from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sap.soap import SoapSap, SoapSettings
from connector.sap.stock import StockDesk
from connector.settings import Settings
from connector.store.tables import LineRow, OrderRow
from tests.sap.test_lookup import mappings_with
from tests.support.books import content
from tests.support.scene import Scene, scene

SHIPPED = Path(__file__).parents[2] / "mappings"


def test_a_quantity_below_the_smallest_waits_with_the_reason(tmp_path: Path) -> None:
    folder = tmp_path / "mappings"
    shutil.copytree(SHIPPED, folder)
    table = "key,pieces,minimum,multiple\nXC-80300417,1,5,0\n"
    (folder / "lookups/sap_materials.csv").write_text(table, encoding="utf-8")

    def prepare(settings: Settings) -> None:
        settings.mappings = folder

    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, prepare=prepare) as at:
        # Order 42 wants three of them, order 52 ten.
        assert at.stands(42) == ("placed", "stock")
        assert "3 PCE ordered, at least 5 are to be ordered" in str(at.order(42).hold_reasons)
        assert at.stands(52) == ("ready", None)


def test_a_part_is_asked_once_and_handed_out_once(tmp_path: Path) -> None:
    asked: list[Fault] = []

    def prepare(_settings: Settings) -> None:
        return

    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, prepare=prepare) as at:
        rows: list[dict[str, Any]] = at.sandbox.books.all("sap.stock")
        on_hand = {row["MATNR"]: row["LABST"] for row in rows}
        promised: dict[str, int] = {}
        for order in at.context.orders.listed():
            for line in at.context.orders.lines(order.id):
                promised[line.sku] = promised.get(line.sku, 0) + int(line.allocated)
        assert all(quantity <= int(on_hand[sku]) for sku, quantity in promised.items())
        fault = Fault.parse("sap:latency:operation=BAPI_MATERIAL_AVAILABILITY,times=0")
        asked.append(fault)
        at.sandbox.faults.set(asked)
        # Order 34 waits for one part of its two: each is asked once, however many orders wait.
        at.later(minutes=31)
        assert fault.seen == 2


def waiting_for_stock(at: Scene, parts: list[str]) -> None:
    """Have orders wait for one piece each of these parts, the first with the oldest deadline."""
    now, places = at.clock.now, list(enumerate(parts))
    random.Random(7).shuffle(places)  # when they were stored says nothing
    with at.connector.database.transaction() as session:
        for place, sku in places:
            number = f"Q{place}"
            row = OrderRow(
                shop=at.context.shop, number=number, order_id=number, content_hash="", payload={},
                content=content(number, now, [(sku, "1", "10.00")]), status="processing",
                payment_state="paid", stage="placed", placed_at=now, received_at=now,
                updated_at=now, deadline_at=now + timedelta(seconds=place), next_try_at=now,
                business_units="GQ", currency="CNY", total=Decimal(10),
            )  # fmt: skip
            session.add(row)
            session.flush()
            session.add(
                LineRow(
                    order_pk=row.id, number=1, line_id="1", sku=sku, name=sku, unit="PCE",
                    quantity=Decimal(1), refunded_quantity=Decimal(0), unit_price=Decimal(10),
                    discount=Decimal(0), amount=Decimal(10), business_unit="GQ",
                    allocated=Decimal(0), shipped=Decimal(0),
                )
            )  # fmt: skip


@pytest.mark.long
def test_over_several_pages_each_part_is_asked_once_and_the_oldest_deadline_gets_it(
    tmp_path: Path,
) -> None:
    # A page is of 500 orders. Nobody has the rare part; of the other ten go with the first page,
    # and of the two that want it in the second only the older is served.
    parts = ["XC-RARE"] * 512
    for place in (*range(3, 500, 50), 501, 510):
        parts[place] = "XC-SHARED"
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as at:
        for sku, quantity in (("XC-RARE", "0"), ("XC-SHARED", "11")):
            at.sandbox.books.put(
                "sap.stock", f"1000/{sku}",
                {"WERKS": "1000", "MATNR": sku, "MEINS": "ST", "LABST": quantity},
            )  # fmt: skip
            at.sandbox.books.put(
                "sap.material", sku, {"MATNR": sku, "MAKTX": sku, "MEINS": "ST"}
            )  # fmt: skip
        waiting_for_stock(at, parts)
        asked = Fault.parse("sap:latency:operation=BAPI_MATERIAL_AVAILABILITY,times=0")
        at.sandbox.faults.set([asked, Fault.parse("dms:outage")])
        drain(at.context, workers=1)
        assert asked.seen == 2
        served = {row.number for row in at.context.orders.listed() if row.stage == "confirmed"}
        assert served == {f"Q{place}" for place in (*range(3, 500, 50), 501)}
        short = at.context.orders.by_number("Q510")
        assert short is not None
        assert (short.stage, short.hold_cause) == ("placed", "stock")


@pytest.mark.parametrize(
    ("row", "free"),
    [
        ({"LABST": "100", "RESERVED": "97"}, "3"),  # the plant's stock is promised to others
        ({"LABST": "5", "RESERVED": "5", "INCOMING": "50"}, "0"),  # confirmed for a later day
        ({"LABST": "12.5"}, "12.5"),
    ],
)
def test_what_sap_confirms_for_today_is_what_there_is(row: dict[str, str], free: str) -> None:
    with Sandbox() as sandbox:
        assert asked(sandbox, row).free == Decimal(free)


def test_a_part_that_sap_does_not_check_is_said_so() -> None:
    with Sandbox() as sandbox, pytest.raises(Rejected, match="does not check"):
        asked(sandbox, {"LABST": "0", "UNCHECKED": "X"})


PLANT_STOCK = """
  fields:
    - field: confirmed
      each: "DIALOGFLAG == 'N' && [{COM_QTY: AV_QTY_PLT}] || WMDVEX"
      fields: [{field: day, source: COM_DATE}, {field: quantity, source: COM_QTY, required: true}]
"""
BY_LOCATION = """
  - {field: STGE_LOC, source: plant, convert: [{lookup: {table: sap_locations}}], max_length: 4}
"""


def test_a_site_may_take_the_plant_s_stock_of_what_is_not_checked(tmp_path: Path) -> None:
    folder = mappings_with(tmp_path)
    whole = (folder / "sap_stock.yaml").read_text(encoding="utf-8")
    request = whole[: whole.index("answer:")]
    text = f"{request}answer:\n  values: {{available: AV_QTY_PLT}}{PLANT_STOCK}"
    (folder / "sap_stock.yaml").write_text(text, encoding="utf-8")
    with Sandbox() as sandbox:
        unchecked = {"LABST": "7", "UNCHECKED": "X"}
        assert asked(sandbox, unchecked, folder).free == 7
        # What SAP checks is promised as it says.
        assert asked(sandbox, {"LABST": "100", "RESERVED": "97"}, folder).free == 3


def test_the_storage_location_of_a_plant_is_a_table_s(tmp_path: Path) -> None:
    folder = mappings_with(tmp_path)
    whole = (folder / "sap_stock.yaml").read_text(encoding="utf-8")
    text = whole.replace("\nanswer:", f"{BY_LOCATION}answer:")
    (folder / "sap_stock.yaml").write_text(text, encoding="utf-8")
    (folder / "lookups" / "sap_locations.csv").write_text("key,value\n1000,0001\n")
    source = {"plant": "1000", "material": "1", "unit": "PCE", "day": date(2026, 11, 24)}
    assert load(folder)["sap_stock"].apply(source).body["STGE_LOC"] == "0001"
    assert [each for each in check(Folder.read(folder)) if each.level == "error"] == []


def asked(sandbox: Sandbox, row: dict[str, str], folder: Path = SHIPPED) -> Availability:
    part = {"WERKS": "1000", "MATNR": "XC-ATP", "MEINS": "ST", **row}
    sandbox.books.put("sap.stock", "1000/XC-ATP", part)
    mappings = load(folder)
    system = SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD))
    return StockDesk(system, lambda: mappings).ask(plant="1000", material="XC-ATP", unit="PCE")
