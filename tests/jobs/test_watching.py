"""Watching stands apart from the work: what is broken is told, whatever else is broken or quiet."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.checks import run_checks
from connector.demo import DemoClock
from connector.domain.alerts import AlertKind, Condition, Rhythm, Role
from connector.errors import Misconfigured, RetryLater
from connector.jobs.cadence import Every, Window
from connector.jobs.conditions import LOOKS, Look, Sources, judge
from connector.jobs.runner import Job, Outcome, Runner
from connector.jobs.watch import watch
from connector.logs import configure
from connector.notify.channels import AppriseNotifier
from connector.notify.digest import Language, Message
from connector.notify.heartbeat import Heartbeat
from connector.notify.watchman import Watchman
from connector.store.alerts import Alerts
from connector.store.database import Database
from connector.store.runs import Runs
from connector.store.trouble import Trouble
from tests.support.waiting import until

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ENGLISH = Language(False, True, ZoneInfo("Asia/Shanghai"))


@pytest.fixture(autouse=True)
def quiet() -> None:
    configure("critical")


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'c.db'}")
    made.upgrade()
    yield made
    made.close()


def sources_of(database: Database, clock: DemoClock, *jobs: Job) -> Any:
    """Return what conditions of jobs are made of; the others have nothing to look at."""
    return SimpleNamespace(
        trouble=Trouble(database), runs=Runs(database), jobs=jobs, since=NOW - 60 * MINUTE,
        context=SimpleNamespace(clock=clock), promises=SimpleNamespace(follow=lambda *_: Nothing()),
        pauses=SimpleNamespace(listed=list), shop="shop",
    )  # fmt: skip


class Nothing:
    pass


def looks(*subjects: str) -> list[Look]:
    return [each for each in LOOKS if each[0] in subjects]


@pytest.mark.parametrize("broken", [subject for subject, _, _ in LOOKS])
def test_an_error_in_one_condition_is_an_alert_and_all_others_are_told(broken: str) -> None:
    def found(kind: AlertKind) -> Any:
        return lambda _sources, _now: iter([Condition(kind, "", NOW)])

    def fails(_sources: Sources, _now: datetime) -> Iterator[Condition]:
        yield Condition(AlertKind.HELD, "stock", NOW)
        raise KeyError("broken on purpose")

    each_one = [
        (subject, kinds, fails if subject == broken else found(sorted(kinds)[0]))
        for subject, kinds, _ in LOOKS
    ]
    nothing: Any = None
    judged = judge(nothing, NOW, each_one)
    told = {(each.kind, each.subject) for each in judged.conditions}
    others = {(sorted(kinds)[0], "") for subject, kinds, _ in LOOKS if subject != broken}
    assert told - {(AlertKind.HELD, "stock")} >= others
    assert (AlertKind.UNJUDGED, broken) in told


def failing(clock: DemoClock, error: Exception | None) -> Job:
    def run(_window: Window, _scope: str) -> dict[str, int]:
        if error is not None:
            raise error
        return {}

    return Job("advance", "", Every(MINUTE), run)


def test_a_job_that_failed_three_times_is_told_of_while_it_is_tried_again(lite: Database) -> None:
    clock = DemoClock(NOW)
    seen: list[Condition] = []
    job = failing(clock, RetryLater("SAP: cannot be reached"))
    runner = Runner([job], Runs(lite), clock, since=NOW - MINUTE)
    for _ in range(3):
        runner.tick()
        clock.now += 20 * MINUTE
    sources = sources_of(lite, clock, job)

    def looked(_window: Window, _scope: str) -> dict[str, int]:
        seen.extend(judge(sources, clock.now, looks("runs")).conditions)
        return {}

    fourth = Runner([replace(job, run=looked)], Runs(lite), clock, since=NOW - MINUTE)
    (outcome, *_) = fourth.tick()
    assert outcome.state == "done"
    (told,) = seen[:1]
    assert (told.kind, told.subject, told.detail["attempts"]) == (
        AlertKind.JOB_FAILED, "advance", 3,
    )  # fmt: skip
    assert judge(sources, clock.now, looks("runs")).conditions == []


def test_a_window_that_stays_open_is_told_of_whatever_keeps_it_open(lite: Database) -> None:
    clock = DemoClock(NOW)
    job = replace(failing(clock, None), ready=lambda _window: False)
    runner = Runner([job], Runs(lite), clock, since=NOW - MINUTE)
    runner.begin()
    sources = sources_of(lite, clock, job)

    def told() -> list[tuple[str, str]]:
        runner.tick()
        found = judge(sources, clock.now, looks("runs", "windows")).conditions
        return [(each.kind, each.subject) for each in found]

    assert told() == []
    clock.now += 29 * MINUTE
    assert told() == []
    clock.now += 2 * MINUTE
    assert told() == [(AlertKind.JOB_BEHIND, "advance")]
    # What was missed while no process ran is first worked off.
    sources.since = clock.now - MINUTE
    assert told() == []


def test_what_reaches_nobody_counts_as_not_told_and_is_told_to_who_gets_a_channel(
    lite: Database,
) -> None:
    clock, alerts = DemoClock(NOW), Alerts(lite, Rhythm())
    reached: list[Role] = []

    class Told(AppriseNotifier):
        def send(self, role: Role, message: Message) -> None:
            assert self._urls(role)
            reached.append(role)

    def look(notifier: AppriseNotifier) -> Any:
        job = watch(sources_of(lite, clock), alerts, notifier, ENGLISH, Every(MINUTE))
        clock.now += 10 * MINUTE
        return job.run(Window(clock.now, clock.now), "")

    # Every matter that has no source here cannot be judged, which is IT's.
    counts = look(Told({Role.SALES: ["json://127.0.0.1:1/"]}))
    assert (counts["messages"], counts["nobody"] > 0, reached) == (0, True, [])
    rows = alerts.listed()
    assert rows
    assert {row.told for row in rows} == {0}
    look(Told({Role.OPS: ["json://127.0.0.1:1/"]}))
    assert Role.IT in reached
    with pytest.raises(Misconfigured, match=r"notify\.finance: nobody is reached"):
        AppriseNotifier({}).send(Role.FINANCE, Message("title", "text"))


def test_check_names_each_role_that_nobody_reaches(monkeypatch: pytest.MonkeyPatch) -> None:
    def found() -> list[str]:
        return [each.text for each in run_checks(live=False) if each.what == "notify"]

    monkeypatch.delenv("CONNECTOR_NOTIFY__OPS", raising=False)
    monkeypatch.setenv("CONNECTOR_NOTIFY__SALES", '["json://127.0.0.1:1/"]')
    assert [text.split()[0] for text in found()] == ["ops", "it", "parts", "warehouse", "finance"]
    monkeypatch.setenv("CONNECTOR_NOTIFY__OPS", '["json://127.0.0.1:1/"]')
    assert found() == ["every role is reached by a channel"]
    monkeypatch.setenv("CONNECTOR_NOTIFY__HEARTBEAT", "http://elsewhere.test/ping-4711")
    (wrong,) = found()
    assert "must be reached over https" in wrong
    assert "4711" not in wrong


class Listener:
    """Whoever listens to the heartbeat."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listener.heard.append(self.path)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/ping/4711"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def test_the_heartbeat_is_heard_over_the_wire(listener: Listener) -> None:
    heartbeat = Heartbeat(listener.url)
    heartbeat.beat()
    until(lambda: listener.heard == ["/ping/4711"])
    until(lambda: heartbeat._thread is not None and not heartbeat._thread.is_alive())
    heartbeat.beat()
    until(lambda: len(listener.heard) == 2)
    Heartbeat("http://127.0.0.1:1/").beat()  # who does not answer ends nothing


class People:
    """Who gets messages, unless the channel is broken."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.broken = False

    def has(self, role: Role) -> bool:
        return role is Role.IT

    def send(self, role: Role, message: Message) -> None:
        if self.broken:
            raise RetryLater("no channel took the message")
        self.got.append(message.text)


def test_that_nothing_is_watched_is_told_without_the_database() -> None:
    people, clock, seconds = People(), DemoClock(NOW), [0.0]
    late = timedelta(minutes=5)
    rhythm = Rhythm()
    watchman = Watchman(people, ENGLISH, rhythm, clock, late, lambda: seconds[0])

    def passes(minutes: float) -> None:
        seconds[0] += minutes * 60
        clock.now += minutes * MINUTE
        watchman.look()
        if watchman._sending is not None:
            watchman._sending.join()

    def ended(state: str, error: str = "") -> None:
        window = Window(clock.now, clock.now)
        watchman.ticked([Outcome("watch", "", window, state, {}, error)])

    ended("done")
    passes(4)
    assert watchman.well
    watchman.failed(RetryLater("the database does not answer", place="sqlite"))
    passes(2)
    assert not watchman.well
    (text,) = people.got
    assert "Nothing has been watched since 11-24 12:00" in text
    assert "sqlite: the database does not answer" in text
    passes(10)
    assert len(people.got) == 1
    passes(25)
    assert len(people.got) == 2
    ended("done")
    passes(0)
    assert people.got[2].startswith("Everything is watched again")
    # A standby watches nothing, and need not.
    passes(6)
    watchman.stands_by()
    passes(1)
    # Told when it lasted before it was known to stand by.
    assert len(people.got) == 5
    people.broken = True
    passes(6)
    people.broken = False
    passes(2)
    assert "does not come to its end" in people.got[-1]
