"""What delivery of finished files means: a parcel of files, the targets it goes to, and a folder.

A target turns a parcel into sendings. Each sending is one recorded outbound call: it is made once,
and one whose outcome is unknown is asked about first wherever the target can be asked whether it
holds the file. Files are sent in the sequence of the parcel, so that a manifest arrives last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from connector.departure import last_look
from connector.errors import InDoubt, Misconfigured, RetryLater, nothing_sent
from connector.extracts.files import put
from connector.extracts.inbox import Inbox, folder_inbox
from connector.wording import Said, systems


@dataclass(frozen=True)
class Item:
    """One file of a parcel. `revision` rises whenever its content changes."""

    path: Path
    sha256: str
    revision: int
    rows: int

    def content(self) -> bytes:
        """Return the bytes. Raises RetryLater when they are not those that were noted."""
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise self._gone(systems.FILE_UNREADABLE(error=type(error).__name__)) from None
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise self._gone(systems.FILE_CHANGED())
        return content

    def _gone(self, why: Said) -> RetryLater:
        return RetryLater(
            why,
            place=str(self.path),
            remedy=systems.BUILD_AGAIN(),
        )


@dataclass(frozen=True)
class Parcel:
    """Files that belong together: a day's extract, a wave's batch, a month's settlement.

    `kind` is batch, extract, settlement or review; `name` is unique within its kind and becomes a
    folder at targets that have folders.
    """

    kind: str
    name: str
    items: tuple[Item, ...]

    @property
    def revision(self) -> int:
        """Rises whenever any file changes."""
        return sum(item.revision for item in self.items)


@dataclass(frozen=True)
class Sending:
    """One outbound call of a delivery.

    `subject`, `part` and `revision` make its idempotency key, `reference` is where the other side
    can be asked. `send` and `ask` return what the target holds; `ask` is None where it cannot be
    asked. Both raise the errors of `connector.errors`, and so does `prepare`, which brings the
    sending to the point where only its content is left to be sent.
    """

    subject: str
    reference: str
    revision: int
    items: tuple[Item, ...]
    send: Callable[[], str]
    ask: Callable[[], str | None] | None
    part: str = ""
    prepare: Callable[[], None] | None = None


class Target(Protocol):
    """Somewhere that parcels go to."""

    @property
    def name(self) -> str:
        """What the settings call it."""
        ...

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of parcels it gets."""
        ...

    def sendings(self, parcel: Parcel) -> AbstractContextManager[Sequence[Sending]]:
        """Give the sendings of a parcel; connections are made on first use and closed after."""
        ...


class FileStore(Protocol):
    """What folder, SFTP and S3 have in common: they hold files and can be asked for them."""

    def holds(self, where: str, item: Item) -> bool:
        """Whether exactly this content lies there. Raises RetryLater, Misconfigured."""
        ...

    def put(self, where: str, item: Item) -> None:
        """Put it there, whole or not at all. Raises RetryLater, InDoubt, Misconfigured."""
        ...


def file_sendings(store: FileStore, parcel: Parcel, root: str) -> list[Sending]:
    """Return one sending for each file, to `root/kind/parcel/file`."""
    return [_file_sending(store, parcel, item, root) for item in parcel.items]


def _file_sending(store: FileStore, parcel: Parcel, item: Item, root: str) -> Sending:
    inner = f"{parcel.kind}/{parcel.name}/{item.path.name}"
    where = str(PurePosixPath(root) / inner) if root else inner
    held = f"sha256:{item.sha256}"

    def send() -> str:
        store.put(where, item)
        return held

    def ask() -> str | None:
        return held if store.holds(where, item) else None

    return Sending(inner, where, item.revision, (item,), send, ask)


@dataclass(frozen=True)
class FolderTarget:
    """A folder, often a mounted share."""

    name: str
    kinds: frozenset[str]
    path: Path

    @contextmanager
    def sendings(self, parcel: Parcel) -> Iterator[Sequence[Sending]]:
        """See `Target`."""
        yield file_sendings(self, parcel, "")

    def inbox(self, kind: str) -> AbstractContextManager[Inbox]:
        """See `connector.extracts.inbox.Returning`."""
        return folder_inbox(self.path, kind, f"delivery.{self.name}.path")

    def holds(self, where: str, item: Item) -> bool:
        """See `FileStore`."""
        try:
            return hashlib.sha256((self.path / where).read_bytes()).hexdigest() == item.sha256
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._away(error) from error

    def put(self, where: str, item: Item) -> None:
        """See `FileStore`."""
        with nothing_sent():
            content = item.content()
            if not self.path.is_dir():
                # A share that is not mounted leaves an empty mount point or none: never make it.
                raise Misconfigured(
                    "there is no such folder",
                    place=f"delivery.{self.name}.path",
                    remedy="make it, or mount the share",
                )
        last_look()
        try:
            (self.path / where).parent.mkdir(parents=True, exist_ok=True)
            put(self.path / where, content)
        except PermissionError:
            raise Misconfigured(
                "may not be written to",
                place=f"delivery.{self.name}.path",
                remedy="let the connector's user write there",
            ) from None
        except OSError as error:
            raise InDoubt(systems.WHILE_WRITING(error=type(error).__name__), place=where) from error

    def _away(self, error: OSError) -> RetryLater:
        return RetryLater(systems.FOLDER_SILENT(words=error.strerror), place=self.name)
