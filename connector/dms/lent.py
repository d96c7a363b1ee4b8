"""zeep, for one call at a time: writes requests, sends them, and reads and judges answers."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import zeep
from lxml import etree
from zeep.exceptions import ValidationError
from zeep.wsdl.messages.multiref import process_multiref
from zeep.wsdl.messages.soap import RpcMessage
from zeep.xsd.context import XmlParserContext

from connector.dms import wsdl
from connector.dms.carried import NOTHING, Carried, with_headers
from connector.dms.contract import Contract, Wrapper
from connector.dms.errors import unreadable
from connector.dms.security import signed, username_token
from connector.dms.transport import DmsSettings, DmsTransport
from connector.dms.writer import DEEPEST, Plan
from connector.errors import ConnectorError, Misconfigured
from connector.mapping.texts import CData
from connector.wording import systems

# Statuses under which SOAP answers and faults come; 400 is SOAP 1.2's for the sender's faults.
_SOAP = (200, 400, 500)


@dataclass(frozen=True)
class Message:
    """An envelope without credentials, and the HTTP headers that go with it.

    `planned` when a plan wrote it, which bounds how deep it is.
    """

    envelope: etree._Element
    headers: dict[str, str]
    planned: bool = False


@dataclass(frozen=True)
class _Port:
    """One port of the WSDL: its binding, and where it is reached."""

    binding: Any
    options: dict[str, Any]


class LentClient:
    """What one call at a time needs, to talk to the DMS of a WSDL. Raises Misconfigured."""

    def __init__(
        self,
        settings: DmsSettings,
        description: wsdl.Description,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self.description = description
        self._transport = DmsTransport(settings, description.documents, monotonic)
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
        """Return the names of the operations of the port that is used by default."""
        return set(self._default.binding._operations)

    def operation(self, name: str) -> Any:
        """Return zeep's operation, also by `Port/Operation` and `Service/Port/Operation`."""
        try:
            return self._of(name).binding._operations.get(name.rpartition("/")[2])
        except Misconfigured:
            return None

    def address(self, operation: str) -> str:
        """Return where an operation is reached. Raises Misconfigured."""
        return str(self._of(operation).options["address"])

    def message(self, operation: str, request: Mapping[str, Any]) -> Message:
        """Write a request. Raises what zeep raises where it cannot place something."""
        message = self._written(operation, request)
        sections = frozenset(_sections(request))
        for element in message.envelope.iter() if sections else ():
            if element.text in sections:
                element.text = etree.CDATA(element.text)
        return message

    def _written(self, operation: str, request: Mapping[str, Any]) -> Message:
        plan = self._plans.get(operation)
        written = plan.envelope(request) if plan is not None else None
        if plan is not None and written is not None:
            return Message(written, dict(plan.headers), planned=True)
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
        return Message(envelope, headers)

    def send(
        self,
        operation: str,
        message: Message,
        seen: Callable[[bytes], None],
        carried: Carried = NOTHING,
    ) -> etree._Element:
        """Send and return the envelope of the answer. Raises what zeep and requests raise."""
        port = self._of(operation)
        headers = {**message.headers, **carried.http_headers}
        envelope = with_headers(
            message.envelope, {**self._settings.soap_headers, **carried.soap_headers}
        )
        token = username_token(
            self._settings.authentication,
            self._settings.user,
            self._settings.password,
            self._settings.token_lifetime,
        )
        if token is not None:
            envelope, headers = token.apply(envelope, headers)
        signature = self._settings.signature
        if signature is not None:
            headers |= signed(signature, envelope)
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

    def broken(self, operation: str, message: Message) -> list[str]:
        """Return how a request breaks the WSDL."""
        bound = self.operation(operation)
        wrapper = _body(bound.input).qname if isinstance(bound.input, RpcMessage) else None
        measured = message.planned and self._settings.deepest_answer >= DEEPEST
        return self._contract.findings(message.envelope, wrapper, measured=measured)

    def judge(self, operation: str, request: Mapping[str, Any]) -> list[str]:
        """Return everything by which a request, or a part of one, breaks the WSDL.

        zeep stops at the first element that is missing: it is filled in, and the rest judged.
        """
        found: list[str] = []
        body = copy.deepcopy(dict(request))
        while True:
            try:
                message = self.message(operation, body)
            except Exception as error:
                path = error.path if isinstance(error, ValidationError) else []
                filled = list(_filled(body, path[1:]))
                if not filled:
                    return found or [str(error)[:300]]
                found += [systems.NAMED(name=each, message=systems.NEEDED()) for each in filled]
            else:
                return found + self.broken(operation, message)

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


def _filled(value: Any, path: Sequence[str], place: str = "") -> Iterator[str]:
    """Fill in an empty text for the element that is missing at a path, and give its places."""
    if isinstance(value, list):
        for number, each in enumerate(value, start=1):
            yield from _filled(each, path, f"{place}[{number}]")
        return
    if not path or not isinstance(value, dict):
        return
    name, *rest = path
    at = f"{place}.{name}".lstrip(".")
    if rest:
        yield from _filled(value.get(name), rest, at)
    elif name not in value:
        value[name] = ""
        yield at


def _sections(value: Any) -> Iterator[str]:
    """Give the texts of a request that stand in CDATA sections."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _sections(each)
    elif isinstance(value, list):
        for each in value:
            yield from _sections(each)
    elif isinstance(value, CData):
        yield str(value)


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
