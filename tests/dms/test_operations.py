"""What the DMS is asked through its mappings: answers, and what was sent beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.dms.carried import NOTHING, Carried
from connector.dms.desk import DmsDesk
from connector.errors import InDoubt
from connector.mapping import load

pytestmark = pytest.mark.unit

_NOTE = """
target: {system: dms, operation: CreateDeliveryNote}
request:
  - {field: externalReference, source: reference, required: true}
"""


class Answering:
    """A DMS that gives one answer."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    def call(
        self,
        _operation: str,
        _request: Mapping[str, Any],
        *,
        write: bool,
        carried: Carried = NOTHING,
    ) -> dict[str, Any]:
        return self._answer

    def findings(self, _operation: str, _request: Mapping[str, Any]) -> list[str]:
        return []

    def envelope(self, _operation: str, _request: Mapping[str, Any]) -> bytes:
        return b""

    def ping(self) -> str:
        return ""


Made = Callable[[str, dict[str, Any]], DmsDesk]


@pytest.fixture
def desk(tmp_path: Path) -> Made:
    def made(answer: str, given: dict[str, Any]) -> DmsDesk:
        (tmp_path / "dms_delivery_note.yaml").write_text(_NOTE + answer, encoding="utf-8")
        mappings = load(tmp_path)
        return DmsDesk(Answering(given), lambda: mappings)

    return made


def _sent(desk: DmsDesk) -> dict[str, Any]:
    return desk.send(desk.prepare("dms_delivery_note", {"reference": "30-GQ-DN1"}))


def test_an_answer_may_speak_of_what_was_sent(desk: Made) -> None:
    made = desk("answer: {values: {number: \"join('-', ['D', request.reference])\"}}", {"ok": "1"})
    assert _sent(made)["number"] == "D-30-GQ-DN1"


def test_padding_is_no_part_of_a_value(desk: Made) -> None:
    made = desk(
        "answer: {values: {number: no_, all: rows}}", {"no_": " D1 ", "rows": [{"a": "x "}]}
    )
    assert _sent(made) == {"number": "D1", "all": [{"a": "x"}]}


def test_an_answer_that_the_mapping_cannot_read_is_a_doubt(desk: Made) -> None:
    made = desk(
        "answer:\n  fields:\n    - {field: number, source: n, required: true}\n", {"other": "1"}
    )
    with pytest.raises(InDoubt, match="number"):
        _sent(made)


@pytest.mark.parametrize("number", ["SO1", "SO12345678X", "", None, "so12345678"])
def test_a_number_that_has_not_its_form_is_a_doubt(desk: Made, number: str | None) -> None:
    answer = "answer: {values: {number: n}, number_pattern: 'SO\\d{8}'}"
    assert _sent(desk(answer, {"n": " SO12345678 "}))["number"] == "SO12345678"
    with pytest.raises(InDoubt, match="form"):
        _sent(desk(answer, {"n": number}))
