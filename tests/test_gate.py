"""The gate before a system: rate, downtime and breaker, by clocks that the tests set."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from connector.errors import ConnectorError, InDoubt, Misconfigured, Rejected, RetryLater
from connector.gate import Gate, Limits

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


class Times:
    """Both clocks, moved together; sleeping moves them too."""

    def __init__(self) -> None:
        self.now = NOON
        self.slept: list[float] = []

    def clock(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return (self.now - NOON).total_seconds() + 1000

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.pass_by(seconds)

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def times() -> Times:
    return Times()


def gate(times: Times, limits: Limits) -> Gate:
    return Gate("SAP", limits, times.clock, times.monotonic, times.sleep)


def fails(gate: Gate, error: ConnectorError) -> None:
    with pytest.raises(type(error)), gate.passed("call"):
        raise error


def passes(gate: Gate) -> bool:
    try:
        with gate.passed("call"):
            return True
    except RetryLater:
        return False


@pytest.mark.parametrize("error", [RetryLater("gone"), InDoubt("lost")])
def test_failures_in_a_row_keep_calls_back_and_one_tries(
    times: Times, error: ConnectorError
) -> None:
    door = gate(times, Limits(break_after=3, break_for=10))
    for _ in range(3):
        fails(door, error)
    assert door.is_open
    with pytest.raises(RetryLater) as kept, door.passed("call"):
        pytest.fail("the call was made")
    assert kept.value.after == pytest.approx(10)
    times.pass_by(10)
    with door.passed("call"):
        # While one tries, the others wait.
        assert not passes(door)
    assert not door.is_open
    assert passes(door)


def test_a_vain_try_doubles_the_pause_up_to_a_bound(times: Times) -> None:
    door = gate(times, Limits(break_after=1, break_for=10, break_most=60))
    pauses = []
    for _ in range(6):
        fails(door, RetryLater("gone"))
        with pytest.raises(RetryLater) as kept, door.passed("call"):
            pass
        pauses.append(kept.value.after)
        times.pass_by(kept.value.after or 0)
    assert pauses == pytest.approx([10, 20, 40, 60, 60, 60])


@pytest.mark.parametrize(
    "error", [Rejected("1", "no"), Misconfigured("wrong"), RetryLater("throttled", after=5)]
)
def test_an_answer_is_no_failure_of_the_system(times: Times, error: ConnectorError) -> None:
    door = gate(times, Limits(break_after=2))
    fails(door, RetryLater("gone"))
    fails(door, error)
    fails(door, RetryLater("gone"))
    assert passes(door)


def test_a_gate_beside_another_has_a_breaker_of_its_own_and_the_same_rate(times: Times) -> None:
    door = gate(times, Limits(break_after=2, calls_per_second=4))
    beside = door.beside("Information")
    for _ in range(2):
        fails(beside, RetryLater("gone"))
    with pytest.raises(RetryLater, match="Information") as kept, beside.passed("call"):
        pytest.fail("the call was made")
    assert kept.value.after == pytest.approx(10, abs=1)
    assert (door.is_open, beside.is_open) == (False, True)
    assert passes(door)
    assert times.slept == [0.25, 0.25]  # both calls beside it came first


def test_an_endpoint_that_nobody_tries_any_more_is_forgotten(times: Times) -> None:
    door = gate(times, Limits(break_after=2, break_for=10)).beside("Information")
    for _ in range(2):
        fails(door, RetryLater("gone"))
    times.pass_by(3600)
    assert (door.state().name, door.state().is_open) == ("SAP Information", True)
    times.pass_by(60)
    assert (door.state().is_open, door.state().failures) == (False, 0)
    fails(door, RetryLater("gone"))  # one call is enough to know that it is still away
    assert (door.state().is_open, door.state().failures) == (True, 3)
    assert not passes(door)


def test_calls_are_spaced_to_the_rate(times: Times) -> None:
    door = gate(times, Limits(calls_per_second=4))
    for _ in range(4):
        assert passes(door)
    assert times.slept == [0.25, 0.25, 0.25]
    times.pass_by(60)
    # A quiet minute is not saved up.
    assert passes(door)
    assert passes(door)
    assert times.slept == [0.25] * 4


@pytest.mark.parametrize(
    ("local", "wait"),
    [
        (time(22, 59), None),
        (time(23, 0), 3 * 3600),
        (time(1, 30), 1800),
        (time(2, 0), None),
        (time(12, 0), 600),
    ],
)
def test_in_its_downtime_a_system_is_left_alone(
    times: Times, local: time, wait: float | None
) -> None:
    limits = Limits(downtime=((time(23), time(2)), (time(11, 50), time(12, 10))), zone=SHANGHAI)
    times.now = datetime.combine(NOON.date(), local, SHANGHAI).astimezone(UTC)
    door = gate(times, limits)
    if wait is None:
        assert passes(door)
        return
    with pytest.raises(RetryLater) as kept, door.passed("call"):
        pytest.fail("the call was made")
    assert kept.value.after == pytest.approx(wait)


def test_who_would_wait_long_for_its_turn_is_told_when_to_come_instead(times: Times) -> None:
    """A write that stood in a queue would be older than its record says when it is sent."""
    held = Gate("DMS", Limits(calls_per_second=0.5), times.clock, times.monotonic, lambda _: None)
    for _ in range(6):
        with held.passed("call"):
            pass
    with pytest.raises(RetryLater) as told, held.passed("call"):
        pass
    assert told.value.after == pytest.approx(12)
