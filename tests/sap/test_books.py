"""Deliveries and billing documents as SAP has them: in parts, several, cancelled, credited."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from connector.mapping import load
from connector.sandbox.faults import Fault
from connector.sandbox.sap_backoffice import cancel_billing, post_billing, post_delivery
from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sap.books import Billing, SapBooks
from connector.sap.soap import SoapSap, SoapSettings

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
    fault = Fault.parse("sap:latency:operation=BAPI_DELIVERY_GETLIST,times=0")
    sandbox.faults.set([fault])
    found = list(books.deliveries(date(2026, 11, 22), date(2026, 11, 24)))
    assert [each.reference for each in found] == ["SF1"]
    assert fault.seen == 3
