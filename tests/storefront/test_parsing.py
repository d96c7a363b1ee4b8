"""A page with a hostile order in it: the others are read as they are."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.bounds import exceeded
from connector.storefront.parsing import parsed

pytestmark = pytest.mark.unit

JSON: st.SearchStrategy[Any] = st.recursive(
    st.text() | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_what_is_innocent_is_read_as_it_is(value: Any) -> None:
    assert parsed(json.dumps(value).encode()) == value
    assert parsed(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")) == value


@pytest.mark.parametrize("opening", ["[", '{"a":', '["x\\"]", '])
def test_two_hundred_thousand_brackets_concern_one_order(opening: str) -> None:
    closing = "}" if opening.startswith("{") else "]"
    deep = opening * 200_000 + "1" + closing * 200_000
    page = f'[{{"id":1,"x":"]}}"}},{{"id":2,"meta_data":{deep},"note":"[["}},{{"id":3}}]'
    first, hostile, last = parsed(page.encode())
    assert (first, last) == ({"id": 1, "x": "]}"}, {"id": 3})
    assert (hostile["id"], hostile["note"]) == (2, "[[")
    assert [exceeded(each) is not None for each in (first, hostile, last)] == [False, True, False]
    inner = hostile["meta_data"]
    while not isinstance(inner, str):
        inner = inner["a"] if isinstance(inner, dict) else inner[-1]
    assert inner == "(nested too deeply)"


def test_a_number_of_five_thousand_digits_concerns_one_order() -> None:
    digits = "9" * 5000
    read = parsed(f'[{{"id": 1, "total": {digits}}}, {{"id": 2, "total": 1.10}}]'.encode())
    assert read == [{"id": 1, "total": Decimal(digits)}, {"id": 2, "total": Decimal("1.10")}]
    assert [exceeded(each) is not None for each in read] == [True, False]


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[1", b"[" * 200_000, b"\xff"])
def test_what_is_no_json_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parsed(body)
