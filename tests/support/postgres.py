"""A private PostgreSQL server for the tests, started from the installed binaries."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.support.ports import Reserved

INSTALL = "apt-get install postgresql"


class Missing(Exception):
    """There are no PostgreSQL server binaries on this machine."""


@dataclass
class Server:
    """A running server; databases are made in it by name."""

    folder: Path
    place: Reserved
    binaries: Path
    user: str

    def create(self) -> str:
        """Make an empty database and return its URL."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return f"postgresql+psycopg://connector@127.0.0.1:{self.place.port}/{name}"

    def drop(self, url: str) -> None:
        """Remove a database with whatever is still connected to it."""
        name = url.rpartition("/")[2]
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def stop(self) -> None:
        """Stop the server and remove its files."""
        _as(
            self.user,
            [self.binaries / "pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop"],
        )
        self.place.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _dsn(self, name: str) -> str:
        return f"host=127.0.0.1 port={self.place.port} user=connector dbname={name}"


def copy(url: str, to: str) -> None:
    """Make the database at `to` a copy of the one at `url`, to which nobody is connected."""
    name, wanted = url.rpartition("/")[2], to.rpartition("/")[2]
    with _administering(url) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{wanted}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{wanted}" TEMPLATE "{name}"')


def another(where: str) -> str:
    """Make an empty database on the server at `where` (a URL without its last part)."""
    url = f"{where}/test_{uuid.uuid4().hex[:12]}"
    with _administering(url) as connection:
        connection.execute(f'CREATE DATABASE "{url.rpartition("/")[2]}" TEMPLATE template0')
    return url


def _administering(url: str) -> psycopg.Connection[tuple[object, ...]]:
    plain = url.replace("+psycopg", "").rpartition("/")[0]
    return psycopg.connect(f"{plain}/postgres", autocommit=True)


def start() -> Server:
    """Start a server on a free port. Raises Missing."""
    binaries, user = _binaries(), _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="connector-pg-"))
    if user is not None:
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
    place = Reserved()
    data = folder / "data"
    _as(user, [binaries / "initdb", "-D", data, "-U", "connector", "-A", "trust", "-E", "UTF8",
               "--no-sync", "--locale=C"])  # fmt: skip
    # Durability is for the tests of SQLite; here speed counts.
    options = (
        f"-p {place.port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        " -c synchronous_commit=off -c full_page_writes=off -c max_connections=300"
    )
    _as(user, [binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-o", options,
               "-t", "240", "-w", "start"])  # fmt: skip
    return Server(folder, place, binaries, user or "")


def _binaries() -> Path:
    found = [Path(path).parent for path in [shutil.which("pg_ctl")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in found:
        if all((folder / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
            return folder
    raise Missing(f"no PostgreSQL server binaries (initdb, pg_ctl, postgres): {INSTALL}")


def _unprivileged() -> str | None:
    """The server refuses to run as root: another account must own it."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise Missing("root needs another account to run PostgreSQL: postgres or nobody")


def _as(user: str | None, command: list[Path | str]) -> None:
    words = [str(part) for part in command]
    if user:
        words = ["setpriv", f"--reuid={user}", "--regid=" + str(pwd.getpwnam(user).pw_gid),
                 "--clear-groups", "--", *words]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, cwd="/", check=False)
    if done.returncode:
        raise RuntimeError(f"{words[0]}: {done.stdout}{done.stderr}")
