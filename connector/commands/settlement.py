"""`connector settlement`: build, close and list monthly settlements."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from connector.commands.output import DryRun, Json, document, listing, say

app = typer.Typer(no_args_is_help=True, help="Monthly settlement with the business units. 月度结算")

Month = Annotated[str, typer.Option(help="YYYY-MM.")]
Unit = Annotated[str, typer.Option(help="A business unit's code.")]


@app.command()
def build(month: Month, unit: Unit, json: Json = False) -> None:
    """Write a month's statement: a draft until the month is closed, then always the same.

    Example: connector settlement build --month 2026-11 --unit GQ
    """
    from connector.commands.opened import opened

    with opened() as connector:
        statement, written = connector.settler.build(unit, month)
        _told(statement, [str(file.path) for file in written], json)


@app.command()
def close(month: Month, unit: Unit, dry_run: DryRun = False) -> None:
    """Close a month for good. What changes afterwards is an adjustment of a later month.

    Example: connector settlement close --month 2026-11 --unit GQ
    """
    from connector.commands.opened import opened, operator

    with opened() as connector:
        if dry_run:
            statement, _ = connector.settler.build(unit, month)
            say(f"{unit} {month}: would be closed with {_due(statement)} due")
            return
        done = connector.settler.close(unit, month, operator())
        say(f"{unit} {month}: {'closed' if done else 'was closed before; nothing changed'}")


@app.command("list")
def list_closed(json: Json = False) -> None:
    """List the closed settlements.

    Example: connector settlement list
    """
    from connector.commands.opened import opened, zone_of

    with opened() as connector:
        listing(
            [
                {
                    "unit": row.business_unit,
                    "month": row.month,
                    "due": row.figures["due"],
                    "due_in": row.figures.get("due_in", {}),
                    "closed_at": row.closed_at,
                    "closed_by": row.closed_by,
                }
                for row in connector.settler.settlements.listed()
            ],
            as_json=json,
            zone=zone_of(connector),
            empty="no month is closed yet",
        )


def _due(statement: Any) -> str:
    from connector.domain.currency import in_words

    each = (
        f"{in_words(statement.due_in(each), each)} {each}".rstrip() for each in statement.currencies
    )
    return ", ".join(each)


def _told(statement: Any, files: list[str], as_json: bool) -> None:
    from connector.domain.currency import in_words
    from connector.extracts.statement import figures

    if as_json:
        document(
            {
                "unit": statement.unit,
                "month": statement.month,
                "items": figures(statement),
                "due": statement.due,
                "due_in": {each: statement.due_in(each) for each in statement.currencies if each},
                "files": files,
            }
        )
        return
    for row in figures(statement):
        total = in_words(row["total"], row["currency"])
        say(f"{row['title']:<28} {total:>16} {row['currency']}".rstrip())
    for each in statement.currencies:
        say(f"{'应付 Amount due':<28} {in_words(statement.due_in(each), each):>16} {each}".rstrip())
    for path in files:
        print(path)
