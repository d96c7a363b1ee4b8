"""Messages wherever they stand, and outcomes that a mapping gives them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.errors import AlreadyThere, ConnectorError, Misconfigured, Rejected, RetryLater
from connector.mapping import MappingSet, load
from connector.mapping.model import AnswerModel
from connector.mapping.parts import parts
from connector.sandbox.faults import Fault
from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sap.customers import CustomerDesk
from connector.sap.messages import errors
from connector.sap.returns import check
from connector.sap.soap import SoapSap, SoapSettings
from connector.sap.stock import StockDesk
from tests.sap.test_lookup import (
    CREATE_BY_FUNCTION,
    FIND_BY_FUNCTION,
    FOLDER,
    KNOWN,
    NOBODY,
    READ_BY_BAPI,
    SITE,
    UNIT,
    mappings_with,
)
from tests.support.oddities import message

E = {"TYPE": "E", "ID": "ZC", "NUMBER": "001", "MESSAGE": "no"}
S = {**E, "TYPE": "S"}


@pytest.mark.parametrize(
    "answer",
    [
        {"RETURN": E},
        {"RETURN": [S, E]},
        {"RETURN": {"TYPE": "E", "CODE": "F2042", "MESSAGE": "no"}},
        {"RETURN": "E"},
        {"RETURN": 4},
        *({name: [E]} for name in ("ET_RETURN", "MESSAGES", "ET_MESSAGES", "T_RETURN", "ET_LOG")),
        *({name: {**E, "TYPE": "A"}} for name in ("ES_RETURN", "E_RETURN", "RETURN1")),
        {"ET_BDCMSG": [{"MSGTYP": "E", "MSGID": "F2", "MSGNR": "042", "MSGV1": "x"}]},
        {"ES_SYMSG": {"MSGTY": "A", "MSGID": "F2", "MSGNO": "042"}},
        {"CUSTOMERS": [{"KUNNR": "1", "RETURN": [E]}]},
        {"ET_RESULT": [{"DETAIL": {"INNER": [E]}}]},
        *(
            {name: value}
            for name in ("E_SUBRC", "EV_SUBRC", "SUBRC", "EV_RC")
            for value in (4, "4")
        ),
        *({name: "X"} for name in ("EV_ERROR", "E_ERROR", "ERROR", "EV_FAILED", "EV_ERROR_FLAG")),
        {"RETURN": [{"TYPE": "Q", "MESSAGE": "no type that anybody knows"}]},
    ],
)
def test_an_error_is_seen_wherever_it_stands(answer: dict[str, Any]) -> None:
    assert errors(answer)
    with pytest.raises(ConnectorError):
        check(answer, "Z_F")


@pytest.mark.parametrize(
    "answer",
    [
        {"RETURN": ""},
        {"RETURN": S, "ET_RETURN": [S], "MESSAGES": "", "E_SUBRC": "0", "EV_ERROR": ""},
        {"E_SUBRC": 0, "EV_RC": "000", "EV_ERROR": None},
        {"RETURN": {"TYPE": "", "CODE": "", "MESSAGE": ""}},
        {"ET_TAX": [{"TYPE": "E", "TAXNUM": "1"}]},  # a field that is only called so
        {"DATA": [{"WA": "E"}]},
        {"EV_STATUS": "E"},
        {"CT_RETURN": [{"TYPE": "S", "ID": "X", "NUMBER": "1", "MESSAGE": "made"}]},
    ],
)
def test_what_is_no_error_is_none(answer: dict[str, Any]) -> None:
    assert errors(answer) == []


ALWAYS_FILLED = """
  outcome:
    - {when: "EV_ERROR == 'K'", is: ok}
    - {otherwise: ok}
"""


def test_a_flag_that_is_always_filled_means_what_the_mapping_says(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    keyed = FIND_BY_FUNCTION.rstrip() + ALWAYS_FILLED
    plain, explained = (
        desk(sandbox, mappings(tmp_path / name, sap_customer_find=text))
        for name, text in (("plain", FIND_BY_FUNCTION), ("keyed", keyed))
    )
    says(sandbox, "Z_CUSTOMER_FIND", "<EV_ERROR>K</EV_ERROR>")
    with pytest.raises(Rejected, match="EV_ERROR K"):
        plain.find([KNOWN])
    assert explained.find([KNOWN])[0]
    # Another value, and a message elsewhere, are errors as before.
    for text in ("<EV_ERROR>X</EV_ERROR>", f"<EV_ERROR>K</EV_ERROR>{message('ES_RETURN')}"):
        says(sandbox, "Z_CUSTOMER_FIND", text)
        with pytest.raises(Rejected):
            explained.find([KNOWN])


def test_a_flag_of_a_creation_means_what_the_mapping_says(sandbox: Sandbox, tmp_path: Path) -> None:
    rule = "\n  outcome: [{when: \"answers[0].E_SUBRC == '7'\", is: ok}, {otherwise: ok}]\n"
    text = CREATE_BY_FUNCTION.rstrip() + rule
    for folder, create, fine in (("a", CREATE_BY_FUNCTION, False), ("b", text, True)):
        at = desk(sandbox, mappings(tmp_path / folder, sap_customer_create_person=create))
        says(sandbox, "Z_CUSTOMER_CREATE", "<E_SUBRC>7</E_SUBRC>")
        if fine:
            assert at.create(NOBODY, UNIT)
        else:
            with pytest.raises(Rejected, match="E_SUBRC 7"):
                at.create(NOBODY, UNIT)


def test_where_else_messages_stand_the_mapping_says() -> None:
    assert errors({"EV_STATUS": "E"}, ["E"])
    assert errors({}, [[{"TYPE": "E"}]])
    assert errors({}, [None, "", "S", []]) == []


def test_the_parts_of_an_answer_that_a_mapping_reads() -> None:
    spec = AnswerModel.model_validate(
        {
            "values": {"available": "AV_QTY_PLT", "either": "A || B", "asked": "request.x"},
            "fields": [
                {
                    "field": "rows",
                    "each": "ET[?X == 'y']",
                    "fields": [
                        {"field": "a", "source": "INNER"},
                        {"field": "b", "source": "root.TOP.C"},
                    ],
                },
                {"field": "c", "source": ["C", "root.D.E"], "when": "F"},
                {"field": "d", "each": "[S, T]", "fields": []},
            ],
        }
    )
    assert [set(each.names) for each in parts(spec)] == [
        {"AV_QTY_PLT"}, {"A", "B"}, {"ET"}, {"TOP"}, {"S", "T"},
    ]  # fmt: skip


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def mappings(folder: Path, **files: str) -> MappingSet:
    return load(mappings_with(folder, **(SITE | files)))


def desk(sandbox: Sandbox, spoken: MappingSet) -> CustomerDesk:
    return CustomerDesk(
        SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD)), lambda: spoken
    )


def says(sandbox: Sandbox, function: str, text: str) -> None:
    sandbox.faults.set([Fault.parse(f"sap:with:operation={function},text={text}")])


OUTCOMES = [
    ("rejected", Rejected),
    ("passing", RetryLater),
    ("exists", AlreadyThere),
    ("absent", Rejected),
]


def ruled(mapping: str, when: str, outcome: str) -> str:
    rules = f'  outcome:\n    - {{when: "{when}", is: {outcome}}}\n    - {{otherwise: ok}}\n'
    return mapping.replace("answer:\n", f"answer:\n{rules}")


@pytest.mark.parametrize(("outcome", "error"), OUTCOMES)
def test_an_outcome_is_obeyed_when_a_customer_is_created(
    sandbox: Sandbox, tmp_path: Path, outcome: str, error: type[ConnectorError]
) -> None:
    before = sandbox.books.dump("sap")
    create = ruled(CREATE_BY_FUNCTION, "answers[0].EV_KUNNR == '4711'", outcome)
    at = desk(sandbox, mappings(tmp_path, sap_customer_create_person=create))
    says(sandbox, "Z_CUSTOMER_CREATE", "<EV_KUNNR>4711</EV_KUNNR>")
    with pytest.raises(error):
        at.create(NOBODY, UNIT)
    assert sandbox.books.dump("sap")["customer"] == before["customer"]


@pytest.mark.parametrize(("outcome", "error"), OUTCOMES)
def test_an_outcome_says_what_an_error_of_a_creation_means(
    sandbox: Sandbox, tmp_path: Path, outcome: str, error: type[ConnectorError]
) -> None:
    create = ruled(CREATE_BY_FUNCTION, "answers[0].ET_RETURN[0].ID == 'ZC'", outcome)
    at = desk(sandbox, mappings(tmp_path, sap_customer_create_person=create))
    says(sandbox, "Z_CUSTOMER_CREATE", message("ET_RETURN", row=True))
    with pytest.raises(error):
        at.create(NOBODY, UNIT)


@pytest.mark.parametrize(("outcome", "error"), [*OUTCOMES[:3], ("absent", None)])
def test_an_outcome_is_obeyed_when_customers_are_looked_for(
    sandbox: Sandbox, tmp_path: Path, outcome: str, error: type[ConnectorError] | None
) -> None:
    find = ruled(FIND_BY_FUNCTION, "ET_RETURN[0].ID == 'ZC'", outcome)
    at = desk(sandbox, mappings(tmp_path, sap_customer_find=find))
    says(sandbox, "Z_CUSTOMER_FIND", message("ET_RETURN", row=True))
    if error is None:
        assert at.find([NOBODY]) == [[]]
        return
    with pytest.raises(error):
        at.find([NOBODY])


def test_what_no_rule_knows_is_neither_nobody_nor_done(sandbox: Sandbox, tmp_path: Path) -> None:
    rule = "  outcome:\n    - {when: \"E_SUBRC == '1'\", is: ok}\n"
    find = FIND_BY_FUNCTION.replace("answer:\n", f"answer:\n{rule}")
    create = CREATE_BY_FUNCTION.replace("answer:\n", f"answer:\n{rule}")
    spoken = mappings(tmp_path, sap_customer_find=find, sap_customer_create_person=create)
    with pytest.raises(RetryLater, match=r"fits no rule.*sap_customer_find"):
        desk(sandbox, spoken).find([NOBODY])
    before = len(sandbox.books.all("sap.customer"))
    with pytest.raises(RetryLater, match="fits no rule"):
        desk(sandbox, spoken).create(NOBODY, UNIT)
    assert len(sandbox.books.all("sap.customer")) == before


def test_an_error_is_not_nobody_because_no_rule_knows_it(sandbox: Sandbox, tmp_path: Path) -> None:
    rules = "  outcome:\n    - {when: \"CUSTOMERS != ''\", is: ok}\n    - {otherwise: absent}\n"
    find = FIND_BY_FUNCTION.replace("answer:\n", f"answer:\n{rules}")
    at = desk(sandbox, mappings(tmp_path, sap_customer_find=find))
    assert at.find([NOBODY]) == [[]]
    says(sandbox, "Z_CUSTOMER_FIND", "<CUSTOMERS/>" + message("ET_RETURN", row=True))
    with pytest.raises(Rejected, match="ZC/001"):
        at.find([NOBODY])


def test_messages_that_a_mapping_names(sandbox: Sandbox, tmp_path: Path) -> None:
    find = FIND_BY_FUNCTION.replace("answer:\n", "answer:\n  messages: [EV_STATE]\n")
    at = desk(sandbox, mappings(tmp_path, sap_customer_find=find))
    says(sandbox, "Z_CUSTOMER_FIND", "<CUSTOMERS/><EV_STATE>E</EV_STATE>")
    with pytest.raises(Rejected):
        at.find([NOBODY])
    create = CREATE_BY_FUNCTION.replace("answer:\n", "answer:\n  messages: [EV_STATE]\n")
    at = desk(sandbox, mappings(tmp_path, sap_customer_create_person=create))
    before = len(sandbox.books.all("sap.customer"))
    says(sandbox, "Z_CUSTOMER_CREATE", "<EV_STATE>E</EV_STATE>")
    with pytest.raises(Rejected):
        at.create(NOBODY, UNIT)
    assert len(sandbox.books.all("sap.customer")) == before


def test_nobody_that_comes_as_an_error_code_is_nobody_by_mapping(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    assert desk(sandbox, mappings(tmp_path)).read_back("999999") is None
    plain = READ_BY_BAPI.replace("153", "718")
    with pytest.raises(Rejected, match="F2/153"):
        desk(sandbox, mappings(tmp_path, sap_customer_read=plain)).read_back("999999")


def test_the_outcome_of_a_stock_question_is_obeyed(sandbox: Sandbox, tmp_path: Path) -> None:
    text = (FOLDER / "sap_stock.yaml").read_text(encoding="utf-8")
    stock = text.replace("is: rejected", "is: passing")
    spoken = mappings(tmp_path, sap_stock=stock)
    system = SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD))
    says(sandbox, "BAPI_MATERIAL_AVAILABILITY", "<DIALOGFLAG>N</DIALOGFLAG>")
    with pytest.raises(RetryLater):
        StockDesk(system, lambda: spoken).ask(plant="1000", material="XC-80513368", unit="PCE")
    sandbox.faults.set(
        [Fault.parse("sap:without:operation=BAPI_MATERIAL_AVAILABILITY,text=AV_QTY_PLT")]
    )
    with pytest.raises(Misconfigured, match="AV_QTY_PLT"):
        StockDesk(system, lambda: spoken).ask(plant="1000", material="XC-80513368", unit="PCE")
