"""What a call costs over each transport, against its bare client library on the same server."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import pyrfc
import requests

from connector.sandbox.service import SAP_PASSWORD, SAP_USER
from connector.sap.envelope import request_xml
from connector.sap.rfc import RfcSap, RfcSettings
from connector.sap.soap import SoapSap, SoapSettings
from tests.support import pyrfc_double

_ROUNDS, _CALLS = 15, 100
_ASKED = {"REQUTEXT": "connector"}
_SERVER = """
import sys
from connector.sandbox.service import Sandbox
with Sandbox() as sandbox:
    print(sandbox.sap_url, flush=True)
    sys.stdin.read()
"""


def main() -> None:
    """Print the time of a call and the ratio to the bare library, for both transports."""
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        url = server.stdout.readline().strip()
        _soap(url)
        _rfc(url)
    finally:
        server.kill()
        server.wait()


def _soap(url: str) -> None:
    http = requests.Session()
    http.trust_env = False
    http.auth = (SAP_USER, SAP_PASSWORD)
    body = request_xml("STFC_CONNECTION", _ASKED, "rfc")
    headers = {"Content-Type": "text/xml; charset=utf-8"}

    def bare() -> None:
        assert b"RESPTEXT" in http.post(url, data=body, headers=headers, timeout=10).content

    system = SoapSap(SoapSettings(url, "100", SAP_USER, SAP_PASSWORD))
    _compare("soap, against requests", bare, lambda: system.call("STFC_CONNECTION", _ASKED))


def _rfc(url: str) -> None:
    bare = pyrfc_double.Connection(url=url, client="100", user=SAP_USER, passwd=SAP_PASSWORD)
    kept = pyrfc.Connection
    vars(pyrfc)["Connection"] = pyrfc_double.Connection
    try:
        system = RfcSap(RfcSettings({"url": url}, "100", SAP_USER, SAP_PASSWORD))
        _compare(
            "rfc, against the double of pyrfc",
            lambda: bare.call("STFC_CONNECTION", **_ASKED),
            lambda: system.call("STFC_CONNECTION", _ASKED),
        )
        system.close()
    finally:
        vars(pyrfc)["Connection"] = kept
        bare.close()


def _compare(name: str, bare: Callable[[], object], ours: Callable[[], object]) -> None:
    """Time both in turns, so that whatever else the machine does strikes both alike."""
    ratios, times = [], []
    for call in (bare, ours):
        call()
    for _ in range(_ROUNDS):
        first, second = _timed(bare), _timed(ours)
        ratios.append(second / first)
        times.append(second)
    print(
        f"  {name}: {statistics.median(times) / _CALLS * 1000:.2f} ms a call,"
        f" {statistics.median(ratios):.2f} × (goal: at most 1.15)"
    )


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(_CALLS):
        call()
    return time.perf_counter() - began
