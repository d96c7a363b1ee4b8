"""Every fault of line and host × every write: in the end one document each, and none lost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dms.bench import WRITES, Bench, Row
from tests.support.wire import Trouble

_ENVELOPE = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>%s</s:Body></s:Envelope>'
_FAULT_12 = _ENVELOPE % (
    b"<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code>"
    b"<s:Reason><s:Text>no</s:Text></s:Reason></s:Fault>"
)
_NO_DETAIL = _ENVELOPE % (
    b"<s:Fault><faultcode>s:Server</faultcode><faultstring>oops</faultstring></s:Fault>"
)
_ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + _ENVELOPE % b"<x>&a;</x>"
HTML = "text/html"


def _row(name: str, then: str, how: str = "answer", **trouble: Any) -> Row:
    return Row(name, Trouble(how, **trouble), then)


ROWS = [
    _row("refused", "nothing", "refused"),
    _row("reset before processing", "settling", "reset"),
    _row("reset after processing", "found", "reset", forwarded=True),
    _row("cut answer", "found", "cut", forwarded=True),
    _row("slow drip", "found", "drip", forwarded=True),
    _row("silence after processing", "found", "hold", forwarded=True),
    _row("half-open", "settling", "hold"),
    _row("302", "settling", status=302, content_type=HTML),
    _row("401", "settling", status=401, content_type=HTML),
    _row("500 HTML before", "settling", status=500, body=b"<html>", content_type=HTML),
    _row("500 HTML after", "found", status=500, body=b"<html>", content_type=HTML, forwarded=True),
    _row("503", "settling", status=503, body=b"busy", content_type=HTML),
    _row("empty", "found", forwarded=True),
    _row("invalid XML", "found", body=b"<broken", forwarded=True),
    _row("schema-invalid answer", "found", body=_ENVELOPE % b"<x/>", forwarded=True),
    _row("SOAP 1.2-shaped fault", "settling", status=500, body=_FAULT_12),
    _row("SOAP 1.2-shaped fault after", "found", status=500, body=_FAULT_12, forwarded=True),
    _row("fault without detail", "settling", status=500, body=_NO_DETAIL),
    _row("huge answer", "found", body=_ENVELOPE % (b"x" * 400_000), forwarded=True),
    _row("deep answer", "found", body=_ENVELOPE % (b"<a>" * 200 + b"</a>" * 200), forwarded=True),
    _row("entities", "found", body=_ENTITIES, forwarded=True),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_fault_while_creating_an_order_makes_no_second_one(bench: Bench, row: Row) -> None:
    WRITES["create"](bench, row)


@pytest.mark.night(sample=20)
@pytest.mark.parametrize("write", list(WRITES)[1:])
@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_fault_of_any_other_write_makes_nothing_twice(bench: Bench, row: Row, write: str) -> None:
    WRITES[write](bench, row)
