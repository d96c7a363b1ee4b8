"""What the check accepts of a WSDL the client can do, and what one refuses the other does too."""

from __future__ import annotations

import gzip
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from connector.dms.client import DmsSettings, SoapDms
from connector.errors import InDoubt, MappingFailed, Misconfigured, RetryLater
from connector.logs import configure
from connector.mapping.check import check
from connector.mapping.finding import Finding, errors
from connector.mapping.load import Folder, build
from connector.mapping.wsdl.documents import Description, read
from connector.mapping.wsdl.snapshot import described, stored
from tests.dms.odd.documents import DOCUMENTS
from tests.dms.odd.styles import STYLES
from tests.dms.odd.types import TYPES
from tests.dms.odd.wsdls import (
    GIVEN,
    LOCATION,
    SOAP_11,
    SOAP_12,
    SOURCE,
    TAKEN,
    Odd,
    document,
    element,
    plain,
    schema,
)

NAME = "dms_delivery_note"
ROWS = [*TYPES, *STYLES, *DOCUMENTS]


class Dms:
    """Answers every request with what it was told to, and keeps the last request."""

    def __init__(self) -> None:
        self.odd = ROWS[0]
        self.body: bytes | None = None
        self.status = 200
        self.seen = b""
        self.url = ""


@pytest.fixture(scope="module")
def dms() -> Iterator[Dms]:
    made = Dms()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            made.seen = self.rfile.read(int(self.headers["Content-Length"]))
            answer = made.odd.body() if made.body is None else made.body
            self.send_response(made.status)
            self.send_header("Content-Type", made.odd.kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def description(odd: Odd) -> Description:
    documents = {name: text.encode() for name, text in {**odd.documents, **odd.more}.items()}
    return read(LOCATION, documents.__getitem__)


def folder(odd: Odd, *more: dict[str, Any]) -> Folder:
    mapping = {
        "target": {"system": "dms", "operation": odd.operation},
        "request": [*odd.request, *more],
        "answer": {
            "values": {"number": odd.number},
            "outcome": [{"when": odd.number, "is": "ok"}, {"otherwise": "unknown"}],
        },
    }
    files = {f"{NAME}.yaml": yaml.safe_dump(mapping, sort_keys=False).encode()}
    files |= {f"interfaces/{name}": data for name, data in stored(description(odd)).items()}
    return Folder(files)


def refused(checked: Folder) -> list[Finding]:
    """Return the errors about the one mapping; the others that a site needs are not there."""
    return [each for each in errors(check(checked)) if each.rule != "no-mapping"]


def reach(dms: Dms, odd: Odd, tmp_path: Path, **settings: Any) -> SoapDms:
    dms.odd, dms.body, dms.status = odd, None, 200
    for name, data in stored(description(odd)).items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data)
    return SoapDms(
        DmsSettings(
            wsdl=str(tmp_path / "dms.wsdl"), endpoint=dms.url, authentication="none",
            **{**odd.settings, **settings},
        )
    )  # fmt: skip


def made(dms: Dms, odd: Odd, tmp_path: Path, **settings: Any) -> Any:
    """Return the number that the client reads after a request made by the mapping."""
    mapping = build(folder(odd))[NAME]
    client = reach(dms, odd, tmp_path, **settings)
    request = mapping.apply(SOURCE).body
    assert client.findings(odd.operation, request) == []
    answer = client.call(odd.operation, request, write=True)
    return mapping.read(answer, SOURCE).values["number"]


@pytest.mark.parametrize("odd", ROWS, ids=[odd.name for odd in ROWS])
def test_what_the_check_accepts_the_client_can_do(odd: Odd, dms: Dms, tmp_path: Path) -> None:
    assert refused(folder(odd)) == []
    assert reach(dms, odd, tmp_path).unfit(build(folder(odd))) == []
    assert made(dms, odd, tmp_path) == odd.expected
    for text in odd.sent:
        assert text in dms.seen.decode(), dms.seen.decode()


@pytest.mark.parametrize("odd", ROWS, ids=[odd.name for odd in ROWS])
def test_what_the_check_refuses_the_client_refuses(odd: Odd, dms: Dms, tmp_path: Path) -> None:
    wrong = folder(odd, {"field": odd.wrong, "constant": "x"})
    assert [each for each in refused(wrong) if each.rule == "field"], check(wrong)
    client = reach(dms, odd, tmp_path)
    assert client.unfit(build(wrong))
    dms.seen = b""
    with pytest.raises(MappingFailed):
        client.call(odd.operation, build(wrong)[NAME].apply(SOURCE).body, write=True)
    assert dms.seen == b""
    unknown = replace(odd, operation=f"{odd.operation}s")
    assert "operation" in {each.rule for each in refused(folder(unknown))}
    assert client.unfit(build(folder(unknown)))
    with pytest.raises(Misconfigured):
        client.call(unknown.operation, {}, write=True)


@pytest.mark.parametrize("odd", ROWS, ids=[odd.name for odd in ROWS])
def test_a_snapshot_says_all_that_the_wsdl_says(odd: Odd) -> None:
    files = stored(description(odd))
    again = described(files)
    assert again is not None
    assert stored(again) == files
    assert len(again.documents) == len(description(odd).documents)


def test_a_snapshot_that_lacks_an_import_is_said_not_passed_over() -> None:
    odd = next(each for each in ROWS if each.more)
    lacking = folder(odd)
    files = {name: data for name, data in lacking.files.items() if "/dms/" not in name}
    (found,) = [each for each in check(Folder(files)) if each.rule == "interface"]
    assert "not among the snapshots" in found.message
    assert "--live --store" in found.message


_NUMBER = "单-7"
_SAID = plain("").body().decode().replace("D1", _NUMBER)
_DECLARED = '<?xml version="1.0" encoding="{}"?>'


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (_SAID.encode("gbk"), "text/xml; charset=GBK"),
        (_SAID.encode("gbk"), 'text/xml; charset="gb2312"'),
        ((_DECLARED.format("UTF-8") + _SAID).encode("gbk"), "text/xml; charset=GBK"),
        ((_DECLARED.format("GBK") + _SAID).encode("gbk"), "text/xml"),
        ((_DECLARED.format("GBK") + _SAID).encode("gbk"), "text/xml; charset=utf-8"),
        ((_DECLARED.format("UTF-8") + _SAID).encode(), "text/xml; charset=ISO-8859-1"),
        (_SAID.encode(), "text/xml; charset=made-up"),
        (b"\xef\xbb\xbf\r\n" + (_DECLARED.format("UTF-8") + _SAID).encode(), "text/xml"),
        (("\r\n\n" + _DECLARED.format("UTF-8") + _SAID).encode(), "text/xml; charset=utf-8"),
        ((_DECLARED.format("UTF-16") + _SAID).encode("utf-16"), "text/xml"),
        (_SAID.replace("单-", "单<!-- no. -->-").encode(), "text/xml; charset=utf-8"),
        (_SAID.replace("单-", "<?x y?>单-").encode(), "text/xml; charset=utf-8"),
        (_SAID.replace(_NUMBER, f"<![CDATA[{_NUMBER}]]>").encode(), "text/xml; charset=utf-8"),
    ],
)  # fmt: skip
def test_an_answer_is_read_in_whatever_form_it_comes(
    dms: Dms, tmp_path: Path, body: bytes, kind: str
) -> None:
    client = reach(dms, plain("", kind=kind), tmp_path)
    dms.body = body
    assert client.call("Make", {"order": "SO1"}, write=True) == {"number": _NUMBER}


@pytest.mark.parametrize(("status", "good"), [(201, True), (202, True), (302, False), (500, False)])
def test_a_good_answer_is_one_under_every_good_status(
    dms: Dms, tmp_path: Path, status: int, good: bool
) -> None:
    client = reach(dms, plain(""), tmp_path)
    client.ping()
    dms.status = status
    if good:
        assert client.call("Make", {"order": "SO1"}, write=True) == {"number": "D1"}
    else:
        with pytest.raises((InDoubt, Misconfigured)) as error:
            client.call("Make", {"order": "SO1"}, write=True)
        assert not error.value.no_effect


_FAULT_11 = "<s:Fault><faultcode>s:Client</faultcode><faultstring>不行</faultstring></s:Fault>"
_FAULT_12 = (
    '<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang="zh">不行'
    "</s:Text></s:Reason></s:Fault>"
)


@pytest.mark.parametrize("fault", [_FAULT_11, _FAULT_12])
@pytest.mark.parametrize(
    "envelope",
    [SOAP_11, SOAP_12],
)
@pytest.mark.parametrize("version", ["soap", "soap12"])
def test_a_fault_of_either_soap_is_understood_on_either_port(
    dms: Dms, tmp_path: Path, fault: str, envelope: str, version: str
) -> None:
    odd = plain("", documents=document(schema(TAKEN + GIVEN), version=version))
    client = reach(dms, odd, tmp_path)
    dms.body, dms.status = replace(odd, answer=fault, envelope=envelope).body(), 500
    with pytest.raises(InDoubt) as error:
        client.call("Make", {"order": "SO1"}, write=True)
    assert error.value.fault is not None
    assert error.value.fault["faultstring"] == "不行"


def test_a_time_without_a_zone_is_of_the_dms(dms: Dms, tmp_path: Path) -> None:
    odd = plain(
        "",
        documents=document(
            schema(
                TAKEN
                + element(
                    "MakeResponse",
                    '<xs:element name="at" type="xs:dateTime"/>'
                    '<xs:element name="sure" type="xs:dateTime"/>',
                )
            )
        ),
        answer='<MakeResponse xmlns="urn:t"><at>2026-11-24T00:30:00</at>'
        "<sure>2026-11-24T00:30:00+09:00</sure></MakeResponse>",
    )
    client = reach(dms, odd, tmp_path, zone=ZoneInfo("Asia/Shanghai"))
    answer = client.call("Make", {"order": "SO1"}, write=True)
    assert answer["at"].isoformat() == "2026-11-23T16:30:00+00:00"
    assert answer["sure"].isoformat() == "2026-11-23T15:30:00+00:00"


_MORE = (
    '<MakeResponse xmlns="urn:t" since="2"><new><deep>1</deep></new><number>D1</number>'
    "<later>x</later></MakeResponse>"
)


def test_what_an_upgraded_dms_answers_besides_is_refused_or_noted(
    dms: Dms, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = plain("", answer=_MORE)
    with pytest.raises(InDoubt):
        reach(dms, odd, tmp_path).call("Make", {"order": "SO1"}, write=True)
    client = reach(dms, odd, tmp_path, extra_elements="note")
    configure("warning")
    for _ in range(2):
        assert client.call("Make", {"order": "SO1"}, write=True) == {"number": "D1"}
    logged = capsys.readouterr().err
    for noted in ("MakeResponse/@since", "MakeResponse/later", "MakeResponse/new"):
        assert logged.count(f'"{noted}"') == 1, logged  # once, whatever the number of answers
    # What is missing is missing all the same.
    dms.body = replace(odd, answer=_MORE.replace("number", "numbers")).body()
    with pytest.raises(InDoubt):
        client.call("Make", {"order": "SO1"}, write=True)


_ROW = element("row", '<xs:element name="no" type="xs:string"/>').replace(
    'name="row"', 'name="row" minOccurs="0" maxOccurs="unbounded"'
)
_LISTS = {
    "rows": (_ROW, "<rows2><no>D1</no></rows2>", "<total>1</total>"),
    "texts": (
        '<xs:element name="row" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>',
        "<rows2>D1</rows2>",
        "<more><total>1</total></more>",
    ),
    "what holds rows": (
        element("held", _ROW).replace('name="held"', 'name="held" minOccurs="0"'),
        "<held2><row><no>D1</no></row></held2>",
        "<held2/>",
    ),
}


@pytest.mark.parametrize("kind", list(_LISTS))
def test_a_list_by_another_name_is_not_left_out(dms: Dms, tmp_path: Path, kind: str) -> None:
    inner, renamed, besides = _LISTS[kind]
    odd = plain("", documents=document(schema(TAKEN + element("MakeResponse", inner))))
    client = reach(dms, odd, tmp_path, extra_elements="note")
    dms.body = replace(odd, answer=f'<MakeResponse xmlns="urn:t">{besides}</MakeResponse>').body()
    assert client.call("Make", {"order": "SO1"}, write=False).get("row") in ([], None)
    dms.body = replace(odd, answer=f'<MakeResponse xmlns="urn:t">{renamed}</MakeResponse>').body()
    with pytest.raises(RetryLater, match="breaks the WSDL"):
        client.call("Make", {"order": "SO1"}, write=False)
    with pytest.raises(InDoubt):
        client.call("Make", {"order": "SO1"}, write=True)


@pytest.mark.parametrize(
    "content",
    [
        # It refers to itself, to nothing, and to more and more.
        '<out href="#a"/></t:MakeResponse><m id="a"><x href="#a"/></m>',
        '<out href="#b"/></t:MakeResponse><m id="a"/>',
        '<out href="#n0"/></t:MakeResponse>'
        + "".join(
            f'<m id="n{number}">' + f'<x href="#n{number + 1}"/>' * 10 + "</m>"
            for number in range(12)
        )
        + '<m id="n12">x</m>',
        # A word for a number, a number missing, and something more.
        "<out><no>D1</no><code>many</code></out></t:MakeResponse>",
        "<out><code>1</code></out></t:MakeResponse>",
        "<out><no>D1</no><code>1</code><more/></out></t:MakeResponse>",
    ],
)
def test_an_encoded_answer_that_breaks_its_types_is_a_doubt(
    dms: Dms, tmp_path: Path, content: str
) -> None:
    odd = next(each for each in ROWS if each.name == "a bean by reference")
    answer = f'<t:MakeResponse xmlns:t="urn:t">{content}'
    client = reach(dms, replace(odd, answer=answer), tmp_path)
    with pytest.raises(InDoubt):
        client.call("Make", {"order": "SO1"}, write=True)


def test_an_encoded_request_that_breaks_its_types_never_leaves(dms: Dms, tmp_path: Path) -> None:
    odd = next(each for each in ROWS if each.name == "arrays in an encoded request")
    client = reach(dms, odd, tmp_path)
    dms.seen = b""
    with pytest.raises(MappingFailed):
        client.call("Make", {"order": "SO1", "lines": [{"no": "x"}], "words": []}, write=True)
    with pytest.raises(MappingFailed, match="order"):
        client.call("Make", {"lines": [{"no": 1}], "words": []}, write=True)
    assert dms.seen == b""


def test_an_encoded_array_may_hold_nothing(dms: Dms, tmp_path: Path) -> None:
    odd = next(each for each in ROWS if each.name == "arrays in an encoded request")
    client = reach(dms, odd, tmp_path)
    client.call("Make", {"order": "SO1", "lines": [], "words": []}, write=True)
    assert 'Line[0]"' in dms.seen.decode()


def test_attachments_that_are_missing_are_a_doubt(dms: Dms, tmp_path: Path) -> None:
    odd = next(each for each in ROWS if each.name == "MTOM")
    client = reach(dms, odd, tmp_path)
    for body in (
        odd.body().replace(b"Content-ID: <one@x>", b"Content-ID: <other@x>"),
        odd.body()[:300],
        gzip.compress(odd.body()),
        b"--b--\r\n",
    ):
        dms.body = body
        with pytest.raises(InDoubt):
            client.call("Make", {"order": "SO1"}, write=True)
