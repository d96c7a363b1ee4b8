"""A wire that goes wrong: a proxy before a server, with the faults of real lines and hosts."""

from __future__ import annotations

import http.client
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from tests.support.ports import Reserved


@dataclass(frozen=True)
class Trouble:
    """What happens to requests of one action.

    With `forwarded` the server gets the request and does it. `how` is what the client then sees:
    an answer of `status` and `body` (`answer`), or a line that is reset, cut, dripping, silent.
    `raw` makes all that is sent of the server's good answer.
    """

    how: str
    forwarded: bool = False
    status: int = 200
    body: bytes = b""
    content_type: str = "text/xml; charset=utf-8"
    raw: Callable[[bytes], bytes] | None = None


class Wire:
    """Listens on a port of its own and passes on to `port`, except what `trouble` says.

    Requests reach the server one after another, as they came: a question never overtakes the write
    that it is about, however long that one takes and whether or not its sender has given up.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._trouble: tuple[str, Trouble] | None = None
        self._held: list[socket.socket] = []
        self._stop = threading.Event()
        self._place = Reserved()  # the port is nobody else's while it is refused
        self.port = self._place.port
        self._listen()
        self.struck = 0
        self.passed: list[tuple[dict[str, str], bytes]] = []  # headers and body of each request
        self.reached: list[bytes] = []  # bodies of those that the server got

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def suffers(self, action: str, trouble: Trouble) -> Iterator[None]:
        """Let requests of this SOAP action, or of this method, suffer within the block."""
        self.struck = 0
        if trouble.how == "refused":
            self._close_listener()
        self._trouble = (action, trouble)
        try:
            yield
        finally:
            self._trouble = None
            self._drop_held()
            if trouble.how == "refused":
                self._listen()

    def never_answers(self, action: str) -> bool:
        """Whether requests of this SOAP action now get no whole answer, however long one waits."""
        return self._trouble is not None and (
            self._trouble[0] in (action, "*") and self._trouble[1].how in ("drip", "hold")
        )

    def stop(self) -> None:
        self._stop.set()
        self._close_listener()
        self._place.close()
        self._drop_held()

    def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self._thread = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._thread.start()

    def _close_listener(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=60)

    def _drop_held(self) -> None:
        while self._held:
            self._held.pop().close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                self._one(connection)
            except (OSError, http.client.HTTPException):
                connection.close()

    def _one(self, connection: socket.socket) -> None:
        # One request a connection: troubles of one never touch the next.
        head, body = _read(connection)
        if not head:
            connection.close()
            return
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        self.passed.append((headers, body))
        action = _action(headers, body) or method
        wanted = self._trouble
        trouble = wanted[1] if wanted is not None and wanted[0] in (action, "*") else None
        answer: tuple[int, bytes, str, str] | None = None
        if trouble is None or trouble.forwarded:
            answer = self._forward(method, path, headers, body)
        if trouble is not None:
            self.struck += 1
        # Only the way to the server is one after another: an answer may drip, or not be read.
        threading.Thread(
            target=self._answer, args=(connection, trouble, answer), daemon=True
        ).start()

    def _answer(self, connection: socket.socket, trouble: Trouble | None, answer: Any) -> None:
        with suppress(OSError):
            if trouble is None:
                _send(connection, *answer)
                connection.close()
            else:
                self._suffer(connection, trouble, answer)

    def _suffer(self, connection: socket.socket, trouble: Trouble, answer: Any) -> None:
        if trouble.how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        elif trouble.how == "cut":
            status, body, kind, _ = answer
            _send(connection, status, body, kind, upto=len(body) // 2)
            connection.close()
        elif trouble.how == "drip":
            status, body, kind, _ = answer
            connection.sendall(_head(status, len(body), kind))
            for byte in body:
                if self._stop.wait(0.05) or self._trouble is None:
                    break
                connection.sendall(bytes([byte]))
            connection.close()
        elif trouble.raw is not None:
            connection.sendall(trouble.raw(answer[1]))
            connection.close()
        elif trouble.how == "hold":
            self._held.append(connection)
        else:
            _send(connection, trouble.status, trouble.body, trouble.content_type)
            connection.close()

    def _forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, str, str]:
        server = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        self.reached.append(body)
        kept = {name: value for name, value in headers.items() if name.lower() != "connection"}
        server.request(method, path, body, kept)
        answer = server.getresponse()
        content = answer.read()
        server.close()
        cookies = "".join(
            f"Set-Cookie: {each}\r\n" for each in answer.headers.get_all("Set-Cookie", [])
        )
        return answer.status, content, answer.headers.get("Content-Type", "text/xml"), cookies


def _read(connection: socket.socket) -> tuple[bytes, bytes]:
    got = b""
    while b"\r\n\r\n" not in got:
        part = connection.recv(65536)
        if not part:
            return b"", b""
        got += part
    head, _, body = got.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        part = connection.recv(65536)
        if not part:
            return b"", b""
        body += part
    return head, body


def _action(headers: dict[str, str], body: bytes) -> str:
    """Return the operation that a request names: in its header, or as SAP's in its body.

    Where one operation takes all messages as texts, what the text asks for.
    """
    asked = re.search(rb'"method": "([\w.]+)"|:name>([\w.]+)<', body) if b"Body>" in body else None
    if asked is not None:
        return (asked[1] or asked[2]).decode()
    named = headers.get("SOAPAction", "").strip('"').replace("#", "/").rpartition("/")[2]
    found = re.search(rb"Body>\s*<(?:[\w.-]+:)?([\w.-]+)", body)
    return named or (found[1].decode() if found else "")


def _head(status: int, length: int, content_type: str, cookies: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n"
        f"Connection: close\r\n{cookies}Location: http://127.0.0.1:1/elsewhere\r\n\r\n"
    ).encode()


def _send(
    connection: socket.socket,
    status: int,
    body: bytes,
    content_type: str,
    cookies: str = "",
    *,
    upto: int | None = None,
) -> None:
    connection.sendall(_head(status, len(body), content_type, cookies) + body[:upto])
