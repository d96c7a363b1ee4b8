"""HTTP calls that end: within their deadline as a whole, with an answer that can be borne.

A socket's timeout bounds one read, and a small compressed answer may be a large one. So each wire
reads its answers here, whatever the other side drips, repeats or packs.
"""

from __future__ import annotations

import re
import socket
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError

from connector.deadline import WATCHDOG

_BLOCK = 65_536
_JSON = re.compile(rb"(\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*[\[{]")
_ATTRIBUTE = re.compile(rb"=\s*[\"']")
_NO_BRACKETS = bytes(each for each in range(256) if each not in b"[]{}")


class AnswerTooLarge(requests.exceptions.ContentDecodingError):
    """Raised for an answer that is larger, deeper or of more parts than settings allow."""


@dataclass(frozen=True)
class AnswerLimits:
    """What an answer may be at most, unpacked: bytes, parts within one another, and parts.

    Parts are elements and attributes of XML, and members of JSON. How deep they nest is told by
    whoever reads them.
    """

    largest: int = 20_000_000
    deepest: int = 100
    parts: int = 500_000

    def check(self, content: bytes) -> None:
        """Raise AnswerTooLarge before anybody makes a tree of the answer."""
        if _JSON.match(content):
            parts = content.count(b",") + content.count(b"[") + content.count(b"{")
        else:
            parts = content.count(b"<") + sum(1 for _ in _ATTRIBUTE.finditer(content))
        if parts > self.parts:
            raise AnswerTooLarge("it has more parts than answers.parts")

    def check_depth(self, content: bytes) -> None:
        """Raise AnswerTooLarge for JSON that nests too deeply; brackets within texts count too."""
        depth = 0
        for each in content.translate(None, _NO_BRACKETS):
            depth += 1 if each in b"[{" else -1
            if depth > self.deepest:
                raise AnswerTooLarge("it nests deeper than answers.deepest")


class BoundedAdapter(HTTPAdapter):
    """requests' adapter, which knows the sockets it opened, so that they can be broken off.

    It serves one call at a time.
    """

    def __init__(self) -> None:
        self._sockets: list[weakref.ref[socket.socket]] = []
        self._connecting: socket.socket | None = None
        self._broken_off = False
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Give a pool whose connections can be broken off."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if not getattr(pool.ConnectionCls, "bounded", False):
            pool.ConnectionCls = self.connection_class(pool.ConnectionCls)
        return pool

    def connection_class(self, kind: Any) -> Any:
        """Return a kind of connection that can be broken off."""
        adapter = self

        class Bounded(kind):  # type: ignore[misc]
            bounded = True

            def _new_conn(self) -> socket.socket:
                opened: socket.socket = super()._new_conn()
                # The handshake wraps the socket into another; its twin can be broken off meanwhile.
                adapter._connecting = opened.dup()
                return opened

            def connect(self) -> None:
                failed: Exception | None = None
                try:
                    super().connect()
                    # The socket itself: a connection lets go of it while its answer is read.
                    adapter._opened(self.sock)
                except Exception as error:
                    failed = error
                adapter._connected()
                if adapter._broken_off:
                    # Connecting took all the time there was; nothing has been sent.
                    self.close()
                    raise ConnectTimeoutError(self, "connected too late") from failed
                if failed is not None:
                    raise failed

        return Bounded

    def begin(self) -> None:
        """Begin a call."""
        self._broken_off = False

    def break_off(self) -> None:
        """End the call under way, or the next one to be connected if none is yet."""
        self._broken_off = True
        for opened in (self._connecting, *(each() for each in list(self._sockets))):
            if opened is not None:
                with suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)

    def _opened(self, opened: socket.socket) -> None:
        self._sockets[:] = [each for each in self._sockets if each() is not None]
        self._sockets.append(weakref.ref(opened))

    def _connected(self) -> None:
        twin, self._connecting = self._connecting, None
        if twin is not None:
            twin.close()


def bounded(
    adapter: BoundedAdapter,
    seconds: float,
    limits: AnswerLimits,
    request: Callable[[], requests.Response],
) -> requests.Response:
    """Make a request by the adapter and read its answer whole, within so many seconds.

    Raises what requests raises: ConnectTimeout where nothing was sent, ReadTimeout and
    AnswerTooLarge where something may have been done.
    """
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        adapter.break_off()

    adapter.begin()
    content = bytearray()
    try:
        with WATCHDOG.within(seconds, expire):
            response = request()
            with response:
                for chunk in response.iter_content(_BLOCK):
                    content += chunk
                    if len(content) > limits.largest:
                        raise AnswerTooLarge("it is larger than answers.largest")
    except requests.ConnectTimeout:
        raise
    except (requests.RequestException, OSError) as error:
        if not expired.is_set():
            raise
        raise requests.ReadTimeout("the whole call took too long") from error
    if expired.is_set():
        # A body without a length ends quietly when its socket is shut.
        raise requests.ReadTimeout("the whole call took too long")
    whole = bytes(content)
    limits.check(whole)
    response._content = whole
    return response
