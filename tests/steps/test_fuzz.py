"""Whatever JSON an order is, it is taken or quarantined, moved or held, listed and extracted."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from connector.commands.output import shown
from connector.domain.lifecycle import HoldCause, Stage
from connector.extracts.verify import verify
from connector.jobs.cadence import Window
from connector.jobs.extract import write_extract
from connector.logs import configure
from connector.notify.digest import Language
from connector.steps.content import Taken
from connector.steps.quarantine import take_or_quarantine
from connector.store.daybook import Daybook
from connector.web.story import story_of
from tests.support.hostile_orders import honest
from tests.support.scene import EVENING, Scene, scene

ZONE = ZoneInfo("Asia/Shanghai")
STAMP = "2026-11-23T11:51:21"
TOGETHER = 20
PAYLOADS = 1000
GOOD = honest(1, STAMP)

TEXTS = st.text(st.characters(exclude_categories=()), max_size=20) | st.sampled_from(
    ["\\u0000", "1e999", "NaN", "-1", "9" * 400, "404.00", "0001-01-01T00:00:00",
     "9999-12-31T23:59:59", "processing", "cancelled", "refunded", "checkout-draft", "person"]
)  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    TEXTS
    | st.integers()
    | st.integers(-(10**320), 10**320)
    | st.decimals()
    | st.floats()
    | st.booleans()
    | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for name, each in inner:
        yield (*above, name)
        if isinstance(each, dict | list):
            yield from places(each, (*above, name))


EDITS = st.lists(
    st.tuples(st.sampled_from([*places(GOOD)]), VALUES, st.sampled_from(["put", "drop", "beside"])),
    min_size=1,
    max_size=4,
)
ORDERS = st.lists(EDITS | VALUES, min_size=TOGETHER, max_size=TOGETHER)


def edited(edits: Any, number: int) -> Any:
    """Return a good order with these edits; what is no list of edits is the payload itself."""
    if not (isinstance(edits, list) and edits and all(isinstance(each, tuple) for each in edits)):
        return edits
    order = {**copy.deepcopy(GOOD), "id": number, "number": str(number)}
    for place, value, how in edits:
        *above, last = place
        inner: Any = order
        try:
            for part in above:
                inner = inner[part]
            if how == "drop":
                del inner[last]
            elif how == "put" or not isinstance(inner, dict):
                inner[last] = value
            else:
                inner[str(value)[:40]] = value
        except (TypeError, KeyError, IndexError):
            pass  # an earlier edit took the place away
    return order


# The gate's thousand is always the same one: what it finds is the change's.
@pytest.mark.night
@pytest.mark.parametrize("part", [pytest.param(0, marks=pytest.mark.long), *range(1, 20)])
def test_nothing_that_is_no_typed_error_comes_of_any_order(part: int, tmp_path: Path) -> None:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as day:
        following = iter(range(100_000, 10**9))
        advance = day.connector.runner.jobs["advance"]
        came_to: dict[str, int] = {}

        def orders_end_somewhere(orders: list[Any]) -> None:
            before = {row.id for row in day.context.orders.listed(limit=10**6)}
            for each in orders:
                taken = take_or_quarantine(day.context, edited(each, next(following)))
                came_to[taken] = came_to.get(taken, 0) + 1
            day.clock.now += timedelta(seconds=1)
            advance.run(Window(day.clock.now, day.clock.now), "")
            for row in day.context.orders.listed(limit=10**6):
                if row.id in before:
                    continue
                assert Stage(row.stage).ended or row.tries or _has_reasons(row) or row.stage in (
                    "recognised", "placed", "confirmed", "noted", "ready"
                ), (row.number, row.stage)  # fmt: skip
                story = story_of(day.connector, row)
                json.dumps(story, default=str, ensure_ascii=False).encode()
                "\n".join(shown(value, ZONE) for value in story.values()).encode()

        fuzz = settings(
            max_examples=PAYLOADS // TOGETHER,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            deadline=None,
        )(seed(part)(given(ORDERS)(orders_end_somewhere)))
        fuzz()
        assert sum(came_to.values()) >= PAYLOADS
        assert came_to[Taken.QUARANTINED] > 0
        assert came_to[Taken.NEW] > 0
        _extracted(day, tmp_path / "extract")


def _has_reasons(row: Any) -> bool:
    if row.hold_cause is None:
        return False
    HoldCause(row.hold_cause)
    assert not any("unexpected" in reason for reason in row.hold_reasons), row.hold_reasons
    return bool(row.hold_reasons)


def _extracted(day: Scene, folder: Path) -> None:
    language = Language(chinese=True, english=True, zone=ZONE)
    window = Window(EVENING - timedelta(days=1), EVENING + timedelta(hours=20))
    written = write_extract(
        day.context, Daybook(day.connector.database), day.connector.files, window, (), (), folder,
        ZONE, language.say,
    )  # fmt: skip
    assert len(written) > 5
    (made,) = folder.iterdir()
    assert verify(made) == []
