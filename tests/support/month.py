"""A month around the connector: orders, outages, kills, and what must come of it by other means.

Nothing here asks the calendar, the waves or the promises of the project: it has lists of dates
and walks them.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

MINUTE = timedelta(minutes=1)
FIRST, LAST = date(2026, 9, 20), date(2026, 10, 19)
# Mid-Autumn and National Day off; the Sundays and the Saturday worked instead.
OFF = {date(2026, 9, day) for day in (25, 26, 27)} | {date(2026, 10, day) for day in range(1, 8)}
MADE_UP = {date(2026, 9, 20), date(2026, 10, 10)}
CUTOFFS = {"GQ": ((12, 0), (15, 0)), "CZ": ((11, 0), (16, 30))}
PROMISED = {"recognised": 15 * MINUTE, "placed": 30 * MINUTE, "ready": 60 * MINUTE}
GRACE = 10 * MINUTE


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """Return a time of day in Shanghai, which keeps no summer time, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(
        hours=hour - 8, minutes=minute
    )


def working_days() -> list[date]:
    """Return the working days of the month and a little beyond."""
    days = [FIRST - timedelta(days=1) + timedelta(days=n) for n in range(36)]
    return [day for day in days if day in MADE_UP or (day.isoweekday() != 7 and day not in OFF)]


WORKED = working_days()
CUTOFF_TIMES = {
    unit: [at(day, *clock) for day in WORKED for clock in clocks]
    for unit, clocks in CUTOFFS.items()
}


@dataclass
class Bought:
    """An order of the month, and what the world does to it."""

    number: int
    placed_at: datetime
    units: tuple[str, ...]
    review_until: datetime | None = None
    stock_from: datetime | None = None
    cancelled: bool = False


@dataclass
class Seen:
    """When, by the hands of the test, an order had come how far."""

    recognised: datetime | None = None
    placed: datetime | None = None
    ready: datetime | None = None
    released: datetime | None = None
    cancelled: datetime | None = None


@dataclass
class Month:
    """The world of one month. All that is random follows from the seed."""

    orders: list[Bought]
    sap_away: list[tuple[datetime, datetime]]
    dms_away: list[tuple[datetime, datetime]]
    off: list[tuple[datetime, datetime]]
    seen: dict[int, Seen] = field(default_factory=dict)
    by_number: dict[int, Bought] = field(init=False)

    def __post_init__(self) -> None:
        """Index the orders."""
        self.by_number = {each.number: each for each in self.orders}

    @classmethod
    def of(cls, count: int, seed: int) -> Month:
        """Make a month of so many orders."""
        chance = random.Random(seed)
        begin, end = at(FIRST, 0), at(LAST, 14)
        orders = []
        for number in range(1, count + 1):
            placed = begin + timedelta(seconds=chance.randrange(int((end - begin).total_seconds())))
            orders.append(Bought(number, placed, chance.choice(
                [("GQ",), ("GQ",), ("CZ",), ("CZ",), ("CZ", "GQ")])))  # fmt: skip
        orders.sort(key=lambda each: each.placed_at)
        for each in orders:
            lot = chance.random()
            if lot < 0.03:
                each.review_until = each.placed_at + timedelta(hours=chance.uniform(0.2, 30))
                each.cancelled = lot < 0.005
            elif lot < 0.05:
                each.stock_from = each.placed_at + timedelta(hours=chance.uniform(1, 50))
        days = [day for day in WORKED if FIRST < day < LAST]
        outages = sorted(chance.sample(days, 3))
        night = chance.choice(days)
        dark = days[12]
        return cls(
            orders=orders,
            sap_away=[(at(day, hour), at(day, hour + 2)) for day, hour in
                      zip(outages, (9, 11, 14), strict=True)],
            dms_away=[(at(night, 20), at(night + timedelta(days=1), 8, 40))],
            off=[(at(dark, 14, 30), at(dark, 15, 45))],
        )  # fmt: skip

    def moments(self) -> list[datetime]:
        """Return when the services tick: often while there is work, seldom at night."""
        found, clocks = [], {clock for clocks in CUTOFFS.values() for clock in clocks}
        moment = at(FIRST, 0, 10)
        while moment <= at(LAST, 20):
            local = moment + timedelta(hours=8)
            busy = local.date() in WORKED and 7 <= local.hour < 19 and local.minute % 20 == 0
            seldom = local.minute == 0 and local.hour % 3 == 0
            if busy or seldom or (local.hour, local.minute) in clocks:
                found.append(moment)
            moment += 10 * MINUTE
        return [each for each in found if not any(a <= each < b for a, b in self.off)]

    def placed_within(self, after: datetime, until: datetime) -> list[Bought]:
        """Return what the storefront tells of a window."""
        low = bisect_left(self.orders, after, key=lambda each: each.placed_at)
        high = bisect_left(self.orders, until, key=lambda each: each.placed_at)
        return self.orders[low:high]


def is_within(spans: list[tuple[datetime, datetime]], now: datetime) -> bool:
    """Whether a moment lies in one of these spans."""
    return any(begin <= now < end for begin, end in spans)


def due(bought: Bought, promise: str) -> datetime:
    """Return when a promise is due, by walking the working days from 8 to 18 o'clock."""
    if promise == "released":
        return max(cutoff_of(bought.placed_at, unit) for unit in bought.units) + GRACE
    left = PROMISED[promise]
    for day in WORKED:
        begins, ends = max(at(day, 8), bought.placed_at), at(day, 18)
        if ends <= bought.placed_at:
            continue
        if left <= ends - begins:
            return begins + left
        left -= ends - begins
    raise AssertionError("the month ended")


def cutoff_of(placed_at: datetime, unit: str) -> datetime:
    """Return the cutoff of the wave to which an order belongs."""
    times = CUTOFF_TIMES[unit]
    return times[bisect_left(times, placed_at)]


def broken(month: Month, end: datetime) -> set[tuple[int, str]]:
    """Return every promise that was not kept by the end, from what was seen."""
    found = set()
    for each in month.orders:
        seen = month.seen.get(each.number)
        if seen is None:
            continue
        for promise in (*PROMISED, "released"):
            by, reached = due(each, promise), getattr(seen, promise)
            settled = reached or seen.cancelled or end
            if settled > by:
                found.add((each.number, promise))
    return found


def waves(month: Month, frozen: dict[tuple[str, datetime], datetime]) -> dict[Any, set[int]]:
    """Return which orders each wave must hold: the first that was frozen once they were ready."""
    found: dict[Any, set[int]] = {key: set() for key in frozen}
    for each in month.orders:
        seen = month.seen.get(each.number)
        if seen is None or seen.ready is None:
            continue
        for unit in each.units:
            times = CUTOFF_TIMES[unit]
            for cutoff in times[bisect_left(times, each.placed_at) :]:
                when = frozen.get((unit, cutoff))
                if when is not None and when >= seen.ready:
                    found[unit, cutoff].add(each.number)
                    break
    return found
