"""What the desk needs of any DMS server, shown on three that share only a WSDL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.dms.client import DmsSettings, SoapDms
from connector.dms.desk import DmsDesk
from connector.errors import InDoubt, Rejected
from connector.mapping import Broken, load
from connector.sandbox.service import DMS_PASSWORD, DMS_USER, Sandbox
from connector.steps.difference import content_differences
from connector.steps.sales_order import order_content
from tests.support import peers
from tests.support.wire import Trouble, Wire

SOURCE: dict[str, Any] = {
    "external_number": "4711",
    "reference": "4711-GQ",
    "customer_number": "0000100001",
    "freight": Decimal("12.00"),
    "total": Decimal("112.35"),
    "business_unit": {"dms_code": "GQ", "plant": "1000"},
    "order": {
        "placed_at": datetime(2026, 11, 24, 1, tzinfo=UTC),
        "currency": "CNY",
        "note": "请送到 & <门卫>",
        "invoice_kind": "special",
        "buyer": {
            "kind": "company",
            "name": "江苏测试机械有限公司",
            "code": "91320300MA1M9XJK4U",
            "email": "buyer@example.com",
            "phone": "13900000000",
        },
        "ship_to": {
            "name": "张三",
            "company": "江苏测试机械有限公司",
            "phone": "13900000000",
            "address": {
                "province": "江苏",
                "city": "徐州市",
                "street": "驮蓝山路26号",
                "postcode": "221000",
            },
        },
    },
    "lines": [
        {
            "number": number,
            "sku": f"XC-{number}",
            "name": "滤芯",
            "quantity": Decimal(2),
            "open_quantity": Decimal(2),
            "allocated": Decimal(2),
            "unit": "PCE",
            "unit_price": Decimal("25.0875"),
            "discount": Decimal(0),
            "open_discount": Decimal(0),
            "amount": amount,
            "open_amount": amount,
        }
        for number, amount in ((1, Decimal("50.17")), (2, Decimal("50.18")))
    ],
}


@pytest.fixture(scope="module", params=["sandbox", "node", "php"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def wire(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with ExitStack() as stack:
        try:
            if kind == "sandbox":
                port = int(stack.enter_context(Sandbox()).dms_wsdl_url.split(":")[2].split("/")[0])
            elif kind == "node":
                port = stack.enter_context(peers.node())
            else:
                port = stack.enter_context(peers.php(tmp_path_factory.mktemp("php")))
        except peers.MissingPeer as missing:
            if os.environ.get("CI"):
                pytest.fail(f"{missing} (in CI that is a failure)")
            pytest.skip(f"NOT TESTED AGAINST {kind.upper()}: {missing}")
        wired = Wire(port)
        stack.callback(wired.stop)
        yield wired


@pytest.fixture(scope="module")
def desk(wire: Wire) -> DmsDesk:
    mappings = load(Path("mappings"))
    client = SoapDms(
        DmsSettings(
            wsdl=str(peers.WSDL),
            endpoint=f"{wire.url}/dms/service",
            user=DMS_USER,
            password=DMS_PASSWORD,
        ),
        lambda: mappings,
    )
    return DmsDesk(client, lambda: mappings)


def create(desk: DmsDesk, number: str, **changed: Any) -> str:
    source = SOURCE | {"external_number": number, "reference": f"{number}-GQ"} | changed
    return str(desk.send(desk.prepare("dms_sales_order", source))["number"])


def found(desk: DmsDesk, number: str) -> list[dict[str, Any]]:
    orders = desk.find(number, "GQ")
    assert orders is not None
    return orders


def test_an_order_is_found_as_it_was_sent(desk: DmsDesk) -> None:
    number = create(desk, "1001")
    (order,) = found(desk, "1001")
    assert (order["number"], order["status"]) == (number, "open")
    assert content_differences(order_content(SOURCE), order) == ()
    assert len(order["lines"]) == 2


def test_what_is_not_there_is_not_found(desk: DmsDesk) -> None:
    assert found(desk, "404") == []


def test_a_refusal_comes_with_its_code_and_words(desk: DmsDesk) -> None:
    with pytest.raises(Rejected) as refused:
        desk.send(desk.prepare("dms_cancel", {"sales_order": "SO1", "reason": "no more wanted"}))
    assert refused.value.code == "NOT_FOUND"
    assert "SO1" in refused.value.text


def test_documents_of_an_order_are_found_by_their_references(desk: DmsDesk) -> None:
    number = create(desk, "1002")
    source = SOURCE | {"sales_order": number, "reason": "broken"}
    for kind in ("delivery_note", "invoice_application"):
        prepared = desk.prepare(f"dms_{kind}", source | {"reference": f"1002-{kind}"})
        made = desk.send(prepared)["number"]
        (order,) = found(desk, "1002")
        (document,) = order[f"{kind}s"]
        assert (document["number"], document["reference"]) == (made, f"1002-{kind}")
    ordered = {line["number"]: Decimal(line["quantity"]) for line in order["lines"]}
    noted = order["delivery_notes"][0]["lines"]
    assert {line["number"]: Decimal(line["quantity"]) for line in noted} == ordered


def test_a_cancelled_order_says_so(desk: DmsDesk) -> None:
    number = create(desk, "1003")
    prepared = desk.prepare("dms_cancel", {"sales_order": number, "reason": "no more wanted"})
    assert desk.send(prepared)["number"] == number
    assert [order["status"] for order in found(desk, "1003")] == ["cancelled"]


def _none_aside(mapping: str, broken: Broken) -> None:
    pytest.fail(f"{mapping}: {broken.findings}")


def test_changes_are_told(desk: DmsDesk) -> None:
    number = create(desk, "1004")
    told = {
        news["number"]: news["status"]
        for news in desk.changed_since(datetime(2026, 1, 1, tzinfo=UTC), _none_aside)
    }
    assert told[number] == "open"


@pytest.mark.parametrize("how", ["reset", "cut"])
def test_a_lost_answer_is_a_doubt_that_finding_ends(desk: DmsDesk, wire: Wire, how: str) -> None:
    number = f"20{len(how)}"
    with (
        wire.suffers("CreateSalesOrder", Trouble(how, forwarded=True)),
        pytest.raises(InDoubt),
    ):
        create(desk, number)
    assert len(found(desk, number)) == 1


def test_a_return_is_registered_or_refused_in_words(desk: DmsDesk, kind: str) -> None:
    number = create(desk, "1005")
    lines = [{"number": 1, "quantity": Decimal(1)}]
    source = SOURCE | {"sales_order": number, "reason": "broken", "reference": "1005-R1"}
    prepared = desk.prepare("dms_return", source | {"return_lines": lines})
    if kind == "sandbox":
        # It knows that nothing of the order has left.
        with pytest.raises(Rejected, match="shipped"):
            desk.send(prepared)
        return
    made = desk.send(prepared)
    (order,) = found(desk, "1005")
    (document,) = order["returns"]
    assert (document["number"], document["reference"]) == (made["number"], "1005-R1")
