"""WSDLs: of several files, changed, away; ports, headers and certificates; calls that must end."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.deadline import WATCHDOG
from connector.dms.carried import NOTHING, Carried
from connector.dms.client import DmsSettings, SoapDms
from connector.dms.errors import typed
from connector.dms.patient import PatientDms
from connector.errors import InDoubt, MappingFailed, Misconfigured, Rejected, RetryLater
from connector.mapping import MappingSet, load
from connector.sandbox.faults import Fault
from connector.sandbox.service import DMS_PASSWORD, DMS_USER, Sandbox
from tests.dms.test_client import ORDER
from tests.support.certificates import Certificates
from tests.support.other_dms import FOLDER, OtherDms, other_dms
from tests.support.peers import WSDL
from tests.support.wire import Trouble, Wire

NOTE = {"beleg": "A1", "schluessel": "1-GQ", "mengen": {"menge": [{"nr": 1, "_value_1": "2.5"}]}}


@pytest.fixture(scope="module")
def mappings() -> MappingSet:
    return load(Path("mappings"))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def reach(sandbox: Sandbox, **settings: Any) -> DmsSettings:
    return DmsSettings(
        **{
            "wsdl": sandbox.dms_wsdl_url,
            "user": DMS_USER,
            "password": DMS_PASSWORD,
            **settings,
        }
    )


def other(at: int, **settings: Any) -> SoapDms:
    monotonic = settings.pop("monotonic", time.monotonic)
    return SoapDms(
        DmsSettings(
            **{
                "wsdl": str(FOLDER / "haendler.wsdl"),
                "service": "VerkaufDienst",
                "endpoint": f"http://127.0.0.1:{at}",
                "authentication": "none",
                **settings,
            }
        ),
        monotonic=monotonic,
    )


@pytest.fixture
def served() -> Iterator[tuple[OtherDms, int]]:
    with other_dms() as (dms, port):
        dms.orders["A1"] = {"notes": [], "asked": {}, "state": 10}
        yield dms, port


def test_rpc_requests_are_checked_across_imported_and_included_files(
    served: tuple[OtherDms, int],
) -> None:
    dms, port = served
    client = other(port)
    made = client.call("lieferungAnfordern", NOTE, write=True)
    assert made["quittung"]["ergebnis"] == 0
    wrong = {**NOTE, "mengen": {"menge": [{"nr": 1, "_value_1": "0.00001"}]}}
    with pytest.raises(MappingFailed, match="mengen/menge"):
        client.call("lieferungAnfordern", wrong, write=True)
    with pytest.raises(MappingFailed, match="schluessel"):
        client.call("lieferungAnfordern", {**NOTE, "schluessel": "x" * 41}, write=True)
    assert dms.seen == ["lieferungAnfordern"]


def test_an_rpc_answer_that_breaks_the_schema_is_a_doubt(served: tuple[OtherDms, int]) -> None:
    _, port = served
    wire = Wire(port)
    body = (
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        b'<h:lieferungAnfordernResponse xmlns:h="urn:haendler:dienst"><quittung>'
        b'<ergebnis xmlns="urn:haendler:typen">many</ergebnis></quittung>'
        b"</h:lieferungAnfordernResponse></e:Body></e:Envelope>"
    )
    with (
        wire.suffers("lieferungAnfordern", Trouble("answer", body=body)),
        pytest.raises(InDoubt, match="ergebnis"),
    ):
        other(wire.port).call("lieferungAnfordern", NOTE, write=True)
    wire.stop()


def test_an_operation_may_be_of_another_service_with_an_address_of_its_own(
    served: tuple[OtherDms, int],
) -> None:
    _, port = served
    elsewhere = {
        "VerkaufAnschluss": "http://127.0.0.1:9",
        "AuskunftAnschluss": f"http://127.0.0.1:{port}",
    }
    client = other(port, endpoint=elsewhere, port="VerkaufAnschluss")
    asked = {"belege": {"beleg": ["A9"]}}
    operation = "AuskunftDienst/AuskunftAnschluss/staendeFragen"
    assert client.call(operation, asked, write=False) == {"staende": None}
    with pytest.raises(RetryLater):
        client.call("lieferungAnfordern", NOTE, write=True)
    with pytest.raises(Misconfigured, match="no operation"):
        client.call("NoService/NoPort/staendeFragen", asked, write=False)


def test_headers_credentials_and_a_proxy_are_used(served: tuple[OtherDms, int]) -> None:
    dms, port = served
    client = other(
        port,
        endpoint="http://127.0.0.9/verkauf",
        proxy=f"http://127.0.0.1:{port}",
        headers={"X-Api-Key": "k-1"},
        authentication="basic",
        user="u",
        password="p",
    )
    client.call("lieferungAnfordern", NOTE, write=True)
    assert dms.headers["X-Api-Key"] == "k-1"
    assert dms.headers["Authorization"].startswith("Basic ")
    assert dms.headers["Host"] == "127.0.0.9"


def test_connections_are_kept_for_whoever_calls_next_until_they_are_stale(
    served: tuple[OtherDms, int],
) -> None:
    dms, port = served
    now = [100.0]
    client = other(port, monotonic=lambda: now[0])

    def several() -> None:
        for _ in range(5):
            client.call("lieferungAnfordern", NOTE, write=True)

    several()
    thread = threading.Thread(target=several)  # threads come and go with each run of a job
    thread.start()
    thread.join()
    assert (len(dms.seen), dms.connections) == (10, 1)
    now[0] += 3
    several()
    assert dms.connections == 1
    now[0] += 5  # by now the server may be closing it
    several()
    assert (len(dms.seen), dms.connections) == (20, 2)


def test_certificates_are_shown_and_checked(tmp_path: Path) -> None:
    made = Certificates(tmp_path)
    with other_dms(made.server_context()) as (dms, port):
        dms.orders["A1"] = {"notes": [], "asked": {}, "state": 10}
        address = {"endpoint": f"https://localhost:{port}"}
        trusted = {"ca_file": made.ca, "client_certificate": made.client}
        other(port, **address, **trusted).call("lieferungAnfordern", NOTE, write=True)
        with pytest.raises(Misconfigured, match="certificate"):
            other(port, **address).call("lieferungAnfordern", NOTE, write=True)
        # TLS 1.3 tells of a missing client certificate only after the request: a doubt.
        with pytest.raises(InDoubt):
            other(port, **address, ca_file=made.ca).call("lieferungAnfordern", NOTE, write=True)


def test_tls_that_breaks_after_sending_is_a_doubt() -> None:
    broken = requests.exceptions.SSLError(ssl.SSLEOFError("EOF occurred"))
    assert isinstance(typed(broken, place="DMS", write=True), InDoubt)
    refused = requests.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed"))
    assert isinstance(typed(refused, place="DMS", write=True), Misconfigured)


def test_a_changed_wsdl_is_held_against_the_mappings_before_it_is_used(
    sandbox: Sandbox, mappings: MappingSet, tmp_path: Path
) -> None:
    file, now = tmp_path / "dms.wsdl", [0.0]
    text = WSDL.read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    settings = reach(
        sandbox,
        wsdl=str(file),
        endpoint=sandbox.dms_wsdl_url.removesuffix("?wsdl"),
        cache=tmp_path / "cache",
        wsdl_again=60,
    )
    dms = SoapDms(settings, lambda: mappings, lambda: now[0])
    dms.call("CreateSalesOrder", ORDER, write=True)
    first = dms.wsdl_hash
    file.write_text(text.replace('name="freight"', 'name="carriage"'), encoding="utf-8")
    dms.call("CreateSalesOrder", ORDER, write=True)  # not looked at again yet
    now[0] += 61
    with pytest.raises(Misconfigured) as refused:
        dms.call("CreateSalesOrder", ORDER, write=True)
    assert "header.freight is no element" in str(refused.value)
    assert "header.carriage is required" in str(refused.value)
    assert "dms_find" in str(refused.value)  # answers are held against it too
    assert len(sandbox.books.all("dms.sales_order")) == 2
    # A process that starts now remembers the good one, and refuses the other.
    with pytest.raises(Misconfigured):
        SoapDms(settings, lambda: mappings).ping()
    fitting = text.replace(
        '<xs:element name="remark" type="tns:Remark" minOccurs="0"/>',
        '<xs:element name="remark" type="tns:Remark" minOccurs="0"/>'
        '<xs:element name="channel" type="xs:string" minOccurs="0"/>',
    )
    file.write_text(fitting, encoding="utf-8")
    now[0] += 61
    dms.call("CreateSalesOrder", ORDER, write=True)
    assert dms.wsdl_hash != first


def test_a_new_wsdl_that_the_mappings_do_not_fit_is_refused(
    sandbox: Sandbox, mappings: MappingSet, tmp_path: Path
) -> None:
    file = tmp_path / "dms.wsdl"
    text = WSDL.read_text(encoding="utf-8").replace("CancelSalesOrder", "StopSalesOrder")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured, match="no operation CancelSalesOrder"):
        SoapDms(reach(sandbox, wsdl=str(file)), lambda: mappings).ping()


def test_the_last_good_wsdl_is_used_while_it_cannot_be_read(
    sandbox: Sandbox, mappings: MappingSet, tmp_path: Path
) -> None:
    wire = Wire(int(sandbox.dms_wsdl_url.split(":")[2].split("/")[0]))
    settings = reach(
        sandbox,
        wsdl=f"{wire.url}/dms/service?wsdl",
        endpoint=sandbox.dms_wsdl_url.removesuffix("?wsdl"),
        cache=tmp_path,
    )
    first = SoapDms(settings, lambda: mappings).wsdl_hash
    with wire.suffers("*", Trouble("reset")):
        later = SoapDms(settings, lambda: mappings)
        later.call("CreateSalesOrder", ORDER, write=True)
        assert later.wsdl_hash == first
        with pytest.raises(RetryLater, match="a kept one is used"):
            later.ping()
        with pytest.raises(RetryLater, match="WSDL cannot be read"):
            SoapDms(reach(sandbox, wsdl=f"{wire.url}/dms/service?wsdl")).ping()
    wire.stop()


def test_a_business_fault_of_soap_12_comes_as_400(sandbox: Sandbox) -> None:
    dms = SoapDms(reach(sandbox, port="SalesPort12"))
    dms.ping()
    sandbox.faults.set([Fault.parse("dms:business:code=AMOUNT,text=wrong total")])
    with pytest.raises(Rejected) as refused:
        dms.call("CreateSalesOrder", ORDER, write=True)
    assert (refused.value.code, refused.value.text) == ("AMOUNT", "wrong total")


def test_headers_that_drip_end_with_the_whole_calls_deadline(sandbox: Sandbox) -> None:
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not stop.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    try:
        # That the call ends at all is the proof: such headers last for hours.
        dms = SoapDms(reach(sandbox, wsdl=str(WSDL), endpoint=address, call_deadline=1))
        with pytest.raises(InDoubt):
            dms.call("CreateSalesOrder", ORDER, write=True)
    finally:
        stop.set()
        listener.close()
        thread.join()


def test_a_call_that_is_connected_too_late_is_not_sent(tmp_path: Path) -> None:
    made = Certificates(tmp_path)
    listener, heard = socket.create_server(("127.0.0.1", 0)), bytearray()

    def accept() -> None:
        connection, _ = listener.accept()
        over = threading.Event()
        with WATCHDOG.within(0.2, over.set):
            over.wait()  # and so is the call's time, which began sooner
        with suppress(OSError), made.server_context().wrap_socket(connection, True) as secure:
            heard.extend(secure.recv(65536))

    thread = threading.Thread(target=accept)
    thread.start()
    address = f"https://localhost:{listener.getsockname()[1]}"
    dms = other(
        0, endpoint=address, ca_file=made.ca, client_certificate=made.client, call_deadline=0.2
    )
    with pytest.raises(RetryLater, match="cannot be reached"):
        dms.call("lieferungAnfordern", NOTE, write=True)
    thread.join()
    listener.close()
    assert heard == b""


class Flaky:
    """A DMS that fails as told, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def call(
        self, operation: str, request: Any, *, write: bool, carried: Carried = NOTHING
    ) -> dict[str, Any]:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return {"number": "1"}

    def findings(self, operation: str, request: Any) -> list[str]:
        return []

    def envelope(self, operation: str, request: Any) -> bytes:
        return b""

    def ping(self) -> str:
        return ""


def test_what_had_no_effect_is_made_again_ever_later_until_it_succeeds() -> None:
    slept: list[float] = []
    flaky = Flaky(*[RetryLater("refused")] * 3)
    patient = PatientDms(flaky, 60, first=1, sleep=slept.append)
    assert patient.call("x", {}, write=True) == {"number": "1"}
    assert flaky.calls == 4
    for number, wait in enumerate(slept):
        assert 2**number <= wait <= 2**number + 1


def test_it_ends_with_its_deadline() -> None:
    flaky = Flaky(*[RetryLater("refused")] * 100)
    with pytest.raises(RetryLater, match="refused"):
        PatientDms(flaky, 3, first=2, sleep=lambda _: None).call("x", {}, write=False)
    assert flaky.calls == 2 or flaky.calls == 1


@pytest.mark.parametrize(
    "error", [InDoubt("lost"), RetryLater("busy", after=5), Rejected("A", "no"), Misconfigured("x")]
)
def test_what_may_have_arrived_or_names_its_time_is_not_made_again(error: Exception) -> None:
    flaky = Flaky(error)
    with pytest.raises(type(error)):
        PatientDms(flaky, 60, sleep=lambda _: None).call("x", {}, write=True)
    assert flaky.calls == 1


def test_an_amount_is_a_decimal_whatever_the_style(served: tuple[OtherDms, int]) -> None:
    dms, port = served
    dms.orders["A1"] |= {
        "key": "1-GQ", "state": 40, "shipments": [], "invoices": [("R1", "12.30")],
    }  # fmt: skip
    asked = {"belege": {"beleg": ["A1"]}}
    told = other(port).call("AuskunftDienst/AuskunftAnschluss/staendeFragen", asked, write=False)
    assert told["staende"]["stand"][0]["rechnung"][0]["brutto"] == Decimal("12.30")
