"""The log: one JSON object a line, of a known order and call, and of nobody by name."""

from __future__ import annotations

import json
import logging
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
