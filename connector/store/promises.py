"""Promises in the database: when they are due, whether they were kept, and why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select
from sqlalchemy.orm import load_only

from connector.domain.deadlines import Due, Promise, PromiseState, judge
from connector.domain.lifecycle import OWNER, HoldCause, Owner, Stage
from connector.store.database import Database
from connector.store.tables import EventRow, OrderRow, PromiseRow
from connector.wording import Said, course
from connector.wording.terms import term

_PAGE = 500
# Orders are numbered before they are committed: one may become visible after later ones.
_OVERTAKEN = 1000
_UNSETTLED = tuple(state for state in PromiseState if not state.settled)
# What a promise depends on: the storefront's payload is long to read, and nobody asks for it here.
_JUDGED = load_only(OrderRow.stage, OrderRow.hold_cause, OrderRow.business_units)

DueOf = Callable[[Promise, datetime, str], Due]


@dataclass(frozen=True)
class Story:
    """What an order's events say about its promises."""

    events: Sequence[EventRow]

    def reached(self, promise: Promise) -> datetime | None:
        """Return since when the order has come far enough, for good."""
        at = None
        for stage, since in self._stages():
            if not promise.reached_by(stage):
                at = at if stage is Stage.CANCELLED else None
            elif at is None:
                at = since
        return at

    def cancelled(self) -> datetime | None:
        """Return when the order was cancelled."""
        return next((at for stage, at in self._stages() if stage is Stage.CANCELLED), None)

    def cause(self, due_at: datetime) -> str:
        """Say what held the order up when the promise fell due.

        A cause of a hold; `system_away` (it waited for another system); `late_intake` (it was
        not pulled in time); `slow` (nothing held it up, and it was not done).
        """
        cause = "late_intake"
        for event in self.events:
            if event.at > due_at:
                break
            hold = event.detail.get("hold")
            if hold:
                cause = str(hold)
            elif event.kind == "waiting":
                cause = "system_away"
            elif "stage" in event.detail or event.kind in _GOES_ON:
                cause = "slow"
        return cause

    def _stages(self) -> Iterator[tuple[Stage, datetime]]:
        for event in self.events:
            if "stage" in event.detail:
                yield Stage(event.detail["stage"]), event.at


# Events that end a hold without leading to another stage.
_GOES_ON = frozenset({"storefront", "retry", "customer_settled"})


@dataclass(frozen=True)
class Followed:
    """What one look at the promises found."""

    watched: int
    warned: int
    kept: int
    broken: int


class PromiseBook:
    """Writes and reads promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def follow(self, due_of: DueOf, now: datetime) -> Followed:
        """Take up new orders, and note what became of promises since the last look.

        What is noted does not depend on when one looks: a promise is broken when its order came
        too late, however late that is noticed.
        """
        watched = self._watch(due_of, now)
        warned = kept = broken = 0
        after: tuple[int, str] = (0, "")
        while page := self._to_judge(now, after):
            after = page[-1][0].order_pk, page[-1][0].promise
            with self._database.transaction() as session:
                events: dict[int, list[EventRow]] = {order.id: [] for _, order in page}
                for event in session.scalars(
                    select(EventRow).where(EventRow.order_pk.in_(events)).order_by(EventRow.id)
                ):
                    events[event.order_pk].append(event)
                newest = {
                    (row.order_pk, row.promise): row
                    for row in session.scalars(
                        select(PromiseRow).where(
                            PromiseRow.order_pk.in_(events), PromiseRow.state.in_(_UNSETTLED)
                        )
                    )
                }
                for promise, order in page:
                    row = newest.get((promise.order_pk, promise.promise))
                    if row is None:
                        continue
                    was, had_warned = row.state, row.warned_at
                    _judge(row, order, Story(events[order.id]), due_of, now)
                    for event in _told(row, was, had_warned, now):
                        session.add(event)
                    warned += had_warned is None and row.warned_at is not None
                    kept += row.state == PromiseState.KEPT
                    broken += was == PromiseState.OPEN and PromiseState(row.state).broken
        return Followed(watched, warned, kept, broken)

    def _watch(self, due_of: DueOf, now: datetime) -> int:
        watched = 0
        while True:
            with self._database.transaction() as session:
                last = session.scalar(select(func.max(PromiseRow.order_pk))) or 0
                unknown = and_(
                    # What was completed before our first day was promised by nobody here.
                    OrderRow.stage != Stage.KNOWN,
                    ~exists().where(PromiseRow.order_pk == OrderRow.id),
                )
                rows = session.execute(
                    select(OrderRow.id, OrderRow.placed_at, OrderRow.business_units)
                    .where(OrderRow.id > last - _OVERTAKEN, unknown)
                    .order_by(OrderRow.id)
                    .limit(_PAGE)
                ).all()
                values = [
                    {
                        "order_pk": order_pk,
                        "promise": promise,
                        "business_units": units,
                        "placed_at": placed_at,
                        "warn_at": due.warn_at,
                        "due_at": due.due_at,
                        "state": PromiseState.OPEN,
                        "cause": "",
                    }
                    for order_pk, placed_at, units in rows
                    for promise in Promise
                    for due in (due_of(promise, placed_at, units),)
                ]
                if values:
                    session.execute(insert(PromiseRow), values)
            watched += len(rows)
            if len(rows) < _PAGE:
                return watched

    def _to_judge(self, now: datetime, after: tuple[int, str]) -> list[tuple[PromiseRow, OrderRow]]:
        """Return open promises of which there may be news, in pages."""
        news: list[ColumnElement[bool]] = [
            OrderRow.stage == Stage.CANCELLED,
            OrderRow.business_units != PromiseRow.business_units,
            and_(PromiseRow.state == PromiseState.OPEN, PromiseRow.due_at < now),
            and_(
                PromiseRow.state == PromiseState.OPEN,
                PromiseRow.warn_at <= now,
                PromiseRow.warned_at.is_(None),
                or_(
                    PromiseRow.promise != Promise.RELEASED,
                    OrderRow.stage != Stage.READY,
                    OrderRow.hold_cause != HoldCause.STOCK,
                ),
            ),
        ]
        for promise in Promise:
            reached = [stage for stage in Stage if promise.reached_by(stage)]
            news.append(and_(PromiseRow.promise == promise, OrderRow.stage.in_(reached)))
        query = (
            select(PromiseRow, OrderRow)
            .join(OrderRow, OrderRow.id == PromiseRow.order_pk)
            .where(
                PromiseRow.state.in_(_UNSETTLED),
                or_(
                    PromiseRow.order_pk > after[0],
                    and_(PromiseRow.order_pk == after[0], PromiseRow.promise > after[1]),
                ),
                or_(*news),
            )
            .order_by(PromiseRow.order_pk, PromiseRow.promise)
            .limit(_PAGE)
            .options(_JUDGED)
        )
        with self._database.reading() as session:
            return [(promise, order) for promise, order in session.execute(query)]

    def at_risk(self, now: datetime) -> list[tuple[str, int, datetime]]:
        """Return per promise how many were warned of and are not yet kept, and the first due.

        Orders that wait for their buyer are left out: nobody here can keep those promises.
        """
        buyers = [cause for cause in HoldCause if OWNER[cause] is Owner.BUYER]
        query = (
            select(PromiseRow.promise, func.count(), func.min(PromiseRow.due_at))
            .join(OrderRow, OrderRow.id == PromiseRow.order_pk)
            .where(
                or_(OrderRow.hold_cause.is_(None), OrderRow.hold_cause.not_in(buyers)),
                PromiseRow.state == PromiseState.OPEN,
                PromiseRow.warned_at.is_not(None),
                PromiseRow.due_at >= now,
            )
            .group_by(PromiseRow.promise)
            .order_by(PromiseRow.promise)
        )
        with self._database.reading() as session:
            return [tuple(row) for row in session.execute(query)]  # type: ignore[misc]

    def overdue(self) -> list[tuple[str, int, datetime]]:
        """Return per cause how many orders are late and not there yet, and since when."""
        query = (
            select(
                PromiseRow.cause,
                func.count(PromiseRow.order_pk.distinct()),
                func.min(PromiseRow.due_at),
            )
            .where(PromiseRow.state == PromiseState.OVERDUE)
            .group_by(PromiseRow.cause)
            .order_by(PromiseRow.cause)
        )
        with self._database.reading() as session:
            return [tuple(row) for row in session.execute(query)]  # type: ignore[misc]

    def due_between(self, after: datetime, until: datetime) -> list[tuple[PromiseRow, str]]:
        """Return the promises due in (after, until] with their orders' numbers."""
        query = (
            select(PromiseRow, OrderRow.number)
            .join(OrderRow, OrderRow.id == PromiseRow.order_pk)
            .where(PromiseRow.due_at > after, PromiseRow.due_at <= until)
            .order_by(PromiseRow.due_at, OrderRow.number, PromiseRow.promise)
        )
        with self._database.reading() as session:
            return [(row, number) for row, number in session.execute(query)]

    def of_order(self, order_pk: int) -> list[PromiseRow]:
        """Return an order's promises, the first due first."""
        query = (
            select(PromiseRow)
            .where(PromiseRow.order_pk == order_pk)
            .order_by(PromiseRow.due_at, PromiseRow.promise)
        )
        with self._database.reading() as session:
            return list(session.scalars(query))


def _judge(row: PromiseRow, order: OrderRow, story: Story, due_of: DueOf, now: datetime) -> None:
    promise = Promise(row.promise)
    if order.business_units != row.business_units:
        # The clocks of its units count, once they are known.
        due = due_of(promise, row.placed_at, order.business_units)
        row.business_units = order.business_units
        row.warn_at, row.due_at = due.warn_at, due.due_at
    reached, cancelled = story.reached(promise), story.cancelled()
    state = judge(row.due_at, reached, cancelled, now)
    if state.broken and not PromiseState(row.state).broken:
        row.cause, row.noticed_at = story.cause(row.due_at), now
    row.state, row.reached_at = state, reached
    # What is short goes later: it keeps nothing from the wave that is there.
    held = order.hold_cause not in (None, HoldCause.STOCK)
    waits = promise is Promise.RELEASED and order.stage == Stage.READY and not held
    if state is PromiseState.OPEN and row.warned_at is None and row.warn_at <= now and not waits:
        row.warned_at = now


def _told(
    row: PromiseRow, was: str, had_warned: datetime | None, now: datetime
) -> Iterator[EventRow]:
    due = {"promise": row.promise, "due_at": row.due_at.isoformat()}
    promise = term("promise", row.promise)
    if had_warned is None and row.warned_at is not None:
        yield _event(row, "promise_at_risk", course.AT_RISK(promise=promise), due, now)
    if was == PromiseState.OPEN and PromiseState(row.state).broken:
        text = course.NOT_KEPT(promise=promise, cause=term("cause", row.cause))
        yield _event(row, "promise_broken", text, {**due, "cause": row.cause}, now)


def _event(
    row: PromiseRow, kind: str, text: Said, detail: dict[str, str], now: datetime
) -> EventRow:
    return EventRow(
        order_pk=row.order_pk, at=now, actor="watch", kind=kind, text=text, detail=detail
    )
