"""Prints listings: a table for people, or one JSON document for programs."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from connector.commands.columns import laid_out
from connector.domain.printable import on_one_line

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Actor = Annotated[str | None, typer.Option(help="Who does this, if not the user who is logged on.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the story of what was done.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def listing(
    rows: Sequence[Mapping[str, Any]],
    *,
    as_json: bool,
    zone: ZoneInfo,
    empty: str = "nothing",
    limit: int | None = None,
) -> None:
    """Print rows of equal keys; of more than `limit` the first, and that there are more."""
    more = limit is not None and len(rows) > limit
    rows = rows[:limit]
    if as_json:
        _json([_plain(row) for row in rows])
    elif not rows:
        print(empty)
    else:
        texts = [[shown(value, zone) for value in row.values()] for row in rows]
        # A pipe has no edge: a row stays on its line, for grep and for the log of a scheduler.
        edge = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        head, *lines = laid_out(list(rows[0]), texts, edge)
        typer.secho(head, bold=True)
        print(*lines, sep="\n")
    if more:
        sys.stdout.flush()
        print(f"these are the first {limit}, there are more: see --limit", file=sys.stderr)


def say(text: str) -> None:
    """Print one line in which the texts of others may stand."""
    print(on_one_line(text), flush=True)


def document(value: Mapping[str, Any]) -> None:
    """Print one JSON document."""
    _json(_plain(value))


def shown(value: Any, zone: ZoneInfo) -> str:
    """Return a value as people read it: times in the business's zone."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list | tuple):
        return ", ".join(shown(each, zone) for each in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {shown(each, zone)}" for key, each in value.items())
    return on_one_line(str(value))


def _json(value: Any) -> None:
    lines = json.dumps(value, ensure_ascii=False, indent=1).split("\n")
    print(*map(on_one_line, lines), sep="\n")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value
