"""How fast are the buyers of many orders matched, against what SAP's latency allows at best?"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from connector.domain.matching import Verdict, decide
from connector.domain.order import Address, Buyer, BuyerKind
from connector.mapping import load
from connector.sap.customers import CustomerDesk
from connector.sap.port import Answer, Parameters
from connector.sap.soap import SoapSap, SoapSettings

_ORDERS, _SESSIONS, _LATENCY, _CHUNK = 10_000, 8, 0.02, 8


class Counted(SoapSap):
    """Counts the calls that SAP gets."""

    calls = 0

    def call(self, function: str, parameters: Parameters) -> Answer:
        """See `SapSystem`."""
        Counted.calls += 1
        return super().call(function, parameters)


def main() -> None:
    """Print customers matched per second, and the ratio to latency × calls / sessions."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sap_server", str(_LATENCY)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/sap/bc/soap/rfc"
        mappings = load(Path("mappings"))
        system = Counted(SoapSettings(url, "100", "U", "p", sessions=_SESSIONS))
        desk = CustomerDesk(system, lambda: mappings)
        buyers = [_buyer(number) for number in range(_ORDERS)]
        desk.find(buyers[:_CHUNK])  # the first logon
        Counted.calls = 0
        chunks = [buyers[start : start + _CHUNK] for start in range(0, _ORDERS, _CHUNK)]

        def match(chunk: list[Buyer]) -> int:
            found = desk.find(chunk)
            decisions = [decide(*pair) for pair in zip(chunk, found, strict=True)]
            return sum(each.verdict is Verdict.RECOGNISED for each in decisions)

        began, worked = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(_SESSIONS) as pool:
            matched = sum(pool.map(match, chunks))
        took, worked = time.perf_counter() - began, time.process_time() - worked
    finally:
        server.kill()
        server.wait()
    assert matched == _ORDERS
    best = _LATENCY * Counted.calls / _SESSIONS
    print(
        f"  {_ORDERS:,} orders of as many buyers, {_LATENCY * 1000:.0f} ms of latency,"
        f" {_SESSIONS} sessions: {Counted.calls:,} calls, {matched / took:,.0f} customers/s"
    )
    print(
        f"  {took:.2f} s, {took / best:.2f} × latency × calls / sessions (goal: at most 1.3),"
        f" {worked:.2f} s of work in this process"
    )


def _buyer(number: int) -> Buyer:
    code = f"3203001979{number:08d}"
    address = Address("CN", "江苏", "徐州市", f"试验路{number}号", "221000")
    return Buyer(BuyerKind.PERSON, f"李{code[-6:]}", code, "李", f"138{number:08d}", "", address)
