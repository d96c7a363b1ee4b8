"""A sandbox and a connector on a clock that the test moves.

Monday evening, when all orders are pulled and walked as far as they go, is lived once in each test
process and database; every scene begins with a copy of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from connector.bootstrap import build
from connector.demo import DemoClock
from connector.sandbox import world
from connector.sandbox.dms_documents import whole_orders
from connector.sandbox.faults import Fault
from connector.sandbox.service import Sandbox
from connector.settings import Settings
from connector.store.tables import EventRow, OrderRow
from tests.support import databases
from tests.support.day_process import settings_for

# Monday evening in Shanghai, when all sample orders are placed.
EVENING = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


class Scene:
    """What happens around the connector, and how its orders stand."""

    def __init__(
        self,
        sandbox: Sandbox,
        database_url: str,
        folder: Path,
        *,
        begin: datetime = EVENING,
        since: datetime = EVENING - timedelta(days=1),
        prepare: Callable[[Settings], None] | None = None,
        **policy: Any,
    ) -> None:
        self.sandbox = sandbox
        self.clock = DemoClock(begin)
        sandbox.clock.set(begin)
        self.settings = settings_for(sandbox.addresses(), database_url, folder, **policy)
        self.settings.dms.limits.break_for = 0.01  # the breaker's time is real
        self.settings.sap.limits.break_for = 0.01
        if prepare is not None:
            prepare(self.settings)
        self.connector = build(self.settings, self.clock, since=since)
        self.context = self.connector.context

    def evening(self) -> None:
        """Live Monday evening."""
        self.until(EVENING)
        self.later(minutes=1, ticks=2)  # orders that waited for another of the same buyer

    def until(self, moment: datetime) -> None:
        """Move the clock of all and let the connector tick."""
        self.clock.now = moment
        self.sandbox.clock.set(moment)
        self.connector.runner.tick()

    def later(self, minutes: int = 20, ticks: int = 1) -> None:
        """Let time pass, with a tick at the end of each stretch."""
        for _ in range(ticks):
            self.until(self.clock.now + timedelta(minutes=minutes))

    def order(self, number: int) -> OrderRow:
        """Return an order."""
        row = self.context.orders.by_number(str(number))
        assert row is not None
        return row

    def stands(self, number: int) -> tuple[str, str | None]:
        """Return stage and hold of an order."""
        row = self.order(number)
        return row.stage, row.hold_cause

    def story(self, number: int) -> list[EventRow]:
        """Return what happened to an order."""
        return self.context.orders.events(self.order(number).id)

    def change(self, number: int, **fields: Any) -> None:
        """Change an order in the storefront."""
        world.change_order(self.sandbox.books, self.sandbox.clock, str(number), fields)

    def fault(self, *specs: str) -> None:
        """Set the sandbox's faults, replacing those there were."""
        self.sandbox.faults.set([Fault.parse(spec) for spec in specs])

    def shown(self, number: int) -> dict[str, Any]:
        """Return the storefront's order."""
        found = self.sandbox.books.get("storefront.order", str(number))
        assert found is not None
        return found

    def sales_orders(self, number: int) -> list[dict[str, Any]]:
        """Return the DMS's sales orders of an order."""
        return [
            each
            for each in whole_orders(self.sandbox.books)
            if each["externalNumber"] == str(number)
        ]


@contextmanager
def scene(
    database_url: str,
    folder: Path,
    prepare: Callable[[Settings], None] | None = None,
    *,
    anew: bool | None = None,
    dms: str = "sandbox",
    **policy: Any,
) -> Iterator[Scene]:
    """Give a scene on Monday evening, with all orders pulled and walked as far as they go.

    With a policy of its own, or settings that `prepare` changes before anything is built, the
    evening is lived anew, in the empty database; unless `anew` is False: they then are changed
    on the evening that all others lived. `dms` names the way in which the DMS is reached.
    """
    state = None
    if anew is None:
        anew = bool(policy) or prepare is not None
    if not anew:
        books, lived = _lived(databases.place(database_url))
        state = Path(shutil.copy(books, folder / "sandbox.db"))
        databases.copy(lived, database_url)
    with Sandbox(state=state, dms=dms) as sandbox:
        begin = EVENING if anew else _AFTER
        made = Scene(sandbox, database_url, folder, begin=begin, prepare=prepare, **policy)
        try:
            if anew:
                made.evening()
            yield made
        finally:
            made.connector.close()


@contextmanager
def forgotten(database_url: str, folder: Path, calls_noted: int | None) -> Iterator[Scene]:
    """Give Monday evening with a database that knows nothing of it, as after a loss.

    `calls_noted` is how far the lost one had come, by the file that lies among the finished files.
    """
    books, _ = _lived(databases.place(database_url))
    state = Path(shutil.copy(books, folder / "sandbox.db"))
    if calls_noted is not None:
        output = folder / "out"
        output.mkdir(parents=True, exist_ok=True)
        (output / ".progress").write_text(f"{calls_noted}\n", encoding="ascii")
    with Sandbox(state=state) as sandbox:
        made = Scene(sandbox, database_url, folder, begin=_AFTER)
        try:
            yield made
        finally:
            made.connector.close()


_AFTER = EVENING + timedelta(minutes=2)


@cache
def _lived(where: str) -> tuple[Path, str]:
    """Return the sandbox's books and the connector's database after Monday evening."""
    folder = databases.scratch("evening")
    url = databases.empty(where)
    with Sandbox(state=folder / "sandbox.db") as sandbox:
        made = Scene(sandbox, url, folder)
        try:
            made.evening()
        finally:
            made.connector.close()
    return folder / "sandbox.db", url
