"""What a Prometheus scrape costs as ended orders pile up, against reading the table."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select

from connector.store.database import Database
from connector.store.standing import Standing
from connector.store.tables import OrderRow

_OPEN = 2_000
_ENDED = (0, 10_000, 100_000)
_NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


def main() -> None:
    """Print milliseconds for all that one scrape asks about orders, on SQLite."""
    sample = Path(__file__).parents[1] / "connector/sandbox/orders.json"
    payload = json.loads(sample.read_text(encoding="utf-8"))[0]
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/bench.db")
        database.upgrade()
        standing = Standing(database)
        _fill(database, payload, 0, _OPEN, "noted")
        held = _OPEN
        for ended in _ENDED:
            _fill(database, payload, held, ended + _OPEN, "closed")
            held = ended + _OPEN
            asked, bare = _best(lambda: _ask(standing)), _best(lambda: _scan(database))
            print(
                f"  {_OPEN} orders under way, {ended:>7} ended:"
                f" {asked:6.1f} ms, reading the table {bare:7.1f} ms, {bare / asked:5.1f} ×"
            )
        database.close()


def _ask(standing: Standing) -> None:
    standing.groups()
    standing.deadlines(_NOW, _NOW + timedelta(minutes=10))
    standing.due(_NOW)


def _scan(database: Database) -> None:
    stage, hold = OrderRow.stage + "", OrderRow.hold_cause + ""  # so that no index serves
    with database.reading() as session:
        session.execute(select(stage, hold, func.count()).group_by(stage, hold)).all()


def _best(work: Callable[[], None]) -> float:
    times = []
    for _ in range(5):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return min(times)


def _fill(database: Database, payload: Any, begin: int, end: int, stage: str) -> None:
    for start in range(begin, end, 2_000):
        rows = [_row(payload, number, stage) for number in range(start, min(start + 2_000, end))]
        with database.transaction() as session:
            session.execute(insert(OrderRow), rows)


def _row(payload: Any, number: int, stage: str) -> dict[str, Any]:
    placed = _NOW - timedelta(seconds=number)
    return {
        "shop": "shop", "number": str(number), "order_id": str(number), "content_hash": "",
        "payload": payload, "content": {}, "status": "processing", "payment_state": "paid",
        "stage": stage, "hold_cause": "rejected" if stage != "closed" and number % 7 == 0 else None,
        "next_try_at": None, "placed_at": placed, "received_at": placed, "updated_at": placed,
        "deadline_at": placed + timedelta(hours=1) if stage != "closed" else None,
    }  # fmt: skip


if __name__ == "__main__":
    main()
