"""Migrations, by Alembic. Loaded only where there is something to migrate: it is slow to import."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from connector.store.tables import Base

_MIGRATIONS = Path(__file__).parent / "migrations"
# Any constant does: it keeps two processes that start at once from migrating together.
_LOCK = 0x636F6E6E
# Alembic keeps its context in module globals: one upgrade at a time in a process.
_UPGRADING = threading.Lock()


def upgrade(connection: Connection) -> None:
    """Bring the tables to the newest revision; harmless when they are there already."""
    shared = connection.dialect.name != "sqlite"
    with _UPGRADING:
        if shared:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        try:
            command.upgrade(_config(connection), "head")
            connection.commit()
        finally:
            if shared:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})


def drift(connection: Connection) -> list[Any]:
    """Return how the tables differ from the models; empty when they agree."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Base.metadata))


def newest() -> str | None:
    """Return the revision that the migrations lead to."""
    return ScriptDirectory(str(_MIGRATIONS)).get_current_head()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config
