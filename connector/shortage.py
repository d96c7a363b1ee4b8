"""What this machine has run out of: room on a disk, file descriptors, memory, leave to write.

It is nobody's fault but the machine's: no order is blamed, no mapping is asked to be mended, and
what waited goes on by itself once there is enough again.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Shortage(StrEnum):
    """What is short."""

    DISK = "disk"
    FILES = "files"  # file descriptors: open files and connections
    MEMORY = "memory"
    READ_ONLY = "read_only"  # a folder or a disk that may not be written to


_ERRNO = {
    errno.ENOSPC: Shortage.DISK,
    errno.EDQUOT: Shortage.DISK,
    errno.EFBIG: Shortage.DISK,  # a process, or a file system, with a bound of its own
    errno.EMFILE: Shortage.FILES,
    errno.ENFILE: Shortage.FILES,
    errno.ENOMEM: Shortage.MEMORY,
    errno.EROFS: Shortage.READ_ONLY,
}
# SQLite's primary result codes: NOMEM, READONLY, IOERR, FULL.
_SQLITE = {
    7: Shortage.MEMORY,
    8: Shortage.READ_ONLY,
    10: Shortage.DISK,
    13: Shortage.DISK,
}
_CANTOPEN = 14
# PostgreSQL's: disk_full, out_of_memory, read_only_sql_transaction, io_error.
_SQLSTATE = {
    "53100": Shortage.DISK,
    "53200": Shortage.MEMORY,
    "25006": Shortage.READ_ONLY,
    "58030": Shortage.DISK,
}


def shortage_of(error: BaseException) -> Shortage | None:
    """Return what an error, or whatever it came of, says to be short."""
    seen: set[int] = set()
    for each in _causes(error, seen):
        found = _named(each)
        if found is not None:
            return found
    return None


def place_of(error: BaseException) -> str:
    """Return the file or folder that an error is about; "" where it names none."""
    for each in _causes(error, set()):
        if isinstance(each, OSError) and isinstance(each.filename, str | bytes):
            return os.fsdecode(each.filename)
    return ""


def _causes(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    others = [error.__cause__, error.__context__, getattr(error, "orig", None), *error.args]
    others.append(getattr(error, "reason", None))
    for each in others:
        if isinstance(each, BaseException):
            yield from _causes(each, seen)


def _named(error: BaseException) -> Shortage | None:
    if isinstance(error, MemoryError):
        return Shortage.MEMORY
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return Shortage.MEMORY
    if isinstance(error, PermissionError) and error.filename is not None:
        return Shortage.READ_ONLY
    if isinstance(error, OSError):
        return _ERRNO.get(error.errno or 0)
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int):
        if code & 0xFF == _CANTOPEN:
            return Shortage.FILES if _no_descriptor_left() else None
        return _SQLITE.get(code & 0xFF)
    return _SQLSTATE.get(str(getattr(error, "sqlstate", "")))


def _no_descriptor_left() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    return False


@dataclass(frozen=True)
class Seen:
    """A shortage, when it was first and last seen, and where."""

    what: Shortage
    since: datetime
    last: datetime
    place: str


class Shortages:
    """What this process has run out of lately. Threads share it."""

    # What was not met for so long is over.
    _OVER = timedelta(minutes=10)

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[Shortage, Seen] = {}

    def note(self, error: BaseException) -> Shortage | None:
        """Take note of an error, and return what is short, if anything."""
        what = shortage_of(error)
        if what is None:
            return None
        now, place = self._clock(), place_of(error)
        with self._lock:
            known = self._seen.get(what)
            since = known.since if known and now - known.last < self._OVER else now
            self._seen[what] = Seen(what, since, now, place or (known.place if known else ""))
        return what

    def lasting(self) -> list[Seen]:
        """Return what is short now, as far as anything met it lately."""
        now = self._clock()
        with self._lock:
            return [each for each in self._seen.values() if now - each.last < self._OVER]
