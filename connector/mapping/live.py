"""The mappings in force: a changed folder is taken up while the service runs, once it is good.

Whoever asks gets the mappings in force; every second or so the folder is looked at on the way. A
folder that changed is checked as a whole: if it is good it takes effect, if not it is refused and
what was in force stays. Within `steady` nothing changes, so that an order's step is made by one
version from its request to the reading of the answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol

import structlog

from connector.mapping.check import check
from connector.mapping.drift import Drift
from connector.mapping.engine import MappingSet
from connector.mapping.finding import Finding, MappingsInvalid, errors
from connector.mapping.load import Folder, build

_log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0  # seconds; a change is taken when two looks saw the same

_steady: ContextVar[MappingSet | None] = ContextVar("steady", default=None)


class Kept(Protocol):
    """Where the versions that were in force are kept, and what IT should look at."""

    def keep(self, version: str, files: Mapping[str, bytes]) -> None:
        """Keep a version that takes effect; harmless when it is kept already."""
        ...

    def newest(self) -> dict[str, bytes] | None:
        """Return the files of the version that was last in force."""
        ...

    def notice(self, kind: str, place: str, what: str, count: int = 1) -> bool:
        """Count something that IT should look at; return whether it is new."""
        ...


class Live:
    """The mappings in force, as a callable. Threads may share it."""

    def __init__(
        self,
        path: Path,
        kept: Kept,
        shop: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the folder as it is. Raises MappingsInvalid when it is bad and none was ever good.

        A folder that is bad now does not keep the service from starting: the version that was
        last in force goes on.
        """
        self._path = path
        self._kept = kept
        self._shop = shop
        self._clock = clock
        self._lock = threading.Lock()
        self._drift = Drift(kept.notice)
        self._looked = clock()
        self._seen = self._refused = ""
        self._findings: tuple[Finding, ...] = ()
        folder = Folder.read(path)
        try:
            self._take(folder)
        except MappingsInvalid as invalid:
            files = kept.newest()
            if files is None:
                raise
            self._refuse(folder, invalid)
            self._fingerprint = ""
            # The interfaces are those of today: the last good version is not judged again.
            self._in_force = self._made(Folder({**files, **_interfaces(folder)}, str(path)))

    def __call__(self) -> MappingSet:
        """Return the mappings in force for this thread now."""
        held = _steady.get()
        if held is not None:
            return held
        if self._clock() - self._looked >= LOOK_EVERY:
            self.look()
        return self._in_force

    @property
    def refused(self) -> tuple[Finding, ...]:
        """Why the folder as it stands did not take effect; nothing when it did."""
        return self._findings

    def look(self) -> None:
        """Look at the folder, and take up what changed there once it stands still and is good."""
        if not self._lock.acquire(blocking=False):
            return  # somebody else is looking; what is in force is good meanwhile
        try:
            self._looked = self._clock()
            self._drift.report()
            self._look()
        except OSError as error:
            # An editor renames files at the very moment; or the volume is away: nothing changes.
            _log.warning("mappings cannot be read", error=type(error).__name__)
        finally:
            self._lock.release()

    def _look(self) -> None:
        folder = Folder.read(self._path)
        fingerprint = folder.fingerprint
        if fingerprint in (self._fingerprint, self._refused):
            self._seen = fingerprint
            if fingerprint == self._fingerprint:
                self._refused, self._findings = "", ()  # what was refused is taken back
            return
        if fingerprint != self._seen:
            # Perhaps it is being written: it must look the same once more.
            self._seen = fingerprint
            return
        was = self._in_force.version
        try:
            self._take(folder)
        except MappingsInvalid as invalid:
            self._refuse(folder, invalid)
            return
        if self._in_force.version != was:
            _log.info("mappings taken up", version=self._in_force.version, was=was)

    def _take(self, folder: Folder) -> None:
        wrong = _errors(folder)
        if wrong:
            raise MappingsInvalid(wrong)
        made = self._made(folder)
        self._kept.keep(made.version, folder.content)
        self._in_force, self._fingerprint, self._refused = made, folder.fingerprint, ""
        self._findings = ()

    def _made(self, folder: Folder) -> MappingSet:
        made = build(folder, self._shop, self._drift.see)
        self._drift.know(folder, made)
        return made

    def _refuse(self, folder: Folder, invalid: MappingsInvalid) -> None:
        self._refused = folder.fingerprint
        self._findings = tuple(invalid.findings)
        new = self._kept.notice("refused", "mappings", f"{folder.fingerprint}: {invalid}")
        if new:
            _log.error(
                "mappings refused; what was in force stays",
                findings=[str(each) for each in invalid.findings[:20]],
            )


@contextmanager
def steady(mappings: Callable[[], MappingSet]) -> Iterator[MappingSet]:
    """Hold on to the mappings in force now, in this thread, until the block ends."""
    held = _steady.get()
    token = _steady.set(held if held is not None else mappings())
    try:
        yield _steady.get() or mappings()
    finally:
        _steady.reset(token)


def _errors(folder: Folder) -> list[Finding]:
    # The same files are judged the same: a process that opens them again need not look again.
    judged = _judged.get((folder.name, folder.fingerprint))
    if judged is None:
        judged = errors(check(folder))
        _judged.clear()
        _judged[folder.name, folder.fingerprint] = judged
    return judged


_judged: dict[tuple[str, str], list[Finding]] = {}


def _interfaces(folder: Folder) -> dict[str, bytes]:
    return {f"interfaces/{name}": data for name, data in folder.interfaces().items()}
