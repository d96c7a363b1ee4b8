"""Mappings applied: what each part of a field means, and every finding at once."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import MappingFailed, Misconfigured
from connector.mapping import MappingSet
from connector.mapping.engine import Expression, ExpressionError, Mapping
from connector.mapping.model import MappingModel

pytestmark = pytest.mark.unit


def mapping(**parts: Any) -> Mapping:
    spec = MappingModel.model_validate(
        {"target": {"system": "dms", "operation": "CreateOrder"}, **parts}
    )
    return Mapping("made_up", "1", spec, {})


def request(*fields: dict[str, Any]) -> Mapping:
    return mapping(request=list(fields))


def test_nested_fields_lists_positions_and_the_way_to_the_root() -> None:
    made = request(
        {"field": "header.number", "source": "number"},
        {"field": "header.kind", "constant": "SO"},
        {
            "field": "lines",
            "each": "lines[?quantity > `0`]",
            "fields": [
                {"field": "position", "source": "position"},
                {"field": "sku", "source": "sku"},
                {"field": "of", "source": "root.number"},
            ],
        },
    ).apply({"number": "30", "lines": [{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 0}]})
    assert made.body == {
        "header": {"number": "30", "kind": "SO"},
        "lines": [{"position": 1, "sku": "A", "of": "30"}],
    }
    assert made.notes == ()


def test_the_first_source_that_holds_something_counts_then_the_default() -> None:
    field = {"field": "phone", "source": ["billing.phone", "shipping.phone"], "default": "-"}
    made = request(field)
    assert made.apply({"billing": {"phone": ""}, "shipping": {"phone": "1"}}).body == {"phone": "1"}
    assert made.apply({"billing": None}).body == {"phone": "-"}


def test_nothing_is_left_out_and_zero_and_false_are_something() -> None:
    made = request(*({"field": name, "source": name} for name in "abcd"))
    assert made.apply({"a": None, "b": "", "c": 0, "d": False}).body == {"c": 0, "d": False}


def test_a_field_with_when_stands_only_where_it_holds() -> None:
    made = request({"field": "code", "source": "code", "when": "kind == 'company'"})
    assert made.apply({"kind": "company", "code": "1"}).body == {"code": "1"}
    assert made.apply({"kind": "person", "code": "1"}).body == {}


def test_every_finding_is_said_at_once_with_its_place() -> None:
    made = request(
        {"field": "name", "source": "name", "required": True},
        {"field": "city", "source": "city", "max_length": 3},
        {
            "field": "lines",
            "each": "lines",
            "fields": [{"field": "quantity", "source": "q", "convert": [{"to": "integer"}]}],
        },
    )
    with pytest.raises(MappingFailed) as caught:
        made.apply({"city": "Xuzhou", "lines": [{"q": 1}, {"q": "many"}]})
    assert caught.value.findings == [
        "name: is missing (name)",
        "city: 6 characters, 3 allowed",
        "lines[2].quantity: 'many' is not a number",
    ]


def test_a_cut_is_visible() -> None:
    made = request({"field": "city", "source": "city", "max_length": 3, "too_long": "cut"})
    applied = made.apply({"city": "徐州市云龙区"})
    assert applied.body == {"city": "徐州市"}
    assert applied.notes == ("city: 6 characters, 3 allowed, cut",)


def test_a_required_list_may_not_be_empty() -> None:
    made = request({"field": "lines", "each": "lines", "required": True, "fields": []})
    with pytest.raises(MappingFailed, match="lines: is empty"):
        made.apply({"lines": []})
    with pytest.raises(MappingFailed, match="lines: is no list"):
        made.apply({"lines": "no list"})


def test_lenient_application_keeps_what_could_be_mapped() -> None:
    made = request(
        {"field": "number", "source": "number"},
        {"field": "total", "source": "total", "convert": [{"decimal": {}}]},
    )
    body, findings = made.apply_leniently({"number": "30", "total": "much"})
    assert body == {"number": "30"}
    assert findings == ["total: 'much' is not a number"]


OUTCOME = mapping(
    answer={
        "values": {"number": "orderNumber"},
        "outcome": [
            {"when": "code == 'DUP'", "is": "exists", "code": "code", "text": "message"},
            {"when": "code == '0'", "is": "ok"},
        ],
    }
)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"code": "0", "orderNumber": "SO1"}, ("ok", "", {"number": "SO1"})),
        ({"code": "DUP", "message": "there"}, ("exists", "DUP", {"number": None})),
        ({"code": "77"}, ("unknown", "", {"number": None})),
        ({}, ("unknown", "", {"number": None})),
    ],
)
def test_an_answer_that_no_rule_knows_is_unknown_and_never_fine(
    answer: dict[str, Any], expected: tuple[str, str, dict[str, Any]]
) -> None:
    reading = OUTCOME.read(answer)
    assert (reading.outcome, reading.code, reading.values) == expected


def test_a_code_that_the_mapping_does_not_name_is_unknown() -> None:
    starred = mapping(faults={"LOCKED": "passing", "*": "rejected"})
    assert (starred.classify("LOCKED"), starred.classify("ELSE")) == ("passing", "rejected")
    assert mapping(faults={"LOCKED": "passing"}).classify("ELSE") == "unknown"


@pytest.mark.parametrize(
    ("refusal", "fault", "said"),
    [
        ({}, {"faultcode": "Client", "faultstring": "no", "detail": {}}, ("", "no")),
        ({}, {"faultcode": "Client", "faultstring": "f", "detail": {"code": "E1"}}, ("E1", "f")),
        (
            {"code": "detail.errorCode || faultcode", "text": "detail.errorMsg"},
            {"faultcode": "Server", "detail": {"errorCode": " 17 ", "errorMsg": "unknown"}},
            ("17", "unknown"),
        ),
        ({"code": "faultcode"}, {"faultcode": "E1", "faultstring": "x", "detail": {}}, ("E1", "x")),
        ({"code": "detail"}, {"faultcode": "", "faultstring": "", "detail": {"a": "b"}}, ("", "")),
    ],
)  # fmt: skip
def test_a_refusal_is_where_the_mapping_says(
    refusal: dict[str, str], fault: dict[str, Any], said: tuple[str, str]
) -> None:
    assert mapping(refusal=refusal).refusal(fault) == said


def test_a_value_of_a_good_answer_that_cannot_be_converted_is_a_finding() -> None:
    field = {"field": "net", "source": "net", "convert": [{"decimal": {}}], "required": True}
    reads = mapping(answer={"fields": [field]})
    with pytest.raises(MappingFailed, match="net: 'free' is not a number"):
        reads.read({"net": "free"})


def test_a_mapping_that_is_not_there_names_its_file() -> None:
    with pytest.raises(Misconfigured, match=r"dms_return\.yaml"):
        MappingSet("1", {})["dms_return"]


@pytest.mark.parametrize("text", ["a[", "@@", "a b", "'", "length(a", "a" * 501])
def test_an_expression_that_cannot_be_used_is_said_when_it_is_read(text: str) -> None:
    with pytest.raises(ExpressionError):
        Expression(text)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
def test_no_source_however_shaped_makes_an_expression_fail(source: Any) -> None:
    for text in ("a.b.c", "a[0].b", "length(a)", "a[?b > `1`].c", "sum(a)", "join(',', a)"):
        Expression(text)(source)


@given(JSON)
def test_no_source_however_shaped_makes_a_mapping_fail_but_with_findings(source: Any) -> None:
    made = request(
        {"field": "x.y", "source": ["a.b", "b"], "convert": [{"decimal": {}}], "required": True},
        {"field": "l", "each": "c", "fields": [{"field": "v", "source": "a", "required": True}]},
    )
    with suppress(MappingFailed):
        assert made.apply({"a": source, "b": source, "c": source}).body["x"]
