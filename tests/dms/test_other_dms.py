"""A DMS that no line of the connector knows, reached by its WSDL, settings and mappings alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from connector.errors import Rejected
from connector.logs import configure
from connector.settings import Settings
from connector.steps.request import register_return
from connector.steps.resolve import resolve_call, take_back
from tests.support.other_dms import FOLDER, OtherDms, other_dms
from tests.support.scene import NOON, Scene, scene
from tests.support.wire import Trouble, Wire

Day = tuple[Scene, OtherDms, Wire]


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    configure("critical")
    mappings = tmp_path / "mappings"
    shutil.copytree("mappings", mappings)
    shutil.copytree(FOLDER / "mappings", mappings, dirs_exist_ok=True)
    for snapshot in ("dms.wsdl", "dms_faults.csv"):  # those of the sandbox's DMS
        (mappings / "interfaces" / snapshot).unlink()
    with other_dms() as (dms, port):
        wire = Wire(port)

        def reached(settings: Settings) -> None:
            settings.mappings = mappings
            settings.dms.wsdl = str(FOLDER / "haendler.wsdl")
            settings.dms.service = "VerkaufDienst"
            settings.dms.endpoint = wire.url
            settings.dms.authentication = "none"

        with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, reached) as made:
            yield made, dms, wire
        wire.stop()


def test_a_day_with_it_from_order_to_return(day: Day) -> None:
    made, dms, _ = day
    assert made.stands(36) == ("ready", None), made.order(36).hold_reasons
    (order,) = dms.open_under("36-GQ")
    assert (len(order["notes"]), len(order["applications"]), order["state"]) == (1, 1, 20)
    made.until(NOON + timedelta(minutes=1))
    assert made.stands(36) == ("released", None)
    number = next(n for n, each in dms.orders.items() if each is order)
    dms.ship(number)
    dms.invoice(number)
    dms.asked.clear()
    made.later(ticks=2)
    assert made.stands(36)[0] in ("shipped", "closed")
    made.later(ticks=1)
    assert made.stands(36) == ("closed", None)
    # Asked for together, never more than the mapping allows, and not once for each.
    assert max(dms.asked) > 1
    assert max(dms.asked) <= 20
    for _ in range(2):
        register_return(made.context, made.order(36), "GQ", "36-R1", {1: Decimal(1)}, "broken")
    assert order["returns"] == ["36-R1"]


def test_a_change_before_anything_hangs_on_the_order_amends_it(day: Day) -> None:
    made, dms, _ = day
    assert made.stands(34) == ("placed", "stock")
    (before,) = dms.open_under("34-GQ")
    lines = made.shown(34)["line_items"]
    lines[0] = {**lines[0], "quantity": lines[0]["quantity"] + 1}
    made.change(34, line_items=lines)
    made.later(ticks=2)
    (after,) = dms.open_under("34-GQ")
    assert after["amended"]
    assert after["ordered"] != before["ordered"]
    assert "auftragStornieren" not in dms.seen


def test_what_cannot_be_asked_about_goes_to_ops_with_all_that_is_known(day: Day) -> None:
    made, dms, wire = day
    made.change(55, status="processing", date_paid_gmt="2026-11-23T14:10:00")
    with wire.suffers("auftragAnlegen", Trouble("reset", forwarded=True)):
        made.later(ticks=3)
        assert wire.struck == 1
    row = made.order(55)
    assert row.hold_cause == "in_doubt", (row.stage, row.hold_cause, row.hold_reasons)
    (reason,) = row.hold_reasons or []
    for known in ("cannot be asked", "dms_sales_order", "55", "sent 2026-11-23", "attempt 1"):
        assert known in reason
    made.later(minutes=60, ticks=3)
    assert len(dms.open_under("55-GQ")) == 1  # never sent again by itself
    (call,) = [
        each for each in made.context.calls.of_order(row.id) if each.operation == "dms_sales_order"
    ]
    number = next(n for n, each in dms.orders.items() if each["key"] == "55-GQ")
    resolve_call(made.context, call, "A99999", "ops")  # a slip of the pen
    assert made.stands(55) == ("recognised", None)  # it stays there for a minute
    call = made.context.calls.by_key(call.key)
    assert take_back(made.context, call, "ops", "mistyped").hold_cause == "in_doubt"
    call = made.context.calls.by_key(call.key)
    assert (call.state, call.document) == ("in_doubt", None)
    with pytest.raises(Rejected, match="not by what a person found"):
        take_back(made.context, call, "ops")
    resolve_call(made.context, call, number, "ops")
    made.later(ticks=1)
    assert made.stands(55) == ("ready", None)
    assert len(dms.open_under("55-GQ")) == 1
    with pytest.raises(Rejected, match="built upon already"):
        take_back(made.context, made.context.calls.by_key(call.key), "ops")
    assert made.stands(55) == ("ready", None)


def test_an_unknown_status_is_a_hold_for_it_with_the_code(day: Day) -> None:
    made, dms, _ = day
    dms.open_under("36-GQ")[0]["state"] = 55
    made.later(ticks=2)
    assert made.stands(36) == ("ready", "mapping")
    assert "55" in str(made.order(36).hold_reasons)


def test_no_line_of_the_connector_knows_it() -> None:
    words = ("auftragAnlegen", "haendler", "staendeFragen", "quittung")
    for path in Path("connector").rglob("*"):
        if path.suffix in (".py", ".wsdl", ".yaml"):
            text = path.read_text(encoding="utf-8")
            assert not any(word in text for word in words), path
