"""A connector with its address open, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from connector.bootstrap import Connector, build
from connector.demo import DemoClock
from connector.settings import load_settings
from connector.web.heart import Heart
from connector.web.server import Server
from connector.web.site import Site
from tests.support.scene import EVENING


class Opened:
    """The service's address, asked as browsers and Prometheus do."""

    def __init__(self, connector: Connector, heart: Heart, server: Server) -> None:
        self.connector = connector
        self.heart = heart
        self.url = f"http://127.0.0.1:{server.port}"

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(self.url + path, headers=headers, timeout=60, allow_redirects=False)


@contextmanager
def opened(connector: Connector, heart: Heart) -> Iterator[Opened]:
    """Open an address for a connector."""
    server = Server(Site(connector, heart).handle, "127.0.0.1", 0)
    try:
        yield Opened(connector, heart, server)
    finally:
        server.close()


@pytest.fixture
def clock() -> DemoClock:
    return DemoClock(EVENING)


@pytest.fixture
def site(database_url: str, tmp_path: Path, clock: DemoClock) -> Iterator[Opened]:
    """An address without any system behind it."""
    connector = build(load_settings(database_url=database_url, output=tmp_path / "out"), clock)
    try:
        with opened(connector, Heart(clock, lambda: clock.now.timestamp())) as site:
            yield site
    finally:
        connector.close()
