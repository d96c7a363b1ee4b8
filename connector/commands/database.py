"""`connector db`: upgrade, current, check."""

from __future__ import annotations

from typing import Any

import typer

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


def _database() -> Any:
    from connector.settings import load_settings
    from connector.store.database import Database

    return Database(load_settings().database_url)
