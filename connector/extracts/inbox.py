"""Where sheets come back: a folder that people put files into, here or on an SFTP server.

Beside `in`, which people fill, lie `done` and `refused`: each file that was read is moved there
with what became of it beside it. Nothing that somebody put there is ever deleted.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Protocol, runtime_checkable

from connector.errors import Misconfigured, RetryLater
from connector.extracts.files import put
from connector.extracts.handed_in import MOST_BYTES
from connector.wording import systems

IN, DONE, REFUSED = "in", "done", "refused"


@dataclass(frozen=True)
class Incoming:
    """A file that lies there: its name alone, and when it was last written to."""

    name: str
    changed_at: datetime


class Inbox(Protocol):
    """Folders `in`, `done` and `refused`. All raise RetryLater and Misconfigured."""

    def incoming(self) -> list[Incoming]:
        """Return the workbooks that lie in `in`, in the sequence of their names."""
        ...

    def read(self, name: str) -> bytes:
        """Return the bytes of one, no more than may be read of a workbook and one more."""
        ...

    def answer(self, folder: str, name: str, content: bytes) -> None:
        """Put a file of ours into `done` or `refused`."""
        ...

    def move(self, name: str, folder: str, moved: str) -> None:
        """Move a file from `in` to `done` or `refused`; it is called `moved` there."""
        ...


@runtime_checkable
class Returning(Protocol):
    """A delivery target that people can put files back to."""

    def inbox(self, kind: str) -> AbstractContextManager[Inbox]:
        """Give the inbox of a kind of parcels; it is made where it is missing."""
        ...


def is_workbook(name: str) -> bool:
    """Whether a name is that of a workbook, and not what a program lays beside an open one."""
    return name.lower().endswith(".xlsx") and not name.startswith((".", "~$")) and "/" not in name


@contextmanager
def folder_inbox(root: Path, kind: str, place: str) -> Iterator[Inbox]:
    """Give the inbox below a folder. Raises Misconfigured where the folder itself is missing."""
    if not root.is_dir():
        # A share that is not mounted leaves an empty mount point or none: never make it.
        raise Misconfigured(
            "there is no such folder", place=place, remedy="make it, or mount the share"
        )
    yield _Folder(root / kind, place)


@dataclass(frozen=True)
class _Folder:
    root: Path
    place: str

    def incoming(self) -> list[Incoming]:
        with self._reached():
            for each in (IN, DONE, REFUSED):
                (self.root / each).mkdir(parents=True, exist_ok=True)
            found = []
            for path in sorted((self.root / IN).iterdir()):
                seen = path.lstat()
                if is_workbook(path.name) and stat.S_ISREG(seen.st_mode):
                    found.append(Incoming(path.name, datetime.fromtimestamp(seen.st_mtime, UTC)))
            return found

    def read(self, name: str) -> bytes:
        with self._reached(), (self.root / IN / name).open("rb") as file:
            return file.read(MOST_BYTES + 1)

    def answer(self, folder: str, name: str, content: bytes) -> None:
        with self._reached():
            put(self.root / folder / name, content)

    def move(self, name: str, folder: str, moved: str) -> None:
        with self._reached():
            (self.root / IN / name).replace(self.root / folder / moved)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise Misconfigured(
                f"may not be read and written to ({PurePosixPath(str(error.filename)).name})",
                place=self.place,
                remedy="let the connector's user read and write there",
            ) from None
        except OSError as error:
            raise RetryLater(
                systems.FOLDER_SILENT(words=error.strerror), place=self.place
            ) from error
