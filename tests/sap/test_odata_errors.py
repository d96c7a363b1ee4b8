"""What a single answer of an OData service proves, and how a list is read to its end."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import (
    ConnectorError,
    InDoubt,
    LogonFailed,
    Misconfigured,
    Rejected,
    RetryLater,
)
from connector.sap.odata.answers import Page
from connector.sap.odata.errors import Reply, messages_of, of_reply
from connector.sap.odata.lookup import Query, look_up
from connector.sap.odata.metadata import EntityType, Property
from connector.sap.odata.operation import Operation
from connector.sap.readtable import TOO_MANY

META = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
OWN = {"error": {"code": "R1/224", "message": {"lang": "en", "value": "not allowed"}}}
BUSY = {"error": {"code": "/IWFND/1", "message": {"lang": "en", "value": "too many"}}}
XML = f'<error xmlns="{META}"><code>R1/224</code><message xml:lang="en">no</message></error>'


def reply(status: int, body: Any = b"", **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-"): each for name, each in headers.items()}, content)


# Whether a refusal proves that a write did nothing: what stands before SAP says no as well.
REFUSALS = [
    ("a gateway's text", reply(400, {"error": {"message": "upstream timed out"}}), False, False),
    ("with a code", reply(403, {"error": {"code": 403, "message": "blocked"}}), False, False),
    ("of OData V4", reply(499, {"error": {"code": "x", "message": "closed"}}), False, False),
    ("no message", reply(413, {"error": {"code": "x", "message": None}}), False, False),
    ("no language", reply(400, {"error": {"code": "x", "message": {"value": "y"}}}), False, False),
    ("a number for a text",
     reply(400, {"error": {"code": "x", "message": {"lang": "en", "value": 1}}}), False, False),
    ("bare XML", reply(400, b"<error/>"), False, False),
    ("another's XML", reply(400, b"<error><code>x</code><message>y</message></error>"), False,
     False),
    ("429 of a proxy", reply(429, b"<html>slow"), False, False),
    ("429 without words", reply(429), False, False),
    ("412", reply(412, b"Precondition"), False, True),
    ("428", reply(428), False, True),
    ("401 in SAP's words", reply(401, OWN), False, False),
    ("408 in SAP's words", reply(408, OWN), False, False),
    ("500 in SAP's words", reply(500, OWN), False, False),
    ("SAP's JSON", reply(400, OWN), True, True),
    ("SAP's XML", reply(400, XML.encode()), True, True),
    ("429 in SAP's words", reply(429, BUSY), True, True),
    ("428 in SAP's words", reply(428, OWN), True, True),
]  # fmt: skip


@pytest.mark.parametrize("row", REFUSALS, ids=lambda row: row[0])
def test_only_saps_own_words_prove_that_a_write_did_nothing(
    row: tuple[str, Reply, bool, bool],
) -> None:
    _, answer, created, changed = row
    for conditional, proof in ((False, created), (True, changed)):
        error = of_reply(answer, "SAP", write=True, conditional=conditional)
        assert error is not None
        assert error.no_effect is proof
        assert proof or isinstance(error, InDoubt | Misconfigured)
    assert isinstance(of_reply(answer, "SAP", write=False), ConnectorError)


@pytest.mark.parametrize("status", [202, 203, 205, 206, 226])
def test_another_good_status_is_not_the_answer(status: int) -> None:
    assert isinstance(of_reply(reply(status, b'{"d": {}}'), "SAP", write=True), InDoubt)
    assert isinstance(of_reply(reply(status, b'{"d": {}}'), "SAP", write=False), RetryLater)


@given(st.binary() | st.recursive(
    st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["error", "code", "message", "value", "lang", "innererror",
                         "errordetails"]) | st.text(), inner)).map(
    lambda value: json.dumps(value).encode()))  # fmt: skip
def test_no_body_breaks_the_reading_of_messages(content: bytes) -> None:
    for each in messages_of(content):
        assert isinstance(each.code, str)
        assert isinstance(each.text, str)


def said(**values: Any) -> dict[str, str]:
    return {"sap_message": json.dumps({"code": "R1/1", "message": "w", **values})}


NOTIFICATION = (
    "<notification><code>R1/1</code><message>w</message><severity>info</severity>"
    "<details><detail><code>R1/2</code><message>not saved</message>"
    "<severity>{}</severity></detail></details></notification>"
)
ERROR = {"code": "R1/2", "severity": "error", "message": "not saved"}


@pytest.mark.parametrize(
    ("headers", "wrong"),
    [
        ({}, False),
        (said(severity="info"), False),
        (said(severity="warning", details=[{"severity": "success", "message": "x"}]), False),
        ({"sap_message": NOTIFICATION.format("warning")}, False),
        (said(severity="error"), True),
        (said(severity="abort"), True),
        (said(severity="dump"), True),
        (said(severity="warning", details=[ERROR]), True),
        ({"sap_message": NOTIFICATION.format("error")}, True),
        ({"sap_message": "{broken"}, True),
        ({"sap_message": "[]"}, True),
        ({"sap_message": "<x/>"}, True),
        (said(), True),
        (said(severity=None), True),
        (said(severity="info", details="x"), True),
        (said(severity="info", details=["x"]), True),
    ],
    ids=str,
)
def test_an_error_in_the_header_of_a_good_answer_is_one(
    headers: dict[str, str], wrong: bool
) -> None:
    for write, status in ((True, 201), (False, 200)):
        error = of_reply(reply(status, b'{"d": {}}', **headers), "SAP", write=write)
        assert (error is not None) is wrong
        if error is not None:
            assert isinstance(error, InDoubt if write else Rejected | RetryLater)


def test_a_message_in_a_header_is_read_as_the_utf_8_that_sap_writes() -> None:
    text = json.dumps(
        {"code": "R1/1", "severity": "error", "message": "未保存"}, ensure_ascii=False
    )
    error = of_reply(reply(200, sap_message=text.encode().decode("latin-1")), "SAP", write=False)
    assert "未保存" in str(error)


PAGE = '<!DOCTYPE html><html><form name="sap-user"></form></html>'


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(200, b"<html>Catalog only. Maintenance, back at 5</html>"), Misconfigured),
        (reply(302, Location="/maintenance/dialog-info"), Misconfigured),
        (reply(302, Location="/blog/online"), Misconfigured),
        (reply(302, Location="/sap/public/logon?x=1"), LogonFailed),
        (reply(200, b"<html>Please log in</html>"), LogonFailed),
        (reply(200, PAGE.encode()), LogonFailed),
        (reply(200, b'<?xml version="1.0"?>\n' + PAGE.encode()), LogonFailed),
        (reply(200, b"\xef\xbb\xbf" + PAGE.encode()), LogonFailed),
        (reply(200, b"<!-- a --> <!-- b -->\n" + PAGE.encode()), LogonFailed),
    ],
    ids=str,
)
def test_a_page_is_known_for_one_and_a_logon_page_for_what_it_is(
    answer: Reply, kind: type[ConnectorError]
) -> None:
    assert type(of_reply(answer, "SAP", write=False)) is kind


def test_many_comments_before_no_page_are_read_at_once() -> None:
    assert of_reply(reply(200, b"<!-- x -->" * 100_000), "SAP", write=False) is None


OPERATION = Operation("GET", "S", "A")
KIND = EntityType(
    "S.A", ("K",), {"K": Property("K", "Edm.String"), "N": Property("N", "Edm.Str", 5)}
)


def rows(*keys: str) -> list[dict[str, Any]]:
    return [{"K": key} for key in keys]


def asked(pages: dict[str, Page], **conditions: Any) -> list[dict[str, Any]]:
    return look_up(
        OPERATION,
        KIND,
        conditions or {"N": "x"},
        lambda query: pages[dict(query).get("$skiptoken", "")],
    )


def following(token: str) -> Query:
    return (("$skiptoken", token),)


def test_a_list_without_its_count_is_not_nobody() -> None:
    for found in ([], rows("1")):
        with pytest.raises(InDoubt, match="how many"):
            asked({"": Page(found, None, ())})


def test_an_entity_that_came_twice_does_not_stand_for_one_that_did_not_come() -> None:
    pages = {"": Page(rows("1", "2"), 3, following("2")), "2": Page(rows("2"), 3, ())}
    with pytest.raises(InDoubt, match="3 entries and gave 2"):
        asked(pages)
    pages["2"] = Page(rows("2", "3"), 3, ())
    assert asked(pages) == rows("1", "2", "3")


def test_pages_that_bring_nothing_are_not_followed_for_ever() -> None:
    count = itertools.count()

    def endless(_query: Query) -> Page:
        assert next(count) < 10
        return Page([], 0, following(str(next(count))))

    with pytest.raises(InDoubt, match="again and again"):
        look_up(OPERATION, KIND, {"N": "x"}, endless)


def test_a_question_is_divided_only_where_it_finds_too_many() -> None:
    values = [str(each) for each in range(64)]
    made: list[str] = []

    def refuses(query: Query) -> Page:
        made.append(dict(query)["$filter"])
        raise Rejected("R1/1", "no")

    with pytest.raises(Rejected, match="R1/1"):
        look_up(OPERATION, KIND, {"N": values}, refuses)
    assert len(made) == 1

    def many(query: Query) -> Page:
        text = dict(query)["$filter"]
        if " or " in text:
            raise Rejected(TOO_MANY, "many")
        return Page(rows(text), 1, ())

    assert len(look_up(OPERATION, KIND, {"N": values}, many)) == 64


def test_a_list_is_asked_for_in_the_sequence_of_its_keys_and_with_them() -> None:
    seen: list[dict[str, str]] = []

    def empty(query: Query) -> Page:
        seen.append(dict(query))
        return Page([], 0, ())

    assert look_up(OPERATION, KIND, {"N": "x", "$select": "N"}, empty) == []
    assert (seen[0]["$orderby"], seen[0]["$select"]) == ("K", "K,N")
    unsorted = EntityType(
        "S.A", ("K",), {**KIND.properties, "K": Property("K", "Edm.String", sortable=False)}
    )
    look_up(OPERATION, unsorted, {"N": "x"}, empty)
    assert "$orderby" not in seen[1]
