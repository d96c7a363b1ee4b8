"""The clock moves over the end of the national calendar: nothing fails and people are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.bootstrap import build
from connector.demo import DemoClock
from connector.domain.alerts import AlertKind, Role
from connector.jobs.cadence import Every, Window
from connector.jobs.conditions import Sources, judge
from connector.jobs.watch import watch
from connector.logs import configure
from connector.notify.digest import Language, Message
from connector.sandbox.service import Sandbox
from connector.sandbox.storefront import ORDER
from connector.store.trouble import Trouble
from tests.support.scene import Scene

ZONE = ZoneInfo("Asia/Shanghai")


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@contextmanager
def at(database_url: str, folder: Path, begin: str) -> Iterator[Scene]:
    """Give a site that begins in an hour of its own; nothing was placed in the days before."""
    now = shanghai(begin)
    since = now - timedelta(hours=1)
    with Sandbox() as sandbox:
        made = Scene(sandbox, database_url, folder, begin=now, since=since)
        try:
            yield made
        finally:
            made.connector.close()


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    configure("critical")
    with at(database_url, tmp_path, "2026-12-30T14:00") as made:
        yield made


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Scene]:
    """The same on SQLite alone, where the database makes no difference."""
    configure("critical")
    with at(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, "2026-12-30T14:00") as made:
        yield made


def place(site: Scene, number: int, placed: str, like: int = 36, **fields: Any) -> None:
    """Have a buyer place an order like another one."""
    stamp = site.clock.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    order = {
        **site.shown(like),
        "id": number,
        "number": str(number),
        "date_created": placed,
        "date_created_gmt": placed,
        "date_paid": placed,
        "date_paid_gmt": placed,
        "date_modified": stamp,
        "date_modified_gmt": stamp,
        **fields,
    }
    site.sandbox.books.put(ORDER, str(number), order)


def failed(site: Scene) -> list[tuple[str, str | None]]:
    return [(row.job, row.error) for row in Trouble(site.connector.database).failed_runs()]


def alerts(site: Scene) -> set[str]:
    return {row.key for row in site.connector.alerts.listed()}


def test_orders_and_alerts_go_on_over_the_end_of_the_calendar(site: Scene) -> None:
    place(site, 9001, "2026-12-30T07:00:30")  # 15:00:30 in Shanghai
    site.until(shanghai("2026-12-30T15:02"))
    site.later(minutes=10)
    assert failed(site) == []
    assert "calendar_ends" in alerts(site)
    site.until(shanghai("2026-12-31T18:25"))
    place(site, 9002, "2026-12-31T10:20:00")  # after hours, its deadline is in the new year
    site.later(minutes=10)
    assert site.stands(9002) == ("ready", None)
    assert site.stands(9001) == ("released", None)
    # SAP is away in the new year: somebody is told of it.
    site.until(shanghai("2027-01-05T09:00"))
    place(site, 9003, "2027-01-05T00:59:00")
    site.fault("sap:outage")
    site.later(minutes=10, ticks=3)
    assert failed(site) == []
    assert {"calendar_ends", "broken:system_away"} <= alerts(site)
    site.fault()
    site.until(shanghai("2027-01-05T15:20"))
    site.later(minutes=5, ticks=2)
    assert [site.stands(number) for number in (9002, 9003)] == [("released", None)] * 2


@pytest.mark.long
def test_the_months_go_on_and_spring_festival_is_worked(lite: Scene) -> None:
    # Spring Festival, which nobody announced, and the ends of months.
    for moment in ("2027-01-30T16:00", "2027-02-01T09:00", "2027-02-08T09:00", "2027-03-01T04:00"):
        lite.until(shanghai(moment))
        lite.later(minutes=10)
        assert failed(lite) == []
    assert "calendar_ends" in alerts(lite)


def test_the_service_starts_in_a_year_that_is_not_announced(lite: Scene) -> None:
    begin = shanghai("2027-01-05T09:00")
    anew = build(lite.settings, DemoClock(begin))
    assert anew.runner.reached("none") == shanghai("2027-01-04T15:00")
    anew.close()


IMPOSSIBLE = [
    "1970-01-01T00:00:00",
    "2003-12-31T23:59:59",
    "2027-01-11T00:00:00",  # still to come
    "2099-12-31T23:59:59",
    "9999-12-31T23:59:59",
    "0001-01-01T00:00:00",
]


def test_an_order_of_a_year_that_nobody_works_is_held_and_ends_no_job(site: Scene) -> None:
    for number, placed in enumerate(IMPOSSIBLE, start=9100):
        place(site, number, placed, date_paid_gmt=None, date_paid=None)
        place(site, number + 50, placed, status="pending")  # nobody has looked at its date yet
    place(site, 9200, "2026-12-30T05:58:00")
    place(site, 9201, "2026-12-30T05:58:00", date_paid_gmt="9999-12-31T23:59:59")
    site.later(minutes=10)
    site.later(minutes=10)
    assert failed(site) == []
    assert site.stands(9200) == ("ready", None)
    assert site.order(9201).hold_reasons == [
        "paid_at: 9999-12-31 23:59 is out of range"
        " — have the e-commerce platform correct it in the storefront"
    ]
    for number, placed in enumerate(IMPOSSIBLE, start=9100):
        row = site.order(number)
        assert (row.stage, row.hold_cause) == ("received", "shop_data"), placed
        reasons = [reason for reason in row.hold_reasons or () if "placed_at" in reason]
        assert reasons, row.hold_reasons
        assert placed[:10] in reasons[0] or "out of range" in reasons[0], reasons
    # Nights, days and listings go on with them.
    site.until(shanghai("2026-12-31T04:00"))
    assert failed(site) == []
    for number in range(9100, 9100 + len(IMPOSSIBLE)):
        assert site.connector.promises.of_order(site.order(number).id)


def sources(site: Scene) -> Sources:
    connector = site.connector
    return Sources(
        context=connector.context,
        trouble=Trouble(connector.database),
        promises=connector.promises,
        runs=connector.runs,
        gates=connector.gates,
        largest=1,
        mappings=connector.mappings,
        jobs=connector.jobs,
        since=site.clock.now - timedelta(hours=1),
        pauses=connector.pauses,
        shop=connector.settings.shop,
    )


class Broken(Mapping[str, Any]):
    """Raises whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise KeyError(f"broken {name}")

    def __getitem__(self, key: str) -> Any:
        raise KeyError(f"broken {key}")

    def __iter__(self) -> Iterator[str]:
        raise KeyError("broken")

    def __len__(self) -> int:
        raise KeyError("broken")


@pytest.mark.parametrize(
    ("part", "subjects"),
    [
        ("trouble", {"holds", "calls", "doubles", "runs", "windows", "database"}),
        ("promises", {"promises"}),
        ("runs", {"waves", "windows"}),
        ("gates", {"systems"}),
        ("mappings", {"mappings"}),
        ("context.timetables", {"calendar"}),
    ],
)
def test_each_condition_is_judged_on_its_own(lite: Scene, part: str, subjects: set[str]) -> None:
    whole = sources(lite)
    all_kinds = {each.kind for each in judge(whole, lite.clock.now).conditions}
    assert {AlertKind.CALENDAR_ENDS, AlertKind.DATABASE_LARGE} <= all_kinds
    if part == "context.timetables":
        broken = replace(whole, context=replace(whole.context, timetables=Broken()))
    else:
        changes: dict[str, Any] = {part: Broken()}
        broken = replace(whole, **changes)
    judged = judge(broken, lite.clock.now)
    unjudged = {each.subject for each in judged.conditions if each.kind is AlertKind.UNJUDGED}
    assert unjudged == subjects
    assert all_kinds - judged.unjudged <= {each.kind for each in judged.conditions}


class People:
    """Who gets messages; the channel of one role raises what it likes."""

    def __init__(self) -> None:
        self.got: dict[Role, Message] = {}

    def has(self, role: Role) -> bool:
        return True

    def send(self, role: Role, message: Message) -> None:
        if role is Role.SALES:
            raise KeyError("a fault of the channel")
        self.got[role] = message


def test_what_cannot_be_judged_is_told_and_keeps_nothing_back(lite: Scene) -> None:
    people, whole = People(), sources(lite)
    changes: dict[str, Any] = {"runs": Broken(), "promises": Broken()}
    broken = replace(whole, **changes)
    language = Language(False, True, ZONE)
    window = Window(lite.clock.now, lite.clock.now)

    def look(at: Sources) -> None:
        lite.clock.now += timedelta(minutes=10)
        watch(at, lite.connector.alerts, people, language, Every(timedelta(minutes=1))).run(
            window, ""
        )

    look(whole)
    before = alerts(lite)
    assert "calendar_ends" in before
    people.got.clear()
    look(broken)
    assert "unjudged:waves" in alerts(lite)
    assert "how waves stand: KeyError" in people.got[Role.IT].text
    # Of what could not be judged nobody says that it is solved.
    assert before <= alerts(lite)
    look(whole)
    assert not any(key.startswith("unjudged") for key in alerts(lite))
