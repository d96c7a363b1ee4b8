"""The sandbox DMS on the wire: contract, tokens, envelopes, faults."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.message import Message
from typing import Any

import pytest
import requests
import zeep
import zeep.exceptions
from lxml import etree
from zeep.wsse.username import UsernameToken

from connector.sandbox.books import Books, Clock, Document
from connector.sandbox.dms import DmsApplication
from connector.sandbox.dms_backoffice import ship
from connector.sandbox.dms_operations import OPERATIONS, Desk
from connector.sandbox.faults import Fault, Faults
from connector.sandbox.web import Request, Response, Server

NOON = datetime(2025, 6, 3, 4, 0, tzinfo=UTC)
HEADER: dict[str, Any] = {
    "externalNumber": "S1-30",
    "businessUnit": "MC",
    "customerNumber": "0000100001",
    "orderDate": "2026-11-24",
    "currency": "CNY",
    "shipTo": {
        "name": "张伟 <仓库>",
        "phone": "13900000000",
        "province": "江苏",
        "city": "徐州市",
        "street": "金山桥经济开发区驮蓝山路26号",
        "postcode": "221004",
    },
    "invoiceKind": "ORDINARY",
    "remark": "请周六前发货 & 😀",
    "freight": "18.00",
    "lines": [
        {
            "lineNumber": 1,
            "partNumber": "XC-13060951",
            "description": "吊钩滑轮 Hook sheave",
            "quantity": "40",
            "unit": "PC",
            "unitPrice": "1860.0000",
            "amount": "74400.00",
        }
    ],
    "total": "74418.00",
}
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-"
PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
TEXT_TOKEN = (
    f'<w:Security xmlns:w="{WSSE}secext-1.0.xsd" xmlns:u="{WSSE}utility-1.0.xsd">'
    "<w:UsernameToken><w:Username>connector</w:Username>"
    f'<w:Password Type="{PROFILE}#PasswordText">sandbox-secret</w:Password>'
    "</w:UsernameToken></w:Security>"
)
FIND = (
    '<FindSalesOrder xmlns="urn:dms:sales:v1"><externalNumber>1</externalNumber></FindSalesOrder>'
)
BILLION_LAUGHS = f'<!ENTITY a0 "{"a" * 100}">' + "".join(
    f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' for level in range(1, 9)
)
BILLION_LAUGHS += '<!ENTITY e "&a8;">'

# zeep's constructors are untyped.
client: Any = zeep.Client
username_token: Any = UsernameToken


@dataclass
class Dms:
    """A running sandbox DMS."""

    server: Server
    books: Books
    clock: Clock
    faults: Faults

    @property
    def address(self) -> str:
        return f"{self.server.url}/dms/service"

    def service(self, port: str = "SalesPort11", token: UsernameToken | None = None) -> Any:
        token = token or username_token("connector", "sandbox-secret")
        return client(f"{self.address}?wsdl", wsse=token).bind("SalesService", port)

    def post(self, body: str, header: str = TEXT_TOKEN, **headers: str) -> requests.Response:
        envelope = (
            f'<s:Envelope xmlns:s="{SOAP11}"><s:Header>{header}</s:Header>'
            f"<s:Body>{body}</s:Body></s:Envelope>"
        )
        return self.send(envelope, **headers)

    def send(self, envelope: str | bytes, **headers: str) -> requests.Response:
        data = envelope if isinstance(envelope, bytes) else envelope.encode()
        given = {"Content-Type": "text/xml; charset=utf-8"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(self.address, data=data, headers=given, timeout=60)


@pytest.fixture
def dms() -> Iterator[Dms]:
    books, clock, faults = Books(), Clock(), Faults()
    clock.set(NOON)
    application = DmsApplication(books, clock)
    server = Server(application, lambda request: Response(404, b""), faults)
    server.start()
    yield Dms(server, books, clock, faults)
    server.stop()


def fault_of(response: requests.Response) -> tuple[str, str]:
    root = etree.fromstring(response.content)
    return root.findtext(".//faultcode") or "", root.findtext(".//faultstring") or ""


def digest_token(created: datetime, nonce: bytes, password: str = "sandbox-secret") -> str:
    moment = created.isoformat()
    digest = hashlib.sha1(nonce + moment.encode() + password.encode()).digest()
    return (
        f'<w:Security xmlns:w="{WSSE}secext-1.0.xsd" xmlns:u="{WSSE}utility-1.0.xsd">'
        "<w:UsernameToken><w:Username>connector</w:Username>"
        f'<w:Password Type="{PROFILE}#PasswordDigest">{base64.b64encode(digest).decode()}'
        f"</w:Password><w:Nonce>{base64.b64encode(nonce).decode()}</w:Nonce>"
        f"<u:Created>{moment}</u:Created></w:UsernameToken></w:Security>"
    )


def test_wsdl_names_the_address_it_was_asked_at(dms: Dms) -> None:
    answer = requests.get(f"{dms.address}?WSDL", headers={"Host": "dms.test:8443"}, timeout=60)
    locations = etree.fromstring(answer.content).xpath("//*[local-name()='address']/@location")
    assert locations == ["http://dms.test:8443/dms/service"] * 2


def test_wsdl_is_not_given_to_a_strange_host(dms: Dms) -> None:
    answer = requests.get(f"{dms.address}?wsdl", headers={"Host": 'x"/><evil'}, timeout=60)
    assert answer.status_code == 400


def test_other_paths_and_methods_are_refused(dms: Dms) -> None:
    assert requests.get(f"{dms.server.url}/dms/other?wsdl", timeout=60).status_code == 404
    assert requests.get(dms.address, timeout=60).status_code == 405


@pytest.mark.parametrize("digest", [False, True], ids=["text", "digest"])
@pytest.mark.parametrize("port", ["SalesPort11", "SalesPort12"])
def test_order_is_created_and_found_as_created(dms: Dms, port: str, digest: bool) -> None:
    token = username_token("connector", "sandbox-secret", use_digest=digest)
    service = dms.service(port, token)
    created = service.CreateSalesOrder(header=HEADER)
    assert created.orderNumber == "SO10000001"
    assert created.status == "OPEN"
    assert created.createdAt == NOON
    [order] = service.FindSalesOrder(externalNumber="S1-30")
    assert order.orderNumber == created.orderNumber
    assert order.content.shipTo.name == HEADER["shipTo"]["name"]
    assert order.content.remark == HEADER["remark"]
    assert order.content.lines[0].unitPrice == Decimal("1860.0000")
    assert order.content.total == Decimal("74418.00")
    assert order.deliveryNotes == []


def test_answers_come_in_the_version_of_the_request(dms: Dms) -> None:
    assert dms.post(FIND).headers["Content-Type"].startswith("text/xml")
    envelope = (
        f'<s:Envelope xmlns:s="{SOAP12}"><s:Header>{TEXT_TOKEN}</s:Header>'
        f"<s:Body>{FIND}</s:Body></s:Envelope>"
    )
    answer = dms.send(envelope, Content_Type="application/soap+xml")
    assert answer.headers["Content-Type"].startswith("application/soap+xml")
    assert etree.fromstring(answer.content).tag == f"{{{SOAP12}}}Envelope"
    answer = dms.send(envelope.replace(">1<", "><"), Content_Type="application/soap+xml")
    assert answer.status_code == 400
    assert etree.fromstring(answer.content).findtext(f".//{{{SOAP12}}}Value") == "soap:Sender"


@pytest.mark.parametrize("digest", [False, True], ids=["text", "digest"])
@pytest.mark.parametrize("port", ["SalesPort11", "SalesPort12"])
@pytest.mark.parametrize(("user", "password"), [("connector", "x"), ("x", "sandbox-secret")])
def test_wrong_token_fails_authentication(
    dms: Dms, port: str, digest: bool, user: str, password: str
) -> None:
    service = dms.service(port, username_token(user, password, use_digest=digest))
    with pytest.raises(zeep.exceptions.Fault) as caught:
        service.CreateSalesOrder(header=HEADER)
    if port == "SalesPort11":
        assert caught.value.code == "wsse:FailedAuthentication"
    else:
        assert caught.value.code == "soap:Sender"
        assert [code.localname for code in caught.value.subcodes] == ["FailedAuthentication"]
    assert dms.books.all("dms.sales_order") == []


def test_missing_token_fails_authentication(dms: Dms) -> None:
    assert fault_of(dms.post(FIND, header=""))[0] == "wsse:FailedAuthentication"


def test_digest_is_good_once_and_for_five_minutes(dms: Dms) -> None:
    now = datetime.now(UTC)
    token = digest_token(now, b"one")
    assert dms.post(FIND, token).status_code == 200
    assert "used before" in fault_of(dms.post(FIND, token))[1]
    assert dms.post(FIND, digest_token(now, b"two")).status_code == 200
    old = digest_token(now - timedelta(minutes=6), b"three")
    assert "five minutes" in fault_of(dms.post(FIND, old))[1]


def test_token_made_in_the_sandbox_own_time_is_fresh(dms: Dms) -> None:
    assert dms.post(FIND, digest_token(NOON, b"one")).status_code == 200


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"externalNumber": "x" * 33}, "maxLength"),
        ({"currency": "ABC"}, "enumeration"),
        ({"invoiceKind": "special"}, "enumeration"),
        ({"freight": "18.001"}, "fractionDigits"),
        ({"remark": "长" * 201}, "maxLength"),
        ({"shipTo": HEADER["shipTo"] | {"name": "长" * 81}}, "maxLength"),
        ({"shipTo": HEADER["shipTo"] | {"postcode": "2210"}}, "pattern"),
        ({"lines": [HEADER["lines"][0] | {"quantity": "0"}]}, "minExclusive"),
        ({"customerNumber": ""}, "pattern"),
    ],
)
def test_request_that_breaks_the_schema_does_nothing(
    dms: Dms, change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(zeep.exceptions.Fault, match=complaint) as caught:
        dms.service().CreateSalesOrder(header=HEADER | change)
    assert caught.value.code == "soap:Client"
    assert caught.value.detail is None
    assert dms.books.all("dms.sales_order") == []


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ('<FindSalesOrder xmlns="urn:dms:sales:v1"/>', "Missing child"),
        (FIND.replace("externalNumber>", "number>"), "not expected"),
        (FIND.replace(' xmlns="urn:dms:sales:v1"', ""), "no operation"),
        (FIND.replace("FindSalesOrder", "DropSalesOrder"), "no operation"),
        (FIND + FIND, "exactly one"),
        (
            '<StatusChangedSince xmlns="urn:dms:sales:v1"><since>2026-11-24T12:00:00</since>'
            "</StatusChangedSince>",
            "pattern",
        ),
        (
            '<StatusChangedSince xmlns="urn:dms:sales:v1"><since>2026-11-24T12:00:00Z</since>'
            "<pageSize>101</pageSize></StatusChangedSince>",
            "maxInclusive",
        ),
    ],
)
def test_body_that_breaks_the_contract_is_refused(dms: Dms, body: str, complaint: str) -> None:
    answer = dms.post(body)
    assert answer.status_code == 500
    code, text = fault_of(answer)
    assert code == "soap:Client"
    assert complaint in text


def test_action_and_body_must_agree(dms: Dms) -> None:
    assert dms.post(FIND, SOAPAction='"urn:dms:sales:v1/FindSalesOrder"').status_code == 200
    answer = dms.post(FIND, SOAPAction='"urn:dms:sales:v1/CreateSalesOrder"')
    assert "the action is CreateSalesOrder, the body FindSalesOrder" in fault_of(answer)[1]


@pytest.mark.parametrize(
    ("subset", "complaint"),
    [
        ("", "document type"),
        ('<!ENTITY e SYSTEM "file:///etc/passwd">', "document type"),
        ('<!ENTITY e "1">', "document type"),
        (BILLION_LAUGHS, "amplification"),
    ],
)
def test_document_types_and_entities_are_refused(dms: Dms, subset: str, complaint: str) -> None:
    body = FIND.replace(">1<", ">&e;<") if subset else FIND
    answer = dms.send(
        f'<!DOCTYPE x [{subset}]><s:Envelope xmlns:s="{SOAP11}"><s:Header>{TEXT_TOKEN}'
        f"</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
    assert answer.status_code == 400
    assert complaint in fault_of(answer)[1]


def test_header_that_must_be_understood_is_refused(dms: Dms) -> None:
    block = f'<x:To xmlns:x="urn:x" xmlns:s="{SOAP11}" s:mustUnderstand="1">y</x:To>'
    assert fault_of(dms.post(FIND, TEXT_TOKEN + block))[0] == "soap:MustUnderstand"


@pytest.mark.parametrize(
    ("envelope", "content_type", "status", "code"),
    [
        (b"", "text/xml", 400, "soap:Client"),
        (b"<a", "text/xml", 400, "soap:Client"),
        (b"{}", "application/json", 400, "soap:Client"),
        (b"<a/>", "text/xml", 500, "soap:VersionMismatch"),
        (b" " * (1024 * 1024 + 1), "text/xml", 413, "soap:Client"),
        (f'<s:Envelope xmlns:s="{SOAP12}"/>'.encode(), "text/xml", 415, "soap:Client"),
        (f'<s:Envelope xmlns:s="{SOAP11}"/>'.encode(), "text/xml", 500, "soap:Client"),
    ],
)
def test_what_is_no_envelope_is_refused(
    dms: Dms, envelope: bytes, content_type: str, status: int, code: str
) -> None:
    answer = dms.send(envelope, Content_Type=content_type)
    assert (answer.status_code, fault_of(answer)[0]) == (status, code)


@pytest.mark.parametrize("port", ["SalesPort11", "SalesPort12"])
def test_business_fault_on_demand_is_the_declared_one(dms: Dms, port: str) -> None:
    service = dms.service(port)
    dms.faults.set([Fault("dms", "business", "CreateSalesOrder", code="LOCKED", text="busy \x01")])
    with pytest.raises(zeep.exceptions.Fault) as caught:
        service.CreateSalesOrder(header=HEADER)
    detail = caught.value.detail
    namespace = "{urn:dms:sales:v1}"
    assert detail.findtext(f"{namespace}BusinessFault/{namespace}code") == "LOCKED"
    assert detail.findtext(f"{namespace}BusinessFault/{namespace}message") == "busy ?"
    assert dms.books.all("dms.sales_order") == []


def test_lost_answer_leaves_the_order_in_the_books(dms: Dms) -> None:
    service = dms.service()
    dms.faults.set([Fault("dms", "lost-answer", writes=True)])
    with pytest.raises(requests.exceptions.ConnectionError):
        service.CreateSalesOrder(header=HEADER)
    assert len(service.FindSalesOrder(externalNumber="S1-30")) == 1


@pytest.mark.parametrize(
    ("stored", "complaint"),
    [({"currency": "ABC"}, "enumeration"), ({"lines": None}, "TypeError")],
)
def test_bug_of_the_sandbox_fails_loudly(
    dms: Dms, caplog: pytest.LogCaptureFixture, stored: dict[str, Any], complaint: str
) -> None:
    service = dms.service()
    number = service.CreateSalesOrder(header=HEADER).orderNumber
    lines = [{"lineNumber": 1, "quantity": 1}]
    note = {"orderNumber": number, "externalReference": "1", "plant": "1000", "lines": lines}
    service.CreateDeliveryNote(**note)
    ship(dms.books, dms.clock)
    order = dms.books.get("dms.sales_order", number)
    assert order is not None
    dms.books.put("dms.sales_order", number, order | {"content": order["content"] | stored})
    with pytest.raises(zeep.exceptions.Fault, match=f"bug in the sandbox.*{complaint}") as caught:
        service.FindSalesOrder(externalNumber="S1-30")
    assert caught.value.code == "soap:Server"
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_operation_is_named_by_action_or_body() -> None:
    application = DmsApplication(Books(), Clock())

    def asked(content_type: str, action: str | None, body: str, method: str = "POST") -> Any:
        headers = Message()
        headers["Content-Type"] = content_type
        if action is not None:
            headers["SOAPAction"] = action
        request = Request(method, "/dms/service", {}, headers, body.encode())
        return application.operation(request)

    envelope = f'<s:Envelope xmlns:s="{SOAP11}"><s:Body>{FIND}</s:Body></s:Envelope>'
    action = "urn:dms:sales:v1/CreateSalesOrder"
    assert asked("text/xml", f'"{action}"', "") == ("CreateSalesOrder", True)
    soap12 = f'application/soap+xml; charset=utf-8; action="{action}"'
    assert asked(soap12, None, "") == ("CreateSalesOrder", True)
    assert asked("text/xml", '""', envelope) == ("FindSalesOrder", False)
    assert asked("text/xml", None, "<broken") == ("POST /dms/service", False)
    assert asked("text/xml", None, "", "GET") == ("GET /dms/service", False)


def test_orders_created_at_once_get_numbers_of_their_own(dms: Dms) -> None:
    def create(worker: int) -> list[str]:
        service = dms.service()
        return [
            service.CreateSalesOrder(
                header=HEADER | {"externalNumber": f"{worker}-{index}"}
            ).orderNumber
            for index in range(10)
        ]

    with ThreadPoolExecutor(8) as pool:
        numbers = [number for made in pool.map(create, range(8)) for number in made]
    assert len(set(numbers)) == len(dms.books.all("dms.sales_order")) == 80


class SlowBooks(Books):
    """Books that let other threads in between a read and the write that follows from it."""

    def get(self, kind: str, key: str) -> Document | None:
        document = super().get(kind, key)
        time.sleep(0.0005)
        return document


def test_delivery_notes_asked_for_at_once_share_what_is_open() -> None:
    books = SlowBooks()
    application = DmsApplication(books, Clock())

    def ask(name: str, content: str) -> int:
        headers = Message()
        headers["Content-Type"] = "text/xml"
        envelope = (
            f'<s:Envelope xmlns:s="{SOAP11}"><s:Header>{TEXT_TOKEN}</s:Header><s:Body>'
            f'<{name} xmlns="urn:dms:sales:v1">{content}</{name}></s:Body></s:Envelope>'
        )
        request = Request("POST", "/dms/service", {}, headers, envelope.encode())
        return application.handle(request).status

    OPERATIONS["CreateSalesOrder"].do(Desk(books, Clock()), {"header": HEADER})
    note = (
        "<orderNumber>SO10000001</orderNumber><externalReference>1</externalReference>"
        "<plant>1000</plant><lines><lineNumber>1</lineNumber><quantity>10</quantity></lines>"
    )
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask("CreateDeliveryNote", note), range(8)))
    assert sorted(answers) == [200] * 4 + [500] * 4  # 40 pieces are open
    assert len(books.all("dms.delivery_note")) == 4
