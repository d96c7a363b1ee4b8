"""The service's own HTTP address, in threads of this process."""

from __future__ import annotations

import http.server
import socket
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from connector.errors import Misconfigured
from connector.web.answers import Answer, Request, as_text

_log = structlog.get_logger(__name__)

_LONGEST_FORM = 4096
_AT_ONCE = 32
# Nothing is loaded from elsewhere, framed, cached or told on.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:;"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Handle = Callable[[Request], Answer]


class Server:
    """Listens until closed. Raises Misconfigured when the address cannot be had."""

    def __init__(self, handle: Handle, address: str, port: int) -> None:
        class Handler(_Handler):
            pass

        Handler.handle_request = staticmethod(handle)
        try:
            self._server = _Threads((address, port), Handler)
        except OSError as error:
            raise Misconfigured(
                f"{address}:{port} cannot be listened on ({error.strerror})",
                place="health_address, health_port",
                remedy="choose another port with CONNECTOR_HEALTH_PORT",
            ) from None
        self.port: int = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.2},
            name="web",
            daemon=True,
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Threads(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[_Handler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        # Whoever opens connections without end must not eat the memory of the work.
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    handle_request: Handle
    timeout = 10  # of a client that sends nothing
    server_version = "connector"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer({})

    def do_HEAD(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= _LONGEST_FORM:
            self.close_connection = True
            self._send(as_text(413, "too long"))
            return
        self._answer(_last(self.rfile.read(length).decode("utf-8", "replace")))

    def _answer(self, form: Mapping[str, str]) -> None:
        target = urllib.parse.urlsplit(self.path)
        request = Request(
            method="GET" if self.command == "HEAD" else self.command,
            path=urllib.parse.unquote(target.path),
            query=_last(target.query),
            headers={name.lower(): value for name, value in self.headers.items()},
            form=form,
        )
        try:
            answer = self.handle_request(request)
        except Exception as error:
            _log.exception("a page failed", path=request.path, exc_info=error)
            answer = as_text(500, "this page failed; the log says why")
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {
            **_HEADERS,
            "Content-Type": answer.kind,
            "Content-Length": str(len(answer.body)),
            **answer.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are no news."""


def _last(query: str) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
