"""One HTTP exchange: when a request is whole, what it asks for, and its answer as bytes."""

from __future__ import annotations

import http.server
import io
import re
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from connector.web.answers import Answer, Request, as_text

_log = structlog.get_logger(__name__)

_LONGEST_HEAD = 32 * 1024
_LONGEST_FORM = 4096
# The bytes of a request that are read at all.
LONGEST = _LONGEST_HEAD + _LONGEST_FORM
# Fields of a form or an address; a page of ours has two.
_MOST_FIELDS = 20
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*(\d{1,9})[ \t]*\r?$")
# Nothing is loaded from elsewhere, framed, cached or told on.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:;"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def whole(data: bytes | bytearray) -> int | None:
    """Return how many bytes a request has once it is there; None while more is to come.

    One whose form is too long is whole with its head: it is refused without being read.
    """
    head = _END_OF_HEAD.search(data)
    if head is None:
        return None
    stated = _LENGTH.search(data, 0, head.end())
    length = int(stated[1]) if stated else 0
    if length > _LONGEST_FORM:
        return head.end()
    return head.end() + length if len(data) >= head.end() + length else None


def path_of(request: bytes) -> str:
    """Return the path that a whole request asks for, without its query."""
    words = request.split(b"\n", 1)[0].split()
    return words[1].split(b"?")[0].decode("latin-1") if len(words) > 1 else ""


def answered(handle: Callable[[Request], Answer], request: bytes) -> bytes:
    """Return the answer to a whole request."""
    return _Exchange(handle, request).answer


def refused(status: int) -> bytes:
    """Return the answer to a request that is not looked at."""
    reason = http.HTTPStatus(status).phrase
    return f"HTTP/1.0 {status} {reason}\r\nConnection: close\r\n\r\n".encode()


class _Exchange(http.server.BaseHTTPRequestHandler):
    """The standard library's reading of a request, over bytes that are there."""

    server_version = "connector"
    sys_version = ""

    def __init__(self, handle: Callable[[Request], Answer], request: bytes) -> None:
        self._handle = handle
        self.rfile = io.BufferedReader(io.BytesIO(request))
        self._out = io.BytesIO()
        self.wfile = self._out
        self.client_address = ("", 0)
        self.close_connection = True
        self.handle_one_request()

    @property
    def answer(self) -> bytes:
        """The answer's bytes."""
        return self._out.getvalue()

    def do_GET(self) -> None:
        self._answered({})

    def do_HEAD(self) -> None:
        self._answered({})

    def do_POST(self) -> None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= _LONGEST_FORM:
            self._send(as_text(413, "too long"))
            return
        form = _last(self.rfile.read(length).decode("utf-8", "replace"))
        if form is None:
            self._send(as_text(413, "too many fields"))
            return
        self._answered(form)

    def _answered(self, form: Mapping[str, str]) -> None:
        target = urllib.parse.urlsplit(self.path)
        query = _last(target.query)
        if query is None:
            self._send(as_text(414, "too many fields"))
            return
        request = Request(
            method="GET" if self.command == "HEAD" else self.command,
            path=urllib.parse.unquote(target.path),
            query=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            form=form,
        )
        try:
            answer = self._handle(request)
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


def _last(query: str) -> dict[str, str] | None:
    """Return the fields of a query, of each name the last; None for too many."""
    try:
        fields = urllib.parse.parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return None
    return dict(fields)
