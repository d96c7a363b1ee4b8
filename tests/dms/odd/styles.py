"""Styles, bindings and ports: RPC, encoded, both versions of SOAP, several services."""

from __future__ import annotations

from tests.dms.odd.wsdls import (
    AXIS,
    ENCODING,
    GIVEN,
    LOCATION,
    MESSAGES,
    ORDER,
    PORT_TYPE,
    SOAP_12,
    TAKEN,
    Odd,
    binding,
    definitions,
    document,
    part,
    plain,
    rpc,
    schema,
    service,
)

_LINE = (
    '<xs:complexType name="Line"><xs:sequence><xs:element name="no" type="xs:int"/></xs:sequence>'
    "</xs:complexType>"
)
_SOAP_STRING = part("order", "soapenc:string")
_XSI_STRING = '<out xsi:type="soapenc:string">D1</out>'
_ELSE = '<xs:element name="Else" type="xs:string"/>'
_ARRAY = (
    '<xs:complexType name="Lines"><xs:complexContent><xs:restriction base="soapenc:Array">'
    '<xs:attribute ref="soapenc:arrayType" wsdl:arrayType="t:Line[]"/></xs:restriction>'
    "</xs:complexContent></xs:complexType>"
)
_WORDS = (
    '<xs:complexType name="Words"><xs:complexContent><xs:restriction base="soapenc:Array">'
    '<xs:sequence><xs:element name="item" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>'
    '</xs:sequence><xs:attribute ref="soapenc:arrayType" wsdl:arrayType="xs:string[]"/>'
    "</xs:restriction></xs:complexContent></xs:complexType>"
)
_RESULT = (
    '<xs:complexType name="Result"><xs:sequence><xs:element name="no" type="xs:string"/>'
    '<xs:element name="code" type="soapenc:int" nillable="true"/></xs:sequence></xs:complexType>'
)

# An operation in each of two bindings.
_TWO_BINDINGS = (
    f"<wsdl:types>{schema(TAKEN + GIVEN)}</wsdl:types>",
    MESSAGES,
    PORT_TYPE,
    PORT_TYPE.replace('name="P"', 'name="Q"').replace('"Make"', '"Ask"'),
    binding(),
    binding("C", "Q").replace('name="Make"', 'name="Ask"'),
)

STYLES = [
    Odd(
        "RPC/literal",
        rpc(part("order", "xs:string"), part("out", "xs:string"), use="literal"),
        '<t:MakeResponse xmlns:t="urn:t"><out>D1</out></t:MakeResponse>',
        number="out",
    ),
    Odd(
        "RPC/encoded with the encoding's own strings",
        rpc(_SOAP_STRING, part("out", "soapenc:string"), imports=ENCODING),
        f'<t:MakeResponse xmlns:t="urn:t" {AXIS}>{_XSI_STRING}</t:MakeResponse>',
        number="out",
        sent=["SO1"],
    ),
    Odd(
        "RPC/encoded that says other string types than declared",
        rpc(part("order", "xs:string"), part("out", "xs:string")),
        f'<t:MakeResponse xmlns:t="urn:t" {AXIS}>{_XSI_STRING}</t:MakeResponse>',
        number="out",
    ),
    Odd(
        "arrays in an encoded request",
        rpc(
            part("order", "xs:string") + part("lines", "t:Lines") + part("words", "t:Words"),
            part("out", "xs:string"),
            _LINE + _ARRAY + _WORDS,
            imports=ENCODING,
        ),
        f'<t:MakeResponse xmlns:t="urn:t" {AXIS}><out xsi:type="xsd:string">D1</out>'
        "</t:MakeResponse>",
        request=[
            ORDER,
            {
                "field": "lines",
                "each": "lines",
                "required": True,
                "fields": [{"field": "no", "source": "number", "required": True}],
            },
            {"field": "words", "source": "lines[].to_string(number)", "required": True},
        ],
        number="out",
        sent=['arrayType="', "Line[2]", "no>1</", "no>2</", ">2</item>"],
    ),
    Odd(
        "arrays and references in an encoded answer",
        rpc(part("order", "xs:string"), part("out", "t:Lines"), _LINE + _ARRAY, imports=ENCODING),
        f'<t:MakeResponse xmlns:t="urn:t" {AXIS}>'
        '<out soapenc:arrayType="t:Line[2]" xsi:type="soapenc:Array"><out href="#id0"/>'
        '<out href="#id1"/></out></t:MakeResponse>'
        f'<multiRef id="id1" soapenc:root="0" xsi:type="n:Line" xmlns:n="urn:t" {AXIS}>'
        '<no xsi:type="xsd:int">7</no></multiRef>'
        f'<multiRef id="id0" soapenc:root="0" xsi:type="n:Line" xmlns:n="urn:t" {AXIS}>'
        '<no xsi:type="xsd:int">6</no></multiRef>',
        number="to_string(out[1].no)",
        expected="7",
    ),
    Odd(
        "a bean by reference",
        rpc(part("order", "xs:string"), part("out", "t:Result"), _RESULT, imports=ENCODING),
        f'<t:MakeResponse xmlns:t="urn:t" {AXIS}><out href="#id0"/></t:MakeResponse>'
        f'<multiRef id="id0" soapenc:root="0" xsi:type="n2:Result" xmlns:n2="urn:t" {AXIS}>'
        '<no xsi:type="soapenc:string">D1</no><code xsi:type="soapenc:int">0</code></multiRef>',
        number="out.no",
    ),
    plain(
        "SOAP 1.2 alone",
        documents=document(schema(TAKEN + GIVEN), version="soap12"),
        envelope=SOAP_12,
        kind="application/soap+xml; charset=utf-8",
    ),
    plain("SOAP 1.1 that answers as 1.2", envelope=SOAP_12),
    plain(
        "HttpGet and HttpPost beside SOAP",
        documents={
            LOCATION: definitions(
                f"<wsdl:types>{schema(TAKEN + GIVEN)}</wsdl:types>",
                '<wsdl:message name="postIn"><wsdl:part name="order" type="xs:string"/>'
                '</wsdl:message><wsdl:message name="postOut"><wsdl:part name="Body"'
                ' type="xs:string"/></wsdl:message>',
                MESSAGES,
                PORT_TYPE,
                PORT_TYPE.replace('name="P"', 'name="Get"')
                .replace("t:in", "t:postIn")
                .replace("t:out", "t:postOut"),
                '<wsdl:binding name="G" type="t:Get"><http:binding verb="GET"/>'
                '<wsdl:operation name="Make"><http:operation location="/Make"/>'
                "<wsdl:input><http:urlEncoded/></wsdl:input><wsdl:output/></wsdl:operation>"
                "</wsdl:binding>",
                binding(),
                service(("GetPort", "G", "http"), ("Port", "B", "soap")),
            )
        },
    ),
    plain(
        "two services, and an operation by its port",
        documents={
            LOCATION: definitions(
                *_TWO_BINDINGS,
                service(("First", "B", "soap")),
                service(("Second", "C", "soap"), name="S2"),
            )
        },
        operation="S2/Second/Ask",
    ),
    plain(
        "an operation of another port, by its name alone",
        documents={
            LOCATION: definitions(
                *_TWO_BINDINGS,
                service(("First", "B", "soap"), ("Second", "C", "soap")),
            )
        },
        operation="Ask",
    ),
    plain(
        "two parts in one message",
        documents={
            LOCATION: definitions(
                f"<wsdl:types>{schema(TAKEN + GIVEN + _ELSE)}</wsdl:types>",
                MESSAGES.replace(
                    '<wsdl:part name="p" element="t:Make"/>',
                    '<wsdl:part name="p" element="t:Make"/><wsdl:part name="q" element="t:Else"/>',
                ),
                PORT_TYPE,
                binding(),
                service(("Port", "B", "soap")),
            )
        },
        request=[
            {"field": "p.order", "source": "sales_order", "required": True},
            {"field": "q", "source": "reference", "required": True},
        ],
        sent=["SO1", "30-GQ"],
    ),
    plain(
        "WS-Addressing",
        documents={
            LOCATION: document(schema(TAKEN + GIVEN))[LOCATION].replace(
                '<wsdl:input message="t:in"/>',
                '<wsdl:input message="t:in" wsaw:Action="urn:t/MakeIt"/>',
            )
        },
        sent=["urn:t/MakeIt", "MessageID"],
    ),
]
