"""Moves orders along their steps: one decision, at most one outbound call, one commit at a time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import structlog

from connector.domain.deadlines import deadline_for, promised_at
from connector.domain.lifecycle import HoldCause, Stage, Step, next_step
from connector.domain.masking import mask_said, mask_text
from connector.errors import (
    ConnectorError,
    Doubled,
    InDoubt,
    MappingFailed,
    Misconfigured,
    Rejected,
    RetryLater,
    UnreadableOrder,
)
from connector.mapping.live import steady
from connector.shortage import Shortage
from connector.steps.cancel import cancel
from connector.steps.context import Context
from connector.steps.payment import judge, unsettled
from connector.steps.place import place
from connector.steps.quarantine import put_stored
from connector.steps.recognise import Found, recognise
from connector.steps.request import apply, note
from connector.steps.validate import validate
from connector.store.changes import Change, Hold, StaleOrder
from connector.store.tables import OrderRow
from connector.telemetry import tracing
from connector.telemetry.counters import kept_promise
from connector.wording import machine, systems

_log = structlog.get_logger(__name__)

# Seconds until an order that waits for this machine itself is looked at again.
_SHORT_AGAIN = 60.0
# Confirming stock is done for all waiting orders at once: see connector.steps.confirm.
_STEPS: Mapping[Step, Callable[[Context, OrderRow], Change]] = {
    Step.VALIDATE: validate,
    Step.RECOGNISE: recognise,
    Step.PLACE: place,
    Step.NOTE: note,
    Step.APPLY: apply,
}


def walk(
    context: Context,
    order_pk: int,
    actor: str = "connector",
    *,
    until: Stage | None = None,
    found: Found | None = None,
) -> OrderRow:
    """Move one order on as far as it goes now, or to a stage, and return it.

    `found` are its buyer's candidates where they were looked up for many orders at once. Raises
    Misconfigured when no order could go on: nothing is noted against this one.
    """
    row = context.orders.get(order_pk)
    while True:
        step = _step(row)
        if (
            row.stage == until
            or step is None
            or row.next_try_at is None
            or row.next_try_at > context.clock()
        ):
            return row
        try:
            with about(row, step.__name__):
                taken = step
                if step is recognise and found is not None:
                    taken = _recognise_among(found)
                row = commit(context, row, decide(context, row, taken), actor)
        except Doubled as error:
            return _held_as_doubled(context, order_pk, error, actor)
        except StaleOrder:
            # Another mover was quicker; what it left is walked when it is due.
            return context.orders.get(order_pk)


def _held_as_doubled(context: Context, order_pk: int, error: Doubled, actor: str) -> OrderRow:
    """Hold an order, whatever another mover made of it meanwhile: it may be delivered twice."""
    while True:
        row = context.orders.get(order_pk)
        try:
            return commit(context, row, _held(HoldCause.DISCREPANCY, error), actor)
        except StaleOrder:
            continue


def _recognise_among(found: Found) -> Callable[[Context, OrderRow], Change]:
    return lambda context, row: recognise(context, row, found)


@contextmanager
def about(row: OrderRow, step: str) -> Iterator[None]:
    """Have everything that is logged and traced within say which order it is about."""
    with (
        structlog.contextvars.bound_contextvars(order=row.number),
        tracing.of_order(row.shop, row.number, step, stage=row.stage),
    ):
        yield


def decide(context: Context, row: OrderRow, step: Callable[[Context, OrderRow], Change]) -> Change:
    """Take one step and turn every typed error into what the order does next."""
    try:
        # One version of the mappings makes the whole step, whatever IT saves meanwhile.
        with steady(context.mappings):
            return step(context, row)
    except RetryLater as error:
        context.shortages.note(error)
        return waiting(context, row, error)
    except (Misconfigured, Doubled):
        raise
    except Exception as error:
        short = context.shortages.note(error)
        if short is not None and not isinstance(error, InDoubt | Rejected):
            # This machine is to blame: the order waits until it has enough again.
            return waiting(context, row, short_of(short))
        if isinstance(error, UnreadableOrder):
            put_stored(context, row, step.__name__)
        held = held_for(row, error)
        if isinstance(error, InDoubt) and error.asked_again:
            again = context.clock() + context.policy.review_again
            return replace(held, next_try_at=again)
        return held


def short_of(what: Shortage) -> RetryLater:
    """Return the wait for what this machine has run out of."""
    return RetryLater(
        machine.SHORTAGES[what],
        place=machine.SHORT_HERE(),
        remedy=machine.MAKE_ROOM(),
        after=_SHORT_AGAIN,
    )


def held_for(row: OrderRow, error: Exception) -> Change:
    """Return the hold that an error puts an order in."""
    if isinstance(error, Rejected):
        return _held(HoldCause.REJECTED, error)
    if isinstance(error, Doubled):
        return _held(HoldCause.DISCREPANCY, error)
    if isinstance(error, InDoubt):
        return _held(HoldCause.IN_DOUBT, error)
    if isinstance(error, MappingFailed):
        reasons = tuple(
            mask_said(systems.AT(place=error.place, message=finding)) for finding in error.findings
        )
        text = mask_said(error.said)
        return Change(event="held", text=text, hold=Hold(HoldCause.MAPPING, reasons))
    if isinstance(error, UnreadableOrder):
        return _held(HoldCause.MAPPING, error)
    # One bad order never stops the others; what nobody foresaw waits for ops, with its name.
    _log.error("unforeseen error", order=row.number, stage=row.stage, exc_info=error)
    name = systems.UNEXPECTED(error=type(error).__name__)
    reason = mask_said(systems.NAMED(name=name, message=str(error)[:500]))
    return Change(event="held", text=name, hold=Hold(HoldCause.MAPPING, (reason,)))


def commit(context: Context, row: OrderRow, change: Change, actor: str) -> OrderRow:
    """Commit a change, with the deadline of the stage it leads to. Raises StaleOrder.

    Of a released order it is the backorder that a step moves on.
    """
    if change.stage is not None and row.stage == Stage.RELEASED:
        change = replace(
            change,
            stage=None,
            values={**change.values, "backorder": change.stage},
            detail={**change.detail, "backorder": change.stage.value},
        )
    if change.stage is not None:
        units = str(change.values.get("business_units", row.business_units))
        tables = context.timetables_of(units)
        deadline = deadline_for(change.stage, row.placed_at, tables, context.promises)
        change = replace(change, values={**change.values, "deadline_at": deadline})
    after = context.orders.apply(row, change, actor, context.clock())
    promise, reached = promised_at(Stage(row.stage)), Stage(after.stage)
    if promise is not None and row.deadline_at is not None and promise.reached_by(reached):
        kept_promise(promise, row.deadline_at - context.clock())
    tracing.tell(came_to=after.stage, hold=after.hold_cause or "")
    _log.info(
        change.event,
        order=row.number,
        stage=after.stage,
        hold=after.hold_cause,
        text=mask_text(change.text),
    )
    return after


def waiting(context: Context, row: OrderRow, error: RetryLater) -> Change:
    """Return the change that lets an order wait for a system, longer with each vain try."""
    policy = context.policy
    backoff = min(policy.retry_first * 2 ** min(row.tries, 12), policy.retry_most)
    # Orders that failed together must not come back together.
    backoff *= 0.8 + 0.4 * random.random()
    wait = backoff if error.after is None else timedelta(seconds=error.after)
    return Change(
        event="waiting",
        text=mask_said(error.said),
        keep_hold=True,
        next_try_at=context.clock() + wait,
        # A wait that was asked for, such as for a turn or for a breaker, is no try of the order's.
        tries=row.tries + 1 if error.after is None else max(row.tries, 1),
    )


def _step(row: OrderRow) -> Callable[[Context, OrderRow], Change] | None:
    stage = Stage(row.stage)
    if row.cancel_requested and not (stage.released or stage.ended):
        return cancel
    if stage is not Stage.RECEIVED and unsettled(row):
        return judge
    if stage is Stage.RELEASED and row.backorder is not None:
        stage = Stage(row.backorder)
    following = next_step(stage)
    return _STEPS.get(following[0]) if following else None


def _held(cause: HoldCause, error: ConnectorError) -> Change:
    reason = mask_said(error.said)
    return Change(event="held", text=reason, hold=Hold(cause, (reason,)))
