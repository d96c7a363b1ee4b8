"""What of an order is promised from the stock that is there (workflow.md, step 4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

Part = tuple[str, str, str]  # plant, part number, unit


class StockPolicy(StrEnum):
    """What becomes of an order of which something is short."""

    HOLD_ORDER = "hold_order"  # all of it waits
    HOLD_LINE = "hold_line"  # the lines that are there in full go, the others wait
    SHIP_AVAILABLE = "ship_available"  # what is there goes, the rest of a line waits


@dataclass(frozen=True)
class Availability:
    """What can be promised of a part, in the unit that was asked for.

    `minimum` is the smallest quantity that may be ordered and `multiple` the step; 0 is none.
    """

    free: Decimal
    minimum: Decimal = Decimal(0)
    multiple: Decimal = Decimal(0)

    def allows(self, quantity: Decimal) -> bool:
        """Whether this quantity may be ordered at all."""
        if quantity < self.minimum:
            return False
        return not self.multiple or quantity % self.multiple == 0


@dataclass(frozen=True)
class Wanted:
    """What one line still needs. `ordered` is all of it, also what earlier deliveries took."""

    line: int
    part: Part
    ordered: Decimal
    quantity: Decimal


@dataclass(frozen=True)
class Promised:
    """Line → quantity of the next delivery, and the parts of which less is there than wanted."""

    quantities: Mapping[int, Decimal]
    short: tuple[Part, ...]


def promise(
    policy: StockPolicy, wanted: Sequence[Wanted], known: Mapping[Part, Availability]
) -> Promised:
    """Decide what of an order's lines is promised, its first lines first.

    What may be ordered of a part (minimum, multiple) is judged by all that the order has of it.
    """
    by_part: dict[Part, list[Wanted]] = defaultdict(list)
    for each in wanted:
        by_part[each.part].append(each)
    quantities: dict[int, Decimal] = {}
    short: list[Part] = []
    for part, lines in by_part.items():
        stock = known[part]
        if not stock.allows(sum((each.ordered for each in lines), Decimal(0))):
            short.append(part)
            continue
        free = max(stock.free, Decimal(0))
        for each in lines:
            quantity = _of_line(policy, each.quantity, free, stock.multiple)
            free -= quantity
            if quantity:
                quantities[each.line] = quantity
            if quantity < each.quantity and part not in short:
                short.append(part)
    if short and policy is StockPolicy.HOLD_ORDER:
        quantities = {}
    return Promised(quantities, tuple(short))


def _of_line(policy: StockPolicy, wanted: Decimal, free: Decimal, multiple: Decimal) -> Decimal:
    if wanted <= free:
        return wanted
    if policy is not StockPolicy.SHIP_AVAILABLE:
        return Decimal(0)
    # Packs are not opened for the sake of a part delivery.
    return free - free % multiple if multiple else free
