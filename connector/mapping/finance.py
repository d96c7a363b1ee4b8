"""What each row of finance's tables is made of: the source of the mappings `extract_…`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from connector.mapping.shape import ANY, DATE, INTEGER, NUMBER, TEXT, TIME, Shape


def tables() -> dict[str, Shape]:
    """Return the source of each table by the name of its mapping.

    `content` is the order as the mapping storefront_order reads it; what stands there is not known
    here.
    """
    order = {"number": TEXT, "content": ANY}
    came = {**order, "earlier": TEXT}
    return {
        "extract_orders": _row(
            order,
            dict.fromkeys(
                (
                    "shop", "status", "stage", "hold", "buyer_kind", "customer", "business_units",
                    "sales_orders", "currency", "payment_method", "invoice_kind",
                ),
                TEXT,
            ),
            dict.fromkeys(
                ("goods", "discount", "subsidy", "freight", "total", "refunded", "invoiced"), NUMBER
            ),
            dict.fromkeys(("placed_at", "paid_at", "released_at"), TIME),
            {"lines": INTEGER},
        ),
        "extract_lines": _row(
            order,
            dict.fromkeys(("line_id", "sku", "name", "business_unit", "unit", "currency"), TEXT),
            dict.fromkeys(
                (
                    "quantity", "unit_price", "discount", "subsidy", "amount",
                    "refunded_quantity", "refunded_amount", "shipped",
                ),
                NUMBER,
            ),
            {"line": INTEGER},
        ),
        # Shipments and invoices hold whatever the mapping dms_status reads of them.
        "extract_shipments": _open(
            came,
            dict.fromkeys(
                ("business_unit", "delivery_note", "carrier", "tracking_number", "written_back"),
                TEXT,
            ),
            {"at": TIME},
            {"quantity": NUMBER},
        ),
        "extract_invoices": _open(
            came,
            dict.fromkeys(
                (
                    "business_unit", "state", "application", "invoice_number", "invoice_code",
                    "kind", "red", "original", "replaced_by", "shared_with", "delivered", "url",
                    "written_back", "currency",
                ),
                TEXT,
            ),
            {"date": DATE},
            dict.fromkeys(("net", "tax", "gross", "whole", "applied", "missing"), NUMBER),
        ),
        "extract_refunds": _row(
            came,
            dict.fromkeys(("refund", "kind", "state", "owner", "sku", "reason", "currency"), TEXT),
            dict.fromkeys(("quantity", "amount"), NUMBER),
            {"refunded_at": TIME},
            {"line": INTEGER},
        ),
        "extract_open_invoices": _row(
            order,
            dict.fromkeys(("reference", "kind", "owner", "band", "currency"), TEXT),
            dict.fromkeys(("refunded", "recovered", "open"), NUMBER),
            {"refunded_at": TIME},
            {"age": INTEGER},
        ),
        "extract_open_money": _row(
            order,
            dict.fromkeys(("reference", "kind", "meaning", "owner", "band", "currency"), TEXT),
            dict.fromkeys(("refunded", "open"), NUMBER),
            {"since": TIME},
            {"age": INTEGER},
        ),
        "extract_differences": _row(
            dict.fromkeys(
                (
                    "number", "earlier", "document", "kind", "meaning", "field", "owner", "state",
                    "explanation", "explained_by", "detail", "currency",
                ),
                TEXT,
            ),
            {"since": DATE},
            dict.fromkeys(("storefront", "connector", "dms", "sap"), ANY),
            dict.fromkeys(
                (
                    "amount", "ordered_storefront", "ordered_dms", "invoiced_dms", "invoiced_sap",
                ),
                NUMBER,
            ),
            {"placed_at": TIME},
            {"line": INTEGER},
            {"age": INTEGER},
            {"id": INTEGER},
        ),
        "extract_promises": _row(
            dict.fromkeys(("number", "promise", "state"), TEXT),
            dict.fromkeys(("placed_at", "due_at", "reached_at"), TIME),
            {"late_minutes": INTEGER},
        ),
    }  # fmt: skip


def _row(*parts: Mapping[str, Shape]) -> Shape:
    return Shape("object", fields={name: shape for part in parts for name, shape in part.items()})


def _open(*parts: Mapping[str, Shape]) -> Shape:
    return replace(_row(*parts), open=True)
