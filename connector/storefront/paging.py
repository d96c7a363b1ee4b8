"""Reads a listing to its end, so that no order is missed that nobody edited meanwhile.

An order that is edited leaves its place, and those behind it move forward over the page boundary;
orders of one second stand in no sequence at all. So a page is asked for by the time of the last
order seen (its whole second is read again), and what lies within one second by number: forward to
the end, and backward again, as what moves forward then moves into pages that are still to be read.

What a listing says of itself must fit: one that says that it has more than it gave, or that gives
the same page over and over, was not understood.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

from connector.errors import RetryLater
from connector.wording import systems

_SECOND = timedelta(seconds=1)
_PLACE = "storefront listing"

Query = dict[str, str]


class Page(NamedTuple):
    """A page of at most `size` elements; `total` where the shop says believably how many in all."""

    elements: list[Any]
    total: int | None
    size: int

    @property
    def whole(self) -> bool:
        """Whether it is all; a full page is followed by the next, whatever the shop says."""
        return self.total is not None and self.total <= len(self.elements) and not self.full

    @property
    def full(self) -> bool:
        """Whether no further element had a place."""
        return len(self.elements) >= self.size


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
        page = read({**query, "page": "1"})
        yield from _new(page.elements, seen)
        if not page.elements:
            _check(page.total, 0)
        if not page.elements or page.whole:
            return
        times = [time_of(each, key) for each in page.elements]
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
    """Give all that a query lists, page by page: forward to the end, then backward.

    Raises RetryLater at the end when the shop says that there is more.
    """
    asked = {**query, "orderby": "id", "order": "asc"}
    these: set[str] = set()
    ids: set[str] = set()
    totals: list[int] = []
    longest = 0

    def page_of(number: int) -> Page:
        page = read({**asked, "page": str(number)})
        ids.update(_id(each) for each in page.elements)
        if page.total is not None:
            totals.append(page.total)
        return page

    for number in count(1):
        page = page_of(number)
        fresh = [each for each in page.elements if identity(each) not in these]
        these.update(identity(each) for each in fresh)
        yield from fresh
        if not fresh:
            break
        if number == 1 and page.whole:
            return
        longest = max(longest, len(page.elements))
    if page.elements and not totals and len(page.elements) >= longest:
        # Only a page that is shorter than others is the last, given again by a shop past its end.
        raise RetryLater(systems.SAME_PAGE(), place=_PLACE, answered=True)
    for earlier in range(number - 1, 0, -1):
        yield from page_of(earlier).elements
    # What came or went meanwhile is no contradiction: the smallest number is believed.
    _check(min(totals, default=None), len(ids))


def _check(total: int | None, read: int) -> None:
    if total is not None and total > read:
        what = systems.MORE_THAN_GIVEN(total=total, read=read)
        raise RetryLater(what, place=_PLACE, answered=True)


def _id(element: Any) -> str:
    known = isinstance(element, Mapping) and element.get("id")
    return str(known) if known else identity(element)


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
