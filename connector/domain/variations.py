"""Variations of a product (商品变体), and the part number that one may have of its parent.

A shop shows a variation that has no part number of its own under its parent's. Nobody can pick
that: several parts bear the number.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from connector.domain.lifecycle import HoldCause
from connector.domain.order import Order, Problem
from connector.wording import problems as wrong
from connector.wording import shown


class VariationPolicy(StrEnum):
    """What becomes of an order of a variation that bears its parent's part number."""

    HOLD = "hold"  # the platform gives the variation a part number
    ACCEPT = "accept"  # the parent's part number is the part


def parents_of(order: Order) -> tuple[str, ...]:
    """Return the products of which the open lines name variations, each once."""
    lines = order.open_lines
    found = (line.product_id for line in lines if line.variation_id and line.sku)
    return tuple(dict.fromkeys(each for each in found if each))


def borrowed(order: Order, parts: Mapping[str, str]) -> tuple[Problem, ...]:
    """Return the lines of variations that bear their parent's part number, by product in `parts`.

    A product without a part number lends none.
    """
    return tuple(
        Problem(
            f"lines[{line.number}].sku",
            wrong.PARENTS_PART(sku=shown(line.sku, 40), variation=line.variation_id),
            wrong.GIVE_VARIATION_PART(),
            HoldCause.SHOP_DATA,
        )
        for line in order.open_lines
        if line.variation_id and line.sku and line.sku == parts.get(line.product_id)
    )
