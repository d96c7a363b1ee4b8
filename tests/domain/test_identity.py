"""Numbers of persons and companies: only what is wrong holds an order."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_2

from connector.domain.identity import (
    USUAL,
    Document,
    person_number,
    remarks_on_person,
    wrong_with_company,
    wrong_with_person,
)

pytestmark = pytest.mark.unit

TODAY = date(2026, 11, 24)


def with_check(seventeen: str) -> str:
    return seventeen + mod_11_2.calc_check_digit(seventeen)


def credit_code(seventeen: str) -> str:
    return seventeen + uscc.calc_check_digit(seventeen)


@pytest.mark.parametrize(
    "code",
    [
        "440524188001010014",  # the example of GB 11643
        "320311197506151239",  # Quanshan came into being in 1993
        "320302196908081252",
        "420106198012311278",
        "34240120010721571X",
        "34240120010721571x",
        "34240120010721571\N{ROMAN NUMERAL TEN}",
        "320300198201010027",
        "320300 19820101 0027",
        "３２０３００１９８２０１０１００２７",
    ],
)
def test_the_years_of_a_county_do_not_matter(code: str) -> None:
    assert wrong_with_person(code, TODAY) is None
    assert remarks_on_person(code) == []


@pytest.mark.parametrize("code", ["330114197806151230", "321119197310306324"])
def test_a_county_that_no_table_knows_is_a_remark(code: str) -> None:
    assert wrong_with_person(code, TODAY) is None
    assert [code[:6] in remark and code not in remark for remark in remarks_on_person(code)] == [
        True
    ]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("32030019820101002", "length"),
        ("3203001982010100277", "length"),
        ("320300198202300022", "no such date"),
        (with_check("32030019820230002"), "no such date"),
        (with_check("32030019821301002"), "no such date"),
        (with_check("32030000000101002"), "no such date"),
        ("320300198201010028", "check digit"),
        (with_check("32030020261125002"), "future"),
        ("320300821301002", "no such date"),
        ("91320300MA11000ABP", "format"),
        ("陈静", "format"),
        ("E12345678", "format"),
    ],
)
def test_a_number_that_is_wrong(code: str, reason: str) -> None:
    why = wrong_with_person(code, TODAY)
    assert why is not None
    assert reason in why


@pytest.mark.parametrize(
    "code",
    ["810000197806151231", "820000197806151233", "830000197806151235", "931124198105030030"],
)
def test_residents_who_are_no_citizens(code: str) -> None:
    assert wrong_with_person(code, TODAY) is None
    assert remarks_on_person(code) == []
    why = wrong_with_person(code, TODAY, frozenset({Document.ID_CARD}))
    assert why is not None
    assert "person_documents" in why
    assert wrong_with_person(code[:-1] + ("0" if code[-1] != "0" else "1"), TODAY)


def test_the_older_number_of_a_foreign_resident_cannot_be_checked() -> None:
    assert wrong_with_person("USA320380010112", TODAY) is None
    assert "no rule" in remarks_on_person("USA320380010112")[0]


def test_passports_are_taken_where_the_site_takes_them() -> None:
    taken = USUAL | {Document.PASSPORT}
    for code in ("E12345678", "EA1234567", "123456789"):
        assert wrong_with_person(code, TODAY) is not None
        assert wrong_with_person(code, TODAY, taken) is None
        assert "no rule" in remarks_on_person(code, taken)[0]
    # A number of an ID card that lacks a digit does not become a passport.
    assert wrong_with_person("32030019820101002", TODAY, taken) is not None


def test_fifteen_digits_are_the_old_form() -> None:
    assert wrong_with_person("320300880101008", TODAY) is None
    assert "15 digits" in remarks_on_person("320300880101008")[0]
    assert person_number("320300880101008") == "32030019880101008X"
    assert person_number("32030019880101008x") == "32030019880101008X"


@given(st.dates(date(1950, 1, 1), date(2026, 1, 1)), st.integers(0, 999))
def test_no_right_number_is_refused(born: date, sequence: int) -> None:
    code = with_check(f"320300{born:%Y%m%d}{sequence:03d}")
    assert wrong_with_person(code, TODAY) is None
    assert ric.is_valid(code)


@given(st.text())
def test_any_text_can_be_judged(text: str) -> None:
    for documents in (USUAL, frozenset(Document)):
        if wrong_with_person(text, TODAY, documents) is None:
            remarks_on_person(text, documents)
    wrong_with_company(text)


@pytest.mark.parametrize(
    "seventeen",
    [f"{department}1320300MA11000AB" for department in "123456789ANY"]
    + ["12100000400000624", "A1320300500000001", "Y1110000450000001"],
)
def test_credit_codes_of_every_department(seventeen: str) -> None:
    code = credit_code(seventeen)
    assert wrong_with_company(code) is None
    assert wrong_with_company(code.lower()) is None
    other = code[:-1] + ("0" if code[-1] != "0" else "1")
    assert wrong_with_company(other) is not None


def test_credit_codes_are_judged_as_the_library_judges_them() -> None:
    for code in ("91320300MA11000ABP", "91110000600037341L"):
        try:
            uscc.validate(code)
        except ValidationError:
            assert wrong_with_company(code) is not None
        else:
            assert wrong_with_company(code) is None


@pytest.mark.parametrize("code", ["B1320300MA11000ABP", "91320300MI11000ABP", "D21435690", "", "9"])
def test_a_company_code_that_is_none(code: str) -> None:
    assert wrong_with_company(code) is not None


@pytest.mark.parametrize("code", ["D2143569X", "D2143569-X", "d2143569-x", "D2143569－Ｘ"])
def test_an_organisation_code_with_or_without_its_hyphen(code: str) -> None:
    assert wrong_with_company(code) is None
