"""A process that stops at any place of a call, and wakes when another has taken it over.

Never two documents, unless it stopped between its proof and the first byte: then the order is held
and people are told with the next look.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from connector.domain.alerts import AlertKind
from connector.domain.lifecycle import Stage
from connector.steps.take import take
from connector.steps.walk import walk
from connector.store.calls import DOUBLED
from tests.support import postgres
from tests.support.scene import Scene, scene
from tests.support.service_process import set_clock
from tests.support.waiting import PATIENCE, until
from tests.support.wire import Trouble, Wire

_SETTLED = timedelta(minutes=4)
_PLACES = 30
# Seconds for which connections are refused, unless it stops before.
_REFUSED = 8.0
# Where the claim was proved, and the bytes are not out: no process can rule that out of itself.
_AFTER_THE_PROOF = ("client.", "connection.", "departure.", "attempt.")


@dataclass
class Site:
    """A scene on PostgreSQL, and how many places a write has there."""

    day: Scene
    url: str
    folder: Path
    wire: Wire
    orders: int = 91_000
    places: dict[bool, int] = field(default_factory=dict)

    def order(self) -> int:
        """Place an order that is recognised and due in the DMS, and return its row's number."""
        self.orders += 1
        context = self.day.context
        number = self.orders
        take(context, {**self.day.shown(36), "id": number, "number": str(number)})
        row = walk(context, self.day.order(number).id, until=Stage.RECOGNISED)
        assert row.stage == Stage.RECOGNISED
        return row.id

    def sleeper(self, order: int, stop_at: int | str) -> tuple[subprocess.Popen[bytes], Path]:
        said = self.folder / f"stopped-{order}"
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.sleeper_process", self.day.sandbox.control_url,
             f"{self.url}?application_name=sleeper", str(self.folder),
             f"{self.wire.url}/dms/service", str(order), str(stop_at), str(said)]
        )  # fmt: skip
        return process, said

    def end_sessions(self) -> None:
        """End what the sleeper has of the database, as the server does when a machine is gone."""
        parsed = make_url(self.url)
        with psycopg.connect(
            host=parsed.host, port=parsed.port, user=parsed.username, dbname=parsed.database,
            autocommit=True,
        ) as connection:  # fmt: skip
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'sleeper'"
            )


@pytest.fixture(scope="module")
def site(
    postgres_server: postgres.Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder, url = tmp_path_factory.mktemp("sleeper"), postgres_server.create()
    with ExitStack() as opened:
        opened.callback(postgres_server.drop, url)
        day = opened.enter_context(scene(url, folder))
        wire = Wire(int(day.settings.dms.wsdl.split(":")[2].split("/")[0]))
        opened.callback(wire.stop)
        yield Site(day, url, folder, wire)


def counted(site: Site, refused: bool) -> int:
    """Return how many places a write has, refused at first or not."""
    if refused not in site.places:
        set_clock(site.folder / "clock", site.day.clock.now)
        with ExitStack() as away:
            if refused:
                away.enter_context(site.wire.suffers("*", Trouble("refused")))
            process, said = site.sleeper(site.order(), 0)
            if refused:
                # Long enough for a retry or two, which are places of their own.
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(_REFUSED)
        assert process.wait(PATIENCE) == 0
        site.places[refused] = int(said.with_suffix(".count").read_text())
    return site.places[refused]


@pytest.mark.night(sample=3)
@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("place", range(_PLACES))
def test_a_sleeper_sends_nothing_twice_unseen(site: Site, place: int, refused: bool) -> None:
    # Retries are drawn: the last places may not be there the next time.
    woken(site, 1 + counted(site, refused) * place // (_PLACES + 2), refused)


@pytest.mark.long
def test_what_was_sent_twice_all_the_same_is_held_and_told(site: Site) -> None:
    # The first byte of the request is written right after this: no process can help itself there.
    assert woken(site, "putrequest", refused=False) == 2


def woken(site: Site, stop_at: int | str, refused: bool) -> int:
    """Let a sleeper stop there, another one do its work, and it wake; return how many there are."""
    day, context = site.day, site.day.context
    order = site.order()
    begun = day.clock.now
    set_clock(site.folder / "clock", begun)
    with ExitStack() as away:
        if refused:
            away.enter_context(site.wire.suffers("*", Trouble("refused")))
        process, said = site.sleeper(order, stop_at)
        try:
            with suppress(AssertionError):
                until(lambda: said.exists() or process.poll() is not None, _REFUSED)
            away.close()
            until(lambda: said.exists() or process.poll() is not None)
            if process.poll() is not None:
                pytest.skip("the write was over before it came to this place")
            site.end_sessions()
            day.clock.now = begun + _SETTLED
            day.sandbox.clock.set(day.clock.now)
            set_clock(site.folder / "clock", day.clock.now)
            for _ in range(3):
                row = walk(context, order, until=Stage.PLACED)
                if row.stage == Stage.PLACED:
                    break
                day.clock.now += timedelta(seconds=20)
            assert row.stage == Stage.PLACED, (row.stage, row.hold_reasons)
            os.kill(process.pid, signal.SIGCONT)
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()
    where = said.read_text()
    held = day.sales_orders(int(row.number))
    if len(held) == 1:
        assert day.stands(int(row.number))[1] is None
        return 1
    assert len(held) == 2, (where, held)
    assert where.startswith(_AFTER_THE_PROOF), where
    (call,) = [
        each for each in context.calls.of_order(order) if each.operation == "dms_sales_order"
    ]
    assert call.code == DOUBLED, where
    assert day.stands(int(row.number))[1] == "discrepancy"
    day.later(minutes=1)
    assert AlertKind.DOUBLED in {each.kind for each in day.connector.alerts.listed()}
    return len(held)
