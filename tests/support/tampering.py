"""A server before the sandbox's shop that tampers with what it answers, as plug-ins and proxies do.

Requests go over real sockets. A tamperer gets the route and the query of a request and returns what
is answered, or None; it may change the query of what is passed on.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

Query = dict[str, str]
# Status, headers and body.
Answer = tuple[int, dict[str, str], Any]
Tamper = Callable[[str, Query], Answer | None]
_ROUTE = "/wp-json/wc/v3"


def untouched(_route: str, _query: Query) -> Answer | None:
    """Pass on what was asked."""
    return None


class TamperingShop:
    """The server: `url` is where it listens, `tamper` what it does, until it is closed."""

    def __init__(self, shop: str) -> None:
        self.tamper: Tamper = untouched
        self._shop = shop
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        asked = urlsplit(path)
        query = dict(parse_qsl(asked.query))
        made = self.tamper(asked.path.removeprefix(_ROUTE), query) if method == "GET" else None
        if made is not None:
            return made
        passed = requests.request(
            method,
            f"{self._shop}{asked.path}?{urlencode(query)}",
            data=body,
            headers={name: headers[name] for name in ("Authorization", "Content-Type")
                     if name in headers},
            timeout=10,
        )  # fmt: skip
        kept = {name: value for name, value in passed.headers.items() if name.startswith("X-WP")}
        return passed.status_code, kept, passed.content

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, made = shop.answer(
                    self.command, self.path, body, dict(self.headers.items())
                )
                content = made if isinstance(made, bytes) else json.dumps(made).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_OPTIONS = _answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        return Handler
