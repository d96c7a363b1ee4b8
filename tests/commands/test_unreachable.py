"""Every command that calls a system ends with 3 when it is away, in one line, and undoes nothing.

`pytest tests/commands/test_unreachable.py -s` prints what each says.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
import yaml

from connector.cli import app
from connector.commands.outcome import UNREACHABLE, exit_code_of
from connector.errors import RetryLater
from connector.extracts.review import write_review
from connector.logs import configure
from connector.sandbox import world
from connector.steps.repair import new_customer
from connector.steps.review import questions
from tests.commands.site import point_at
from tests.support.scene import EVENING, NOON, Scene, scene

# Orders of the sample: one that was shipped and refunded, one that waits for stock, and four whose
# buyer is not settled, of whom one's creation is in doubt.
RETURNED, SHORT = 30, 34
LINKED, CREATED, REVIEWED, DOUBTFUL = 31, 37, 43, 49
AWAY = [
    f"customers link {LINKED} 100003",
    f"customers create {CREATED}",
    "customers review --import {review}",
    "customers review --export {review}",
    "calls ask {call}",
    "calls resolve {call} --absent",
    f"orders retry {SHORT}",
    "orders retry --hold customer_review",
    f"orders cancel {SHORT}",
    f"aftersales retry {RETURNED} {{refused}}",
    "job run intake --window 2026-11-24T12:00/2026-11-24T12:05",
    "job run status --window 2026-11-24T12:00/2026-11-24T12:10",
    "job run reconcile --date 2026-11-24",
    "job rerun {run}",
    "extracts build --date 2026-11-24",
    "extracts deliver finance",
    "mappings check --live",
    "check --live",
]


def refused_return(made: Scene) -> str:
    """Ship, invoice and refund an order whose return the DMS refuses; return the reference."""
    books, clock = made.sandbox.books, made.sandbox.clock
    world.ship(books, clock, str(RETURNED))
    world.invoice(books, clock, str(RETURNED))
    made.later(minutes=20, ticks=2)
    made.fault("dms:business:operation=RegisterReturn")
    item = {"key": "_refunded_item_id", "value": str(made.shown(RETURNED)["line_items"][1]["id"])}
    line = {"id": 902, "quantity": -1, "total": "-386.00", "meta_data": [item]}
    world.refund(books, clock, str(RETURNED), "386.00", [line], "broken")
    made.later(minutes=40, ticks=2)
    made.fault()
    (sale,) = made.connector.aftersales.of_order(made.order(RETURNED).id)
    assert sale.state == "refused"
    return sale.reference


def creation_in_doubt(made: Scene) -> int:
    """Lose the answer to the commit of a customer's creation."""
    made.fault("sap:reset:operation=BAPI_TRANSACTION_COMMIT")
    with pytest.raises(RetryLater):
        new_customer(made.context, made.order(DOUBTFUL), "test")
    made.fault()
    (call,) = made.context.calls.listed(("in_doubt",), 10)
    return call.id


def review_of(made: Scene, path: Path) -> None:
    """Write a sales rep's workbook that says that a buyer is new."""
    write_review(path, questions(made.context))
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    for row in sheet.iter_rows(min_row=3):
        if any(str(REVIEWED) in str(cell.value) for cell in row):
            row[0].value = "create"
    book.save(path)


@pytest.mark.long
def test_a_command_whose_system_is_away_ends_with_3_and_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pytestconfig: pytest.Config,
) -> None:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        made.until(NOON + timedelta(minutes=1))
        names = {
            "refused": refused_return(made),
            "call": creation_in_doubt(made),
            "review": tmp_path / "review.xlsx",
            "run": made.connector.runs.history("intake", limit=1)[0].id,
        }
        review_of(made, tmp_path / "review.xlsx")
        # The target has been there since before the wave.
        made.connector.files.undelivered("finance", ["batch"], EVENING)
        point_at(made, tmp_path, monkeypatch)
        config = yaml.safe_load((tmp_path / "connector.yaml").read_text("utf-8"))
        config["delivery"] = {
            "finance": {
                "type": "sftp", "host": "127.0.0.1", "port": 1, "user": "u", "password": "p",
                "host_key": "ssh-rsa AAAA", "kinds": ["batch"], "timeout": 5,
            }
        }  # fmt: skip
        (tmp_path / "connector.yaml").write_text(yaml.safe_dump(config), "utf-8")
        # Patience is in real time, and so is what a breaker waits.
        monkeypatch.setenv("CONNECTOR_DMS__RETRY_FOR", "0.05")
        monkeypatch.setenv("CONNECTOR_DMS__WSDL_CACHE", str(tmp_path / "wsdl"))
        made.sandbox.stop()
        told: dict[str, tuple[int, str]] = {}
        for words in AWAY:
            line = words.format(**names)
            monkeypatch.setattr(sys, "argv", ["connector", *line.split()])
            code = exit_code_of(app)
            shown = capsys.readouterr()
            assert "Traceback" not in shown.err, words
            told[words] = code, (shown.err + shown.out).strip()
            if pytestconfig.getoption("capture") == "no":
                with capsys.disabled():
                    print(f"\n  connector {words}\n    [{code}] {shown.err}{shown.out}", end="")
        assert {words: said for words, said in told.items() if said[0] != UNREACHABLE} == {}
