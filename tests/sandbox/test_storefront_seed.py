"""The sandbox's shop as `connector sandbox` begins it: its sample orders are of this hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.sandbox.books import Books
from connector.sandbox.storefront_seed import placed_until, read_orders, sample_refunds

_NOW = datetime(2027, 3, 5, 4, 5, tzinfo=UTC)


def test_the_samples_are_placed_in_the_last_minutes_and_all_are_news() -> None:
    before = read_orders(None, "2026-01-01T00:00:00")
    orders, refunds = placed_until(_NOW, before, sample_refunds())
    placed = [datetime.fromisoformat(each["date_created_gmt"] + "+00:00") for each in orders]
    assert max(placed) == _NOW
    assert min(placed) > _NOW - timedelta(minutes=15)
    assert {each["date_modified_gmt"] for each in orders} == {"2027-03-05T04:05:00"}
    # What lies between two times of an order is as it was.
    for old, new in zip(before, orders, strict=True):
        spans = [
            datetime.fromisoformat(each["date_created"])
            - datetime.fromisoformat(each["date_created_gmt"])
            for each in (old, new)
        ]
        assert spans[0] == spans[1]
    assert all(each["date_created_gmt"].startswith("2027-03-05T03:5") for each in refunds)


@pytest.mark.parametrize("what", ["folder", "text"])
def test_a_memory_that_is_no_file_of_ours_is_refused_with_its_name(
    tmp_path: Path, what: str
) -> None:
    path = tmp_path / "state"
    path.mkdir() if what == "folder" else path.write_text("no database " * 100)
    with pytest.raises(ValueError, match=r"state: .* give the name of a file"):
        Books(path)
