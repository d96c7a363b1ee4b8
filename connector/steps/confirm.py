"""Step: stock, asked once per part for all waiting orders (workflow.md, step 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from connector.domain.lifecycle import HoldCause, Stage
from connector.errors import RetryLater
from connector.sap.stock import Availability
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
        self._known: dict[Part, Availability | RetryLater] = {}

    def of(self, part: Part) -> Availability:
        """Return what is left of a part. Raises RetryLater as SAP did the first time."""
        if part not in self._known:
            self._known[part] = self._ask(part)
        known = self._known[part]
        if isinstance(known, RetryLater):
            raise known
        return known

    def take(self, part: Part, quantity: Decimal) -> None:
        """Hand out some of a part."""
        known = self.of(part)
        self._known[part] = replace(known, free=known.free - quantity)

    def _ask(self, part: Part) -> Availability | RetryLater:
        plant, sku, unit = part
        try:
            asked = self._context.sap_stock.ask(plant=plant, material=sku, unit=unit)
        except RetryLater as error:
            return error
        promised = sum(
            (each.quantity for each in self._context.orders.allocated(plant, sku)), Decimal(0)
        )
        return replace(asked, free=asked.free - promised)


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
        said
        for part, quantity in wanted.items()
        if (said := _short(part, quantity, stock.of(part)))
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


def _short(part: Part, quantity: Decimal, known: Availability) -> str:
    """Say why a quantity cannot be promised; empty when it can."""
    plant, sku, unit = part
    ordered = f"{sku} in plant {plant}: {quantity} {unit} ordered"
    if not known.allows(quantity):
        step = f" in multiples of {known.multiple}" if known.multiple else ""
        return f"{ordered}, at least {known.minimum} are to be ordered{step}"
    if known.free < quantity:
        return f"{ordered}, {max(known.free, Decimal(0)).normalize():f} free"
    return ""
