"""`connector check`: everything that could be wrong before the first run."""

from __future__ import annotations

from typing import Annotated

import typer

from connector.commands.output import Json, document


def check(
    live: Annotated[
        bool, typer.Option("--live", help="Also log on to each system and read what it offers.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="End with 1 when anything is warned of.")
    ] = False,
    json: Json = False,
) -> None:
    """Check settings, secrets, mappings, calendar and database.

    Ends with 2 for what is wrong and 3 for what cannot be reached. Warnings are printed, and end
    with 0: `connector check && connector run` starts.

    Example: connector check --live
    """
    from connector.checks import run_checks
    from connector.logs import configure

    configure("error")
    results = run_checks(live=live)
    if json:
        document({"results": [vars(each) for each in results]})
    else:
        for each in results:
            print(f"{each.state:7} {each.what:12} {each.text}")
    if any(each.state == "wrong" for each in results):
        raise typer.Exit(2)
    if any(each.state == "unreachable" for each in results):
        raise typer.Exit(3)
    if strict and any(each.state == "warning" for each in results):
        raise typer.Exit(1)
