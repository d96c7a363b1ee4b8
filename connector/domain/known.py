"""Orders that were completed before the connector's first day: what of their money went back since.

Their documents and invoices were made outside the connector, which cannot judge them. What the
storefront gives back of one after the first day is open money: BU finance settles it where the
invoice is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from connector.domain.aftersales import Sale, SaleKind, sales_of
from connector.domain.order import Order, PaymentState

_ZERO = Decimal(0)
# References that no refund of the storefront bears.
_LESS = "total"


def back_of(
    order: Order, content: Mapping[str, Any], worth: Decimal | None, since: datetime
) -> list[tuple[Sale, Decimal]]:
    """Return what of an order went back after the first day, each with the money to settle.

    `worth` is its total when it was first seen: what it was made less by counts as well, negative
    where it became more. A refund without a time counts, as nothing says that it is older. What is
    cancelled, trashed or deleted is back as a whole, but for what its refunds gave back.
    """
    made = [
        (replace(sale, back={}), sale.refunded + sale.twice)
        for sale in sales_of(order, content)
        if sale.refunds and (sale.refunded_at is None or sale.refunded_at >= since)
    ]
    less = (order.total if worth is None else worth) - order.total
    if less:
        made.append((_whole(_LESS, SaleKind.REFUND), less))
    if order.payment_state is PaymentState.CANCELLED:
        given = sum((each.amount for each in order.refunds), _ZERO)
        rest = max(order.total - given, _ZERO)
        if rest:
            made.append((_whole(SaleKind.CANCELLATION.value, SaleKind.CANCELLATION), rest))
    return made


def left_of(amount: Decimal, settled: Decimal) -> Decimal:
    """Return what is open of an amount of either sign of which a person settled so much."""
    return max(abs(amount) - settled, _ZERO).copy_sign(amount) + _ZERO


def _whole(reference: str, kind: SaleKind) -> Sale:
    return Sale(reference, kind, "", None, {}, (), _ZERO, None)
