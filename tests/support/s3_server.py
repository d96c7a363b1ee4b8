"""A store that speaks as much of S3 as putting and asking need, over a real socket."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Server(http.server.ThreadingHTTPServer):
    """The store. `fault` is used once: `lose_answer`, `drop` (before storing) or a status.

    A page, `(status, body)`, is what somebody before the store answers after it was stored.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.puts: list[str] = []
        self.fault: str | int | tuple[int, bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fault, self.server.fault = self.server.fault, None
        if isinstance(fault, int):
            self._answer(
                fault, b"<Error><Code>AccessDenied</Code></Error>" if fault == 403 else b""
            )
            return
        if fault != "drop":
            self.server.puts.append(self.path)
            self.server.objects[self.path] = (body, self.headers["x-amz-meta-sha256"])
        if isinstance(fault, tuple):
            self._answer(*fault)
            return
        if fault is not None:
            self.close_connection = True
            self.connection.shutdown(2)
            return
        self._answer(200)

    def do_HEAD(self) -> None:
        held = self.server.objects.get(self.path)
        if held is None:
            self._answer(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(held[0])))
        self.send_header("x-amz-meta-sha256", held[1])
        self.end_headers()

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are counted, not printed."""


@contextmanager
def serving() -> Iterator[Server]:
    """Give a store."""
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
