"""Expressions: the compiled forms say what jmespath says, and none can run away."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.engine import Mapping
from connector.mapping.expression import Expression, ExpressionError, TooCostly
from connector.mapping.model import MappingModel

pytestmark = pytest.mark.unit

FORMS = [
    "a", "a.b.c", "a[0]", "a[-1].b", "a || b", "a && b", "!a", "a == b", "a != 'x'", "a == `1`",
    "a[?b=='x'] | [0].c", "a[?b].c", "a[?b!=`0`]", "join('-', [a || '', b || ''])",
    "a | b", "@", "a[?b == 'x' && c].b | [0] != 'y'", "a[].b", "a.*", "[a, b]", "length(a)",
    "a[?b > `1`]", "{x: a, y: b}", "a[1:].b", "a[::-1]",
]  # fmt: skip
LEAVES: st.SearchStrategy[Any] = st.sampled_from(["x", "y", "", 0, 1, 2, None, True, False])
SOURCES = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        ),
        max_leaves=8,
    ),
)


@given(st.sampled_from(FORMS), SOURCES)
def test_a_compiled_expression_says_what_jmespath_says(text: str, source: Any) -> None:
    wanted = None
    with suppress(Exception):  # what jmespath refuses is nothing here
        wanted = jmespath.search(text, source)
    found = Expression(text)(source)
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("a|[@,@][]" + "|[@,@][]" * 16, "x"),
        ("join('',[a,a])" + "|join('',[@,@])" * 16, "x" * 100),
        ("a[*].[@,@,@,@][][].[@,@,@,@][][].[@,@,@,@][]", [0] * 2000),
        ("a[?b > `1`][].c[?d > `1`][]", [{"b": 2, "c": [{"d": 2}] * 400}] * 400),
    ],
)
def test_an_expression_that_multiplies_without_end_is_stopped(text: str, source: Any) -> None:
    with pytest.raises(TooCostly):
        Expression(text)({"a": source})


@pytest.mark.parametrize("text", ["a" * 501, "a.", "a[?", "!" * 60 + "a", "a" + "|a" * 60])
def test_an_expression_out_of_bounds_is_refused_when_it_is_read(text: str) -> None:
    with pytest.raises(ExpressionError):
        Expression(text)


def test_a_costly_expression_is_a_finding_of_its_field_and_the_others_go_on() -> None:
    spec = MappingModel.model_validate(
        {
            "target": {"system": "dms", "operation": "X"},
            "request": [
                {"field": "much", "source": "a|[@,@][]" + "|[@,@][]" * 16},
                {"field": "good", "source": "b"},
            ],
        }
    )
    body, findings = Mapping("x", "1", spec, {}).apply_leniently({"a": "x", "b": 1})
    assert body == {"good": 1}
    assert findings == ["much: the expression makes more than 20000 items"]
