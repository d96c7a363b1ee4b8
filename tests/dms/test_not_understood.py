"""An answer that was not understood is never "nothing found" and never "no effect"."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from lxml import etree
from zeep.exceptions import Fault

from connector.dms.desk import DmsDesk
from connector.dms.errors import typed
from connector.dms.port import Dms
from connector.dms.session import Session
from connector.errors import (
    ConnectorError,
    InDoubt,
    LogonFailed,
    MappingFailed,
    Misconfigured,
    Rejected,
    RetryLater,
)
from connector.logons import LocalLogons
from connector.mapping import MappingSet, load
from tests.dms.test_contract_suite import SOURCE

WRITES = ("sales_order", "delivery_note", "invoice_application", "cancel", "return")
ORDER = (
    '{"code":"SO1","extNo":"9001","state":"OPEN","body":{"entry":[]},"notes":%s,"apps":[],'
    '"returns":[],"ship":[],"inv":[]}'
)


class Answering:
    """A DMS that answers everything alike: by a text, or by an error."""

    def __init__(self, mappings: MappingSet, answer: str | Exception) -> None:
        self._within = mappings["dms_sales_order"].spec.answer.text or "return"
        self._answer = answer
        self.calls = 0

    def call(self, operation: str, request: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        self.calls += 1
        if isinstance(self._answer, Exception):
            raise self._answer
        return {self._within: self._answer}


def folder(name: str, at: Path) -> Path:
    copy = Path(shutil.copytree("mappings", at / "mappings"))
    return Path(shutil.copytree(f"mappings/examples/{name}", copy, dirs_exist_ok=True))


@pytest.fixture(scope="module")
def styles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, MappingSet]:
    """Mappings of a DMS of texts, in which calls carry no token."""
    made = {}
    for name in ("json", "xml", "document"):
        at = folder(name, tmp_path_factory.mktemp(name))
        (at / "dms_session.yaml").unlink(missing_ok=True)
        made[name] = load(at)
    return made


def desk(mappings: MappingSet, answer: str | Exception) -> DmsDesk:
    return DmsDesk(cast(Dms, Answering(mappings, answer)), lambda: mappings)


def send(mappings: MappingSet, answer: str | Exception, write: str = "sales_order") -> Any:
    source = SOURCE | {"sales_order": "SO1", "reason": "x"}
    source["return_lines"] = [{"number": 1, "quantity": 1}]
    made = desk(mappings, answer)
    return made.send(made.prepare(f"dms_{write}", source))


NOT_UNDERSTOOD = {
    "json": [
        "null", "[]", "[1]", "{}", '"ok"', "true", "0", '{"code":null}', '{"code":{}}',
        '{"code":false}', '{"Code":"9"}', '{"code":0,"data":{"code":"SO1","note":"DN1"}}',
        '{"code":" 0 ","data":{"code":"SO1"}}', '{"result":{"code":"E1"}}',
        '{"code":"","message":""}',
    ],
    "xml": [
        "<html><body>Error</body></html>", "<a/>", "<a>busy</a>", "<x><code> 0</code></x>",
        "<x><code/></x>", "<x><code><y/></code></x>", "<x><r><code>E1</code></r></x>",
        "<x><Code>E1</Code></x>", '<x code="E1"/>',
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("style", "text"), [(style, text) for style, each in NOT_UNDERSTOOD.items() for text in each]
)
def test_an_answer_without_the_code_of_a_refusal_is_a_doubt(
    styles: dict[str, MappingSet], style: str, text: str
) -> None:
    for write in WRITES:
        with pytest.raises(InDoubt) as doubt:
            send(styles[style], text, write)
        assert not doubt.value.no_effect
    with pytest.raises((RetryLater, MappingFailed)):
        desk(styles[style], text).find("9001", "GQ")


def test_a_refusal_with_its_code_is_one(styles: dict[str, MappingSet]) -> None:
    for style, text in (
        ("json", '{"code":"E1","message":"客户不存在"}'),
        ("json", '{"code":17,"message":"客户不存在"}'),
        ("xml", "<r><code>E1</code><message>客户不存在</message></r>"),
    ):
        with pytest.raises(Rejected, match="客户不存在") as refused:
            send(styles[style], text)
        assert refused.value.code in ("E1", "17")


def rows(style: str) -> list[tuple[str, str, bool]]:
    """Texts that answer a question: whether one is a list of none."""
    given = [
        ('{"order":[]}', True), ("null", False), ('{"order":null}', False), ("{}", False),
        ('{"order":""}', False), ('{"order":"busy"}', False), ('{"order":{}}', False),
        ('{"order":7}', False), ('{"order":false}', False), ('{"order":[null]}', False),
        ('{"order":["busy"]}', False), ('{"orders":[]}', False), ('"busy"', False), ("[]", False),
        (json.dumps({"order": json.loads(ORDER % "[]")}), False),
    ]  # fmt: skip
    if style == "json":
        return [(style, f'{{"code":"0","data":{data}}}', none) for data, none in given]
    return [
        (style, f"<r><code>0</code>{data}</r>", none)
        for data, none in (
            ("<data/>", True), ("<data> </data>", True), ('<data count="0"/>', True), ("", False),
            ("<data>Systemfehler</data>", False), ("<data><Order>1</Order></data>", False),
            ("<data><order/></data>", False), ("<data><order>busy</order></data>", False),
            ("<data><rows/></data>", False), ("<data/><data/>", False), ("<Data/>", False),
        )
    ]  # fmt: skip


@pytest.mark.parametrize(("style", "text", "none"), [*rows("json"), *rows("xml")])
def test_what_is_no_list_is_not_nothing_found(
    styles: dict[str, MappingSet], style: str, text: str, none: bool
) -> None:
    asked = desk(styles[style], text)
    if none:
        assert asked.find("9001", "GQ") == []
        return
    with pytest.raises(MappingFailed):
        asked.find("9001", "GQ")
    order = {"sales_order": "SO1", "external_number": "9001", "business_unit": "GQ"}
    if '["busy"]' in text:  # a record that is set aside, of a list that is one
        return
    with pytest.raises(MappingFailed):
        asked.status_of([order], lambda _mapping, _broken: None)


@pytest.mark.parametrize("notes", ["null", '"x"', '{"note":"DN1","ref":"r"}', "[null]", "7", "{}"])
def test_a_document_within_an_order_is_not_overlooked(
    styles: dict[str, MappingSet], notes: str
) -> None:
    text = f'{{"code":"0","data":{{"order":[{ORDER % notes}]}}}}'
    with pytest.raises(MappingFailed, match="delivery_notes"):
        desk(styles["json"], text).find("9001", "GQ")


def test_a_mapping_may_say_what_else_is_an_empty_list(tmp_path: Path) -> None:
    at = folder("json", tmp_path)
    (at / "dms_session.yaml").unlink()
    find = at / "dms_find.yaml"
    text = find.read_text("utf-8")
    find.write_text(text.replace("each: data.order", "each: 'data.order || `[]`'"), "utf-8")
    mappings = load(at)
    for data in ("null", "{}", '{"order":null}', '{"order":""}'):
        assert desk(mappings, f'{{"code":"0","data":{data}}}').find("9001", "GQ") == []
    for data in ('"busy"', '{"order":"busy"}', '{"order":{"x":1}}', "[1]"):
        with pytest.raises(MappingFailed):
            desk(mappings, f'{{"code":"0","data":{data}}}').find("9001", "GQ")
    find.write_text(text.replace("each: data.order", "each: to_array(data.order)"), "utf-8")
    mappings = load(at)
    one = f'{{"code":"0","data":{{"order":{ORDER % "[]"}}}}}'
    assert len(desk(mappings, one).find("9001", "GQ") or []) == 1
    for data in ("null", '{"order":null}', '{"order":"busy"}'):
        with pytest.raises(MappingFailed):
            desk(mappings, f'{{"code":"0","data":{data}}}').find("9001", "GQ")


# A login: what the DMS answers, and whether it refuses the credentials by that.
LOGINS: list[tuple[str, bool]] = [
    ('{"code":"LOGIN","message":"用户名或密码错误"}', True),
    *((text, False) for text in NOT_UNDERSTOOD["json"]),
    ('{"code":"0","data":{}}', False),
    ('{"code":"0","data":{"token":""}}', False),
    ('{"code":"0","data":{"token":{}}}', False),
    ('{"code":"LOCKED","message":"稍后再试"}', False),
]


@pytest.mark.parametrize(("text", "refused"), LOGINS)
def test_a_login_that_is_not_understood_refuses_no_credentials(
    tmp_path: Path, text: str, refused: bool
) -> None:
    mappings = load(folder("json", tmp_path))
    logons = LocalLogons()
    dms = Answering(mappings, text)
    session = Session(cast(Dms, dms), lambda: mappings, "user", "password", logons)
    for _ in range(2):
        with pytest.raises(LogonFailed if refused else RetryLater) as failed:
            session.open()
        assert failed.value.no_effect
    assert (logons.refused() is not None) is refused
    assert dms.calls == (1 if refused else 2)


_fault = cast(Callable[..., Fault], Fault)


def fault(**detail: str) -> Callable[..., ConnectorError]:
    leaves = "".join(f"<{name}>{text}</{name}>" for name, text in detail.items())
    element = etree.fromstring(f"<detail><stack>{leaves}</stack></detail>")
    raised = _fault("boom", code="s:Server.generalException", detail=element)
    return lambda *, write: typed(raised, place="DMS X", write=write, admitted=True)


def refusing(at: Path, code: str) -> MappingSet:
    (at / "parts").mkdir(exist_ok=True)
    words = {"refusal": {"code": code}, "faults": {"*": "rejected"}}
    (at / "parts/dms_refusals.yaml").write_text(yaml.safe_dump(words))
    (at / "dms_session.yaml").unlink(missing_ok=True)
    return load(at)


def test_a_fault_that_the_mapping_calls_no_refusal_is_none(tmp_path: Path) -> None:
    """A stack trace has a leaf called code as well."""
    made = fault(code="500", message="NullPointerException")
    code = "(faultcode == 'Server.userException') && faultstring"
    mappings = refusing(folder("json", tmp_path), code)
    with pytest.raises(InDoubt, match="NullPointerException"):
        send(mappings, made(write=True))
    with pytest.raises(RetryLater):
        desk(mappings, made(write=False)).find("9001", "GQ")


def test_a_login_refused_by_such_a_fault_refuses_no_credentials(tmp_path: Path) -> None:
    mappings = load(folder("login", tmp_path))
    error = fault(Code="500")(write=False)
    error.fault = {**(error.fault or {}), "detail": {}}  # what this mapping looks for
    logons = LocalLogons()
    dms = cast(Dms, Answering(mappings, error))
    session = Session(dms, lambda: mappings, "user", "password", logons)
    with pytest.raises(RetryLater):
        session.open()
    assert logons.refused() is None


def test_a_subcode_of_soap_12_may_name_a_refusal(tmp_path: Path) -> None:
    raised = _fault("客户不存在", code="s:Sender", subcodes=["m:Business", "m:UNKNOWN_CUSTOMER"])
    mappings = refusing(folder("json", tmp_path), "subcode")
    with pytest.raises(Rejected, match="客户不存在") as refused:
        send(mappings, typed(raised, place="DMS X", write=True))
    assert refused.value.code == "UNKNOWN_CUSTOMER"


def test_credentials_refused_in_a_subcode_are_refused_credentials() -> None:
    raised = _fault("no", code="s:Sender", subcodes=["wsse:FailedAuthentication"])
    error = typed(raised, place="DMS X", write=True, admitted=True)
    assert isinstance(error, LogonFailed)
    assert error.no_effect
    assert isinstance(error, Misconfigured)
