"""What `connector check --live` says of SAP: each failure clear, with its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.errors import LogonFailed, Misconfigured, RetryLater
from connector.mapping import MappingSet, load
from connector.sandbox.faults import Fault
from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sap.live import Tried, try_everything
from connector.sap.rfc import RfcSap, RfcSettings
from connector.sap.soap import SoapSap, SoapSettings

FOLDER = Path(__file__).parents[2] / "mappings"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def tried(
    sandbox: Sandbox, mappings: MappingSet | None = None, password: str = SAP_PASSWORD
) -> list[Tried]:
    system = SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, password))
    return list(try_everything(system, mappings or load(FOLDER), "1000"))


def wrong(found: list[Tried]) -> list[str]:
    return [str(each.error) for each in found if each.error is not None]


def test_all_is_well(sandbox: Sandbox) -> None:
    found = tried(sandbox)
    assert wrong(found) == []
    said = " · ".join(each.what for each in found)
    for words in ("SAP answers", "BAPI_CUSTOMER_CREATEFROMDATA1 is there", "KNA1 may be read"):
        assert words in said


def test_a_service_that_keeps_no_session(sandbox: Sandbox) -> None:
    sandbox.faults.set([Fault.parse("sap:no-session")])
    (said,) = wrong(tried(sandbox))
    assert "keeps no session" in said
    assert "SOAMANAGER" in said


def test_nothing_is_changed(sandbox: Sandbox) -> None:
    before = sandbox.books.dump("sap")
    tried(sandbox)
    assert sandbox.books.dump("sap") == before


def test_a_wrong_password_is_tried_once(sandbox: Sandbox) -> None:
    found = tried(sandbox, password="wrong")
    assert len(found) == 1
    assert isinstance(found[0].error, LogonFailed)
    assert "CONNECTOR_SAP__PASSWORD" in str(found[0].error)


def test_a_locked_user(sandbox: Sandbox) -> None:
    for _ in range(5):
        tried(sandbox, password="wrong")
    assert "SU01" in wrong(tried(sandbox))[0]


def test_an_unknown_function_module(sandbox: Sandbox, tmp_path: Path) -> None:
    for path in FOLDER.rglob("*.*"):
        copy = tmp_path / path.relative_to(FOLDER)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes().replace(b"Z_CUSTOMER_TAX_SET", b"Z_TAX_SET"))
    said = wrong(tried(sandbox, load(tmp_path)))
    assert said == [
        "SAP RFC_GET_FUNCTION_INTERFACE: ABAP exception FU_NOT_FOUND"
        " — check the function module's name in the mapping"
    ] or all("FU_NOT_FOUND" in each for each in said)


@pytest.mark.parametrize(
    ("fault", "remedy"),
    [
        ("operation=RFC_READ_TABLE,code=NOT_AUTHORIZED", "S_TABU_NAM"),
        ("operation=BAPI_MATERIAL_AVAILABILITY,code=RFC_NO_AUTHORITY", "S_RFC"),
        ("operation=STFC_CONNECTION,code=RFC_NO_AUTHORITY", "S_RFC"),
    ],
)
def test_a_missing_authorisation(sandbox: Sandbox, fault: str, remedy: str) -> None:
    sandbox.faults.set([Fault.parse(f"sap:business:{fault}")])
    found = [each.error for each in tried(sandbox) if each.error is not None]
    assert [type(each) for each in found] == [Misconfigured]
    assert remedy in str(found[0])


def test_a_column_that_is_not_there(sandbox: Sandbox, tmp_path: Path) -> None:
    for path in FOLDER.rglob("*.*"):
        copy = tmp_path / path.relative_to(FOLDER)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes().replace(b"AUFSD: blocked", b"AUFSX: blocked"))
    said = wrong(tried(sandbox, load(tmp_path)))
    assert len(said) == 1
    assert "FIELD_NOT_VALID — check the columns in the mapping" in said[0]


def test_sap_away_and_the_sdk_missing() -> None:
    away = SoapSap(SoapSettings("http://127.0.0.1:9/sap/bc/soap/rfc", "100", "U", "p"))
    (only,) = try_everything(away, load(FOLDER), "1000")
    assert isinstance(only.error, RetryLater)
    no_sdk = RfcSap(RfcSettings({"ashost": "127.0.0.1", "sysnr": "00"}, "100", "U", "p"))
    (only,) = try_everything(no_sdk, load(FOLDER), "1000")
    assert "SAPNWRFC_HOME" in str(only.error)
