"""A SOAP client on zeep that survives what servers do."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast

import requests
import structlog
import zeep
from lxml import etree
from zeep.helpers import serialize_object
from zeep.wsdl.messages.multiref import process_multiref
from zeep.wsdl.messages.soap import RpcMessage
from zeep.wsse.username import UsernameToken
from zeep.xsd.context import XmlParserContext

from connector.dms import wsdl
from connector.dms.archive import Archive, masked
from connector.dms.contract import Contract, Wrapper
from connector.dms.errors import lost, of_status, typed, unreadable
from connector.dms.fit import findings as unfit
from connector.dms.transport import DmsSettings, DmsTransport
from connector.dms.writer import Plan
from connector.errors import ConnectorError, MappingFailed, Misconfigured, RetryLater
from connector.mapping import MappingSet

__all__ = ["DmsSettings", "SoapDms"]

_log = structlog.get_logger(__name__)
# Statuses under which SOAP answers and faults come; 400 is SOAP 1.2's for the sender's faults.
_SOAP = (200, 400, 500)


class SoapDms:
    """One DMS. The WSDL is read at the first call; each thread has a client of its own.

    `mappings` gives the mappings in force: a WSDL that is new or has changed is held against them
    before it is used, and refused while they do not fit.
    """

    def __init__(
        self,
        settings: DmsSettings,
        mappings: Callable[[], MappingSet] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._mappings = mappings
        self._monotonic = monotonic
        self._threads = threading.local()
        self._lock = threading.Lock()
        self._cache = wsdl.Cache(settings.cache) if settings.cache else None
        self._archive = Archive(settings.archive) if settings.archive else None
        self._description: wsdl.Description | None = None
        self._hash = ""
        self._read = False
        self._look_again = 0.0

    def call(self, operation: str, request: Mapping[str, Any], *, write: bool) -> dict[str, Any]:
        """See `Dms`."""
        place = f"DMS {operation}"
        client = self._client()
        message = self._message(client, operation, request)
        self._seen(operation, "request", message.envelope)
        try:
            answer = client.send(
                operation, message, lambda got: self._seen(operation, "answer", got)
            )
        except Exception as error:
            raise typed(error, place=place, write=write) from None
        findings = client.findings(operation, answer)
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

    @property
    def wsdl_hash(self) -> str:
        """The hash of the WSDL in use, with all that it imports."""
        self._client()
        return self._hash

    def served(self) -> bytes:
        """Return the WSDL as it is served now, whatever is in use. Raises RetryLater."""
        location = self._settings.wsdl
        try:
            read = wsdl.read(location, DmsTransport(self._settings).load)
        except (OSError, requests.RequestException) as error:
            raise _unreadable(error, location) from None
        return read.documents[read.location]

    def unfit(self, mappings: MappingSet) -> list[str]:
        """Return how mappings do not fit the WSDL, each finding with its mapping and field."""
        return unfit(mappings, self._client().operation)

    def ping(self) -> str:
        """See `Dms`."""
        names = self._client().operations()
        if not self._read:
            raise RetryLater("the WSDL cannot be read; a kept one is used", place="DMS")
        return f"{len(names)} operations: {', '.join(sorted(names))}; WSDL {self._hash[:12]}"

    def _seen(self, operation: str, direction: str, envelope: etree._Element | bytes) -> None:
        if self._archive is not None:
            self._archive.keep(operation, direction, envelope)
        if _log.is_enabled_for(logging.DEBUG):
            _log.debug(
                "envelope", operation=operation, way=direction, xml=masked(envelope).decode()
            )

    def _message(self, client: _Client, operation: str, request: Mapping[str, Any]) -> _Message:
        if client.operation(operation) is None:
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
        findings = client.broken(operation, message.envelope)
        if findings:
            raise MappingFailed(f"DMS {operation}", findings)
        return message

    def _client(self) -> _Client:
        description = self._current()
        client: _Client | None = getattr(self._threads, "client", None)
        if client is None or client.description is not description:
            client = _Client(self._settings, description)
            self._threads.client = client
        return client

    def _current(self) -> wsdl.Description:
        """Return the WSDL in use; look whether it changed when it is time to."""
        description = self._description
        if description is not None and self._monotonic() < self._look_again:
            return description
        # While one thread looks whether it changed, the others go on with what there is.
        if not self._lock.acquire(blocking=description is None) and description is not None:
            return description
        try:
            if self._description is None or self._monotonic() >= self._look_again:
                self._description = self._renewed()
                # Only what was taken may be used for a while: what is refused is read anew.
                self._look_again = self._monotonic() + self._settings.wsdl_again
            return self._description
        finally:
            self._lock.release()

    def _renewed(self) -> wsdl.Description:
        location = self._settings.wsdl
        last = self._description or (self._cache.kept(location) if self._cache else None)
        try:
            fresh = wsdl.read(location, DmsTransport(self._settings).load)
        except (OSError, requests.RequestException) as error:
            if last is None or isinstance(error, requests.HTTPError):
                raise _unreadable(error, location) from None
            self._read = False
            _log.warning(
                "the WSDL cannot be read; the last good one is used", error=type(error).__name__
            )
            return self._taken(last)
        self._read = True
        changed = last is not None and fresh.hash != last.hash
        if self._description is not None and not changed:
            return self._description
        # Also where it is the same: a process that starts may have other mappings than the last.
        client = _Client(self._settings, fresh)
        wrong = unfit(self._mappings(), client.operation) if self._mappings else []
        if last is not None and changed:
            _log.warning(
                "the WSDL changed", was=last.hash[:12], now=fresh.hash[:12], fits=not wrong
            )
        if wrong:
            raise Misconfigured(
                f"the mappings do not fit the WSDL: {'; '.join(wrong[:20])}",
                place=location,
                remedy="correct the mappings, then `connector check --live`",
            )
        if self._cache is not None:
            try:
                self._cache.keep(fresh)
            except OSError as error:
                _log.warning("the WSDL cannot be kept", error=type(error).__name__)
        return self._taken(fresh)

    def _taken(self, description: wsdl.Description) -> wsdl.Description:
        self._hash = description.hash
        return description


@dataclass(frozen=True)
class _Message:
    """An envelope without credentials, and the HTTP headers that go with it."""

    envelope: etree._Element
    headers: dict[str, str]


@dataclass(frozen=True)
class _Port:
    """One port of the WSDL: its binding, and where it is reached."""

    binding: Any
    options: dict[str, Any]


class _Client:
    """zeep, for one thread."""

    def __init__(self, settings: DmsSettings, description: wsdl.Description) -> None:
        self._settings = settings
        self.description = description
        self._token = _token(settings)
        self._transport = DmsTransport(settings, description.documents)
        try:
            self._zeep = zeep.Client(
                description.location,
                transport=self._transport,
                settings=wsdl.ZEEP_SETTINGS,
                service_name=settings.service,
                port_name=settings.port,
            )
            self._default = self._port(self._zeep.service)
            self._contract = Contract(
                description, self._wrappers(), deepest=settings.deepest_answer
            )
        except ConnectorError:
            raise
        except Exception as error:
            raise Misconfigured(
                f"the WSDL is unusable: {str(error)[:200]}",
                place=settings.wsdl,
                remedy="check dms.wsdl, dms.service and dms.port",
            ) from None
        self._ports: dict[str, _Port] = {}
        self._plans: dict[str, Plan | None] = {}

    def operations(self) -> set[str]:
        return set(self._default.binding._operations)

    def operation(self, name: str) -> Any:
        """Return zeep's operation, also by `Port/Operation` and `Service/Port/Operation`."""
        try:
            return self._of(name).binding._operations.get(name.rpartition("/")[2])
        except Misconfigured:
            return None

    def message(self, operation: str, request: Mapping[str, Any]) -> _Message:
        plan = self._plans.get(operation)
        written = plan.envelope(request) if plan is not None else None
        if plan is not None and written is not None:
            return _Message(written, dict(plan.headers))
        port = self._of(operation)
        envelope, headers = port.binding._create(
            operation.rpartition("/")[2],
            (),
            {str(key): value for key, value in request.items()},
            client=self._zeep,
            options=port.options,
        )
        if operation not in self._plans:
            bound = self.operation(operation)
            self._plans[operation] = Plan.proven(bound, headers, request, envelope)
        return _Message(envelope, headers)

    def send(
        self, operation: str, message: _Message, seen: Callable[[bytes], None]
    ) -> etree._Element:
        """Send and return the envelope of the answer. Raises what zeep and requests raise."""
        port = self._of(operation)
        envelope, headers = message.envelope, message.headers
        if self._token:
            envelope, headers = self._token.apply(envelope, headers)
        response = self._transport.post_xml(port.options["address"], envelope, headers)
        seen(response.content)
        if response.status_code not in _SOAP or not response.content:
            raise unreadable(response)
        document = _parse(response.content)
        if document.tag.rpartition("}")[2] != "Envelope":
            raise unreadable(response)
        fault = document.find(".//{*}Body/{*}Fault")
        if response.status_code != 200 and fault is None:
            raise unreadable(response)
        if fault is not None:
            port.binding.process_error(document, self.operation(operation))
        return document

    def broken(self, operation: str, envelope: etree._Element) -> list[str]:
        """Return how a request breaks the WSDL."""
        bound = self.operation(operation)
        wrapper = _body(bound.input).qname if isinstance(bound.input, RpcMessage) else None
        return self._contract.findings(envelope, wrapper)

    def findings(self, operation: str, envelope: etree._Element) -> list[str]:
        """Return how an answer breaks the WSDL, or that it is another operation's."""
        bound = self.operation(operation)
        wrapper = _response(bound) if isinstance(bound.output, RpcMessage) else None
        return self._contract.findings(envelope, wrapper) or _misnamed(bound, envelope)

    def read(self, operation: str, envelope: etree._Element) -> Any:
        """Return the answer's parts by name.

        zeep's own way hands out the innermost of single children; a mapping names them all.
        """
        declared = self.operation(operation).output
        content = envelope.find("{*}Body/*")
        if content is None or declared.body is None:
            return {}
        if isinstance(declared, RpcMessage):
            process_multiref(content.getparent())
        return declared.body.parse(
            content, self._zeep.wsdl.types, context=XmlParserContext(wsdl.ZEEP_SETTINGS)
        )

    def _of(self, operation: str) -> _Port:
        address, _, _ = operation.rpartition("/")
        if not address:
            return self._default
        if address not in self._ports:
            service, _, port = address.rpartition("/")
            try:
                proxy = self._zeep.bind(service or self._settings.service, port)
            except ValueError as error:
                raise Misconfigured(
                    str(error),
                    place=f"DMS {operation}",
                    remedy="name a service and a port of the WSDL in the mapping's operation",
                ) from None
            self._ports[address] = self._port(proxy, port)
        return self._ports[address]

    def _port(self, proxy: Any, name: str | None = None) -> _Port:
        name = name or self._settings.port or ""
        endpoint = self._settings.endpoint
        if isinstance(endpoint, Mapping):
            endpoint = endpoint.get(name)
        address = endpoint or proxy._binding_options["address"]
        return _Port(proxy._binding, {**proxy._binding_options, "address": address})

    def _wrappers(self) -> list[Wrapper]:
        """Return what RPC style puts around the parts of each message."""
        found = []
        for binding in self._zeep.wsdl.bindings.values():
            for bound in getattr(binding, "_operations", {}).values():
                if isinstance(bound.input, RpcMessage) and bound.input.body is not None:
                    found.append(Wrapper(_body(bound.input).qname, _parts(bound.input)))
                if isinstance(bound.output, RpcMessage) and bound.output.body is not None:
                    found.append(Wrapper(_response(bound), _parts(bound.output)))
        return found


def _parts(message: Any) -> list[tuple[str, etree.QName, bool]]:
    return [
        (
            name,
            part.element.qname if part.element is not None else part.type.qname,
            part.element is not None,
        )
        for name, part in message.abstract.parts.items()
    ]


def _body(message: Any) -> Any:
    return message.body


def _response(bound: Any) -> etree.QName:
    return etree.QName(bound.output.body.qname.namespace, f"{bound.name}Response")


def _misnamed(bound: Any, envelope: etree._Element) -> list[str]:
    """Return what is wrong when the answer is not this operation's own."""
    declared = bound.output
    content = envelope.find("{*}Body/*")
    if content is None:
        return [] if declared.body is None else ["the SOAP body is empty"]
    name = etree.QName(content)
    if isinstance(declared, RpcMessage):
        # WS-I: the operation's name and "Response"; some servers leave the suffix away.
        fits = name.localname in (bound.name, f"{bound.name}Response")
    else:
        fits = declared.body is None or name.text == declared.body.qname.text
    return [] if fits else [f"{name.localname} is not the answer to {bound.name}"]


def _parse(content: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    document = etree.fromstring(content, parser)
    if document.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise zeep.exceptions.XMLParseError("a document type is not accepted")
    return document


def _token(settings: DmsSettings) -> UsernameToken | None:
    if settings.authentication == "username_text":
        return UsernameToken(settings.user, settings.password)
    if settings.authentication == "username_digest":
        return UsernameToken(settings.user, settings.password, use_digest=True)
    return None


def _unreadable(error: Exception, location: str) -> Exception:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return of_status(error.response.status_code, place=location, write=False)
    return RetryLater(f"the WSDL cannot be read ({type(error).__name__})", place=location)


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
