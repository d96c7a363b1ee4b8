"""What the shipped mappings make of what shops send."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.mapping import load
from connector.mapping.load import Folder

SHIPPED = Path(__file__).parents[2] / "mappings"


@pytest.mark.parametrize(
    ("billing", "shipping", "expected"),
    [
        ("CN11", "CN2", ("江苏", "北京")),
        ("CN32", "", ("新疆", "新疆")),
        ("江苏", "上海", ("江苏", "上海")),
        ("CN99", " CN10 ", ("CN99", "上海")),
    ],
)
def test_the_shop_codes_of_provinces_become_names_and_all_else_stays(
    billing: str, shipping: str, expected: tuple[str, str]
) -> None:
    payload = {"billing": {"state": billing}, "shipping": {"state": shipping}}
    body, _ = load(SHIPPED)["storefront_order"].apply_leniently(payload)
    made = body["buyer"]["address"]["province"], body["ship_to"]["address"]["province"]
    assert made == expected


def test_every_province_code_of_the_shop_has_a_name_of_its_own() -> None:
    rows = Folder.read(SHIPPED).files["lookups/provinces.csv"].decode().splitlines()[1:]
    table = dict(row.split(",") for row in rows)
    assert list(table) == [f"CN{number}" for number in range(1, 33)]
    assert len(set(table.values())) == 32
