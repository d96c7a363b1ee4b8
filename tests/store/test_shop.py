"""A database is one shop's: under another name nothing starts, and nothing is written."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from connector.bootstrap import build
from connector.checks import run_checks
from connector.cli import app
from connector.commands.outcome import exit_code_of
from connector.errors import Misconfigured
from connector.settings import load_settings
from connector.store.database import Database
from connector.store.shop import refuse_other_shop
from connector.store.tables import ActRow, OrderRow, RunRow
from tests.support.stored import put_order

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
SAYS = "the database holds orders of the shop 'shop', and the settings name 'second'"


@pytest.fixture
def named(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Database:
    """A database with an order of `shop`, and settings that name `second`."""
    put_order(database, 1, NOW)
    monkeypatch.setenv("CONNECTOR_DATABASE_URL", database_url)
    monkeypatch.setenv("CONNECTOR_OUTPUT", str(tmp_path))
    monkeypatch.setenv("CONNECTOR_SHOP", "second")
    return database


def test_a_database_without_orders_is_any_shops(database: Database) -> None:
    refuse_other_shop(database, "second")
    put_order(database, 1, NOW)
    refuse_other_shop(database, "shop")
    with pytest.raises(Misconfigured, match=SAYS):
        refuse_other_shop(database, "second")


@pytest.mark.parametrize("name", ["a", "shop2", "Shop", "z"])
def test_one_order_of_another_name_is_enough(database: Database, name: str) -> None:
    put_order(database, 1, NOW)
    put_order(database, 2, NOW, shop=name)
    for mine in ("shop", name):
        with pytest.raises(Misconfigured, match="two shops on one database"):
            refuse_other_shop(database, mine)


@pytest.mark.parametrize(
    "words",
    [
        "run",
        "job run intake",
        "job run advance",
        "orders retry 1",
        "orders cancel 1",
        "orders list",
        "customers create 1",
        "calls resolve 1 --absent",
        "db restored",
        "extracts build --date 2026-11-24",
        "settlement build --month 2026-10 --unit GQ",
    ],
)
def test_no_command_works_on_another_shops_orders(
    named: Database,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["connector", *words.split()])
    assert exit_code_of(app) == 2
    assert SAYS in capsys.readouterr().err
    with named.reading() as session:
        assert session.scalar(select(func.count()).select_from(OrderRow)) == 1
        assert session.scalar(select(func.count()).select_from(RunRow)) == 0
        assert session.scalar(select(func.count()).select_from(ActRow)) == 0


def test_check_says_it_and_the_right_name_starts(
    named: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = [each for each in run_checks(live=False) if each.what == "database"]
    assert [each.state for each in wrong] == ["wrong"]
    assert SAYS in wrong[0].text
    assert "set `shop: shop` again" in wrong[0].text
    monkeypatch.setenv("CONNECTOR_SHOP", "shop")
    assert [each.state for each in run_checks(live=False) if each.what == "database"] == ["good"]
    build(load_settings()).close()
