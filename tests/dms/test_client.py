"""The DMS client on real sockets: what every fault on the wire is taken for."""

from __future__ import annotations

import copy
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.bounded import AnswerLimits
from connector.dms.client import DmsSettings, SoapDms
from connector.errors import (
    ConnectorError,
    InDoubt,
    LogonFailed,
    MappingFailed,
    Misconfigured,
    Rejected,
    RetryLater,
)
from connector.sandbox.faults import Fault
from connector.sandbox.service import DMS_PASSWORD, DMS_USER, Sandbox
from tests.support.peers import WSDL
from tests.support.waiting import until

ORDER: dict[str, Any] = {
    "header": {
        "externalNumber": "30",
        "businessUnit": "GQ",
        "customerNumber": "0000100001",
        "orderDate": date(2026, 11, 24),
        "currency": "CNY",
        "shipTo": {
            "name": "张伟",
            "phone": "13900000000",
            "province": "江苏",
            "city": "徐州市",
            "street": "驮蓝山路26号",
        },
        "invoiceKind": "SPECIAL",
        "freight": Decimal("1.00"),
        "lines": [
            {
                "lineNumber": 1,
                "partNumber": "XC-1",
                "quantity": Decimal(1),
                "unit": "PCE",
                "unitPrice": Decimal(2),
                "amount": Decimal(2),
            }
        ],
        "total": Decimal("3.00"),
    }
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def client(sandbox: Sandbox, **settings: Any) -> SoapDms:
    return SoapDms(
        DmsSettings(
            **{
                "wsdl": sandbox.dms_wsdl_url,
                "user": DMS_USER,
                "password": DMS_PASSWORD,
                **settings,
            }
        )
    )


def orders(sandbox: Sandbox) -> int:
    return len(sandbox.books.all("dms.sales_order"))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"authentication": "username_digest"},
        {"port": "SalesPort12"},
    ],
)
def test_an_order_is_created_and_found(sandbox: Sandbox, settings: dict[str, Any]) -> None:
    dms = client(sandbox, **settings)
    made = dms.call("CreateSalesOrder", ORDER, write=True)
    found = dms.call("FindSalesOrder", {"externalNumber": "30"}, write=False)
    assert [order["orderNumber"] for order in found["orders"]] == [made["orderNumber"]]
    assert found["orders"][0]["content"]["total"] == Decimal("3.00")
    assert dms.call("FindSalesOrder", {"externalNumber": "31"}, write=False) == {"orders": []}


# Fault · what a write is then · what a read is then · whether the order is there.
MATRIX: list[tuple[str, type[ConnectorError], type[ConnectorError], bool]] = [
    ("reset", InDoubt, RetryLater, False),
    ("lost-answer", InDoubt, RetryLater, True),
    ("cut", InDoubt, RetryLater, True),
    ("silence:seconds=60", InDoubt, RetryLater, True),
    ("outage", InDoubt, RetryLater, False),
    ("http:status=302", Misconfigured, Misconfigured, False),
    ("http:status=401", LogonFailed, LogonFailed, False),
    ("http:status=404", Misconfigured, Misconfigured, False),
    ("http:status=500,text=<html>", InDoubt, RetryLater, False),
    ("http:status=503", InDoubt, RetryLater, False),
    ("http:status=429", InDoubt, RetryLater, False),
    ("garbage:status=200,text=", InDoubt, RetryLater, True),
    ("garbage:status=200,text=<html><body>ok</body></html>", InDoubt, RetryLater, True),
    ("garbage:status=200,text=<broken", InDoubt, RetryLater, True),
    ("business:code=AMOUNT", Rejected, Rejected, False),
    ("business:code=LOCKED", Rejected, Rejected, False),
]


@pytest.mark.parametrize(("fault", "write", "read", "there"), MATRIX, ids=[r[0] for r in MATRIX])
def test_the_fault_matrix(
    sandbox: Sandbox,
    fault: str,
    write: type[ConnectorError],
    read: type[ConnectorError],
    there: bool,
) -> None:
    # The limit of a read begins when the request is out: it arrives however slow the machine is.
    dms = client(sandbox, read_timeout=0.5) if "silence" in fault else client(sandbox)
    until(lambda: _reached(dms))
    sandbox.faults.set([Fault.parse(f"dms:{fault}")])
    with pytest.raises(ConnectorError) as raised:
        dms.call("CreateSalesOrder", ORDER, write=True)
    assert type(raised.value) is write, raised.value
    with pytest.raises(ConnectorError) as raised:
        dms.call("FindSalesOrder", {"externalNumber": "30"}, write=False)
    assert type(raised.value) is read, raised.value
    sandbox.faults.set([])
    if there:
        until(lambda: orders(sandbox))  # whoever gives up may be sooner than the work is done
    assert orders(sandbox) == int(there)


def _reached(dms: SoapDms) -> bool:
    with suppress(RetryLater):
        return bool(dms.ping())
    return False


ENVELOPE = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
    "<s:Body>{}</s:Body></s:Envelope>"
)
ANSWERS: list[tuple[str, int, str, type[ConnectorError]]] = [
    (
        "SOAP 1.2-shaped fault in a 1.1 envelope",
        500,
        ENVELOPE.format(
            "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code>"
            "<s:Reason><s:Text>no</s:Text></s:Reason></s:Fault>"
        ),
        InDoubt,
    ),
    (
        "fault without detail",
        500,
        ENVELOPE.format(
            "<s:Fault><faultcode>s:Server</faultcode><faultstring>oops</faultstring></s:Fault>"
        ),
        InDoubt,
    ),
    ("empty fault", 500, ENVELOPE.format("<s:Fault/>"), InDoubt),
    (
        "unwrapped detail of a declared fault",
        500,
        ENVELOPE.format(
            "<s:Fault><faultcode>s:Server</faultcode><faultstring>no</faultstring><detail>"
            "<code>AMOUNT</code><message>wrong total</message></detail></s:Fault>"
        ),
        Rejected,
    ),
    (
        "an answer that breaks the schema",
        200,
        ENVELOPE.format(
            '<r:CreateSalesOrderResponse xmlns:r="urn:dms:sales:v1">'
            "<r:status>OPEN</r:status></r:CreateSalesOrderResponse>"
        ),
        InDoubt,
    ),
    ("another answer", 200, ENVELOPE.format('<x xmlns="urn:other"/>'), InDoubt),
    ("no answer in the body", 200, ENVELOPE.format(""), InDoubt),
    (
        "entities",
        200,
        '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + ENVELOPE.format("<x>&a;</x>"),
        InDoubt,
    ),
    ("nested too deeply", 200, ENVELOPE.format("<a>" * 300 + "</a>" * 300), InDoubt),
]


@pytest.mark.parametrize(
    ("status", "text", "error"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS]
)
def test_answers_of_other_peoples_servers(
    sandbox: Sandbox, status: int, text: str, error: type[ConnectorError]
) -> None:
    dms = client(sandbox)
    dms.ping()
    sandbox.faults.set([Fault(system="dms", kind="garbage", status=status, text=text)])
    with pytest.raises(ConnectorError) as raised:
        dms.call("CreateSalesOrder", ORDER, write=True)
    assert type(raised.value) is error, raised.value


def test_a_huge_answer_is_refused(sandbox: Sandbox) -> None:
    dms = client(sandbox, answers=AnswerLimits(largest=100_000))
    dms.ping()
    text = ENVELOPE.format(f"<a>{'x' * 200_000}</a>")
    sandbox.faults.set([Fault(system="dms", kind="garbage", status=200, text=text)])
    with pytest.raises(InDoubt, match=r"answers\.largest"):
        dms.call("CreateSalesOrder", ORDER, write=True)


def test_a_dripping_server_is_given_up_after_the_whole_calls_deadline(sandbox: Sandbox) -> None:
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not stop.wait(0.2):
                try:
                    connection.sendall(b"x" * 70_000)
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    try:
        with pytest.raises(InDoubt):
            client(sandbox, wsdl=str(WSDL), endpoint=address, call_deadline=1).call(
                "CreateSalesOrder", ORDER, write=True
            )
    finally:
        stop.set()
        listener.close()
        thread.join()


def test_a_refused_connection_provably_did_nothing(sandbox: Sandbox) -> None:
    dms = client(sandbox, endpoint="http://127.0.0.1:9/dms")
    with pytest.raises(RetryLater, match="cannot be reached"):
        dms.call("CreateSalesOrder", ORDER, write=True)


@pytest.mark.parametrize(
    ("edit", "path"),
    [
        (lambda header: header.update(currency="XXX"), "header/currency"),
        (lambda header: header["shipTo"].update(name="x" * 81), "header/shipTo/name"),
        (lambda header: header.pop("customerNumber"), "customerNumber"),
        (lambda header: header.update(surprise=1), "surprise"),
        (lambda header: header["lines"][0].update(quantity=Decimal("0.0001")), "quantity"),
        (lambda header: header["shipTo"].update(phone="x\x00y"), ""),
    ],
)
def test_a_request_that_breaks_the_wsdl_never_leaves(
    sandbox: Sandbox, edit: Any, path: str
) -> None:
    order = copy.deepcopy(ORDER)
    edit(order["header"])
    dms = client(sandbox)
    with pytest.raises(MappingFailed) as raised:
        dms.call("CreateSalesOrder", order, write=True)
    assert path in str(raised.value)
    dms.call("CreateSalesOrder", ORDER, write=True)
    with pytest.raises(MappingFailed) as later:  # the first request is written in another way
        dms.call("CreateSalesOrder", order, write=True)
    assert str(later.value) == str(raised.value)
    assert orders(sandbox) == 1


def test_everything_by_which_a_request_breaks_the_wsdl_is_found_at_once(
    sandbox: Sandbox,
) -> None:
    order = copy.deepcopy(ORDER)
    header = order["header"]
    header |= {"currency": "XXX", "externalNumber": "9" * 71}
    header["lines"] = [{**header["lines"][0], "unit": "OF SEVEN"}, {**header["lines"][0]}]
    del header["shipTo"]["street"], header["lines"][1]["quantity"]
    dms = client(sandbox)
    found = dms.findings("CreateSalesOrder", order)
    for path, why in (
        ("header.shipTo.street", "is needed"),
        ("header.lines[2].quantity", "is needed"),
        ("CreateSalesOrder/header/currency", "is none of 'CNY', 'HKD', 'USD', 'EUR'"),
        ("CreateSalesOrder/header/externalNumber", "71 characters, 32 allowed"),
        ("CreateSalesOrder/header/lines[1]/unit", "8 characters, 6 allowed"),
    ):
        assert f"{path}: {why}" in found
    assert "street" not in header["shipTo"]  # what was given stays as it was
    assert dms.findings("CreateSalesOrder", ORDER) == []
    assert orders(sandbox) == 0


def test_a_wsdl_that_cannot_be_read_is_not_tried_again_with_every_order(tmp_path: Path) -> None:
    now, wsdl = [0.0], tmp_path / "dms.wsdl"
    dms = SoapDms(DmsSettings(wsdl=str(wsdl)), monotonic=lambda: now[0])
    with pytest.raises(RetryLater):
        dms.findings("CreateSalesOrder", ORDER)
    shutil.copy(Path(__file__).parents[2] / "mappings/interfaces/dms.wsdl", wsdl)
    with pytest.raises(RetryLater):
        dms.findings("CreateSalesOrder", ORDER)
    now[0] = 61.0
    assert dms.findings("CreateSalesOrder", ORDER) == []


def test_a_servers_cookie_goes_with_later_requests(sandbox: Sandbox) -> None:
    listener, heard = socket.create_server(("127.0.0.1", 0)), []
    body = ENVELOPE.format('<r:FindSalesOrderResponse xmlns:r="urn:dms:sales:v1"/>')

    def answer() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            for cookie in ("node=a; Path=/", "node=b; Path=/", ""):
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += stream.readline()
                length = int(head.lower().partition(b"content-length:")[2].split()[0])
                stream.read(length)
                heard.append([each for each in head.split(b"\r\n") if b"ookie:" in each])
                said = f"Set-Cookie: {cookie}\r\n" if cookie else ""
                connection.sendall(
                    f"HTTP/1.1 200 OK\r\n{said}Content-Length: {len(body)}\r\n\r\n{body}".encode()
                )

    thread = threading.Thread(target=answer)
    thread.start()
    dms = client(sandbox, endpoint=f"http://127.0.0.1:{listener.getsockname()[1]}/")
    for _ in range(3):
        assert dms.call("FindSalesOrder", {"externalNumber": "1"}, write=False) == {"orders": []}
    thread.join()
    listener.close()
    assert heard == [[], [b"Cookie: node=a"], [b"Cookie: node=b"]]


def test_values_are_not_repeated_in_findings(sandbox: Sandbox) -> None:
    order = copy.deepcopy(ORDER)
    order["header"]["shipTo"]["phone"] = "13900000000" * 4
    with pytest.raises(MappingFailed) as raised:
        client(sandbox).call("CreateSalesOrder", order, write=True)
    assert "13900000000" not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"password": "wrong"}, LogonFailed),
        ({"wsdl": "http://127.0.0.1:9/x?wsdl"}, RetryLater),
        ({"wsdl": "/nowhere.wsdl"}, RetryLater),
        ({"port": "NoSuchPort"}, Misconfigured),
    ],
)
def test_wrong_settings_are_said(
    sandbox: Sandbox, settings: dict[str, Any], error: type[ConnectorError]
) -> None:
    with pytest.raises(error):
        client(sandbox, **settings).call("FindSalesOrder", {"externalNumber": "1"}, write=False)


def test_an_unknown_operation_is_said(sandbox: Sandbox) -> None:
    with pytest.raises(Misconfigured, match="CreateSalesOrder"):
        client(sandbox).call("MakeOrder", {}, write=True)


def test_threads_share_a_client(sandbox: Sandbox) -> None:
    dms, made = client(sandbox, read_timeout=20, call_deadline=30), []

    def create() -> None:
        made.append(dms.call("CreateSalesOrder", ORDER, write=True)["orderNumber"])

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 6


def test_secrets_do_not_show() -> None:
    assert "hush" not in repr(DmsSettings(wsdl="x", password="hush"))
