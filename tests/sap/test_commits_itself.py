"""A function module that commits by itself: once it was sent, a lost answer is in doubt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.errors import ConnectorError, InDoubt, MappingFailed, Rejected, RetryLater
from connector.mapping import MappingsInvalid, load
from connector.sandbox.faults import Fault
from connector.sandbox.service import Sandbox
from connector.sap.customers import CustomerDesk
from tests.sap.test_lookup import CREATE_BY_FUNCTION, NOBODY, UNIT, mappings_with, system

NOW = CREATE_BY_FUNCTION.replace("Z_CUSTOMER_CREATE", "Z_CUSTOMER_CREATE_NOW").replace(
    "    request:", "    commits_itself: true\n    request:"
)
OF = "operation=Z_CUSTOMER_CREATE_NOW"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def desk(sandbox: Sandbox, folder: Path, text: str = NOW) -> CustomerDesk:
    mappings = load(mappings_with(folder, sap_customer_create_person=text))
    return CustomerDesk(system(sandbox), lambda: mappings)


@pytest.mark.parametrize(
    ("fault", "error", "made"),
    [
        (f"lost-answer:{OF}", InDoubt, 1),
        (f"cut:{OF}", InDoubt, 1),
        (f"reset:{OF}", InDoubt, 0),
        (f"http:{OF},status=401", InDoubt, 0),
        (f"http:{OF},status=503", InDoubt, 0),
        (f"garbage:{OF},text=<html>", InDoubt, 1),
        (f"business:{OF},code=TIME_OUT", InDoubt, 0),
        ("lost-answer:operation=RFC_READ_TABLE", InDoubt, 1),
        # It was asked before anything was sent, or said no in its own words.
        ("business:operation=Z_CUSTOMER_CREATE_NOW", Rejected, 0),
        ("outage:operation=RFC_GET_FUNCTION_INTERFACE", RetryLater, 0),
    ],
)
def test_a_lost_answer_is_a_doubt_and_not_nothing(
    sandbox: Sandbox, tmp_path: Path, fault: str, error: type[ConnectorError], made: int
) -> None:
    numbers: list[str] = []
    sandbox.faults.set([Fault.parse(f"sap:{fault}")])
    with pytest.raises(error) as raised:
        desk(sandbox, tmp_path).create(NOBODY, UNIT, given=numbers.append)
    assert type(raised.value) is error
    assert raised.value.no_effect is (error is RetryLater)
    there = [row for row in sandbox.books.all("sap.customer") if row["STCD5"] == NOBODY.code]
    assert len(there) == made


def test_no_session_and_no_commit_is_needed(sandbox: Sandbox, tmp_path: Path) -> None:
    commit = Fault.parse("sap:outage:operation=BAPI_TRANSACTION_*")
    sandbox.faults.set([commit, Fault.parse("sap:no-session")])
    number = desk(sandbox, tmp_path).create(NOBODY, UNIT)
    assert sandbox.books.get("sap.customer", number)
    assert commit.seen == 0


def test_what_does_not_fit_is_not_sent_and_the_number_is_noted(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    numbers: list[str] = []
    wrong = NOW.replace("IS_CUSTOMER.CITY", "IS_CUSTOMER.TOWN")
    unfit = desk(sandbox, tmp_path / "wrong", wrong)
    with pytest.raises(MappingFailed) as raised:
        unfit.create(NOBODY, UNIT)
    assert raised.value.no_effect
    assert desk(sandbox, tmp_path / "right").create(NOBODY, UNIT, given=numbers.append) in numbers


def test_only_the_last_call_may_commit(tmp_path: Path) -> None:
    second = "  - {function: Z_CUSTOMER_TAX_SET, request: [{field: CUSTOMERNO, constant: x}]}\n"
    text = NOW.replace("answer:\n", f"{second}answer:\n")
    folder = mappings_with(tmp_path, sap_customer_create_person=text)
    with pytest.raises(MappingsInvalid, match="must be the last call"):
        load(folder)
