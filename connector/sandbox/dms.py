"""The sandbox DMS: its SOAP service, WSDL first, strict in both directions.

Every request is checked against the WSDL's own schema before anything is done, and every answer
before it is sent. SOAP 1.1 and 1.2 are served at one address and told apart by the envelope.
"""

from __future__ import annotations

import functools
import importlib.resources
import logging
import re
import threading
from collections.abc import Iterable
from typing import Any, cast

from lxml import etree

from connector.sandbox import dms_soap as soap
from connector.sandbox.books import Books, Clock, Document
from connector.sandbox.dms_operations import OPERATIONS, BusinessError, Desk
from connector.sandbox.dms_security import Guard
from connector.sandbox.dms_soap import SoapError
from connector.sandbox.web import Request, Response

PATH = "/dms/service"
NAMESPACE = "urn:dms:sales:v1"

_XS = "{http://www.w3.org/2001/XMLSchema}"
_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9A-Fa-f:]+\](:\d+)?")

log = logging.getLogger(__name__)


class DmsApplication:
    """A DMS with memory, behind `GET /dms/service?wsdl` and `POST /dms/service`.

    By default it makes a second document when an external number or reference comes again, as
    many a real one does; with `unique_external_numbers` it answers DUPLICATE_EXTERNAL_NUMBER.
    """

    system = "dms"

    def __init__(
        self,
        books: Books,
        clock: Clock,
        *,
        user: str = "connector",
        password: str = "sandbox-secret",
        unique_external_numbers: bool = False,
    ) -> None:
        self._desk = Desk(books, clock, unique_external_numbers)
        self._guard = Guard(clock, user, password)
        self._user, self._password = user, password

    def operation(self, request: Request) -> tuple[str, bool]:
        """Name the WSDL operation, from the action or else the body, and say whether it writes."""
        if request.method == "POST" and request.path == PATH:
            name = soap.action(request)
            if not name:
                try:
                    name = _asked(soap.read_envelope(request))
                except SoapError:
                    name = ""
            if name in OPERATIONS:
                return name, OPERATIONS[name].writes
        return f"{request.method} {request.path}", False

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        if request.path != PATH:
            return _plain(404, "not found")
        if request.method in ("GET", "HEAD") and "wsdl" in map(str.lower, request.query):
            return _describe(request, self.wsdl())
        if request.method != "POST":
            return _plain(405, "POST a SOAP envelope, or GET ?wsdl", {"Allow": "POST, GET, HEAD"})
        version = soap.version_of(request)
        try:
            message = soap.read_envelope(request)
            self.admit(request, message)
            return self.answer(request, message)
        except BusinessError as error:
            return _business_fault(version, error)
        except SoapError as error:
            return soap.fault(version, error)
        except Exception as error:
            # A bug of the sandbox must not pass for the DMS's word, nor for a broken line.
            log.exception("the sandbox DMS failed")
            return soap.fault(version, SoapError("Server", f"bug in the sandbox: {error!r}"))

    def wsdl(self) -> bytes:
        """Return the WSDL, with an address at `http://localhost/`."""
        return contract().wsdl

    def admit(self, request: Request, message: soap.Message) -> None:
        """Raise SoapError for a caller who may not call."""
        self._guard.admit(message)

    def answer(self, request: Request, message: soap.Message) -> Response:
        """Do what a message asks for. Raises SoapError and BusinessError."""
        name = _asked(message)
        document = _read(name, soap.action(request), message)
        return _answer(message.version, f"{name}Response", self.do(name, document))

    def do(self, name: str, document: Document) -> Document:
        """Run an operation on a document, whichever way it came."""
        with self._desk.books.lock:
            return OPERATIONS[name].do(self._desk, document)

    def refuse(self, request: Request, code: str, text: str) -> Response:
        """Answer the BusinessFault that the WSDL declares."""
        error = BusinessError(soap.xml_text(code), soap.xml_text(text))
        return _business_fault(soap.version_of(request), error)


def _asked(message: soap.Message) -> str:
    name = etree.QName(message.payload)
    return name.localname if name.namespace == NAMESPACE else ""


def _read(name: str, action: str, message: soap.Message) -> Document:
    if name not in OPERATIONS:
        raise SoapError("Client", f"there is no operation {message.payload.tag}")
    if action not in ("", name):
        raise SoapError("Client", f"the action is {action}, the body {name}")
    if complaint := contract().complaint(message.payload):
        raise SoapError("Client", f"{name} breaks the schema: {complaint}")
    return contract().read(message.payload)


def _answer(version: soap.Version, name: str, answer: Document) -> Response:
    envelope, body = soap.new_envelope(version, NAMESPACE)
    element = contract().write(body, name, answer)
    if complaint := contract().complaint(element):
        raise AssertionError(f"{name} breaks the schema: {complaint}")
    return soap.send(version, envelope)


def _business_fault(version: soap.Version, error: BusinessError) -> Response:
    parent = etree.Element("parent", nsmap={"dms": NAMESPACE})
    fields = {
        "code": error.code,
        "message": error.message,
        "field": error.field,
        "existingNumber": error.existing,
    }
    detail = contract().write(parent, "BusinessFault", fields)
    if complaint := contract().complaint(detail):
        return soap.fault(version, SoapError("Server", f"bug in the sandbox: {complaint}"))
    return soap.fault(version, SoapError("Client", f"{error.code}: {error.message}"), detail)


def _describe(request: Request, wsdl: bytes) -> Response:
    host = request.headers.get("Host", "localhost")
    if not _HOST.fullmatch(host):
        return _plain(400, "strange Host header")
    address = f'location="http://{host}/'.encode()
    wsdl = wsdl.replace(b'location="http://localhost/', address)
    return Response(200, wsdl, {"Content-Type": "text/xml; charset=utf-8"})


def _plain(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return Response(
        status,
        f"{text}\n".encode(),
        {"Content-Type": "text/plain; charset=utf-8", **(headers or {})},
    )


class Contract:
    """The WSDL's schema, and the way between its elements and dictionaries."""

    def __init__(self, wsdl: bytes) -> None:
        self.wsdl = wsdl
        schema = next(etree.fromstring(wsdl).iter(_XS + "schema"))
        self._schema = etree.XMLSchema(schema)
        self._lock = threading.Lock()
        self._repeated = {
            f"{{{NAMESPACE}}}{element.get('name')}"
            for element in schema.iter(_XS + "element")
            if element.get("maxOccurs") == "unbounded"
        }

    def complaint(self, element: etree._Element) -> str:
        """Return what the schema has against an element, or ""."""
        with self._lock:  # the log of errors is the schema's, not the call's
            if self._schema.validate(element):
                return ""
            entries = cast("Iterable[Any]", self._schema.error_log)
            return "; ".join([str(entry.message) for entry in entries][:5])

    def read(self, element: etree._Element) -> Document:
        """Turn a valid element with children into a dictionary."""
        document: Document = {}
        for child in element:
            name = child.tag.rpartition("}")[2]
            value = self.read(child) if len(child) else child.text or ""
            if child.tag in self._repeated:
                document.setdefault(name, []).append(value)
            else:
                document[name] = value
        return document

    def write(self, parent: etree._Element, name: str, value: object) -> etree._Element:
        """Append a dictionary, or a single value, as an element; None inside is left out."""
        element = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
        if not isinstance(value, dict):
            element.text = str(value).lower() if isinstance(value, bool) else str(value)
            return element
        for key, inner in value.items():
            for item in inner if isinstance(inner, list) else [inner]:
                if item is not None:
                    self.write(element, key, item)
        return element


@functools.cache
def contract() -> Contract:
    """Return the contract, read and compiled once."""
    return Contract(importlib.resources.files(__package__).joinpath("dms.wsdl").read_bytes())
