"""Stock: asked once a part for all waiting orders, and never promised twice."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from connector.sandbox.faults import Fault
from connector.settings import Settings
from tests.support.scene import scene

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
