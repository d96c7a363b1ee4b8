"""Everything that is said to people, printed to be read for sense.

`pytest tests/service/test_messages.py -s` prints every alert in both languages, every error
message of the source with its place and remedy, and what wrong use of the commands is answered.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.domain.alerts import AlertKind
from connector.domain.deadlines import Promise
from connector.domain.lifecycle import HoldCause
from connector.notify.digest import MOST, Language, describe, digest
from connector.notify.hold_words import HELD
from connector.notify.words import KINDS, SUBJECTS
from connector.wording import machine, recorded

ZONE = ZoneInfo("Asia/Shanghai")
BOTH = Language(chinese=True, english=True, zone=ZONE)
SINCE = datetime(2026, 11, 24, 1, 12, tzinfo=UTC)


@dataclass
class Alert:
    kind: str
    subject: str
    orders: int = 0
    detail: dict[str, Any] = field(default_factory=dict)
    since: datetime = SINCE
    closed_at: datetime | None = None
    told: int = 0


_ERROR = "RetryLater: SAP: the call took longer than 90 s"
ALERTS = [
    *(Alert("held", cause.value, 3) for cause in HoldCause),
    Alert("at_risk", "placed", 4, {"due": SINCE.isoformat()}),
    Alert("broken", "system_away", 12),
    Alert("call_in_doubt", "delivery warehouse", 0, {"calls": 1}),
    Alert("call_open", "sap correct_customer", 0, {"calls": 1, "call": 13}),
    Alert("doubled", "dms dms_sales_order", 0, {
        "calls": 1, "call": 14, "error": "it holds SO10000001, SO10000002"}),
    Alert("not_delivered", "warehouse", 0, {"calls": 2, "error": "warehouse: cannot be reached"}),
    Alert("wave_late", "GQ", 41, {"cutoff": SINCE.isoformat()}),
    Alert("job_failed", "intake", 0, {"run": 17, "attempts": 4, "error": _ERROR}),
    Alert("job_failed", "advance", 0, {
        "run": 18, "attempts": 1, "logon": True, "error": "LogonFailed: SAP: RFC_CONNECTOR"}),
    Alert("job_stuck", "advance", 0, {"run": 19, "owner": "host-a:12:1f2e3d"}),
    Alert("job_behind", "reconcile", 0, {"window": SINCE.isoformat()}),
    Alert("system_away", "SAP", 230),
    Alert("system_paused", "sap", 12, {
        "until": "11-24 18:00", "reason": "transport", "actor": "ops:wang"}),
    Alert("quarantined", "storefront", 0, {"entries": 3, "first": 7}),
    Alert("shortage", "disk", 0, {
        "short": recorded(machine.SHORT_OF_DISK()), "place": "/var/lib/connector"}),
    Alert("clock_set", "", 0, {
        "minutes": "+120", "verdict": recorded(machine.CLOCK_WRONG())}),
    Alert("calendar_ends", "", 0, {"ends": "2026-12-31"}),
    Alert("database_large", "", 0, {"size": "21.3 GiB", "bound": "20.0 GiB"}),
    Alert("number_gone", "", 0, {"calls": 2, "numbers": "0000200001, 0000200002", "call": 12}),
    Alert("creations_wait", "", 0, {"limit": 60}),
    Alert("unjudged", "waves", 0, {"error": "KeyError: 'GQ'"}),
    Alert("mappings_refused", "", 0, {
        "findings": 2, "first": "mappings/a.yaml:3:7: no field b", "version": "0123456789ab"}),
]  # fmt: skip


def test_every_kind_and_every_cause_has_words() -> None:
    assert set(HELD) == set(HoldCause)
    assert set(KINDS) | {AlertKind.HELD} == set(AlertKind)
    assert {*HoldCause, *Promise, "system_away", "late_intake", "slow"} == set(SUBJECTS)
    assert {alert.kind for alert in ALERTS} == set(AlertKind)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda each: f"{each.kind}:{each.subject}")
def test_an_alert_says_what_since_when_what_next_and_the_command(alert: Alert) -> None:
    text = describe(alert, BOTH)
    print(f"\n{text}\n")
    assert "11-24 09:12" in text  # in the business's own time
    assert "{" not in text
    if alert.orders:
        assert str(alert.orders) in text
    assert "接下来：" in text
    assert "Next: " in text
    commands = re.findall(r"^ +connector .+$", text, re.MULTILINE)
    assert commands, "names no command"
    for language in (Language(True, False, ZONE), Language(False, True, ZONE)):
        one = describe(alert, language)
        assert one
        assert len(one) < len(text)
    english = describe(alert, Language(False, True, ZONE))
    assert not re.search(r"[\u4e00-\u9fff]", english), english


@pytest.mark.parametrize("alert", ALERTS, ids=lambda each: f"{each.kind}:{each.subject}")
def test_every_command_that_an_alert_names_is_there(alert: Alert) -> None:
    from typer.main import get_command

    from connector.cli import app

    for line in re.findall(r"^ +(connector .+)$", describe(alert, BOTH), re.MULTILINE):
        command: Any = get_command(app)
        for word in line.split()[1:]:
            if not hasattr(command, "commands"):
                break
            assert word in command.commands, line
            command = command.commands[word]
        options = {name for each in command.params for name in each.opts}
        assert set(re.findall(r"--[a-z-]+", line)) <= options, line


def test_a_storm_is_told_in_one_message_that_ends() -> None:
    storm = [Alert("job_failed", f"job{n}", 0, {"run": n, "attempts": 2, "error": _ERROR})
             for n in range(40)]  # fmt: skip
    solved = Alert("system_away", "DMS", 9, closed_at=SINCE + timedelta(hours=1), told=2)
    message = digest([*storm, solved], BOTH)
    print(f"\n{message.title}\n\n{message.text}\n")
    assert f"and {40 - MOST} more" in message.text
    assert "DMS" in message.text.partition("Solved")[2]
    assert len(message.text) < 8000


def test_nothing_personal_gets_into_a_message() -> None:
    detail = {"run": 1, "attempts": 2, "error": "Rejected: 13900000002 320300198201010027 a@b.cn"}
    text = describe(Alert("job_failed", "intake", 0, detail), BOTH)
    for secret in ("13900000002", "320300198201010027", "a@b.cn"):
        assert secret not in text


SOURCE = Path(__file__).parents[2] / "connector"
ERRORS = ("Misconfigured", "LogonFailed", "RetryLater", "Rejected", "InDoubt", "AlreadyThere",
          "BadParameter")  # fmt: skip


def errors() -> Iterator[tuple[str, str, ast.Call]]:
    """Give every error that the source makes: file and line, its kind, the call."""
    for path in sorted(SOURCE.rglob("*.py")):
        if "sandbox" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                if name in ERRORS and node.args:
                    yield f"{path.relative_to(SOURCE)}:{node.lineno}", name, node


def said(node: ast.AST) -> str:
    """Return a text as it stands in the source, with names where values go."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            f"{{{ast.unparse(each.value)}}}" if isinstance(each, ast.FormattedValue) else said(each)
            for each in node.values
        )
    return f"{{{ast.unparse(node)}}}"


def test_every_error_message_is_one_line_and_what_stops_a_job_names_a_remedy() -> None:
    found = list(errors())
    assert len(found) > 100
    vague = []
    for where, name, call in found:
        words = {each.arg: said(each.value) for each in call.keywords}
        text = " ".join(said(each) for each in call.args)
        print(f"{where} {name}: {words.get('place', '')}: {text} — {words.get('remedy', '')}")
        assert "\n" not in text, where
        assert text.strip(), where
        vague.append(where if name == "Misconfigured" and not words.get("remedy") else "")
    assert [each for each in vague if each] == []


WRONG: list[tuple[str, int, str]] = [
    ("nonsense", 2, "No such command"),
    ("job run nonsense", 2, "is none of"),
    ("job run wave --scope XX", 2, "is none of"),
    ("job run wave --window yesterday", 2, "FROM/TO"),
    ("job run wave --window 2026-11-24T15:00/2026-11-24T12:00", 2, "ends before it begins"),
    ("job run wave --date tomorrow", 2, "does not match"),
    ("job rerun 4711", 2, "there is no run 4711"),
    ("job rerun x", 2, "valid integer"),
    ("orders show 4711", 2, "4711"),
    ("orders retry 4711", 2, "4711"),
    ("orders cancel 4711", 2, "4711"),
    ("orders list --stage nonsense", 2, "nonsense"),
    ("calls show 4711", 2, "4711"),
    ("calls resolve 4711 --absent", 2, "4711"),
    ("customers link 4711 1", 2, "4711"),
    ("extracts verify /nowhere", 1, "build it again"),
    ("sandbox --fault nonsense", 2, "nonsense"),
]


@pytest.mark.parametrize(("line", "code", "words"), WRONG, ids=lambda each: str(each)[:40])
def test_wrong_use_is_answered_with_one_clear_line(
    line: str,
    code: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from connector.cli import app
    from connector.commands.outcome import exit_code_of

    monkeypatch.setenv("CONNECTOR_DATABASE_URL", f"sqlite:///{tmp_path / 'c.db'}")
    monkeypatch.setattr("sys.argv", ["connector", *line.split()])
    ended = exit_code_of(app)
    answer = capsys.readouterr()
    print(f"$ connector {line}\n{answer.out}{answer.err}[{ended}]\n")
    assert ended == code
    assert words in answer.out + answer.err
    assert "Traceback" not in answer.err
