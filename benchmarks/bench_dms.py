"""How much of a bare zeep loop's speed is left when every order is recorded, checked and mapped.

The server runs in a process of its own; both sides send it the same envelopes of 10 lines over
connections that are kept, without looking for proxies in the environment, and take turns, round by
round. One thread works against the sandbox's DMS, which checks and keeps every order; many threads
against one that only waits and answers. Recording costs two commits an order, one of which waits
for the disk: where disk or processors are busy with others, these are most of what is measured, so
the load and the processor time are told beside. With many threads on two cores, threads wait for
each other's Python; what bare threads reach there is told too.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests
import zeep
import zeep.wsse.username

from benchmarks.dms_server import serve, serve_sandbox
from connector.dms.client import DmsSettings, SoapDms
from connector.dms.desk import DmsDesk
from connector.dms.gated import GatedDms
from connector.dms.patient import PatientDms
from connector.gate import Gate, Limits
from connector.logs import configure
from connector.mapping import load
from connector.sandbox.service import DMS_PASSWORD, DMS_USER
from connector.steps.outbound import Document, Outbound
from connector.store.calls import Call, Calls
from connector.store.database import Database

WSDL = str(Path("connector/sandbox/dms.wsdl").resolve())
LINES = 10
ORDERS = 300
ROUNDS = 10
LATENCY = 0.05
WORKERS = 16


def source(number: str) -> dict[str, Any]:
    """Return what a sales order of ten lines is mapped from."""
    address = {"province": "江苏", "city": "徐州市", "street": "示例路1号", "postcode": "221000"}
    lines = [
        {
            "number": line,
            "sku": f"XC-{line}",
            "name": "滤芯",
            "open_quantity": Decimal(2),
            "unit": "PCE",
            "unit_price": Decimal("25.00"),
            "discount": Decimal(0),
            "open_discount": Decimal(0),
            "open_amount": Decimal("50.00"),
        }
        for line in range(1, LINES + 1)
    ]
    return {
        "external_number": number,
        "customer_number": "0000100001",
        "business_unit": {"dms_code": "GQ"},
        "freight": Decimal(0),
        "total": Decimal(50 * LINES),
        "lines": lines,
        "order": {
            "placed_at": datetime(2026, 11, 24, 1, tzinfo=UTC),
            "currency": "CNY",
            "invoice_kind": "ordinary",
            "ship_to": {"name": "示例", "phone": "13900000000", "address": address},
        },
    }


def main() -> None:
    """Print both ratios."""
    configure("error")
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        for latency, workers in ((0.0, 1), (LATENCY, WORKERS)):
            ports = context.SimpleQueue()
            target = serve if latency else serve_sandbox
            server = context.Process(target=target, args=(ports, latency), daemon=True)
            server.start()
            url = f"http://127.0.0.1:{ports.get()}/dms/service"
            try:
                _measure(url, Path(folder) / f"{workers}.db", latency, workers)
            finally:
                server.kill()
                server.join()


def _measure(url: str, database_file: Path, latency: float, workers: int) -> None:
    numbers = map(str, itertools.count(1))
    # Threads that begin together get out of step only by and by: a round of theirs is long.
    orders, rounds = (ORDERS // ROUNDS, ROUNDS) if workers == 1 else (workers * 75, 3)
    sides = (_bare(url), _connector(url, database_file))
    rates: list[tuple[float, float]] = []
    spent = [0.0, 0.0]
    # The threads stay, so that those of the bare loop keep their clients as the connector does.
    with ThreadPoolExecutor(workers) as threads:
        pool = threads if workers > 1 else None
        for make in sides:
            _rate(make, list(itertools.islice(numbers, workers * 30)), pool)
        for _ in range(rounds):  # side by side, so that a busy moment strikes both
            pair = []
            for place, make in enumerate(sides):
                names = list(itertools.islice(numbers, orders))
                began = time.process_time()
                pair.append(_rate(make, names, pool))
                spent[place] += (time.process_time() - began) / orders / rounds * 1000
            rates.append((pair[0], pair[1]))
    ratio = statistics.median(mine / base for base, mine in rates)
    base, mine = (statistics.median(each) for each in zip(*rates, strict=True))
    said = f"bare zeep {base:.0f} orders/s, recorded and checked {mine:.0f}/s"
    if workers == 1:
        goal = f"ratio {ratio:.2f} (goal 0.80)"
    else:
        best = workers / latency
        goal = (
            f"{mine / best:.2f} of workers/latency ({best:.0f}/s; goal 0.90), bare"
            f" {base / best:.2f}"
        )
    who = "one thread" if workers == 1 else f"{workers} workers, {latency * 1000:.0f} ms latency"
    print(
        f"  {who}: {said}, {goal};"
        f" processor {spent[0]:.2f} and {spent[1]:.2f} ms an order, load {os.getloadavg()[0]:.1f}"
    )


def _rate(
    make: Callable[[str], None], names: Sequence[str], pool: ThreadPoolExecutor | None
) -> float:
    began = time.perf_counter()
    if pool is None:
        for name in names:
            make(name)
    else:
        list(pool.map(make, names))
    return len(names) / (time.perf_counter() - began)


def _bare(url: str) -> Callable[[str], None]:
    mapping = load(Path("mappings"))["dms_sales_order"]
    body = mapping.apply(source("0")).body
    threads = threading.local()

    def service() -> Any:
        untyped: Any = zeep  # it has no annotations to call by
        session = requests.Session()
        session.trust_env = False
        client = untyped.Client(
            WSDL,
            wsse=untyped.wsse.username.UsernameToken(DMS_USER, DMS_PASSWORD),
            transport=untyped.Transport(session=session),
        )
        return client.create_service("{urn:dms:sales:v1}SalesSoap11", url)

    def make(number: str) -> None:
        if not hasattr(threads, "service"):
            threads.service = service()
        header = {**body["header"], "externalNumber": number}
        if not threads.service.CreateSalesOrder(header=header)["orderNumber"]:
            raise AssertionError("no order number")

    return make


def _connector(url: str, database_file: Path) -> Callable[[str], None]:
    mappings = load(Path("mappings"))

    def clock() -> datetime:
        return datetime.now(UTC)

    client = SoapDms(
        DmsSettings(wsdl=WSDL, endpoint=url, user=DMS_USER, password=DMS_PASSWORD),
        lambda: mappings,
    )
    dms = PatientDms(GatedDms(client, Gate("DMS", Limits(), clock)), 5)
    desk = DmsDesk(dms, lambda: mappings)
    database = Database(f"sqlite:///{database_file}")
    database.upgrade()
    calls = Calls(database)
    outbound = Outbound(calls, clock, timedelta(minutes=3))

    def make(number: str) -> None:
        prepared = desk.prepare("dms_sales_order", source(number))

        def send() -> Document:
            answer = desk.send(prepared)
            return Document(str(answer["number"]), answer)

        def ask() -> Document:
            raise AssertionError("no answer is lost here")

        call = Call(
            system="dms",
            operation="dms_sales_order",
            subject=f"shop/{number}",
            part="GQ",
            reference=number,
            request=prepared.body,
            mapping_version=prepared.mapping_version,
        )
        outbound.perform(call, send, ask)

    return make


if __name__ == "__main__":
    main()
