"""Converters: what each makes of good, odd and impossible values."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from pydantic import TypeAdapter

from connector.mapping import model
from connector.mapping.convert import ConversionError, converter, normal_text

pytestmark = pytest.mark.unit

LOOKUPS = {"colours": {"red": {"value": "R", "long": "rouge"}, "": {"value": "nothing"}}}
CONVERTER: TypeAdapter[Any] = TypeAdapter(model.Converter)


def convert(spec: dict[str, Any], value: Any) -> Any:
    return converter(CONVERTER.validate_python(spec), LOOKUPS)(value)


@pytest.mark.parametrize(
    ("spec", "value", "expected"),
    [
        ({"text": "normal"}, "  徐工\u3000（集团）\n", "徐工 (集团)"),
        ({"text": "normal"}, "Ａ１－２", "A1-2"),
        ({"text": "normal"}, "a\x00b\x1fc", "a b c"),
        ({"case": "upper"}, "abc", "ABC"),
        ({"case": "lower"}, "ABC", "abc"),
        ({"cut": 3}, "徐工集团", "徐工集"),
        ({"pad": {"width": 10}}, 4711, "0000004711"),
        ({"pad": {"width": 2}}, "4711", "4711"),
        ({"format": "order {} of the shop"}, 7, "order 7 of the shop"),
        ({"decimal": {"rounding": "half_up"}}, "1.005", Decimal("1.01")),
        ({"decimal": {"rounding": "half_up"}}, -1.005, Decimal("-1.01")),
        ({"decimal": {"places": 0, "rounding": "half_up"}}, "0.5", Decimal("1")),
        ({"decimal": {}}, "1.5000", Decimal("1.50")),
        ({"to": "integer"}, "3.0", 3),
        ({"to": "integer"}, Decimal("-2"), -2),
        ({"to": "text"}, Decimal("1E+3"), "1000"),
        ({"to": "text"}, True, "True"),
        ({"to": "boolean"}, "是", True),
        ({"to": "boolean"}, "X", True),
        ({"to": "boolean"}, "", False),
        ({"date": {"format": "%Y%m%d", "zone": "Asia/Shanghai"}}, "2026-11-23T16:30", "20261124"),
        ({"date": {"format": "date"}}, "2026-11-23T16:30:00Z", date(2026, 11, 23)),
        ({"date": {}}, date(2026, 11, 23), "2026-11-23"),
        ({"lookup": {"table": "colours"}}, " red ", "R"),
        ({"lookup": {"table": "colours", "column": "long"}}, "red", "rouge"),
        ({"lookup": {"table": "colours", "miss": "keep"}}, "blue", "blue"),
        ({"lookup": {"table": "colours", "miss": "default", "default": "?"}}, "blue", "?"),
    ],
)  # fmt: skip
def test_what_a_converter_makes_of_a_value(
    spec: dict[str, Any], value: Any, expected: object
) -> None:
    result = convert(spec, value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("spec", "value", "says"),
    [
        ({"decimal": {}}, "12,50", "is not a number"),
        ({"decimal": {}}, "NaN", "is not a number"),
        ({"decimal": {}}, "Infinity", "is not a number"),
        ({"decimal": {}}, [], "is not a number"),
        ({"decimal": {}}, "1e999999999", "is not a number"),
        ({"to": "integer"}, "1.5", "is not a whole number"),
        ({"to": "boolean"}, "perhaps", "neither true nor false"),
        ({"date": {}}, "yesterday", "is not a time"),
        ({"date": {}}, 20261123, "is not a time"),
        ({"date": {"zone": "Asia/Shanghai"}}, "9999-12-31T23:59:59", "out of range"),
        ({"lookup": {"table": "colours"}}, "blue", "not in the lookup table colours.csv"),
    ],
)
def test_what_cannot_be_converted_is_said_with_the_value(
    spec: dict[str, Any], value: Any, says: str
) -> None:
    with pytest.raises(ConversionError, match=says):
        convert(spec, value)


def test_a_lookup_table_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="shades"):
        convert({"lookup": {"table": "shades"}}, "red")


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_normal_text_can_stand_in_any_xml_and_is_its_own_normal_form(text: str) -> None:
    normal = normal_text(text)
    element = etree.Element("value")
    element.text = normal  # lxml refuses what XML 1.0 cannot carry
    assert etree.fromstring(etree.tostring(element)).text in (normal, None)
    assert normal_text(normal) == normal
    assert "\n" not in normal
    assert "  " not in normal


SPECS: list[dict[str, Any]] = [
    {"text": "normal"}, {"case": "upper"}, {"decimal": {}}, {"to": "integer"}, {"to": "boolean"},
    {"to": "text"}, {"cut": 4}, {"pad": {"width": 4}}, {"format": "<{}>"},
    {"date": {"format": "%Y", "zone": "Asia/Shanghai"}}, {"lookup": {"table": "colours"}},
]  # fmt: skip
VALUES = st.one_of(
    st.text(), st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(),
    st.datetimes(), st.dates(), st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


@given(st.sampled_from(SPECS), VALUES)
def test_whatever_the_value_a_converter_converts_or_says_why_not(
    spec: dict[str, Any], value: Any
) -> None:
    with suppress(ConversionError):
        assert isinstance(convert(spec, value), str | int | Decimal | bool | date | datetime)


@pytest.mark.parametrize(
    ("spec", "value", "wanted"),
    [
        ({"tax": {"rate": "0.13", "to": "net"}}, "113.00", Decimal("100.00")),
        ({"tax": {"rate": 0.13, "to": "part"}}, "100.01", Decimal("11.51")),
        ({"tax": {"rate": "0.13", "to": "gross"}}, "100.00", Decimal("113.00")),
        ({"decimal": {"places": 0, "rounding": "down"}}, "1.99", Decimal("1")),
        ({"decimal": {"places": 1, "rounding": "half_even"}}, "0.25", Decimal("0.2")),
        ({"unit": {"factor": "1000", "places": 0}}, "1.5", Decimal("1500")),
        ({"date": {"parse": "%d.%m.%Y", "parse_zone": "Asia/Shanghai", "format": "date",
                   "zone": "Asia/Shanghai"}}, "24.11.2026", date(2026, 11, 24)),
        ({"date": {"format": "%Y%m%d %H%M", "zone": "Asia/Shanghai"}},
         "2026-11-23T16:30:00", "20261124 0030"),
        ({"pad": {"width": 4, "fill": ".", "side": "right"}}, "ab", "ab.."),
        ({"replace": {"what": "-", "by": ""}}, "1-2-3", "123"),
        ({"join": " / "}, ["a", None, "", 1], "a / 1"),
        ({"first": True}, [None, "", "b", "c"], "b"),
        ({"first": True}, [], None),
        ({"split": {"width": 3, "part": 2}}, "abcdefgh", "def"),
        ({"address": "street"}, "金山桥经济开发区驮蓝山路26号3栋", "金山桥经济开发区驮蓝山路"),
        ({"address": "house_number"}, "金山桥经济开发区驮蓝山路26号3栋", "26号3栋"),
        ({"address": "house_number"}, "人民路", ""),
        ({"address": "street"}, "100号", "100号"),
    ],
)  # fmt: skip
def test_what_each_converter_makes(spec: dict[str, object], value: object, wanted: object) -> None:
    assert convert(spec, value) == wanted


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_net_and_tax_always_make_up_the_gross_amount(gross: Decimal) -> None:
    net, tax = (convert({"tax": {"rate": "0.13", "to": to}}, gross) for to in ("net", "part"))
    assert net + tax == gross


@given(st.text(alphabet="徐东有限公司集团( ab", max_size=90), st.integers(2, 4))
def test_of_a_text_that_is_cut_at_words_nothing_is_lost(text: str, parts: int) -> None:
    made = [
        convert({"split": {"width": 35, "part": part, "of": parts, "at": "words"}}, text)
        for part in range(1, parts + 1)
    ]
    assert "".join(made).replace(" ", "") == text.replace(" ", "")
    assert all(len(each) <= 35 for each in made[:-1])
    assert len(made[0]) >= min(len(text.strip()), 17) or " " in text


@pytest.mark.parametrize("value", ["1.005", Decimal("12.345"), -0.001])
def test_what_has_more_decimals_is_not_rounded_unless_the_mapping_says_so(value: Any) -> None:
    with pytest.raises(ConversionError, match="more than 2 decimals"):
        convert({"decimal": {"places": 2}}, value)
