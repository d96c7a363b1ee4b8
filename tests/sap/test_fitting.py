"""What does not fit an interface is said before SAP cuts or misreads it without a word."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sap.fitting import findings
from connector.sap.interface import from_snapshot, snapshot_of
from connector.sap.port import FieldType, Parameter

pytestmark = pytest.mark.unit


def interface(kind: str, length: int = 8) -> dict[str, Parameter]:
    return {"P": Parameter("P", "importing", True, FieldType("P", kind, length))}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("C", "八个汉字正好八字"), ("C", ""), ("C", None), ("C", True), ("N", "00000010"),
        ("N", ""),
        ("D", "20261124"), ("D", "2026-11-24"), ("D", ""), ("D", date(2026, 11, 24)),
        ("P", "12.500"), ("P", "-3"), ("P", Decimal("1.5")), ("I", 7), ("I", "7"),
    ],
)  # fmt: skip
def test_what_fits(kind: str, value: Any) -> None:
    assert findings(interface(kind), {"P": value}) == []


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("C", "九个汉字就太长了呀", "9 characters, 8 allowed"),
        ("C", "🏗️🏗️🏗️", "9 characters, 8 allowed"),  # as SAP counts: UTF-16
        ("N", "12A", "digits only"), ("N", "１２", "digits only"),
        ("N", "123456789", "9 characters"),
        ("D", "24.11.2026", "YYYYMMDD"), ("D", "tomorrow", "YYYYMMDD"),
        ("P", "1,5", "a number"), ("I", "seven", "a number"), ("C", {"X": 1}, "single value"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_without_the_value(kind: str, value: Any, words: str) -> None:
    (said,) = findings(interface(kind), {"P": value})
    assert words in said
    assert "九个" not in said


def test_parts_within_parts_are_held_against_what_is_known_of_them() -> None:
    phone = FieldType("PHONES", "h", 0, fields={"NUMBER": FieldType("NUMBER", "C", 5)})
    tax = FieldType("TAX", "u", 0, fields={"VALID": FieldType("VALID", "L", 0)})
    rows = Parameter("IT", "importing", True, fields={"PHONES": phone, "TAX": tax}, rows=True)
    good = {"PHONES": [{"NUMBER": "12345"}], "TAX": {"VALID": True}}
    assert findings({"IT": rows}, {"IT": [good]}) == []
    bad = {"PHONES": [{"NUMBER": "1"}, {"NUMBER": "123456", "X": ""}], "TAX": {"VALID": "yes"}}
    assert [str(each).partition(":")[0] for each in findings({"IT": rows}, {"IT": [bad]})] == [
        "IT[1].PHONES[2].NUMBER",
        "IT[1].PHONES[2].X",
        "IT[1].TAX.VALID",
    ]
    assert findings({"IT": rows}, {"IT": [{"PHONES": {"NUMBER": "1"}}]})
    assert from_snapshot(snapshot_of("Z_F", {"IT": rows})) == {"IT": rows}


@given(st.text(max_size=30), st.integers(1, 20))
def test_no_text_passes_that_sap_would_cut(text: str, length: int) -> None:
    fits = findings(interface("C", length), {"P": text}) == []
    assert fits == (len(text.encode("utf-16-le", "surrogatepass")) // 2 <= length)
