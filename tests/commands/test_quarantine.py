"""`connector quarantine`, the status page and the metric of what could not be taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connector.cli import app
from connector.domain.quarantine import Failed
from connector.logs import configure
from connector.steps.quarantine import put_order, take_or_quarantine
from connector.web.heart import Heart
from connector.wording import quoted
from tests.commands.site import point_at
from tests.steps.test_quarantine import DEEP
from tests.support.scene import Scene, scene
from tests.web.conftest import opened


@pytest.fixture
def lite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        point_at(made, tmp_path, monkeypatch)
        for number, fields in ((901, DEEP), (902, {**DEEP, "customer_note": "<b>\x1b[2J"})):
            payload = {**made.shown(36), **fields, "id": number, "number": str(number)}
            take_or_quarantine(made.context, payload)
        yield made


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["quarantine", *words])


def test_entries_are_listed_shown_retried_and_dropped(lite: Scene) -> None:
    listed = json.loads(run("list", "--json").stdout)
    assert [(each["id"], each["order"], each["source"]) for each in listed] == [
        (1, "901", "storefront"), (2, "902", "storefront"),
    ]  # fmt: skip
    assert "901" in run("list").stdout
    assert json.loads(run("list", "--json", "--source", "dms").stdout) == []
    assert run("list", "--source", "moon").exit_code == 2
    shown = run("show", "2").stdout
    assert "\x1b" not in shown
    told = json.loads(shown)
    assert told["content"]["id"] == 902
    assert told["content"]["billing"]["phone"] != lite.shown(36)["billing"]["phone"]
    assert "*" in told["content"]["billing"]["phone"]
    still = run("retry", "1")
    assert (still.exit_code, "still open" in still.stdout) == (1, True)
    assert run("drop", "1").exit_code == 2
    assert run("drop", "1", "--reason", "spam").exit_code == 0
    assert run("drop", "1", "--reason", "spam").exit_code == 2
    assert run("show", "77").exit_code == 2
    assert [each["id"] for each in json.loads(run("list", "--json").stdout)] == [2]
    closed = json.loads(run("list", "--json", "--all").stdout)
    assert {each["id"]: each["state"] for each in closed} == {1: "dropped", 2: "open"}
    good = {**lite.shown(36), "id": 902, "number": "902"}
    put_order(lite.context, Failed.TAKE, good, quoted("made up"), "intake")
    done = run("retry", "--all")
    assert (done.exit_code, "entry 2 (storefront 902): ended" in done.stdout) == (0, True)
    assert lite.stands(902)[0] == "received"
    acts = [(act.what, act.subject, act.reason) for act in lite.connector.acts.listed()]
    assert ("quarantine drop", "entry 1", "spam") in acts
    assert run("list").stdout.strip() == "nothing is in the quarantine"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_page_and_metrics_tell_of_what_is_open(lite: Scene, lang: str) -> None:
    with opened(lite.connector, Heart(lite.clock)) as site:
        page = site.get(f"/?lang={lang}")
        assert page.status_code == 200
        assert {"zh": "嵌套超过 100 层", "en": "nested deeper than 100 levels"}[lang] in page.text
        assert {"zh": "隔离的数据: 2", "en": "In the quarantine: 2"}[lang] in page.text
        metrics = site.get("/metrics").text
        assert 'connector_quarantine_open{source="storefront"} 2.0' in metrics
        assert 'connector_quarantine_open{source="dms"} 0.0' in metrics
