"""A sleeper that wakes sends nothing; what it sent all the same is found out and told."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.departure import last_look
from connector.dms.patient import PatientDms
from connector.errors import Doubled, InDoubt, RetryLater
from connector.steps.attempt import Attempt
from connector.steps.outbound import Ask, Document, Outbound
from connector.store.calls import DOUBLED, Call, Calls, CallState
from connector.store.database import Database

SETTLING = timedelta(minutes=3)
CALL = Call("dms", "dms_sales_order", "shop/30", "30", {"total": "1.00"}, "GQ")


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def calls(tmp_path: Path) -> Any:
    database = Database(f"sqlite:///{tmp_path / 'c.db'}")
    database.upgrade()
    yield Calls(database)
    database.close()


@dataclass
class Side:
    """The other side, which takes whatever comes."""

    held: list[str] = field(default_factory=list)

    def send(self) -> Document:
        self.held.append(f"SO{len(self.held) + 1}")
        return Document(self.held[-1], {})

    def ask(self) -> Document | None:
        if len(self.held) > 1:
            raise InDoubt(f"the DMS holds {', '.join(self.held)}")
        return Document(self.held[0], {}) if self.held else None


@dataclass
class Counting:
    """The record of calls, which counts how often a claim was proved."""

    calls: Calls
    proofs: int = 0
    takes: float = 0.0
    seconds: float = 0.0

    def stands(self, row: Any) -> bool:
        self.proofs += 1
        self.seconds += self.takes
        self.takes = 0.0
        return self.calls.stands(row)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.calls, name)

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def counting(calls: Calls) -> Counting:
    return Counting(calls)


@pytest.fixture
def attempt(counting: Counting, clock: Clock) -> Attempt:
    row = counting.calls.begin(CALL, clock())
    assert row is not None
    record: Any = counting
    return Attempt(record, clock, SETTLING, row, counting(), counting)


def test_within_a_second_of_its_record_a_claim_needs_no_proof(
    attempt: Attempt, counting: Counting, clock: Clock
) -> None:
    attempt.look()
    assert counting.proofs == 0
    clock.now += timedelta(seconds=1)
    attempt.look()
    assert counting.proofs == 1


@pytest.mark.parametrize(("wall", "boot"), [(0.0, 2.0), (2.0, 0.0), (-600.0, 0.0), (0.1, 30.0)])
def test_either_clock_alone_calls_for_a_proof(
    attempt: Attempt, counting: Counting, clock: Clock, wall: float, boot: float
) -> None:
    clock.now += timedelta(seconds=wall)
    counting.seconds += boot
    attempt.look()
    assert counting.proofs == 1
    counting.calls.doubt(attempt.row, "another process has it")
    with pytest.raises(RetryLater, match="another process"):
        attempt.look()


def test_who_stands_still_over_the_proof_proves_it_again(
    attempt: Attempt, counting: Counting
) -> None:
    counting.seconds += 2
    counting.takes = 30
    attempt.look()
    assert counting.proofs == 2


@pytest.mark.parametrize(("wall", "boot"), [(46.0, 0.0), (0.0, 46.0)])
def test_what_is_older_than_a_quarter_of_the_settling_time_stays_here(
    attempt: Attempt, counting: Counting, clock: Clock, wall: float, boot: float
) -> None:
    clock.now += timedelta(seconds=wall)
    counting.seconds += boot
    with pytest.raises(RetryLater, match="waited too long"):
        attempt.look()
    with pytest.raises(RetryLater, match="waited too long"):
        attempt.again()


class Refusing:
    """A DMS that refuses connections so many times."""

    def __init__(self, times: int, side: Side) -> None:
        self.left, self.side = times, side
        self.attempts: list[int] = []

    def call(self, *_: Any, **__: Any) -> dict[str, Any]:
        if self.left:
            self.left -= 1
            raise RetryLater("cannot be reached")
        last_look()
        return {"number": self.side.send().number}


def test_a_retry_is_a_new_claim(calls: Calls, clock: Clock) -> None:
    side, outbound = Side(), Outbound(calls, clock, SETTLING)
    refusing: Any = Refusing(2, side)
    patient = PatientDms(refusing, 5, sleep=lambda _seconds: None)

    def send() -> Document:
        return Document(patient.call("op", {}, write=True)["number"], {})

    assert outbound.perform(CALL, send, side.ask).number == "SO1"
    row = calls.by_key(CALL.key)
    assert (row.state, row.attempts) == (CallState.CONFIRMED, 3)


def test_a_retry_whose_claim_is_gone_sends_nothing(calls: Calls, clock: Clock) -> None:
    side, outbound = Side(), Outbound(calls, clock, SETTLING)
    refusing: Any = Refusing(1, side)

    def takes_over(_seconds: float) -> None:
        clock.now += SETTLING
        Outbound(calls, clock, SETTLING).perform(CALL, side.send, side.ask)
        clock.now -= SETTLING  # and the sleeper's own clock stood still

    patient = PatientDms(refusing, 5, sleep=takes_over)

    def send() -> Document:
        return Document(patient.call("op", {}, write=True)["number"], {})

    with pytest.raises(RetryLater, match="another process"):
        outbound.perform(CALL, send, side.ask)
    assert side.held == ["SO1"]


def woken(calls: Calls, clock: Clock, side: Side, ask: Ask | None, *, lost: bool = False) -> Any:
    """Have one process send after another one did, which it did not see."""

    def send() -> Document:
        clock.now += SETTLING
        other = Outbound(calls, clock, SETTLING)
        other.perform(CALL, side.send, lambda: None)
        made = side.send()
        if lost:
            raise InDoubt("the answer was lost")
        return made

    return Outbound(calls, clock, SETTLING).perform(CALL, send, ask)


@pytest.mark.parametrize("lost", [False, True])
def test_two_documents_are_found_out_at_once(calls: Calls, clock: Clock, lost: bool) -> None:
    side = Side()
    with pytest.raises(Doubled) as told:
        woken(calls, clock, side, side.ask, lost=lost)
    assert side.held == ["SO1", "SO2"]
    row = calls.by_key(CALL.key)
    assert (row.state, row.code, row.document) == (CallState.CONFIRMED, DOUBLED, "SO1")
    assert "SO1" in str(told.value)
    assert "SO2" in str(told.value)
    assert "--what difference" in str(told.value)


def test_where_nobody_can_be_asked_it_is_said(calls: Calls, clock: Clock) -> None:
    side = Side()

    def send() -> Document:
        clock.now += SETTLING
        row = calls.by_key(CALL.key)
        calls.doubt(row, "the process ended")
        calls.release(calls.by_key(CALL.key), "a person said that it is absent")
        Outbound(calls, clock, SETTLING).perform(CALL, side.send, None)
        return side.send()

    with pytest.raises(Doubled, match="cannot be asked"):
        Outbound(calls, clock, SETTLING).perform(CALL, send, None)


def test_one_document_that_both_name_is_no_alarm(calls: Calls, clock: Clock) -> None:
    side = Side()

    def send() -> Document:
        made = side.send()
        clock.now += SETTLING
        # The other one asks, and finds what this one sent.
        assert Outbound(calls, clock, SETTLING).perform(CALL, side.send, side.ask).number == "SO1"
        return made

    assert Outbound(calls, clock, SETTLING).perform(CALL, send, side.ask).number == "SO1"
    assert side.held == ["SO1"]
    assert calls.by_key(CALL.key).code is None


def test_what_the_kernel_holds_of_a_write_it_gives_up_in_time(calls: Calls, clock: Clock) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    link = socket.create_connection(listener.getsockname())

    def send() -> Document:
        last_look(link)
        return Document("SO1", {})

    with listener, link:
        Outbound(calls, clock, SETTLING).perform(CALL, send, None)
        held = link.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert 0 < held < SETTLING.total_seconds() * 1000 / 2
