"""What passes by itself is waited for; what does not is said at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.errors import ConnectorError, LogonFailed, Rejected, RetryLater
from connector.gate import Gate, Limits
from connector.mapping import load
from connector.sandbox.faults import Fault
from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sap.errors import logon_failed, of_abap
from connector.sap.gated import GatedSap
from connector.sap.returns import check
from connector.sap.soap import SoapSap, SoapSettings
from connector.sap.stock import StockDesk

MAPPINGS = load(Path(__file__).parents[2] / "mappings")
LOCKS = ["F2/042", "MC/601", "R1/412", "R1/028", "V1/042", "VL/046", "F5/349", "M3/024", "VP/119"]


def row(code: str, text: str = "x") -> dict[str, str]:
    identity, _, number = code.partition("/")
    return {"TYPE": "E", "ID": identity, "NUMBER": number, "MESSAGE": text}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def gated(sandbox: Sandbox) -> GatedSap:
    sap = SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD))
    return GatedSap(sap, Gate("SAP", Limits(), lambda: datetime(2026, 11, 24, tzinfo=UTC)))


@pytest.mark.parametrize("code", LOCKS)
def test_a_lock_is_waited_for_in_whatever_shape_it_comes(code: str) -> None:
    shapes: list[dict[str, object]] = [
        {"RETURN": row(code)},
        {"RETURN": [row(code), row("BAPI/001")]},
        {"RETURN": [row("BAPI/001"), row(code)]},
        {"RETURN": {"TYPE": "E", "CODE": code.replace("/", ""), "MESSAGE": "x"}},
    ]
    for answer in shapes:
        with pytest.raises(RetryLater) as raised:
            check(answer, "F")
        assert raised.value.answered
    identity, _, number = code.partition("/")
    raised_as = (
        of_abap("RFC_ABAP_MESSAGE", ["x"], "F", code),
        of_abap("F", [f"ID:{identity} Type:E Number:{number} locked by X"], "F"),
    )
    assert {type(each) for each in raised_as} == {RetryLater}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Customer 4711 is locked by user MEIER", RetryLater),
        ("Kunde 4711 wird gerade von MEIER bearbeitet", RetryLater),
        ("客户 4711 已被用户 MEIER 锁定", RetryLater),
        ("Grouping 0001 is not allowed", Rejected),
    ],
)
def test_a_class_that_says_it_under_many_numbers_is_told_by_its_words(
    text: str, error: type[ConnectorError]
) -> None:
    with pytest.raises(error):
        check({"RETURN": [row("CVIX/123", text)]}, "F")
    with pytest.raises(Rejected):
        check({"RETURN": [row("ZZ/123", text)]}, "F")


@pytest.mark.parametrize("code", ["FOREIGN_LOCK", "TIME_OUT", "raised F2/042"])
def test_one_locked_part_does_not_keep_back_the_calls_for_others(
    sandbox: Sandbox, code: str
) -> None:
    system = gated(sandbox)
    stock = StockDesk(system, lambda: MAPPINGS)
    sandbox.faults.set(
        [Fault.parse(f"sap:business:operation=BAPI_MATERIAL_AVAILABILITY,times=6,code={code}")]
    )
    for _ in range(6):
        with pytest.raises(RetryLater):
            stock.available(plant="1000", material="XC-80513368", unit="PCE")
    assert stock.available(plant="1000", material="XC-80513368", unit="PCE") > 0


@pytest.mark.parametrize(
    "said",
    [
        "Logon not possible (system is being shut down)",
        "Upgrade still running: Logon not possible",
        "System locked by tp (locksys)",
        "Too many sessions opened for user",
        "Logon not possible (error in license check)",
    ],
)
def test_a_system_that_admits_nobody_for_a_while_is_tried_again_by_itself(
    sandbox: Sandbox, said: str
) -> None:
    system = gated(sandbox)
    sandbox.faults.set([Fault.parse(f"sap:http:status=401,text={said}")])
    with pytest.raises(RetryLater, match="admits nobody"):
        system.ping()
    sandbox.faults.set([])
    assert system.ping()


@pytest.mark.parametrize(
    "said",
    [
        "Name or password is incorrect (repeat logon)",
        "User is locked. Please notify the person responsible",
        "Password logon no longer possible - too many failed attempts",
        "Initial password has expired",
        "Client 100 is not available in this system",
        "User account not in validity date",
        "",
    ],
)
def test_a_user_or_password_that_is_refused_is_not_tried_again(said: str) -> None:
    assert isinstance(logon_failed(said, "SAP"), LogonFailed)
