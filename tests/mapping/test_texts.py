"""Messages that travel as a text within a message: XML and JSON, written and read."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connector.errors import MappingFailed
from connector.mapping import load
from connector.mapping.convert import ConversionError
from connector.mapping.engine import Mapping
from connector.mapping.expression import Expression
from connector.mapping.finding import MappingsInvalid
from connector.mapping.model import MappingModel
from connector.mapping.texts import CData, parsed, written

pytestmark = pytest.mark.unit

ORDER: list[dict[str, Any]] = [
    {"field": "head.@type", "constant": "SO"},
    {"field": "head.number", "source": "number", "required": True},
    {"field": "head.total", "source": "total"},
    {"field": "head.day", "source": "day"},
    {"field": "head.rush", "constant": True},
    {
        "field": "lines.line",
        "each": "lines",
        "fields": [{"field": "@no", "source": "position"}, {"field": "#text", "source": "sku"}],
    },
]
SOURCE = {
    "number": "A<&>]]>'\"1",
    "total": Decimal("12.50"),
    "day": date(2026, 11, 24),
    "lines": [{"sku": "泵 & 阀"}, {"sku": "x"}],
}


def mapping(**parts: Any) -> Mapping:
    target = {"system": "dms", "operation": "process"}
    return Mapping("made_up", "1", MappingModel.model_validate({"target": target, **parts}), {})


def asked(form: str, fields: list[dict[str, Any]], **more: Any) -> Any:
    field = {"field": "request", "as": form, "fields": fields, **more}
    return mapping(request=[field]).apply(SOURCE).body["request"]


def test_a_message_in_xml_is_escaped_and_typed() -> None:
    root = etree.fromstring(asked("xml", ORDER, root="{urn:v}order"))
    assert root.tag == "{urn:v}order"
    assert root.find("{urn:v}head").get("type") == "SO"  # type: ignore[union-attr]
    assert root.findtext("{urn:v}head/{urn:v}number") == SOURCE["number"]
    assert root.findtext("{urn:v}head/{urn:v}total") == "12.50"
    assert root.findtext("{urn:v}head/{urn:v}rush") == "true"
    lines = root.findall("{urn:v}lines/{urn:v}line")
    assert [(each.get("no"), each.text) for each in lines] == [("1", "泵 & 阀"), ("2", "x")]


def test_a_message_in_json_keeps_every_digit() -> None:
    text = asked("json", ORDER[1:5])
    assert '"total": 12.50' in text
    assert json.loads(text)["head"] == {
        "number": SOURCE["number"], "total": 12.5, "day": "2026-11-24", "rush": True,
    }  # fmt: skip


def test_nothing_to_say_is_no_message_and_what_is_missing_is_named() -> None:
    empty = mapping(
        request=[{"field": "r", "as": "json", "fields": [{"field": "a", "source": "a"}]}]
    )
    assert empty.apply({"b": 1}).body == {}
    with pytest.raises(MappingFailed, match=r"request\.head\.number"):
        mapping(
            request=[{"field": "request", "as": "xml", "root": "o", "fields": ORDER}]
        ).apply({"total": Decimal(1)})  # fmt: skip


def test_what_xml_cannot_carry_is_a_finding() -> None:
    field = {"field": "r", "as": "xml", "root": "o", "fields": [{"field": "a", "source": "a"}]}
    with pytest.raises(MappingFailed, match="r: holds a character that XML cannot carry"):
        mapping(request=[field]).apply({"a": "bell \x07"})


ANSWER = {
    "as": "xml",
    "text": "return",
    "values": {"number": "head.number", "first": "lines.line[0].sku"},
    "fields": [
        {
            "field": "lines",
            "each": "lines.line",
            "fields": [{"field": "sku", "source": "sku", "required": True}],
        }
    ],
    "outcome": [{"when": "head.\"@ok\" == '1'", "is": "ok"}, {"otherwise": "rejected"}],
}
HEAD = '<head ok="1"><number>7<!-- c -->0</number></head>'
ONE = f"<r>{HEAD}<lines><line><sku>a</sku></line></lines></r>"


def read(answer: dict[str, Any], text: str) -> dict[str, Any]:
    return mapping(answer=answer).read({"return": text}).values


@pytest.mark.parametrize(
    "text",
    [
        ONE,
        f'\ufeff \n<?xml version="1.0" encoding="GBK"?>\n{ONE}',
        ONE.replace("<r>", '<v:r xmlns:v="urn:v">').replace("</r>", "</v:r>"),
    ],
)
def test_an_answer_in_xml_is_read_like_any_answer(text: str) -> None:
    assert read(ANSWER, text) == {"number": "70", "first": "a", "lines": [{"sku": "a"}]}


def test_one_element_is_a_list_of_one_and_none_is_an_empty_list() -> None:
    two = ONE.replace("</lines>", "<line><sku>b</sku></line></lines>")
    assert read(ANSWER, two)["lines"] == [{"sku": "a"}, {"sku": "b"}]
    none = '<r><head ok="1"><number>7</number></head><lines/></r>'
    assert read(ANSWER, none) == {"number": "7", "first": None}
    scope = parsed(two.replace("line>", "row>"), "xml")
    assert Expression("lines.row[?sku=='b'] | [0].sku")(scope) == "b"
    one = parsed(ONE, "xml")
    assert Expression("lines.line[*].sku")(one) == ["a"]
    assert Expression("lines.line[].sku")(one) == ["a"]
    assert Expression("lines.line[?starts_with(sku, 'a')].sku")(one) == ["a"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "is empty"),
        ("<html><br></html>", "is no XML"),
        ("busy", "is no XML"),
        ('<!DOCTYPE r [<!ENTITY e "x">]><r>&e;</r>', "is no XML"),
        ('<r><head ok="1"><number>7</number></head></r>', "lines"),
    ],
)
def test_a_text_that_is_not_understood_is_no_empty_answer(text: str, wrong: str) -> None:
    with pytest.raises(MappingFailed, match=wrong):
        read(ANSWER, text)


def test_an_answer_in_json_without_its_list_is_not_understood() -> None:
    answer = {
        **ANSWER,
        "as": "json",
        "values": {},
        "fields": [{**ANSWER["fields"][0], "each": "data.lines"}],  # type: ignore[index]
        "outcome": [{"when": "code == `0`", "is": "ok"}, {"otherwise": "rejected", "code": "code"}],
    }
    assert read(answer, '{"code": 0, "data": {"lines": []}}') == {}
    for text in ('{"code": 0, "data": {}}', '{"code": 0}', '{"code": 0, "data": NaN}', "[]x"):
        with pytest.raises(MappingFailed):
            read(answer, text)
    said = mapping(answer=answer).read({"return": '{"code": 17}'})
    assert (said.outcome, said.code) == ("rejected", "17")


LARGE = "泵" * 400_000  # more than a million bytes


@pytest.mark.parametrize("form", ["xml", "json"])
def test_a_message_may_be_large(form: Any) -> None:
    text = written({"a": LARGE}, form, "r", None, cdata=False)
    assert parsed(text, form)["a"] == LARGE


_PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)
_XML_NAMES = st.sampled_from(["a", "b", "行", "c.d"])
_TREES = st.recursive(
    _PLAIN, lambda inner: st.dictionaries(_XML_NAMES, inner, min_size=1), max_leaves=12
)


@given(st.dictionaries(_XML_NAMES, _TREES, min_size=1), st.sampled_from(["xml", "json"]))
def test_what_is_written_is_read_as_it_was(body: dict[str, Any], form: Any) -> None:
    text = written(body, form, "r", None, cdata=True)
    assert isinstance(text, CData)
    assert "]]>" not in text
    assert parsed(text, form) == body


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for form in ("xml", "json"):
        try:
            parsed(text, form)
        except ConversionError:
            continue


def test_times_are_written_with_their_zone() -> None:
    body = {"at": datetime(2026, 11, 24, 8, tzinfo=UTC)}
    assert written(body, "json", "", None, cdata=False) == '{"at": "2026-11-24T08:00:00+00:00"}'


XSD = b"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="o">
<xs:complexType><xs:sequence><xs:element name="n" type="xs:int"/></xs:sequence></xs:complexType>
</xs:element></xs:schema>"""
FILE = """
target: {system: dms, operation: process}
request:
  - field: text
    as: xml
    root: ROOT
    schema: SCHEMA
    fields:
      - {field: FIELD, source: n}
"""


def put(folder: Path, **words: str) -> None:
    text = FILE
    for name, word in {"ROOT": "o", "SCHEMA": "order.xsd", "FIELD": "n", **words}.items():
        text = text.replace(name, word)
    (folder / "dms_x.yaml").write_text(text)
    (folder / "interfaces").mkdir(exist_ok=True)
    (folder / "interfaces/order.xsd").write_bytes(XSD)


def test_a_message_is_held_against_its_schema(tmp_path: Path) -> None:
    put(tmp_path)
    made = load(tmp_path)["dms_x"]
    assert made.apply({"n": 5}).body == {"text": "<o><n>5</n></o>"}
    with pytest.raises(MappingFailed, match=r"text: .*'xs:int'") as refused:
        made.apply({"n": "张伟"})
    assert "张伟" not in str(refused.value)


@pytest.mark.parametrize(
    ("words", "line", "said"),
    [
        ({"ROOT": "1o"}, 6, "'1o' is no name in XML"),
        ({"FIELD": '"a b"'}, 9, "'a b' is no name in XML"),
        ({"SCHEMA": "ordre.xsd"}, 7, "there is no interfaces/ordre.xsd"),
        ({"as: xml": "as: json"}, 4, "root belong together"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, words: dict[str, str], line: int, said: str
) -> None:
    put(tmp_path, **words)
    with pytest.raises(MappingsInvalid) as wrong:
        load(tmp_path)
    (finding,) = wrong.value.findings
    assert (finding.line, said in finding.message) == (line, True), finding
