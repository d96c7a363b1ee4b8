"""WSDLs such as vendors write them, each with a mapping, a request that fits, and an answer.

What is right of them: whoever reads the WSDL must know the mapping's names, the client must write
the request, and the answer must say the document's number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

LOCATION = "http://dms.invalid/service?wsdl"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
_NAMESPACES = (
    'xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"'
    ' xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"'
    ' xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/"'
    ' xmlns:http="http://schemas.xmlsoap.org/wsdl/http/"'
    ' xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"'
    ' xmlns:wsaw="http://www.w3.org/2006/05/addressing/wsdl"'
    ' xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" xmlns:u="urn:u"'
)
# What a delivery note is made of, as far as these mappings look at it.
SOURCE = {
    "sales_order": "SO1",
    "reference": "30-GQ",
    "lines": [{"number": 1, "allocated": 2}, {"number": 2, "allocated": 3}],
}
ORDER = {"field": "order", "source": "sales_order", "required": True}


@dataclass(frozen=True)
class Odd:
    """One WSDL, and what is done with it.

    `sent` are texts that the request must hold, `wrong` is a field that no such DMS knows.
    """

    name: str
    documents: Mapping[str, str]
    answer: str
    request: Sequence[Mapping[str, Any]] = (ORDER,)
    number: str = "number"
    operation: str = "Make"
    sent: Sequence[str] = ()
    wrong: str = "nowhere"
    envelope: str = SOAP_11
    kind: str = "text/xml; charset=utf-8"
    settings: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, str] = field(default_factory=dict)
    expected: Any = "D1"

    def body(self) -> bytes:
        """The answer as it comes over the wire."""
        if not self.answer.startswith("<"):
            return self.answer.encode()
        whole = f'<s:Envelope xmlns:s="{self.envelope}"><s:Body>{self.answer}</s:Body></s:Envelope>'
        return whole.encode()


def schema(content: str, more: str = "", qualified: str = "qualified") -> str:
    """Return a schema of `urn:t`."""
    return (
        f'<xs:schema targetNamespace="urn:t" elementFormDefault="{qualified}">'
        f"{more}{content}</xs:schema>"
    )


def element(name: str, content: str, attributes: str = "") -> str:
    """Return a declared element with a sequence."""
    return (
        f'<xs:element name="{name}"><xs:complexType><xs:sequence>{content}</xs:sequence>'
        f"{attributes}</xs:complexType></xs:element>"
    )


TAKEN = element("Make", '<xs:element name="order" type="xs:string"/>')
GIVEN = element("MakeResponse", '<xs:element name="number" type="xs:string"/>')
GOOD = '<MakeResponse xmlns="urn:t"><number>D1</number></MakeResponse>'


def binding(
    name: str = "B", port: str = "P", version: str = "soap", style: str = "document"
) -> str:
    """Return a literal binding of the one operation."""
    return (
        f'<wsdl:binding name="{name}" type="t:{port}">'
        f'<{version}:binding transport="http://schemas.xmlsoap.org/soap/http" style="{style}"/>'
        f'<wsdl:operation name="Make"><{version}:operation soapAction="urn:t/Make"/>'
        f'<wsdl:input><{version}:body use="literal" namespace="urn:t"/></wsdl:input>'
        f'<wsdl:output><{version}:body use="literal" namespace="urn:t"/></wsdl:output>'
        "</wsdl:operation></wsdl:binding>"
    )


MESSAGES = (
    '<wsdl:message name="in"><wsdl:part name="p" element="t:Make"/></wsdl:message>'
    '<wsdl:message name="out"><wsdl:part name="p" element="t:MakeResponse"/></wsdl:message>'
)
PORT_TYPE = (
    '<wsdl:portType name="P"><wsdl:operation name="Make"><wsdl:input message="t:in"/>'
    '<wsdl:output message="t:out"/></wsdl:operation></wsdl:portType>'
)


def service(*ports: tuple[str, str, str], name: str = "S") -> str:
    """Return a service of ports: name, binding, and the kind of address."""
    return (
        f'<wsdl:service name="{name}">'
        + "".join(
            f'<wsdl:port name="{port}" binding="t:{bound}">'
            f'<{kind}:address location="http://dms.invalid/{port}"/></wsdl:port>'
            for port, bound, kind in ports
        )
        + "</wsdl:service>"
    )


def definitions(*parts: str) -> str:
    """Return a WSDL of `urn:t`."""
    head = f'<wsdl:definitions {_NAMESPACES} targetNamespace="urn:t">'
    return f"{head}{''.join(parts)}</wsdl:definitions>"


def document(*schemas: str, version: str = "soap") -> dict[str, str]:
    """Return a document/literal WSDL with these schemas."""
    return {
        LOCATION: definitions(
            f"<wsdl:types>{''.join(schemas)}</wsdl:types>",
            MESSAGES,
            PORT_TYPE,
            binding(version=version),
            service(("Port", "B", version)),
        )
    }


def rpc(
    taken: str, given: str, schemas: str = "", use: str = "encoded", imports: str = ""
) -> dict[str, str]:
    """Return a WSDL in RPC style; parts are of types."""
    body = (
        f'<soap:body use="{use}" namespace="urn:t"'
        + (' encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"' if use == "encoded" else "")
        + "/>"
    )
    return {
        LOCATION: definitions(
            f'<wsdl:types><xs:schema targetNamespace="urn:t">{imports}{schemas}</xs:schema>'
            "</wsdl:types>",
            f'<wsdl:message name="in">{taken}</wsdl:message>',
            f'<wsdl:message name="out">{given}</wsdl:message>',
            PORT_TYPE,
            '<wsdl:binding name="B" type="t:P"><soap:binding style="rpc"'
            ' transport="http://schemas.xmlsoap.org/soap/http"/><wsdl:operation name="Make">'
            f'<soap:operation soapAction=""/><wsdl:input>{body}</wsdl:input>'
            f"<wsdl:output>{body}</wsdl:output></wsdl:operation></wsdl:binding>",
            service(("Port", "B", "soap")),
        )
    }


def part(name: str, kind: str) -> str:
    """Return a part of a message."""
    return f'<wsdl:part name="{name}" type="{kind}"/>'


ENCODING = '<xs:import namespace="http://schemas.xmlsoap.org/soap/encoding/"/>'
AXIS = (
    'xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    f' {XSI} s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"'
)


def plain(name: str, **changed: Any) -> Odd:
    """Return the plainest of all, changed."""
    return replace(Odd(name, document(schema(TAKEN + GIVEN)), GOOD), **changed)
