"""Step: is the order complete and true in form, and who delivers it (workflow.md, step 1)?"""

from __future__ import annotations

from connector.domain.business_unit import assign
from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.order import Order, PaymentState
from connector.domain.reading import read_order
from connector.domain.validity import problems
from connector.steps.context import Context, buyer_key
from connector.steps.take import SAME_NUMBER
from connector.store.changes import Change, Hold
from connector.store.tables import OrderRow


def validate(context: Context, row: OrderRow) -> Change:
    """Accept the order, or hold it with every reason at once."""
    other = row.content.get(SAME_NUMBER)
    if other:
        return _held(HoldCause.INVALID, (_same_number(row, str(other)),))
    order, unreadable = read_order(row.content, shop=row.shop)
    if order is None:
        return _held(HoldCause.INVALID, tuple(map(str, unreadable)))
    if order.payment_state in (PaymentState.UNPAID, PaymentState.UNKNOWN):
        return _held(
            HoldCause.UNPAID,
            (
                f"the storefront's status is {order.status!r}:"
                " goes on by itself once the storefront says that it is paid",
            ),
        )
    wrong = (*unreadable, *problems(order))
    if wrong:
        return _held(HoldCause.INVALID, tuple(map(str, wrong)))
    if not order.open_lines:
        return _held(HoldCause.REFUNDED, (_refunded(order),))
    order, unassigned = assign(order, tuple(context.business_units.values()))
    if unassigned:
        return _held(HoldCause.UNASSIGNED, tuple(map(str, unassigned)))
    return Change(
        event="validated",
        text="complete and in form",
        stage=Stage.VALID,
        next_try_at=context.clock(),
        lines=order.lines,
        values={
            "buyer_key": buyer_key(order.buyer),
            "business_units": ",".join(order.business_units),
            "currency": order.currency,
            "total": order.total,
        },
        detail={"business_units": list(order.business_units)},
    )


def _held(cause: HoldCause, reasons: tuple[str, ...]) -> Change:
    # Nothing but the storefront or a person can help, and either wakes the order.
    return Change(event="held", text=reasons[0], hold=Hold(cause, reasons))


def _same_number(row: OrderRow, other: str) -> str:
    return (
        f"number: the storefront's orders {other} and {row.order_id} bear the same number — give"
        f" {row.order_id} another one in the storefront, then `connector orders cancel"
        f" '{row.number}'`"
    )


def _refunded(order: Order) -> str:
    refunded = sum(refund.amount for refund in order.refunds)
    left = order.total - refunded
    return (
        f"every line was refunded before release ({refunded} {order.currency} of {order.total});"
        f" {left} {order.currency} of it is still paid —"
        " cancel the order in the storefront, or refund the rest there"
    )
