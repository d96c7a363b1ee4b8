"""Requests written by a plan are what zeep writes, and what no plan can place is zeep's."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zeep
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from connector.dms.client import DmsSettings, SoapDms
from connector.dms.writer import Plan

pytestmark = pytest.mark.unit

SANDBOX = str(Path("connector/sandbox/dms.wsdl").resolve())

# One operation for each thing that a type can hold beside plain elements.
KINDS = {
    "Plain": '<xs:sequence><xs:element name="a" type="xs:string"/>'
    '<xs:element name="b" type="xs:int" minOccurs="0" maxOccurs="2"/></xs:sequence>',
    "Unqualified": '<xs:sequence><xs:element name="a" type="xs:string" form="unqualified"/>'
    "</xs:sequence>",
    "Chosen": '<xs:choice><xs:element name="a" type="xs:string"/>'
    '<xs:element name="b" type="xs:int"/></xs:choice>',
    "Nested": '<xs:sequence><xs:sequence><xs:element name="a" type="xs:string"/></xs:sequence>'
    '<xs:element name="b" type="xs:int" minOccurs="0"/></xs:sequence>',
    "Attributed": '<xs:sequence><xs:element name="a" type="xs:string"/></xs:sequence>'
    '<xs:attribute name="b" type="xs:int"/>',
    "Nillable": '<xs:sequence><xs:element name="a" type="xs:string" nillable="true"/>'
    '<xs:element name="b" type="xs:int" minOccurs="0" nillable="true"/></xs:sequence>',
    "Defaulted": '<xs:sequence><xs:element name="a" type="xs:string" default="x"/>'
    '<xs:element name="b" type="xs:int" default="7"/></xs:sequence>',
    "Listed": '<xs:sequence><xs:element name="a"><xs:simpleType><xs:list itemType="xs:string"/>'
    '</xs:simpleType></xs:element><xs:element name="b" type="xs:int" minOccurs="0"/>'
    "</xs:sequence>",
    "Anything": '<xs:sequence><xs:element name="a" type="xs:anyType"/>'
    '<xs:any minOccurs="0" processContents="lax"/></xs:sequence>',
    "Optional": '<xs:sequence minOccurs="0"><xs:element name="a" type="xs:string"/></xs:sequence>',
}
REQUESTS: list[dict[str, Any]] = [
    {"a": "x"},
    {"a": "x", "b": 1},
    {"a": "<&>\r\n", "b": [1, 2]},
    {"a": ["x", "y"], "b": [1, 2, 3]},
    {"a": None, "b": None},
    {"a": {"c": 1}},
    {"a": Decimal("1E+2"), "b": True},
    {"a": date(2026, 11, 24)},
    {"a": "x\x00"},
    {"b": 1},
    {"a": "x", "c": 1},
    {},
]


def described(folder: Path) -> str:
    elements = "".join(
        f'<xs:element name="{name}"><xs:complexType>{content}</xs:complexType></xs:element>'
        for name, content in KINDS.items()
    )
    messages = "".join(
        f'<message name="{name}"><part name="p" element="t:{name}"/></message>' for name in KINDS
    )
    ports = "".join(
        f'<operation name="{name}"><input message="t:{name}"/></operation>' for name in KINDS
    )
    bound = "".join(
        f'<operation name="{name}"><s:operation soapAction="do"/><input><s:body use="literal"/>'
        "</input></operation>"
        for name in KINDS
    )
    path = folder / "kinds.wsdl"
    path.write_text(
        '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:kinds"'
        ' xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" targetNamespace="urn:kinds"'
        ' xmlns:xs="http://www.w3.org/2001/XMLSchema"><types>'
        f'<xs:schema targetNamespace="urn:kinds" elementFormDefault="qualified">{elements}'
        f'</xs:schema></types>{messages}<portType name="T">{ports}</portType>'
        '<binding name="B" type="t:T"><s:binding style="document"'
        f' transport="http://schemas.xmlsoap.org/soap/http"/>{bound}</binding>'
        '<service name="S"><port name="P" binding="t:B"><s:address location="http://dms/"/>'
        "</port></service></definitions>",
        encoding="utf-8",
    )
    return str(path)


def written(dms: SoapDms, operation: str, request: dict[str, Any]) -> str:
    """What is written, or how it is refused."""
    try:
        envelope = dms.envelope(operation, request)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return str(etree.canonicalize(etree.fromstring(envelope), rewrite_prefixes=True))


@pytest.mark.parametrize("kind", KINDS)
def test_later_requests_are_written_as_the_first_one_is(tmp_path: Path, kind: str) -> None:
    wsdl = described(tmp_path)
    for first in ({"a": "first"}, {"a": "first", "b": 1}):
        used = SoapDms(DmsSettings(wsdl=wsdl))
        written(used, kind, first)
        for request in REQUESTS:
            fresh = SoapDms(DmsSettings(wsdl=wsdl))
            assert written(used, kind, request) == written(fresh, kind, request), request


texts = st.text(st.characters(codec="utf-8"), max_size=12)
amounts = st.decimals(0, 10**6, places=2)
lines = st.fixed_dictionaries(
    {
        "lineNumber": st.integers(1, 99),
        "partNumber": texts,
        "quantity": amounts,
        "unit": texts,
        "unitPrice": amounts,
        "amount": amounts,
    },
    optional={"description": texts, "discount": amounts, "surprise": texts},
)
orders = st.fixed_dictionaries(
    {
        "externalNumber": texts,
        "businessUnit": texts,
        "customerNumber": texts,
        "orderDate": st.dates(),
        "currency": texts,
        "shipTo": st.fixed_dictionaries(
            {"name": texts, "phone": texts, "province": texts, "city": texts, "street": texts},
            optional={"postcode": texts},
        ),
        "invoiceKind": texts,
        "freight": amounts,
        "lines": st.lists(lines, max_size=3),
        "total": amounts,
    },
    optional={"remark": texts},
)
LINE = {
    "lineNumber": 1,
    "partNumber": "XC-1",
    "quantity": Decimal(1),
    "unit": "PCE",
    "unitPrice": Decimal(2),
    "amount": Decimal(2),
}
USED = SoapDms(DmsSettings(wsdl=SANDBOX))
PLAIN = {
    "externalNumber": "30",
    "businessUnit": "GQ",
    "customerNumber": "1",
    "orderDate": date(2026, 11, 24),
    "currency": "CNY",
    "shipTo": {"name": "a", "phone": "1", "province": "b", "city": "c", "street": "d"},
    "invoiceKind": "SPECIAL",
    "freight": Decimal(0),
    "lines": [LINE],
    "total": Decimal(0),
}


@given(header=orders)
@settings(max_examples=40, deadline=None)
def test_wild_orders_are_written_as_zeep_writes_them(header: dict[str, Any]) -> None:
    fresh = SoapDms(DmsSettings(wsdl=SANDBOX))
    written(USED, "CreateSalesOrder", {"header": PLAIN})
    assert written(USED, "CreateSalesOrder", {"header": header}) == written(
        fresh, "CreateSalesOrder", {"header": header}
    )


def plan(wsdl: str, operation: str, request: dict[str, Any]) -> Plan | None:
    untyped: Any = zeep
    client = untyped.Client(wsdl)
    binding = client.service._binding
    envelope, headers = binding._create(operation, (), request, client=client)
    return Plan.proven(binding.get(operation), headers, request, envelope)


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_is_made_of_what_is_plain(tmp_path: Path, kind: str) -> None:
    made = plan(described(tmp_path), kind, {"a": "x"})
    assert (made is not None) == (kind in ("Plain", "Unqualified", "Nillable"))


def test_a_sales_order_is_written_by_plan() -> None:
    made = plan(SANDBOX, "CreateSalesOrder", {"header": PLAIN})
    assert made is not None
    assert made.envelope({"header": PLAIN}) is not None
    assert made.envelope({"header": {**PLAIN, "total": None}}) is None
