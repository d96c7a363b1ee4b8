"""`connector quarantine`: what could not be taken, stored or read, and what people do about it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from connector.commands.outcome import NEEDS_PERSON
from connector.commands.output import Actor, Json, Reason, document, listing, say

app = typer.Typer(no_args_is_help=True, help="What could not be taken, stored or read. 隔离的数据")


@app.command("list")
def list_entries(
    source: Annotated[
        str | None,
        typer.Option(help="Only from storefront, sap, dms, file or database."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also those that ended or were dropped.")
    ] = False,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 200,
    json: Json = False,
) -> None:
    """List what is in the quarantine, the oldest first.

    Example: connector quarantine list
    """
    from connector.commands.opened import opened, zone_of
    from connector.domain.quarantine import Source

    with opened() as connector:
        rows = connector.context.quarantine.listed(
            every=every, source=_one_of(Source, source), limit=limit + 1
        )
        listing(
            [
                {
                    "id": row.id,
                    "source": row.source,
                    "failed": row.failed,
                    "order": row.key,
                    "state": row.state,
                    "first_at": row.first_at,
                    "last_at": row.last_at,
                    "times": row.times,
                    "reason": row.reason,
                }
                for row in rows
            ],
            as_json=json,
            zone=zone_of(connector),
            empty="nothing is in the quarantine",
            limit=limit,
        )


@app.command()
def show(entry: int) -> None:
    """Print one entry with what is in it (personal data masked).

    Example: connector quarantine show 12
    """
    from connector.commands.opened import opened
    from connector.domain.kept import shown

    with opened() as connector:
        row = _row(connector, entry)
        document(
            {
                "id": row.id,
                "source": row.source,
                "failed": row.failed,
                "order": row.key,
                "seen_in": row.seen_in,
                "state": row.state,
                "first_at": row.first_at,
                "last_at": row.last_at,
                "times": row.times,
                "reason": row.reason,
                "reason_zh": row.reason.chinese,
                "closed_at": row.closed_at,
                "closed_by": row.closed_by,
                "closed_why": row.closed_why,
                "sha256": row.digest,
                "bytes": len(row.content),
                "content": shown(row.content),
            }
        )


@app.command()
def retry(
    entries: Annotated[list[int] | None, typer.Argument(help="Entries by their ids.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
    actor: Actor = None,
    reason: Reason = "",
) -> None:
    """Repeat the step that failed, with what is in the entry; where it works the entry ends.

    An order is taken as the intake takes it: one that is known already is not taken twice.

    Example: connector quarantine retry 12 --reason "the mapping is mended"
    """
    from connector.commands.opened import acting, opened
    from connector.errors import Rejected
    from connector.jobs.kept import OF_JOBS
    from connector.steps.quarantine_acts import retry as repeat

    if not entries and not every:
        raise typer.BadParameter("name entries, or say --all")
    failed = False
    with opened() as connector:
        rows = [_open(connector, each) for each in dict.fromkeys(entries or [])]
        if every:
            rows = connector.context.quarantine.listed(limit=_MOST)
        for row in rows:
            with acting(connector, "quarantine retry", f"entry {row.id}", actor, reason) as act:
                try:
                    came_to = repeat(connector.context, connector.database, row, act.actor, OF_JOBS)
                    act.outcome = f"ended: {came_to}"
                except Rejected as refusal:
                    failed = True
                    act.outcome = f"still open: {refusal}"
            say(f"entry {row.id} ({row.source} {row.key}): {act.outcome}")
    if failed:
        raise typer.Exit(NEEDS_PERSON)


@app.command()
def drop(
    entries: Annotated[list[int], typer.Argument(help="Entries by their ids.")],
    actor: Actor = None,
    reason: Reason = "",
) -> None:
    """Say that entries do not count. The same, seen again, stays dropped; needs a --reason.

    An order that was held for one goes on as it was last taken.

    Example: connector quarantine drop 12 --reason "a test order of the shop's agency"
    """
    from connector.commands.opened import acting, opened
    from connector.steps.quarantine_acts import drop as dropped

    if not reason.strip():
        raise typer.BadParameter("say with --reason why it does not count")
    with opened() as connector:
        for row in [_open(connector, each) for each in dict.fromkeys(entries)]:
            with acting(connector, "quarantine drop", f"entry {row.id}", actor, reason) as act:
                if not dropped(connector.context, row, act.actor, act.reason):
                    act.outcome = "was settled meanwhile"
            say(f"entry {row.id} ({row.source} {row.key}): {act.outcome}")


_MOST = 10_000


def _row(connector: Any, entry: int) -> Any:
    row = connector.context.quarantine.get(entry)
    if row is None:
        raise typer.BadParameter(f"there is no entry {entry}; see `connector quarantine list`")
    return row


def _open(connector: Any, entry: int) -> Any:
    row = _row(connector, entry)
    if row.state != "open":
        raise typer.BadParameter(f"entry {entry} is {row.state}; nothing of it is open")
    return row


def _one_of(kind: type[StrEnum], value: str | None) -> Any:
    allowed = [each.value for each in kind]
    if value is not None and value not in allowed:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(allowed)}")
    return kind(value) if value is not None else None
