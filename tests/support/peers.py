"""DMS servers that are not written in Python, each in a process of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import Reserved
from tests.support.waiting import until

WSDL = Path("connector/sandbox/dms.wsdl").resolve()
_SERVERS = Path(__file__).parents[1] / "dms" / "peers"
# `make peers` installs node's library there.
_MODULES = Path("var/peers/node_modules").resolve()


class MissingPeer(Exception):
    """Raised when what a server needs is not installed."""


@contextmanager
def node(server: str = "server.js", wsdl: Path = WSDL, **more: str) -> Iterator[int]:
    """Serve with node's `soap`, with more in its environment; give the port."""
    program = shutil.which("node")
    if program is None or not (_MODULES / "soap").is_dir():
        raise MissingPeer("node and its `soap` are needed: apt install nodejs npm, make peers")
    with (
        Reserved() as at,
        _running(
            [program, str(_SERVERS / server), str(wsdl), str(at.port)],
            {"NODE_PATH": str(_MODULES), **more},
            at.port,
        ),
    ):
        yield at.port


@contextmanager
def php(folder: Path, server: str = "server.php", wsdl: Path = WSDL, **more: str) -> Iterator[int]:
    """Serve with PHP's SoapServer, with more in its environment; give the port."""
    program = shutil.which("php")
    modules = (
        subprocess.run([program, "-m"], capture_output=True, text=True, check=True).stdout
        if program
        else ""
    )
    if program is None or "soap" not in modules.split():
        raise MissingPeer("PHP with its SOAP extension is needed: apt install php-cli php-soap")
    with (
        Reserved() as at,
        _running(
            [program, "-S", f"127.0.0.1:{at.port}", str(_SERVERS / server)],
            {"PEER_WSDL": str(wsdl), "PEER_STATE": str(folder / "peer.state"), **more},
            at.port,
        ),
    ):
        yield at.port


@contextmanager
def _running(command: list[str], environment: dict[str, str], port: int) -> Iterator[None]:
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: process.poll() is not None or _serves(port))
        assert process.poll() is None, f"{command[0]} does not serve"
        yield
    finally:
        process.kill()
        process.wait()


def _serves(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except OSError:
        return False
    return True
