"""Prints listings: a table for people, or one JSON document for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

_SHORT = 19
_NO_EDGE = 10_000

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Actor = Annotated[str | None, typer.Option(help="Who does this, if not the user who is logged on.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the story of what was done.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def listing(
    rows: Sequence[Mapping[str, Any]], *, as_json: bool, zone: ZoneInfo, empty: str = "nothing"
) -> None:
    """Print rows of equal keys."""
    if as_json:
        print(json.dumps([_plain(row) for row in rows], ensure_ascii=False, indent=1))
        return
    if not rows:
        print(empty)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    texts = [[shown(value, zone) for value in row.values()] for row in rows]
    for place, name in enumerate(rows[0]):
        # Numbers and times stay whole; what is told in words takes the room that is left.
        short = max(len(text[place]) for text in texts) <= _SHORT
        table.add_column(name.replace("_", " "), overflow="fold", no_wrap=short)
    for text in texts:
        table.add_row(*text)
    # A pipe has no edge: a row stays on its line, for grep and for the log of a scheduler.
    width = None if sys.stdout.isatty() else _NO_EDGE
    Console(highlight=False, markup=False, width=width).print(table)


def document(value: Mapping[str, Any]) -> None:
    """Print one JSON document."""
    print(json.dumps(_plain(value), ensure_ascii=False, indent=1))


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
    return str(value)


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
