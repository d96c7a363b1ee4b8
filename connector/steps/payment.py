"""Is an order paid? What of it was paid once may be open again: a charge-back, or a person's doubt.

An order that the storefront says is not paid goes no further until it says that it is: before its
release it is held where it stands, and its documents stay. One that was released is for ops.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.order import UNSETTLED, PaymentState
from connector.steps.context import Context
from connector.store.changes import Change, Hold
from connector.store.tables import OrderRow
from connector.wording import course, problems

_STATUSES = "mappings/lookups/woocommerce_status.csv"
# The payment is no further reason to hold an order where one of these is the hold.
_GIVES_WAY = (None, HoldCause.STOCK)


def unsettled(row: OrderRow) -> bool:
    """Whether an order must go no further for its payment, as far as it is known here."""
    stage = Stage(row.stage)
    moving = not stage.ended and (not stage.released or row.backorder is not None)
    return moving and row.payment_state in UNSETTLED


def judge(context: Context, row: OrderRow) -> Change:
    """Hold an order for its payment. A status that no lookup table knew is read anew first."""
    state = row.payment_state
    if state == PaymentState.UNKNOWN:
        shown, _ = context.mappings()["storefront_order"].apply_leniently(row.payload)
        state = str(shown.get("payment_state") or PaymentState.UNKNOWN)
        if state in set(PaymentState) - {PaymentState.UNKNOWN}:
            return Change(
                event="remapped",
                text=course.REMAPPED(),
                next_try_at=None if rests(row) else context.clock(),
                values={"content": {**row.content, "payment_state": state}, "payment_state": state},
            )
    hold = hold_for(row, state, row.content.get("status"))
    return Change(event="held", text=hold.reasons[0], hold=hold)


def course_went_on(
    context: Context, row: OrderRow, content: Mapping[str, Any], values: Mapping[str, Any]
) -> Change:
    """Return the change of an order of which only the course went on: its `values` of now.

    Paid at last, or no more; or completed, which is our own doing. Whatever else an order is held
    for stays with whom it waits for; that it is not paid is judged when it would go on.
    """
    state, status = str(values["payment_state"]), content.get("status")
    text = course.STOREFRONT_SAYS(status=status)
    ours = held_for_payment(row)
    concerned = not Stage(row.stage).ended or row.stage == Stage.CLOSED
    if (
        state in UNSETTLED
        and concerned
        and not row.cancel_requested
        and (ours or row.hold_cause in _GIVES_WAY)
    ):
        # Nothing but the storefront or a person can help, and either wakes the order.
        hold = hold_for(row, state, status)
        return Change(event="storefront", text=text, hold=hold, values=values)
    free = ours and state not in UNSETTLED
    return Change(
        event="storefront",
        text=text,
        keep_hold=not free,
        next_try_at=row.next_try_at if not free or rests(row) else context.clock(),
        tries=row.tries,
        values=values,
    )


def held_for_payment(row: OrderRow) -> bool:
    """Whether what an order is held for is its payment alone."""
    if row.hold_cause == HoldCause.UNPAID:
        return True
    if row.payment_state not in UNSETTLED:
        return False
    # Others hold orders for these causes too: the reason tells.
    hold = hold_for(row, row.payment_state, row.content.get("status"))
    return row.hold_cause == hold.cause and row.hold_reasons == [*hold.reasons]


def hold_for(row: OrderRow, state: str, status: object) -> Hold:
    """Return the hold of an order that is not paid, or of which nobody knows whether it is."""
    shown = repr(str(status or ""))
    if state == PaymentState.UNKNOWN:
        reason = problems.STATUS_NOT_KNOWN(status=shown, file=_STATUSES)
        return Hold(HoldCause.MAPPING, (reason,))
    if Stage(row.stage).released:
        return Hold(HoldCause.CHANGED, (course.UNPAID_LATE(status=shown),))
    return Hold(HoldCause.UNPAID, (problems.UNPAID(status=shown),))


def unpaid(row: OrderRow) -> Hold | None:
    """Return the hold that an order is left in when all else of its hold ends."""
    if row.payment_state not in UNSETTLED or row.cancel_requested:
        return None
    return hold_for(row, row.payment_state, row.content.get("status"))


def rests(row: OrderRow) -> bool:
    """Whether it is not the walker who moves the order on: it waits for a wave, or has gone."""
    stage = Stage(row.stage)
    return stage is Stage.READY or (stage.released and row.backorder in (None, Stage.READY))
