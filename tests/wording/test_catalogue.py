"""Every sentence in both languages, every one of them used as it is written, and kept with it."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

import connector
from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.masking import mask_said
from connector.store.changes import Change, Hold
from connector.store.database import Database
from connector.store.orders import Orders
from connector.store.types import SaidText
from connector.wording import (
    course,
    problems,
    quarantine,
    quoted,
    sheets,
    systems,
    terms,
)
from connector.wording.said import Said, Sentence, catalogue, recalled, recorded, together
from tests.support.scene import NOON
from tests.support.stored import put_order

_MODULES = {
    "course": course,
    "problems": problems,
    "quarantine": quarantine,
    "sheets": sheets,
    "systems": systems,
}
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_SHORT = course.SHORT(sku="XC-1", plant="1000", quantity=40, unit="PCE", free="10")
_HELD = course.HELD(
    cause=terms.term("cause", "stock"), owner=terms.term("owner", "ops"), reasons=together([_SHORT])
)


def names(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def test_a_sentence_says_the_same_in_both_languages() -> None:
    for code, sentence in catalogue().items():
        assert names(sentence.english) == names(sentence.chinese), code
        bare = "".join(part for part, *_ in Formatter().parse(sentence.english))
        if re.search(r"[A-Za-z]{2}", bare):
            assert _CHINESE.search(sentence.chinese), f"{code} says nothing in Chinese"


def uses() -> Iterator[tuple[str, ast.Call, Sentence]]:
    """Give every place at which a sentence is said: where, the call, the sentence."""
    aliases = {**_MODULES, "wrong": problems}
    for path in Path(connector.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            module = node.func.value
            if isinstance(module, ast.Name) and module.id in aliases:
                said = getattr(aliases[module.id], node.func.attr, None)
                if isinstance(said, Sentence):
                    yield f"{path.name}:{node.lineno}", node, said


def test_every_sentence_is_said_with_what_it_names() -> None:
    for place, call, sentence in uses():
        given = {keyword.arg for keyword in call.keywords}
        if None not in given:  # what is spread out is checked by the tests that come this way
            assert given == names(sentence.english), place
        assert not call.args, place


def test_every_sentence_is_said_somewhere_and_bears_its_name() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in Path(connector.__path__[0]).rglob("*.py")
        if path.parent.name != "wording"
    )
    for module in _MODULES.values():
        own = Path(str(module.__file__)).read_text(encoding="utf-8")
        for name, sentence in vars(module).items():
            if isinstance(sentence, Sentence):
                assert sentence.code == name.lower().strip("_")
                assert f".{name}" in source or own.count(name) > 1, f"{name} is never said"


def test_a_text_is_read_in_chinese_with_everything_that_stands_in_it() -> None:
    assert _HELD == "held (stock, ops): XC-1 in plant 1000: 40 PCE ordered, 10 free"
    assert _HELD.chinese == "挂起（缺货，运维处理）：XC-1（工厂 1000）：订购 40 PCE，可用 10"
    assert together([_SHORT, quoted("客户冻结")]).chinese.endswith("可用 10；客户冻结")
    # Another system's words stay as they are.
    assert (
        systems.AT(place="DMS", message="E42 Kunde gesperrt").chinese == "DMS：E42 Kunde gesperrt"
    )


@given(st.text(), st.lists(st.text(), max_size=3))
def test_whatever_stands_in_a_sentence_is_kept_with_it(word: str, several: list[str]) -> None:
    inner = problems.EVIDENCES(each=[problems.BUYER(name=word, reason=quoted(word)), *several])
    said = course.OF_DOCUMENT(document=word, difference=inner)
    again = recalled(recorded(said))
    assert (again, again.chinese) == (said, said.chinese)
    assert copy.deepcopy(said).chinese == said.chinese


def test_masking_reaches_every_language() -> None:
    said = mask_said(problems.PHONE_WRONG(phone="13900001234"))
    assert "13900001234" not in f"{said} {said.chinese} {recorded(said)}"
    assert "139****1234" in said.chinese


def test_reasons_and_events_come_back_as_they_were_said(database: Database) -> None:
    orders, row = Orders(database), put_order(database, 1, NOON)
    hold = Hold(HoldCause.STOCK, (_SHORT, quoted('{"code": "their own"}')))
    row = orders.apply(row, Change(event="held", text=_SHORT, hold=hold), "test", NOON)
    assert row.hold_reasons == list(hold.reasons)
    assert [each.chinese for each in row.hold_reasons or []] == [
        "XC-1（工厂 1000）：订购 40 PCE，可用 10",
        '{"code": "their own"}',
    ]
    assert orders.events(row.id)[-1].text.chinese == _SHORT.chinese
    # Looked at again without news, nothing is added.
    orders.apply(row, Change(event="held", text=_SHORT, hold=hold), "test", NOON)
    assert [each.kind for each in orders.events(row.id)] == ["received", "held"]


def test_what_an_older_version_stored_is_shown_as_it_is(database: Database) -> None:
    row = put_order(database, 1, NOON, stage=Stage.PLACED)
    with database.engine.begin() as connection:
        connection.execute(
            text("""UPDATE orders SET hold_cause = 'stock',
            hold_reasons = '["XC-1 in plant 1000: 40 PCE ordered, 10 free"]'""")
        )
        connection.execute(text("UPDATE event SET text = 'taken from the storefront'"))
    (reason,) = Orders(database).get(row.id).hold_reasons or []
    (event,) = Orders(database).events(row.id)
    assert reason == reason.chinese == str(_SHORT)
    assert event.text == event.text.chinese == "taken from the storefront"


@pytest.mark.parametrize("plain", ['{"code":"received","text":"x"}', '{"text":1}', "{", ""])
def test_a_text_that_looks_like_a_sentence_is_none(plain: str) -> None:
    kept, dialect = SaidText(), sqlite.dialect()
    again = kept.process_result_value(kept.process_bind_param(plain, dialect), dialect)
    assert again is not None
    assert (str(again), again.code) == (plain, "")


def test_a_sentence_that_this_version_does_not_know_is_read_in_english() -> None:
    later = Said("said by a later version", "a_code_of_tomorrow")
    assert recalled(recorded(later)).chinese == "said by a later version"
    changed = recalled({"code": "short", "text": "in other words", "values": {"sku": "XC-1"}})
    assert changed.chinese == "in other words"


def test_an_error_that_may_hold_an_order_is_a_sentence_of_the_catalogue() -> None:
    """What a person is told at the command line alone is English; the rest is read by others."""
    plain = []
    for path in Path(connector.__path__[0]).rglob("*.py"):
        if "sandbox" in path.parts or path.name in ("repair.py", "resolve.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                at = {"Rejected": 1, "RetryLater": 0, "InDoubt": 0, "lost": 0}.get(node.func.id)
                words = node.args[at : at + 1] if at is not None else []
                if words and isinstance(words[0], ast.Constant | ast.JoinedStr):
                    plain.append(f"{path.name}:{node.lineno}")
    assert not plain
