"""A SOAP client on zeep that survives what servers do."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, cast

import requests
import zeep
from lxml import etree
from requests.auth import HTTPBasicAuth
from zeep.exceptions import XMLParseError
from zeep.helpers import serialize_object
from zeep.transports import Transport
from zeep.wsdl.messages.soap import RpcMessage
from zeep.wsse.username import UsernameToken

from connector.dms.contract import XSD, Contract
from connector.dms.errors import lost, of_status, typed
from connector.errors import MappingFailed, Misconfigured, RetryLater

Authentication = Literal["username_text", "username_digest", "basic", "none"]


@dataclass(frozen=True)
class DmsSettings:
    """How to reach the DMS. `call_deadline` bounds a whole call, also of a dripping server."""

    wsdl: str
    endpoint: str | None = None
    service: str | None = None
    port: str | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    authentication: Authentication = "username_text"
    ca_file: Path | None = None
    client_certificate: Path | None = None
    proxy: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    connect_timeout: float = 10
    read_timeout: float = 30
    call_deadline: float = 60
    largest_answer: int = 20_000_000


class SoapDms:
    """One DMS. The WSDL is read at the first call; each thread has a client of its own."""

    def __init__(self, settings: DmsSettings) -> None:
        self._settings = settings
        self._threads = threading.local()
        self._contract: Contract | None = None
        self._lock = threading.Lock()

    def call(self, operation: str, request: Mapping[str, Any], *, write: bool) -> dict[str, Any]:
        """See `Dms`."""
        place = f"DMS {operation}"
        client = self._client()
        message = self._message(client, operation, request)
        try:
            answer = client.send(operation, message)
        except Exception as error:
            raise typed(error, place=place, write=write) from None
        findings = self.contract().findings(answer) or client.misnamed(operation, answer)
        if findings:
            raise lost(f"the answer breaks the WSDL: {findings[0]}", place=place, write=write)
        try:
            return cast(dict[str, Any], _plain(client.read(operation, answer)))
        except Exception as error:
            raise typed(error, place=place, write=write) from None

    def envelope(self, operation: str, request: Mapping[str, Any]) -> bytes:
        """See `Dms`."""
        message = self._client().message(operation, request)
        return etree.tostring(message.envelope, pretty_print=True, encoding="UTF-8")

    def contract(self) -> Contract:
        """Return the WSDL's schema and hash."""
        self._client()
        if self._contract is None:
            raise AssertionError("a client was made without its contract")
        return self._contract

    def ping(self) -> str:
        """See `Dms`."""
        names = self._client().operations()
        return f"{len(names)} operations: {', '.join(sorted(names))}"

    def _message(self, client: _Client, operation: str, request: Mapping[str, Any]) -> _Message:
        if operation not in client.operations():
            raise Misconfigured(
                f"the WSDL has no operation {operation}",
                place=f"DMS {operation}",
                remedy=f"map one of {', '.join(sorted(client.operations()))}",
            )
        try:
            message = client.message(operation, request)
        except Exception as error:
            # zeep says what it cannot place: an unknown or a missing element.
            raise MappingFailed(f"DMS {operation}", [str(error)[:300]]) from None
        findings = self.contract().findings(message.envelope)
        if findings:
            raise MappingFailed(f"DMS {operation}", findings)
        return message

    def _client(self) -> _Client:
        client: _Client | None = getattr(self._threads, "client", None)
        if client is None:
            client = _Client(self._settings)
            with self._lock:
                self._contract = self._contract or Contract(client.schemas())
            self._threads.client = client
        return client


@dataclass(frozen=True)
class _Message:
    """An envelope without credentials, and the HTTP headers that go with it."""

    envelope: etree._Element
    headers: dict[str, str]


class _Client:
    """zeep, for one thread."""

    def __init__(self, settings: DmsSettings) -> None:
        self._settings = settings
        self._token = _token(settings)
        self._transport = _Transport(settings)
        try:
            self._zeep = zeep.Client(
                settings.wsdl,
                transport=self._transport,
                settings=zeep.Settings(
                    strict=True, xml_huge_tree=False, forbid_entities=True, forbid_dtd=True
                ),
                service_name=settings.service,
                port_name=settings.port,
            )
            proxy = self._zeep.service
        except OSError as error:
            raise RetryLater(
                f"the WSDL cannot be read ({type(error).__name__})", place=settings.wsdl
            ) from None
        except Exception as error:
            raise _unusable(error, settings.wsdl) from None
        self._binding = proxy._binding
        address = settings.endpoint or proxy._binding_options["address"]
        self._options = {**proxy._binding_options, "address": address}

    def operations(self) -> set[str]:
        return set(self._binding._operations)

    def schemas(self) -> list[etree._Element]:
        """Return the schemas that stand in the WSDL itself, whole enough to validate with."""
        document = _parse(self._transport.load(self._settings.wsdl))
        return [
            etree.fromstring(etree.tostring(schema)) for schema in document.iter(f"{{{XSD}}}schema")
        ]

    def message(self, operation: str, request: Mapping[str, Any]) -> _Message:
        envelope, headers = self._binding._create(
            operation, (), _for_zeep(request), client=self._zeep, options=self._options
        )
        return _Message(envelope, headers)

    def send(self, operation: str, message: _Message) -> etree._Element:
        """Send and return the envelope of the answer. Raises what zeep and requests raise."""
        envelope, headers = message.envelope, message.headers
        if self._token:
            envelope, headers = self._token.apply(envelope, headers)
        response = self._transport.post_xml(self._options["address"], envelope, headers)
        if response.status_code not in (200, 500) or not response.content:
            raise of_answer(response)
        document = _parse(response.content)
        if document.tag.rpartition("}")[2] != "Envelope":
            raise of_answer(response)
        fault = document.find(".//{*}Body/{*}Fault")
        if response.status_code == 500 or fault is not None:
            self._binding.process_error(document, self._binding.get(operation))
        return document

    def misnamed(self, operation: str, envelope: etree._Element) -> list[str]:
        """Return what is wrong when the answer is not this operation's own."""
        declared = self._binding.get(operation).output
        content = envelope.find("{*}Body/*")
        if content is None:
            return [] if declared.body is None else ["the SOAP body is empty"]
        name = etree.QName(content)
        if isinstance(declared, RpcMessage):
            # WS-I: the operation's name and "Response"; some servers leave the suffix away.
            fits = name.localname in (operation, f"{operation}Response")
        else:
            fits = declared.body is None or name.text == declared.body.qname.text
        return [] if fits else [f"{name.localname} is not the answer to {operation}"]

    def read(self, operation: str, envelope: etree._Element) -> Any:
        """Return the answer's parts by name, also when there is but one (zeep unwraps that)."""
        bound = self._binding.get(operation)
        reply = bound.process_reply(envelope)
        elements = getattr(getattr(bound.output.body, "type", None), "elements", None) or []
        names = [name for name, _ in elements]
        return {names[0]: reply} if len(names) == 1 else reply


class _Transport(Transport):
    """zeep's transport with a deadline for the whole call, limits, and no redirects."""

    def __init__(self, settings: DmsSettings) -> None:
        session = requests.Session()
        session.trust_env = False
        session.verify = str(settings.ca_file) if settings.ca_file else True
        if settings.client_certificate:
            session.cert = str(settings.client_certificate)
        if settings.proxy:
            session.proxies = {"http": settings.proxy, "https": settings.proxy}
        if settings.authentication == "basic":
            session.auth = HTTPBasicAuth(settings.user.encode(), settings.password.encode())
        session.headers.update(settings.headers)
        super().__init__(
            session=session,
            timeout=settings.read_timeout,
            operation_timeout=settings.read_timeout,
        )
        self._limits = settings

    def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> requests.Response:
        ends = time.monotonic() + self._limits.call_deadline
        response = self.session.post(
            address,
            data=message,
            headers=headers,
            timeout=(self._limits.connect_timeout, self._limits.read_timeout),
            allow_redirects=False,
            stream=True,
        )
        content = bytearray()
        with response:
            for chunk in response.iter_content(65_536):
                content += chunk
                if time.monotonic() > ends:
                    raise requests.ReadTimeout("the whole call took too long")
                if len(content) > self._limits.largest_answer:
                    raise requests.exceptions.ContentDecodingError("the answer is too large")
        response._content = bytes(content)
        return response


def of_answer(response: requests.Response) -> Exception:
    """Return the error that stands for an HTTP answer without a SOAP envelope."""
    return zeep.exceptions.TransportError(
        status_code=response.status_code, message="no SOAP envelope"
    )


def _parse(content: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    document = etree.fromstring(content, parser)
    if document.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise XMLParseError("a document type is not accepted")
    return document


def _token(settings: DmsSettings) -> UsernameToken | None:
    if settings.authentication == "username_text":
        return UsernameToken(settings.user, settings.password)
    if settings.authentication == "username_digest":
        return UsernameToken(settings.user, settings.password, use_digest=True)
    return None


def _unusable(error: Exception, wsdl: str) -> Exception:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return of_status(error.response.status_code, place=wsdl, write=False)
    return Misconfigured(
        f"the WSDL is unusable: {str(error)[:200]}", place=wsdl, remedy="check dms.wsdl"
    )


def _for_zeep(request: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key): value for key, value in request.items()}


def _plain(value: Any) -> Any:
    value = serialize_object(value, dict)
    return _aware(value) if isinstance(value, dict) else {"value": _aware(value)}


def _aware(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _aware(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_aware(each) for each in value]
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    if isinstance(value, Decimal | date | str | int | bool) or value is None:
        return value
    return str(value)
