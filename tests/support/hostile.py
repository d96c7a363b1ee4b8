"""An HTTP server that answers what it is told to, byte by byte, as no decent one does."""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answer = Callable[[], Iterator[bytes]]
MEGABYTE = 1_000_000


def whole(body: bytes, *headers: str) -> Answer:
    """Give a body at once."""
    lines = [*headers, f"Content-Length: {len(body)}"]
    head = b"HTTP/1.1 200 OK\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n"
    return lambda: iter([head, body])


def dripping_head() -> Iterator[bytes]:
    """Give headers byte by byte, without an end."""
    yield b"HTTP/1.1 200 OK\r\n"
    for _ in itertools.count():
        time.sleep(0.05)
        yield b"X"


def dripping_body() -> Iterator[bytes]:
    """Give a body byte by byte."""
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    for _ in itertools.count():
        time.sleep(0.05)
        yield b" "


def dripping_status() -> Iterator[bytes]:
    """Say over and over that the answer is to come."""
    for _ in itertools.count():
        time.sleep(0.05)
        yield b"HTTP/1.1 100 Continue\r\n\r\n"


def endless() -> Iterator[bytes]:
    """Give a body without an end, as fast as it is taken."""
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"10000\r\n" + b" " * 0x10000 + b"\r\n"


def bomb() -> Answer:
    """Give a gigabyte of blanks, packed into one megabyte."""
    return whole(1000 * gzip.compress(b" " * MEGABYTE), "Content-Encoding: gzip")


class Hostile:
    """The server. `answer` is what it gives to each request; `first` to those before, by turns."""

    def __init__(self) -> None:
        self.answer: Answer = whole(b"")
        self.first: list[Answer] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while _read(connection):
                answer = self.first.pop(0) if self.first else self.answer
                for part in answer():
                    connection.sendall(part)


def _read(connection: socket.socket) -> bool:
    """Read a request whole; whether there was one."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return False
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    return True


@contextmanager
def hostile() -> Iterator[Hostile]:
    """Give a server."""
    server = Hostile()
    try:
        yield server
    finally:
        server.close()
