"""Every command that a message, a remedy or a document names is one that can be typed."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer import _click as click

from connector.cli import app
from connector.domain.lifecycle import HoldCause, Stage
from tests.commands.site import ROOT

_QUOTED = re.compile(r"`(?:\.venv/bin/)?connector ([^`]+)`")
# A group's command without the program's name before it, as tables and the status page have it.
_GROUPS = (
    "aftersales|calls|customers|db|differences|extracts|job|mappings|orders|quarantine|settlement"
)
_BARE = re.compile(rf"`((?:{_GROUPS}) (?!taken up)[a-z][^`]*)`")
_ACT = re.compile(rf"\b((?:{_GROUPS}) [a-z]+(?: --hold [a-z_]+| --[a-z-]+)?)")
_TO_SOMEBODY = re.compile("(ops|IT|sales rep|运维|信息部|销售代表)[:：]")
_EXAMPLE = re.compile(r"Example: connector (.+)")
_LISTED = re.compile(r"^connector (.+)")
_FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"^\s*(?:\$ )?(?:\S*/)?connector ([^#\n]+)", re.MULTILINE)
# What stands for a value that the reader fills in: NUMBER, {number}, …, a figure.
_PLACE = re.compile(r"\{[^}]*\}")
_VALUES = {"hold": frozenset(HoldCause), "stage": frozenset(Stage)}


def in_python(path: Path) -> Iterator[str]:
    """Give the commands in a module's texts."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        text = ""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        elif isinstance(node, ast.JoinedStr):
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{value}"
                for part in node.values
            )
        yield from _QUOTED.findall(text)
        yield from _BARE.findall(text)
        yield from _EXAMPLE.findall(text)
        if path.name == "words.py" and _TO_SOMEBODY.match(text):
            yield from _ACT.findall(text)
        for each in re.split("；|; ", text):
            yield from _LISTED.findall(each)


def in_document(path: Path) -> Iterator[str]:
    """Give the commands in a document: quoted, or in its blocks of code."""
    text = path.read_text("utf-8")
    for block in _FENCE.findall(text):
        yield from _LINE.findall(block.replace("\\\n", " "))
    prose = _FENCE.sub("", text)
    yield from (" ".join(each.split()) for each in _QUOTED.findall(prose) + _BARE.findall(prose))


def named() -> dict[str, str]:
    """Return every command that is named, and where."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "connector").rglob("*.py")):
        names = (each for each in in_python(path) if each != "COMMAND")
        found |= dict.fromkeys(names, str(path.relative_to(ROOT)))
    for path in [*ROOT.glob("README*.md"), *sorted((ROOT / "docs").rglob("*.md"))]:
        found |= dict.fromkeys(in_document(path), str(path.relative_to(ROOT)))
    return found


def wrong_with(command: str) -> str:
    """Return why a command cannot be typed; empty when it can.

    Alternatives are parsed together, what a shell does with it afterwards is left out.
    """
    typed = re.split(" > | && ", _PLACE.sub("X", command).replace("…", "").replace(" | ", " "))
    words = shlex.split(typed[0])
    at: Any = typer.main.get_command(app)
    context = click.Context(at)
    while hasattr(at, "get_command"):
        if not words or words[0].startswith("-"):
            break
        name, *words = words
        at = at.get_command(context, name)
        if at is None:
            return f"there is no command {name}"
        context = click.Context(at, parent=context)
    try:
        values, rest, _ = at.make_parser(context).parse_args(list(words))
    except click.exceptions.BadOptionUsage:
        # Prose names an option and leaves its value out: that it is there is what counts.
        return wrong_with(f"{command} X") if not command.endswith(" X") else "no value"
    except click.exceptions.UsageError as error:
        return error.format_message()
    if rest:
        return f"takes no {' '.join(rest)}"
    for name, allowed in _VALUES.items():
        value = values.get(name)
        if isinstance(value, str) and value.islower() and value not in allowed:
            return f"--{name} is never {value}"
    return ""


@pytest.mark.parametrize(
    "command",
    ["orders settle 36", "orders retry --cause stock", "orders list --hold short", "check now"],
)
def test_what_cannot_be_typed_is_found(command: str) -> None:
    assert wrong_with(command)


def test_every_command_that_is_named_can_be_typed() -> None:
    found = named()
    assert len(found) > 100
    assert {"orders accept {number}", "orders list --hold stock", "calls resolve"} <= found.keys()
    wrong = {f"{where}: connector {each}": wrong_with(each) for each, where in found.items()}
    assert {each: why for each, why in wrong.items() if why} == {}
