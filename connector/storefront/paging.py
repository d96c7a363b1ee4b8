"""Reads a listing to its end, so that no order is missed that nobody edited meanwhile.

An order that is edited leaves its place, and those behind it move forward over the page boundary;
orders of one second stand in no sequence at all. So a page is asked for by the time of the last
order seen (its whole second is read again), and what lies within one second by number: forward to
the end, and backward again, as what moves forward then moves into pages that are still to be read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

_SECOND = timedelta(seconds=1)

Query = dict[str, str]
# Elements of a page, and how many there are in all where the shop says so believably.
Page = tuple[list[Any], int | None]
Read = Callable[[Query], Page]


@dataclass(frozen=True)
class Key:
    """A time by which orders are listed: its parameters, which are exclusive, and its field."""

    after: str
    before: str
    orderby: str
    field: str


MODIFIED = Key("modified_after", "modified_before", "modified", "date_modified_gmt")
PLACED = Key("after", "before", "date", "date_created_gmt")


def orders(read: Read, key: Key, start: datetime, end: datetime, *, by_time: bool) -> Iterator[Any]:
    """Give what is listed between two times, both included, each state of an order once.

    Without `by_time` the shop can list by number only.
    """
    seen: set[str] = set()
    end = _whole(end)
    position = _whole(start)
    if not by_time:
        yield from _new(by_number(read, _between(key, position, end)), seen)
        return
    while position <= end:
        query = {**_between(key, position, end), "orderby": key.orderby, "order": "asc"}
        page, total = read({**query, "page": "1"})
        yield from _new(page, seen)
        if not page or (total is not None and total <= len(page)):
            return
        times = [time_of(each, key) for each in page]
        last = times[-1]
        if last is None or not _ascending([position, *times]):
            # The shop does not list as it was asked to.
            yield from _new(by_number(read, _between(key, position, end)), seen)
            return
        if last > position:
            position = last
        else:
            yield from _new(by_number(read, _between(key, position, position)), seen)
            position += _SECOND


def by_number(read: Read, query: Mapping[str, str]) -> Iterator[Any]:
    """Give all that a query lists, page by page: forward to the end, then backward."""
    asked = {**query, "orderby": "id", "order": "asc"}
    these: set[str] = set()
    for number in count(1):
        page, total = read({**asked, "page": str(number)})
        fresh = [each for each in page if identity(each) not in these]
        these.update(identity(each) for each in fresh)
        yield from fresh
        if not fresh:
            break
        if number == 1 and total is not None and total <= len(page):
            return
    for earlier in range(number - 1, 0, -1):
        page, _ = read({**asked, "page": str(earlier)})
        yield from page


def identity(element: Any) -> str:
    """Return what tells one state of an order from another; of what is no order, its text."""
    if isinstance(element, Mapping) and element.get("id"):
        return f"{element['id']} {element.get('date_modified_gmt')}"
    return json.dumps(element, sort_keys=True, default=str)


def _new(elements: Iterable[Any], seen: set[str]) -> Iterator[Any]:
    for each in elements:
        if identity(each) not in seen:
            seen.add(identity(each))
            yield each


def _between(key: Key, first: datetime, last: datetime) -> Query:
    return {
        key.after: _stamp(first - _SECOND),
        key.before: _stamp(last + _SECOND),
        "dates_are_gmt": "true",
    }


def _ascending(times: list[datetime | None]) -> bool:
    known = [each for each in times if each is not None]
    return len(known) == len(times) and known == sorted(known)


def time_of(element: Any, key: Key) -> datetime | None:
    """Return by which time an element is listed, to the second."""
    try:
        moment = datetime.fromisoformat(element[key.field])
        return _whole(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")
