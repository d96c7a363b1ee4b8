"""Alive is not ready: a supervisor restarts for the one, and waits for the other."""

from __future__ import annotations

from datetime import timedelta

from connector.demo import DemoClock
from connector.web.heart import LATE, QUIET
from tests.web.conftest import Opened


def test_a_service_that_never_ticked_is_alive_and_not_ready(site: Opened) -> None:
    assert site.get("/healthz").status_code == 200
    answer = site.get("/readyz")
    assert (answer.status_code, answer.json()["role"]) == (503, "starting")
    assert answer.json()["database"] == "answers"


def test_a_leader_and_one_that_stands_by_are_ready(site: Opened) -> None:
    for leading, role in ((True, "leader"), (False, "standby")):
        site.heart.beat(leading=leading)
        answer = site.get("/readyz")
        assert (answer.status_code, answer.json()["role"]) == (200, role)


def test_ticks_that_stay_away_end_readiness_first_and_life_later(
    site: Opened, clock: DemoClock
) -> None:
    site.heart.beat()
    clock.now += QUIET + timedelta(seconds=1)
    assert (site.get("/readyz").status_code, site.get("/healthz").status_code) == (503, 200)
    clock.now += LATE
    assert (site.get("/readyz").status_code, site.get("/healthz").status_code) == (503, 503)
    site.heart.beat()
    assert (site.get("/readyz").status_code, site.get("/healthz").status_code) == (200, 200)


def test_nothing_else_is_there_and_nothing_can_be_changed(site: Opened) -> None:
    assert site.get("/no").status_code == 404
    headers = site.get("/healthz").headers
    assert headers["Cache-Control"] == "no-store"
    assert "Python" not in headers["Server"]
