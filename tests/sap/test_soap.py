"""SAP over SOAP-RFC, on real sockets against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.order import Address, Buyer, BuyerKind
from connector.errors import (
    ConnectorError,
    InDoubt,
    LogonFailed,
    Misconfigured,
    Rejected,
    RetryLater,
)
from connector.mapping import load
from connector.sandbox.faults import Fault
from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sap.customers import CustomerDesk
from connector.sap.readtable import Condition, where
from connector.sap.returns import check, code_of
from connector.sap.soap import SoapSap, SoapSettings, decimal_of, request_xml
from connector.sap.stock import StockDesk

MAPPINGS = load(Path(__file__).parents[2] / "mappings")
UNIT = {
    "sales_org": "1000",
    "distribution_channel": "10",
    "division": "00",
    "reference_company": "0000000001",
    "reference_person": "0000000002",
}


def buyer(code: str = "320300198501010053", name: str = "王芳", **fields: str) -> Buyer:
    address = Address("CN", "湖北", "武汉市", fields.get("street", "样板路88号"), "430014")
    return Buyer(
        BuyerKind.PERSON, name, code, name, fields.get("phone", "13900000055"), "", address
    )


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def system(sandbox: Sandbox, style: str = "rfc", password: str = SAP_PASSWORD) -> SoapSap:
    url = sandbox.sap_url
    if style == "mc":
        url = url.replace("/soap/rfc", "/srt/rfc/sap/connector/100/connector/connector")
    return SoapSap(
        SoapSettings(
            url=url,
            client="100",
            user=SAP_USER,
            password=password,
            namespace_style="mc" if style == "mc" else "rfc",
            read_timeout=2,
            call_deadline=4,
        )
    )


def desk(sandbox: Sandbox, style: str = "rfc") -> CustomerDesk:
    return CustomerDesk(system(sandbox, style), lambda: MAPPINGS)


def customers(sandbox: Sandbox, code: str) -> int:
    return sum(row["STCD5"] == code for row in sandbox.books.all("sap.customer"))


@pytest.mark.parametrize("style", ["rfc", "mc"])
def test_a_customer_is_created_committed_and_read_back(sandbox: Sandbox, style: str) -> None:
    customer_desk = desk(sandbox, style)
    number = customer_desk.create(buyer(), UNIT)
    found = customer_desk.read_back(number)
    assert found is not None
    assert (found.name, found.code) == ("王芳", "320300198501010053")
    assert customer_desk.find_by_code("320300198501010053") == [found]


@pytest.mark.parametrize("style", ["rfc", "mc"])
def test_candidates_are_found_by_code_phone_address_and_name(sandbox: Sandbox, style: str) -> None:
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
    found = desk(sandbox, style).find([company, known, by_phone])
    assert [[each.number for each in candidates] for candidates in found] == [
        ["0000100003"],
        ["0000100002"],
        ["0000100001"],
    ]


def test_a_session_that_is_not_committed_leaves_nothing(sandbox: Sandbox) -> None:
    before = len(sandbox.books.all("sap.customer"))
    with system(sandbox).session() as session:
        mapping = MAPPINGS["sap_customer_create_person"]
        from dataclasses import asdict

        source = {"buyer": asdict(buyer()), "business_unit": UNIT, "answers": []}
        answer = session.call(mapping.calls[0][0], mapping.calls[0][1](source).body)
        assert answer["CUSTOMERNO"]
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
    ("silence:operation=BAPI_TRANSACTION_COMMIT,seconds=3", InDoubt, 1),
    ("http:operation=BAPI_TRANSACTION_COMMIT,status=503", InDoubt, 0),
    ("http:operation=BAPI_TRANSACTION_COMMIT,status=500", InDoubt, 0),
    ("business:operation=BAPI_TRANSACTION_COMMIT", Rejected, 0),
    ("business:operation=BAPI_CUSTOMER_CREATEFROMDATA1", Rejected, 0),
    ("business:operation=Z_CUSTOMER_TAX_SET", Rejected, 0),
    ("http:operation=BAPI_CUSTOMER_CREATEFROMDATA1,status=503", RetryLater, 0),
    ("lost-answer:operation=RFC_READ_TABLE", InDoubt, 1),
]


@pytest.mark.parametrize(("fault", "error", "there"), CREATE, ids=[row[0] for row in CREATE])
def test_what_a_creation_that_goes_wrong_is(
    sandbox: Sandbox, fault: str, error: type[ConnectorError], there: int
) -> None:
    sandbox.faults.set([Fault.parse(f"sap:{fault}")])
    customer_desk = desk(sandbox)
    with pytest.raises(error) as raised:
        customer_desk.create(buyer(), UNIT)
    assert type(raised.value) is error
    sandbox.faults.set([])
    assert customers(sandbox, "320300198501010053") == there


def test_a_refused_logon_is_not_tried_a_second_time(sandbox: Sandbox) -> None:
    sap = system(sandbox, password="wrong")
    for _ in range(7):
        with pytest.raises(LogonFailed):
            sap.call("RFC_PING", {})
    # Five tries would have locked the user.
    assert system(sandbox).ping().startswith("SAP answers")


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
        ("RFC_READ_TABLE", {"QUERY_TABLE": "KNA1"}, None, ""),
    ],
)
def test_abap_exceptions_by_key(
    sandbox: Sandbox,
    function: str,
    parameters: dict[str, object],
    error: type[ConnectorError] | None,
    words: str,
) -> None:
    if error is None:
        answer = system(sandbox).call(function, {**parameters, "ROWCOUNT": 2})
        assert len(answer["DATA"]) == 2
        return
    with pytest.raises(error, match=words):
        system(sandbox).call(function, parameters)


def test_stock_is_a_decimal_in_the_mapped_unit(sandbox: Sandbox) -> None:
    stock = StockDesk(system(sandbox), lambda: MAPPINGS)
    assert stock.available(plant="1000", material="XC-80513368", unit="PCE") == Decimal(35)
    with pytest.raises(Rejected, match="XC-NONE"):
        stock.available(plant="1000", material="XC-NONE", unit="PCE")


def test_an_unreachable_system_is_retried_later() -> None:
    sap = SoapSap(SoapSettings(url="http://127.0.0.1:9/x", client="1", user="u", password="p"))
    with pytest.raises(RetryLater, match="cannot be reached"):
        sap.call("RFC_PING", {})


@pytest.mark.parametrize(
    ("returned", "raises"),
    [
        ({"TYPE": "", "CODE": ""}, None),
        ({"TYPE": "S", "CODE": "F2174"}, None),
        ({"TYPE": "W", "ID": "F2", "NUMBER": "1"}, None),
        ({"TYPE": "I", "ID": "F2", "NUMBER": "1"}, None),
        ({"TYPE": "E", "CODE": "M3305", "MESSAGE": "m"}, Rejected),
        ({"TYPE": "A", "ID": "F2", "NUMBER": "1", "MESSAGE": "m"}, Rejected),
        ([], None),
        ([{"TYPE": "S"}, {"TYPE": "E", "ID": "F2", "NUMBER": "217", "MESSAGE": "m"}], Rejected),
        ([{"TYPE": "W"}, {"TYPE": "I"}], None),
        ({"TYPE": "X", "ID": "F2", "NUMBER": "1"}, Rejected),
        ({"TYPE": "E", "ID": "F2", "NUMBER": "42", "MESSAGE": "locked"}, RetryLater),
    ],
)
def test_return_in_all_its_shapes(returned: object, raises: type[Exception] | None) -> None:
    if raises is None:
        check({"RETURN": returned}, "BAPI")
        return
    with pytest.raises(raises):
        check({"RETURN": returned}, "BAPI")


def test_codes_of_both_forms_read_alike() -> None:
    assert code_of({"CODE": "M3305"}) == "M3/305"
    assert code_of({"ID": "M3", "NUMBER": "305"}) == "M3/305"


@pytest.mark.parametrize(("text", "number"), [("35.000", "35"), ("12.5-", "-12.5"), ("0", "0")])
def test_quantities_as_sap_writes_them(text: str, number: str) -> None:
    assert decimal_of(text, "x") == Decimal(number)


def test_a_quantity_that_is_none_is_never_taken_for_one() -> None:
    with pytest.raises(RetryLater):
        decimal_of("many", "x")


@given(st.lists(st.tuples(st.sampled_from(["STCD5", "TELF1", "MCOD1"]), st.text()), max_size=8))
def test_no_text_breaks_a_where_clause(conditions: list[tuple[str, str]]) -> None:
    lines = where([Condition(*each) for each in conditions])
    assert all(len(line) <= 71 for line in lines)
    assert all(line.count("'") % 2 == 0 for line in lines)
    assert not lines or not lines[0].startswith("OR ")


@given(st.text())
def test_no_text_breaks_the_envelope(text: str) -> None:
    from lxml import etree

    document = etree.fromstring(request_xml("RFC_PING", {"A": text}, "rfc"))
    assert document is not None


@pytest.mark.parametrize("name", ["O'Neil", "a]]>b", "<x>&amp;", "🏗️", "x\x00y", "100%_sure", "﷽"])
def test_awkward_names_go_there_and_back(sandbox: Sandbox, name: str) -> None:
    customer_desk = desk(sandbox)
    number = customer_desk.create(buyer(name=name), UNIT)
    found = customer_desk.read_back(number)
    assert found is not None
    assert found.name == name.replace("\x00", " ")
    assert [each.number for each in customer_desk.find([buyer(name=name)])[0]] == [number]
