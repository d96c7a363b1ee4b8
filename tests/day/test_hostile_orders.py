"""A day with orders as nobody means them among as many honest ones."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connector.bootstrap import Connector
from connector.cli import app
from connector.domain.lifecycle import HoldCause, Stage
from connector.extracts.verify import verify
from connector.logs import configure
from connector.sandbox import world
from connector.sandbox.dms_documents import whole_orders
from connector.sandbox.service import Sandbox
from connector.sandbox.storefront import ORDER
from connector.sandbox.web import Request, Response
from connector.web.heart import Heart
from tests.commands.site import point_at
from tests.support.hostile_orders import Hostile, honest, hostile, spoken
from tests.support.scene import EVENING, NOON, Scene
from tests.web.conftest import opened

pytestmark = pytest.mark.day

HONEST, BAD = 10_001, 20_001
PLACED = "2026-11-23T13:59:21"  # in the minute before the evening's first window


@contextmanager
def shop(orders: list[dict[str, Any]], bad: list[Hostile], folder: Path) -> Iterator[Sandbox]:
    """Open a sandbox whose shop has these orders and shows the hostile ones as they are."""
    file = folder / "orders.json"
    file.write_text(json.dumps(orders), encoding="utf-8")
    shown = {each.order["id"]: each.shown for each in bad}
    with Sandbox(orders=file) as sandbox:
        for each in bad:
            sandbox.books.put(ORDER, str(each.order["id"]), each.order)
        kind = sandbox.storefront.handle

        def handle(request: Request) -> Response:
            answer = kind(request)
            return replace(answer, body=spoken(answer.body, shown))

        sandbox.storefront.handle = handle  # type: ignore[method-assign]
        yield sandbox


@pytest.mark.parametrize(
    "count", [pytest.param(60, marks=pytest.mark.long), pytest.param(300, marks=pytest.mark.night)]
)
def test_honest_orders_close_as_on_any_day_and_each_hostile_one_says_why_not(
    count: int,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("critical")
    good = [honest(HONEST + place, PLACED) for place in range(count)]
    bad = hostile(BAD, count, PLACED)
    assert len({each.kind for each in bad}) > 90 or count < 300
    with shop(good, bad, tmp_path) as sandbox:
        day = Scene(
            sandbox, database_url, tmp_path, begin=EVENING, since=EVENING - timedelta(minutes=5)
        )
        connector = day.connector
        try:
            _live(day)
            failed = connector.runs.history(failed=True)
            assert [(row.job, str(row.error)) for row in failed] == []
            _honest_ones_are_closed(connector, sandbox, count)
            table = _each_hostile_one_has_its_reason(connector, bad)
            with capsys.disabled():
                print(f"\n{database_url.partition(':')[0]}: {count} hostile orders")
                for (kind, came_to), orders in sorted(table.items()):
                    print(f"  {kind:28} {came_to:24} {orders:4}")
            _everything_can_be_looked_at(day, tmp_path, monkeypatch)
        finally:
            connector.close()


def _live(day: Scene) -> None:
    """Live an evening, and the day after it until its night is compared."""
    day.later(minutes=5)
    day.later(minutes=5)
    day.until(NOON - timedelta(minutes=30))
    day.until(NOON + timedelta(minutes=1))
    world.ship(day.sandbox.books, day.sandbox.clock)
    day.later(minutes=20, ticks=2)
    world.invoice(day.sandbox.books, day.sandbox.clock)
    day.later(minutes=20, ticks=3)
    day.until(NOON + timedelta(hours=16, minutes=10))
    day.later(minutes=10, ticks=2)


def _honest_ones_are_closed(connector: Connector, sandbox: Sandbox, count: int) -> None:
    rows = {row.number: row for row in connector.context.orders.listed(limit=10_000)}
    numbers = [str(HONEST + place) for place in range(count)]
    stands = Counter((rows[each].stage, rows[each].hold_cause) for each in numbers)
    assert stands == {("closed", None): count}
    held = {each["externalNumber"]: each for each in whole_orders(sandbox.books)}
    for number in numbers:
        documents = ("deliveryNotes", "invoiceApplications", "shipments", "invoices")
        assert [len(held[number][each]) for each in documents] == [1, 1, 1, 1]
        assert rows[number].total == Decimal("404.00")


def _each_hostile_one_has_its_reason(
    connector: Connector, bad: list[Hostile]
) -> Counter[tuple[str, str]]:
    """Return (kind, what it came to) → orders."""
    kinds = {str(each.order["id"]): each.kind.partition(" ")[0] for each in bad}
    good = {str(HONEST + place) for place in range(len(bad))}
    rows = connector.context.orders.listed(limit=10_000)
    known = {row.order_id: row for row in rows if row.order_id not in good}
    entries = connector.context.quarantine.listed(limit=10_000)
    kept = {row.key: row for row in entries if row.key not in known}
    # Each is one order or one entry, and never neither.
    assert len(known) + len(kept) == len(bad)
    assert all(row.reason and row.reason.chinese for row in entries)
    table: Counter[tuple[str, str]] = Counter()
    for key in kept:
        table[kinds.get(key, "shown"), "quarantined"] += 1
    for key, row in known.items():
        if row.hold_cause is None:
            # What is hostile in it was nothing that counts, or it ended.
            assert Stage(row.stage).ended, (row.number, row.stage, row.tries)
            table[kinds.get(key, "shown"), row.stage] += 1
            continue
        HoldCause(row.hold_cause)
        assert row.hold_reasons, row.number
        assert not any("unexpected" in reason for reason in row.hold_reasons), row.hold_reasons
        table[kinds.get(key, "shown"), f"held {row.hold_cause}"] += 1
    return table


LISTINGS = (
    "orders list", "orders list --json", "quarantine list", "quarantine list --json", "calls list",
    "calls list --json", "customers review", "customers review --json", "differences list",
    "aftersales list", "job history", "mappings list", "extracts list",
)  # fmt: skip


def _everything_can_be_looked_at(day: Scene, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = day.connector
    point_at(day, folder, monkeypatch)
    for words in LISTINGS:
        done = CliRunner().invoke(app, words.split())
        assert done.exit_code in (0, 1), (words, done.output[-2000:])
        assert done.exception is None or isinstance(done.exception, SystemExit), words
        assert "\x1b" not in done.stdout, words
        if "--json" in words:
            json.loads(done.stdout)
    for row in connector.context.quarantine.listed(limit=5):
        assert CliRunner().invoke(app, ["quarantine", "show", str(row.id)]).exit_code == 0
    with opened(connector, Heart(lambda: datetime.now(UTC))) as site:
        for path in ("/?lang=zh", "/?lang=en", "/metrics"):
            assert site.get(path).status_code == 200
        numbers = [row.number for row in connector.context.orders.listed(limit=10_000)]
        for number in numbers[:: max(len(numbers) // 60, 1)]:
            assert site.get(f"/orders/{_quoted(number)}?lang=zh").status_code == 200, number
    (extract,) = (day.settings.output / "extracts").iterdir()
    assert verify(extract) == []


def _quoted(number: str) -> str:
    from urllib.parse import quote

    return quote(number, safe="")
