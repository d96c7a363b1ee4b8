"""Every error that the commands for orders, jobs, calls and customers end with, to be read.

`pytest tests/commands/test_errors.py -s` prints them. Each names what is wrong, and the remedy.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from connector.cli import app
from connector.commands.outcome import exit_code_of
from connector.logs import configure
from tests.commands.site import ROOT, point_at
from tests.support.scene import NOON, Scene, scene

_STAGES = (
    "received, valid, recognised, placed, confirmed, noted, ready, released, shipped, closed,"
    " cancelled"
)
_CAUSES = (
    "invalid, unpaid, refunded, unassigned, customer_review, stock, rejected, in_doubt, mapping,"
    " changed, discrepancy"
)
WRONG_USE = [
    ("orders list --stage no", f"'no' is none of {_STAGES}"),
    ("orders list --hold no", f"'no' is none of {_CAUSES}"),
    ("orders show 4711", "there is no order 4711; see `connector orders list`"),
    ("orders retry", "name orders, or a cause with --hold"),
    ("customers link 36 100003",
     "order 36 does not wait for the sales rep; see `connector customers review`"),
    ("customers review --export a.xlsx --import b.xlsx",
     "say either --export or --import, not both"),
    ("customers review --export a.txt", "a.txt must end in .xlsx"),
    ("customers review --export /no/where/a.xlsx", "there is no folder /no/where"),
    ("customers review --import no.xlsx", "there is no file no.xlsx"),
    ("calls show 4711", "there is no call 4711; see `connector calls list`"),
    ("calls resolve 1", "say either --found DOCUMENT or --absent"),
    ("calls resolve 1 --found X --absent", "say either --found DOCUMENT or --absent"),
    ("calls resolve 1 --absent", "call 1 is confirmed; its outcome is not open"),
    ("job run wave --scope NO", "'NO' is none of GQ"),
    ("job run intake --window soon",
     "'soon' is not FROM/TO, for example 2026-11-24T12:00/2026-11-24T15:00"),
    ("job run intake --window 2026-11-24T12:00/2026-11-24T11:00",
     "'2026-11-24T12:00/2026-11-24T11:00': the window ends before it begins"),
    ("job run status --date 2026-11-22",
     "no window of status ends on 2026-11-22: name one with --window FROM/TO"),
    ("job run wave --date 2026-11-25",
     "wave has come as far as 2026-11-24 12:00, what lies between would be left out:"
     " `connector job run wave` works off all that is due, in sequence"),
    ("job rerun 4711", "there is no run 4711; see `connector job history`"),
]  # fmt: skip
REFUSED = [
    ("orders cancel 38", "order 38 is released — take the goods back as a return"),
    ("calls ask 1", "call 1 has its outcome; there is nothing to ask"),
    ("customers link 31 999999",
     "SAP has no customer 999999 — see the candidates with `connector customers review`"),
]  # fmt: skip


@dataclass
class Keyboard:
    """A site, and what it says to a line that is typed: the exit code and the last words."""

    say: Callable[[str], tuple[int, str]]
    site: Scene


@pytest.fixture
def keyboard(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pytestconfig: pytest.Config,
) -> Iterator[Keyboard]:
    """Give the command line: the exit code, and the last line on stderr."""
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as lite:
        lite.until(NOON + timedelta(minutes=1))
        point_at(lite, tmp_path, monkeypatch)

        def run(words: str) -> tuple[int, str]:
            monkeypatch.setattr(sys, "argv", ["connector", *words.split()])
            code = exit_code_of(app)
            shown = capsys.readouterr()
            assert shown.out == "", words
            assert "Traceback" not in shown.err, words
            last = shown.err.strip().splitlines()[-1]
            if pytestconfig.getoption("capture") == "no":
                with capsys.disabled():
                    print(f"\n  connector {words}\n    [{code}] {last}", end="")
            return code, last

        yield Keyboard(run, lite)


def test_every_error_says_what_is_wrong_and_how_to_go_on(
    keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, lite = keyboard.say, keyboard.site
    for words, message in WRONG_USE:
        assert run(words) == (2, f"Error: Invalid value: {message}")
    for words, message in REFUSED:
        assert run(words) == (1, f"connector: {message}")
    lite.fault("sap:outage")
    assert run("customers link 31 100003") == (
        3, "connector: SAP RFC_READ_TABLE: the answer was lost (ConnectionError) — try again;"
        " `connector check --live` says what answers",
    )  # fmt: skip
    lite.fault()
    monkeypatch.setenv("CONNECTOR_SAP__PASSWORD", "wrong")
    code, message = run("customers link 31 100003")
    assert code == 3
    assert "CONNECTOR_SAP__PASSWORD" in message or "refuses" in message, message
    monkeypatch.setenv("CONNECTOR_DATABASE_URL", "postgresql+psycopg://x:secret@127.0.0.1:1/no")
    for words in ("orders list", "db current", "job list"):
        assert run(words) == (
            3, "connector: postgresql+psycopg://x:***@127.0.0.1:1/no: the database does not answer:"
            " OperationalError — start the database, then look with `connector db check`",
        )  # fmt: skip
    monkeypatch.setenv("CONNECTOR_DATABASE_URL", "oracle:no")
    code, message = run("orders list")
    assert (code, message.split(" — ")[0]) == (
        2, "connector: CONNECTOR_DATABASE_URL: the database URL cannot be used (ArgumentError)",
    )  # fmt: skip


def test_no_error_of_these_commands_is_left_out_above() -> None:
    said = " ".join(message for _, message in WRONG_USE)
    for name in ("orders", "jobs", "calls", "customers"):
        file = ROOT / f"connector/commands/{name}.py"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and "BadParameter" in ast.unparse(node.func)):
                continue
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    assert part.value.strip() in said or len(part.value) < 5, (name, part.value)
