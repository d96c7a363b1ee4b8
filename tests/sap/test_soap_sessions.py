"""By which name SAP knows a session over SOAP, and what a connection that fails proves."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
import requests

from connector import retry_after
from connector.errors import ConnectorError, InDoubt, Misconfigured, RetryLater
from connector.sap.http import of_exception
from connector.sap.port import FieldType, Parameter
from connector.sap.soap import SoapSap, SoapSettings
from connector.sap.wire import Wire

ABC, XYZ = ("SID%3aANON%3ahost_PRD_00%3a" + each for each in ("abc", "xyz"))
PING = ("STFC_CONNECTION", {"REQUTEXT": "a"})
INTERFACE = {"X": Parameter("X", "importing", True, FieldType("X", "C", 5))}


class Handler(BaseHTTPRequestHandler):
    """Answers every function, and names a session as it is told to."""

    protocol_version = "HTTP/1.1"
    cookies: ClassVar[list[tuple[str, ...]]] = []
    seen: ClassVar[list[str]] = []
    named: ClassVar[list[bool]] = []

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        found = re.search(r"Body><rfc:(\w+)", body)
        assert found is not None
        function = found[1]
        self.seen.append(function + (" close" if "sap-sessioncmd=close" in self.path else ""))
        self.named.append("Cookie" in self.headers)
        answer = (
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
            f'<r:{function}.Response xmlns:r="urn:sap-com:document:sap:rfc:functions">'
            f"<RESPTEXT>x</RESPTEXT></r:{function}.Response></e:Body></e:Envelope>"
        ).encode()
        self.send_response(200)
        for each in self.cookies.pop(0) if self.cookies else ():
            self.send_header("Set-Cookie", f"sap-contextid={each}")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def system(server: ThreadingHTTPServer) -> SoapSap:
    Handler.cookies.clear()
    Handler.seen.clear()
    Handler.named.clear()
    url = f"http://127.0.0.1:{server.server_address[1]}/sap/bc/soap/rfc"
    return SoapSap(SoapSettings(url, "100", "u", "p"), snapshots=lambda _function: INTERFACE)


@pytest.mark.parametrize(
    "cookies",
    [
        [(f"{ABC}-NEW; path=/",), (f"{ABC}-ATT; path=/",)],
        [(f"{ABC}-NEW; path=/",)],
        [(f"{ABC}-NEW; path=/",), (f"{ABC}-ATT; path=/sap",)],
        [(f"{ABC}-NEW; path=/",), (f"{ABC.replace('%3a', '%3A')}-ATT; path=/",)],
    ],
)
def test_a_session_is_the_same_in_whatever_mode_it_is_attached(
    system: SoapSap, cookies: list[tuple[str, ...]]
) -> None:
    Handler.cookies[:] = cookies
    with system.session() as session:
        assert session.call(*PING) == {"RESPTEXT": "x"}
        session.commit()
    assert Handler.seen[-1] == "STFC_CONNECTION close"


def test_another_session_is_one(system: SoapSap) -> None:
    Handler.cookies[:] = [(f"{ABC}-NEW; path=/",), (f"{XYZ}-ATT; path=/",)]
    with system.session() as session, pytest.raises(InDoubt, match="another session"):
        session.call(*PING)
    assert Handler.seen[-1] == "BAPI_TRANSACTION_ROLLBACK close"


def test_a_session_that_nobody_asked_for_changes_nothing_and_is_closed(system: SoapSap) -> None:
    system.ping()
    Handler.seen.clear()
    Handler.cookies[:] = [(f"{ABC}-NEW; path=/",)]
    with system.session(kept=False) as session:
        assert session.call(*PING) == {"RESPTEXT": "x"}
    assert Handler.seen == ["STFC_CONNECTION", "BAPI_TRANSACTION_ROLLBACK close"]


def test_a_read_keeps_no_session_that_sap_opens(system: SoapSap) -> None:
    Handler.cookies[:] = [(f"{ABC}-NEW; path=/",), (f"{ABC}-ATT; path=/",)]
    system.ping()
    assert Handler.seen == ["STFC_CONNECTION", "STFC_CONNECTION close"]
    system.ping()
    assert Handler.named == [False, True, False]


def test_without_a_session_none_is_closed(system: SoapSap) -> None:
    with system.session(kept=False) as session:
        session.call(*PING)
    assert Handler.seen == ["STFC_CONNECTION"]


def test_a_proxy_that_is_away_proves_that_nothing_was_sent() -> None:
    settings = SoapSettings("https://sap.example/x", "100", "u", "p", proxy="http://127.0.0.1:9")
    with pytest.raises(RetryLater, match="cannot be reached") as raised:
        Wire(settings).post(b"x", "SAP X")
    assert raised.value.no_effect


@pytest.mark.parametrize(
    ("error", "kind", "no_effect"),
    [
        (requests.exceptions.SSLError("EOF occurred in violation of protocol"), InDoubt, False),
        (requests.ReadTimeout("slow"), InDoubt, False),
        (requests.ConnectTimeout("slow"), RetryLater, True),
        (requests.exceptions.InvalidURL("x"), Misconfigured, True),
        (OSError("Could not find the TLS certificate file, invalid path: x"), Misconfigured, True),
        (OSError("Connection reset by peer"), InDoubt, False),
    ],
    ids=str,
)
def test_only_what_came_before_the_request_proves_that_nothing_was_done(
    error: Exception, kind: type[ConnectorError], no_effect: bool
) -> None:
    typed = of_exception(error, "SAP")
    assert type(typed) is kind
    assert typed.no_effect is no_effect


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("", 30), ("nan", 30), ("inf", 30), ("-inf", 30), ("soon", 30), ("0", 1),
     ("-5", 1), ("1e9", 3600), ("Wed, 21 Oct 2015 07:28:00 GMT", 1),
     ("Wed, 21 Oct 2115 07:28:00 GMT", 3600), (None, 30)],
)  # fmt: skip
def test_how_long_the_other_side_asks_to_be_left_alone(header: str | None, seconds: float) -> None:
    headers = {} if header is None else {"Retry-After": header}
    assert retry_after.seconds(headers) == seconds
