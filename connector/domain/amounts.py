"""An order's amounts in whole minor units, such that lines and freight are the shop's total.

Rule's source: workflow.md, "The shop's own totals are the truth of an order's worth".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from connector.domain.currency import minor_unit, rounded, slack
from connector.domain.order import Order, OrderLine
from connector.domain.pricing import split

_ZERO = Decimal(0)
Lines = tuple[OrderLine, ...]


def less_subsidy(lines: Lines, subsidy: Decimal, unit: Decimal) -> Lines:
    """Take a subsidy off the lines in proportion to their amounts, in whole minor units."""
    if not subsidy or any(line.amount < 0 for line in lines):
        return lines
    shares = split(subsidy, [line.amount for line in lines], unit)
    return tuple(
        replace(
            line,
            discount=line.discount + share,
            amount=line.amount - share,
            subsidy=share,
        )
        for line, share in zip(lines, shares, strict=True)
    )


def in_minor_units(
    goods: Lines, freight: Decimal, total: Decimal, unit: Decimal, lines: int
) -> tuple[Lines, Decimal, Decimal]:
    """Return lines, freight and total in whole minor units.

    What rounding leaves between the total and its `lines` (those of goods, fees and shipping) goes
    to the largest line. What no rounding leaves stays as it is: the order is then not valid.
    """
    added = sum((line.amount for line in goods), _ZERO) + freight
    off = abs(total - added) > slack(unit, lines)
    freight, total = rounded(freight, unit), rounded(total, unit)
    amounts = [rounded(line.amount, unit) for line in goods]
    cents = _ZERO if off else total - freight - sum(amounts, _ZERO)
    at = largest(amounts)
    if at is not None and amounts[at] + cents >= 0:
        amounts[at] += cents
    else:
        freight += cents
    return (
        tuple(_worth(line, amount, unit) for line, amount in zip(goods, amounts, strict=True)),
        freight,
        total,
    )


def unit_shares(order: Order, amount: Decimal) -> dict[str, Decimal]:
    """Split an amount on the order as a whole between the business units that deliver.

    It is split by the value of their open lines, in whole minor units: the parts add up.
    """
    units = order.business_units
    weights = [sum((line.amount for line in order.lines_of(each)), _ZERO) for each in units]
    return dict(zip(units, split(amount, weights, minor_unit(order.currency)), strict=True))


def largest(amounts: Sequence[Decimal]) -> int | None:
    """Return where the largest amount stands, the first of equals; None where there is none."""
    return max(range(len(amounts)), key=lambda at: (amounts[at], -at), default=None)


def _worth(line: OrderLine, amount: Decimal, unit: Decimal) -> OrderLine:
    discount = rounded(line.discount, unit)
    quantity = line.quantity
    price = (amount + discount) / quantity if quantity else _ZERO
    return replace(line, amount=amount, discount=discount, unit_price=price)
