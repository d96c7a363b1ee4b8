"""A refused logon is refused for the whole installation: SAP locks a user after a few tries."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from connector.errors import LogonFailed, RetryLater
from connector.gateways import sap_of
from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sap.port import SapSystem
from connector.settings import load_settings
from connector.store.database import Database
from connector.store.logons import SharedLogons

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
WRONG = {"user": "RFC_CONNECTOR", "password": "once-right"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def test_a_restarted_process_does_not_try_what_was_refused(
    sandbox: Sandbox, database: Database
) -> None:
    def started(password: str) -> str:
        arguments = (sandbox.sap_url, database.url, SAP_USER, password)
        return subprocess.run(
            [sys.executable, "-m", "tests.support.logon_process", *arguments],
            check=True, capture_output=True, text=True, timeout=120,
        ).stdout  # fmt: skip

    assert "refuses our credentials" in started("wrong")
    again = started("wrong")
    assert "is not tried again" in again
    assert "check --live" in again
    assert sandbox.sap.refused == 1
    logon = {"url": sandbox.sap_url, "user": SAP_USER, "password": SAP_PASSWORD}
    # Other credentials are tried at once.
    assert SharedLogons(database, "sap", logon, lambda: NOW).refused() is None


def test_a_person_who_asks_lets_the_installation_go_on(
    sandbox: Sandbox, database: Database
) -> None:
    def system(password: str = SAP_PASSWORD, *, asking: bool = False) -> SapSystem:
        settings = load_settings(database_url=database.url)
        settings.sap.url, settings.sap.password = sandbox.sap_url, SecretStr(password)
        return sap_of(settings, database, asking=asking)

    for _ in range(5):
        with pytest.raises(LogonFailed, match="refuses our credentials"):
            system("wrong", asking=True).ping()  # a person may try, and lock the user
    with pytest.raises(LogonFailed, match="is not tried again"):
        system("wrong").ping()
    with pytest.raises(LogonFailed, match="SU01"):
        system().ping()
    sandbox.sap.unlock()
    service = system()
    with pytest.raises(LogonFailed, match="is not tried again"):
        service.ping()
    assert system(asking=True).ping()
    assert system().ping()


def test_who_is_admitted_otherwise_lets_nobody_else_try(database: Database) -> None:
    SharedLogons(database, "sap", WRONG, lambda: NOW).refuse("Logon failed")
    for settings, asking in (({**WRONG, "password": "right"}, True), (WRONG, False)):
        SharedLogons(database, "sap", settings, lambda: NOW, asking=asking).admitted()
        assert SharedLogons(database, "sap", WRONG, lambda: NOW).refused() == "Logon failed"


def test_the_password_is_not_in_the_database(database: Database) -> None:
    SharedLogons(database, "sap", WRONG, lambda: NOW).refuse("Logon failed")
    with database.reading() as session:
        row = session.execute(text("SELECT * FROM refused_logon")).one()
    assert "once-right" not in str(row)
    first = row.fingerprint
    SharedLogons(database, "sap", WRONG, lambda: NOW).refuse("Logon failed")
    with database.reading() as session:
        assert session.execute(text("SELECT fingerprint FROM refused_logon")).scalar() != first


def test_processes_that_are_refused_at_once_all_remember(database: Database) -> None:
    logons = [SharedLogons(database, "sap", WRONG, lambda: NOW) for _ in range(4)]
    threads = [threading.Thread(target=each.refuse, args=("Logon failed",)) for each in logons]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.refused() for each in logons] == ["Logon failed"] * 4
    assert SharedLogons(database, "sap", WRONG, lambda: NOW).refused() == "Logon failed"


def test_what_could_not_be_noted_is_refused_all_the_same() -> None:
    away = Database("postgresql+psycopg://u@127.0.0.1:9/none")
    logons = SharedLogons(away, "sap", WRONG, lambda: NOW)
    with pytest.raises(RetryLater, match="database"):
        logons.refused()  # unknown is not fine
    logons.refuse("Logon failed")
    assert logons.refused() == "Logon failed"
