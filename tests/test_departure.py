"""The last look before a request leaves: what it keeps back never reaches the other side."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from connector.departure import LookingAdapter, last_look, looking
from connector.errors import RetryLater


class Server:
    """Answers every request with `ok`, and keeps the bodies that came."""

    def __init__(self) -> None:
        self.came: list[bytes] = []
        came = self.came

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                came.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def _keeps_back() -> None:
    raise RetryLater("another process is making this call")


@pytest.mark.parametrize("used_before", [False, True])
def test_what_is_kept_back_sends_no_byte_over_any_connection(
    server: Server, used_before: bool
) -> None:
    session = requests.Session()
    session.mount("http://", LookingAdapter())
    if used_before:
        assert session.post(server.url, data=b"before").text == "ok"
    with looking(_keeps_back), pytest.raises(RetryLater):
        session.post(server.url, data=b"late")
    assert session.post(server.url, data=b"after").text == "ok"
    assert server.came == [b"before"] * used_before + [b"after"]


def test_every_request_within_is_looked_at_before_it_leaves_and_no_other(server: Server) -> None:
    seen: list[int] = []
    session = requests.Session()
    session.mount("http://", LookingAdapter())

    def look() -> None:
        seen.append(len(server.came))

    with looking(look):
        session.post(server.url, data=b"one")
        session.post(server.url, data=b"two")
    session.post(server.url, data=b"three")
    last_look()
    assert seen == [0, 1]
