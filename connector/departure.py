"""The moment before a request leaves: the last look at its claim, and what proves that none left.

A process may stand still between the record of a write and its first byte (a suspended machine,
a stopped process, a long wait for a turn), and another one take over meanwhile: it asks, finds
nothing, and sends. Whoever sends therefore looks once more at the record, with the connection
made and nothing sent.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError, ProxyError

from connector.bounded import BoundedAdapter

_look: ContextVar[Callable[[], None] | None] = ContextVar("last_look", default=None)


@contextmanager
def looking(look: Callable[[], None]) -> Iterator[None]:
    """Have `look` called before each request within leaves; what it raises keeps it back."""
    token = _look.set(look)
    try:
        yield
    finally:
        _look.reset(token)


def last_look() -> None:
    """Look at the claim of the write that is about to leave. Raises RetryLater: it must not."""
    look = _look.get()
    if look is not None:
        look()


class LookingAdapter(BoundedAdapter):
    """An adapter that looks once more before the first byte of each request."""

    def connection_class(self, kind: Any) -> Any:
        """Return a kind of connection that looks."""

        class Looking(super().connection_class(kind)):  # type: ignore[misc]
            def request(self, *args: Any, **kwargs: Any) -> None:
                if _look.get() is not None:
                    if self.sock is None:
                        self.connect()
                    last_look()
                super().request(*args, **kwargs)

        return Looking


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
