"""Every wire ends its calls in time and reads no answer that is too large, whoever answers."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.bounded import AnswerLimits, AnswerTooLarge, BoundedAdapter, bounded
from connector.dms.errors import typed
from connector.dms.transport import DmsSettings, DmsTransport
from connector.errors import InDoubt, RetryLater
from connector.sap.odata.wire import ODataSettings, Write
from connector.sap.odata.wire import Wire as ODataWire
from connector.sap.soap import SoapSap, SoapSettings
from connector.sap.wire import Wire as SoapWire
from connector.storefront.rest import Rest, WooCommerceSettings, an_object
from tests.support.hostile import (
    Hostile,
    bomb,
    dripping_body,
    dripping_head,
    dripping_status,
    endless,
    hostile,
    whole,
)

SECONDS = 0.4
SMALL = AnswerLimits(largest=1_000_000, deepest=50, parts=10_000)
TOKEN = whole(b'{"d": {"EntitySets": []}}', "x-csrf-token: T")
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ENVELOPE = f"<e:Envelope xmlns:e='{SOAP}'><e:Body>{{}}</e:Body></e:Envelope>"


@pytest.fixture(scope="module")
def server() -> Iterator[Hostile]:
    with hostile() as running:
        yield running


def soap(server: Hostile, write: bool, answers: AnswerLimits, seconds: float) -> Any:
    known = SoapSettings(
        server.url, "100", "u", "p", read_timeout=9, call_deadline=seconds, answers=answers
    )
    system = SoapSap(known)
    if not write:
        return system.call("STFC_CONNECTION", {"REQUTEXT": "x"})
    return system.post(SoapWire(known), "BAPI_TRANSACTION_COMMIT", {"WAIT": "X"})


def odata(server: Hostile, write: bool, answers: AnswerLimits, seconds: float) -> Any:
    wire = ODataWire(
        ODataSettings(
            server.url, user="u", password="p", read_timeout=9, call_deadline=seconds,
            answers=answers,
        ),
        None,
    )  # fmt: skip
    if not write:
        return wire.get("S", "A", (), "SAP")
    server.first[:] = [TOKEN]
    return wire.write(Write("POST", "S", "A", b"{}"), "SAP")


def dms(server: Hostile, write: bool, answers: AnswerLimits, seconds: float) -> Any:
    known = DmsSettings(server.url, read_timeout=9, call_deadline=seconds, answers=answers)
    try:
        return DmsTransport(known).post(server.url, b"<x/>", {})
    except requests.RequestException as error:
        raise typed(error, place="DMS", write=write) from error


def storefront(server: Hostile, write: bool, answers: AnswerLimits, seconds: float) -> Any:
    rest = Rest(
        WooCommerceSettings(
            server.url, "k", "s", read_timeout=9, call_deadline=seconds, answers=answers
        )
    )
    if not write:
        return rest.read("/orders/1", {}, an_object)
    return rest.write("PUT", "/orders/1", {}, an_object)


WIRES: dict[str, Callable[[Hostile, bool, AnswerLimits, float], Any]] = {
    each.__name__: each for each in (soap, odata, dms, storefront)
}
ATTRIBUTES = " ".join(f"b{number}=''" for number in range(20_000))
SLOW = {each.__name__: each for each in (dripping_head, dripping_status, dripping_body)}
LARGE = {
    "endless": endless,
    "bomb": bomb(),
    "elements": whole(ENVELOPE.format("<a/>" * 20_000).encode()),
    "attributes": whole(ENVELOPE.format(f"<a {ATTRIBUTES}/>").encode()),
    "members": whole(b"[" + b"{}," * 20_000 + b"{}]"),
}


@pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("answer", SLOW)
def test_a_call_ends_with_its_deadline_whatever_drips(
    server: Hostile, answer: str, wire: str, write: bool
) -> None:
    server.answer = SLOW[answer]
    began = time.monotonic()
    with pytest.raises(InDoubt if write else RetryLater) as raised:
        WIRES[wire](server, write, SMALL, SECONDS)
    assert SECONDS - 0.1 < time.monotonic() - began < SECONDS + 1
    assert not (write and raised.value.no_effect)


@pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
@pytest.mark.parametrize(("answer", "wire"), list(product(LARGE, WIRES)))
def test_an_answer_that_is_too_large_is_not_read(
    server: Hostile, answer: str, wire: str, write: bool
) -> None:
    server.answer = LARGE[answer]
    began = time.monotonic()
    with pytest.raises(InDoubt if write else RetryLater, match=r"answers\.") as raised:
        WIRES[wire](server, write, SMALL, 10)
    assert time.monotonic() - began < 10
    assert not (write and raised.value.no_effect)


def nested(depth: int) -> bytes:
    inner = "<a>" * depth + "</a>" * depth
    name = "STFC_CONNECTION.Response"
    return ENVELOPE.format(f"<r:{name} xmlns:r='urn:x'>{inner}</r:{name}>").encode()


def test_parts_that_stand_too_deeply_within_one_another_are_refused(server: Hostile) -> None:
    server.answer = whole(nested(20))
    assert soap(server, False, SMALL, 10)
    server.answer = whole(nested(120))
    with pytest.raises(RetryLater, match=r"answers\.deepest"):
        soap(server, False, SMALL, 10)
    server.answer = whole(b"[" * 60 + b"]" * 60)
    with pytest.raises(RetryLater, match=r"answers\.deepest"):
        odata(server, False, SMALL, 10)


def test_a_handshake_that_drips_ends_with_the_call_and_sent_nothing() -> None:
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 KB, of a handshake
            while not stop.wait(0.05):
                connection.sendall(b"\x02")

    threading.Thread(target=drip, daemon=True).start()
    adapter, session = BoundedAdapter(), requests.Session()
    session.mount("https://", adapter)
    began = time.monotonic()
    with pytest.raises(requests.ConnectTimeout):
        bounded(
            adapter,
            SECONDS,
            SMALL,
            lambda: session.get(f"https://127.0.0.1:{listener.getsockname()[1]}", timeout=9),
        )
    assert time.monotonic() - began < SECONDS + 1
    stop.set()
    listener.close()


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.booleans() | st.text(alphabet="ab\u4e2d"),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="ab"), inner),
        max_leaves=40,
    )
)
def test_json_is_as_deep_as_its_brackets(value: Any) -> None:
    def depth(one: Any) -> int:
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else None
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    content = json.dumps({"all": value}).encode()
    AnswerLimits(deepest=depth(value) + 1).check_depth(content)
    with pytest.raises(AnswerTooLarge):
        AnswerLimits(deepest=depth(value)).check_depth(content)


# The peak is that of the process itself: what `resource` says begins with the parent's.
_MEMORY = """
import re, sys
from pathlib import Path
from types import SimpleNamespace
from connector.bounded import AnswerLimits
from connector.errors import ConnectorError
from tests.test_bounded import WIRES

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1000

before = peak()
try:
    WIRES[sys.argv[1]](SimpleNamespace(url=sys.argv[2], first=[]), True, AnswerLimits(), 60)
except ConnectorError:
    pass
print(peak() - before)
"""
_NAME = "BAPI_TRANSACTION_COMMIT.Response"
_ROW = f"<r:{_NAME} xmlns:r='urn:x'><T>{{}}</T></r:{_NAME}>"
HUGE: dict[str, Callable[[], Any]] = {
    "elements": lambda: whole(ENVELOPE.format("<a/>" * 4_900_000).encode()),
    "as many as are read": lambda: whole(
        ENVELOPE.format(_ROW.format("<item><A>1</A></item>" * 120_000)).encode()
    ),
    "members": lambda: whole(b"[" + b"{}," * 6_000_000 + b"{}]"),
    "objects": lambda: whole(b"[" + b'{"a":{}},' * 160_000 + b"{}]"),
    "blanks": lambda: whole(b" " * 19_000_000),
    "bomb": bomb,
    "endless": lambda: endless,
}


@pytest.mark.night(sample=4)
@pytest.mark.parametrize(("answer", "wire"), list(product(HUGE, WIRES)))
def test_no_answer_takes_more_than_two_hundred_megabytes(
    server: Hostile, wire: str, answer: str
) -> None:
    server.answer = HUGE[answer]()
    server.first[:] = [TOKEN] if wire == "odata" else []
    command = [sys.executable, "-c", _MEMORY, wire, server.url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    print(answer, wire, done.stdout.strip(), "MB")
    assert int(done.stdout) < 200
