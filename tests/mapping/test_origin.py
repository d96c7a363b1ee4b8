"""A finding of an interface is traced back to the field that it comes from."""

from __future__ import annotations

from typing import Any

import pytest

from connector.mapping.model import FieldModel
from connector.mapping.origin import traced
from connector.wording import systems

pytestmark = pytest.mark.unit

SOURCE: dict[str, Any] = {
    "order": {"number": "7", "note": "", "buyer": {"name": "甲", "phone": ""}, "kind": "b"},
    "lines": [{"sku": "A"}, {"sku": "B", "unit": "KG"}],
    "answers": [],
}


def field(name: str, **parts: Any) -> FieldModel:
    return FieldModel.model_validate({"field": name, **parts})


FIELDS = [
    field("head.number", source="order.number"),
    field("head.phone", source=["order.buyer.phone", "order.buyer.name"]),
    field("head.note", source="order.note", default="-"),
    field("head.empty", source="order.note"),
    field("head.kind", source="order.kind", convert=[{"lookup": {"table": "kinds"}}]),
    field("head.text", source="order.number", convert=[{"text": "normal"}, {"cut": 3}]),
    field("head.fixed", constant="X"),
    field("head.joined", source="join('-', [order.number, order.kind])"),
    field("id", source="answers[0].ID"),
    field("way", constant="air"),
    field("way", source="order.kind", when="order.kind == 'b'"),
    field("way", source="order.number", when="order.kind == 'c'"),
    field(
        "head.lines",
        each="lines",
        fields=[
            {"field": "part.sku", "source": "sku"},
            {"field": "of", "source": "root.order.number"},
        ],
    ),
]


@pytest.mark.parametrize(
    ("path", "target", "source", "value", "made"),
    [
        ("head.number", "head.number", "order.number", "7", False),
        ("Create/head/number", "head.number", "order.number", "7", False),
        ("Create/request/head/number", "head.number", "order.number", "7", False),
        ("head.phone", "head.phone", "order.buyer.name", "甲", False),
        ("head.note", "head.note", "order.note", "", True),
        ("head.empty", "head.empty", "order.note", "", False),
        ("head.kind", "head.kind", "order.kind", "b", True),
        ("head.text", "head.text", "order.number", "7", False),
        ("head.fixed", "head.fixed", "", "X", True),
        ("head.joined", "head.joined", "order.number", "7-b", False),
        ("way", "way", "order.kind", "b", False),
        ("head.lines[2].part.sku", "head.lines[2].part.sku", "lines[2].sku", "B", False),
        ("Create/head/lines/part/sku", "head.lines[1].part.sku", "lines[1].sku", "A", False),
        ("head/lines[2]/of", "head.lines[2].of", "order.number", "7", False),
        ("head.lines", "head.lines", "lines", SOURCE["lines"], False),
        ("elsewhere", "elsewhere", "", None, True),
    ],
)
def test_a_path_leads_to_what_the_value_was_made_of(
    path: str, target: str, source: str, value: object, made: bool
) -> None:
    (unfit,) = traced(FIELDS, SOURCE, [f"{path}: is wrong"])
    assert (unfit.target, unfit.source, unfit.value, unfit.made) == (target, source, value, made)
    assert unfit.why == "is wrong"


def test_what_is_not_known_yet_is_not_judged_and_one_place_is_said_once() -> None:
    found = traced(
        FIELDS,
        SOURCE,
        [
            "id: is missing",
            systems.NAMED(name="head.number", message=systems.EMPTY()),
            "Create/head/number: too short",
        ],
        frozenset({"answers"}),
    )
    assert [(each.target, each.why.code) for each in found] == [("head.number", "empty")]
