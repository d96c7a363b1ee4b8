"""What is marked `unit` is refused sockets, databases and processes."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.support.apart import NotApart

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "reach",
    [
        lambda: socket.create_server(("127.0.0.1", 0)),
        lambda: socket.create_connection(("127.0.0.1", 9)),
        lambda: sqlite3.connect(":memory:"),
        lambda: subprocess.run([sys.executable, "-V"], check=False),
    ],
)
def test_a_unit_test_that_reaches_out_fails(reach: Callable[[], object]) -> None:
    with pytest.raises(NotApart):
        reach()
