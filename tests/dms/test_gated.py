"""One endpoint of a DMS that does not answer keeps back its own operations, and no others."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.dms.client import DmsSettings, SoapDms
from connector.dms.gated import GatedDms
from connector.errors import RetryLater
from connector.gate import Gate, Limits
from connector.logs import configure
from connector.mapping import load
from connector.settings import Settings
from connector.web.heart import Heart
from tests.support.other_dms import FOLDER, OtherDms, other_dms
from tests.support.scene import NOON, scene
from tests.web.conftest import opened

AWAY = "http://127.0.0.1:9"
INFORMATION = "AuskunftDienst/AuskunftAnschluss"
ASK = (f"{INFORMATION}/staendeFragen", {"belege": {"beleg": ["A1"]}})
NOTE = (
    "lieferungAnfordern",
    {"beleg": "A1", "schluessel": "1-GQ", "mengen": {"menge": [{"nr": 1, "_value_1": "1"}]}},
)
Operation = tuple[str, dict[str, Any]]


@pytest.fixture
def served() -> Iterator[tuple[OtherDms, str]]:
    with other_dms() as (dms, port):
        dms.orders["A1"] = {
            "key": "1-GQ", "notes": [], "asked": {}, "state": 10, "shipments": [], "invoices": [],
        }  # fmt: skip
        yield dms, f"http://127.0.0.1:{port}"


def reached(sales: str, information: str) -> dict[str, Any]:
    """Return settings that reach each port of the DMS at an address of its own."""
    return {
        "wsdl": str(FOLDER / "haendler.wsdl"),
        "service": "VerkaufDienst",
        "port": "VerkaufAnschluss",
        "endpoint": {"VerkaufAnschluss": sales, "AuskunftAnschluss": information},
        "authentication": "none",
    }


@pytest.mark.parametrize(
    ("broken", "sound"), [(ASK, NOTE), (NOTE, ASK)], ids=["information away", "sales away"]
)
def test_a_broken_endpoint_keeps_back_only_its_own_operations(
    served: tuple[OtherDms, str], broken: Operation, sound: Operation
) -> None:
    dms, url = served
    addresses = (AWAY, url) if broken is NOTE else (url, AWAY)
    gate = Gate("DMS", Limits(break_after=2, break_for=300), lambda: datetime.now(UTC))
    gated = GatedDms(SoapDms(DmsSettings(**reached(*addresses))), gate)
    for _ in range(2):
        assert not gated.is_open
        with pytest.raises(RetryLater, match="cannot be reached"):
            gated.call(*broken, write=False)
    for _ in range(3):
        with pytest.raises(RetryLater, match="kept back") as kept:
            gated.call(*broken, write=False)
        assert kept.value.after == pytest.approx(300, abs=60)
        gated.call(*sound, write=False)
    assert len(dms.seen) == 3
    state = gated.state()
    assert (state.system, state.is_open, state.failures) == ("DMS", True, 2)
    assert state.answered_at is not None


def test_a_person_learns_which_endpoint_answers(served: tuple[OtherDms, str]) -> None:
    _, url = served
    dms = SoapDms(DmsSettings(**reached(url, AWAY)))
    found = dms.endpoints(load(FOLDER / "mappings"))
    assert found[AWAY] == [ASK[0]]
    assert "auftragAnlegen" in found[url]
    dms.knock(url)
    with pytest.raises(RetryLater, match=":9: cannot be reached"):
        dms.knock(AWAY)


def test_orders_go_on_while_the_dms_cannot_be_asked_how_they_stand(
    served: tuple[OtherDms, str], tmp_path: Path
) -> None:
    configure("critical")
    dms, url = served
    mappings = tmp_path / "mappings"
    shutil.copytree("mappings", mappings)
    shutil.copytree(FOLDER / "mappings", mappings, dirs_exist_ok=True)
    for snapshot in ("dms.wsdl", "dms_faults.csv"):  # those of the sandbox's DMS
        (mappings / "interfaces" / snapshot).unlink()

    def prepare(settings: Settings) -> None:
        settings.mappings = mappings
        for name, value in reached(url, AWAY).items():
            setattr(settings.dms, name, value)
        settings.dms.limits.break_after = 2
        settings.dms.limits.break_for = 300

    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, prepare) as day:
        gates = {gate.system: gate for gate in day.connector.gates}
        assert day.stands(36) == ("ready", None)
        day.until(NOON + timedelta(minutes=1))
        day.later(ticks=3)
        assert gates["DMS"].is_open
        before = len(dms.orders)
        day.change(55, status="processing", date_paid_gmt="2026-11-23T14:10:00")
        day.later(ticks=3)
        assert day.stands(55)[0] in ("ready", "released"), day.order(55).hold_reasons
        assert len(dms.orders) == before + 1
        assert "staendeFragen" not in dms.seen
        heart = Heart(day.clock, lambda: day.clock.now.timestamp())
        heart.beat()
        with opened(day.connector, heart) as site:
            told = site.get("/metrics").text.splitlines()
            assert [each for each in told if each.startswith("connector_breaker_open{")] == [
                'connector_breaker_open{endpoint="",system="sap"} 0.0',
                'connector_breaker_open{endpoint="",system="dms"} 0.0',
                f'connector_breaker_open{{endpoint="{INFORMATION}",system="dms"}} 1.0',
            ]
            page = site.get("/?lang=en").text
            assert f"DMS {INFORMATION}: calls are kept back" in page
            assert "DMS: calls are kept back" not in page
        day.later(ticks=1)
        alerts = [
            each.subject for each in day.connector.alerts.listed() if each.kind == "system_away"
        ]
        assert alerts == [f"DMS {INFORMATION}"]
