"""The memory of a sandbox system: documents by kind and key, in memory or also in a file."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Document = dict[str, Any]


class Books:
    """Documents of one or more systems, written through to an SQLite file when one is given.

    A document is a JSON object. Kinds are named `system.kind`, for example `sap.customer`.
    All access holds `lock`; a request handler that reads and then writes holds it throughout.
    Raises ValueError for a file that is no such memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.lock = threading.RLock()
        self._documents: dict[str, dict[str, Document]] = {}
        self._file: sqlite3.Connection | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
                self._file.execute("PRAGMA journal_mode=WAL")
            except sqlite3.Error as error:
                raise ValueError(
                    f"{path}: cannot keep the sandbox's memory ({error}) — give the name of a file"
                ) from None
            self._file.execute("PRAGMA synchronous=NORMAL")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS document"
                " (kind TEXT, key TEXT, body TEXT, PRIMARY KEY (kind, key))"
            )
            for kind, key, body in self._file.execute(
                "SELECT kind, key, body FROM document ORDER BY rowid"
            ):
                self._documents.setdefault(kind, {})[key] = json.loads(body)

    def get(self, kind: str, key: str) -> Document | None:
        """Return the document, or None. Change it only through `put`."""
        with self.lock:
            return self._documents.get(kind, {}).get(key)

    def put(self, kind: str, key: str, document: Document) -> None:
        """Add or replace one document."""
        with self.lock:
            self._documents.setdefault(kind, {})[key] = document
            if self._file is not None:
                self._file.execute(
                    "INSERT INTO document VALUES (?, ?, ?)"
                    " ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
                    (kind, key, json.dumps(document, ensure_ascii=False)),
                )

    def delete(self, kind: str, key: str) -> None:
        """Remove one document, if it is there."""
        with self.lock:
            self._documents.get(kind, {}).pop(key, None)
            if self._file is not None:
                self._file.execute("DELETE FROM document WHERE kind = ? AND key = ?", (kind, key))

    def all(self, kind: str) -> list[Document]:
        """Return the documents of one kind, oldest first."""
        with self.lock:
            return list(self._documents.get(kind, {}).values())

    def items(self, kind: str) -> list[tuple[str, Document]]:
        """Return keys and documents of one kind, oldest first."""
        with self.lock:
            return list(self._documents.get(kind, {}).items())

    def dump(self, system: str) -> dict[str, list[Document]]:
        """Return everything that one system holds, by kind without its `system.` prefix."""
        with self.lock:
            return {
                kind.partition(".")[2]: list(documents.values())
                for kind, documents in sorted(self._documents.items())
                if kind.partition(".")[0] == system
            }

    def next_number(self, series: str, start: int) -> int:
        """Draw the next number of a series; never the same twice, also after a restart."""
        with self.lock:
            drawn = self.get("sandbox.number", series)
            number = start if drawn is None else int(drawn["last"]) + 1
            self.put("sandbox.number", series, {"last": number})
            return number

    def seed(self, kind: str, documents: Iterator[tuple[str, Document]]) -> None:
        """Fill one kind, unless it holds something already (a state file was given)."""
        with self.lock:
            if not self._documents.get(kind):
                for key, document in documents:
                    self.put(kind, key, document)

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file is not None:
            self._file.close()


class Clock:
    """The sandbox's own time: the real one until a fixed one is set; a set one stands still.

    The shop's clock goes `shop_ahead` of the others.
    """

    def __init__(self) -> None:
        self._fixed: datetime | None = None
        self.shop_ahead = timedelta(0)

    def now(self) -> datetime:
        """Return the current time, aware, in UTC, to the second."""
        return (self._fixed or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)

    def shop_now(self) -> datetime:
        """Return what the shop's clock shows."""
        return self.now() + self.shop_ahead

    def set(self, now: datetime | None) -> None:
        """Stop the clock at `now`; None lets it run again."""
        self._fixed = now

    def advance(self, by: timedelta) -> None:
        """Move a stopped clock on."""
        self._fixed = self.now() + by
