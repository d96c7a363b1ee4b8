"""SAP as it is where nobody prepared it for us: no buyer gets a second customer.

Orders of buyers whom SAP has, and of some whom it has not, are recognised again and again while SAP
is odd, as in a service that runs all day; then it is mended, and updates that were terminated are
repeated as a person does in SM13. The whole table takes minutes; a drawn part is of every day.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyrfc
import pytest

from connector.bootstrap import Connector, build
from connector.demo import DemoClock
from connector.domain.lifecycle import Stage
from connector.errors import Misconfigured
from connector.gateways import sap_of
from connector.jobs.cadence import Window
from connector.mapping import load
from connector.sandbox.faults import Fault
from connector.sandbox.s4_partners import PARTNER
from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sap.customers import CustomerDesk
from connector.sap.interface import stored_in
from connector.sap.live import try_everything
from connector.sap.soap import SoapSap, SoapSettings
from connector.steps.recognise import look_up
from connector.steps.walk import walk
from tests.conftest import DRAWN_BY
from tests.sap.test_foreign import site
from tests.sap.test_lookup import KNOWN, SITE, mappings_with
from tests.support import databases, pyrfc_double, s4
from tests.support.crowd import SAMPLE, code_of, crowd
from tests.support.day_process import settings_for
from tests.support.oddities import ODATA, ODATA_ODDITIES, ODDITIES, RFC, SOAP, Oddity
from tests.support.scene import EVENING

BUYERS, ORDERS, ROUNDS, DRAWN = 3, 5, 5, 6
KNOWN_NUMBERS = {"48": "0000100001", "47": "0000100002"}  # orders whose buyers SAP has
HOST = "sap.sandbox"
KINDS = ("sap.customer", PARTNER)  # a partner of S/4HANA that is no customer counts as well
ROWS = [
    (oddity, transport)
    for oddity in (*ODDITIES, *ODATA_ODDITIES)
    for transport in (SOAP, RFC, ODATA)
    if oddity.only == transport or (oddity.only == "" and transport != ODATA)
]


@dataclass(frozen=True)
class Begun:
    """A sandbox and a database in which all orders are taken in, before anything is recognised."""

    sandbox: Sandbox
    database_url: str
    customers: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begun]:
    folder = tmp_path_factory.mktemp("oddities")
    orders = crowd(ORDERS, BUYERS, seed=11)
    orders += [each for each in json.loads(SAMPLE.read_text()) if each["number"] in KNOWN_NUMBERS]
    (folder / "orders.json").write_text(json.dumps(orders), encoding="utf-8")
    with Sandbox(orders=folder / "orders.json") as sandbox:
        sandbox.clock.set(EVENING)
        url = databases.empty("sqlite")
        clock = DemoClock(EVENING)
        connector = build(
            settings_for(sandbox.addresses(), url, folder), clock, EVENING - timedelta(days=1)
        )
        intake = next(job for job in connector.jobs if job.name == "intake")
        intake.run(Window(EVENING - timedelta(days=1), EVENING), "")
        for row in connector.context.orders.due((Stage.RECEIVED,), EVENING):
            walk(connector.context, row.id, until=Stage.VALID)
        connector.close()
        yield Begun(sandbox, url, dict(sandbox.books.items("sap.customer")))


class Lived:
    """One oddity, lived through by a connector with a database of its own."""

    def __init__(self, begun: Begun, folder: Path, oddity: Oddity, transport: str) -> None:
        self.sandbox, self.oddity = begun.sandbox, oddity
        _restore(begun)
        if oddity.prepare is not None:
            oddity.prepare(self.sandbox)
        database_url = f"sqlite:///{folder / 'c.db'}"
        databases.copy(begun.database_url, database_url)
        self.settings = settings_for(self.sandbox.addresses(), database_url, folder)
        if transport == ODATA:
            self.settings.sap.transport = "odata"
            self.settings.sap.url = self.sandbox.odata_url
            self.settings.mappings = s4.folder(folder)
        else:
            self.settings.mappings = site(folder / "mappings", oddity.site)
        if "none is stored" in oddity.name:
            for path in (self.settings.mappings / "interfaces" / "sap").glob("*.json"):
                path.unlink()
        self.settings.sap.limits.break_for = 0.001
        self.settings.sap.limits.calls_per_second = None
        if transport == RFC:
            self.settings.sap.transport = "rfc"
            self.settings.sap.connection = {"ashost": HOST, "sysnr": "00"}
        self.clock = DemoClock(EVENING)
        self.told: set[str] = set()
        self.connector: Connector = build(self.settings, self.clock, EVENING)

    def rounds(self, count: int) -> None:
        context = self.connector.context
        for _ in range(count):
            self.clock.now += timedelta(minutes=16)
            self.sandbox.clock.set(self.clock.now)
            due = context.orders.due((Stage.VALID,), self.clock.now)
            found = look_up(context, due)
            for row in due:
                try:
                    walk(context, row.id, until=Stage.RECOGNISED, found=found.get(row.id))
                except Misconfigured as error:
                    self.told.add(type(error).__name__)

    def customers(self) -> dict[str, int]:
        """Return how many customers each new buyer has."""
        kept = (each for kind in KINDS for each in self.sandbox.books.all(kind))
        codes = [row["STCD5"] for row in kept]
        return {code: codes.count(code) for code in map(code_of, range(BUYERS))}

    def stand(self) -> list[tuple[str, str]]:
        """Return for each order that is not recognised what keeps it, of those of new buyers."""
        found = []
        for row in self.connector.context.orders.listed(limit=100):
            assert row.number not in KNOWN_NUMBERS or row.customer_number in (
                None, KNOWN_NUMBERS[row.number],
            )  # fmt: skip
            if row.stage == Stage.RECOGNISED:
                continue
            waits = row.next_try_at is not None and row.hold_cause is None
            found.append((row.number, row.hold_cause or ("waits" if waits else "")))
        return found

    def checked(self) -> list[str]:
        """Return what the check says of this SAP."""
        system = sap_of(self.settings)
        try:
            folder = self.settings.mappings
            tried = try_everything(system, load(folder), "1000", stored_in(folder))
            return [str(each.error) for each in tried if each.error is not None]
        finally:
            system.close()


def _restore(begun: Begun) -> None:
    sandbox = begun.sandbox
    sandbox.faults.set([])
    sandbox.clock.set(EVENING)
    sandbox.sap.repeat_updates()
    sandbox.sap.unlock()
    for kind in KINDS:
        for number, _ in sandbox.books.items(kind):
            if kind == PARTNER or number not in begun.customers:
                sandbox.books.delete(kind, number)
    for number, row in begun.customers.items():
        sandbox.books.put("sap.customer", number, row)


def live(begun: Begun, folder: Path, oddity: Oddity, transport: str) -> str:
    """Live through a row of the table and return it; what it must not be is raised."""
    folder.mkdir()
    lived = Lived(begun, folder, oddity, transport)
    try:
        faults = [
            Fault.parse(f"sap:{each}") if isinstance(each, str) else replace(each)
            for each in oddity.faults
        ]
        begun.sandbox.faults.set(faults)
        said = lived.checked()
        begun.sandbox.sap.unlock()
        lived.rounds(ROUNDS)
        made, kept = lived.customers(), lived.stand()
        assert max(made.values()) <= 1, (made, kept)
        assert all(cause for _, cause in kept), kept
        assert said or oddity.unseen, "the check says that all is well"
        assert transport != ODATA or all(each.struck for each in faults), "it never happened"
        # SAP is mended, and what ended in SM13 is repeated there.
        begun.sandbox.faults.set([])
        begun.sandbox.sap.repeat_updates()
        lived.connector.close()
        lived.connector = build(lived.settings, lived.clock, EVENING)
        sap_of(lived.settings, lived.connector.database, lived.clock, asking=True).ping()
        lived.rounds(3)
        after, left = lived.customers(), lived.stand()
        assert max(after.values()) <= 1, (after, left)
        assert all(cause for _, cause in left), left
        assert not oddity.heals or (set(after.values()) == {1} and not left), (after, left)
    finally:
        begun.sandbox.faults.set([])
        lived.connector.close()
    causes = sorted({cause for _, cause in kept} | lived.told)
    return (
        f"{oddity.name:62} {transport:5}  made {'+'.join(map(str, made.values()))}"
        f"  {', '.join(causes) or 'all recognised':36}  mended {'+'.join(map(str, after.values()))}"
        f"  check: {said[0][:70] if said else 'cannot see it'}"
    )


@pytest.fixture
def places(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyrfc, "Connection", pyrfc_double.Connection)
    monkeypatch.setitem(pyrfc_double.Connection.places, HOST, begun.sandbox.sap_url)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("places")
def test_no_oddity_makes_a_second_customer(begun: Begun, tmp_path: Path) -> None:
    """A drawn part of the table."""
    for place, (oddity, transport) in enumerate(
        random.Random(os.environ[DRAWN_BY]).sample(ROWS, DRAWN)
    ):
        print(live(begun, tmp_path / str(place), oddity, transport))


@pytest.mark.night(sample=12)
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("places")
@pytest.mark.parametrize(
    ("oddity", "transport"), ROWS, ids=[f"{oddity} · {transport}" for oddity, transport in ROWS]
)
def test_no_oddity_of_the_whole_table_makes_a_second_customer(
    begun: Begun, tmp_path: Path, oddity: Oddity, transport: str
) -> None:
    print(live(begun, tmp_path / "row", oddity, transport))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


NOT_READ = Fault.parse("sap:business:operation=RFC_GET_FUNCTION_INTERFACE,code=RFC_NO_AUTHORITY")


def test_an_authorisation_that_is_given_is_taken_up_at_once(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    mappings = load(mappings_with(tmp_path, **SITE))
    system = SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD))
    desk = CustomerDesk(system, lambda: mappings)
    sandbox.faults.set([NOT_READ])
    with pytest.raises(Misconfigured, match=r"Z_CUSTOMER_FIND.*RFC1.*Z_CUSTOMER_FIND\.json"):
        desk.find([KNOWN])
    sandbox.faults.set([])
    assert desk.find([KNOWN])[0]


def test_the_check_says_once_per_function_which_authorisation_is_missing(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    mappings = load(mappings_with(tmp_path, **SITE))
    sandbox.faults.set([NOT_READ])
    system = SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD))
    said = [str(each.error) for each in try_everything(system, mappings, "1000") if each.error]
    named = [each.partition(":")[0] for each in said]
    assert len(named) == len(set(named))
    assert {"SAP Z_CUSTOMER_FIND", "SAP Z_CUSTOMER_CREATE", "SAP Z_CUSTOMER_TAX_SET"} <= set(named)
    assert all("S_RFC" in each for each in said)
