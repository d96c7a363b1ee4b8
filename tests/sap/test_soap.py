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
    Rejected,
    RetryLater,
)
from connector.mapping import load
from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sap.conversion import decimal_of
from connector.sap.customers import CustomerDesk
from connector.sap.envelope import read_answer, request_xml
from connector.sap.messages import code_of
from connector.sap.readtable import Condition, where
from connector.sap.returns import check
from connector.sap.soap import SoapSap, SoapSettings

_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
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
        )
    )


def desk(sandbox: Sandbox, style: str = "rfc") -> CustomerDesk:
    return CustomerDesk(system(sandbox, style), lambda: MAPPINGS)


def customers(sandbox: Sandbox, code: str) -> int:
    return sum(row["STCD5"] == code for row in sandbox.books.all("sap.customer"))


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


@given(
    st.lists(
        st.tuples(st.sampled_from(["STCD5", "TELF1", "MCOD1"]), st.text(max_size=17)), max_size=8
    )
)
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


def test_mixed_case_names_are_read_by_the_interface() -> None:
    answer = (
        f'<e:Envelope xmlns:e="{_ENVELOPE}"><e:Body><n:XResponse xmlns:n="urn:x">'
        "<Address><Name2>a</Name2><Tel1Numbr>b</Tel1Numbr></Address>"
        "</n:XResponse></e:Body></e:Envelope>"
    ).encode()
    assert read_answer(200, answer, "X") == {"ADDRESS": {"NAME2": "a", "TEL1_NUMBR": "b"}}
    names = {"Name2": "NAME_2"}
    assert read_answer(200, answer, "X", names) == {"ADDRESS": {"NAME_2": "a", "TEL1_NUMBR": "b"}}
