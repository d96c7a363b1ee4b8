"""No more sessions than SAP bears: in one process, and over all processes of an installation."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pyrfc
import pytest

from connector.errors import LogonFailed, RetryLater
from connector.sandbox.faults import Fault
from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sap.rfc import RfcSap, RfcSettings
from connector.sap.slots import LocalSlots, Turnstile
from connector.sap.soap import SoapSap, SoapSettings
from connector.store.database import Database
from connector.store.slots import SharedSlots
from tests.support import postgres, pyrfc_double


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def shared(postgres_server: postgres.Server) -> Iterator[list[Database]]:
    """Three processes' views of one database."""
    url = postgres_server.create()
    databases = [Database(url) for _ in range(3)]
    yield databases
    for each in databases:
        each.close()
    postgres_server.drop(url)


def soap(sandbox: Sandbox, slots: SharedSlots | None = None, **other: str) -> SoapSap:
    return SoapSap(
        SoapSettings(
            url=sandbox.sap_url,
            client="100",
            user=SAP_USER,
            password=other.get("password", SAP_PASSWORD),
            call_deadline=120,
        ),
        slots,
    )


def rfc(sandbox: Sandbox, slots: SharedSlots) -> RfcSap:
    return RfcSap(
        RfcSettings(
            {"url": sandbox.sap_url},
            "100",
            SAP_USER,
            SAP_PASSWORD,
            connect_timeout=120,
            call_timeout=120,
        ),
        slots,
    )


@pytest.mark.parametrize("transport", ["soap", "rfc"])
def test_all_processes_together_keep_to_the_sessions_that_sap_bears(
    sandbox: Sandbox,
    shared: list[Database],
    transport: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pyrfc, "Connection", pyrfc_double.Connection)
    monkeypatch.setattr("connector.sap.rfc._KEPT", 0.2)
    connect = soap if transport == "soap" else rfc
    systems = [connect(sandbox, SharedSlots(each, "sap", 3)) for each in shared]
    sandbox.faults.set([Fault.parse("sap:latency:operation=STFC_CONNECTION,seconds=0.02")])

    def work(number: int) -> None:
        system = systems[number % 3]
        if number % 2:
            assert system.ping()
        else:
            with system.session() as session:
                session.call("STFC_CONNECTION", {"REQUTEXT": "x"})
                session.call("BAPI_CUSTOMER_GETLIST", {})

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(60)))
    assert 1 < sandbox.sap.busiest <= 3
    for system in systems:
        system.close()


def test_slots_of_a_process_that_died_come_free(shared: list[Database]) -> None:
    first, second = SharedSlots(shared[0], "sap", 2), SharedSlots(shared[1], "sap", 2)
    taken = [first.take(), first.take()]
    assert sorted(each for each in taken if each is not None) == [0, 1]
    assert first.take() is None
    assert second.take() is None
    assert SharedSlots(shared[1], "another", 1).take() == 0
    first.close()
    # The server lets the locks go when it sees that the connection is gone: soon, not at once.
    assert Turnstile(second, patience=120).wait(second.take) is not None


def test_a_slot_given_back_is_taken_by_another(shared: list[Database]) -> None:
    first, second = SharedSlots(shared[0], "sap", 1), SharedSlots(shared[1], "sap", 1)
    slot = first.take()
    assert slot == 0
    first.give(slot)
    assert second.take() == 0
    assert first.take() is None


def test_without_its_database_no_session_is_opened() -> None:
    slots = SharedSlots(Database("postgresql+psycopg://u@127.0.0.1:9/none"), "sap", 1)
    with pytest.raises(RetryLater, match="does not answer"):
        slots.take()


def test_who_finds_all_sessions_busy_is_told_so_in_time() -> None:
    turnstile = Turnstile(LocalSlots(1), patience=0.05)
    with turnstile.passed(), pytest.raises(RetryLater, match="busy"), turnstile.passed():
        pass
    with turnstile.passed():
        pass


def test_many_threads_at_once_do_not_lock_the_user(sandbox: Sandbox) -> None:
    system, ready = soap(sandbox, password="wrong"), threading.Barrier(8)

    def call(_number: int) -> str:
        ready.wait(60)
        with pytest.raises(LogonFailed) as raised:
            system.ping()
        return raised.value.message

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(call, range(8)))
    assert sum("not tried again" in each for each in said) == 7
    assert soap(sandbox).ping()


def test_an_idle_connection_does_not_keep_its_session_for_ever(
    sandbox: Sandbox, shared: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyrfc, "Connection", pyrfc_double.Connection)
    monkeypatch.setattr("connector.sap.rfc._KEPT", 0.1)
    first, second = (rfc(sandbox, SharedSlots(each, "sap", 1)) for each in shared[:2])
    assert first.ping()
    assert second.ping()  # waits until the first has closed its idle connection
    second.close()
