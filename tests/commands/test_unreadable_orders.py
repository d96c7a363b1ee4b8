"""What commands and the status page say of an order that cannot be read any more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from connector.cli import app
from connector.commands.outcome import exit_code_of
from connector.logs import configure
from connector.web.heart import Heart
from tests.commands.site import point_at
from tests.support.scene import Scene, scene
from tests.web.conftest import opened


@pytest.fixture
def lite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        point_at(made, tmp_path, monkeypatch)
        with made.connector.database.writing() as connection:
            connection.execute(
                text("UPDATE orders SET content = '{', payload = '{' WHERE number IN ('32', '33')")
            )
        yield made


def test_listings_name_it_as_unreadable_with_its_number(lite: Scene) -> None:
    run = CliRunner().invoke(app, ["orders", "list", "--json"])
    assert run.exit_code == 0, run.output
    listed = {each["number"]: each for each in json.loads(run.stdout)}
    assert len(listed) == 26
    for number in ("32", "33"):
        assert listed[number]["reason"].startswith("unreadable: what is stored")
    assert "unreadable" not in (listed["34"]["reason"] or "")
    assert CliRunner().invoke(app, ["orders", "list"]).exit_code == 0


@pytest.mark.parametrize("words", [["show", "32"], ["show", "32", "--json"], ["retry", "32"]])
def test_show_and_retry_end_with_what_is_wrong_and_what_helps(
    lite: Scene, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = exit_code_of(lambda: app(["orders", *words], standalone_mode=True))
    shown = capsys.readouterr()
    assert code == 1
    assert shown.err.startswith("connector: order 32: what is stored of this order cannot be read")
    assert "save the order once more in the storefront" in shown.err
    assert "Traceback" not in shown.err
    if words[-1] == "--json":
        assert json.loads(shown.out)["stage"] == "ready"


def test_one_of_them_keeps_no_other_from_being_retried_or_cancelled(lite: Scene) -> None:
    lite.later(minutes=10)
    with lite.connector.database.writing() as connection:
        connection.execute(
            text("UPDATE orders SET hold_cause = 'mapping' WHERE number IN ('32', '34')")
        )
    run = CliRunner().invoke(app, ["orders", "retry", "--hold", "mapping"])
    assert "32: ready mapping" in run.stdout
    assert "34: placed stock" in run.stdout
    run = CliRunner().invoke(app, ["orders", "cancel", "33"])
    assert "33: cancelled" in run.stdout, run.output
    assert CliRunner().invoke(app, ["customers", "review"]).exit_code in (0, 1)


def test_the_status_page_shows_it(lite: Scene) -> None:
    with opened(lite.connector, Heart(lite.clock, lambda: lite.clock.now.timestamp())) as site:
        assert site.get("/?lang=en").status_code == 200
        told = site.get("/orders/32?lang=en")
        assert told.status_code == 200
        assert "cannot be read any more" in told.text
