"""Step: stock, asked once per part for all waiting orders (workflow.md, step 4).

What is there of an order becomes its next delivery; whether less than all of it goes is the
site's policy. What is short is asked for again: by the order itself while nothing of it can go,
and as its backorder (欠货) once its first delivery is released.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from connector.domain.allocation import Availability, Part, Wanted, promise
from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.order import Order
from connector.errors import RetryLater
from connector.steps.context import Context
from connector.steps.walk import about, commit, decide
from connector.store.changes import Allocation, Change, Hold, StaleOrder
from connector.store.tables import AllocationRow, OrderRow
from connector.wording import Said, course


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


def confirm_all(
    context: Context, rows: Sequence[OrderRow], stock: Stock, actor: str = "connector"
) -> int:
    """Allocate stock to these orders in their sequence; return how many were looked at."""
    for row in rows:
        if row.cancel_requested or not awaits_stock(row):
            continue
        try:
            with about(row, "confirm"):
                commit(context, row, decide(context, row, lambda c, r: confirm(c, r, stock)), actor)
        except StaleOrder:
            # Changed or cancelled meanwhile: what this pass took for it stays untouched until
            # the next one asks SAP anew.
            continue
    return len(rows)


def awaits_stock(row: OrderRow) -> bool:
    """Whether stock is what the order, or its backorder, needs next."""
    return row.stage == Stage.PLACED or (
        row.stage == Stage.RELEASED and row.backorder == Stage.PLACED
    )


def confirm(context: Context, row: OrderRow, stock: Stock) -> Change:
    """Allocate what goes with an order's next delivery, or hold it and say what is short."""
    order = context.read(row)
    first = row.stage == Stage.PLACED
    earlier = [] if first else context.orders.allocations(row.id)
    wanted = _wanted(context, order, {} if first else _served(context, row, earlier))
    if not wanted:
        return Change(
            event="backorder_ended",
            text=course.NOTHING_OWED(),
            keep_hold=row.hold_cause != HoldCause.STOCK,
            values={"backorder": None},
        )
    parts = {each.part: stock.of(each.part) for each in wanted}
    promised = promise(context.policy.stock, wanted, parts)
    reasons = tuple(_short(part, wanted, parts[part]) for part in promised.short)
    hold = Hold(HoldCause.STOCK, reasons) if reasons else None
    if not promised.quantities:
        return Change(
            event="held",
            text=reasons[0],
            hold=hold,
            next_try_at=context.clock() + context.policy.stock_again,
        )
    delivery = max((each.delivery for each in earlier), default=0) + 1
    allocations = []
    for each in wanted:
        if quantity := promised.quantities.get(each.line):
            stock.take(each.part, quantity)
            plant, sku, _ = each.part
            allocations.append(Allocation(each.line, plant, sku, quantity, delivery))
    return Change(
        event="confirmed",
        text=course.PARTLY_ALLOCATED(reason=reasons[0]) if reasons else course.ALLOCATED(),
        stage=Stage.CONFIRMED,
        hold=hold,
        allocations=allocations,
        free_allocations=first,
        # What is short rests until this delivery is released: one is under way at a time.
        values={"backorder": Stage.PLACED if reasons else None} if first else {},
        next_try_at=context.clock(),
    )


def _served(
    context: Context, row: OrderRow, earlier: Sequence[AllocationRow]
) -> dict[int, Decimal]:
    """Return line → what earlier deliveries took of it, or the warehouse shipped unasked."""
    served = {line.number: line.shipped for line in context.orders.lines(row.id)}
    taken: dict[int, Decimal] = defaultdict(Decimal)
    for each in earlier:
        taken[each.line_number] += each.quantity
        served[each.line_number] = max(served[each.line_number], taken[each.line_number])
    return served


def _wanted(context: Context, order: Order, served: Mapping[int, Decimal]) -> list[Wanted]:
    return [
        Wanted(
            line.number,
            (context.business_units[line.business_unit].plant, line.sku, line.unit),
            line.open_quantity,
            left,
        )
        for line in order.open_lines
        if (left := line.open_quantity - served.get(line.number, Decimal(0))) > 0
    ]


def _short(part: Part, wanted: Sequence[Wanted], known: Availability) -> Said:
    """Say why not all that is wanted of a part can be promised."""
    plant, sku, unit = part
    ordered = sum((each.ordered for each in wanted if each.part == part), Decimal(0))
    quantity = sum((each.quantity for each in wanted if each.part == part), Decimal(0))
    about = {"sku": sku, "plant": plant, "quantity": quantity, "unit": unit}
    if known.allows(ordered):
        return course.SHORT(**about, free=f"{max(known.free, Decimal(0)).normalize():f}")
    if known.multiple:
        return course.NO_MULTIPLE(**about, minimum=known.minimum, multiple=known.multiple)
    return course.BELOW_MINIMUM(**about, minimum=known.minimum)
