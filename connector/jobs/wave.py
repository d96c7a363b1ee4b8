"""Job: at a cutoff, release the wave and hand the batch to warehouse and finance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from connector.domain.business_unit import BusinessUnit
from connector.domain.lifecycle import OWNER, HoldCause
from connector.domain.order import UNSETTLED
from connector.errors import ConnectorError
from connector.extracts.batch import Batch, batch_tables, orders_in
from connector.extracts.files import csv_bytes, publish, workbook_bytes
from connector.jobs.cadence import AtCutoffs, Window
from connector.jobs.runner import Counts, Job, Lane
from connector.steps.ask_again import before_release
from connector.steps.context import Context, part_source
from connector.steps.delivery import as_delivered, delivered_part, delivery_of, newest_delivery
from connector.steps.quarantine import put_stored, reason_of
from connector.steps.sales_order import live
from connector.store.files import Files
from connector.store.runs import Runs
from connector.store.tables import AllocationRow, DocumentRow, OrderRow, WaveRow
from connector.store.waves import Freeze, Waves
from connector.wording import Said, Say, course, problems, systems, together
from connector.wording.terms import term

_log = structlog.get_logger(__name__)

# Number of the order, when it was placed, its stage, and why it is left out.
LeftOut = tuple[str, object, str, str]
# The files of a batch by their names: bytes and number of rows.
Contents = dict[str, tuple[bytes, int]]
# A wave goes at the latest so long after its cutoff. Until `_ASKING` before that it waits for
# orders placed before the cutoff to be pulled and walked (what comes later goes with the next
# one); the rest is for asking the storefront what became of those that it would release.
PATIENCE = timedelta(minutes=5)
_ASKING = timedelta(minutes=1)
# So many reasons of a hold stand in the batch; the order itself shows all.
_REASONS = 8


def wave(context: Context, waves: Waves, runs: Runs, files: Files, folder: Path, say: Say) -> Job:
    """Return the job. Each business unit has waves of its own, by its own timetable.

    `say` tells in the languages of the site why orders were left out.

    The wave is frozen in one transaction; its files are made from what was frozen, so that a run
    that died between the two makes the same files when it is run again. Before, the storefront is
    asked again for its orders; those for which it did not answer go all the same, and are marked.
    """
    cadences = {code: AtCutoffs(context.timetables_of(code)[0]) for code in context.business_units}

    def run(window: Window, scope: str) -> Counts:
        freeze = Freeze(scope, window.end, window.start)
        asked: set[int] = set()
        if not waves.frozen(freeze):
            within = max(window.end + PATIENCE - context.clock(), _ASKING)
            asked = before_release(context, waves.ready(freeze), within)

        def remark(row: OrderRow) -> Said | None:
            return None if row.id in asked else course.NOT_ASKED()

        frozen = waves.freeze(freeze, why_not, remark, "wave", context.clock())
        unit = context.business_units[scope]
        zone = cadences[scope].timetable.calendar.zone
        orders, unlisted = _orders(context, waves, frozen, unit, say)
        left_out = [*_left_out(context, waves, frozen, say), *unlisted]
        tables = batch_tables(orders, left_out)
        where = folder / f"{frozen.cutoff_at.astimezone(zone):%Y-%m-%d}"
        name, contents = _edition(where, _name(frozen, zone), tables, unit.name, zone)
        written = publish(where, contents)
        files.note(written, "batch", context.clock(), parcel=name)
        return {
            "released": len(tables.orders.rows),
            "left_out": len(tables.left_out.rows),
            "not_asked": sum(1 for each in orders if each["remark"]),
            "files": len(written),
        }

    def ready(window: Window) -> bool:
        if context.clocks.doubtful:
            # The clock was set forward, and nothing says that the cutoff has really come.
            return False
        if context.clock() >= window.end + PATIENCE - _ASKING:
            return True
        reached = (runs.done_until(job) for job in ("intake", "advance"))
        return all(until is not None and until >= window.end for until in reached)

    return Job(
        "wave",
        "release the orders of a cutoff and hand over the batch",
        AtCutoffs(context.timetables[""]),
        run,
        tuple(context.business_units),
        cadences,
        Lane.CLOCK,
        ready,
    )


def why_not(row: OrderRow) -> Said:
    """Say in a few words why a wave leaves an order out, and who must act."""
    if row.cancel_requested:
        return course.BEING_CANCELLED()
    if row.unreadable:
        return systems.STORED_UNREADABLE()
    if row.hold_cause is None and row.payment_state in UNSETTLED:
        return problems.UNPAID(status=repr(row.status))
    if row.hold_cause is None:
        return course.NOT_READY(stage=term("stage", row.stage))
    return course.HELD(
        cause=term("cause", row.hold_cause),
        owner=term("owner", OWNER[HoldCause(row.hold_cause)].value),
        reasons=together((row.hold_reasons or [])[:_REASONS]),
    )


def _name(frozen: WaveRow, zone: ZoneInfo) -> str:
    return f"{frozen.business_unit}-{frozen.cutoff_at.astimezone(zone):%Y%m%d-%H%M}"


def _edition(
    where: Path, name: str, tables: Batch, unit: str, zone: ZoneInfo
) -> tuple[str, Contents]:
    """Return under which name a batch is handed over, and its files.

    A file that lies there with other content is never replaced: somebody works by it. The batch is
    then a revision of its own, which says what each earlier one held.
    """
    editions: dict[str, list[str]] = {}
    for number in count(1):
        called = name if number == 1 else f"{name}-r{number}"
        contents = _contents(called, tables.after(editions) if editions else tables, unit, zone)
        there = {each: where / each for each in contents if (where / each).exists()}
        if all(path.read_bytes() == contents[each][0] for each, path in there.items()):
            if editions:
                _log.warning("a batch was handed over before", batch=name, now=called)
            return called, contents
        orders = where / f"{called}-orders.csv"
        editions[called] = orders_in(orders) if orders.exists() else []
    raise AssertionError("numbers do not end")


def _contents(name: str, tables: Batch, unit: str, zone: ZoneInfo) -> Contents:
    return {
        f"{name}.xlsx": (
            workbook_bytes(list(tables), zone, f"{unit} {name}"),
            len(tables.orders.rows),
        ),
        f"{name}-orders.csv": (csv_bytes(tables.orders, zone), len(tables.orders.rows)),
        f"{name}-picking.csv": (csv_bytes(tables.picking, zone), len(tables.picking.rows)),
    }


def _orders(
    context: Context, waves: Waves, frozen: WaveRow, unit: BusinessUnit, say: Say
) -> tuple[list[dict[str, object]], list[LeftOut]]:
    """Return the rows of the batch, and what stands with those left out of orders without one."""
    orders: list[dict[str, object]] = []
    unlisted: list[LeftOut] = []
    documents, taken = waves.documents(frozen), waves.allocations(frozen)
    for row, seen in waves.released(frozen):
        if row.unreadable:
            continue  # it is told of with those left out
        held = documents.get(row.id, ())
        try:
            parts = _parts(context, row, unit, held, taken.get(row.id, ()))
        except (ConnectorError, LookupError, ValueError, TypeError, ArithmeticError) as error:
            # It keeps no other back; that it is to be shipped all the same is told.
            _log.error("a released order cannot be listed", order=row.number, exc_info=error)
            unlisted.append(_told(row, course.NOT_LISTED(why=reason_of(error)), say))
            continue
        orders.append({"row": row, "late": seen.late, "remark": say(seen.reason), **parts})
    return orders, unlisted


def _parts(
    context: Context,
    row: OrderRow,
    unit: BusinessUnit,
    documents: Sequence[DocumentRow],
    taken: Sequence[AllocationRow],
) -> dict[str, object]:
    """Return what a unit delivers of an order, and under which numbers."""
    order = context.read(row)
    delivery, quantities = newest_delivery(taken)
    numbers: dict[str, list[str]] = defaultdict(list)
    part = delivered_part(part_source(context, row, order, unit.code), quantities, [])
    for document in live(documents):
        if document.business_unit != unit.code:
            continue
        if document.kind == "sales_order" or delivery_of(document) == delivery:
            numbers[document.kind].append(document.number)
            part |= as_delivered(order, document)
    return {
        "order": order,
        "lines": part["lines"],
        "freight": part["freight"],
        "total": part["total"],
        "plant": unit.plant,
        "quantity": sum((line["allocated"] for line in part["lines"]), Decimal(0)),
        "documents": numbers,
    }


def _left_out(context: Context, waves: Waves, frozen: WaveRow, say: Say) -> list[LeftOut]:
    """Return the orders that the batch lacks and why; those that cannot be read are quarantined."""
    left = [(row, seen.reason) for row, seen in waves.left_out(frozen)]
    left += [
        (row, systems.STORED_UNREADABLE()) for row, _ in waves.released(frozen) if row.unreadable
    ]
    for row, _ in left:
        if row.unreadable:
            put_stored(context, row, "wave")
    return [_told(row, reason, say) for row, reason in left]


def _told(row: OrderRow, reason: Said, say: Say) -> LeftOut:
    return row.number, row.placed_at, say(term("stage", row.stage)), say(reason)
