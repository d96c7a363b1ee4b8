"""SAP as a local server: SOAP-RFC with sessions, and the function modules the connector uses.

`s4` are its OData services, over the same customers and stock.
"""

from __future__ import annotations

import base64
import re
import secrets
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

from lxml import etree

from connector.sandbox.books import Books, Clock
from connector.sandbox.s4 import S4Application
from connector.sandbox.sap_backoffice import CUSTOMER, MATERIAL, STOCK, Values
from connector.sandbox.sap_functions import (
    FUNCTIONS,
    AbapException,
    Session,
    System,
    refused_by,
)
from connector.sandbox.sap_interfaces import INTERFACES
from connector.sandbox.sap_partners import PARTNERS
from connector.sandbox.sap_seed import customers, materials, stock
from connector.sandbox.web import Request, Response

_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_RFC = "urn:sap-com:document:sap:rfc:functions"
_MC = "urn:sap-com:document:sap:soap:functions:mc-style"
_ROUTES = {
    "/sap/bc/soap/rfc": "rfc",
    "/sap/bc/srt/rfc/sap/connector/100/connector/connector": "mc",
}
_MODULES = {**FUNCTIONS, **PARTNERS}
_SESSIONS = 20
# Codes of a refusal that are no message of RETURN but an ABAP exception.
_EXCEPTIONS = frozenset(
    {
        "RFC_NO_AUTHORITY",
        "NOT_AUTHORIZED",
        "OPTION_NOT_VALID",
        "FOREIGN_LOCK",
        "TIME_OUT",
        "FU_NOT_FOUND",
    }
)
_IDLE = timedelta(minutes=5)
_TRIES = 5


@dataclass
class _Open:
    session: Session = field(default_factory=Session)
    used: datetime = datetime.min
    lock: threading.Lock = field(default_factory=threading.Lock)


class SapApplication:
    """The sandbox's SAP. `user` is locked after five logons `refused` in a row.

    `busiest` is the most sessions that there were at one time, stateless calls included.
    """

    system = "sap"

    def __init__(
        self,
        books: Books,
        clock: Clock,
        *,
        user: str = "RFC_CONNECTOR",
        password: str = "sandbox-secret",
        client: str = "100",
        seed: bool = True,
    ) -> None:
        self._work = System(books, clock)
        self._clock = clock
        self._credentials = (user, password)
        self._client = client
        self._sessions: dict[str, _Open] = {}
        self._lock = threading.Lock()
        self.refused = 0
        self._terminated: list[Callable[[], None]] = []
        self._stateless = 0
        self.busiest = 0
        self.s4 = S4Application(books, clock, self._admitted)
        if seed:
            books.seed(CUSTOMER, customers())
            books.seed(MATERIAL, materials())
            books.seed(STOCK, stock())

    def operation(self, request: Request) -> tuple[str, bool]:
        """See `Application`."""
        if self.s4.serves(request):
            return self.s4.operation(request)
        match = re.search(rb"<(?:[\w.-]+:)?Body[^>]*>\s*<(?:[\w.-]+:)?([\w.-]+)", request.body)
        name = _function(match.group(1).decode()) if match else request.path
        return name, _MODULES.get(name, (None, False))[1]

    def refuse(self, request: Request, code: str, text: str) -> Response:
        """See `Application`."""
        if self.s4.serves(request):
            return self.s4.refuse(code, text)
        function, _ = self.operation(request)
        if code in _EXCEPTIONS:
            return _fault("Server", f"ABAP exception: {code}")
        if code.startswith("raised "):
            identity, _, number = code.removeprefix("raised ").partition("/")
            return _fault("Server", text, {"Type": "E", "ID": identity, "Number": number})
        return _answer(function, refused_by(function, code, text), _ROUTES.get(request.path, "rfc"))

    def handle(self, request: Request) -> Response:
        """See `Application`."""
        if self.s4.serves(request):
            return self.s4.handle(request)
        style = _ROUTES.get(request.path)
        if style is None:
            return Response(404, b"Service not reachable", {"Content-Type": "text/html"})
        if not self._admitted(request):
            return Response(
                401,
                b"Logon failed" if self.refused < _TRIES else b"User is locked",
                {"WWW-Authenticate": 'Basic realm="SAP"', "Content-Type": "text/html"},
            )
        try:
            function, values = _read(request.body, style)
        except (etree.XMLSyntaxError, ValueError) as error:
            return _fault("Client", f"XML: {error}")
        return self._with_session(request, function, values, style)

    def repeat_updates(self) -> int:
        """Repeat the updates that were terminated, as SM13 lets a person do; return how many."""
        with self._lock:
            terminated, self._terminated = self._terminated, []
        for change in terminated:
            change()
        return len(terminated) + self.s4.repeat_updates()

    def unlock(self) -> None:
        """Let the user log on again."""
        self.refused = 0

    def _with_session(
        self, request: Request, function: str, values: Values, style: str
    ) -> Response:
        command = _command(request, style)
        cookies = SimpleCookie(request.headers.get("Cookie", ""))
        key = _key(cookies["sap-contextid"].value) if "sap-contextid" in cookies else None
        headers: dict[str, str] = {}
        with self._lock:
            self._forget_idle()
            opened = self._sessions.get(key) if key else None
            if opened is not None and key:
                headers["Set-Cookie"] = _cookie(key, "ATT")
            if request.fault == "no-session":
                key = opened = command = None
                headers.clear()
            if request.fault == "other-session":
                key, opened, command = None, None, "open"
            if opened is None and command == "open":
                if len(self._sessions) >= _SESSIONS:
                    return Response(503, b"Service cannot be reached: no free session")
                key, opened = secrets.token_hex(12), _Open(used=self._clock.now())
                self._sessions[key] = opened
                headers["Set-Cookie"] = _cookie(key, "NEW")
            stateless = 1 if opened is None else 0
            self._stateless += stateless
            self.busiest = max(self.busiest, len(self._sessions) + self._stateless)
        opened = opened or _Open()
        try:
            with opened.lock:
                opened.used = self._clock.now()
                if request.fault == "update-terminated":
                    self._terminated += opened.session.pending
                    opened.session.pending.clear()
                response = self._run(opened.session, function, values, style)
        finally:
            with self._lock:
                self._stateless -= stateless
        if command == "close" and key:
            with self._lock:
                self._sessions.pop(key, None)
        return Response(response.status, response.body, {**response.headers, **headers})

    def _run(self, session: Session, function: str, values: Values, style: str) -> Response:
        if function not in _MODULES:
            return _fault("Server", f"FU_NOT_FOUND: {function}")
        try:
            answer = _MODULES[function][0](self._work, session, values)
        except AbapException as error:
            return _fault("Server", f"ABAP exception: {error}")
        # Only the tables that the request holds, if only empty, are filled and given back.
        unasked = {each.name for each in INTERFACES[function] if each.kind == "T"} - values.keys()
        given = {name: each for name, each in answer.items() if name not in unasked}
        return _answer(function, given, style)

    def _forget_idle(self) -> None:
        limit = self._clock.now() - _IDLE
        for key in [key for key, each in self._sessions.items() if each.used < limit]:
            del self._sessions[key]

    def _admitted(self, request: Request) -> bool:
        if self.refused >= _TRIES:
            return False
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(token).decode().partition(":")
        except ValueError:
            user = password = ""
        good = (
            scheme.lower() == "basic"
            and (user, password) == self._credentials
            and request.query.get("sap-client", self._client) == self._client
        )
        if not good and user == self._credentials[0]:
            self.refused += 1
        elif good:
            self.refused = 0
        return good


def _cookie(key: str, mode: str) -> str:
    """Return a session's cookie: its name bears the mode in which it was attached."""
    return f"sap-contextid=SID%3aANON%3asandbox_ECC_00%3a{key}-{mode}; path=/"


def _key(value: str) -> str:
    """Return by which name a session is kept."""
    return urllib.parse.unquote(value).rpartition(":")[2].rpartition("-")[0]


def _command(request: Request, style: str) -> str | None:
    """Return whether a request opens or closes a session: by its address, or in its envelope."""
    if style == "rfc":
        by_mode = {"1": "open", "2": "close"}.get(request.query.get("session_mode", ""))
        return by_mode or request.query.get("sap-sessioncmd")
    said = re.search(rb"<enableSession>(true|false)</enableSession>", request.body)
    return {b"true": "open", b"false": "close"}[said.group(1)] if said else None


def _read(body: bytes, style: str) -> tuple[str, Values]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    document = etree.fromstring(body, parser)
    if document.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise ValueError("a document type is not accepted")
    content = document.find(f"{{{_ENVELOPE}}}Body")
    if content is None or not len(content):
        raise ValueError("there is no body")
    name = etree.QName(content[0])
    if name.namespace != (_RFC if style == "rfc" else _MC):
        raise ValueError(f"namespace {name.namespace!r} is not served here")
    return _function(name.localname), {_upper(each): _value(each) for each in content[0]}


def _value(element: etree._Element) -> Any:
    children = [child for child in element if isinstance(child.tag, str)]
    if not children:
        return element.text or ""
    if all(etree.QName(child).localname == "item" for child in children):
        return [_value(child) for child in children]
    return {_upper(child): _value(child) for child in children}


def _function(name: str) -> str:
    return name.replace("_-", "/") if name.upper() == name else _snake(name)


def _upper(element: etree._Element) -> str:
    return _function(str(etree.QName(element).localname))


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()


def _camel(name: str, style: str) -> str:
    if style == "rfc":
        return name.replace("/", "_-")
    return "".join(part.capitalize() for part in name.split("_"))


def _answer(function: str, values: Values, style: str) -> Response:
    namespace = _RFC if style == "rfc" else _MC
    suffix = ".Response" if style == "rfc" else "Response"
    envelope = etree.Element(f"{{{_ENVELOPE}}}Envelope", nsmap={"soap-env": _ENVELOPE})
    body = etree.SubElement(envelope, f"{{{_ENVELOPE}}}Body")
    root = etree.SubElement(
        body, f"{{{namespace}}}{_camel(function, style)}{suffix}", nsmap={"n0": namespace}
    )
    for name, value in values.items():
        _write(root, _camel(name, style), value, style)
    content = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
    return Response(200, content, {"Content-Type": "text/xml; charset=utf-8"})


def _write(parent: etree._Element, name: str, value: Any, style: str) -> None:
    element = etree.SubElement(parent, name)
    if isinstance(value, dict):
        for key, inner in value.items():
            _write(element, _camel(key, style), inner, style)
    elif isinstance(value, list):
        for row in value:
            _write(element, "item", row, style)
    else:
        element.text = str(value)


def _fault(code: str, text: str, message: Mapping[str, str] | None = None) -> Response:
    envelope = etree.Element(f"{{{_ENVELOPE}}}Envelope", nsmap={"soap-env": _ENVELOPE})
    body = etree.SubElement(envelope, f"{{{_ENVELOPE}}}Body")
    fault = etree.SubElement(body, f"{{{_ENVELOPE}}}Fault")
    etree.SubElement(fault, "faultcode").text = f"soap-env:{code}"
    etree.SubElement(fault, "faultstring").text = text
    if message:
        said = etree.SubElement(etree.SubElement(fault, "detail"), "Message")
        for name, value in message.items():
            etree.SubElement(said, name).text = value
    content = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
    return Response(500, content, {"Content-Type": "text/xml; charset=utf-8"})
