"""When windows are due: none twice, none left out, whatever the clock did."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.calendar import Cutoffs, Timetable, WorkingCalendar
from connector.jobs.cadence import AtCutoffs, Every, Nightly, Window

pytestmark = pytest.mark.unit

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = WorkingCalendar(zone=SHANGHAI)
CUTOFFS = Cutoffs((time(12), time(15)))
TABLE = Timetable(CALENDAR, CUTOFFS)
STEP = timedelta(minutes=5)
START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def business_days(after: datetime, until: datetime) -> list[Window]:
    return [
        Window(first.window_from, last.window_to)
        for first, last in CUTOFFS.business_days(CALENDAR, after, until)
    ]


NIGHTLY = Nightly(SHANGHAI, time(1, 30), business_days)


def test_every_follows_the_clock_and_not_the_start() -> None:
    odd = START + timedelta(minutes=2, seconds=11)
    assert Every(timedelta(minutes=5)).due(odd, odd + timedelta(minutes=4)) == [
        Window(odd, START + timedelta(minutes=5))
    ]


def test_what_was_missed_is_one_window_and_a_long_outage_several() -> None:
    every = Every(timedelta(minutes=5))
    assert len(every.due(START, START + timedelta(hours=3))) == 1
    assert [each.end - each.start for each in every.due(START, START + timedelta(hours=60))] == [
        timedelta(days=1),
        timedelta(days=1),
        timedelta(hours=12),
    ]


def test_a_wave_is_due_at_its_cutoff_and_not_a_moment_earlier() -> None:
    waves = AtCutoffs(TABLE)
    noon = datetime(2026, 11, 24, 12, 0, tzinfo=SHANGHAI)
    before = noon - timedelta(hours=1)
    assert waves.due(before, noon - timedelta(microseconds=1)) == []
    (wave,) = waves.due(before, noon)
    assert wave.bounds == (
        datetime(2026, 11, 23, 7, 0, tzinfo=UTC),  # Monday's last cutoff
        datetime(2026, 11, 24, 4, 0, tzinfo=UTC),
    )


def test_no_wave_on_a_national_holiday_and_the_next_takes_its_orders() -> None:
    eve = datetime(2026, 9, 30, 15, 0, tzinfo=SHANGHAI)
    (first, *_) = AtCutoffs(TABLE).due(eve, eve + timedelta(days=14))
    assert first.start == eve
    assert first.end.astimezone(SHANGHAI).date().isoformat() == "2026-10-08"


def test_the_nightly_window_is_the_business_day_that_closed() -> None:
    night = datetime(2026, 11, 25, 1, 30, tzinfo=SHANGHAI)
    after = datetime(2026, 11, 23, 15, 0, tzinfo=SHANGHAI)
    assert NIGHTLY.due(after, night - timedelta(seconds=1)) == []
    (window,) = NIGHTLY.due(after, night)
    assert window.bounds == (
        datetime(2026, 11, 23, 7, 0, tzinfo=UTC),
        datetime(2026, 11, 24, 7, 0, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "cadence",
    [Every(STEP), Every(timedelta(minutes=7)), AtCutoffs(TABLE), NIGHTLY],
    ids=["every 5 min", "every 7 min", "waves", "nightly"],
)
@given(steps=st.lists(st.integers(1, 5000), min_size=1, max_size=25))
def test_however_the_ticks_fall_windows_join_without_gap_or_overlap(
    cadence: Every | AtCutoffs | Nightly, steps: list[int]
) -> None:
    now, after = START, START
    found: list[Window] = []
    for minutes in steps:
        now += timedelta(minutes=minutes)
        windows = cadence.due(after, now)
        assert all(after < window.end <= now for window in windows)
        found += windows
        after = windows[-1].end if windows else after
        assert cadence.due(after, now) == []
    for earlier, later in itertools.pairwise(found):
        assert later.start == earlier.end
    whole = cadence.due(START, now)
    assert [window.end for window in whole][-1:] == [window.end for window in found][-1:]
