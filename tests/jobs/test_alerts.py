"""Alerts: one for each matter, told in one message, again at growing intervals, closed at last."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from connector.domain.alerts import AlertKind, Condition, Rhythm, Role
from connector.store.alerts import Alerts
from connector.store.database import Database

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RHYTHM = Rhythm(timedelta(minutes=30), timedelta(hours=4), timedelta(minutes=5))
REJECTED = Condition(AlertKind.HELD, "rejected", NOW, 3)
AWAY = Condition(AlertKind.SYSTEM_AWAY, "SAP", None, 40)
REVIEW = Condition(AlertKind.HELD, "customer_review", NOW, 1)


@pytest.fixture
def alerts(database: Database) -> Alerts:
    return Alerts(database, RHYTHM)


def tell(alerts: Alerts, *conditions: Condition, minutes: float) -> dict[Role, list[str]]:
    """Let one look pass, and return what each role is told."""
    now = NOW + minutes * MINUTE
    alerts.sync(conditions, now)
    due = alerts.due(now)
    for rows in due.values():
        alerts.told(rows, now)
    return {
        role: [f"{row.key}{' solved' if row.closed_at else ''} {row.orders}" for row in rows]
        for role, rows in due.items()
    }


def test_a_storm_is_one_message_to_each_role(alerts: Alerts) -> None:
    told = tell(alerts, REJECTED, AWAY, REVIEW, minutes=0)
    assert told == {
        Role.OPS: ["held:rejected 3", "system_away:SAP 40"],
        Role.SALES: ["held:customer_review 1"],
    }


def test_what_lasts_is_repeated_at_growing_intervals(alerts: Alerts) -> None:
    told_at = [
        minutes for minutes in range(0, 20 * 60, 5) if tell(alerts, REJECTED, minutes=minutes)
    ]
    gaps = [later - earlier for earlier, later in itertools.pairwise(told_at)]
    assert gaps[:5] == [30, 60, 120, 240, 240]
    assert set(gaps[5:]) == {240}


def test_what_comes_up_within_the_quiet_time_is_told_with_the_next(alerts: Alerts) -> None:
    assert tell(alerts, REJECTED, minutes=0)
    assert tell(alerts, REJECTED, AWAY, minutes=1) == {}
    assert tell(alerts, REJECTED, AWAY, minutes=5) == {Role.OPS: ["system_away:SAP 40"]}


def test_what_is_solved_is_told_once_to_whoever_was_told_of_it(alerts: Alerts) -> None:
    tell(alerts, REJECTED, minutes=0)
    assert tell(alerts, minutes=6) == {Role.OPS: ["held:rejected solved 3"]}
    assert tell(alerts, minutes=60) == {}
    # What came and went before anybody was told is no news.
    alerts.sync([AWAY], NOW + 90 * MINUTE)
    assert tell(alerts, minutes=91) == {}


def test_what_comes_back_is_a_new_alert(alerts: Alerts) -> None:
    tell(alerts, REJECTED, minutes=0)
    tell(alerts, minutes=6)
    assert tell(alerts, REJECTED, minutes=20) == {Role.OPS: ["held:rejected 3"]}


def test_a_message_that_nobody_took_stays_due(alerts: Alerts) -> None:
    alerts.sync([REJECTED], NOW)
    assert alerts.due(NOW)
    alerts.sync([REJECTED], NOW + MINUTE)
    assert tell(alerts, REJECTED, minutes=1) == {Role.OPS: ["held:rejected 3"]}


def test_an_alert_keeps_when_it_was_first_seen_where_nothing_else_tells(alerts: Alerts) -> None:
    alerts.sync([AWAY], NOW)
    alerts.sync([AWAY], NOW + 30 * MINUTE)
    (row,) = alerts.listed()
    assert row.since == NOW
