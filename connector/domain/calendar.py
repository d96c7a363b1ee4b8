"""Working days, working time, cutoffs and waves. Pure, in the business's own zone.

Sources: workflow.md, "Who" (Monday to Saturday plus the national calendar) and step 5 (waves).
A year that is not announced yet is worked by weekdays and the exceptions given: nothing stops.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import chinese_calendar

from connector.errors import Misconfigured

_DAY = timedelta(days=1)
# Longer than any run of days off; a longer search means that the settings leave no working day.
_LONGEST_PAUSE = 60
# So many days off a year the law gives at least: overrides that name as many announce the year.
_STATUTORY = 11


@lru_cache(maxsize=4096)
def _national(day: date) -> bool | None:
    """Say whether the national calendar makes a day a working day, or a day off; None: neither.

    Asked many times for each order, and the same for as long as the process lives. Of a year that
    is not announced nothing is said.
    """
    try:
        holiday, named = chinese_calendar.is_holiday(day), chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        return None
    if holiday and named[1] is not None:
        return False
    # A Saturday or Sunday that is none is a make-up day.
    return True if not holiday and day.isoweekday() > 5 else None


@dataclass(frozen=True)
class WorkingCalendar:
    """When a business unit works.

    A statutory holiday is off and a make-up day (调休) on, whatever the weekday; other days
    follow `weekdays` (1 is Monday), and so do all days of a year that is not announced.
    `overrides` come before everything and name the exceptions only.
    """

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    weekdays: frozenset[int] = frozenset({1, 2, 3, 4, 5, 6})
    hours: tuple[tuple[time, time], ...] = ((time(8), time(18)),)
    overrides: Mapping[date, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse weekdays that are none and hours that do not follow each other."""
        if not self.weekdays <= frozenset(range(1, 8)):
            raise Misconfigured(
                f"{sorted(self.weekdays - frozenset(range(1, 8)))} are no weekdays",
                place="calendar.working_weekdays",
                remedy="1 is Monday, 7 is Sunday",
            )
        ends = [clock for span in self.hours for clock in span]
        if not ends or ends != sorted(set(ends)):
            raise Misconfigured(
                "hours must be spans that begin before they end and follow each other",
                place="calendar.hours",
                remedy='for example [["08:00", "12:00"], ["13:00", "18:00"]]',
            )

    def is_working_day(self, day: date) -> bool:
        """Whether a calendar day is worked."""
        if day in self.overrides:
            return self.overrides[day]
        national = _national(day)
        return day.isoweekday() in self.weekdays if national is None else national

    def next_working_day(self, day: date) -> date:
        """Return the first working day after `day`."""
        return self._search(day, _DAY)

    def previous_working_day(self, day: date) -> date:
        """Return the last working day before `day`."""
        return self._search(day, -_DAY)

    def spans(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Give the spans of working time from `start` on, in UTC."""
        day = start.astimezone(self.zone).date()
        while True:
            if self.is_working_day(day):
                for opens, closes in self.hours:
                    begin = datetime.combine(day, opens, self.zone).astimezone(UTC)
                    end = datetime.combine(day, closes, self.zone).astimezone(UTC)
                    if end > start:
                        yield max(begin, start.astimezone(UTC)), end
            day += _DAY

    def add_working_time(self, start: datetime, amount: timedelta) -> datetime:
        """Return when so much working time after `start` has passed, in UTC."""
        for begin, end in self.spans(start):
            if amount <= end - begin:
                return begin + amount
            amount -= end - begin
        raise AssertionError("spans never end")

    def working_time_between(self, start: datetime, end: datetime) -> timedelta:
        """Return the working time between two instants; zero when `end` is not later."""
        total = timedelta(0)
        if end <= start:
            return total
        for begins, ends in self.spans(start):
            if begins >= end:
                return total
            total += min(ends, end) - begins
        raise AssertionError("spans never end")

    def ends_on(self) -> date:
        """Return the last day of the years whose holidays are known.

        They are known by the national calendar, or by overrides that name as many days off as
        the law gives at least; fewer are exceptions, not a year's holidays.
        """
        year = max(day.year for day in chinese_calendar.holidays)
        off = Counter(day.year for day, worked in self.overrides.items() if not worked)
        while off[year + 1] >= _STATUTORY:
            year += 1
        return date(year, 12, 31)

    def _search(self, day: date, step: timedelta) -> date:
        for _ in range(_LONGEST_PAUSE):
            day += step
            if self.is_working_day(day):
                return day
        raise Misconfigured(
            "no working day within two months",
            place="calendar.working_weekdays",
            remedy="name the weekdays that are worked, 1 is Monday",
        )


@dataclass(frozen=True)
class Wave:
    """The orders placed in (window_from, window_to] are released at window_to, the cutoff."""

    window_from: datetime
    window_to: datetime

    @property
    def cutoff_at(self) -> datetime:
        """The instant of release."""
        return self.window_to


@dataclass(frozen=True)
class Cutoffs:
    """The times of day at which waves are released, on every working day."""

    times: tuple[time, ...] = (time(12), time(15))

    def __post_init__(self) -> None:
        """Refuse an empty or unsorted list."""
        if not self.times or list(self.times) != sorted(set(self.times)):
            raise Misconfigured(
                "cutoffs must be different times in their sequence",
                place="calendar.cutoffs",
                remedy='for example ["12:00", "15:00"]',
            )

    def waves(self, calendar: WorkingCalendar, after: datetime, until: datetime) -> Sequence[Wave]:
        """Return the waves whose cutoff lies in (after, until], in their sequence."""
        day = after.astimezone(calendar.zone).date()
        last = until.astimezone(calendar.zone).date()
        waves = []
        while day <= last:
            if calendar.is_working_day(day):
                waves += [
                    wave for wave in self.of_day(calendar, day) if after < wave.cutoff_at <= until
                ]
            day += _DAY
        return waves

    def of_day(self, calendar: WorkingCalendar, day: date) -> Sequence[Wave]:
        """Return the waves of one working day; the first begins at the last cutoff before it."""
        begin = _at(calendar, calendar.previous_working_day(day), self.times[-1])
        waves = []
        for each in self.times:
            end = _at(calendar, day, each)
            waves.append(Wave(begin, end))
            begin = end
        return waves

    def wave_of(self, calendar: WorkingCalendar, instant: datetime) -> Wave:
        """Return the one wave to which an order placed at `instant` belongs."""
        day = instant.astimezone(calendar.zone).date()
        if not calendar.is_working_day(day) or instant > _at(calendar, day, self.times[-1]):
            day = calendar.next_working_day(day)
        for wave in self.of_day(calendar, day):
            if wave.window_from < instant <= wave.window_to:
                return wave
        raise AssertionError("the waves of a working day leave no gap")

    def business_day(self, calendar: WorkingCalendar, instant: datetime) -> date:
        """Return the working day whose waves hold an order placed at `instant`."""
        return self.wave_of(calendar, instant).cutoff_at.astimezone(calendar.zone).date()

    def business_days(
        self, calendar: WorkingCalendar, after: datetime, until: datetime
    ) -> Sequence[tuple[Wave, Wave]]:
        """Return first and last wave of each business day that closes in (after, until]."""
        last_waves = [
            wave
            for wave in self.waves(calendar, after, until)
            if wave.cutoff_at.astimezone(calendar.zone).time() == self.times[-1]
        ]
        days = [wave.cutoff_at.astimezone(calendar.zone).date() for wave in last_waves]
        return [
            (self.of_day(calendar, day)[0], wave)
            for day, wave in zip(days, last_waves, strict=True)
        ]


@dataclass(frozen=True)
class Timetable:
    """When one business unit works, and when it releases its waves."""

    calendar: WorkingCalendar = field(default_factory=WorkingCalendar)
    cutoffs: Cutoffs = field(default_factory=Cutoffs)

    def wave_of(self, instant: datetime) -> Wave:
        """Return the one wave to which an order placed at `instant` belongs."""
        return self.cutoffs.wave_of(self.calendar, instant)


def _at(calendar: WorkingCalendar, day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, calendar.zone).astimezone(UTC)
