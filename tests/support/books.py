"""Orders in our own books, made directly: what finance's files and settlements are proved on."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import update

from connector.domain.business_unit import BusinessUnit, assign
from connector.domain.lifecycle import Stage
from connector.domain.reading import read_order
from connector.store.changes import Change, NewDocument
from connector.store.database import Database
from connector.store.orders import Orders
from connector.store.tables import LineRow, OrderRow
from connector.wording import quoted

SHOP = "shop"
UNITS = {
    code: BusinessUnit(
        code, name, (f"{prefix}-*",), "1000", "1000", "10", "00", "1", "2", code
    )
    for code, name, prefix in (("GQ", "工起事业部", "XC"), ("WJ", "挖机事业部", "WJ"))
}  # fmt: skip


def content(number: str, placed: datetime, lines: list[tuple[str, str, str]], **more: Any) -> Any:
    """Return an order's content: lines are (part, quantity, amount), tax-inclusive."""
    goods = sum((Decimal(amount) for _, _, amount in lines), Decimal(0))
    freight = Decimal(more.pop("freight", "0"))
    return {
        "order_id": number,
        "number": number,
        "status": "processing",
        "payment_state": "paid",
        "placed_at": placed.isoformat(),
        "paid_at": placed.isoformat(),
        "currency": "CNY",
        "buyer": {"kind": "company", "name": "试验公司", "code": "X"},
        "ship_to": {"name": "收货"},
        "lines": [
            {
                "line_id": str(index),
                "sku": sku,
                "name": f"零件 {sku}",
                "quantity": quantity,
                "unit": "PCE",
                "subtotal": amount,
                "total": amount,
            }
            for index, (sku, quantity, amount) in enumerate(lines, start=1)
        ],
        "freight": str(freight),
        "total": str(goods + freight),
        "invoice_kind": "special",
        "payment_method": "alipay",
        **more,
    }


class Books:
    """Adds orders, and what happens to them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.orders = Orders(database)

    def order(self, body: Any, now: datetime, stage: Stage = Stage.RELEASED) -> OrderRow:
        order, problems = read_order(body, shop=SHOP)
        assert order is not None, problems
        order = assign(order, tuple(UNITS.values()))[0]
        row = OrderRow(
            shop=SHOP,
            number=order.number,
            order_id=order.order_id,
            content_hash="",
            payload={},
            content=body,
            status=order.status,
            payment_state=order.payment_state,
            stage=stage,
            placed_at=order.placed_at,
            received_at=now,
            updated_at=now,
            business_units=",".join(order.business_units),
            currency=order.currency,
            total=order.total,
        )
        change = Change(event="received", text=quoted("received"), stage=stage, lines=order.lines)
        made = self.orders.insert(row, change, "test", now)
        assert made is not None
        return made

    def shipped(
        self, row: OrderRow, unit: str, number: str, at: datetime, quantities: dict[int, str]
    ) -> None:
        lines = [{"line_number": line, "quantity": each} for line, each in quantities.items()]
        detail = {
            "delivery_note": "DN1", "carrier": "顺丰", "tracking_number": number, "lines": lines,
        }  # fmt: skip
        document = NewDocument("shipment", "dms", unit, number, at, detail)
        self._apply(row, at, documents=(document,))
        with self.database.transaction() as session:
            for line, quantity in quantities.items():
                session.execute(
                    update(LineRow)
                    .where(LineRow.order_pk == row.id, LineRow.number == line)
                    .values(shipped=Decimal(quantity))
                )

    def document(self, row: OrderRow, kind: str, number: str, at: datetime, **detail: Any) -> None:
        self._apply(row, at, documents=(NewDocument(kind, "dms", "GQ", number, at, detail),))

    def refunded(
        self, row: OrderRow, refund: str, at: datetime, amount: str, *lines: tuple[str, str, str]
    ) -> None:
        """Book a refund; lines are (line id, quantity, amount)."""
        held = self.orders.get(row.id).content
        entry = {
            "refund_id": refund,
            "amount": amount,
            "reason": "质量问题",
            "refunded_at": at.isoformat(),
            "lines": [
                {"line_id": line, "quantity": quantity, "amount": each}
                for line, quantity, each in lines
            ],
        }
        changed = {**held, "refunds": [*held.get("refunds", []), entry]}
        self._apply(row, at + timedelta(minutes=5), values={"content": changed})

    def _apply(self, row: OrderRow, now: datetime, **change: Any) -> None:
        self.orders.apply(
            self.orders.get(row.id),
            Change(event="news", text=quoted("news"), **change),
            "test",
            now,
        )
