"""What mappings do at run time with sample orders and answers: the judge of the static check.

Knows nothing of `connector.mapping.check`: it applies the mappings, holds what they make against
the sandbox's own schemas, and returns everything that anybody would see of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lxml import etree

from connector.bootstrap import business_units_of
from connector.dms.client import DmsSettings, SoapDms
from connector.domain.business_unit import assign
from connector.domain.order import Order
from connector.domain.reading import read_order
from connector.mapping import MappingSet, load
from connector.sandbox import dms
from connector.sap.finding import search_source
from connector.sap.fitting import findings
from connector.sap.interface import file_of, from_snapshot
from connector.sap.port import Parameter
from connector.settings import load_settings
from connector.steps.context import part_source

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "mappings"
MAPPINGS = (
    "storefront_order", "sap_customer_find", "sap_customer_create_company",
    "sap_customer_create_person", "sap_stock", "dms_sales_order", "dms_find",
    "dms_delivery_note", "dms_invoice_application", "dms_status", "dms_cancel", "dms_return",
    "storefront_shipment", "storefront_shipment_note", "storefront_invoice",
    "storefront_invoice_note",
)  # fmt: skip
_SAMPLE = (0, 1, 2, 5, 8, 12, 25)
_CODES = {
    "CreateSalesOrder": ("DUPLICATE_EXTERNAL_NUMBER", "LOCKED", "AMOUNT"),
    "CreateDeliveryNote": ("DUPLICATE_EXTERNAL_NUMBER", "LOCKED", "QUANTITY"),
    "ApplyForInvoice": ("DUPLICATE_EXTERNAL_NUMBER", "LOCKED", "AMOUNT"),
    "RegisterReturn": ("DUPLICATE_EXTERNAL_NUMBER", "LOCKED", "QUANTITY"),
    "AmendSalesOrder": ("LOCKED", "AMOUNT", "ORDER_CLOSED"),
    "CancelSalesOrder": ("ALREADY_CANCELLED", "LOCKED", "ORDER_CLOSED"),
    "FindSalesOrder": ("NOT_FOUND", "LOCKED"),
    "StatusChangedSince": ("LOCKED", "PAGE_TOKEN"),
}
_NOW = datetime(2026, 11, 24, 4, 0, 1, tzinfo=UTC)
_SHIPMENT = {
    "deliveryNoteNumber": "DN00000001", "carrier": "SF", "trackingNumber": "SF1",
    "shippedAt": _NOW, "lines": [{"lineNumber": 1, "quantity": Decimal("2.000")}],
}  # fmt: skip
_INVOICE = {
    "applicationNumber": "IA00000001", "invoiceNumber": "12345678", "invoiceCode": "1234567890",
    "kind": "SPECIAL", "date": date(2026, 11, 24), "netAmount": Decimal("88.50"),
    "taxAmount": Decimal("11.50"), "grossAmount": Decimal("100.00"), "url": "https://e.test/1",
    "red": False, "lines": [],
}  # fmt: skip
_CHANGED = {
    "orderNumber": "SO00000001", "externalNumber": "30", "status": "PARTIALLY_SHIPPED",
    "changedAt": _NOW, "shipments": [_SHIPMENT], "invoices": [_INVOICE], "returns": [],
}  # fmt: skip
_FOUND = {
    **_CHANGED,
    "content": {"total": Decimal("100.00"), "lines": []},
    "deliveryNotes": [
        {"deliveryNoteNumber": "DN00000001", "externalReference": "30-GQ-DN1", "lines": []}
    ],
    "invoiceApplications": [{"applicationNumber": "IA00000001", "externalReference": "30-GQ-IA1"}],
}
_NUMBERED = {
    "dms_sales_order": {"orderNumber": "SO00000001", "status": "OPEN"},
    "dms_delivery_note": {"deliveryNoteNumber": "DN00000001"},
    "dms_invoice_application": {"applicationNumber": "IA00000001"},
    "dms_return": {"returnNumber": "RT00000001"},
    "dms_cancel": {"orderNumber": "SO00000001", "status": "CANCELLED"},
}
# What the steps read of an order that is found; the rest is compared only where it is told.
_READ_OF_FOUND = ("number", "status", "delivery_notes", "invoice_applications")


def effects(mappings: MappingSet) -> dict[str, Any]:
    """Return all that is seen of these mappings. Raises whatever they fail with at run time."""
    seen: dict[str, Any] = {}
    for place, payload in enumerate(payloads()):
        content, said = mappings["storefront_order"].apply_leniently(payload)
        seen[f"order {place}"] = (read_order(content, shop="shop"), said)
    for name, source in sources():
        for place, (operation, body) in enumerate(_requests(mappings, name, source)):
            _accepted(mappings[name].target.system, operation, body)
            seen.setdefault(f"{name} {place}", []).append(body)
    for name, answer in _NUMBERED.items():
        reading = mappings[name].read(answer)
        seen[f"{name} answer"] = (reading.outcome, reading.values.get("number"))
    seen |= _answers(mappings)
    for name in MAPPINGS:
        mapping = mappings[name]
        if mapping.target.system == "dms":
            for code in _CODES[mapping.target.operation]:
                seen[f"{name} {code}"] = mapping.classify(code)
    return seen


def _requests(mappings: MappingSet, name: str, source: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    mapping = mappings[name]
    if mapping.read_table is not None:
        assert set(mapping.read_table.columns) <= _columns(mapping.read_table.table)
        assert {"number", "name", "code", "phone", "street", "city", "deleted", "blocked"} <= set(
            mapping.read_table.columns.values()
        )
        yield "", [(column, value(source)) for column, value, _ in mapping.find_by]
        yield "", mapping.read_table.columns
        assert {each.column for each in mapping.spec.read_table.find_by} <= _columns(  # type: ignore[union-attr]
            mapping.read_table.table
        )
    elif mapping.calls:
        answers: list[Any] = []
        for function, request in mapping.calls:
            yield function, request({**source, "answers": answers}).body
            answers.append({"CUSTOMERNO": "0000100001"})
        number = mapping.read({"answers": answers}).values["number"]
        assert number == "0000100001"
    else:
        yield mapping.target.operation, mapping.apply(source).body


def _answers(mappings: MappingSet) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    news = mappings["dms_status"].read({"orders": [_CHANGED], "nextPageToken": "t"}).values
    seen["token"] = news["next_page_token"]
    (change,) = news["changes"]
    seen["change"] = [change[name] for name in ("number", "external_number", "status")]
    for kind, document in (
        ("shipment", change["shipments"][0]), ("invoice", change["invoices"][0]),
    ):  # fmt: skip
        assert document["lines"][0]["line_number"] if kind == "shipment" else True
        told = {
            "order_id": "30",
            "number": "30",
            kind: {**document, "number": "N1"},
            "complete": True,
        }
        for name in (f"storefront_{kind}", f"storefront_{kind}_note"):
            body = mappings[name].apply(told).body
            _accepted("storefront", mappings[name].target.operation, body)
            seen[f"{name} told"] = body
    seen["red"] = change["invoices"][0]["red"]
    found = mappings["dms_find"].read({"orders": [_FOUND]}).values["orders"][0]
    seen["found"] = [found[name] for name in _READ_OF_FOUND[:2]]
    for name in _READ_OF_FOUND[2:]:
        seen[f"found {name}"] = [(each["number"], each["reference"]) for each in found[name]]
    confirmed = {"COM_DATE": "2026-11-24", "COM_QTY": "12.000"}
    stock = mappings["sap_stock"].read({"AV_QTY_PLT": "99.000", "WMDVEX": [confirmed]}).values
    seen["stock"] = stock["confirmed"]
    return seen


def _accepted(system: str, operation: str, body: Any) -> None:
    """Raise when the other side would refuse it, or cut it without a word."""
    if system == "dms":
        envelope = etree.fromstring(_client().envelope(operation, body))
        content = envelope.find("{*}Body/*")
        assert content is not None
        complaint = dms.contract().complaint(content)
        assert not complaint, complaint
    elif system == "sap" and operation:
        unfit = findings(_interface(operation), body)
        assert not unfit, unfit
    elif system == "storefront":
        json.dumps(body)
        method, _, route = operation.partition(" ")
        assert (method, route) in (
            ("PUT", "/orders/{order_id}"), ("POST", "/orders/{order_id}/notes"),
        )  # fmt: skip
        allowed = {"note", "customer_note"} if "notes" in route else {"status", "meta_data"}
        assert set(body) <= allowed
        assert body.get("status", "completed") == "completed"
        assert "notes" not in route or body["note"]
        for entry in body.get("meta_data", ()):
            assert set(entry) == {"key", "value"}


def sources() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give what the mappings of requests are made of, from the sample orders."""
    units = business_units_of(load_settings())
    context = SimpleNamespace(business_units=units)
    for order in orders():
        buyer = asdict(order.buyer)
        yield "sap_customer_find", search_source(order.buyer)
        for unit in order.business_units:
            row = SimpleNamespace(customer_number="0000100001", payload={})
            source = part_source(context, row, order, unit)  # type: ignore[arg-type]
            for line in source["lines"]:
                line["allocated"] = line["open_quantity"]
            whole = {
                **source,
                "sales_order": "SO00000001",
                "reference": f"{order.number}-{unit}-DN1",
                "reason": "cancelled " * 30,
                "return_lines": [{"number": 1, "quantity": Decimal(1)}],
            }
            yield "dms_sales_order", source
            for name in (
                "dms_delivery_note", "dms_invoice_application", "dms_cancel", "dms_return",
            ):  # fmt: skip
                yield name, whole
            yield "dms_find", {
                "external_number": order.number, "business_unit": "GQ", "reference": "r",
            }  # fmt: skip
            created = {"buyer": buyer, "business_unit": asdict(units[unit]), "reference": "r"}
            yield f"sap_customer_create_{order.buyer.kind.value}", created
            for line in order.open_lines[:1]:
                yield "sap_stock", {
                    "plant": "1000", "material": line.sku, "unit": line.unit, "day": _NOW.date(),
                }  # fmt: skip
    yield "dms_status", {"since": _NOW, "page_token": "t"}


@cache
def payloads() -> tuple[dict[str, Any], ...]:
    """Return sample orders as the storefront shows them, one of them refunded in part."""
    every = json.loads((ROOT / "connector/sandbox/orders.json").read_text(encoding="utf-8"))
    refunds = json.loads((ROOT / "connector/sandbox/refunds.json").read_text(encoding="utf-8"))
    chosen = [every[place] for place in _SAMPLE]
    for order in chosen:
        for name in ("date_created", "date_modified", "date_paid"):
            order[f"{name}_gmt"] = order[name]
    chosen[0] = {**chosen[0], "refunds_detail": refunds, "customer_note": "送货前电话 " * 30}
    return tuple(chosen)


@cache
def orders() -> tuple[Order, ...]:
    """Return the sample orders as the shipped mapping reads them, those that can be delivered."""
    units = tuple(business_units_of(load_settings()).values())
    mapping = load(SHIPPED)["storefront_order"]
    read = (
        read_order(mapping.apply_leniently(payload)[0], shop="shop")[0] for payload in payloads()
    )
    assigned = [assign(order, units)[0] for order in read if order is not None]
    good = tuple(each for each in assigned if each.business_units and each.buyer.code)
    assert {each.buyer.kind.value for each in good} == {"company", "person"}
    return good


@cache
def _client() -> SoapDms:
    return SoapDms(DmsSettings(wsdl=str(SHIPPED / "interfaces/dms.wsdl")))


@cache
def _columns(table: str) -> set[str]:
    known = json.loads((SHIPPED / f"interfaces/sap/{table}.table.json").read_bytes())
    return set(known["fields"])


@cache
def _interface(function: str) -> dict[str, Parameter]:
    return from_snapshot((SHIPPED / "interfaces" / file_of(function)).read_bytes())
