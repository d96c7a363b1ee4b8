"""The RFC transport alone: without the SDK, and what only pyrfc's exceptions can say."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pyrfc
import pytest

from connector.errors import (
    ConnectorError,
    InDoubt,
    LogonFailed,
    MappingFailed,
    Misconfigured,
    Rejected,
    RetryLater,
)
from connector.sap.connection import check_connection
from connector.sap.rfc import RfcSap, RfcSettings

pytestmark = pytest.mark.unit

SETTINGS = RfcSettings(
    connection={"ashost": "127.0.0.1", "sysnr": "00"},
    client="100",
    user="u",
    password="very-secret",
)


def test_a_missing_sdk_is_said_with_the_remedy() -> None:
    with pytest.raises(Misconfigured, match="SAPNWRFC_HOME"):
        RfcSap(SETTINGS).ping()


def test_a_pyrfc_built_for_a_missing_sdk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pyrfc, "Connection")
    with pytest.raises(Misconfigured, match="SDK"):
        RfcSap(SETTINGS).ping()


ROUTER = "/H/router.example/S/3299"


@pytest.mark.parametrize(
    "connection",
    [
        {"ashost": "sap.example", "sysnr": "00"},
        {"ashost": "sap.example", "sysnr": "00", "saprouter": ROUTER},
        {"mshost": "sap.example", "msserv": "3600", "r3name": "PRD", "group": "PUBLIC"},
        {
            "mshost": "sap.example", "sysid": "PRD", "group": "PUBLIC", "saprouter": ROUTER,
            "snc_partnername": "p:CN=PRD", "snc_myname": "p:CN=connector", "snc_qop": "9",
            "snc_lib": "/opt/sap/libsapcrypto.so",
        },
        {"wshost": "sap.example", "wsport": "443", "proxy_host": "proxy.example",
         "proxy_port": "3128", "tls_client_pse": "/opt/sap/client.pse"},
    ],
    ids=["direct", "router", "message server", "SNC", "WebSocket"],
)  # fmt: skip
@pytest.mark.parametrize("password", ["very-secret", ""])
def test_the_library_gets_its_own_parameters_as_they_are_written(
    monkeypatch: pytest.MonkeyPatch, connection: dict[str, str], password: str
) -> None:
    given: dict[str, str] = {}

    class Noting(Scripted):
        def __init__(self, config: Any = None, **params: str) -> None:
            given.update(params)

    monkeypatch.setattr(pyrfc, "Connection", Noting)
    check_connection(connection)
    RfcSap(replace(SETTINGS, connection=connection, password=password)).ping()
    logon = {"user": "u", "passwd": password}
    # Who is known by SNC needs no password, and then no user either.
    named = {} if "snc_partnername" in connection and not password else logon
    assert given == {**connection, "client": "100", "lang": "ZH", **named}


def test_the_password_is_in_no_representation() -> None:
    assert "very-secret" not in repr(SETTINGS)


class Scripted:
    """A connection whose calls raise one exception, and whose opening another."""

    error: Exception | None = None
    refusing: Exception | None = None
    opened = 0
    pings = 0

    def __init__(self, config: Any = None, **params: str) -> None:
        Scripted.opened += 1
        if self.refusing is not None:
            raise self.refusing

    def call(self, function: str, **params: Any) -> dict[str, Any]:
        if self.error is not None and function in ("BAPI", "BAPI_TRANSACTION_COMMIT"):
            raise self.error
        return {"RESPTEXT": "ok"}

    def get_function_description(self, function: str) -> Any:
        return SimpleNamespace(
            parameters=[
                {"name": name, "parameter_type": "RFCTYPE_CHAR", "direction": "RFC_IMPORT",
                 "nuc_length": 255, "optional": True, "type_description": None}
                for name in ("REQUTEXT", "WAIT")
            ]
        )  # fmt: skip

    def ping(self) -> None:
        Scripted.pings += 1

    def close(self) -> None:
        pass


@pytest.fixture(params=["pyrfcx", "SAP's own"])
def scripted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[Scripted]:
    """Stand in for the connection of each distribution."""
    if request.param == "SAP's own":
        monkeypatch.delattr(pyrfc, "RFCTypeError")
    monkeypatch.setattr(pyrfc, "Connection", Scripted)
    monkeypatch.setattr(Scripted, "error", None)
    monkeypatch.setattr(Scripted, "refusing", None)
    monkeypatch.setattr(Scripted, "opened", 0)
    monkeypatch.setattr(Scripted, "pings", 0)
    return Scripted


# What pyrfc raises · what it is within a session · whether the connection may be used again.
TABLE: list[tuple[Exception, type[ConnectorError], bool]] = [
    (pyrfc.CommunicationError("gone", code=1, key="RFC_COMMUNICATION_FAILURE"), InDoubt, False),
    (pyrfc.ExternalRuntimeError("timeout", code=7, key="RFC_CANCELED"), InDoubt, False),
    (pyrfc.LogonError("Name or password is incorrect"), LogonFailed, False),
    (pyrfc.ABAPApplicationError("x", code=5, key="FU_NOT_FOUND"), Misconfigured, True),
    (pyrfc.ABAPApplicationError("x", code=5, key="OPTION_NOT_VALID"), Rejected, True),
    (pyrfc.ABAPRuntimeError("no S_RFC", code=3, key="RFC_NO_AUTHORITY"), Misconfigured, False),
    (pyrfc.ABAPRuntimeError("dump", code=3, key="TIME_OUT"), RetryLater, False),
    (pyrfc.ABAPRuntimeError("dump", code=3, key="COMPUTE_INT_ZERODIVIDE"), Rejected, False),
    (pyrfc.ABAPApplicationError("x", code=5, key="FOREIGN_LOCK"), RetryLater, True),
    (pyrfc.ABAPApplicationError("x", code=5, key="TABLE_NOT_AVAILABLE"), Misconfigured, True),
    (
        pyrfc.ABAPRuntimeError("没有权限", code=3, key="RFC_ERROR_SYSTEM_FAILURE"),
        Misconfigured,
        False,
    ),
    (pyrfc.ExternalAuthorizationError("x", code=20, key="X"), Misconfigured, False),
    (pyrfc.ExternalRuntimeError("f", code=20, key="RFC_INVALID_PARAMETER"), MappingFailed, False),
    (pyrfc.ExternalRuntimeError("f", code=22, key="RFC_CONVERSION_FAILURE"), MappingFailed, False),
    (pyrfc.ExternalRuntimeError("other", code=99, key="RFC_UNKNOWN"), InDoubt, False),
    (TypeError("an string is required"), MappingFailed, False),
    (OSError("unforeseen"), InDoubt, False),
]


@pytest.mark.parametrize(("error", "typed", "usable"), TABLE, ids=[repr(r[0]) for r in TABLE])
def test_each_exception_has_its_meaning(
    scripted: type[Scripted],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    typed: type[ConnectorError],
    usable: bool,
) -> None:
    system = RfcSap(SETTINGS)
    monkeypatch.setattr(scripted, "error", error)
    with system.session() as session, pytest.raises(ConnectorError) as raised:
        session.call("BAPI", {})
    assert type(raised.value) is typed
    monkeypatch.setattr(scripted, "error", None)
    if typed is LogonFailed:
        return  # see below
    assert system.ping() == "SAP answers: ok"
    # After an ABAP exception the session is rolled back and the connection lives on.
    assert scripted.opened == (1 if usable else 2)


def test_a_logon_refused_within_a_call_is_not_tried_again(
    scripted: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = RfcSap(SETTINGS)
    system.ping()
    refused = pyrfc.LogonError("Password logon no longer possible")
    monkeypatch.setattr(scripted, "error", refused)
    monkeypatch.setattr(scripted, "refusing", refused)
    with pytest.raises(LogonFailed):
        system.call("BAPI", {})
    monkeypatch.setattr(scripted, "refusing", None)
    with pytest.raises(LogonFailed, match="is not tried again"):
        system.ping()
    assert scripted.opened == 2  # once more, apart, and then never


@pytest.mark.parametrize("away", [None, pyrfc.CommunicationError("gone")])
def test_a_logon_refused_once_within_a_call_stops_nobody(
    scripted: type[Scripted], monkeypatch: pytest.MonkeyPatch, away: Exception | None
) -> None:
    system = RfcSap(SETTINGS)
    system.ping()
    monkeypatch.setattr(scripted, "error", pyrfc.LogonError("HTTP 401"))
    monkeypatch.setattr(scripted, "refusing", away)
    with pytest.raises(RetryLater, match="refused once"):
        system.call("BAPI", {})
    monkeypatch.setattr(scripted, "refusing", None)
    with system.session() as session, pytest.raises(InDoubt):
        session.commit()
    monkeypatch.setattr(scripted, "error", None)
    assert system.ping() == "SAP answers: ok"


@pytest.mark.parametrize("key", ["RFC_COMMUNICATION_FAILURE", "TIME_OUT"])
def test_a_commit_that_breaks_off_is_never_taken_as_not_made(
    scripted: type[Scripted], monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    kind = pyrfc.CommunicationError if key.startswith("RFC") else pyrfc.ABAPRuntimeError
    with RfcSap(SETTINGS).session() as session:
        monkeypatch.setattr(scripted, "error", kind("x", code=1, key=key))
        with pytest.raises(InDoubt):
            session.commit()


def test_connecting_takes_no_longer_than_its_deadline(
    scripted: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    release, closed = threading.Event(), threading.Event()

    class Hanging(Scripted):
        def __init__(self, config: Any = None, **params: str) -> None:
            release.wait(120)

        def close(self) -> None:
            closed.set()

    monkeypatch.setattr(pyrfc, "Connection", Hanging)
    with pytest.raises(RetryLater, match="in time"):
        RfcSap(replace(SETTINGS, connect_timeout=0.2)).ping()
    # What comes after the deadline is closed, not leaked.
    release.set()
    assert closed.wait(60)


def test_an_idle_connection_is_tried_before_it_is_used(
    scripted: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = RfcSap(SETTINGS)
    system.ping()
    monkeypatch.setattr("connector.sap.rfc._STALE", -1.0)
    system.ping()
    assert (scripted.opened, scripted.pings) == (1, 1)

    def broken(_self: Scripted) -> None:
        raise pyrfc.CommunicationError("gone")

    monkeypatch.setattr(scripted, "ping", broken)
    system.ping()
    assert scripted.opened == 2
