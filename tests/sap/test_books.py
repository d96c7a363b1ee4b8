"""Deliveries and billing documents as SAP has them: in parts, several, cancelled, credited."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from connector.errors import MappingFailed, Misconfigured, Rejected
from connector.mapping import load
from connector.sandbox.faults import Fault
from connector.sandbox.sap_backoffice import cancel_billing, post_billing, post_delivery
from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sap.books import Billing, SapBooks
from connector.sap.soap import SoapSap, SoapSettings
from tests.sap.test_lookup import mappings_with

MAPPINGS = load(Path(__file__).parents[2] / "mappings")
PARTS = {1: "XC-13060951", 2: "4711"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def books(sandbox: Sandbox) -> SapBooks:
    system = SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD))
    return SapBooks(system, lambda: MAPPINGS)


def ship(sandbox: Sandbox, order: str, tracking: str, day: str, **lines: str) -> None:
    rows = [{"lineNumber": line[1:], "quantity": quantity} for line, quantity in lines.items()]
    shipment = {"trackingNumber": tracking, "shippedAt": f"{day}T10:00:00", "lines": rows}
    post_delivery(sandbox.books, shipment, PARTS, order)


def bill(sandbox: Sandbox, order: str, invoice: str, day: str, net: str, red: bool = False) -> None:
    issued = {"invoiceNumber": invoice, "date": day, "netAmount": net, "taxAmount": "1.30",
              "red": red}  # fmt: skip
    post_billing(sandbox.books, issued, order)


def counting(billed: list[Billing]) -> Decimal:
    return sum((each.net for each in billed if not each.cancelled), Decimal(0))


def test_an_order_that_left_in_parts(sandbox: Sandbox, books: SapBooks) -> None:
    ship(sandbox, "501", "SF1", "2026-11-23", _1="2", _2="1")
    ship(sandbox, "501", "SF2", "2026-11-24", _1="0.5")
    ship(sandbox, "502", "SF3", "2026-11-24", _1="9")
    found = books.deliveries_of("501")
    assert [(each.reference, each.day) for each in found] == [
        ("SF1", date(2026, 11, 23)),
        ("SF2", date(2026, 11, 24)),
    ]
    assert found[0].items == (
        ("501", "XC-13060951", Decimal(2)),
        ("501", "4711", Decimal(1)),
    )
    assert found[1].items == (("501", "XC-13060951", Decimal("0.5")),)
    assert books.deliveries_of("999") == []


def test_what_changed_since_the_last_window(sandbox: Sandbox, books: SapBooks) -> None:
    ship(sandbox, "501", "SF1", "2026-11-22", _1="1")
    ship(sandbox, "501", "SF2", "2026-11-24", _1="1")
    assert [each.reference for each in books.deliveries_changed(date(2026, 11, 23))] == ["SF2"]
    assert len(books.deliveries_changed(date(2026, 11, 22))) == 2
    bill(sandbox, "501", "FP1", "2026-11-20", "10.00")
    (old,) = books.billing_of("501")
    assert books.billing_changed(date(2026, 11, 24)) == []
    # Cancelling an old document today is news of today, of both documents.
    cancel_billing(sandbox.books, old.number, "2026-11-24")
    assert len(books.billing_changed(date(2026, 11, 24))) == 2


def test_several_invoices_a_credit_memo_and_a_cancellation(
    sandbox: Sandbox, books: SapBooks
) -> None:
    bill(sandbox, "501", "FP1", "2026-11-23", "100.00")
    bill(sandbox, "501", "FP2", "2026-11-24", "40.00")
    bill(sandbox, "502", "FP9", "2026-11-24", "7.00")
    assert [each.invoice for each in books.billing_of("501")] == ["FP1", "FP2"]
    assert counting(books.billing_of("501")) == Decimal("140.00")
    # The type says which way an amount counts, whatever its sign in the record.
    bill(sandbox, "501", "FP3", "2026-11-24", "15.00", red=True)
    memo = books.billing_of("501")[2]
    assert (memo.kind, memo.net, memo.tax) == ("credit_memo", Decimal("-15.00"), Decimal("-1.30"))
    assert counting(books.billing_of("501")) == Decimal("125.00")
    first = books.billing_of("501")[0]
    cancel_billing(sandbox.books, first.number, "2026-11-25")
    cancel_billing(sandbox.books, first.number, "2026-11-25")
    found = {each.number: each for each in books.billing_of("501")}
    assert found[first.number].cancelled
    (reversal,) = [each for each in found.values() if each.kind == "cancellation"]
    assert (reversal.cancels, reversal.invoice) == (first.number, reversal.number)
    assert counting(list(found.values())) == Decimal("25.00")


def test_a_pro_forma_document_counts_nothing(sandbox: Sandbox, books: SapBooks) -> None:
    bill(sandbox, "501", "FP1", "2026-11-23", "100.00")
    ((key, row),) = sandbox.books.items("sap.billing")
    sandbox.books.put("sap.billing", key, {**row, "FKART": "F8"})
    assert books.billing_of("501") == []


def test_a_type_that_no_table_knows_is_an_invoice(sandbox: Sandbox, books: SapBooks) -> None:
    bill(sandbox, "501", "FP1", "2026-11-23", "100.00")
    ((key, row),) = sandbox.books.items("sap.billing")
    sandbox.books.put("sap.billing", key, {**row, "FKART": "ZF2C"})
    assert [each.kind for each in books.billing_of("501")] == ["invoice"]


def test_days_are_asked_one_by_one(sandbox: Sandbox, books: SapBooks) -> None:
    ship(sandbox, "501", "SF1", "2026-11-23", _1="1")
    fault = Fault.parse("sap:latency:operation=Z_DELIVERY_LIST,times=0")
    sandbox.faults.set([fault])
    found = list(books.deliveries(date(2026, 11, 22), date(2026, 11, 24)))
    assert [each.reference for each in found] == ["SF1"]
    assert fault.seen == 3


def with_mapping(folder: Path, sandbox: Sandbox, **files: str) -> SapBooks:
    mappings = load(mappings_with(folder, **files))
    return SapBooks(
        SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD)), lambda: mappings
    )


BILLING_BY_BAPI = """
target: {system: sap, operation: BAPI_BILLINGDOC_GETLIST}
request:
  - {field: REFDOCRANGE.SIGN, constant: I, when: orders}
  - {field: REFDOCRANGE.OPTION, constant: EQ, when: orders}
  - {field: REFDOCRANGE.REF_DOC_LOW, source: "orders[0].number"}
answer:
  fields:
    - field: documents
      each: BILLINGDOCUMENTDETAIL
      fields:
        - {field: number, source: BILLINGDOC, required: true}
        - {field: net, source: NET_VALUE}
        - {field: tax, source: TAX_VALUE}
        - {field: cancelled, source: CANCELLED}
"""
DELIVERIES_BY_BAPI = """
target: {system: sap, operation: BAPI_DELIVERY_GETLIST}
request:
  - field: IT_VBELN
    each: orders
    fields:
      - {field: SIGN, constant: I}
      - {field: OPTION, constant: EQ}
      - {field: DELIV_NUMB_LOW, source: number}
answer:
  fields:
    - field: headers
      each: ET_DELIVERY_HEADER
      fields:
        - {field: number, source: VBELN, required: true}
        - {field: day, source: WADAT_IST}
    - field: items
      each: ET_DELIVERY_ITEM
      fields:
        - {field: number, source: VBELN, required: true}
        - {field: sku, source: MATNR}
        - {field: quantity, source: LFIMG}
"""


def test_the_bapi_for_billing_selects_by_reference_and_nothing_else(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    bill(sandbox, "501", "FP1", "2026-11-23", "100.00")
    books = with_mapping(tmp_path, sandbox, sap_billing=BILLING_BY_BAPI)
    assert [(each.net, each.tax) for each in books.billing_of("501")] == [
        (Decimal("100.00"), Decimal("1.30"))
    ]
    # What it cannot be asked is an error, and not a day without invoices.
    with pytest.raises(Rejected, match="VF/041"):
        list(books.billing(date(2026, 11, 23), date(2026, 11, 23)))


def test_what_a_reading_module_does_not_take_is_not_sent(sandbox: Sandbox, tmp_path: Path) -> None:
    unfit = BILLING_BY_BAPI.replace("REFDOCRANGE.SIGN", "IT_FKDAT.SIGN")
    books = with_mapping(tmp_path, sandbox, sap_billing=unfit)
    with pytest.raises(MappingFailed, match="IT_FKDAT"):
        books.billing_of("501")


def test_deliveries_without_items_are_not_nothing_shipped(sandbox: Sandbox, tmp_path: Path) -> None:
    ship(sandbox, "501", "SF1", "2026-11-23", _1="2")
    (number,) = [row["VBELN"] for row in sandbox.books.all("sap.delivery")]
    books = with_mapping(tmp_path, sandbox, sap_deliveries=DELIVERIES_BY_BAPI)
    with pytest.raises(Misconfigured, match=r"IS_DLV_DATA_CONTROL\.ITEM"):
        books.deliveries_of(number)
    asking = DELIVERIES_BY_BAPI.replace(
        "request:\n", "request:\n  - {field: IS_DLV_DATA_CONTROL.ITEM, constant: X}\n"
    )
    books = with_mapping(tmp_path, sandbox, sap_deliveries=asking)
    assert [len(each.items) for each in books.deliveries_of(number)] == [1]
