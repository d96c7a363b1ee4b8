"""What is asked each tick and each day is found by an index, however much is stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event, insert, text

from connector.store.database import Database
from connector.store.daybook import Daybook
from connector.store.runs import Runs, RunState
from connector.store.tables import AfterSaleRow, CallRow, DocumentRow, OrderRow, RunRow
from connector.store.trouble import Trouble

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
DAY = timedelta(days=1)
STORED = 1200


@pytest.fixture
def stored(database: Database) -> Database:
    """Thousands of old orders, calls and runs, of which today's questions want none."""
    old = [NOW - timedelta(minutes=10 * (STORED - at)) for at in range(STORED)]
    with database.transaction() as session:
        session.execute(
            insert(OrderRow),
            [
                {
                    "id": at, "shop": "shop", "number": f"{at}", "order_id": f"{at}",
                    "content_hash": "", "payload": {}, "content": {}, "status": "completed",
                    "payment_state": "completed", "stage": "closed", "placed_at": moment,
                    "received_at": moment, "updated_at": moment, "business_units": "GQ",
                    "currency": "CNY",
                }
                for at, moment in enumerate(old, 1)
            ],
        )  # fmt: skip
        session.execute(
            insert(DocumentRow),
            [
                {"order_pk": at, "kind": kind, "system": "dms", "business_unit": "GQ",
                 "number": f"{at}", "at": moment, "detail": {}, "written_back_at": moment}
                for at, moment in enumerate(old, 1)
                for kind in ("sales_order", "shipment", "invoice")
            ],
        )  # fmt: skip
        session.execute(
            insert(AfterSaleRow),
            [
                {"order_pk": at, "reference": f"{at}", "kind": "refund", "state": "done",
                 "amount": 1, "recovered": 1, "requested_at": moment, "refunded_at": moment,
                 "updated_at": moment, "detail": {}}
                for at, moment in enumerate(old, 1)
            ],
        )  # fmt: skip
        session.execute(
            insert(RunRow),
            [
                {"job": job, "scope": "", "window_from": moment - DAY, "window_to": moment,
                 "state": RunState.DONE, "attempts": 1, "owner": "x", "started_at": moment,
                 "lease_until": moment, "counts": {}}
                for job in ("advance", "intake")
                for moment in old
            ],
        )  # fmt: skip
        session.execute(
            insert(CallRow),
            [
                {"order_pk": at, "key": f"{at}", "system": "dms", "operation": "dms_sales_order",
                 "reference": f"{at}", "request": {}, "request_hash": "", "state": "confirmed",
                 "created_at": moment, "sent_at": moment}
                for at, moment in enumerate(old, 1)
            ],
        )  # fmt: skip
    if not database.is_sqlite:
        with database.transaction() as session:
            session.execute(text("ANALYZE"))
    return database


@contextmanager
def said_to(database: Database) -> Iterator[list[tuple[str, Any]]]:
    said: list[tuple[str, Any]] = []

    def listen(_c: Any, _u: Any, statement: str, values: Any, _x: Any, _m: bool) -> None:
        said.append((statement, values))

    event.listen(database.engine, "before_cursor_execute", listen)
    try:
        yield said
    finally:
        event.remove(database.engine, "before_cursor_execute", listen)


def plans(database: Database, ask: Callable[[], object]) -> list[str]:
    """Return how the database goes about each query of a question."""
    with said_to(database) as said:
        ask()
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    found = []
    with database.engine.connect() as connection:
        for statement, values in said:
            rows = connection.exec_driver_sql(f"{explain} {statement}", values).all()
            if not rows:
                continue  # the beginning of a transaction
            found.append("\n".join(str(row[-1]) for row in rows))
    return found


ASKED: tuple[tuple[Callable[[Database], object], set[str]], ...] = (
    (lambda it: Runs(it).unfinished("advance", ""), {"ix_job_run_state"}),
    (lambda it: Runs(it).done_until("advance"), {"ix_job_run_state"}),
    (lambda it: Trouble(it).failed_runs(), {"ix_job_run_state"}),
    (lambda it: Trouble(it).left_open(NOW), {"ix_outbound_call_state"}),
    (lambda it: Trouble(it).doubled(NOW), {"ix_outbound_call_doubled"}),
    (
        lambda it: list(Daybook(it).came_later("shop", NOW, NOW, NOW + DAY)),
        {"ix_document_came", "ix_after_sale_refunded_at"},
    ),
)


def test_an_index_leads_to_what_is_asked_for_often(stored: Database) -> None:
    for ask, indices in ASKED:
        found = plans(stored, partial(ask, stored))
        together = "\n".join(found)
        assert {index for index in indices if index in together} == indices, together
        whole = "SCAN " if stored.is_sqlite else "Seq Scan"
        read = [line for line in together.splitlines() if whole in line]
        # A list that the query itself made is no table, nor is an index of a few rows.
        small = "SUBQUERY|came|anon|INDEX ix_outbound_call_doubled"
        assert [line for line in read if not re.search(small, line)] == [], together
