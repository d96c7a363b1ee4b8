"""How much of a bare zeep loop's speed is left when every order is recorded, checked and mapped.

The server runs in a process of its own; both sides send it the same envelopes of 10 lines. One
thread works against the sandbox's DMS, which checks and keeps every order; many threads against
one that only waits and answers. Recording costs two commits to disk an order: where the disk is
busy with others, these are most of what is measured, so the processor time is told beside.
"""

from __future__ import annotations

import itertools
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

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
    ours = _connector(url, database_file)
    numbers = itertools.count(1)
    orders = ORDERS * (4 if workers > 1 else 1)
    if workers > 1:
        _rate(ours, numbers, workers * 2, workers)  # every thread has made its client
        rate = _rate(ours, numbers, orders, workers)
        best = workers / latency
        print(
            f"  {workers} workers, {latency * 1000:.0f} ms latency: {rate:.0f} orders/s,"
            f" {rate / best:.2f} of workers/latency ({best:.0f}/s; goal 0.90)"
        )
        return
    bare = _bare(url)
    for make in (bare, ours):
        _rate(make, numbers, 30, 1)
    rates: list[tuple[float, float]] = []
    spent = [0.0, 0.0]
    for _ in range(10):  # side by side, so that a busy moment strikes both
        pair = []
        for place, make in enumerate((bare, ours)):
            began = time.process_time()
            pair.append(_rate(make, numbers, orders // 10, 1))
            spent[place] += (time.process_time() - began) / orders * 1000
        rates.append((pair[0], pair[1]))
    ratio = statistics.median(mine / base for base, mine in rates)
    base, mine = (statistics.median(each) for each in zip(*rates, strict=True))
    print(
        f"  one thread: bare zeep {base:.0f} orders/s, recorded and checked {mine:.0f}/s,"
        f" ratio {ratio:.2f} (goal 0.80); processor {spent[0]:.2f} and {spent[1]:.2f} ms an order"
    )


def _rate(
    make: Callable[[str], None], numbers: itertools.count[int], orders: int, workers: int
) -> float:
    names = [str(next(numbers)) for _ in range(orders)]
    began = time.perf_counter()
    if workers == 1:
        for name in names:
            make(name)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(make, names))
    return orders / (time.perf_counter() - began)


def _bare(url: str) -> Callable[[str], None]:
    untyped: Any = zeep  # it has no annotations to call by
    token = untyped.wsse.username.UsernameToken(DMS_USER, DMS_PASSWORD)
    client = untyped.Client(WSDL, wsse=token)
    service = client.create_service("{urn:dms:sales:v1}SalesSoap11", url)
    mapping = load(Path("mappings"))["dms_sales_order"]
    body = mapping.apply(source("0")).body

    def make(number: str) -> None:
        header = {**body["header"], "externalNumber": number}
        if not service.CreateSalesOrder(header=header)["orderNumber"]:
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

        call = Call(
            system="dms",
            operation="dms_sales_order",
            subject=f"shop/{number}",
            part="GQ",
            reference=number,
            request=prepared.body,
            mapping_version=prepared.mapping_version,
        )
        outbound.perform(call, send, None)

    return make


if __name__ == "__main__":
    main()
