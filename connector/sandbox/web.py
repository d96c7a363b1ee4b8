"""A small threaded HTTP server that can also misbehave on the wire as real ones do."""

from __future__ import annotations

import fnmatch
import http.server
import json
import socket
import struct
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.message import Message
from typing import Any, Protocol

from lxml import etree

from connector.sandbox.faults import OF_SAP, Fault, Faults


@dataclass(frozen=True)
class Request:
    """One HTTP request. `query` keeps the last value of each name; `path` is decoded.

    `fault` is a fault that the application itself suffers while it works.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: Message
    body: bytes
    fault: str = ""


@dataclass(frozen=True)
class Response:
    """One HTTP response."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Application(Protocol):
    """One sandbox system behind a server."""

    system: str

    def operation(self, request: Request) -> tuple[str, bool]:
        """Name the operation that is asked for, and say whether it writes (for the faults)."""
        ...

    def handle(self, request: Request) -> Response:
        """Do it."""
        ...

    def refuse(self, request: Request, code: str, text: str) -> Response:
        """Say no to it in the system's own way (a RETURN row, a SOAP fault, a JSON error)."""
        ...


Control = Callable[[Request], Response]


class Server:
    """One system on one port of the loopback interface, in threads of this process.

    `/_sandbox` and what lies below it goes to `control` and never suffers faults.
    """

    def __init__(
        self, application: Application, control: Control, faults: Faults, port: int = 0
    ) -> None:
        self.application = application

        class Handler(_Handler):
            pass

        Handler.application = application
        Handler.control = staticmethod(control)
        Handler.faults = faults
        self._server = _ThreadingServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name=f"sandbox-{application.system}",
            daemon=True,
        )

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its address without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(timeout=5)
        self._server.server_close()


def _changed(answer: bytes, fault: Fault) -> bytes:
    """Return an answer without some of its parts, or with others."""
    if answer.startswith(b"{"):
        return _changed_json(answer, fault)
    document = etree.fromstring(answer)
    added: list[etree._Element] = []
    if fault.kind == "with":
        added = list(etree.fromstring(f"<parts>{fault.text}</parts>"))
        names = {str(each.tag) for each in added}
    else:
        names = set(fault.text.split("+"))
    body = document.find("{*}Body")
    for each in list(document.iter()):
        parent = each.getparent()
        named = isinstance(each.tag, str) and etree.QName(each).localname in names
        if named and parent is not None:
            parent.remove(each)
    if body is not None and len(body):
        body[0].extend(added)
    return etree.tostring(document, xml_declaration=True, encoding="utf-8")


def _changed_json(answer: bytes, fault: Fault) -> bytes:
    others = json.loads(fault.text) if fault.kind == "with" else {}
    names = set(others) or set(fault.text.split("+"))

    def changed(value: Any) -> Any:
        if isinstance(value, list):
            return [changed(each) for each in value]
        if not isinstance(value, dict):
            return value
        kept = {name: changed(each) for name, each in value.items() if name not in names}
        return {**kept, **{name: others[name] for name in others if name in value}}

    return json.dumps(changed(json.loads(answer))).encode()


class _ThreadingServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no event for the sandbox."""


class _Handler(http.server.BaseHTTPRequestHandler):
    application: Application
    control: Control
    faults: Faults
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the demo's output belongs to the connector."""

    def _serve(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(
            method=self.command,
            path=urllib.parse.unquote(parts.path),
            query=dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True)),
            headers=self.headers,
            body=self.rfile.read(length) if length else b"",
        )
        if request.path == "/_sandbox" or request.path.startswith("/_sandbox/"):
            self._answer(type(self).control(request))
            return
        operation, write = self.application.operation(request)
        fault = self.faults.strike(self.application.system, operation, write=write)
        if fault is None:
            self._answer(self.application.handle(request))
        else:
            self._suffer(fault, request)

    def _suffer(self, fault: Fault, request: Request) -> None:
        if fault.kind in ("reset", "outage"):
            self._reset()
        elif fault.kind == "http":
            headers = {"Content-Type": "text/html", **_leads(fault)}
            self._answer(Response(fault.status, fault.text.encode(), headers))
        elif fault.kind == "business":
            self._answer(self.application.refuse(request, fault.code, fault.text))
        elif fault.kind in OF_SAP:
            self._answer(self.application.handle(replace(request, fault=fault.kind)))
        elif fault.kind == "headers":
            response = self.application.handle(request)
            self._answer(replace(response, headers=_tampered(response.headers, fault)))
        elif fault.kind == "latency":
            time.sleep(fault.seconds)
            self._answer(self.application.handle(request))
        else:
            response = self.application.handle(request)
            if fault.kind == "lost-answer":
                self._reset()
            elif fault.kind == "cut":
                self._answer(response, upto=len(response.body) // 2)
                self._reset()
            elif fault.kind == "garbage":
                headers = {**response.headers, **_leads(fault)}
                self._answer(Response(fault.status, fault.text.encode(), headers))
            elif fault.kind in ("without", "with"):
                self._answer(replace(response, body=_changed(response.body, fault)))
            else:
                time.sleep(fault.seconds)
                self._reset()

    def _answer(self, response: Response, upto: int | None = None) -> None:
        self.send_response_only(response.status)
        self.send_header("Server", self.version_string())
        if "Date" not in response.headers:
            self.send_header("Date", self.date_time_string())
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body[:upto])
        self.wfile.flush()

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        # Closing with a linger of zero sends RST; the base class must not flush or shut down first.
        self.rfile.close()
        self.connection.close()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _serve  # noqa: N815


def _leads(fault: Fault) -> dict[str, str]:
    """Return where an answer leads that leads elsewhere."""
    if not 300 <= fault.status < 400:
        return {}
    return {"Location": "/elsewhere" if fault.code == "SANDBOX" else fault.code}


def _tampered(headers: dict[str, str], fault: Fault) -> dict[str, str]:
    """Return headers as a proxy leaves them that drops, empties, doubles, rewrites or adds some."""
    made = {}
    if not set(fault.code) & set("*?[") and fault.text not in ("dropped", "empty", "doubled"):
        made[fault.code] = fault.text  # also where the answer has none
    for name, value in headers.items():
        if not fnmatch.fnmatchcase(name.lower(), fault.code.lower()):
            made[name] = value
        elif fault.text != "dropped":
            made.pop(fault.code, None)
            texts = {"empty": "", "doubled": f"{value}, {value}"}
            made[name] = texts.get(fault.text, fault.text)
    return made
