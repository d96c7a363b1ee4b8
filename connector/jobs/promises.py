"""Job: each night, a file of the promises that fell due: kept, and broken by cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from connector.domain.deadlines import Promise, PromiseState
from connector.extracts.files import csv_bytes, publish, workbook_bytes
from connector.extracts.table import Cell, Column, Kind, Table
from connector.jobs.cadence import Cadence, Window
from connector.jobs.runner import Counts, Job
from connector.steps.context import Context
from connector.store.files import Files
from connector.store.promises import PromiseBook
from connector.store.tables import PromiseRow

_SUMMARY = (
    Column("business_units", "事业部", "Business units"),
    Column("promise", "时限", "Promise"),
    Column("state", "结果", "State"),
    Column("cause", "原因", "Cause"),
    Column("orders", "订单数", "Orders", Kind.INTEGER, total=True),
)
_BROKEN = (
    Column("number", "订单号", "Order"),
    Column("business_units", "事业部", "Business units"),
    Column("promise", "时限", "Promise"),
    Column("placed_at", "下单时间", "Placed at", Kind.TIME),
    Column("due_at", "应达时间", "Due at", Kind.TIME),
    Column("reached_at", "实达时间", "Reached at", Kind.TIME),
    Column("late_minutes", "超时（工作分钟）", "Minutes late (working time)", Kind.INTEGER),
    Column("cause", "原因", "Cause"),
)
_STATES = {"kept": "按时 kept", "broken": "超时 broken", "void": "取消 void", "open": "未定 open"}


def promises(
    context: Context,
    book: PromiseBook,
    files: Files,
    cadence: Cadence,
    folder: Path,
    zone: ZoneInfo,
) -> Job:
    """Return the job. It writes the promises due within the business day.

    The files are delivered to wherever finance's extracts go.
    """

    def run(window: Window, _scope: str) -> Counts:
        rows = book.due_between(window.start, window.end)
        day = f"{window.end.astimezone(zone):%Y-%m-%d}"
        tables = tables_of(rows, context)
        contents = {
            f"promises-{table.name}-{day}.csv": (csv_bytes(table, zone), len(table.rows))
            for table in tables
        }
        title = f"时限 Promises {day}"
        contents[f"promises-{day}.xlsx"] = (workbook_bytes(tables, zone, title), len(rows))
        written = publish(folder / day, contents)
        files.note(written, "extract", context.clock(), parcel=f"promises-{day}")
        broken = sum(PromiseState(row.state).broken for row, _ in rows)
        return {"promises": len(rows), "broken": broken}

    return Job("promises", "write which promises were kept and broken, and why", cadence, run)


def tables_of(rows: Sequence[tuple[PromiseRow, str]], context: Context) -> list[Table]:
    """Return the summary, and each broken promise."""
    summary = Counter((row.business_units, row.promise, _word(row), row.cause) for row, _ in rows)
    order = {promise.value: position for position, promise in enumerate(Promise)}
    counted: list[list[Cell]] = [
        [units, promise, _STATES[word], cause, orders]
        for (units, promise, word, cause), orders in sorted(
            summary.items(), key=lambda each: (each[0][0], order[each[0][1]], *each[0][2:])
        )
    ]
    return [
        Table("summary", "汇总", _SUMMARY, counted),
        Table("broken", "超时", _BROKEN, list(_broken(rows, context))),
    ]


def _word(row: PromiseRow) -> str:
    return "broken" if PromiseState(row.state).broken else row.state


def _broken(rows: Sequence[tuple[PromiseRow, str]], context: Context) -> Iterator[list[Cell]]:
    for row, number in rows:
        if PromiseState(row.state).broken:
            calendar = context.timetables_of(row.business_units)[0].calendar
            end = row.reached_at or context.clock()
            late = calendar.working_time_between(row.due_at, end) // timedelta(minutes=1)
            yield [
                number,
                row.business_units,
                row.promise,
                row.placed_at,
                row.due_at,
                row.reached_at,
                late if row.reached_at else None,
                row.cause,
            ]
