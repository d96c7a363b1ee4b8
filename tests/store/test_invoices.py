"""What is still to be issued, from an order's documents."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connector.store.invoices import missing_of
from connector.store.tables import DocumentRow, OrderRow

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)


def document(kind: str, number: str, **detail: Any) -> DocumentRow:
    return DocumentRow(
        kind=kind, system="dms", business_unit="GQ", number=number, at=NOW, detail=detail
    )


def test_an_application_without_an_amount_is_for_the_sales_order_as_it_was_amended() -> None:
    row = OrderRow(number="1", total=Decimal(150), content={})
    documents = [
        document("sales_order", "SO1", total="100"),
        document("amendment", "SO1/2", sales_order="SO1", total="150"),
        document("invoice_application", "IA1", sales_order="SO1"),
        document("invoice", "1", application="IA1", gross="100", net="100", tax="0"),
    ]
    assert missing_of(row, documents[:3]) == {"IA1": Decimal(150)}
    assert missing_of(row, documents) == {"IA1": Decimal(50)}
