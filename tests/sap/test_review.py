"""What the sales rep decides: link with or without correction, and the sheet that comes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook
from sqlalchemy import text

from connector.domain.lifecycle import HoldCause
from connector.errors import ConnectorError, Misconfigured, Rejected, RetryLater
from connector.extracts.review import Answer, read_review, write_review
from connector.notify.digest import Language
from connector.sandbox.faults import Fault
from connector.steps.correct import correct
from connector.steps.recognise import look_up, recognise
from connector.steps.repair import link_customer, retry
from connector.steps.review import Taken, questions, take_answers
from connector.store.calls import CallState
from connector.store.trouble import Trouble
from tests.support.scene import Scene, scene
from tests.support.words import english_in


@pytest.fixture
def at(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    with scene(database_url, tmp_path) as made:
        yield made


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Scene]:
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A scene for tests that change nothing in it."""
    folder = tmp_path_factory.mktemp("untouched")
    with scene(f"sqlite:///{folder / 'c.db'}", folder) as made:
        yield made
        assert made.stands(31) == ("valid", "customer_review")


def customer(at: Scene, number: str) -> dict[str, Any]:
    row = at.sandbox.books.get("sap.customer", number)
    assert row is not None
    return row


def returned(path: Path) -> list[Answer]:
    return read_review(path.read_bytes(), str(path))


def filled(at: Scene, path: Path, **cells: str) -> list[Taken]:
    """Export the sheet, fill cells in, import it. Cells are named as A3="关联"."""
    write_review(path, questions(at.context))
    book = load_workbook(path)
    for place, value in cells.items():
        book["客户识别"][place] = value
    book.save(path)
    return list(take_answers(at.context, returned(path), "rep"))


@pytest.mark.parametrize("chinese_alone", [True, False])
def test_the_sheet_tells_reasons_and_evidence_in_the_sites_language(
    untouched: Scene, tmp_path: Path, chinese_alone: bool
) -> None:
    language = Language(True, not chinese_alone, ZoneInfo("Asia/Shanghai"))
    write_review(tmp_path / "r.xlsx", questions(untouched.context), language.say)
    book = load_workbook(tmp_path / "r.xlsx")
    reason = str(book["客户识别"]["K3"].value)
    evidence = str(book["候选客户"]["G3"].value)
    assert reason.startswith("SAP中有相似客户，但无法确定是同一家")
    assert evidence.startswith("代码")
    assert "名称" in evidence
    assert bool(english_in(reason)) is not chinese_alone
    assert ("name" in evidence) is not chinese_alone


@pytest.mark.long_on_postgresql
def test_a_linked_record_is_corrected_when_asked_for(at: Scene) -> None:
    before = customer(at, "0000100003")
    moved = link_customer(at.context, at.order(31), "100003", "rep", correcting=True)
    assert {row.number for row in moved} == {"31", "37", "43", "49"}
    after = customer(at, "0000100003")
    assert (after["STCD5"], after["TELF1"]) == ("91320300MA11001ABD", "13900000001")
    assert after["NAME1"] == "上海浦江吊装工程(集团)有限公司"
    # What the buyer did not say, and what has no X flag, is as it was.
    assert (after["LOEVM"], after["AUFSD"], after["KUNNR"]) == ("", "", before["KUNNR"])
    assert "which was corrected" in " ".join(event.text for event in at.story(31))


def test_a_linked_record_is_left_alone_otherwise(on_sqlite: Scene) -> None:
    before = customer(on_sqlite, "0000100003")
    link_customer(on_sqlite.context, on_sqlite.order(31), "100003", "rep")
    assert customer(on_sqlite, "0000100003") == before


def test_a_correction_whose_answer_is_lost_is_asked_about(on_sqlite: Scene) -> None:
    at = on_sqlite
    at.fault("sap:lost-answer:operation=BAPI_TRANSACTION_COMMIT,times=1")
    link_customer(at.context, at.order(31), "100003", "rep", correcting=True)
    (call,) = [each for each in at.context.calls.listed() if each.operation == "correct_customer"]
    assert (call.state, call.asked, call.attempts) == (CallState.CONFIRMED, 1, 1)
    assert customer(at, "0000100003")["STCD5"] == "91320300MA11001ABD"
    # Somebody undoes it: the same correction is made anew, once.
    at.sandbox.books.put("sap.customer", "0000100003",
                         {**customer(at, "0000100003"), "STCD5": ""})  # fmt: skip
    link_customer(at.context, at.order(31), "100003", "rep", correcting=True)
    assert customer(at, "0000100003")["STCD5"] == "91320300MA11001ABD"


def test_a_correction_that_was_given_up_is_not_left_pending(on_sqlite: Scene) -> None:
    at = on_sqlite
    at.fault("sap:lost-answer:operation=BAPI_CUSTOMER_CHANGEFROMDATA*,times=1")
    with pytest.raises(RetryLater):
        link_customer(at.context, at.order(31), "100003", "rep", correcting=True)
    (call,) = [each for each in at.context.calls.listed() if each.operation == "correct_customer"]
    assert call.state == CallState.PENDING
    at.later(minutes=10)
    link_customer(at.context, at.order(31), "100003", "rep")
    call = at.context.calls.by_key(call.key)
    assert (call.state, call.code) == (CallState.REJECTED, "withdrawn")
    # A retry of the order does not bring it back, and it can be wished for anew.
    retry(at.context, at.order(31), "ops")
    assert at.context.calls.by_key(call.key).code == "withdrawn"
    order = at.context.read(at.order(31))
    record = at.context.sap_customers.read_back("100003")
    assert record is not None
    assert correct(at.context, at.order(31), order, record)
    assert customer(at, "0000100003")["STCD5"] == "91320300MA11001ABD"


def test_a_correction_in_doubt_that_was_given_up_is_asked_about_and_ends(on_sqlite: Scene) -> None:
    at = on_sqlite
    # The commit's answer is lost, and SAP is away when it is asked.
    at.fault("sap:lost-answer:operation=BAPI_TRANSACTION_COMMIT,times=1")
    order = at.context.read(at.order(31))
    record = at.context.sap_customers.read_back("100003")
    assert record is not None
    lost = at.context.sap_customers.read_back

    class Away:
        def __getattr__(self, name: str) -> Any:
            return getattr(at.context.sap_customers, name)

        def correct(self, *arguments: Any) -> Any:
            made = at.context.sap_customers.correct(*arguments)
            return made

        def read_back(self, number: str) -> Any:
            raise RetryLater("SAP: cannot be reached")

    away: Any = Away()
    with pytest.raises(ConnectorError):
        correct(replace(at.context, sap_customers=away), at.order(31), order, record)
    (call,) = [each for each in at.context.calls.listed() if each.operation == "correct_customer"]
    assert call.state == CallState.IN_DOUBT
    assert lost("100003") is not None
    link_customer(at.context, at.order(31), "100003", "rep")
    assert at.context.calls.by_key(call.key).state == CallState.IN_DOUBT
    at.later(minutes=1)
    call = at.context.calls.by_key(call.key)
    assert (call.state, call.document) == (CallState.CONFIRMED, record.number)


def test_a_correction_that_never_arrived_and_was_given_up_is_withdrawn_once_it_settled(
    on_sqlite: Scene,
) -> None:
    at = on_sqlite
    at.fault("sap:lost-answer:operation=BAPI_CUSTOMER_CHANGEFROMDATA*,times=1")
    with pytest.raises(RetryLater):
        link_customer(at.context, at.order(31), "100003", "rep", correcting=True)
    (call,) = [each for each in at.context.calls.listed() if each.operation == "correct_customer"]
    link_customer(at.context, at.order(31), "100003", "rep")
    with at.connector.database.transaction() as session:
        session.execute(
            text("UPDATE outbound_call SET state = 'in_doubt', code = NULL WHERE id = :id"),
            {"id": call.id},
        )
    at.later(minutes=1)
    assert at.context.calls.by_key(call.key).state == CallState.IN_DOUBT
    at.later(minutes=5)
    call = at.context.calls.by_key(call.key)
    assert (call.state, call.code) == (CallState.REJECTED, "withdrawn")


def test_calls_that_nothing_works_on_are_told_of(on_sqlite: Scene) -> None:
    at = on_sqlite
    at.fault("sap:lost-answer:operation=BAPI_CUSTOMER_CHANGEFROMDATA*,times=1")
    with pytest.raises(RetryLater):
        link_customer(at.context, at.order(31), "100003", "rep", correcting=True)
    (call,) = [each for each in at.context.calls.listed() if each.operation == "correct_customer"]
    trouble = Trouble(at.connector.database)
    settling = at.context.outbound.settling

    def told(state: str, hold: str | None, tries: int, minutes: float) -> list[int]:
        with at.connector.database.transaction() as session:
            session.execute(
                text("UPDATE outbound_call SET state = :state WHERE id = :id"),
                {"state": state, "id": call.id},
            )
            session.execute(
                text("UPDATE orders SET hold_cause = :hold, tries = :tries WHERE id = :id"),
                {"hold": hold, "tries": tries, "id": call.order_pk},
            )
        now = at.clock.now + timedelta(minutes=minutes)
        return [each for *_, each in trouble.left_open(now - 2 * settling)]

    for state in ("pending", "in_doubt"):
        assert told(state, None, 0, 7) == [call.id]
        assert told(state, None, 0, 5) == []
        assert told(state, None, 2, 7) == told(state, "in_doubt", 0, 7) == []
    assert told("sent", "in_doubt", 2, 7) == [call.id]
    assert told("confirmed", None, 0, 7) == []


@pytest.mark.parametrize(
    ("number", "words"),
    [("100012", "blocked"), ("100013", "marked for deletion"), ("999999", "no customer")],
)
def test_nobody_is_linked_to_a_record_that_cannot_be_used(
    untouched: Scene, number: str, words: str
) -> None:
    with pytest.raises(Rejected, match=words):
        link_customer(untouched.context, untouched.order(31), number, "rep")


def test_a_record_corrected_in_sap_is_recognised_by_itself(on_sqlite: Scene) -> None:
    at = on_sqlite
    at.sandbox.books.put("sap.customer", "0000100003",
                         {**customer(at, "0000100003"), "STCD5": "91320300MA11001ABD"})  # fmt: skip
    at.later(minutes=20, ticks=2)
    assert at.order(31).customer_number == "0000100003"
    assert at.order(31).hold_cause is None


def test_the_sheet_shows_each_buyer_once_with_the_candidates(
    untouched: Scene, tmp_path: Path
) -> None:
    path = write_review(tmp_path / "r.xlsx", questions(untouched.context))
    book = load_workbook(path)
    rows = list(book["客户识别"].iter_rows(min_row=3, values_only=True))
    assert len(rows) == 1
    assert (rows[0][2], rows[0][4]) == ("31", "37, 43, 49")
    offers = list(book["候选客户"].iter_rows(min_row=3, values_only=True))
    assert offers[0][1:3] == ("0000100003", "上海浦江吊装工程集团有限公司")


@pytest.mark.parametrize("word", ["关联", " Link "])
def test_a_link_in_the_sheet_moves_all_orders_of_the_buyer(
    on_sqlite: Scene, tmp_path: Path, word: str
) -> None:
    (taken,) = filled(on_sqlite, tmp_path / "r.xlsx", A3=word, B3="100003")
    assert not taken.wrong
    for number in (31, 37, 43, 49):
        assert on_sqlite.order(number).customer_number == "0000100003"


def test_create_in_the_sheet_creates_once(on_sqlite: Scene, tmp_path: Path) -> None:
    (taken,) = filled(on_sqlite, tmp_path / "r.xlsx", A3="新建")
    assert not taken.wrong
    made = {on_sqlite.order(number).customer_number for number in (31, 37, 43, 49)}
    assert len(made) == 1
    # The same sheet again finds nothing that waits.
    (again,) = list(take_answers(on_sqlite.context, returned(tmp_path / "r.xlsx"), "rep"))
    assert "does not wait" in (again.wrong or "")


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"A3": "maybe"}, "decision 'maybe' is none"),
        ({"A3": "link"}, "give the SAP customer number"),
        ({"A3": "create", "B3": "100003"}, "which is meant"),
        ({"A3": "link", "B3": "=1+1"}, "holds a formula"),
        ({"A3": "link", "B3": "-"}, "give the SAP customer number"),
        ({"A3": "link", "B3": "100013"}, "marked for deletion"),
        ({"A3": "link", "B3": "777"}, "no customer 777"),
        ({"A3": "link", "B3": "100003", "C3": "99"}, "does not wait"),
        ({"A3": "link", "B3": "100003", "D3": "0000"}, "changed since the sheet was made"),
    ],
)
def test_each_row_is_checked(
    untouched: Scene, tmp_path: Path, cells: dict[str, str], words: str
) -> None:
    (taken,) = filled(untouched, tmp_path / "r.xlsx", **cells)
    assert words in (taken.wrong or "")
    assert untouched.stands(31) == ("valid", "customer_review")


def test_a_wrong_row_does_not_stop_the_good_ones(on_sqlite: Scene, tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    write_review(path, questions(on_sqlite.context))
    book = load_workbook(path)
    sheet = book["客户识别"]
    mark = sheet["D3"].value
    sheet.append(["link", 100003, "31", mark])
    sheet["A3"], sheet["C3"] = "link", "no-such-order"
    sheet["B3"] = "100003"
    book.save(path)
    first, second = take_answers(on_sqlite.context, returned(path), "rep")
    assert first.wrong
    assert not second.wrong, second.wrong
    assert on_sqlite.order(31).customer_number == "0000100003"


def test_a_buyer_decided_differently_in_two_rows_is_not_decided(
    untouched: Scene, tmp_path: Path
) -> None:
    path = tmp_path / "r.xlsx"
    write_review(path, questions(untouched.context))
    book = load_workbook(path)
    sheet = book["客户识别"]
    sheet["A3"] = "create"
    sheet.append(["link", "100003", "37", sheet["D3"].value])
    book.save(path)
    taken = list(take_answers(untouched.context, returned(path), "rep"))
    assert all("differently" in (each.wrong or "") for each in taken)
    assert untouched.stands(31) == ("valid", "customer_review")


def test_a_sorted_sheet_is_read_by_its_words(untouched: Scene, tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    write_review(path, questions(untouched.context))
    before = returned(path)
    book = load_workbook(path)
    sheet = book["客户识别"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    for at, row in enumerate([*rows[1:], rows[0]], start=2):  # the second heading goes last
        for column, value in enumerate(row, start=1):
            sheet.cell(at, column, value)
    book.save(path)
    after = returned(path)
    assert [replace(each, row=0) for each in after] == [replace(each, row=0) for each in before]


def test_a_dry_run_changes_nothing(untouched: Scene, tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    write_review(path, questions(untouched.context))
    book = load_workbook(path)
    book["客户识别"]["A3"], book["客户识别"]["B3"] = "link", "100003"
    book.save(path)
    (taken,) = take_answers(untouched.context, returned(path), "rep", dry_run=True)
    assert taken.done == "would be linked to 0000100003"
    assert untouched.stands(31) == ("valid", "customer_review")


def test_sap_away_stops_the_import(on_sqlite: Scene, tmp_path: Path) -> None:
    on_sqlite.fault("sap:outage")
    path = tmp_path / "r.xlsx"
    with pytest.raises(RetryLater):
        filled(on_sqlite, path, A3="link", B3="100003")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", "订单,决定".encode()])
def test_a_file_that_is_no_workbook_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.xlsx"
    path.write_bytes(content)
    with pytest.raises(Misconfigured, match="--export"):
        returned(path)


def test_another_workbook_is_said(tmp_path: Path) -> None:
    from openpyxl import Workbook

    Workbook().save(tmp_path / "r.xlsx")
    with pytest.raises(Misconfigured, match="no sheet 客户识别"):
        returned(tmp_path / "r.xlsx")


def test_waiting_orders_of_one_buyer_are_looked_up_once(untouched: Scene) -> None:
    at = untouched
    rows = [at.order(number) for number in (31, 37, 43, 49)]
    fault = Fault.parse("sap:latency:operation=RFC_READ_TABLE,times=0")
    at.sandbox.faults.set([fault])
    found = look_up(at.context, rows)
    # Four phone numbers are four questions, of which one call holds all.
    assert fault.seen == 1
    for row in rows:
        candidates = found[row.id]
        assert not isinstance(candidates, ConnectorError)
        assert "0000100003" in [each.number for each in candidates]
    # Whose customer is settled is not looked up: order 45's was created.
    assert look_up(at.context, [at.order(45)]) == {}


def test_sap_away_is_what_each_order_is_told(untouched: Scene) -> None:
    untouched.fault("sap:outage")
    row = untouched.order(31)
    (found,) = look_up(untouched.context, [row]).values()
    assert isinstance(found, RetryLater)
    with pytest.raises(RetryLater):
        recognise(untouched.context, row, found)
    untouched.fault()


def test_nobody_is_created_on_an_old_look_up(untouched: Scene) -> None:
    # The look-up for many found nobody; by now there is somebody alike.
    change = recognise(untouched.context, untouched.order(31), [])
    assert change.hold is not None
    assert change.hold.cause is HoldCause.CUSTOMER_REVIEW
    assert untouched.context.calls.of_order(untouched.order(31).id) == []


def test_a_buyer_whom_more_records_resemble_than_are_read_is_for_the_sales_rep(
    untouched: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.sap.readtable.MOST_ROWS", 1)
    change = recognise(untouched.context, untouched.order(31))
    assert change.hold is not None
    assert change.hold.cause is HoldCause.CUSTOMER_REVIEW
    assert "more than 1 records" in change.hold.reasons[0]
    assert change.next_try_at is not None
    assert untouched.context.calls.of_order(untouched.order(31).id) == []
