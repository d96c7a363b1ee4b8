"""A port for a server of another process, which nobody else gets before that one listens."""

from __future__ import annotations

import socket


class Reserved:
    """A port of the loopback interface, until `close`.

    It is bound and never listens: the system gives it to nobody else, connections to it are
    refused, and a server may listen there that allows its address to be used again, as all do.
    """

    def __init__(self) -> None:
        self._place = socket.socket()
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._place.bind(("127.0.0.1", 0))
        self.port = int(self._place.getsockname()[1])

    def close(self) -> None:
        self._place.close()

    def __enter__(self) -> Reserved:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
