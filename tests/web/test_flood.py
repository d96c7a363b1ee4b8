"""Whoever sends slowly, or much, keeps nobody waiting: health answers within a second."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
import requests

from connector.web.answers import Answer, Request, as_text
from connector.web.exchange import LONGEST
from connector.web.server import Server


def handle(request: Request) -> Answer:
    if request.path == "/slow":
        time.sleep(0.5)
    return as_text(200, f"{request.method} {request.path} {dict(request.form)}")


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(handle, "127.0.0.1", 0)
    yield made
    made.close()


def asked(server: Server, raw: bytes) -> bytes:
    """Send bytes as they are and return all that comes back."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as link:
        with suppress(OSError):
            link.sendall(raw)
        found = b""
        with suppress(OSError):
            while block := link.recv(65_536):
                found += block
        return found


def flood(server: Server, sockets: int, seconds: float) -> list[float]:
    """Hold many connections open that send a byte now and then; return how long health took."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    took: list[float] = []
    links: list[socket.socket] = []
    with ExitStack() as opened:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            while len(links) < sockets:
                link = socket.create_connection(("127.0.0.1", server.port), timeout=5)
                opened.callback(link.close)
                link.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
                links.append(link)
            for link in list(links):
                try:
                    link.send(b"a")
                except OSError:
                    links.remove(link)  # it was dropped; another one takes its place
                    link.close()
            for path in ("/healthz", "/readyz"):
                began = time.monotonic()
                answer = requests.get(f"http://127.0.0.1:{server.port}{path}", timeout=5)
                took.append(time.monotonic() - began)
                assert answer.status_code == 200
            time.sleep(0.5)
    return took


@pytest.mark.long
def test_health_answers_within_a_second_beside_500_slow_connections(server: Server) -> None:
    assert max(flood(server, 500, 10)) < 1


@pytest.mark.night
def test_health_answers_for_a_whole_minute_beside_500_slow_connections(server: Server) -> None:
    assert max(flood(server, 500, 60)) < 1


def test_health_and_pages_answer_beside_40_slow_connections(server: Server) -> None:
    assert max(flood(server, 40, 0.1)) < 1
    assert requests.get(f"http://127.0.0.1:{server.port}/", timeout=30).text.startswith("GET /")


def test_health_does_not_wait_for_pages(server: Server) -> None:
    with ExitStack() as opened:
        for _ in range(100):
            link = socket.create_connection(("127.0.0.1", server.port), timeout=30)
            opened.callback(link.close)
            link.sendall(b"GET /slow HTTP/1.1\r\n\r\n")
        began = time.monotonic()
        assert requests.get(f"http://127.0.0.1:{server.port}/healthz", timeout=30).ok
        assert time.monotonic() - began < 1


def test_a_request_may_come_in_pieces(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as link:
        for piece in (b"POST /enter HT", b"TP/1.1\r\nContent-Length: 7\r\n", b"\r\ntok", b"en=1"):
            link.sendall(piece)
            time.sleep(0.02)
        answer = b""
        while block := link.recv(65_536):
            answer += block
    assert b"POST /enter {'token': '1'}" in answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"a" * LONGEST, b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 200 + b"\r\n", b"431"),
        (b"POST /enter HTTP/1.1\r\nContent-Length: 5000\r\n\r\n", b"413"),
        (b"POST /enter HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"413"),
        (b"POST /enter HTTP/1.1\r\nContent-Length: 60\r\n\r\n" + b"&a=1" * 15, b"200"),
        (b"POST /enter HTTP/1.1\r\nContent-Length: 120\r\n\r\n" + b"&a=1" * 30, b"413"),
        (b"GET /?" + b"&a=1" * 30 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"DELETE / HTTP/1.1\r\n\r\n", b"501"),
    ],
)
def test_what_is_too_long_or_too_many_is_refused(
    server: Server, request_: bytes, status: bytes
) -> None:
    assert asked(server, request_).split()[1:2] == [status]


def test_a_client_that_goes_away_ends_nothing(server: Server) -> None:
    for raw in (b"", b"GET", b"GET /slow HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port)) as link:
            link.sendall(raw)
    assert requests.get(f"http://127.0.0.1:{server.port}/healthz", timeout=30).ok
