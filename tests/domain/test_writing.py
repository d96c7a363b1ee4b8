"""Texts and phone numbers as people write them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.phones import is_phone, is_unusual_phone, normalise_phone, spellings
from connector.domain.writing import normal

pytestmark = pytest.mark.unit

LANDLINE, MOBILE = "051687565000", "13912345678"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("螺栓 M30&amp;M36 &#8211; 高强 10⁵", "螺栓 M30&M36 – 高强 10⁵"),
        ("M30&amp;amp;M36", "M30&M36"),
        ("&lt;A&gt; &#x4E2D;&quot;", '<A> 中"'),
        ("R&D, AT&T, A&para B&copy 1", "R&D, AT&T, A&para B&copy 1"),
        ("&bogus; &", "&bogus; &"),
        ("½ ㎡ ① ㈱ ² ℃ Ⅲ", "½ ㎡ ① ㈱ ² ℃ Ⅲ"),
        ("ＡＢＣ（１２３）　ｶﾞ", "ABC(123) ガ"),
        ("买买提·艾力 阿•卜 卡・尔", "买买提·艾力 阿•卜 卡・尔"),
        ("𠮷野 䶮 𬭎 \uf9dc", "𠮷野 䶮 𬭎 \uf9dc"),
        ("a\u200bb\ufeffc", "abc"),
        ("  a \t b\n c\x07d ", "a b c d"),
        ("e\u0301", "é"),
    ],
)
def test_widths_and_entities_are_normalised_and_nothing_else(text: str, written: str) -> None:
    assert normal(text) == written


@given(st.text())
def test_a_normal_text_stays_as_it_is(text: str) -> None:
    once = normal(text)
    if "&" not in once:  # an entity may come of what an entity divided
        assert normal(once) == once
    assert once.isprintable() or any(unicodedata.category(each)[0] in "CZ" for each in once)


@pytest.mark.parametrize(
    ("number", "digits"),
    [
        ("(0516)87565000", LANDLINE),
        ("（0516）87565000", LANDLINE),
        ("0516-87565000", LANDLINE),
        ("0516 8756 5000", LANDLINE),
        ("0516－87565000", LANDLINE),
        ("０５１６－８７５６５０００", LANDLINE),
        ("0516—87565000", LANDLINE),
        ("0516-87565000转801", LANDLINE),
        ("0516-87565000 转 801", LANDLINE),
        ("0516-87565000-801", LANDLINE),
        ("0516-87565000 ext. 12", LANDLINE),
        ("0516-87565000x12", LANDLINE),
        ("0516-87565000#801", LANDLINE),
        ("0516-87565000 分机801", LANDLINE),
        ("+86 516 87565000", LANDLINE),
        ("+86-516-87565000", LANDLINE),
        ("+86 (0)516 87565000", LANDLINE),
        ("0086 516 87565000", LANDLINE),
        ("00865168 7565000", LANDLINE),
        ("86-516-87565000", LANDLINE),
        ("电话：0516-87565000", LANDLINE),
        ("Tel. 0516-87565000", LANDLINE),
        ("0516-87565000 / 13912345678", LANDLINE),
        ("0516-8756500", "05168756500"),
        ("021-6123-4567", "02161234567"),
        ("010 12345678", "01012345678"),
        ("13912345678", MOBILE),
        ("139-1234-5678", MOBILE),
        ("139 1234 5678", MOBILE),
        ("+86 139 1234 5678", MOBILE),
        ("+8613912345678", MOBILE),
        ("008613912345678", MOBILE),
        ("8613912345678", MOBILE),
        ("１３９１２３４５６７８", MOBILE),
        ("13912345678转1234", MOBILE),
        ("13912345678-1234", MOBILE),
        ("400-812-3456", "4008123456"),
        ("4008123456", "4008123456"),
        ("800-820-8820", "8008208820"),
        ("+852 9123 4567", "85291234567"),
        ("852-91234567", "85291234567"),
        ("+853 6612 3456", "85366123456"),
        ("+886 912 345 678", "886912345678"),
        ("+886-0912-345-678", "886912345678"),
        ("+1 650 253 0000", "0016502530000"),
        ("87565000", "87565000"),
        ("516-87565000", "51687565000"),
    ],
)
def test_phones_as_people_write_them(number: str, digits: str) -> None:
    assert is_phone(number)
    assert normalise_phone(number) == digits


@pytest.mark.parametrize(
    "number",
    ["", "12", "1390000000", "139000000021", "139123456789", "320300198201010028", "无", "+86 12",
     "call me on 87565000", "D2143569X", "000", "1"],
)  # fmt: skip
def test_what_is_no_phone(number: str) -> None:
    assert not is_phone(number)


def test_what_cannot_be_told_from_a_wrong_number_is_unusual() -> None:
    for number in ("87565000", "+1 650 253 0000", "13912345678/0516-87565000"):
        assert is_unusual_phone(number)
    for number in (LANDLINE, MOBILE, "0516-87565000转801", "400-812-3456", "+852 9123 4567"):
        assert not is_unusual_phone(number)


@given(st.text(max_size=40))
def test_any_text_can_be_taken_for_a_phone(text: str) -> None:
    assert normalise_phone(text).isdigit() or normalise_phone(text) == ""
    is_phone(text), is_unusual_phone(text)


@pytest.mark.parametrize("number", ["+86 516 87565000", "139 1234 5678", "400-812-3456",
                                    "+852 9123 4567"])  # fmt: skip
def test_every_spelling_is_the_same_number(number: str) -> None:
    written = spellings(number)
    assert written[0] == number
    assert {normalise_phone(each) for each in written} == {normalise_phone(number)}
    assert spellings("") == []
