"""SAP over OData against a server made by hand: what it answers to changes, and when it refuses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from connector.errors import InDoubt, LogonFailed, RetryLater
from connector.sandbox.s4_metadata import PARTNERS, metadata
from connector.sap.odata.system import ODataSap
from connector.sap.odata.wire import ODataSettings

READ = "GET API_BUSINESS_PARTNER/A_BusinessPartner"
CHANGE = "PATCH API_BUSINESS_PARTNER/A_BusinessPartner"
TYPE = "API_BUSINESS_PARTNER.A_BusinessPartnerType"
CHANGED = {"BusinessPartner": "1", "SearchTerm1": "X"}


# A service with a function that gives many, and a way that leads to a type of another service.
FUNCTION = b"""<Edmx><DataServices><Schema Namespace="S">
<EntityType Name="Row"><Key><PropertyRef Name="K"/></Key><Property Name="K" Type="Edm.String"/>
<NavigationProperty Name="to_Other" Relationship="S.A" FromRole="f" ToRole="t"/></EntityType>
<Association Name="A"><End Type="S.Row" Role="f" Multiplicity="1"/>
<End Type="Other.Thing" Role="t" Multiplicity="*"/></Association>
<EntityContainer><FunctionImport Name="Rows" ReturnType="Collection(S.Row)"/></EntityContainer>
</Schema></DataServices></Edmx>"""


def entity(**values: Any) -> bytes:
    about = {"type": TYPE, "etag": 'W/"1"'}
    return json.dumps({"d": {"__metadata": about, "BusinessPartner": "1", **values}}).encode()


class Handler(BaseHTTPRequestHandler):
    """Answers by name: `list`, `entity` and `patch`, each a status and a body."""

    protocol_version = "HTTP/1.1"
    answers: ClassVar[dict[str, tuple[int, bytes]]] = {}
    patched: ClassVar[list[str]] = []

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def out(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.endswith("/S/$metadata"):
            self.out(200, FUNCTION)
        elif path.endswith("$metadata"):
            self.out(*self.answers.get("metadata", (200, metadata(PARTNERS))))
        elif self.headers.get("x-csrf-token"):
            self.out(200, b'{"d": {"EntitySets": []}}', x_csrf_token="T")
        else:
            self.out(*self.answers["entity" if "(" in path else "list"])

    def do_PATCH(self) -> None:
        self.patched.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.out(*self.answers["patch"])


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture(autouse=True)
def answers() -> dict[str, tuple[int, bytes]]:
    Handler.answers.clear()
    Handler.patched.clear()
    Handler.answers["entity"] = (200, entity())
    return Handler.answers


class Known:
    """What a process remembers of refused logons."""

    def __init__(self) -> None:
        self.said: str | None = None

    def refused(self) -> str | None:
        return self.said

    def refuse(self, said: str) -> None:
        self.said = said

    def admitted(self) -> None:
        pass


def system(server: ThreadingHTTPServer, logons: Known | None = None) -> ODataSap:
    url = f"http://127.0.0.1:{server.server_address[1]}/x"
    return ODataSap(ODataSettings(url=url, user="u", password="p"), logons=logons)


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"Sorry, try later"),
        (200, b""),
        (200, json.dumps({"error": {"code": "R1/1", "message": {"value": "no"}}}).encode()),
        (200, entity(SearchTerm1="OLD")),
        (200, entity(SearchTerm1="X", BusinessPartner="2")),
        (200, entity()),
        (202, b""),
        (206, entity(SearchTerm1="X")),
    ],
    ids=str,
)
def test_a_change_is_done_only_where_the_answer_says_so(
    server: ThreadingHTTPServer, answers: dict[str, tuple[int, bytes]], answer: tuple[int, bytes]
) -> None:
    answers["patch"] = answer
    with system(server).session() as session, pytest.raises(InDoubt) as raised:
        session.call(CHANGE, CHANGED)
    assert not raised.value.no_effect


@pytest.mark.parametrize("answer", [(204, b""), (200, entity(SearchTerm1="x "))], ids=str)
def test_a_change_is_done_by_no_content_or_by_the_entity_as_it_was_asked_for(
    server: ThreadingHTTPServer, answers: dict[str, tuple[int, bytes]], answer: tuple[int, bytes]
) -> None:
    answers["patch"] = answer
    with system(server).session() as session:
        assert session.call(CHANGE, CHANGED) == {}
    assert Handler.patched == ['{"SearchTerm1": "X"}']


def test_a_logon_refused_at_the_state_of_a_change_is_tried_once_more_and_then_remembered(
    server: ThreadingHTTPServer, answers: dict[str, tuple[int, bytes]]
) -> None:
    known = Known()
    made = system(server, known)
    made.interface(CHANGE)
    answers["entity"] = (401, b"")
    with made.session() as session, pytest.raises(InDoubt) as admitted:
        session.call(CHANGE, CHANGED)
    assert known.said is None
    answers["metadata"] = (401, b"")
    with made.session() as session, pytest.raises(LogonFailed) as refused:
        session.call(CHANGE, CHANGED)
    assert known.said is not None
    # Nothing was written yet, whoever refused it.
    assert admitted.value.no_effect
    assert refused.value.no_effect
    assert Handler.patched == []


def test_what_was_refused_before_is_not_sent(
    server: ThreadingHTTPServer, answers: dict[str, tuple[int, bytes]]
) -> None:
    known = Known()
    made = system(server, known)
    made.interface(CHANGE)
    known.said = "by another process"
    with made.session() as session, pytest.raises(LogonFailed) as raised:
        session.call(CHANGE, CHANGED)
    assert raised.value.no_effect
    assert Handler.patched == []


def test_a_list_within_an_entity_that_goes_on_elsewhere_was_not_read(
    server: ThreadingHTTPServer, answers: dict[str, tuple[int, bytes]]
) -> None:
    row = {
        "__metadata": {"type": TYPE},
        "BusinessPartner": "1",
        "to_BusinessPartnerTax": {"results": [], "__next": "https://s4.example/x?$skiptoken=1"},
    }
    answers["list"] = (200, json.dumps({"d": {"results": [row], "__count": "1"}}).encode())
    asked = {
        "BusinessPartner": "1",
        "$select": "BusinessPartner,to_BusinessPartnerTax",
        "$expand": "to_BusinessPartnerTax",
    }
    with pytest.raises(RetryLater, match="goes on elsewhere"):
        system(server).call(READ, asked)


def test_a_function_may_be_called_in_a_session(
    server: ThreadingHTTPServer, answers: dict[str, tuple[int, bytes]]
) -> None:
    row = {"__metadata": {"type": "S.Row", "etag": "1"}, "K": "1"}
    answers["list"] = (200, json.dumps({"d": {"results": [row]}}).encode())
    with system(server).session() as session:
        assert session.call("GET S/Rows", {}) == {"results": [{"K": "1"}]}
