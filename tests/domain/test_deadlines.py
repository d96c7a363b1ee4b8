"""When promises are due, and how they stand."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.calendar import Cutoffs, Timetable, WorkingCalendar
from connector.domain.deadlines import (
    Promise,
    Promises,
    PromiseState,
    deadline_for,
    due_for,
    judge,
)
from connector.domain.lifecycle import Stage

pytestmark = pytest.mark.unit

ZONE = ZoneInfo("Asia/Shanghai")
SITE = (Timetable(),)
NINE_TO_FIVE = Timetable(WorkingCalendar(hours=((time(9), time(17)),)), Cutoffs((time(17),)))
instants = st.datetimes(
    min_value=datetime(2025, 1, 15), max_value=datetime(2028, 10, 30), timezones=st.just(UTC)
)


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("promise", "placed", "warn", "due"),
    [
        ("recognised", "2026-11-24T09:00", "2026-11-24T09:12", "2026-11-24T09:15"),
        ("placed", "2026-11-24T17:45", "2026-11-25T08:09", "2026-11-25T08:15"),  # over night
        ("ready", "2026-09-30T17:30", "2026-10-08T08:18", "2026-10-08T08:30"),  # over a holiday
        ("ready", "2026-11-28T20:00", "2026-11-30T08:48", "2026-11-30T09:00"),  # Saturday night
        ("released", "2026-11-24T12:00:01", "2026-11-24T14:24:00.2", "2026-11-24T15:10"),
    ],
)
def test_promises_run_in_working_time(promise: str, placed: str, warn: str, due: str) -> None:
    found = due_for(Promise(promise), shanghai(placed), SITE, Promises())
    assert (found.warn_at, found.due_at) == (shanghai(warn), shanghai(due))


def test_of_two_units_the_stricter_clock_counts_and_the_last_wave() -> None:
    placed = shanghai("2026-11-24T08:30")
    both = (SITE[0], NINE_TO_FIVE)
    assert due_for(Promise.PLACED, placed, both, Promises()).due_at == shanghai("2026-11-24T09:00")
    assert due_for(Promise.RELEASED, placed, both, Promises()).due_at == shanghai(
        "2026-11-24T17:10"
    )


@given(instants, st.sampled_from(Promise))
def test_a_warning_never_comes_after_its_deadline(placed: datetime, promise: Promise) -> None:
    due = due_for(promise, placed, (SITE[0], NINE_TO_FIVE), Promises())
    assert placed <= due.warn_at <= due.due_at


@given(
    st.datetimes(timezones=st.sampled_from([UTC, ZONE, ZoneInfo("America/New_York")])),
    st.sampled_from(Promise),
)
def test_no_time_whatever_ends_in_an_error(placed: datetime, promise: Promise) -> None:
    due = due_for(promise, placed, (SITE[0], NINE_TO_FIVE), Promises())
    assert due.warn_at <= due.due_at


@pytest.mark.parametrize("placed", [datetime.min, datetime.max])
@pytest.mark.parametrize("promise", Promise)
def test_the_ends_of_time_have_deadlines(placed: datetime, promise: Promise) -> None:
    for zone in (UTC, ZONE):
        assert due_for(promise, placed.replace(tzinfo=zone), SITE, Promises())


def test_the_deadline_of_a_stage_is_the_next_promise() -> None:
    placed = shanghai("2026-11-24T09:00")
    found = [deadline_for(stage, placed, SITE, Promises()) for stage in Stage]
    minutes = [None if each is None else (each - placed) // timedelta(minutes=1) for each in found]
    assert minutes == [15, 15, 30, 60, 60, 60, *[None] * (len(Stage) - 6)]


DUE = shanghai("2026-11-24T09:15")
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("reached", "cancelled", "now", "state"),
    [
        (DUE, None, DUE + MINUTE, PromiseState.KEPT),
        (DUE + MINUTE, None, DUE + 2 * MINUTE, PromiseState.LATE),
        (None, None, DUE, PromiseState.OPEN),
        (None, None, DUE + MINUTE, PromiseState.OVERDUE),
        (None, DUE, DUE + MINUTE, PromiseState.VOID),
        (None, DUE + MINUTE, DUE + 2 * MINUTE, PromiseState.LATE),
    ],
)
def test_how_a_promise_stands(
    reached: datetime | None, cancelled: datetime | None, now: datetime, state: PromiseState
) -> None:
    assert judge(DUE, reached, cancelled, now) is state
