"""Any list of orders, however wild, ends with every order in a stage or a hold with its reasons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connector.demo import SandboxWorld, demo_day
from connector.domain.lifecycle import HoldCause, Stage
from connector.logs import configure
from connector.sandbox.service import Sandbox
from tests.support.day_process import settings_for

pytestmark = [pytest.mark.day, pytest.mark.long]

SAMPLE: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "connector/sandbox/orders.json").read_text(encoding="utf-8")
)
TEXTS = [
    "", " ", "x" * 60, "x" * 5000, "🏗️🚧", "O'Brien \"quoted\"", "<b>HTML</b><script>", "a\nb\r\nc",
    "=1+1", "﷽", "\u202eabc", "\x00nul", "]]>&amp;", "%' OR '1'='1", "－１", "\ud83d", "NaN",
    "1e999",
]  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(TEXTS),
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.lists(st.just(1), max_size=1),
    st.just({}),
)


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [prefix] + [path for key in value for path in paths(value[key], (*prefix, key))]
    if isinstance(value, list):
        return [prefix] + [
            path for index, each in enumerate(value) for path in paths(each, (*prefix, index))
        ]
    return [prefix]


def edited(order: dict[str, Any], path: tuple[Any, ...], value: Any, drop: bool) -> Any:
    copy = json.loads(json.dumps(order))
    inner = copy
    for part in path[:-1]:
        inner = inner[part]
    if drop and isinstance(inner, dict):
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return copy


# Small to print and to shrink: which sample, then edits as (which path, value, drop instead).
EDITS = st.lists(st.tuples(st.integers(0, 500), VALUES, st.booleans()), min_size=1, max_size=4)
RECIPES = st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), EDITS), min_size=1, max_size=12)


def wild_order(number: int, sample: int, edits: list[tuple[int, Any, bool]]) -> dict[str, Any]:
    order = SAMPLE[sample]
    for which, value, drop in edits:
        candidates = [path for path in paths(order) if path]
        order = edited(order, candidates[which % len(candidates)], value, drop)
    return {**order, "id": 1000 + number, "number": order.get("number", number)}


def outcome(orders: list[Any], folder: Path) -> list[tuple[str, str | None, Any]]:
    configure("error")
    file = folder / "orders.json"
    file.write_text(json.dumps(orders), encoding="utf-8")
    with Sandbox(orders=file) as sandbox:
        database = f"sqlite:///{folder / 'c.db'}"
        connector = demo_day(
            SandboxWorld(sandbox), settings_for(sandbox.addresses(), database, folder)
        )
        try:
            failed = [row.error for row in connector.runs.history(failed=True)]
            assert failed == []
            rows = connector.context.orders.listed(limit=1000)
            return [(row.stage, row.hold_cause, row.hold_reasons) for row in rows]
        finally:
            connector.close()


def check(stage: str, hold: str | None, reasons: Any) -> None:
    Stage(stage)
    if hold is None:
        assert stage in (Stage.CLOSED, Stage.CANCELLED, Stage.READY, Stage.RELEASED, Stage.SHIPPED)
        return
    HoldCause(hold)
    assert reasons
    assert all(isinstance(reason, str) and reason for reason in reasons)
    assert not any("unexpected" in reason for reason in reasons), reasons


# A whole day an example: what fails is small enough to read as it is.
@settings(
    max_examples=8,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(recipes=RECIPES)
def test_wild_orders_end_in_a_stage_or_a_hold(
    recipes: list[tuple[int, list[tuple[int, Any, bool]]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    orders = [wild_order(number, *recipe) for number, recipe in enumerate(recipes)]
    stands = outcome(orders, tmp_path_factory.mktemp("wild"))
    assert stands
    for stage, hold, reasons in stands:
        check(stage, hold, reasons)


def test_each_field_of_an_order_made_absurd(tmp_path: Path) -> None:
    base = SAMPLE[0]
    orders = []
    for index, path in enumerate(path for path in paths(base) if path):
        value = TEXTS[index % len(TEXTS)]
        order = edited(base, path, value, drop=index % 5 == 0)
        orders.append({**order, "id": 5000 + index})
        if path[0] != "number" and "number" in order:
            orders[-1]["number"] = str(5000 + index)
    stands = outcome(orders, tmp_path)
    assert len(stands) >= len(orders) - 3
    for stage, hold, reasons in stands:
        check(stage, hold, reasons)
