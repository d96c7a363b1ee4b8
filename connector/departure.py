"""The moment before a request leaves: the last look at its claim, and what proves that none left.

A process may stand still between the record of a write and its first byte (a suspended machine,
a stopped process, a long wait for a turn), and another one take over meanwhile: it asks, finds
nothing, and sends. Whoever sends therefore looks once more at the record, with the connection
made and nothing sent. Who sends anew what had no effect claims the write anew. And what lies in the
kernel of a process that stopped is given up by it before anybody believes that it did not arrive.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError, ProxyError

from connector.bounded import BoundedAdapter


@dataclass(frozen=True)
class _Leaving:
    look: Callable[[], None]
    again: Callable[[], None]
    within: float | None


_leaving: ContextVar[_Leaving | None] = ContextVar("leaving", default=None)


@contextmanager
def looking(
    look: Callable[[], None],
    again: Callable[[], None] = lambda: None,
    within: float | None = None,
) -> Iterator[None]:
    """Have `look` called before each request within leaves; what it raises keeps it back.

    `again` claims the write anew, for who sends it once more. What the other side has not received
    `within` so many seconds, the kernel gives up.
    """
    token = _leaving.set(_Leaving(look, again, within))
    try:
        yield
    finally:
        _leaving.reset(token)


def last_look(link: Any = None) -> None:
    """Look at the claim of the write that is about to leave. Raises RetryLater: it must not.

    `link` is the socket by which it leaves, where there is one of ours.
    """
    leaving = _leaving.get()
    if leaving is None:
        return
    bounded = hasattr(socket, "TCP_USER_TIMEOUT") and hasattr(link, "setsockopt")
    if link is not None and leaving.within is not None and bounded:
        milliseconds = max(int(leaving.within * 1000), 1)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    leaving.look()


def claimed_again() -> None:
    """Claim anew the write that is to be sent once more. Raises RetryLater: it must not be."""
    leaving = _leaving.get()
    if leaving is not None:
        leaving.again()


def boottime() -> float:
    """Return seconds that go on while a machine is suspended, and that nobody sets."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def looks(kind: Any) -> Any:
    """Return a kind of urllib3's connections that looks before each request leaves."""

    class Looking(kind):  # type: ignore[misc]
        def request(self, *args: Any, **kwargs: Any) -> None:
            if _leaving.get() is not None:
                if self.sock is None:
                    self.connect()
                last_look(self.sock)
            super().request(*args, **kwargs)

    return Looking


class LookingAdapter(BoundedAdapter):
    """An adapter that looks once more before the first byte of each request."""

    def connection_class(self, kind: Any) -> Any:
        """Return a kind of connection that looks."""
        return looks(super().connection_class(kind))


def not_connected(error: Exception) -> bool:
    """Whether no connection was made at all, to the server or to the proxy before it."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(reason, ProxyError):
        reason = reason.original_error
    return isinstance(reason, NewConnectionError)


def certificate_refused(error: Exception) -> bool:
    """Whether we refused the server's certificate, which is before anything is sent.

    Any other trouble of TLS may come after the request: a peer that hangs up is one.
    """
    causes: list[BaseException | None] = [error]
    while causes:
        cause = causes.pop()
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        if cause is not None:
            causes += [cause.__cause__, getattr(cause, "reason", None)]
            causes += [each for each in cause.args if isinstance(each, BaseException)]
        causes = [each for each in causes if isinstance(each, BaseException)]
    return False
