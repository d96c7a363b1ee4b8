"""What a person assures at the command line: whose an order is, and whether it was shipped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connector.cli import app
from connector.domain.lifecycle import HoldCause
from connector.logs import configure
from connector.notify.hold_words import HELD
from connector.sandbox.storefront import ORDER
from connector.sandbox.storefront_seed import stamp_of
from connector.store.acts import Acts
from tests.commands.site import point_at
from tests.support.scene import NOON, Scene, scene

PASSPORT, HOME_PASS = "EK1234567", "H1234567800"
WRONG_DIGIT = "320300198001011234"
Command = Callable[..., Result]


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Scene]:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        yield made


@pytest.fixture
def command(day: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    point_at(day, tmp_path, monkeypatch)
    return lambda *words: CliRunner().invoke(app, list(words))


def order(day: Scene, number: int, document: str, status: str = "processing") -> None:
    """Have a person order who shows a document."""
    made = deepcopy(day.shown(32))
    stamp = stamp_of(day.sandbox.clock)
    made |= {"id": number, "number": str(number), "status": status}
    made |= {"date_created_gmt": stamp, "date_modified_gmt": stamp, "date_paid_gmt": stamp}
    made["billing"] |= {"last_name": "欧阳", "first_name": f"甲{number}", "phone": "13912340901",
                        "address_1": "无名路901号", "city": "无锡市"}  # fmt: skip
    for each in made["meta_data"]:
        if each["key"] == "_id_number":
            each["value"] = document
    day.sandbox.books.put(ORDER, str(number), made)
    day.later(minutes=5, ticks=2)


@pytest.mark.parametrize("document", [PASSPORT, HOME_PASS])
def test_a_document_that_no_rule_can_check_is_accepted_by_who_has_seen_it(
    day: Scene, command: Command, document: str
) -> None:
    order(day, 901, document)
    assert day.stands(901) == ("received", "invalid")
    (reason,) = day.order(901).hold_reasons or []
    assert "`connector orders accept 901`" in reason
    assert document not in reason
    done = command("orders", "accept", "901", "--reason", "passport seen", "--actor", "ops")
    assert done.exit_code == 0, done.output
    assert day.stands(901)[1] is None
    day.later(minutes=1, ticks=3)
    assert day.stands(901) == ("ready", None)
    story = " ".join(each.text for each in day.story(901))
    assert "passport seen" in story
    assert document not in story
    (act, *_) = Acts(day.connector.database).listed(limit=1)
    assert (act.actor, act.what) == ("ops:ops", "orders accept")


def test_another_document_is_not_the_one_that_was_accepted(day: Scene, command: Command) -> None:
    order(day, 901, PASSPORT)
    command("orders", "accept", "901")
    day.later(minutes=1, ticks=3)
    order(day, 901, HOME_PASS)
    assert day.stands(901) == ("received", "invalid")


@pytest.mark.parametrize("document", [WRONG_DIGIT, "32030019800101123", ""])
def test_what_a_rule_refuses_no_person_accepts(day: Scene, command: Command, document: str) -> None:
    order(day, 901, document)
    assert day.stands(901) == ("received", "invalid")
    assert "orders accept" not in str(day.order(901).hold_reasons)
    refused = command("orders", "accept", "901")
    assert refused.exit_code != 0
    assert day.stands(901) == ("received", "invalid")


def test_the_command_that_a_hold_for_a_change_names_ends_it(day: Scene, command: Command) -> None:
    day.until(NOON + timedelta(minutes=1))
    line = {**day.shown(36)["line_items"][0], "quantity": 40}
    day.change(36, line_items=[line, *day.shown(36)["line_items"][1:]])
    day.later()
    assert day.stands(36) == ("released", "changed")
    (named,) = re.findall("`connector ([^`]+) WHY`", str((day.order(36).hold_reasons or [])[-1]))
    assert named in " ".join(HELD[HoldCause.CHANGED].command.replace("NUMBER", "36").split())
    assert command(*named.replace(" --reason", "").split()).exit_code == 2
    assert day.stands(36) == ("released", "changed")
    done = command(*named.split(), "packed as in the storefront")
    assert done.exit_code == 0, done.output
    assert day.stands(36) == ("released", None)
    assert "packed as in the storefront" in day.story(36)[-1].text
    assert command(*named.split(), "again").exit_code != 0
    day.until(NOON + timedelta(hours=16))
    day.later(minutes=20, ticks=2)
    told = {each.kind.value for each in day.connector.differences.listed(day.clock.now)
            if each.number == "36"}  # fmt: skip
    assert "quantity" in told
    assert day.stands(36) == ("released", None)


@pytest.mark.parametrize(("said", "stage"), [("place", "ready"), ("known", "known")])
def test_whether_an_order_was_shipped_is_said_by_a_command(
    day: Scene, command: Command, said: str, stage: str
) -> None:
    document = next(
        each["value"] for each in day.shown(32)["meta_data"] if each["key"] == "_id_number"
    )
    order(day, 901, document, "completed")
    assert day.stands(901) == ("received", "maybe_shipped")
    done = command("orders", said, "901", "--reason", "asked the warehouse")
    assert done.exit_code == 0, done.output
    assert day.stands(901) == (stage, None)
    assert bool(day.sales_orders(901)) is (said == "place")
