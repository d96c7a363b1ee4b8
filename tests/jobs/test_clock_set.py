"""The wall clock is set forward or back: the work goes on, no empty wave is frozen, people know."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.bootstrap import Connector, build
from connector.clocks import Clocks
from connector.demo import DemoClock
from connector.domain.alerts import AlertKind, Condition, Rhythm
from connector.jobs.cadence import Every, Window
from connector.jobs.conditions import LOOKS, judge
from connector.jobs.runner import Job, Runner
from connector.logs import configure
from connector.service import settle_clock
from connector.settings import load_settings
from connector.store.alerts import Alerts
from connector.store.calls import Call
from connector.store.database import Database
from connector.store.runs import Runs
from tests.support.stored import put_order

NOW = datetime(2026, 11, 24, 3, 30, 20, tzinfo=UTC)
NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def quiet() -> None:
    configure("critical")


class Machine:
    """A wall clock that somebody sets, and one that nobody does."""

    def __init__(self, now: datetime = NOW) -> None:
        self.clock = DemoClock(now)
        self.seconds = 5000.0
        self.kept: datetime | None = None
        self.clocks = self.started()

    def started(self) -> Clocks:
        """Return what a process that starts now sees."""
        made = Clocks(self.clock, lambda: self.seconds, lambda: self.kept, self._keep)
        made.look()
        return made

    def _keep(self, booted: datetime) -> None:
        self.kept = booted

    def passes(self, minutes: float, set_by: timedelta = timedelta(0)) -> None:
        self.seconds += minutes * 60
        self.clock.now += minutes * MINUTE + set_by


@pytest.mark.parametrize("back", [timedelta(minutes=10), timedelta(hours=2)])
def test_a_step_back_stands_nothing_still(tmp_path: Path, back: timedelta) -> None:
    database = Database(f"sqlite:///{tmp_path / 'c.db'}")
    database.upgrade()
    clock, ran = DemoClock(NOW), []

    def run(window: Window, _scope: str) -> dict[str, int]:
        ran.append(clock.now)
        return {}

    runner = Runner([Job("advance", "", Every(MINUTE), run)], Runs(database), clock, since=NOW)

    def lives(minutes: int) -> None:
        for _ in range(minutes):
            clock.now += MINUTE
            runner.tick()

    lives(5)
    clock.now -= back
    ran.clear()
    lives(5)
    assert len(ran) >= 4
    # A process that starts in between goes on as well, up to where the clock was and beyond.
    runner = Runner(list(runner.jobs.values()), Runs(database), clock, since=NOW)
    ran.clear()
    lives(int(back / MINUTE) + 5)
    assert len(ran) >= int(back / MINUTE) + 3
    database.close()


def test_a_run_of_a_process_that_died_before_the_step_is_taken_over(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'c.db'}")
    database.upgrade()
    runs, lease = Runs(database), timedelta(seconds=20)
    window = (NOW - MINUTE, NOW)
    assert runs.claim("advance", "", window, "dead", NOW, lease)
    assert runs.claim("advance", "", window, "other", NOW + lease / 2, lease) is None
    assert runs.claim("advance", "", window, "other", NOW - timedelta(hours=2), lease)
    database.close()


def test_steps_are_seen_and_told_of() -> None:
    machine = Machine()
    machine.passes(5)
    assert machine.clocks.look() is None
    machine.passes(1, set_by=-timedelta(minutes=10))
    step = machine.clocks.look()
    assert step is not None
    assert step.by == -timedelta(minutes=10)
    assert machine.clocks.look() is None
    assert not machine.clocks.doubtful
    assert machine.clocks.step == step
    machine.passes(31)
    assert machine.clocks.step is None


def test_a_step_forward_waits_for_another_clocks_word() -> None:
    machine = Machine()
    machine.clocks.witness(machine.clock.now)
    machine.passes(1, set_by=timedelta(hours=2))
    machine.clocks.look()
    assert machine.clocks.doubtful
    machine.clocks.witness(machine.clock.now - timedelta(hours=2))
    machine.passes(40)
    assert machine.clocks.doubtful
    assert machine.clocks.step is not None
    # Another process of this machine is not fooled either.
    machine.clocks = machine.started()
    assert machine.clocks.doubtful
    machine.clocks.witness(machine.clock.now - timedelta(hours=2))
    # It is set right: a step back, and nothing is doubtful any more.
    machine.passes(1, set_by=-timedelta(hours=2))
    step = machine.clocks.look()
    assert step is not None
    assert step.by == -timedelta(hours=2)
    assert not machine.clocks.doubtful
    machine.clocks = machine.started()
    assert machine.clocks.step is None


def test_a_guest_that_was_suspended_is_right_after_it_and_no_one_waits_for_ever() -> None:
    machine = Machine()
    # The shop's clock is five minutes ahead, as ever.
    machine.clocks.witness(machine.clock.now + 5 * MINUTE)
    machine.passes(0, set_by=timedelta(minutes=45))
    machine.clocks.look()
    assert machine.clocks.doubtful
    machine.clocks.witness(machine.clock.now + 5 * MINUTE)
    assert not machine.clocks.doubtful
    # Where nobody answers, waves wait so long and no longer.
    machine.passes(0, set_by=timedelta(minutes=45))
    machine.clocks.look()
    assert machine.clocks.doubtful
    machine.passes(6)
    assert not machine.clocks.doubtful


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Machine, Connector]]:
    machine = Machine()
    settings = load_settings(database_url=f"sqlite:///{tmp_path / 'c.db'}", output=tmp_path / "out")
    connector = build(settings, machine.clock, seconds=lambda: machine.seconds)
    settle_clock(connector)
    yield machine, connector
    connector.close()


def test_no_wave_is_frozen_by_a_clock_that_is_wrong(site: tuple[Machine, Connector]) -> None:
    machine, connector = site
    wave = connector.runner.jobs["wave"]
    connector.runner.begin()
    machine.passes(1, set_by=timedelta(hours=2))
    settle_clock(connector)
    assert not wave.ready(Window(NOON - MINUTE, NOON))
    connector.runner.tick(wave.lane)
    assert connector.waves.listed() == []
    told = judge(_sources(connector), machine.clock.now, looks("machine")).conditions
    assert [each.kind for each in told] == [AlertKind.CLOCK_SET]
    assert told[0].detail["minutes"] == "+120"
    connector.context.clocks.witness(machine.clock.now)
    assert wave.ready(Window(NOON - MINUTE, NOON))


def looks(*subjects: str) -> list[Any]:
    return [each for each in LOOKS if each[0] in subjects]


def _sources(connector: Connector) -> Any:
    class Sources:
        context = connector.context

    return Sources()


def test_what_waits_for_times_that_lie_ahead_is_looked_at_now(
    site: tuple[Machine, Connector],
) -> None:
    machine, connector = site
    context = connector.context
    ahead = machine.clock.now + timedelta(minutes=130)
    row = put_order(connector.database, 1, NOW)
    call = Call("dms", "dms_sales_order", "shop/1", "1", {}, "GQ", order_pk=row.id)
    machine.passes(0, set_by=timedelta(hours=2))
    begun = context.calls.begin(call, machine.clock.now)
    assert begun is not None
    with connector.database.transaction() as session:
        session.get(type(row), row.id).next_try_at = ahead  # type: ignore[union-attr]
    settle_clock(connector)
    machine.passes(0, set_by=-timedelta(hours=2))
    settle_clock(connector)
    assert context.orders.get(row.id).next_try_at == machine.clock.now
    assert context.calls.by_key(call.key).sent_at == machine.clock.now


def test_people_are_told_on_after_a_step_back(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'c.db'}")
    database.upgrade()
    alerts = Alerts(database, Rhythm())
    alerts.sync([Condition(AlertKind.HELD, "stock", NOW)], NOW)
    alerts.told(next(iter(alerts.due(NOW).values())), NOW)
    before = NOW - timedelta(hours=2)
    held = [Condition(AlertKind.HELD, each, NOW) for each in ("stock", "in_doubt", "rejected")]
    alerts.sync(held, before)
    assert {row.subject for rows in alerts.due(before).values() for row in rows} >= {"rejected"}
    database.close()
