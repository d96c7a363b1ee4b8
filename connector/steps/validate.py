"""Step: is the order complete and true in form, and who delivers it (workflow.md, step 1)?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from connector.domain.business_unit import assign
from connector.domain.first_seen import Sign, told
from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.order import UNSETTLED, Order, Problem
from connector.domain.reading import read_order
from connector.domain.validity import problems as problems_of
from connector.domain.validity import remarks
from connector.domain.variations import VariationPolicy, borrowed, parents_of
from connector.steps.content import ACCEPTED, FIRST_SEEN, SAME_NUMBER
from connector.steps.context import Context, buyer_key, readable
from connector.steps.payment import judge
from connector.store.changes import Change, Hold
from connector.store.tables import OrderRow
from connector.wording import Said, course, problems, together

# By so much a shop's clock may be ahead, or its zone be wrong.
_CLOCKS_DIFFER = timedelta(days=1)


def validate(context: Context, row: OrderRow) -> Change:
    """Accept the order, or hold it with every reason at once. Raises UnreadableOrder."""
    readable(row)
    other = row.content.get(SAME_NUMBER)
    if other:
        return _held(
            HoldCause.SHOP_DATA,
            (problems.SAME_NUMBER(other=other, this=row.order_id, number=row.number),),
        )
    order, unreadable = read_order(row.content, shop=row.shop)
    if order is None or order.payment_state not in UNSETTLED:
        doubtful = _maybe_shipped(row)
        if doubtful is not None:
            # Whoever has the goods is not asked to correct the order.
            return doubtful
    if order is None:
        return _held(HoldCause.SHOP_DATA, _said(unreadable))
    if order.payment_state in UNSETTLED:
        return judge(context, row)
    order = context.with_spread(order, row)
    documents = context.policy.person_documents
    now = context.clock()
    today = now.astimezone(context.timetables[""].calendar.zone).date()
    borrowing, unsaid = _variations(context, order)
    # Only the very document that a person has accepted.
    seen = row.content.get(ACCEPTED) == buyer_key(order.buyer)
    wrong = (
        *unreadable,
        *problems_of(order, today, documents, accepted=seen),
        *borrowing,
        *_ahead(order, now),
    )
    if wrong:
        return hold_for(wrong)
    if not order.open_lines:
        return _held(HoldCause.REFUNDED, (_refunded(order),))
    order, unassigned = assign(order, tuple(context.business_units.values()))
    if unassigned:
        return _held(HoldCause.UNASSIGNED, _said(unassigned))
    return Change(
        event="validated",
        text=together([course.COMPLETE(), *remarks(order, documents, accepted=seen), *unsaid]),
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


def _variations(context: Context, order: Order) -> tuple[tuple[Problem, ...], tuple[Said, ...]]:
    """Return the variations that bear their parent's part number, and what was left unsaid.

    A storefront that does not answer stops no order: what it shows is believed.
    """
    if context.policy.variation_sku is VariationPolicy.ACCEPT:
        return (), ()
    asked = {product: context.parent_parts.get(product) for product in parents_of(order)}
    told = {product: part for product, part in asked.items() if part}
    unsaid = (problems.VARIATION_NOT_ASKED(),) if None in asked.values() else ()
    return borrowed(order, told), unsaid


def _maybe_shipped(row: OrderRow) -> Change | None:
    """Return the hold of an order of which nobody said yet whether the goods are out."""
    sign = row.content.get(FIRST_SEEN)
    if not sign:
        return None
    reason = course.MAYBE_SHIPPED(sign=told(Sign(sign)), number=row.number)
    return _held(HoldCause.MAYBE_SHIPPED, (reason,))


def hold_for(wrong: Sequence[Problem]) -> Change:
    """Return the hold that says everything that is wrong with an order at once."""
    return _held(_cause(wrong), _said(wrong))


def _ahead(order: Order, now: datetime) -> Iterator[Problem]:
    # Nobody would look at it before its wave, which is days or years away.
    if order.placed_at > now + _CLOCKS_DIFFER:
        placed, moment = (f"{each:%Y-%m-%d %H:%M} UTC" for each in (order.placed_at, now))
        reason = problems.PLACED_AHEAD(placed=placed, now=moment)
        yield Problem("placed_at", reason, problems.CORRECT_IN_SHOP(), HoldCause.SHOP_DATA)


def _held(cause: HoldCause, reasons: tuple[Said, ...]) -> Change:
    # Nothing but the storefront or a person can help, and either wakes the order.
    return Change(event="held", text=reasons[0], hold=Hold(cause, reasons))


def _cause(wrong: Sequence[Problem]) -> HoldCause:
    """Return what it is held for: the buyer's data come first, each reason names who mends it."""
    causes = {problem.cause for problem in wrong}
    return next(cause for cause in HoldCause if cause in causes)


def _said(wrong: Sequence[Problem]) -> tuple[Said, ...]:
    return tuple(each.said for each in wrong)


def _refunded(order: Order) -> Said:
    return problems.REFUNDED(
        refunded=order.refunded,
        currency=order.currency,
        total=order.total,
        left=order.total - order.refunded,
    )
