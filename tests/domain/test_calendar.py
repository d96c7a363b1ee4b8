"""Working days, working time and waves."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.calendar import Cutoffs, Timetable, WorkingCalendar
from connector.errors import Misconfigured

pytestmark = pytest.mark.unit

ZONE = ZoneInfo("Asia/Shanghai")
CALENDAR = WorkingCalendar()
CUTOFFS = Cutoffs()
instants = st.datetimes(
    # Beyond the last year that is announced, too.
    min_value=datetime(2025, 1, 15),
    max_value=datetime(2028, 10, 30),
    timezones=st.just(UTC),
)

early = st.datetimes(
    min_value=datetime(2025, 1, 15), max_value=datetime(2026, 1, 5), timezones=st.just(UTC)
)


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("day", "working"),
    [
        # Notices of the State Council for 2025 and 2026; the company works Monday to Saturday.
        ("2025-01-01", False),  # New Year
        ("2025-01-26", True),  # Sunday, makes up for the Spring Festival
        ("2025-01-28", False),  # Spring Festival
        ("2025-02-01", False),  # a Saturday within it
        ("2025-02-08", True),  # Saturday, make-up day
        ("2025-04-27", True),  # Sunday, makes up for Labour Day
        ("2025-05-03", False),  # a Saturday within Labour Day
        ("2025-09-28", True),  # Sunday, makes up for National Day
        ("2025-10-04", False),  # a Saturday within National Day
        ("2025-10-11", True),  # Saturday, make-up day
        ("2025-11-22", True),  # an ordinary Saturday
        ("2025-11-23", False),  # an ordinary Sunday
        ("2026-01-01", False),
        ("2026-01-04", True),  # Sunday, makes up for New Year
        ("2026-02-14", True),  # Saturday, make-up day
        ("2026-02-17", False),  # Spring Festival
        ("2026-02-21", False),  # a Saturday within it
        ("2026-02-28", True),  # Saturday, make-up day
        ("2026-05-09", True),  # Saturday, make-up day
        ("2026-09-20", True),  # Sunday, makes up for National Day
        ("2026-10-03", False),  # a Saturday within National Day
        ("2026-10-10", True),  # Saturday, make-up day
        ("2026-11-24", True),  # an ordinary Tuesday
    ],
)
def test_holidays_and_make_up_days(day: str, working: bool) -> None:
    assert CALENDAR.is_working_day(date.fromisoformat(day)) is working


# The State Council's notices, written out: (first, last) day off, and the days worked instead.
OFF = [
    ("2025-01-01", "2025-01-01"), ("2025-01-28", "2025-02-04"), ("2025-04-04", "2025-04-06"),
    ("2025-05-01", "2025-05-05"), ("2025-05-31", "2025-06-02"), ("2025-10-01", "2025-10-08"),
    ("2026-01-01", "2026-01-03"), ("2026-02-15", "2026-02-23"), ("2026-04-04", "2026-04-06"),
    ("2026-05-01", "2026-05-05"), ("2026-06-19", "2026-06-21"), ("2026-09-25", "2026-09-27"),
    ("2026-10-01", "2026-10-07"),
]  # fmt: skip
MADE_UP = {
    "2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11",
    "2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10",
}  # fmt: skip


def test_every_day_of_2025_and_2026_is_as_announced() -> None:
    day, wrong = date(2025, 1, 1), []
    while day.year < 2027:
        off = any(first <= day.isoformat() <= last for first, last in OFF)
        worked = day.isoformat() in MADE_UP or (day.isoweekday() != 7 and not off)
        if CALENDAR.is_working_day(day) is not worked:
            wrong.append(day)
        day += timedelta(days=1)
    assert wrong == []


def _spans(marks: list[int]) -> tuple[tuple[time, time], ...]:
    clocks = [time(mark // 60, mark % 60) for mark in sorted(marks)]
    return tuple(zip(clocks[::2], clocks[1::2], strict=True))


timetables = st.builds(
    lambda zone, weekdays, marks, cutoffs, overrides: Timetable(
        WorkingCalendar(ZoneInfo(zone), frozenset(weekdays), _spans(marks), overrides),
        Cutoffs(tuple(time(each // 60, each % 60) for each in sorted(cutoffs))),
    ),
    # Zones with clock changes too: a unit may sit elsewhere.
    st.sampled_from(["Asia/Shanghai", "Asia/Kolkata", "Europe/Berlin", "America/New_York", "UTC"]),
    st.sets(st.integers(1, 7), min_size=1),
    st.lists(st.integers(4 * 60, 24 * 60 - 1), unique=True, min_size=2, max_size=6).filter(
        lambda marks: len(marks) % 2 == 0
    ),
    st.sets(st.integers(4 * 60, 24 * 60 - 1), min_size=1, max_size=4),
    st.dictionaries(st.dates(date(2025, 2, 1), date(2026, 9, 30)), st.booleans(), max_size=8),
)


@settings(max_examples=60)
@given(timetables, instants)
def test_for_any_timetable_every_instant_belongs_to_exactly_one_wave(
    table: Timetable, instant: datetime
) -> None:
    wave = table.wave_of(instant)
    span = timedelta(days=40)
    around = table.cutoffs.waves(table.calendar, instant - span, instant + span)
    assert [each for each in around if each.window_from < instant <= each.window_to] == [wave]
    for earlier, later in itertools.pairwise(around):
        assert earlier.window_to == later.window_from < later.window_to


@settings(max_examples=60)
@given(timetables, early, st.integers(0, 20), st.integers(0, 20))
def test_for_any_timetable_working_time_adds_up(
    table: Timetable, start: datetime, first: int, second: int
) -> None:
    calendar, one, two = table.calendar, timedelta(minutes=first), timedelta(minutes=second)
    middle = calendar.add_working_time(start, one)
    end = calendar.add_working_time(middle, two)
    assert calendar.working_time_between(start, end) == one + two


@pytest.mark.parametrize(
    "hours", [(), ((time(8), time(8)),), ((time(8), time(12)), (time(11), time(18)))]
)
def test_hours_that_make_no_sense_are_refused(hours: tuple[tuple[time, time], ...]) -> None:
    with pytest.raises(Misconfigured, match=r"calendar\.hours"):
        WorkingCalendar(hours=hours)


def test_weekdays_that_are_none_are_refused() -> None:
    with pytest.raises(Misconfigured, match="working_weekdays"):
        WorkingCalendar(weekdays=frozenset({0, 8}))


NEW_YEAR = {date(2027, 1, day): False for day in (1, 2, 3)}


@pytest.mark.parametrize(
    ("day", "working"),
    [
        ("2026-12-31", True),  # a Thursday
        ("2027-01-01", False),  # named
        ("2027-01-02", False),  # a Saturday, named
        ("2027-01-03", False),  # a Sunday, named
        ("2027-01-04", True),  # Monday
        ("2027-01-05", True),  # an ordinary Tuesday
        ("2027-01-09", True),  # an ordinary Saturday
        ("2027-01-10", False),  # an ordinary Sunday
        ("2027-02-06", True),  # Spring Festival, which nobody announced: a Saturday
        ("2027-02-08", True),
        ("2031-07-06", False),  # a Sunday
        ("2003-06-01", False),  # a Sunday before the national calendar begins
    ],
)
def test_a_year_that_is_not_announced_is_worked_by_weekdays_and_exceptions(
    day: str, working: bool
) -> None:
    assert WorkingCalendar(overrides=NEW_YEAR).is_working_day(date.fromisoformat(day)) is working


def test_waves_go_on_over_the_end_of_the_calendar() -> None:
    calendar = WorkingCalendar(overrides=NEW_YEAR)
    wave = CUTOFFS.wave_of(calendar, shanghai("2026-12-31T15:00:01"))
    assert (wave.window_from, wave.cutoff_at) == (
        shanghai("2026-12-31T15:00"),
        shanghai("2027-01-04T12:00"),
    )
    start = shanghai("2026-12-31T17:50")
    assert calendar.add_working_time(start, timedelta(minutes=15)) == shanghai("2027-01-04T08:05")


def test_overrides_announce_a_year_once_they_name_its_holidays() -> None:
    assert WorkingCalendar().ends_on() == date(2026, 12, 31)
    assert WorkingCalendar(overrides=NEW_YEAR).ends_on() == date(2026, 12, 31)
    worked = {date(2027, 1, day): True for day in range(1, 31)}
    assert WorkingCalendar(overrides=worked).ends_on() == date(2026, 12, 31)
    holidays = {date(2027, 10, day): False for day in range(1, 9)}
    assert WorkingCalendar(overrides=NEW_YEAR | holidays).ends_on() == date(2027, 12, 31)


def test_overrides_come_before_the_national_calendar() -> None:
    calendar = WorkingCalendar(overrides={date(2027, 1, 3): True, date(2026, 11, 24): False})
    assert calendar.is_working_day(date(2027, 1, 3))
    assert not calendar.is_working_day(date(2026, 11, 24))


@given(instants)
def test_every_instant_belongs_to_exactly_one_wave(instant: datetime) -> None:
    wave = CUTOFFS.wave_of(CALENDAR, instant)
    assert wave.window_from < instant <= wave.window_to
    around = CUTOFFS.waves(CALENDAR, instant - timedelta(days=20), instant + timedelta(days=20))
    holding = [each for each in around if each.window_from < instant <= each.window_to]
    assert holding == [wave]


@given(instants)
def test_waves_leave_no_gap_and_never_overlap(instant: datetime) -> None:
    waves = CUTOFFS.waves(CALENDAR, instant, instant + timedelta(days=25))
    for earlier, later in itertools.pairwise(waves):
        assert earlier.window_to == later.window_from
        assert later.window_from < later.window_to


@given(instants, st.integers(0, 30 * 24 * 60))
def test_waves_of_two_spans_are_those_of_both(instant: datetime, minutes: int) -> None:
    middle, end = instant + timedelta(minutes=minutes), instant + timedelta(days=31)
    parts = [*CUTOFFS.waves(CALENDAR, instant, middle), *CUTOFFS.waves(CALENDAR, middle, end)]
    assert parts == list(CUTOFFS.waves(CALENDAR, instant, end))


@pytest.mark.parametrize(
    ("placed", "cutoff"),
    [
        ("2026-11-23T19:51:00", "2026-11-24T12:00"),  # Monday evening
        ("2026-11-24T12:00:00", "2026-11-24T12:00"),  # exactly at the cutoff
        ("2026-11-24T12:00:01", "2026-11-24T15:00"),
        ("2026-11-24T15:00:00", "2026-11-24T15:00"),
        ("2026-11-24T15:00:01", "2026-11-25T12:00"),
        ("2026-11-28T16:00:00", "2026-11-30T12:00"),  # Saturday afternoon
        ("2026-11-29T10:00:00", "2026-11-30T12:00"),  # Sunday
        ("2026-09-30T15:30:00", "2026-10-08T12:00"),  # before National Day
    ],
)
def test_the_wave_of_an_order(placed: str, cutoff: str) -> None:
    assert CUTOFFS.wave_of(CALENDAR, shanghai(placed)).cutoff_at == shanghai(cutoff)


def test_the_business_day_of_the_evening_is_the_next_working_day() -> None:
    assert CUTOFFS.business_day(CALENDAR, shanghai("2026-11-28T15:01")) == date(2026, 11, 30)
    days = CUTOFFS.business_days(
        CALENDAR, shanghai("2026-11-27T15:00"), shanghai("2026-12-01T00:00")
    )
    assert [last.cutoff_at for _, last in days] == [
        shanghai("2026-11-28T15:00"),
        shanghai("2026-11-30T15:00"),
    ]
    assert days[1][0].window_from == shanghai("2026-11-28T15:00")


@given(instants, st.integers(0, 5000))
def test_working_time_added_is_working_time_between(start: datetime, minutes: int) -> None:
    amount = timedelta(minutes=minutes)
    end = CALENDAR.add_working_time(start, amount)
    assert CALENDAR.working_time_between(start, end) == amount


def test_working_time_stands_still_over_night_and_sunday() -> None:
    start = shanghai("2026-11-28T17:50")  # Saturday
    assert CALENDAR.add_working_time(start, timedelta(minutes=15)) == shanghai("2026-11-30T08:05")


@pytest.mark.parametrize("times", [(), (time(15), time(12)), (time(12), time(12))])
def test_cutoffs_that_make_no_sense_are_refused(times: tuple[time, ...]) -> None:
    with pytest.raises(Misconfigured, match=r"calendar\.cutoffs"):
        Cutoffs(times)


def test_a_calendar_without_working_days_is_refused() -> None:
    calendar = WorkingCalendar(
        weekdays=frozenset(), overrides={date(2026, 1, 1) + i * timedelta(1): False
                                         for i in range(365)}
    )  # fmt: skip
    with pytest.raises(Misconfigured, match="working_weekdays"):
        calendar.next_working_day(date(2026, 5, 1))
