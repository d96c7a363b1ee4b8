"""Forgets by age: payloads and personal data are masked, then dropped; the books stay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, or_, select, tuple_

from connector.domain.lifecycle import Stage
from connector.domain.masking import mask_said, mask_tree
from connector.store.database import Database
from connector.store.runs import RunState
from connector.store.tables import AlertRow, CallRow, EventRow, OrderRow, RunRow

_PAGE = 200
_ENDED = tuple(stage for stage in Stage if stage.ended)
# What remains of an order's content and of its events' details: no person stands in it.
_KEPT_CONTENT = ("number", "order_id", "placed_at", "total", "currency")
_KEPT_DETAIL = ("stage", "hold", "promise", "due_at", "cause", "cutoff", "wave", "business_units")
_SPARSE = 0.2


class Retention:
    """Masks, drops and tidies up. Each page is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def mask(self, before: datetime, now: datetime) -> int:
        """Mask personal data of orders that ended and were last changed before; return how many."""
        # An order that was changed after it was masked holds new data.
        unmasked = or_(OrderRow.masked_at.is_(None), OrderRow.masked_at < OrderRow.updated_at)
        return self._each(before, unmasked, now, _mask)

    def drop(self, before: datetime, now: datetime) -> int:
        """Drop payloads of orders that ended and were last changed before; return how many."""
        undropped = or_(OrderRow.dropped_at.is_(None), OrderRow.dropped_at < OrderRow.updated_at)
        return self._each(before, undropped, now, _drop)

    def _each(self, before: datetime, which: Any, now: datetime, change: Any) -> int:
        done = 0
        while True:
            with self._database.transaction() as session:
                orders = list(
                    session.scalars(
                        select(OrderRow)
                        .where(OrderRow.stage.in_(_ENDED), OrderRow.updated_at < before, which)
                        .order_by(OrderRow.id)
                        .limit(_PAGE)
                    )
                )
                for order in orders:
                    calls = session.scalars(select(CallRow).where(CallRow.order_pk == order.id))
                    events = session.scalars(select(EventRow).where(EventRow.order_pk == order.id))
                    change(order, list(calls), list(events), now)
            done += len(orders)
            if len(orders) < _PAGE:
                return done

    def prune(self, before: datetime) -> int:
        """Remove finished runs and closed alerts from before; each job keeps its newest run.

        Return how many runs are gone. How far a job has come is told by its newest.
        """
        with self._database.transaction() as session:
            newest = (
                select(RunRow.job, RunRow.scope, func.max(RunRow.window_to))
                .group_by(RunRow.job, RunRow.scope)
                .subquery()
            )
            gone = session.execute(
                delete(RunRow)
                .where(
                    RunRow.state == RunState.DONE,
                    RunRow.finished_at < before,
                    tuple_(RunRow.job, RunRow.scope, RunRow.window_to).not_in(select(newest)),
                )
                .execution_options(synchronize_session=False)
            )
            session.execute(
                delete(AlertRow)
                .where(AlertRow.closed_at < before, AlertRow.next_at.is_(None))
                .execution_options(synchronize_session=False)
            )
        return int(gone.rowcount)  # type: ignore[attr-defined]

    def tidy(self) -> bool:
        """Give room back and renew statistics; return whether SQLite's file was rewritten."""
        if not self._database.is_sqlite:
            with self._database.engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
                    "VACUUM (ANALYZE)"
                )
            return False
        # Outside of any transaction: the driver itself begins none.
        raw = self._database.engine.raw_connection()
        try:
            cursor = raw.cursor()
            pages, free = (
                int(cursor.execute(f"PRAGMA {name}").fetchone()[0])
                for name in ("page_count", "freelist_count")
            )
            rewrite = free > pages * _SPARSE
            if rewrite:
                cursor.execute("VACUUM")
            cursor.execute("PRAGMA optimize")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.close()
        finally:
            raw.close()
        return rewrite


def _mask(order: OrderRow, calls: list[CallRow], events: list[EventRow], now: datetime) -> None:
    # What cannot be read cannot be masked, and holds personal data all the same: it goes.
    order.payload, order.content = mask_tree(order.payload), mask_tree(order.content)
    if order.hold_reasons is not None:
        order.hold_reasons = [mask_said(reason) for reason in order.hold_reasons]
    order.masked_at = now
    for call in calls:
        call.request, call.answer = mask_tree(call.request), mask_tree(call.answer)
    for event in events:
        event.detail, event.text = mask_tree(event.detail), mask_said(event.text)


def _drop(order: OrderRow, calls: list[CallRow], events: list[EventRow], now: datetime) -> None:
    order.payload, order.content = {}, _only(order.content, _KEPT_CONTENT)
    order.masked_at = order.dropped_at = now
    for call in calls:
        call.request, call.answer = {}, None
    for event in events:
        event.detail = _only(event.detail, _KEPT_DETAIL)


def _only(value: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    kept = {name: value[name] for name in names if name in value}
    return dict(json.loads(json.dumps(kept, default=str)))
