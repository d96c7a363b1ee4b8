"""zeep, for one call at a time: writes requests, sends them, and reads and judges answers."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree
from zeep.exceptions import ValidationError
from zeep.wsdl.messages.soap import RpcMessage
from zeep.xsd.context import XmlParserContext

from connector.dms import multiref
from connector.dms.carried import NOTHING, Carried, with_headers
from connector.dms.contract import Contract, Wrapper
from connector.dms.envelope import envelope_of
from connector.dms.judging import misfits, without_extras
from connector.dms.security import signed, username_token
from connector.dms.transport import DmsSettings, DmsTransport
from connector.dms.values import Preparation, plain
from connector.dms.writer import DEEPEST, Plan
from connector.errors import ConnectorError, Misconfigured
from connector.mapping.texts import CData
from connector.mapping.wsdl.documents import ZEEP_SETTINGS, Description
from connector.mapping.wsdl.parsed import ParsedWsdl, Port, rewritten
from connector.wording import systems


@dataclass(frozen=True)
class Message:
    """An envelope without credentials, and the HTTP headers that go with it.

    `planned` when a plan wrote it, which bounds how deep it is.
    """

    envelope: etree._Element
    headers: dict[str, str]
    planned: bool = False


class LentClient:
    """What one call at a time needs, to talk to the DMS of a WSDL. Raises Misconfigured."""

    def __init__(
        self,
        settings: DmsSettings,
        description: Description,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self.description = description
        self._transport = DmsTransport(settings, rewritten(description).documents, monotonic)
        try:
            self.wsdl = ParsedWsdl(
                description, self._transport, service=settings.service, port=settings.port
            )
            self._contract = Contract(
                description, self._wrappers(), deepest=settings.answers.deepest
            )
        except ConnectorError:
            raise
        except Exception as error:
            raise Misconfigured(
                f"the WSDL is unusable: {str(error)[:200]}",
                place=settings.wsdl,
                remedy="check dms.wsdl, dms.service and dms.port",
            ) from None
        self._preparation = Preparation(self.wsdl)
        self._plans: dict[str, Plan | None] = {}

    def operations(self) -> set[str]:
        """Return the names of the operations, without their ports."""
        return set(self.wsdl.names())

    def operation(self, name: str) -> Any:
        """Return zeep's operation, also by `Port/Operation` and `Service/Port/Operation`."""
        return self.wsdl.operation(name)

    def address(self, operation: str) -> str:
        """Return where an operation is reached. Raises Misconfigured."""
        return self._address(self._port(operation))

    def message(self, operation: str, request: Mapping[str, Any]) -> Message:
        """Write a request. Raises what zeep raises where it cannot place something."""
        message = self._written(operation, request)
        sections = frozenset(_sections(request))
        for element in message.envelope.iter() if sections else ():
            if element.text in sections:
                element.text = etree.CDATA(element.text)
        return message

    def _written(self, operation: str, request: Mapping[str, Any]) -> Message:
        bound = self.operation(operation)
        prepare = self._preparation.of(bound.input.body.type) if bound.input.body else None
        if prepare is not None:
            request = prepare(request)
        plan = self._plans.get(operation)
        written = plan.envelope(request) if plan is not None else None
        if plan is not None and written is not None:
            return Message(written, dict(plan.headers), planned=True)
        port = self._port(operation)
        envelope, headers = port.binding._create(
            bound.name,
            (),
            {str(key): value for key, value in request.items()},
            client=self.wsdl.client,
            options={"address": self._address(port)},
        )
        if self.wsdl.encoded(bound, "input"):
            multiref.arrays_typed(envelope, bound.input.body.type)
        if operation not in self._plans:
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
        response = self._transport.post_xml(self.address(operation), envelope, headers)
        seen(response.content)
        document = envelope_of(response)
        if isinstance(self.operation(operation).output, RpcMessage):
            multiref.resolved(document)
        return document

    def broken(self, operation: str, message: Message) -> list[str]:
        """Return how a request breaks the WSDL."""
        bound = self.operation(operation)
        wrapper = _request(bound) if isinstance(bound.input, RpcMessage) else None
        measured = message.planned and self._settings.answers.deepest >= DEEPEST
        return self._broken(bound, "input", message.envelope, wrapper, measured=measured)

    def _broken(
        self,
        bound: Any,
        side: str,
        envelope: etree._Element,
        wrapper: etree.QName | None,
        *,
        measured: bool = False,
    ) -> list[str]:
        """Return how a message breaks the WSDL's schema, or its types where it has no schema."""
        encoded = self.wsdl.encoded(bound, side)
        found = self._contract.findings(envelope, wrapper, measured=measured, encoded=encoded)
        if found or (self._contract.judges(wrapper) and not encoded):
            return found
        body, content = getattr(bound, side).body, envelope.find("{*}Body/*")
        return (
            [] if body is None or content is None else list(misfits(self.wsdl, content, body.type))
        )

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
        wrong = _misnamed(bound, envelope)
        return wrong or self._broken(bound, "output", envelope, wrapper)

    def strip(self, operation: str, envelope: etree._Element) -> list[str]:
        """Take out of an answer what the WSDL does not know, and return the places."""
        body, content = self.operation(operation).output.body, envelope.find("{*}Body/*")
        if body is None or content is None:
            return []
        return without_extras(self.wsdl, content, body.type)

    def read(self, operation: str, envelope: etree._Element) -> dict[str, Any]:
        """Return the answer's parts by name, as plain data.

        zeep's own way hands out the innermost of single children; a mapping names them all.
        """
        declared = self.operation(operation).output
        content = envelope.find("{*}Body/*")
        if content is None or declared.body is None:
            return {}
        value = declared.body.parse(
            content, self.wsdl.types, context=XmlParserContext(ZEEP_SETTINGS)
        )
        return plain(value, self._settings.zone)

    def _port(self, operation: str) -> Port:
        port = self.wsdl.port_of(operation)
        if port is None:
            raise Misconfigured(
                f"the WSDL has no operation {operation}",
                place=f"DMS {operation}",
                remedy="name an operation of the WSDL, with its service and port where it needs be",
            )
        return port

    def _address(self, port: Port) -> str:
        endpoint = self._settings.endpoint
        if isinstance(endpoint, Mapping):
            endpoint = endpoint.get(port.name)
        return endpoint or port.address

    def _wrappers(self) -> list[Wrapper]:
        """Return what RPC style puts around the parts of each message."""
        found = []
        for port in self.wsdl.ports:
            for bound in port.binding._operations.values():
                for side, name in (("input", _request), ("output", _response)):
                    message = getattr(bound, side)
                    rpc = isinstance(message, RpcMessage) and message.body is not None
                    if rpc and not self.wsdl.encoded(bound, side):
                        found.append(Wrapper(name(bound), _parts(message)))
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


def _request(bound: Any) -> etree.QName:
    return etree.QName(bound.input.body.qname)


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
