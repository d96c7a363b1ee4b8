"""Outbound calls: recorded before sent, asked about before sent again."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from connector.errors import (
    AlreadyThere,
    InDoubt,
    LogonFailed,
    MappingFailed,
    Misconfigured,
    Rejected,
    RetryLater,
    without_effect,
)
from connector.steps.outbound import Document, Outbound
from connector.store.calls import ASK_FIRST, Call, Calls, CallState
from connector.store.database import Database

SETTLING = timedelta(minutes=3)
CALL = Call(
    system="dms",
    operation="dms_sales_order",
    subject="shop/30",
    part="GQ",
    reference="30",
    request={"total": "1.00"},
)


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Side:
    """The other side: what arrives there, and how it answers."""

    calls: Calls
    held: list[str] = field(default_factory=list)
    answers: list[Exception | None] = field(default_factory=list)
    arrives: bool = True
    asked: int = 0
    recorded_before_sent: list[str] = field(default_factory=list)

    def send(self) -> Document:
        row = self.calls.by_key(CALL.key)
        self.recorded_before_sent.append(row.state)
        answer = self.answers.pop(0) if self.answers else None
        if self.arrives:
            self.held.append(f"SO{len(self.held) + 1}")
        if answer is not None:
            raise answer
        return Document(self.held[-1], {"status": "OPEN"})

    def ask(self) -> Document | None:
        self.asked += 1
        return Document(self.held[0], {}) if self.held else None


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def calls(database: Database) -> Calls:
    return Calls(database)


@pytest.fixture
def outbound(calls: Calls, clock: Clock) -> Outbound:
    return Outbound(calls, clock, SETTLING)


def state(calls: Calls) -> str:
    return calls.by_key(CALL.key).state


def test_a_call_is_recorded_as_sent_before_it_is_sent(calls: Calls, outbound: Outbound) -> None:
    side = Side(calls)
    assert outbound.perform(CALL, side.send, side.ask).number == "SO1"
    assert side.recorded_before_sent == [CallState.SENT]
    assert state(calls) == CallState.CONFIRMED


def test_a_confirmed_call_is_never_sent_again(calls: Calls, outbound: Outbound) -> None:
    side = Side(calls)
    outbound.perform(CALL, side.send, side.ask)
    again = outbound.perform(CALL, side.send, side.ask)
    assert (again.number, again.answer) == ("SO1", {"status": "OPEN"})
    assert side.held == ["SO1"]
    assert side.asked == 0


def test_lost_answer_is_asked_for_before_resending(calls: Calls, outbound: Outbound) -> None:
    side = Side(calls, answers=[InDoubt("answer lost")])
    assert outbound.perform(CALL, side.send, side.ask).number == "SO1"
    assert (side.held, side.asked) == (["SO1"], 1)


def test_absent_is_believed_only_after_settling(
    calls: Calls, outbound: Outbound, clock: Clock
) -> None:
    side = Side(calls, answers=[InDoubt("reset")], arrives=False)
    with pytest.raises(RetryLater) as early:
        outbound.perform(CALL, side.send, side.ask)
    assert early.value.after == SETTLING.total_seconds()
    assert state(calls) == CallState.IN_DOUBT
    clock.now += SETTLING - timedelta(seconds=1)
    with pytest.raises(RetryLater):
        outbound.perform(CALL, side.send, side.ask)
    clock.now += timedelta(seconds=1)
    side.arrives = True
    assert outbound.perform(CALL, side.send, side.ask).number == "SO1"
    assert side.recorded_before_sent == [CallState.SENT, CallState.SENT]


def test_a_call_that_is_no_longer_young_once_it_is_recorded_is_not_sent(
    calls: Calls, outbound: Outbound, clock: Clock
) -> None:
    side, moments = Side(calls), [clock.now, clock.now + SETTLING / 2]
    with pytest.raises(RetryLater, match="too long"):
        Outbound(calls, lambda: moments.pop(0), SETTLING).perform(CALL, side.send, side.ask)
    assert (side.held, state(calls)) == ([], CallState.PENDING)
    assert outbound.perform(CALL, side.send, side.ask).number == "SO1"
    assert (side.held, side.asked) == (["SO1"], 0)


def test_a_request_that_arrives_late_is_found_and_not_doubled(
    calls: Calls, outbound: Outbound, clock: Clock
) -> None:
    side = Side(calls, answers=[InDoubt("timeout")], arrives=False)
    with pytest.raises(RetryLater):
        outbound.perform(CALL, side.send, side.ask)
    side.held.append("SO-late")
    clock.now += SETTLING
    assert outbound.perform(CALL, side.send, side.ask).number == "SO-late"
    assert side.held == ["SO-late"]


def test_a_process_killed_while_sending_is_asked_after(
    calls: Calls, outbound: Outbound, clock: Clock
) -> None:
    assert calls.begin(CALL, clock())
    side = Side(calls, held=["SO1"])
    with pytest.raises(RetryLater, match="on its way"):
        outbound.perform(CALL, side.send, side.ask)
    assert side.asked == 0
    clock.now += SETTLING
    assert outbound.perform(CALL, side.send, side.ask).number == "SO1"
    assert side.recorded_before_sent == []


def test_who_found_an_attempt_absent_does_not_release_the_next_one(
    calls: Calls, outbound: Outbound, clock: Clock
) -> None:
    """Two orders of one new buyer share the call that creates the customer."""
    side = Side(calls, answers=[InDoubt("reset")], arrives=False)
    with pytest.raises(RetryLater):
        outbound.perform(CALL, side.send, side.ask)
    clock.now += SETTLING
    side.arrives = True

    def sends_meanwhile() -> Document:
        # The other order looked too while the first one was on its way to be sent again.
        row = calls.by_key(CALL.key)
        assert row.state == CallState.SENT
        assert calls.release(stale, "asked: provably absent") is False
        with pytest.raises(RetryLater, match="on its way"):
            outbound.perform(CALL, side.send, side.ask)
        return side.send()

    stale = calls.by_key(CALL.key)
    assert outbound.perform(CALL, sends_meanwhile, side.ask).number == "SO1"
    assert side.held == ["SO1"]


def test_a_side_that_cannot_be_asked_leaves_the_doubt_to_ops(
    calls: Calls, outbound: Outbound, clock: Clock
) -> None:
    side = Side(calls, answers=[InDoubt("lost")])
    with pytest.raises(InDoubt, match="calls resolve"):
        outbound.perform(CALL, side.send, None)
    clock.now += SETTLING * 2
    with pytest.raises(InDoubt, match="calls resolve"):
        outbound.perform(CALL, side.send, None)
    assert side.held == ["SO1"]


@pytest.mark.parametrize(
    "error",
    [
        RetryLater("refused"),
        without_effect(Misconfigured("no")),
        without_effect(LogonFailed("no")),
        without_effect(MappingFailed("m", ["f"])),
    ],
)
def test_what_provably_had_no_effect_may_be_sent_again(
    calls: Calls, outbound: Outbound, error: Exception
) -> None:
    side = Side(calls, answers=[error], arrives=False)
    with pytest.raises(type(error)):
        outbound.perform(CALL, side.send, side.ask)
    assert state(calls) == CallState.PENDING
    side.arrives = True
    assert outbound.perform(CALL, side.send, side.ask).number == "SO1"
    assert side.asked == 0


@pytest.mark.parametrize("error", [Misconfigured("HTTP 302"), LogonFailed("HTTP 401")])
def test_settings_that_are_blamed_after_the_work_was_done_free_nothing(
    calls: Calls, outbound: Outbound, error: Exception
) -> None:
    side = Side(calls, answers=[error])
    if isinstance(error, LogonFailed):
        with pytest.raises(LogonFailed):  # credentials are not tried again by asking
            outbound.perform(CALL, side.send, side.ask)
        assert state(calls) == CallState.IN_DOUBT
    assert outbound.perform(CALL, side.send, side.ask).number == "SO1"
    assert (side.held, side.asked) == (["SO1"], 1)


def test_one_write_that_is_answered_as_if_settings_were_wrong_stops_no_other(
    calls: Calls, outbound: Outbound
) -> None:
    """A firewall that dislikes one request: the DMS, when it is asked, takes calls."""
    side = Side(calls, answers=[Misconfigured("HTTP 403")], arrives=False)
    with pytest.raises(RetryLater, match="not found"):
        outbound.perform(CALL, side.send, side.ask)
    side.arrives = True
    other = replace(CALL, subject="shop/31")
    assert outbound.perform(other, lambda: Document("SO9", {}), side.ask).number == "SO9"


@pytest.mark.parametrize("error", [Misconfigured("HTTP 404"), LogonFailed("HTTP 401")])
def test_a_system_that_refuses_whatever_comes_gets_one_write_and_then_a_question(
    calls: Calls, clock: Clock, error: Exception
) -> None:
    def refuses() -> Document:
        sent.append("write")
        raise error

    def asked() -> Document | None:
        sent.append("question")
        raise error

    sent: list[str] = []
    for number in range(5):  # each in a process of its own
        with pytest.raises(type(error)):
            Outbound(calls, clock, SETTLING).perform(
                replace(CALL, subject=f"shop/{number}"), refuses, asked
            )
        clock.now += timedelta(minutes=1)
    assert sent.count("write") == 1
    assert len(calls.listed(("in_doubt",))) == 1


def test_of_a_system_that_cannot_be_asked_a_write_is_tried_now_and_then(
    calls: Calls, clock: Clock
) -> None:
    sent: list[datetime] = []

    def refuses() -> Document:
        sent.append(clock.now)
        raise LogonFailed("HTTP 401")

    for number in range(25):
        with pytest.raises(Misconfigured) as refused:
            Outbound(calls, clock, SETTLING).perform(
                replace(CALL, subject=f"shop/{number}"), refuses, None
            )
        assert refused.value.no_effect == (sent[-1] != clock.now)
        clock.now += timedelta(minutes=1)
    assert len(sent) == 3
    assert len(calls.listed()) == 3  # what was kept back is not recorded as sent
    # As soon as one is taken, all go on.
    clock.now += timedelta(minutes=10)
    taken = Outbound(calls, clock, SETTLING)
    for number in range(50, 53):
        call = replace(CALL, subject=f"shop/{number}")
        assert taken.perform(call, lambda: Document("SO1", {}), None).number == "SO1"


@pytest.mark.parametrize(
    "answer", [Rejected("E9", "no such query"), MappingFailed("m", ["f"]), InDoubt("unreadable")]
)
def test_an_order_is_not_blamed_for_what_a_question_comes_to(
    calls: Calls, clock: Clock, answer: Exception
) -> None:
    """The question is asked to learn whether the system takes calls again."""

    def asked() -> Document | None:
        raise answer

    def sent() -> Document:
        raise Misconfigured("HTTP 404")

    with pytest.raises(InDoubt):
        Outbound(calls, clock, SETTLING).perform(CALL, sent, asked)
    other = replace(CALL, subject="shop/31")
    for _ in range(2):
        with pytest.raises(Misconfigured, match="nothing new is sent") as kept:
            Outbound(calls, clock, SETTLING).perform(other, sent, asked)
        assert kept.value.no_effect
        assert calls.find(other.key) is None
        clock.now += timedelta(minutes=4)
    # It is then tried as where nobody can be asked.
    clock.now += timedelta(minutes=3)
    taken = Outbound(calls, clock, SETTLING)
    assert taken.perform(other, lambda: Document("SO1", {}), asked).number == "SO1"


def test_a_system_that_can_be_asked_is_asked_however_long_ago_it_refused(
    calls: Calls, clock: Clock
) -> None:
    side = Side(calls, answers=[Misconfigured("HTTP 403")], arrives=False)
    with pytest.raises(RetryLater, match="not found"):
        Outbound(calls, clock, SETTLING).perform(CALL, side.send, side.ask)
    clock.now += timedelta(hours=1)
    other, down = replace(CALL, subject="shop/31"), RetryLater("the DMS is down")

    def asked() -> Document | None:
        raise down

    with pytest.raises(RetryLater, match="the DMS is down"):
        Outbound(calls, clock, SETTLING).perform(other, lambda: Document("SO9", {}), asked)
    assert calls.find(other.key) is None


def test_an_answer_that_no_mapping_reads_frees_nothing(calls: Calls, outbound: Outbound) -> None:
    side = Side(calls, answers=[MappingFailed("m", ["f"])])
    assert outbound.perform(CALL, side.send, side.ask).number == "SO1"
    assert (side.held, side.asked) == (["SO1"], 1)


@pytest.mark.parametrize("number", ["None", "", " \n", "null", "000"])
def test_an_answer_that_is_ok_and_names_no_number_is_a_doubt(
    calls: Calls, outbound: Outbound, number: str
) -> None:
    side = Side(calls)

    def send() -> Document:
        side.send()
        return Document(number, {})

    assert outbound.perform(CALL, send, side.ask).number == "SO1"
    assert (side.held, side.asked) == (["SO1"], 1)


def test_what_is_found_without_a_number_is_neither_confirmed_nor_absent(
    calls: Calls, outbound: Outbound, clock: Clock
) -> None:
    side = Side(calls, answers=[InDoubt("lost")])
    for _ in range(2):
        with pytest.raises(InDoubt, match="without a number"):
            outbound.perform(CALL, side.send, lambda: Document("None", {}))
        assert state(calls) == CallState.IN_DOUBT
        clock.now += SETTLING
    assert side.held == ["SO1"]


def test_a_number_is_kept_without_its_padding(calls: Calls, outbound: Outbound) -> None:
    made = outbound.perform(CALL, lambda: Document(" SO1 \n", {}), None)
    assert (made.number, calls.by_key(CALL.key).document) == ("SO1", "SO1")


def test_what_was_refused_after_it_was_done_is_found_when_a_person_has_it_sent_again(
    calls: Calls, outbound: Outbound
) -> None:
    side = Side(calls, answers=[Rejected("Client", "locked")])
    with pytest.raises(Rejected):
        outbound.perform(CALL, side.send, side.ask)
    assert calls.release(calls.by_key(CALL.key), "again", ASK_FIRST)
    assert outbound.perform(CALL, side.send, side.ask).number == "SO1"
    assert (side.held, side.asked, state(calls)) == (["SO1"], 1, CallState.CONFIRMED)


def test_what_was_refused_and_not_done_is_sent_when_a_person_says_so(
    calls: Calls, outbound: Outbound
) -> None:
    side = Side(calls, answers=[Rejected("AMOUNT", "wrong")], arrives=False)
    with pytest.raises(Rejected):
        outbound.perform(CALL, side.send, side.ask)
    assert calls.release(calls.by_key(CALL.key), "again", ASK_FIRST)
    side.arrives = True
    assert outbound.perform(CALL, side.send, side.ask).number == "SO1"
    assert (side.held, side.asked) == (["SO1"], 1)


def test_what_never_arrives_is_sent_again_twice_and_then_looked_at(
    calls: Calls, outbound: Outbound, clock: Clock
) -> None:
    side = Side(calls, answers=[InDoubt("reset")] * 9, arrives=False)
    for _ in range(3):
        with pytest.raises(RetryLater, match="not found yet"):
            outbound.perform(CALL, side.send, side.ask)
        clock.now += SETTLING
    assert len(side.recorded_before_sent) == 3
    for _ in range(2):
        with pytest.raises(InDoubt, match=r"not there, 3 times.*for 30.*attempt 3.*calls resolve"):
            outbound.perform(CALL, side.send, side.ask)
    assert len(side.recorded_before_sent) == 3
    # What refused connections never counts: nothing of it can have arrived.
    calls.release(calls.by_key(CALL.key), "absent, says ops:a")
    side.answers = [RetryLater("refused")] * 4
    for _ in range(4):
        with pytest.raises(RetryLater, match="refused"):
            outbound.perform(CALL, side.send, side.ask)
    side.arrives, side.answers = True, []
    assert outbound.perform(CALL, side.send, side.ask).number == "SO1"


def test_a_refusal_stays_until_somebody_releases_it(calls: Calls, outbound: Outbound) -> None:
    side = Side(calls, answers=[Rejected("AMOUNT", "wrong total")], arrives=False)
    for _ in range(2):
        with pytest.raises(Rejected, match="AMOUNT wrong total"):
            outbound.perform(CALL, side.send, side.ask)
    assert len(side.recorded_before_sent) == 1
    calls.release(calls.by_key(CALL.key), "by hand")
    side.arrives = True
    assert outbound.perform(CALL, side.send, side.ask).number == "SO1"


def test_already_there_is_found_not_doubled(calls: Calls, outbound: Outbound) -> None:
    side = Side(calls, held=["SO7"], answers=[AlreadyThere("duplicate")], arrives=False)
    assert outbound.perform(CALL, side.send, side.ask).number == "SO7"


def test_an_unforeseen_error_is_a_doubt_and_never_fine(calls: Calls, outbound: Outbound) -> None:
    side = Side(calls, answers=[KeyError("surprise")])
    assert outbound.perform(CALL, side.send, side.ask).number == "SO1"
    assert (side.held, side.asked) == (["SO1"], 1)


def test_a_question_that_is_refused_leaves_the_doubt(calls: Calls, outbound: Outbound) -> None:
    def refused() -> Document | None:
        raise Rejected("NO", "may not ask")

    side = Side(calls, answers=[InDoubt("lost")])
    with pytest.raises(InDoubt, match="asking was refused"):
        outbound.perform(CALL, side.send, refused)
    assert state(calls) == CallState.IN_DOUBT


def test_a_number_that_was_given_and_is_not_there_is_never_sent_again(
    calls: Calls, outbound: Outbound, clock: Clock
) -> None:
    side = Side(calls, answers=[InDoubt("committed, and not there")], arrives=False)

    def send() -> Document:
        outbound.given(CALL, "200001")
        return side.send()

    with pytest.raises(RetryLater):
        outbound.perform(CALL, send, side.ask)
    for _ in range(3):
        clock.now += SETTLING
        with pytest.raises(InDoubt, match="200001") as doubt:
            outbound.perform(CALL, send, side.ask)
        assert doubt.value.asked_again
    assert len(side.recorded_before_sent) == 1
    # A person said that it is absent: the next attempt has its own number, or none.
    calls.release(calls.by_key(CALL.key), "absent")
    side.answers = [InDoubt("lost")]
    with pytest.raises(RetryLater):
        outbound.perform(CALL, side.send, side.ask)
    clock.now += SETTLING
    side.arrives = True
    assert outbound.perform(CALL, send, side.ask).number == "SO1"
    given = calls.by_key(CALL.key).given or []
    assert [(each["number"], each["attempt"]) for each in given] == [("200001", 1), ("200001", 3)]


def test_a_call_that_is_on_its_way_no_longer_is_not_committed(
    calls: Calls, outbound: Outbound, clock: Clock
) -> None:
    side = Side(calls)

    def send() -> Document:
        clock.now += SETTLING
        outbound.perform(CALL, side.send, side.ask)  # another one took it for absent meanwhile
        outbound.given(CALL, "200001")
        return side.send()

    with pytest.raises(RetryLater, match="another process"):
        outbound.perform(CALL, send, side.ask)
    assert side.held == ["SO1"]


def test_of_many_processes_one_sends(calls: Calls, clock: Clock) -> None:
    side, errors = Side(calls), []
    gate = threading.Barrier(8)

    def go() -> None:
        gate.wait()
        try:
            Outbound(calls, clock, SETTLING).perform(CALL, side.send, side.ask)
        except RetryLater as error:
            errors.append(error)

    threads = [threading.Thread(target=go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert side.held == ["SO1"]
    assert state(calls) == CallState.CONFIRMED


def test_the_key_is_the_same_for_the_same_intention_only() -> None:
    changed: list[Callable[[], Call]] = [
        lambda: Call(**{**vars(CALL), "revision": 2}),
        lambda: Call(**{**vars(CALL), "part": "XX"}),
        lambda: Call(**{**vars(CALL), "subject": "shop/31"}),
        lambda: Call(**{**vars(CALL), "operation": "dms_cancel"}),
    ]
    assert Call(**{**vars(CALL), "request": {"other": 1}}).key == CALL.key
    assert len({CALL.key, *(make().key for make in changed)}) == 5
    assert len(Call(**{**vars(CALL), "subject": "x" * 400}).key) <= 200


@pytest.mark.parametrize("asks", [True, False])
def test_the_answer_of_a_side_that_can_be_asked_is_not_waited_for_on_disk(
    tmp_path: Path, clock: Clock, asks: bool
) -> None:
    forced: list[tuple[str, bool]] = []

    def traced(connection: sqlite3.Connection, _record: object) -> None:
        def ran(text: str) -> None:
            if "outbound_call" in text and text.startswith(("INSERT", "UPDATE")):
                level = connection.execute("PRAGMA synchronous").fetchone()[0]
                forced.append((text[:6], level == 2))

        connection.set_trace_callback(ran)

    event.listen(Engine, "connect", traced)
    try:
        database = Database(f"sqlite:///{tmp_path / 'c.db'}")
        database.upgrade()
        calls = Calls(database)
        side = Side(calls)
        Outbound(calls, clock, SETTLING).perform(CALL, side.send, side.ask if asks else None)
        database.close()
    finally:
        event.remove(Engine, "connect", traced)
    assert forced == [("INSERT", True), ("UPDATE", not asks)]
