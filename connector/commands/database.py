"""`connector db`: upgrade, current, check."""

from __future__ import annotations

from typing import Any

import typer

from connector.commands.output import Actor, DryRun, Reason

app = typer.Typer(no_args_is_help=True, help="The database's tables and their revision. 数据库")


@app.command()
def upgrade() -> None:
    """Bring the tables to the revision that this software needs.

    Example: connector db upgrade
    """
    database = _database()
    database.upgrade()
    print(f"revision {database.revision()[0]}")


@app.command()
def current() -> None:
    """Print the revision of the tables and the one that is needed.

    Example: connector db current
    """
    has, needs = _database().revision()
    print(f"has {has or 'none'}, needs {needs}")


@app.command()
def check() -> None:
    """Compare the tables with what the software expects.

    Example: connector db check
    """
    database = _database()
    has, needs = database.revision()
    if has != needs:
        print(f"has {has or 'none'}, needs {needs} — `connector db upgrade`")
        raise typer.Exit(1)
    drift = database.drift()
    for difference in drift:
        print(f"differs: {difference}")
    if drift:
        raise typer.Exit(1)
    print(f"revision {has}, tables as expected")


@app.command()
def restored(actor: Actor = None, reason: Reason = "", dry_run: DryRun = False) -> None:
    """Say that the database was restored from a backup: what it forgot is asked about first.

    Stop the service, restore, say this, start the service. Of orders placed until now nothing is
    sent before the other system was asked whether it has it.

    Example: connector db restored --reason "disk of the 24th lost, backup of 02:00"
    """
    from connector.commands.opened import acting, opened

    with opened() as connector:
        now = connector.context.clock()
        if dry_run:
            print("orders placed until now would be asked about before anything is sent for them")
            return
        with acting(connector, "db restored", "database", actor, reason):
            connector.progress.mark_restored(now)
    print(
        "orders placed until now are asked about before anything is sent for them;"
        " a service that is running does so once it is started anew"
    )


def _database() -> Any:
    from connector.settings import load_settings
    from connector.store.database import Database

    return Database(load_settings().database_url)
