"""The service's own HTTP address, in threads of this process.

One thread reads the requests of all connections as their bytes come, so that whoever sends slowly
keeps nobody waiting. Each connection has so much time and so many bytes for its request, and of too
many the oldest is dropped. Whole requests are answered by a few threads; health by that one itself
or by one of its own, whatever else is asked for.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import structlog

from connector.errors import Misconfigured
from connector.web.answers import Answer, Request
from connector.web.exchange import LONGEST, answered, path_of, refused, whole

_log = structlog.get_logger(__name__)

# Seconds that a client has to send its request, and again to take the answer.
_PATIENCE = 10.0
# Connections whose request is still to come; and requests that wait to be answered.
_MOST = 256
_WAITING = 64
_AT_ONCE = 8
# What is told from memory, in this thread, and what is asked of the database, in one of its own.
_AT_HAND = "/healthz"
_READY = "/readyz"

Handle = Callable[[Request], Answer]


class _Connection:
    """A connection whose request is still to come."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.data = bytearray()
        self.ends = time.monotonic() + _PATIENCE


class Server:
    """Listens until closed. Raises Misconfigured when the address cannot be had."""

    def __init__(self, handle: Handle, address: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            self._listener = socket.create_server((address, port), family=family, backlog=1024)
        except OSError as error:
            raise Misconfigured(
                f"{address}:{port} cannot be listened on ({error.strerror})",
                place="health_address, health_port",
                remedy="choose another port with CONNECTOR_HEALTH_PORT",
            ) from None
        self._handle = handle
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._stop = threading.Event()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        # In the sequence in which they came.
        self._connections: dict[socket.socket, _Connection] = {}
        self._pages = _Pool("page", _AT_ONCE, _WAITING)
        self._ready = _Pool("ready", 1, _AT_ONCE)
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        self._thread.join()
        for each in list(self._connections):
            self._drop(each)
        self._selector.close()
        self._listener.close()
        self._pages.close()
        self._ready.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(0.2):
                link = key.fileobj
                assert isinstance(link, socket.socket)
                if link is self._listener:
                    self._accept()
                elif link in self._connections:
                    self._read(self._connections[link])
            now = time.monotonic()
            for each in [each for each in self._connections.values() if each.ends <= now]:
                self._drop(each.link)

    def _accept(self) -> None:
        for _ in range(_MOST):
            try:
                link, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError:
                # No descriptor is left: that of the oldest connection will do.
                if not self._drop_oldest():
                    self._stop.wait(0.1)
                return
            link.setblocking(False)
            if len(self._connections) >= _MOST:
                self._drop_oldest()
            self._connections[link] = _Connection(link)
            self._selector.register(link, selectors.EVENT_READ)

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.link.recv(LONGEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        connection.data += data
        size = whole(connection.data)
        if size is None and data and len(connection.data) <= LONGEST:
            return
        self._forget(connection.link)
        if size is None:
            self._refuse(connection.link, 431 if data else 0)
            return
        self._answer(connection.link, bytes(connection.data[:size]))

    def _answer(self, link: socket.socket, request: bytes) -> None:
        path = path_of(request)
        if path == _AT_HAND:
            self._send(link, answered(self._handle, request), seconds=0)
            return
        pool = self._ready if path == _READY else self._pages
        if not pool.take(lambda: self._send(link, answered(self._handle, request))):
            self._refuse(link, 503)

    def _refuse(self, link: socket.socket, status: int) -> None:
        self._send(link, refused(status) if status else b"", seconds=0)

    def _send(self, link: socket.socket, answer: bytes, seconds: float = _PATIENCE) -> None:
        """Send an answer and end the connection: at once, or within so many seconds."""
        with link, suppress(OSError):
            link.settimeout(seconds)
            link.sendall(answer)
            link.shutdown(socket.SHUT_WR)
            # What was sent and not read would have the answer thrown away.
            link.settimeout(0)
            while link.recv(LONGEST):
                pass

    def _forget(self, link: socket.socket) -> None:
        self._selector.unregister(link)
        del self._connections[link]

    def _drop(self, link: socket.socket) -> None:
        self._forget(link)
        link.close()

    def _drop_oldest(self) -> bool:
        oldest = next(iter(self._connections), None)
        if oldest is not None:
            self._drop(oldest)
        return oldest is not None


class _Pool:
    """A few threads, and a bound on what waits for them."""

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most = threads + waiting
        self._under_way: deque[None] = deque()

    def take(self, work: Callable[[], None]) -> bool:
        """Have something done; whether there was room for it. Called by one thread only."""
        if len(self._under_way) >= self._most:
            return False
        self._under_way.append(None)

        def done() -> None:
            try:
                work()
            except Exception as error:
                _log.exception("a request failed", exc_info=error)
            finally:
                self._under_way.pop()

        self._threads.submit(done)
        return True

    def close(self) -> None:
        """Begin nothing more; who hangs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
