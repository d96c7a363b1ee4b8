"""Holds unit tests to their promise: no socket, no database and no process of their own."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_FORBIDDEN = {
    "socket.connect": "opens a socket",
    "socket.bind": "opens a socket",
    "sqlite3.connect": "opens a database",
    "subprocess.Popen": "starts a process",
    "os.fork": "starts a process",
}
_state = {"watching": False, "hooked": False}


class NotApart(AssertionError):
    """A test marked `unit` reached for what a unit test does without."""


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    # Servers that an earlier test of this process left to its module run in threads of their own.
    if (
        _state["watching"]
        and event in _FORBIDDEN
        and threading.current_thread() is threading.main_thread()
    ):
        raise NotApart(f"a test marked unit {_FORBIDDEN[event]}: {arguments!r}")


@contextmanager
def apart() -> Iterator[None]:
    """Refuse sockets, databases and processes to this thread for a while."""
    if not _state["hooked"]:
        # An audit hook stays for the life of the process; it is only asked for while watching.
        sys.addaudithook(_hook)
        _state["hooked"] = True
    _state["watching"] = True
    try:
        yield
    finally:
        _state["watching"] = False
