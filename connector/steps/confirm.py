"""Step: stock, asked once per part for all waiting orders (workflow.md, step 4)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from connector.domain.lifecycle import HoldCause, Stage
from connector.errors import RetryLater
from connector.steps.context import Context
from connector.steps.walk import about, commit, decide
from connector.store.orders import Allocation, Change, Hold, StaleOrder
from connector.store.tables import OrderRow

Part = tuple[str, str, str]  # plant, part number, unit


class Stock:
    """What is still free of each part during one pass over the waiting orders.

    SAP is asked when a part first occurs; what is promised to orders whose goods issue SAP has
    not posted yet is taken off, and so is all that this pass hands out.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._free: dict[Part, Decimal | RetryLater] = {}

    def free(self, part: Part) -> Decimal:
        """Return the free quantity of a part. Raises RetryLater as SAP did the first time."""
        if part not in self._free:
            self._free[part] = self._ask(part)
        free = self._free[part]
        if isinstance(free, RetryLater):
            raise free
        return free

    def take(self, part: Part, quantity: Decimal) -> None:
        """Hand out some of a part."""
        self._free[part] = self.free(part) - quantity

    def _ask(self, part: Part) -> Decimal | RetryLater:
        plant, sku, unit = part
        try:
            available = self._context.sap_stock.available(plant=plant, material=sku, unit=unit)
        except RetryLater as error:
            return error
        promised = sum(
            (each.quantity for each in self._context.orders.allocated(plant, sku)), Decimal(0)
        )
        return available - promised


def confirm_all(context: Context, rows: Sequence[OrderRow], actor: str = "connector") -> int:
    """Allocate stock to these orders in their sequence; return how many were looked at."""
    stock = Stock(context)
    for row in rows:
        if row.cancel_requested:
            continue
        try:
            with about(row, "confirm"):
                commit(context, row, decide(context, row, lambda c, r: confirm(c, r, stock)), actor)
        except StaleOrder:
            # Changed or cancelled meanwhile: what this pass took for it stays untouched until
            # the next one asks SAP anew.
            continue
    return len(rows)


def confirm(context: Context, row: OrderRow, stock: Stock) -> Change:
    """Allocate every line of one order, or hold it and say what is short."""
    order = context.read(row)
    wanted: dict[Part, Decimal] = {}
    for line in order.open_lines:
        part = (context.business_units[line.business_unit].plant, line.sku, line.unit)
        wanted[part] = wanted.get(part, Decimal(0)) + line.open_quantity
    short = [
        f"{sku} in plant {plant}: {quantity} {unit} ordered,"
        f" {max(stock.free((plant, sku, unit)), Decimal(0)).normalize():f} free"
        for (plant, sku, unit), quantity in wanted.items()
        if stock.free((plant, sku, unit)) < quantity
    ]
    if short:
        return Change(
            event="held",
            text=short[0],
            hold=Hold(HoldCause.STOCK, tuple(short)),
            next_try_at=context.clock() + context.policy.stock_again,
        )
    for part, quantity in wanted.items():
        stock.take(part, quantity)
    return Change(
        event="confirmed",
        text="stock allocated line by line",
        stage=Stage.CONFIRMED,
        allocations=[
            Allocation(
                line.number,
                context.business_units[line.business_unit].plant,
                line.sku,
                line.open_quantity,
            )
            for line in order.open_lines
        ],
        free_allocations=True,
        next_try_at=context.clock(),
    )
