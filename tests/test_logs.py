"""The log: one JSON object a line, of a known order and call, and of nobody by name."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from connector.domain.order import Buyer
from connector.logs import configure
from tests.support.scene import EVENING, scene
from tests.web.test_pages import personal


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def test_a_days_log_is_json_names_orders_and_calls_and_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the first pull on, with refusals, lost answers and an outage, at the finest level."""
    configure("debug")
    # With a policy of its own the evening is lived anew, and so is logged.
    again = timedelta(minutes=15)
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, review_again=again) as day:
        day.fault(
            "dms:lost-answer:operation=CreateDeliveryNote,times=2",
            "dms:business:operation=ApplyForInvoice,times=2",
        )
        day.until(EVENING + timedelta(hours=11))
        day.fault("sap:outage")
        day.later(minutes=30, ticks=3)
        orders = day.sandbox.books.all("storefront.order")
    configure("critical")
    text = capsys.readouterr().err
    told = lines(text)
    assert len(told) > 100
    for secret in personal(orders):
        assert secret not in text, secret
    moved = [line for line in told if line["event"] in ("placed", "recognised", "held")]
    assert moved
    assert all(line["order"] for line in moved)
    assert {line["level"] for line in told} >= {"info", "debug"}
    assert all("timestamp" in line for line in told)


def test_personal_data_is_masked_by_key_and_by_form_however_deep(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("info")
    log = structlog.get_logger("test")
    log.info(
        "call 13912345678 back",
        buyer={"name": "张三丰", "phones": ["13912345678"]},
        note="ID 110101199003070011, li@example.org",
        contact_name="李四光明",
    )
    logging.getLogger("somebody.else").warning("it failed for %s", "13912345678")
    text = capsys.readouterr().err
    configure("critical")
    assert len(lines(text)) == 2
    for secret in ("13912345678", "张三丰", "110101199003070011", "li@example.org", "李四光明"):
        assert secret not in text
    assert lines(text)[1]["logger"] == "somebody.else"


def test_an_errors_place_is_told_without_what_its_variables_held(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("info")
    log = structlog.get_logger("test")
    buyer = Buyer
    try:
        secret = "13912345678"
        raise ValueError(f"no {buyer.__name__} at {secret}")
    except ValueError:
        log.exception("unforeseen error")
    text = capsys.readouterr().err
    configure("critical")
    (line,) = lines(text)
    assert line["exception"] == "ValueError: no Buyer at 139****5678"
    assert "test_logs.py" in line["at"][-1]
    assert "13912345678" not in text


def test_the_log_follows_stderr_when_it_is_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info")
    log = structlog.get_logger("test")
    log.info("first")
    capsys.readouterr()
    log.info("second")
    assert lines(capsys.readouterr().err)[0]["event"] == "second"
    configure("critical")


class Torn(io.StringIO):
    """A stream on which another thread has its turn after every single write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        time.sleep(0)
        return super().write(text)


def test_a_line_is_one_write_however_many_threads_write(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Torn()
    monkeypatch.setattr(sys, "stderr", stream)
    configure("info")

    def write(number: int) -> None:
        ours, theirs = structlog.get_logger("ours"), logging.getLogger("theirs")
        for each in range(100):
            ours.info("moved", order=number * 1000 + each)
            theirs.warning("slow %s", each)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stream.writes) == 1600
    assert all(each.endswith("\n") and each.count("\n") == 1 for each in stream.writes)
    assert len(lines(stream.getvalue())) == 1600


FORGED = '32\n{"event": "forged"}\r\x1b[2J\x85\u2028\u202e\x9b2J\ud800'


@pytest.mark.parametrize("as_json", [True, False])
def test_nothing_from_outside_forges_a_line_or_steers_a_terminal(
    monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure("info", as_json=as_json)
    structlog.get_logger("test").info(f"order {FORGED}", order=FORGED)
    logging.getLogger("other").warning("%s", FORGED)
    try:
        raise ValueError(FORGED)
    except ValueError:
        structlog.get_logger("test").exception("failed")
        logging.getLogger("other").exception(FORGED)
    told = stream.getvalue()
    assert len(told.splitlines()) == told.count("\n") == 4
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800]", told)
    if as_json:
        assert lines(told)[0]["order"] == FORGED
