"""The quarantine: one entry for each thing, whoever saw it how often."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.bounds import DEEPEST, MOST_DIGITS, exceeded
from connector.domain.kept import from_bytes, to_bytes
from connector.domain.quarantine import Entry, Failed, Source, State, key_of
from connector.store.database import Database
from connector.store.quarantine import Quarantine
from connector.wording import quarantine as words

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
WHY = words.ORDER_TOO_DEEP(most=100)


def entry(key: str = "7", content: bytes = b"{}", failed: Failed = Failed.TAKE) -> Entry:
    return Entry(Source.STOREFRONT, failed, key, content, WHY, "intake")


def test_the_same_seen_again_is_one_entry_and_the_newest_bytes_count(database: Database) -> None:
    book = Quarantine(database)
    first = book.put(entry(), NOW)
    again = book.put(entry(content=b'{"a": 1}'), LATER)
    assert first.id == again.id
    (row,) = book.listed()
    assert (row.times, row.first_at, row.last_at, row.content) == (2, NOW, LATER, b'{"a": 1}')
    assert (row.reason, row.reason.code) == (WHY, WHY.code)
    assert book.put(entry(failed=Failed.READ), NOW).id != first.id
    assert [(each.source, each.entries, each.first) for each in book.open()] == [
        ("storefront", 2, first.id)
    ]
    # What a list named and could not be read counts only after a while.
    assert [each.entries for each in book.open(read_before=NOW)] == [1]


def test_what_ended_forgets_its_bytes_and_is_open_again_when_it_fails_again(
    database: Database,
) -> None:
    book = Quarantine(database)
    row = book.put(entry(), NOW)
    assert [each.id for each in book.of_key("7")] == [row.id]
    assert book.close(row.id, State.ENDED, words.TAKEN_LATER(), "intake", NOW)
    assert book.of_key("7") == []
    ended = book.get(row.id)
    assert ended is not None
    assert (ended.state, ended.content, ended.closed_by) == (State.ENDED, b"", "intake")
    assert not book.close(row.id, State.DROPPED, words.TOO_OLD(), "ops", NOW)
    again = book.put(entry(), LATER)
    assert (again.id, again.state, again.times, again.first_at) == (row.id, "open", 1, LATER)
    assert again.closed_at is None


def test_what_was_dropped_stays_dropped_as_long_as_it_is_the_same(database: Database) -> None:
    book = Quarantine(database)
    row = book.put(entry(), NOW)
    assert book.close(row.id, State.DROPPED, words.TOO_OLD(), "ops", NOW)
    assert book.put(entry(), LATER).state == State.DROPPED
    assert book.listed() == []
    assert book.put(entry(content=b"[]"), LATER).state == State.OPEN


def test_many_at_once_make_one_entry(database: Database) -> None:
    book = Quarantine(database)
    threads = [threading.Thread(target=book.put, args=(entry(), NOW)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row.times for row in book.listed(every=True)] == [8]


def test_age_drops_what_nobody_settled_and_removes_what_ended(database: Database) -> None:
    book = Quarantine(database)
    book.put(entry("1"), NOW)
    book.close(book.put(entry("2"), NOW).id, State.ENDED, words.TAKEN_LATER(), "intake", NOW)
    book.put(entry("3"), LATER)
    assert book.forget(dropped=LATER, closed=LATER, now=LATER) == 2
    kept = {row.key: (row.state, row.content) for row in book.listed(every=True)}
    assert kept == {"1": ("dropped", b""), "3": ("open", b"{}")}


LEAVES = (
    st.text(st.characters(exclude_categories=()), max_size=8)
    | st.integers()
    | st.decimals(allow_nan=False)
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
    | st.booleans()
    | st.none()
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=()), max_size=4), inner, max_size=3
        )
    ),
)


@given(TREES)
def test_whatever_is_kept_comes_back_equal(value: Any) -> None:
    assert from_bytes(to_bytes(value)) == value


@pytest.mark.parametrize("stray", [{"$amount": "x"}, {"$time": 1}, {"$date": "now"}, {"$time": ""}])
def test_what_a_shop_calls_like_one_of_our_marks_is_its_own(stray: Any) -> None:
    assert from_bytes(to_bytes({"a": stray})) == {"a": stray}


def test_bytes_are_kept_of_what_no_json_holds() -> None:
    deep: Any = "end"
    for _ in range(100_000):
        deep = [deep]
    assert b"nested deeper" in to_bytes({"id": 7, "deep": deep})
    assert from_bytes(to_bytes({1: date(2026, 1, 1), "x": Decimal("1.50")})) == {
        "1": date(2026, 1, 1), "x": Decimal("1.50"),
    }  # fmt: skip


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"a": nested(DEEPEST - 1)}, None),
        ({"a": nested(DEEPEST)}, "order_too_deep"),
        ({"a": 10**MOST_DIGITS - 1, "b": Decimal("1e300"), "c": Decimal("NaN")}, None),
        ({"a": 10 ** (MOST_DIGITS + 2)}, "order_too_many_digits"),
        ({"a": Decimal("1e999999999999999999")}, "order_too_many_digits"),
        ({"a": Decimal("1e-999999999999999999")}, "order_too_many_digits"),
        ({"a": Decimal("0." + "1" * 301)}, "order_too_many_digits"),
        ({"a": "x" * 3_000_000, "b": "x" * 900_000}, None),
        ({"a": "x" * 3_000_000, "b": ["x" * 1_100_000]}, "order_too_large"),
        ({"x" * 4_000_001: 1}, "order_too_large"),
        ({"a": [[]] * 150_000}, None),
        ({"a": [[]] * 250_000}, "order_too_many_values"),
    ],
)
def test_bounds_are_those_that_are_stated(payload: Any, code: str | None) -> None:
    said = exceeded(payload)
    assert (said.code if said is not None else None) == code


@pytest.mark.parametrize(
    "name", ["", " ", "x" * 65, "a\x00", "a\nb", True, None, [1], 1.5, "\ud83d"]
)
def test_a_key_is_a_name_that_can_be_kept_or_a_hash(name: object) -> None:
    assert key_of(name, b"x").startswith("?")
    assert key_of(name, b"x") == key_of(name, b"x") != key_of(name, b"y")
    assert (key_of(7, b""), key_of(" WC-7 ", b"")) == ("7", "WC-7")
