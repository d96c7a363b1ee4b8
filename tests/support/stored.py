"""Orders put straight into a database, for tests of what happens around them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.order import OrderLine
from connector.store.changes import Allocation, Change, Hold
from connector.store.database import Database
from connector.store.orders import Orders
from connector.store.tables import OrderRow
from connector.wording import quoted


def put_order(
    database: Database, number: int, placed_at: datetime, units: str = "GQ", **values: Any
) -> OrderRow:
    """Put an order as the intake does, received when it was placed unless said otherwise."""
    received = values.pop("received_at", placed_at)
    fields: dict[str, Any] = {
        "shop": "shop",
        "number": str(number),
        "order_id": str(number),
        "revision": 1,
        "content_hash": f"{number:064}",
        "payload": {},
        "content": {"number": str(number)},
        "status": "processing",
        "payment_state": "paid",
        "stage": Stage.RECEIVED,
        "next_try_at": received,
        "placed_at": placed_at,
        "received_at": received,
        "updated_at": received,
        "business_units": units,
        **values,
    }
    row = Orders(database).insert(
        OrderRow(**fields),
        Change(event="received", text=quoted("received"), stage=Stage(fields["stage"])),
        "intake",
        received,
    )
    assert row is not None
    return row


def move(database: Database, row: OrderRow, stage: Stage, at: datetime) -> OrderRow:
    """Move an order to a stage; to be ready, one piece for each business unit is promised."""
    units = row.business_units.split(",") if stage is Stage.READY else []
    one, none = Decimal(1), Decimal(0)
    change = Change(
        event=stage.value,
        text=quoted(stage.value),
        stage=stage,
        lines=[
            OrderLine(n, str(n), f"P{n}", "", one, "EA", none, none, none, business_unit=unit)
            for n, unit in enumerate(units, start=1)
        ]
        or None,
        allocations=[Allocation(n, "1000", f"P{n}", one) for n, _ in enumerate(units, start=1)],
    )
    return Orders(database).apply(row, change, "test", at)


def hold(database: Database, row: OrderRow, cause: HoldCause, at: datetime) -> OrderRow:
    """Hold an order."""
    change = Change(event="held", text=quoted(cause.value), hold=Hold(cause, (quoted("made up"),)))
    return Orders(database).apply(row, change, "test", at)
