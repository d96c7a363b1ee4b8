"""What a message says of an error: in the reader's language, masked, with others' words as is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.domain.alerts import AlertKind
from connector.errors import RetryLater
from connector.notify.digest import Language, digest
from connector.wording import recorded, systems
from tests.support.words import english_in

pytestmark = pytest.mark.unit

SHANGHAI = ZoneInfo("Asia/Shanghai")
ERROR = RetryLater(systems.KEPT_BACK(calls=5), place="DMS", remedy="13900001234 Kunde gesperrt")


@dataclass
class Alert:
    """An alert as the table has it."""

    kind: str = AlertKind.JOB_FAILED
    subject: str = "status"
    since: datetime = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
    closed_at: datetime | None = None
    orders: int = 0
    told: int = 0
    detail: dict[str, Any] = field(default_factory=dict)


def message(detail: Any, *, chinese: bool, english: bool) -> str:
    alert = Alert(detail={"attempts": 3, "run": 7, "error": detail})
    return digest([alert], Language(chinese, english, SHANGHAI)).text


def test_an_error_is_told_in_the_readers_language() -> None:
    told = recorded(systems.NAMED(name="RetryLater", message=ERROR.said))
    chinese = message(told, chinese=True, english=False)
    assert "任务 status 失败 3 次：RetryLater：DMS：连续 5 次调用失败，暂停调用" in chinese
    assert "139****1234 Kunde gesperrt" in chinese
    assert not english_in(chinese.partition("命令")[0])
    english = message(told, chinese=False, english=True)
    assert "job status failed 3×: RetryLater: DMS: 5 calls in a row failed" in english
    both = message(told, chinese=True, english=True)
    assert "连续 5 次调用失败" in both
    assert "5 calls in a row failed" in both


@pytest.mark.parametrize(("chinese", "english"), [(True, False), (False, True)])
def test_an_error_that_an_older_version_noted_is_told_as_it_is(
    chinese: bool, english: bool
) -> None:
    told = message("RetryLater: the DMS is away", chinese=chinese, english=english)
    assert "RetryLater: the DMS is away" in told
