"""What every transport to SAP keeps: SOAP-RFC in both styles, and RFC by pyrfc.

SOAP-RFC runs over real sockets to the sandbox. Without SAP's SDK pyrfc cannot open a connection:
there a double of its `Connection`, with its argument checks, types and exceptions, forwards to
the same sandbox.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest

from connector.departure import looking
from connector.domain.order import Address, Buyer, BuyerKind
from connector.errors import (
    ConnectorError,
    InDoubt,
    LogonFailed,
    MappingFailed,
    Misconfigured,
    Rejected,
    RetryLater,
)
from connector.mapping import load
from connector.sandbox.faults import Fault
from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sap.conversion import date_of, decimal_of
from connector.sap.customers import CustomerDesk
from connector.sap.port import SapSystem
from connector.sap.rfc import RfcSap, RfcSettings
from connector.sap.soap import SoapSap, SoapSettings
from connector.sap.stock import StockDesk
from tests.support import pyrfc_double
from tests.support.waiting import until

MAPPINGS = load(Path(__file__).parents[2] / "mappings")
UNIT = {
    "sales_org": "1000",
    "distribution_channel": "10",
    "division": "00",
    "reference_company": "0000000001",
    "reference_person": "0000000002",
}
CODE = "320300198501010053"

Connect = Callable[..., SapSystem]


def buyer(code: str = CODE, name: str = "王芳", **fields: str) -> Buyer:
    address = Address("CN", "湖北", "武汉市", fields.get("street", "样板路88号"), "430014")
    return Buyer(
        BuyerKind.PERSON, name, code, name, fields.get("phone", "13900000055"), "", address
    )


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture(params=["soap", "soap-mc", "rfc"])
def connect(
    request: pytest.FixtureRequest, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Connect:
    """Make a system of each transport; `password` and others may be given.

    It is patient: a stalling machine is no fault of SAP's.
    """
    if request.param == "rfc":
        import pyrfc

        monkeypatch.setattr(pyrfc, "Connection", pyrfc_double.Connection)
        # SAP's own distribution does not have it.
        monkeypatch.delattr(pyrfc, "RFCTypeError")

        def over_rfc(
            password: str = SAP_PASSWORD, sessions: int = 8, patience: float = 60
        ) -> SapSystem:
            return RfcSap(
                RfcSettings(
                    connection={"url": sandbox.sap_url},
                    client="100",
                    user=SAP_USER,
                    password=password,
                    connect_timeout=60,
                    call_timeout=patience,
                    sessions=sessions,
                )
            )

        return over_rfc

    def over_soap(
        password: str = SAP_PASSWORD, sessions: int = 8, patience: float = 60
    ) -> SapSystem:
        url, mc = sandbox.sap_url, request.param == "soap-mc"
        if mc:
            url = url.replace("/soap/rfc", "/srt/rfc/sap/connector/100/connector/connector")
        return SoapSap(
            SoapSettings(
                url=url,
                client="100",
                user=SAP_USER,
                password=password,
                namespace_style="mc" if mc else "rfc",
                read_timeout=patience,
                sessions=sessions,
            )
        )

    return over_soap


@pytest.fixture
def desk(connect: Connect) -> CustomerDesk:
    return CustomerDesk(connect(), lambda: MAPPINGS)


def customers(sandbox: Sandbox, code: str) -> int:
    return sum(row["STCD5"] == code for row in sandbox.books.all("sap.customer"))


def creation(code: str = CODE) -> tuple[str, dict[str, Any]]:
    function, request = MAPPINGS["sap_customer_create_person"].calls[0]
    source = {"buyer": asdict(buyer(code)), "business_unit": UNIT, "answers": []}
    return function, request(source).body


def test_a_customer_is_created_committed_and_read_back(desk: CustomerDesk) -> None:
    number = desk.create(buyer(), UNIT)
    found = desk.read_back(number)
    assert found is not None
    assert (found.name, found.code) == ("王芳", CODE)
    assert desk.find_by_code(CODE) == [found]


def test_candidates_are_found_by_code_phone_address_and_name(desk: CustomerDesk) -> None:
    company = Buyer(
        BuyerKind.COMPANY,
        "上海浦江吊装工程(集团)有限公司",
        "91320300MA11001ABD",
        "欧阳",
        "13900000001",
        "",
        Address("CN", "上海", "上海市", "另一条路1号", "200120"),
    )
    known = buyer("320300198201010174", phone="13900008888")
    by_phone = buyer("320300199401010149", "陈静", phone="13900000000")
    found = desk.find([company, known, by_phone])
    assert [[each.number for each in candidates] for candidates in found] == [
        ["0000100003"],
        ["0000100002"],
        ["0000100001"],
    ]


def test_a_session_that_is_not_committed_leaves_nothing(connect: Connect, sandbox: Sandbox) -> None:
    before = len(sandbox.books.all("sap.customer"))
    system = connect()
    with system.session() as session:
        assert session.call(*creation())["CUSTOMERNO"]
    # What the next session commits is its own work only, also on a connection that is used again.
    with system.session() as session:
        session.commit()
    assert len(sandbox.books.all("sap.customer")) == before


def test_what_is_rolled_back_is_gone(connect: Connect, sandbox: Sandbox) -> None:
    before = len(sandbox.books.all("sap.customer"))
    with connect().session() as session:
        session.call(*creation())
        session.rollback()
        session.commit()
    assert len(sandbox.books.all("sap.customer")) == before


# Fault, what the connector makes of it while creating, and how many customers are there then.
CREATE = [
    ("reset:operation=BAPI_CUSTOMER_CREATEFROMDATA1", RetryLater, 0),
    ("lost-answer:operation=BAPI_CUSTOMER_CREATEFROMDATA1", RetryLater, 0),
    ("reset:operation=Z_CUSTOMER_TAX_SET", RetryLater, 0),
    ("lost-answer:operation=Z_CUSTOMER_TAX_SET", RetryLater, 0),
    ("reset:operation=BAPI_TRANSACTION_COMMIT", InDoubt, 0),
    ("lost-answer:operation=BAPI_TRANSACTION_COMMIT", InDoubt, 1),
    ("cut:operation=BAPI_TRANSACTION_COMMIT", InDoubt, 1),
    ("garbage:operation=BAPI_TRANSACTION_COMMIT,text=<html>", InDoubt, 1),
    ("http:operation=BAPI_TRANSACTION_COMMIT,status=503", InDoubt, 0),
    ("http:operation=BAPI_TRANSACTION_COMMIT,status=500", InDoubt, 0),
    ("business:operation=BAPI_TRANSACTION_COMMIT", InDoubt, 0),
    ("business:operation=BAPI_CUSTOMER_CREATEFROMDATA1", Rejected, 0),
    ("business:operation=BAPI_CUSTOMER_CREATEFROMDATA1,code=F2/042", RetryLater, 0),
    ("business:operation=BAPI_CUSTOMER_CREATEFROMDATA1,code=raised F2/042", RetryLater, 0),
    ("business:operation=BAPI_CUSTOMER_CREATEFROMDATA1,code=raised F2/304", Rejected, 0),
    ("business:operation=Z_CUSTOMER_TAX_SET,code=F2/042+BAPI/001", RetryLater, 0),
    ("business:operation=BAPI_TRANSACTION_COMMIT,code=MC/601", InDoubt, 0),
    ("business:operation=Z_CUSTOMER_TAX_SET", Rejected, 0),
    ("http:operation=BAPI_CUSTOMER_CREATEFROMDATA1,status=503", RetryLater, 0),
    ("lost-answer:operation=RFC_READ_TABLE", InDoubt, 1),
    ("business:operation=RFC_READ_TABLE,code=NOT_AUTHORIZED", InDoubt, 1),
    ("business:operation=RFC_READ_TABLE,code=OPTION_NOT_VALID", InDoubt, 1),
]


@pytest.mark.parametrize(("fault", "error", "there"), CREATE, ids=[row[0] for row in CREATE])
def test_what_a_creation_that_goes_wrong_is(
    sandbox: Sandbox, desk: CustomerDesk, fault: str, error: type[ConnectorError], there: int
) -> None:
    sandbox.faults.set([Fault.parse(f"sap:{fault}")])
    with pytest.raises(error) as raised:
        desk.create(buyer(), UNIT)
    assert type(raised.value) is error
    sandbox.faults.set([])
    assert customers(sandbox, CODE) == there
    # Whatever broke, the next one who calls finds a good connection.
    assert desk.create(buyer("320300198501010061"), UNIT)


def test_a_creation_that_is_kept_back_before_its_commit_makes_nobody(
    sandbox: Sandbox, desk: CustomerDesk
) -> None:
    def kept_back() -> None:
        raise RetryLater("another process is making this call")

    with looking(kept_back), pytest.raises(RetryLater, match="another process") as raised:
        desk.create(buyer(), UNIT)
    assert raised.value.no_effect
    assert customers(sandbox, CODE) == 0


def test_a_service_that_keeps_no_session_is_recognised_before_anything_is_written(
    sandbox: Sandbox,
) -> None:
    called = Fault.parse("sap:latency:operation=BAPI_CUSTOMER_*")
    sandbox.faults.set([called, Fault.parse("sap:no-session")])
    soap = SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD))
    with pytest.raises(Misconfigured, match=r"keeps no session.*SOAMANAGER") as raised:
        CustomerDesk(soap, lambda: MAPPINGS).create(buyer(), UNIT)
    assert raised.value.no_effect
    assert (called.seen, customers(sandbox, CODE)) == (0, 0)


@pytest.mark.parametrize("style", ["rfc", "mc"])
def test_both_kinds_of_services_keep_a_session_and_let_it_go(
    sandbox: Sandbox, style: Literal["rfc", "mc"]
) -> None:
    url = sandbox.sap_url
    if style == "mc":
        url = url.replace(
            "/sap/bc/soap/rfc", "/sap/bc/srt/rfc/sap/connector/100/connector/connector"
        )
    soap = SoapSap(SoapSettings(url, "100", SAP_USER, SAP_PASSWORD, namespace_style=style))
    # SAP bears twenty sessions: those that were not closed would be in the way of others.
    for _ in range(25):
        with soap.session() as session:
            session.call("BAPI_CUSTOMER_GETLIST", {})
    assert CustomerDesk(soap, lambda: MAPPINGS).create(buyer(), UNIT)
    assert customers(sandbox, CODE) == 1


@pytest.mark.parametrize(
    ("operation", "error"),
    [("Z_CUSTOMER_TAX_SET", RetryLater), ("BAPI_TRANSACTION_COMMIT", InDoubt)],
)
def test_an_answer_of_another_session_is_none(
    sandbox: Sandbox, operation: str, error: type[ConnectorError]
) -> None:
    sandbox.faults.set([Fault.parse(f"sap:other-session:operation={operation}")])
    soap = SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD))
    with pytest.raises(error, match="another session"):
        CustomerDesk(soap, lambda: MAPPINGS).create(buyer(), UNIT)
    assert customers(sandbox, CODE) == 0


def test_a_logon_refused_once_in_the_midst_stops_nothing(sandbox: Sandbox) -> None:
    soap = SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD))
    soap.ping()
    once = "http:operation={},status=401,times=1,text=Unauthorized"
    for operation, error in (
        ("BAPI_TRANSACTION_COMMIT", InDoubt),
        ("BAPI_CUSTOMER_CREATEFROMDATA1", RetryLater),
        ("RFC_READ_TABLE", RetryLater),
    ):
        sandbox.faults.set([Fault.parse(f"sap:{once.format(operation)}")])
        desk = CustomerDesk(soap, lambda: MAPPINGS)
        with pytest.raises(error, match="refused once") as raised:
            desk.find_by_code(CODE) if "TABLE" in operation else desk.create(buyer(), UNIT)
        assert type(raised.value) is error
    assert soap.ping()
    # Credentials that are wrong from now on are tried once more, and by nobody else then.
    sandbox.faults.set([refused := Fault.parse("sap:http:status=401,text=Unauthorized")])
    for _ in range(5):
        with pytest.raises(LogonFailed):
            soap.ping()
    assert refused.struck == 2


@pytest.mark.parametrize(
    "faults",
    [
        ["http:operation=BAPI_TRANSACTION_COMMIT,status=401"],
        ["http:operation=BAPI_TRANSACTION_COMMIT,status=403"],
        ["http:operation=BAPI_TRANSACTION_COMMIT,status=404"],
        ["http:operation=BAPI_TRANSACTION_COMMIT,status=302"],
        ["business:operation=BAPI_TRANSACTION_COMMIT,code=RFC_NO_AUTHORITY"],
        # The link breaks, and the logon with which it is opened anew within the call is refused.
        [
            "lost-answer:operation=BAPI_TRANSACTION_COMMIT",
            "http:operation=RFC_PING,status=401,text=Logon not possible",
        ],
        ["http:operation=RFC_READ_TABLE,status=401"],
        ["http:operation=RFC_READ_TABLE,status=404"],
    ],
    ids=lambda each: " then ".join(each),
)
def test_whatever_is_said_once_a_commit_is_on_its_way_is_a_doubt(
    connect: Connect, sandbox: Sandbox, faults: list[str]
) -> None:
    system = connect()
    system.ping()
    sandbox.faults.set([Fault.parse(f"sap:{each}") for each in faults])
    with pytest.raises(InDoubt):
        CustomerDesk(system, lambda: MAPPINGS).create(buyer(), UNIT)


def test_a_commit_without_an_answer_is_a_doubt(connect: Connect, sandbox: Sandbox) -> None:
    desk = CustomerDesk(connect(patience=1), lambda: MAPPINGS)
    silence = Fault.parse("sap:silence:operation=BAPI_TRANSACTION_COMMIT,seconds=60")
    sandbox.faults.set([silence])
    until(lambda: type(_failure(desk, CODE)) is InDoubt and silence.struck)
    sandbox.faults.set([])
    until(lambda: customers(sandbox, CODE))  # whoever gives up may be sooner than the work is done
    assert customers(sandbox, CODE) == silence.struck == 1
    # Whatever broke, the next one who calls finds a good connection.
    until(lambda: _failure(desk, "320300198501010061") is None)


def _failure(desk: CustomerDesk, code: str) -> ConnectorError | None:
    """Try to create a customer; on a machine that stalls more than the answer may come too late."""
    try:
        desk.create(buyer(code), UNIT)
    except (InDoubt, RetryLater) as error:
        return error
    return None


def test_a_refused_logon_is_not_tried_a_second_time(connect: Connect) -> None:
    system = connect(password="wrong")
    for _ in range(7):
        with pytest.raises(LogonFailed):
            system.call("RFC_PING", {})
    # Five tries would have locked the user.
    assert connect().ping().startswith("SAP answers")


def test_a_locked_user_is_said_with_the_remedy(connect: Connect) -> None:
    for _ in range(5):
        with pytest.raises(LogonFailed):
            connect(password="wrong").call("RFC_PING", {})
    with pytest.raises(LogonFailed, match="SU01"):
        connect().call("RFC_PING", {})


@pytest.mark.parametrize(
    ("function", "parameters", "error", "words"),
    [
        ("Z_NOT_THERE", {}, Misconfigured, "FU_NOT_FOUND"),
        ("RFC_READ_TABLE", {"QUERY_TABLE": "T001"}, Misconfigured, "TABLE_NOT_AVAILABLE"),
        (
            "RFC_READ_TABLE",
            {"QUERY_TABLE": "KNA1", "FIELDS": [{"FIELDNAME": "NOPE"}]},
            Misconfigured,
            "FIELD_NOT_VALID",
        ),
        (
            "RFC_READ_TABLE",
            {"QUERY_TABLE": "KNA1", "OPTIONS": [{"TEXT": "KUNNR='1'"}]},
            Rejected,
            "OPTION_NOT_VALID",
        ),
    ],
)
def test_abap_exceptions_by_key(
    connect: Connect,
    function: str,
    parameters: dict[str, object],
    error: type[ConnectorError],
    words: str,
) -> None:
    system = connect()
    with pytest.raises(error, match=words):
        system.call(function, parameters)
    assert system.ping()


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda body: body.update(NO_SUCH="x"), "NO_SUCH"),
        (lambda body: body["PI_PERSONALDATA"].update(NAME9="x"), "NAME9"),
        (lambda body: body["PI_PERSONALDATA"].update(CITY="市" * 41), "CITY"),
        (lambda body: body.update(PI_COPYREFERENCE="x"), "PI_COPYREFERENCE"),
    ],
    ids=["unknown parameter", "unknown field", "too long", "no structure"],
)
def test_what_does_not_fit_the_interface_is_not_sent(
    connect: Connect, sandbox: Sandbox, edit: Callable[[dict[str, Any]], None], words: str
) -> None:
    function, body = creation()
    edit(body)
    with connect().session() as session, pytest.raises(MappingFailed, match=words) as raised:
        session.call(function, body)
    assert "市市" not in str(raised.value)


def test_interfaces_are_described_alike(connect: Connect) -> None:
    interface = connect().describe("BAPI_MATERIAL_AVAILABILITY")
    assert interface["MATERIAL"].type is not None
    assert (interface["MATERIAL"].type.kind, interface["MATERIAL"].type.length) == ("C", 18)
    assert not interface["PLANT"].optional
    assert interface["STGE_LOC"].optional
    assert interface["WMDVSX"].direction == "tables"
    assert interface["RETURN"].direction == "exporting"
    assert interface["RETURN"].fields["MESSAGE"].length == 220
    with pytest.raises(Misconfigured, match="FU_NOT_FOUND"):
        connect().describe("Z_NOT_THERE")


def test_stock_is_a_decimal_in_the_mapped_unit(connect: Connect) -> None:
    stock = StockDesk(connect(), lambda: MAPPINGS)
    assert stock.available(plant="1000", material="XC-80513368", unit="PCE") == Decimal(35)
    with pytest.raises(Rejected, match="XC-NONE"):
        stock.available(plant="1000", material="XC-NONE", unit="PCE")


def test_no_more_sessions_than_allowed_and_none_shared(connect: Connect, sandbox: Sandbox) -> None:
    system, lock, state = connect(sessions=3), threading.Lock(), {"now": 0, "most": 0}

    def create(number: int) -> str:
        with system.session() as session:
            with lock:
                state["now"] += 1
                state["most"] = max(state["most"], state["now"])
            answer = session.call(*creation(f"CODE{number}"))
            session.commit()
            with lock:
                state["now"] -= 1
            return str(answer["CUSTOMERNO"])

    with ThreadPoolExecutor(12) as pool:
        numbers = list(pool.map(create, range(24)))
    assert len(set(numbers)) == 24
    assert 1 < state["most"] <= 3


def test_what_sap_would_cut_is_foreseen_before_anything_is_sent(
    connect: Connect, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The mapping knows no lengths here: SAP's own interfaces do."""
    name = "sap_customer_create_person.yaml"
    text = (Path(__file__).parents[2] / "mappings" / name).read_text(encoding="utf-8")
    (tmp_path / name).write_text(re.sub(r", max_length: \d+", "", text), encoding="utf-8")
    desk = CustomerDesk(connect(), lambda: load(tmp_path))
    before = len(sandbox.books.all("sap.customer"))
    assert desk.foresee(buyer(), UNIT, "key") == []
    long = buyer("3" * 61, "王" * 41, street="样板路" * 20 + "1")
    found = desk.foresee(long, UNIT, "key")
    assert [(each.target, each.source, str(each.why)) for each in found] == [
        ("PI_PERSONALDATA.LASTNAME", "buyer.name", "41 characters, 40 allowed"),
        ("PI_PERSONALDATA.STREET", "buyer.address.street", "61 characters, 60 allowed"),
        ("STCD5", "buyer.code", "61 characters, 60 allowed"),
    ]
    assert len(sandbox.books.all("sap.customer")) == before


@pytest.mark.parametrize("name", ["O'Neil", "a]]>b", "<x>&amp;", "🏗️", "x\x00y", "100%_sure", "﷽"])
def test_awkward_names_go_there_and_back(desk: CustomerDesk, name: str) -> None:
    number = desk.create(buyer(name=name), UNIT)
    found = desk.read_back(number)
    assert found is not None
    assert found.name == name.replace("\x00", " ")
    assert [each.number for each in desk.find([buyer(name=name)])[0]] == [number]


@pytest.mark.parametrize(
    ("value", "shown"),
    [("2026-11-24", "2026-11-24"), ("20261124", "2026-11-24"), ("00000000", None), ("", None)],
)
def test_dates_of_either_transport(value: str, shown: str | None) -> None:
    day = date_of(value, "x")
    assert (day.isoformat() if day else None) == shown


def test_amounts_of_either_transport() -> None:
    assert decimal_of("1234.50", "x") == decimal_of(Decimal("1234.50"), "x")
