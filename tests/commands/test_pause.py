"""A person keeps a system's calls back: what needs it waits and says so, the rest goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connector.cli import app
from connector.domain.alerts import AlertKind
from connector.errors import RetryLater
from connector.gate import Paused
from connector.logs import configure
from connector.store.database import Database
from connector.store.pauses import Pauses
from connector.web.heart import Heart
from tests.commands.site import point_at
from tests.support.scene import Scene, scene
from tests.web.conftest import opened


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Scene]:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        yield made


def paused(at: Scene, system: str, minutes: int | None = None) -> None:
    ends = None if minutes is None else at.clock.now + timedelta(minutes=minutes)
    at.connector.pauses.begin(Paused(system, at.clock.now, ends, "release 12", "ops:wang"))


def kinds(at: Scene) -> set[str]:
    return {row.key for row in at.connector.alerts.listed()}


def test_a_paused_system_gets_no_call_and_what_waited_goes_on_at_its_end(lite: Scene) -> None:
    at = lite
    at.context.customers.bind(at.order(31).buyer_key or "", "0000100003", "linked", "rep",
                              at.clock.now)  # fmt: skip
    paused(at, "dms", minutes=90)
    seen = at.sandbox.books.all("dms.order")
    at.later(minutes=20, ticks=2)
    assert at.order(31).stage == "recognised"
    assert at.order(31).hold_cause is None
    told = " ".join(event.text for event in at.story(31))
    assert "a person keeps its calls back until" in told
    assert "release 12" in told
    assert at.sandbox.books.all("dms.order") == seen
    # No breaker opened, no job failed; the one that needs the DMS waits and says so.
    assert "system_paused:dms" in kinds(at)
    assert not {key for key in kinds(at) if key.startswith(("job_", "system_away", "broken"))}
    at.later(minutes=60, ticks=2)
    assert at.order(31).stage == "ready"
    assert "system_paused:dms" not in kinds(at)


def test_a_paused_shop_is_asked_nothing_and_the_others_go_on(lite: Scene) -> None:
    at = lite
    paused(at, at.settings.shop)
    runner = at.connector.runner
    intake = runner.reached("intake")
    at.later(minutes=20, ticks=2)
    assert runner.reached("intake") == intake
    assert runner.reached("advance") > intake
    assert "is paused" in str(runner.waits(runner.jobs["intake"]))
    assert runner.waits(runner.jobs["advance"]) is None
    with pytest.raises(RetryLater, match="keeps its calls back"):
        at.connector.storefront.order("36")
    at.later(minutes=20, ticks=2)
    assert not {key for key in kinds(at) if key.startswith("job_")}
    assert at.connector.pauses.end(at.settings.shop)
    at.later(minutes=5)
    assert runner.reached("intake") > intake


def test_every_process_sees_a_pause_and_its_end(lite: Scene) -> None:
    other = Database(lite.settings.database_url)
    seconds = [0.0]
    theirs = Pauses(other, lite.clock, lambda: seconds[0])
    assert theirs.of("sap") is None
    paused(lite, "sap", minutes=10)
    seconds[0] += 1
    assert theirs.of("sap") is not None
    lite.clock.now += timedelta(minutes=10)
    assert theirs.of("sap") is None
    other.close()


def test_the_page_and_metrics_show_it(lite: Scene) -> None:
    paused(lite, "sap", minutes=90)
    heart = Heart(lite.clock, lambda: lite.clock.now.timestamp())
    with opened(lite.connector, heart) as site:
        page = site.get("/?lang=en").text
        assert "Paused by hand" in page
        assert "release 12" in page
        assert 'connector_paused{system="sap"} 1.0' in site.get("/metrics").text
        lite.connector.pauses.end("sap")
        assert "Paused by hand" not in site.get("/?lang=en").text


def test_the_commands(lite: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(lite, tmp_path, monkeypatch)
    runner = CliRunner()

    def said(*arguments: str, code: int = 0) -> str:
        result = runner.invoke(app, list(arguments))
        assert result.exit_code == code, result.output
        return result.output

    assert "nothing is paused" in said("pause")
    said("pause", "sap", code=2)  # why?
    said("pause", "crm", "--reason", "x", code=2)
    said("pause", "sap", "--until", "2020-01-01T10:00", "--reason", "x", code=2)
    assert "would be paused" in said("pause", "SAP", "--reason", "release", "--dry-run")
    assert "nothing is paused" in said("pause")
    assert "sap is paused until" in said(
        "pause", "SAP", "--until", "23:59", "--reason", "release", "--actor", "wang"
    )
    (shown,) = json.loads(said("pause", "--json"))
    assert (shown["system"], shown["reason"], shown["actor"]) == ("sap", "release", "ops:wang")
    jobs: dict[Any, Any] = {
        (each["job"], each["scope"]): each["waits"]
        for each in json.loads(said("job", "list", "--json"))
    }
    assert "sap is paused" in jobs["reconcile", ""]
    assert jobs["intake", ""] == ""
    assert "sap is resumed" in said("resume", "sap")
    assert "sap is not paused" in said("resume", "sap")
    acts = {act.what: act.outcome or "" for act in lite.connector.acts.listed()}
    assert acts["resume"] == "done"
    assert acts["pause"].startswith("paused until")
    assert AlertKind.SYSTEM_PAUSED
