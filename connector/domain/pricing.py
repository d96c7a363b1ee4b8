"""Amounts: splitting to the cent, and what tax-inclusive prices consist of."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from connector.domain.currency import rounded

_CENT = Decimal("0.01")


def split(amount: Decimal, weights: Sequence[Decimal], unit: Decimal = _CENT) -> list[Decimal]:
    """Split an amount in proportion to weights, in whole minor units; the parts add up exactly.

    Units that are left go to the largest remainders, the first of equals first. Weights that are
    all zero count as equal.
    """
    if not weights:
        return []
    if not any(weights):
        weights = [Decimal(1)] * len(weights)
    total = sum(weights, Decimal(0))
    exact = [amount * weight / total for weight in weights]
    parts = [part.quantize(unit, ROUND_FLOOR) for part in exact]
    left = amount - sum(parts, Decimal(0))
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for index in by_remainder:
        if left < unit:
            break
        parts[index] += unit
        left -= unit
    # An amount finer than the unit keeps its rest on the largest part.
    parts[by_remainder[0]] += left
    return parts


def open_discount(quantity: Decimal, price: Decimal, amount: Decimal, unit: Decimal) -> Decimal:
    """Return the discount by which so many pieces at this price come to the amount.

    A discount is not negative: where more is open than the pieces are worth, see `open_price`.
    """
    return max(rounded(quantity * price, unit) - amount, Decimal(0))


def open_price(quantity: Decimal, price: Decimal, amount: Decimal, unit: Decimal) -> Decimal:
    """Return the price at which so many pieces, less their discount, come to the amount.

    It is the line's own, but where more is open than the pieces are worth at it: of what went back
    less was given back, or more of the subsidy was taken back than was the line's.
    """
    return amount / quantity if rounded(quantity * price, unit) < amount else price


def net_and_tax(gross: Decimal, rate: Decimal = Decimal("0.13")) -> tuple[Decimal, Decimal]:
    """Return net amount and tax of a tax-inclusive amount; net is rounded half up to the cent."""
    net = (gross / (1 + rate)).quantize(_CENT, ROUND_HALF_UP)
    return net, gross - net
