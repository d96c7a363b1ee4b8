"""Job: move every order that is due along its steps, oldest deadline first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import structlog

from connector.domain.lifecycle import Stage
from connector.errors import Misconfigured
from connector.jobs.cadence import Cadence, Window
from connector.jobs.runner import Counts, Job, Stopped
from connector.steps.confirm import Stock, confirm_all
from connector.steps.context import Context
from connector.steps.correct import settle_given_up
from connector.steps.recognise import Found, look_up
from connector.steps.walk import walk
from connector.store.tables import OrderRow

_log = structlog.get_logger(__name__)

# An order to be cancelled is due in whatever stage it stands before release.
_UNRELEASED = tuple(stage for stage in Stage if not (stage.released or stage.ended))
_NEW = (Stage.RECEIVED,)
_AT_STOCK = (Stage.PLACED,)
_AFTER_STOCK = (Stage.CONFIRMED, Stage.NOTED)
_PAGE = 500


def advance(
    context: Context,
    cadence: Cadence,
    workers: int,
    stopping: Callable[[], bool] = lambda: False,
) -> Job:
    """Return the job. `workers` is how many orders are walked at the same time.

    Once it is `stopping`, the orders in hand are walked on and no further one is begun.
    """

    def run(_window: Window, _scope: str) -> Counts:
        return drain(context, workers, stopping)

    return Job("advance", "move orders along their steps", cadence, run)


def drain(context: Context, workers: int, stopping: Callable[[], bool] = lambda: False) -> Counts:
    """Move every due order as far as it goes now, and count where they came to stand.

    Raises Misconfigured at the end, after every order that could go on went on, and Stopped when
    orders were left because the service is `stopping`.
    """
    counts: Counter[str] = Counter()
    stopped: list[Misconfigured] = []
    with ThreadPoolExecutor(workers, thread_name_prefix="walk") as pool:

        def walk_each(
            rows: Sequence[OrderRow],
            until: Stage | None = None,
            found: Mapping[int, Found] | None = None,
        ) -> None:
            def one(row: OrderRow) -> OrderRow | None:
                if stopping():
                    return None
                return _walk(context, row, stopped, until, (found or {}).get(row.id))

            for row in pool.map(one, rows):
                if row is not None and row.stage != until:
                    counts[f"{row.stage}"] += 1
            if stopping():
                raise Stopped

        def walk_looked_up(rows: Sequence[OrderRow]) -> None:
            valid = [row for row in rows if row.stage == Stage.VALID]
            walk_each(rows, found=look_up(context, valid, pool.map))

        # So that the buyers of all new orders are looked up together.
        _page_by_page(context, _NEW, lambda rows: walk_each(rows, until=Stage.VALID))
        _page_by_page(context, _UNRELEASED, walk_looked_up)
        stock = Stock(context)
        try:
            _page_by_page(context, _AT_STOCK, lambda rows: confirm_all(context, rows, stock))
        except Misconfigured as error:
            stopped.append(error)
        _page_by_page(context, _AFTER_STOCK, walk_each)
    settle_given_up(context)
    if stopped:
        raise stopped[0]
    return dict(counts)


def _walk(
    context: Context,
    row: OrderRow,
    stopped: list[Misconfigured],
    until: Stage | None,
    found: Found | None,
) -> OrderRow | None:
    try:
        return walk(context, row.id, until=until, found=found)
    except Misconfigured as error:
        # The system that refuses us stops the orders that need it, and no others.
        stopped.append(error)
        return None


def _page_by_page(
    context: Context, stages: Sequence[str], work: Callable[[Sequence[OrderRow]], object]
) -> None:
    seen: set[int] = set()
    for _ in count():
        rows = [
            row
            for row in context.orders.due(stages, context.clock(), _PAGE + len(seen))
            if row.id not in seen
        ][:_PAGE]
        if not rows:
            return
        seen.update(row.id for row in rows)
        work(rows)
