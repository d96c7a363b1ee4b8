"""Every error that the commands end with, to be read.

`pytest tests/commands/test_errors.py -s` prints them. Each names what is wrong, and the remedy.
"""

from __future__ import annotations

import ast
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from connector.cli import app
from connector.commands.outcome import exit_code_of
from connector.domain.aftersales import SaleState
from connector.domain.reconciliation import Kind
from connector.logs import configure
from tests.commands.site import ROOT, point_at
from tests.support.scene import NOON, Scene, scene

_STAGES = (
    "received, valid, recognised, placed, confirmed, noted, ready, released, shipped, closed,"
    " cancelled, known"
)
_CAUSES = (
    "invalid, shop_data, unpaid, refunded, refund_amount, maybe_shipped, unassigned,"
    " customer_review, stock, rejected, in_doubt, mapping, changed, by_hand, discrepancy"
)
WRONG_USE = [
    ("orders list --stage no", f"'no' is none of {_STAGES}"),
    ("orders list --hold no", f"'no' is none of {_CAUSES}"),
    ("orders show 4711", "there is no order 4711; see `connector orders list`"),
    ("orders retry", "name orders, or a cause with --hold"),
    ("orders done 30 --what no",
     "'no' is none of delivery-note, invoice-application, cancel, shipment, invoice, difference"),
    ("orders done 30 --what difference", "say with --reason how the difference was settled"),
    ("orders done 30 --what shipment", "name with --document the number of the shipment"),
    ("customers link 36 100003",
     "order 36 does not wait for the sales rep; see `connector customers review`"),
    ("customers link 31 None", "'None' is no customer number"),
    ("customers review --export a.xlsx --import b.xlsx",
     "say either --export or --import, not both"),
    ("customers review --export a.txt", "a.txt must end in .xlsx"),
    ("customers review --export /no/where/a.xlsx", "there is no folder /no/where"),
    ("customers review --import no.xlsx", "there is no file no.xlsx"),
    ("calls show 4711", "there is no call 4711; see `connector calls list`"),
    ("calls resolve 1", "say one of --found DOCUMENT, --absent and --undo"),
    ("calls resolve 1 --found X --absent", "say one of --found DOCUMENT, --absent and --undo"),
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
NO_DAY = "2026-11-22 is no business day; the one before is 2026-11-21"
OF_FINANCE_AND_IT = [
    ("extracts build --date 2026-11-22", NO_DAY),
    ("extracts build --date 2099-01-05", "2099-01-05 is not closed yet; it is at 2099-01-05 15:00"),
    ("extracts build --date 9999-12-31", "9999-12-31 is no business day"),
    ("job run wave --date 9999-12-31", "9999-12-31 is no business day"),
    ("extracts deliver nowhere",
     "'nowhere' is no target: `delivery` in the settings has none"),
    ("extracts verify README.md", "README.md is a file; name the folder that holds it"),
    ("differences list --date 2026-11-22", NO_DAY),
    ("differences list --state no",
     "--state: 'no' is none of new, known, explained, solved"),
    ("differences list --kind no", f"--kind: 'no' is none of {', '.join(Kind)}"),
    ("differences explain 1 --because _", "--because: say why"),
    ("mappings list nope", "there is no mapping nope; see `connector mappings list`"),
    ("mappings list dms_sales_ordre",
     "there is no mapping dms_sales_ordre; did you mean dms_sales_order?"),
    ("mappings list dms_sales_order --unit NO", "there is no business unit NO; one of GQ"),
    ("mappings preview nope --order 36",
     "there is no mapping nope; see `connector mappings list`"),
    ("mappings preview dms_sales_order --order 4711",
     "there is no order 4711; see `connector orders list`"),
    ("aftersales list --state no", f"'no' is none of {', '.join(SaleState)}"),
    ("aftersales recovered 30 R-none",
     "order 30 has no after-sale R-none; see `connector aftersales list`"),
    ("aftersales retry 4711 R-none",
     "order 4711 has no after-sale R-none; see `connector aftersales list`"),
]  # fmt: skip
# What Typer itself finds wrong: the value, or that there is none.
MISTYPED = [
    ("extracts build", "Missing option '--date'."),
    ("extracts build --date 24-11-2026",
     "Invalid value for '--date': Value error, '24-11-2026' does not match the formats"
     " '%Y-%m-%d'."),
    ("settlement build --unit GQ", "Missing option '--month'."),
    ("differences explain 1", "Missing option '--because'."),
    ("differences explain x --because y",
     "Invalid value for 'differences': Input should be a valid integer, unable to parse string as"
     " an integer"),
    ("mappings check --format no",
     "Invalid value for '--format': Value error, 'no' is not one of 'text', 'json', 'github'."),
]  # fmt: skip
MISCONFIGURED = [
    ("settlement build --month 2026-13 --unit GQ",
     "settlement: '2026-13' is no month — for example 2026-11"),
    ("settlement build --month 2026-10 --unit NO",
     "settlement: there is no business unit NO — one of GQ"),
    ("settlement close --month 2099-01 --unit GQ",
     "settlement GQ 2099-01: the month is not over — wait for it"),
    ("mappings preview extract_orders --order 36",
     "mapping extract_orders: no order leads to this mapping — preview one of"
     " `connector mappings list` that an order goes through"),
]  # fmt: skip
REFUSED = [
    ("orders cancel 38", "order 38 is released — have the warehouse keep back what has not left;"
     " take back the rest as a return"),
    ("calls ask 1", "call 1 has its outcome; there is nothing to ask"),
    ("customers link 31 999999",
     "SAP has no customer 999999 — see the candidates with `connector customers review`"),
]  # fmt: skip


@dataclass
class Keyboard:
    """A site, and what it says to a line that is typed: the exit code and the last words.

    `say` gives those on stderr, and there is nothing else; `told` those on stdout.
    """

    say: Callable[[str], tuple[int, str]]
    site: Scene
    told: Callable[..., tuple[int, str]]


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

        def run(words: str, out: str = "err", line: int = -1) -> tuple[int, str]:
            typed = [" " if each == "_" else each for each in words.split()]
            monkeypatch.setattr(sys, "argv", ["connector", *typed])
            code = exit_code_of(app)
            shown = capsys.readouterr()
            assert (shown.out if out == "err" else shown.err) == "", words
            last = getattr(shown, out).strip().splitlines()[line]
            if pytestconfig.getoption("capture") == "no":
                with capsys.disabled():
                    print(f"\n  connector {words}\n    [{code}] {last}", end="")
            return code, last

        yield Keyboard(run, lite, partial(run, out="out"))


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


def test_what_finance_and_it_type_wrongly_is_told_with_place_value_and_remedy(
    keyboard: Keyboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = keyboard.say
    for words, message in OF_FINANCE_AND_IT:
        assert run(words) == (2, f"Error: Invalid value: {message}")
    for words, message in MISTYPED:
        assert run(words) == (2, f"Error: {message}")
    for words, message in MISCONFIGURED:
        assert run(words) == (2, f"connector: {message}")
    code, message = run("mappings compare no-such-revision")
    assert (code, message.split(" — ")[0]) == (
        2, "connector: mappings: no-such-revision is no folder, no version that was in force, and"
        " no git revision"
    )  # fmt: skip
    # What was looked for and is told in a listing stands on stdout.
    told = keyboard.told
    assert told("differences explain 4711 --because typo") == (
        1, "no open differences: 4711; see `connector differences list`"
    )  # fmt: skip
    assert told("extracts verify /nowhere") == (
        1, "/nowhere/manifest.json: there is none — the extract is not complete; build it again"
    )  # fmt: skip
    for name, body, message in (
        (
            "torn",
            "{",
            "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        ("other", "[]", "list indices must be integers or slices, not str"),
    ):
        (tmp_path / name).mkdir()
        manifest = tmp_path / name / "manifest.json"
        manifest.write_text(body)
        assert told(f"extracts verify {tmp_path / name}") == (
            1, f"{manifest}: unreadable ({message}) — build the extract again"
        )  # fmt: skip
    (tmp_path / "deep" / "manifest.json").mkdir(parents=True)
    code, message = told(f"extracts verify {tmp_path / 'deep'}")
    assert (code, "unreadable (" in message) == (1, True), message


def test_mappings_that_cannot_be_read_are_named_by_file_and_line(
    keyboard: Keyboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(ROOT / "mappings", broken)
    file = broken / "dms_amend.yaml"
    file.write_text("target: {system: dms\nrequest:\n", "utf-8")
    monkeypatch.setenv("CONNECTOR_MAPPINGS", str(broken))
    finding = f"{file}:2:8: did not find expected ',' or '}}' [yaml] — indentation or quotes?"
    mend = "mend the lines named, then `connector mappings check`"
    for words in ("mappings list", "mappings preview dms_sales_order --order 36"):
        assert keyboard.say(words) == (2, f"connector: mappings: {finding} — {mend}")
    assert keyboard.told("mappings check", line=0) == (2, f"error   {finding}")
    monkeypatch.setenv("CONNECTOR_MAPPINGS", str(tmp_path / "none"))
    empty = f"{tmp_path / 'none'}:0:0: the folder holds no mappings [no-mappings]"
    assert keyboard.say("mappings list") == (2, f"connector: mappings: {empty} — {mend}")
    assert keyboard.told("mappings check") == (2, f"error   {empty}")


def test_no_error_of_these_commands_is_left_out_above() -> None:
    said = " ".join(message for _, message in (*WRONG_USE, *OF_FINANCE_AND_IT))
    # Of a day to come, and of a return that is under way: see test_commands, test_before_shipping.
    said += "is not closed yet; it is at; of order 30 is returning, not refused"
    for name in (
        "orders", "jobs", "calls", "customers",
        "extracts", "settlement", "differences", "mappings", "aftersales",
    ):  # fmt: skip
        file = ROOT / f"connector/commands/{name}.py"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and "BadParameter" in ast.unparse(node.func)):
                continue
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    short = len(part.value) < 5 or part.value.startswith("%")
                    assert part.value.strip() in said or short, (name, part.value)
