"""`connector differences`: what the books do not agree on, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from connector.commands.output import DryRun, Json, listing, say

app = typer.Typer(no_args_is_help=True, help="Differences between the books. 对账差异")


@app.command("list")
def list_differences(
    date: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Only of orders of this business day."),
    ] = None,
    state: Annotated[
        str | None, typer.Option(help="new, known, explained or solved; by default new and known.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="For example missing_dms or amount.")] = None,
    order: Annotated[str | None, typer.Option(help="Only of this order.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 200,
    json: Json = False,
) -> None:
    """List differences, the largest amounts at stake first. Exit code 1 when any is listed.

    Example: connector differences list --kind amount --date 2026-11-24
    """
    from connector.commands.jobs import business_day
    from connector.commands.opened import opened, zone_of
    from connector.domain.reconciliation import Kind, State
    from connector.store.reconciliation import Window

    for name, value, known in (("--state", state, State), ("--kind", kind, Kind)):
        if value is not None and value not in set(known):
            raise typer.BadParameter(f"{name}: {value!r} is none of {', '.join(known)}")
    with opened() as connector:
        placed = None
        if date is not None:
            placed = Window(*business_day(connector, date, zone_of(connector)).bounds)
        rows = connector.differences.listed(
            connector.context.clock(),
            **({"states": [state]} if state else {}),
            kind=kind,
            number=order,
            placed=placed,
            limit=limit + 1,
        )
        listing(
            [
                {
                    "id": row.id,
                    "order": row.number,
                    "line": row.line or None,
                    "kind": row.kind.value,
                    "meaning": f"{row.cause.chinese} {row.cause.english}",
                    "field": row.field,
                    "document": row.document,
                    "storefront": row.storefront,
                    "connector": row.connector,
                    "dms": row.dms,
                    "sap": row.sap,
                    "amount": row.amount,
                    "owner": row.owner.value,
                    "since": row.since.isoformat(),
                    "age": row.age,
                    "state": row.state.value,
                    "detail": row.detail,
                    "explanation": row.explanation,
                }
                for row in rows
            ],
            as_json=json,
            zone=zone_of(connector),
            empty="no differences",
            limit=limit,
        )
    if any(row.state in (State.NEW, State.KNOWN) for row in rows):
        raise typer.Exit(1)


@app.command()
def explain(
    differences: Annotated[list[int], typer.Argument(help="Their ids, from the list.")],
    because: Annotated[str, typer.Option(help="Why, in words; it goes into finance's files.")],
    dry_run: DryRun = False,
) -> None:
    """Explain differences. It holds as long as the values stay; then they are open again.

    Example: connector differences explain 12 13 --because "credit note by hand, approved by BU"
    """
    from connector.commands.opened import opened, operator

    words = because.strip()
    if not words:
        raise typer.BadParameter("--because: say why")
    unknown = []
    with opened() as connector:
        for each in differences:
            if dry_run:
                say(f"{each}: would be explained")
                continue
            now = connector.context.clock()
            found = connector.differences.explain(each, words[:500], operator(), now)
            if found is None:
                unknown.append(each)
                continue
            say(f"{each}: {found.number} {found.kind.value} {found.field} explained")
    if unknown:
        numbers = ", ".join(map(str, unknown))
        say(f"no open differences: {numbers}; see `connector differences list`")
        raise typer.Exit(1)
