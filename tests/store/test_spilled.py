"""A sorted collection that goes on in a file says the same as a sorted list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connector.store.spilled import Spilled


@given(st.lists(st.tuples(st.integers(0, 9), st.text(max_size=3)), max_size=40), st.integers(1, 9))
def test_what_spilled_is_in_sequence_and_read_as_often_as_one_likes(
    items: list[tuple[int, str]], most: int
) -> None:
    spilled = Spilled[tuple[int, str]](key=lambda item: item[0], most=most)
    for item in items:
        spilled.add(item)
    wanted = sorted(items, key=lambda item: item[0])
    assert list(spilled) == wanted
    # Also by two readers in turns.
    assert list(zip(spilled, spilled, strict=True)) == list(zip(wanted, wanted, strict=True))
    assert len(spilled) == len(items)
    assert all(item in spilled for item in items)
