"""A document's number, and what only looks like one."""

from __future__ import annotations

import pytest

from connector.domain.document_number import document_number

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ("SO10000001", "SO10000001"),
        (" \n SO1 ", "SO1"),
        (4711, "4711"),
        ("0000100234", "0000100234"),
        (None, ""),
        ("", ""),
        (" \t", ""),
        ("None", ""),
        ("null", ""),
        ("NaN", ""),
        ("0000000000", ""),
        (0, ""),
        ("-", ""),
    ],
)
def test_a_number_has_no_padding_and_nothing_is_none(given: object, number: str) -> None:
    assert document_number(given) == number
