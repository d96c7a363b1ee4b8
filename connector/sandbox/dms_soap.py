"""SOAP 1.1 and 1.2 as the sandbox DMS speaks them: envelopes read, answers and faults written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from connector.sandbox.web import Request, Response

MAX_BODY = 1024 * 1024  # bytes; an order of 1,000 lines takes about 400,000

_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Version:
    """A SOAP version and its words."""

    namespace: str
    media_type: str
    client: str
    server: str

    def tag(self, name: str) -> str:
        """Return the name of an element or attribute of the envelope."""
        return f"{{{self.namespace}}}{name}"


SOAP11 = Version("http://schemas.xmlsoap.org/soap/envelope/", "text/xml", "Client", "Server")
SOAP12 = Version(
    "http://www.w3.org/2003/05/soap-envelope", "application/soap+xml", "Sender", "Receiver"
)
_VERSIONS = {version.tag("Envelope"): version for version in (SOAP11, SOAP12)}


class SoapError(Exception):
    """Raised when a request fails before its operation; becomes a SOAP fault.

    `code` is a fault code of SOAP 1.1, or one of WS-Security with the prefix `wsse:`.
    """

    def __init__(self, code: str, text: str, status: int = 500) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status


@dataclass(frozen=True)
class Message:
    """A request, read: the version of its envelope, its header blocks and the body's element."""

    version: Version
    header: list[etree._Element]
    payload: etree._Element


def action(request: Request) -> str:
    """Return the operation that SOAPAction (1.1) or the media type's action (1.2) names, or ""."""
    given = request.headers.get("SOAPAction") or request.headers.get_param("action") or ""
    return str(given).strip('" ').rpartition("/")[2]


def version_of(request: Request) -> Version:
    """Tell the version by the media type, for faults about requests that cannot be read."""
    return SOAP12 if request.headers.get_content_type() == SOAP12.media_type else SOAP11


def read_envelope(request: Request) -> Message:
    """Read a request without entities, document type or network; raise SoapError otherwise."""
    if len(request.body) > MAX_BODY:
        raise SoapError("Client", f"the request is longer than {MAX_BODY} bytes", 413)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        envelope = etree.fromstring(request.body, parser)
    except etree.XMLSyntaxError as error:
        raise SoapError("Client", f"the request is not XML: {error.msg}", 400) from None
    if envelope.getroottree().docinfo.internalDTD is not None:
        raise SoapError("Client", "a request may not have a document type", 400)
    version = _VERSIONS.get(envelope.tag)
    if version is None:
        raise SoapError("VersionMismatch", f"the root is {envelope.tag}, no SOAP envelope")
    if request.headers.get_content_type() != version.media_type:
        raise SoapError("Client", f"this envelope is to be sent as {version.media_type}", 415)
    header = envelope.find(version.tag("Header"))
    body = envelope.find(version.tag("Body"))
    if body is None or len(body) != 1:
        raise SoapError("Client", "the envelope needs a body with exactly one element")
    return Message(version, [] if header is None else list(header), body[0])


def new_envelope(version: Version, namespace: str) -> tuple[etree._Element, etree._Element]:
    """Return an empty envelope and its body; `namespace` gets the prefix `dms`."""
    envelope = etree.Element(
        version.tag("Envelope"), nsmap={"soap": version.namespace, "dms": namespace}
    )
    return envelope, etree.SubElement(envelope, version.tag("Body"))


def send(version: Version, envelope: etree._Element, status: int = 200) -> Response:
    """Turn an envelope into an HTTP response."""
    return Response(
        status,
        etree.tostring(envelope, xml_declaration=True, encoding="UTF-8"),
        {"Content-Type": f"{version.media_type}; charset=utf-8"},
    )


def xml_text(text: str) -> str:
    """Replace the characters that XML cannot carry."""
    return _NOT_XML.sub("?", text)


def fault(version: Version, error: SoapError, detail: etree._Element | None = None) -> Response:
    """Build a fault in the version's own shape; `detail` is the element inside the detail."""
    envelope = etree.Element(
        version.tag("Envelope"), nsmap={"soap": version.namespace, "wsse": _WSSE}
    )
    body = etree.SubElement(envelope, version.tag("Body"))
    node = etree.SubElement(body, version.tag("Fault"))
    security = ":" in error.code
    if version is SOAP11:
        etree.SubElement(node, "faultcode").text = error.code if security else f"soap:{error.code}"
        etree.SubElement(node, "faultstring").text = xml_text(error.text)
        if detail is not None:
            etree.SubElement(node, "detail").append(detail)
        return send(version, envelope, error.status)
    words = {"Client": version.client, "Server": version.server}
    role = version.client if security else words.get(error.code, error.code)
    code = etree.SubElement(node, version.tag("Code"))
    etree.SubElement(code, version.tag("Value")).text = f"soap:{role}"
    if security:
        subcode = etree.SubElement(code, version.tag("Subcode"))
        etree.SubElement(subcode, version.tag("Value")).text = error.code
    reason = etree.SubElement(node, version.tag("Reason"))
    etree.SubElement(reason, version.tag("Text"), {_XML_LANG: "en"}).text = xml_text(error.text)
    if detail is not None:
        etree.SubElement(node, version.tag("Detail")).append(detail)
    # SOAP 1.2 sends a fault of the sender as 400 (part 2, table 20), SOAP 1.1 every fault as 500.
    senders = role == version.client and error.status == 500
    return send(version, envelope, 400 if senders else error.status)
