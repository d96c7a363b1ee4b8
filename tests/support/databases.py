"""Copies of databases: what takes long to make is made once in each test process and server."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from connector.store.database import Database
from tests.support import postgres


def scratch(prefix: str) -> Path:
    """Return a folder that goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix=f"connector-{prefix}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def place(database_url: str) -> str:
    """Return where databases of this kind live: "sqlite", or the server's URL."""
    return "sqlite" if database_url.startswith("sqlite") else database_url.rpartition("/")[0]


def empty(where: str) -> str:
    """Return the URL of a new empty database at a place."""
    if where == "sqlite":
        return f"sqlite:///{scratch('database') / 'c.db'}"
    return postgres.another(where)


def copy(url: str, to: str) -> None:
    """Make the empty database at `to` a copy of the one at `url`, to which nobody is connected."""
    if url.startswith("sqlite"):
        shutil.copy(_file(url), _file(to))
    else:
        postgres.copy(url, to)


@cache
def with_tables(where: str) -> str:
    """Return the URL of a database with tables and nothing in them, to be copied."""
    url = empty(where)
    database = Database(url)
    database.upgrade()
    database.close()
    return url


def _file(url: str) -> Path:
    path = Path(url.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
