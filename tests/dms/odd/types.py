"""Types that are more than a sequence of plain elements, in requests and in answers."""

from __future__ import annotations

from tests.dms.odd.wsdls import (
    GIVEN,
    GOOD,
    ORDER,
    TAKEN,
    XSI,
    Odd,
    document,
    element,
    plain,
    schema,
)

_MIXED = (
    '<xs:complexType name="Money"><xs:simpleContent><xs:extension base="xs:decimal">'
    '<xs:attribute name="currency" type="xs:string" use="required"/></xs:extension>'
    "</xs:simpleContent></xs:complexType>"
)
_KINDS = (
    '<xs:complexType name="Base" abstract="true"><xs:sequence>'
    '<xs:element name="no" type="xs:string"/></xs:sequence></xs:complexType>'
    '<xs:complexType name="Dealer"><xs:complexContent><xs:extension base="t:Base"><xs:sequence>'
    '<xs:element name="shop" type="xs:string"/></xs:sequence></xs:extension></xs:complexContent>'
    "</xs:complexType>"
)
_GROUP = (
    '<xs:element name="document" type="xs:string" abstract="true"/>'
    '<xs:element name="note" type="xs:string" substitutionGroup="t:document"/>'
    '<xs:element name="bill" type="xs:string" substitutionGroup="t:document"/>'
)
_DATA_SET = element(
    "MakeResponse",
    '<xs:element name="MakeResult"><xs:complexType><xs:sequence><xs:element ref="xs:schema"/>'
    "<xs:any/></xs:sequence></xs:complexType></xs:element>",
)
_ROWS = (
    '<MakeResponse xmlns="urn:t"><MakeResult>'
    '<xs:schema id="D" xmlns="" xmlns:xs="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:msdata="urn:schemas-microsoft-com:xml-msdata">'
    '<xs:element name="D" msdata:IsDataSet="true"><xs:complexType>'
    '<xs:choice minOccurs="0" maxOccurs="unbounded"><xs:element name="Row"><xs:complexType>'
    '<xs:sequence><xs:element name="No" type="xs:string" minOccurs="0"/></xs:sequence>'
    "</xs:complexType></xs:element></xs:choice></xs:complexType></xs:element></xs:schema>"
    '<diffgr:diffgram xmlns:diffgr="urn:schemas-microsoft-com:xml-diffgram-v1">'
    '<D xmlns=""><Row diffgr:id="Row1"><No>D1</No></Row></D></diffgr:diffgram>'
    "</MakeResult></MakeResponse>"
)
_MTOM = (
    '--b\r\nContent-Type: application/xop+xml; charset=UTF-8; type="text/xml"\r\n'
    "Content-ID: <root>\r\n\r\n"
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    '<MakeResponse xmlns="urn:t"><number>'
    '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:one%40x"/>'
    "</number></MakeResponse></s:Body></s:Envelope>\r\n"
    "--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n"
    "Content-ID: <one@x>\r\n\r\nD1\r\n--b--\r\n"
)

TYPES = [
    plain("plain"),
    Odd(
        "attributes in a request",
        document(
            schema(
                element(
                    "Make",
                    '<xs:element name="order" type="xs:string"/>',
                    '<xs:attribute name="version" type="xs:string" use="required"/>',
                )
                + GIVEN
            )
        ),
        GOOD,
        request=[ORDER, {"field": "version", "constant": "2"}],
        sent=['version="2"'],
    ),
    Odd(
        "the number in an attribute",
        document(
            schema(
                TAKEN + element("MakeResponse", "", '<xs:attribute name="no" type="xs:string"/>')
            )
        ),
        '<MakeResponse xmlns="urn:t" no="D1"/>',
        number="no",
    ),
    Odd(
        "attribute and element of one name",
        document(
            schema(
                TAKEN
                + element(
                    "MakeResponse",
                    '<xs:element name="no" type="xs:string"/>',
                    '<xs:attribute name="no" type="xs:string"/>',
                )
            )
        ),
        '<MakeResponse xmlns="urn:t" no="other"><no>D1</no></MakeResponse>',
        number="no",
    ),
    Odd(
        "text with attributes",
        document(
            schema(_MIXED + element("Make", '<xs:element name="sum" type="t:Money"/>') + GIVEN)
        ),
        GOOD,
        request=[
            {"field": "sum._value_1", "constant": 5},
            {"field": "sum.currency", "constant": "CNY"},
        ],
        sent=['currency="CNY">5<'],
        wrong="sum.coin",
    ),
    Odd(
        "text with attributes in an answer",
        document(
            schema(
                _MIXED + TAKEN + element("MakeResponse", '<xs:element name="sum" type="t:Money"/>')
            )
        ),
        '<MakeResponse xmlns="urn:t"><sum currency="D1">5.00</sum></MakeResponse>',
        number="sum.currency",
    ),
    Odd(
        "nil",
        document(
            schema(
                TAKEN
                + element(
                    "MakeResponse",
                    '<xs:element name="error" type="xs:string" nillable="true"/>'
                    '<xs:element name="number" type="xs:string"/>',
                )
            )
        ),
        f'<MakeResponse xmlns="urn:t" {XSI}><error xsi:nil="true"/><number>D1</number>'
        "</MakeResponse>",
    ),
    Odd(
        "a choice",
        document(
            schema(
                element(
                    "Make",
                    '<xs:choice><xs:element name="order" type="xs:string"/>'
                    '<xs:element name="quote" type="xs:string"/></xs:choice>',
                )
                + GIVEN
            )
        ),
        GOOD,
        sent=["SO1"],
    ),
    Odd(
        "a choice that repeats",
        document(
            schema(
                TAKEN
                + element(
                    "MakeResponse",
                    '<xs:choice maxOccurs="unbounded"><xs:element name="hint" type="xs:string"/>'
                    '<xs:element name="number" type="xs:string"/></xs:choice>',
                )
            )
        ),
        '<MakeResponse xmlns="urn:t"><hint>x</hint><number>D1</number></MakeResponse>',
        number="_value_1[].number | [0]",
    ),
    Odd(
        "a sequence that repeats",
        document(
            schema(
                '<xs:element name="Make"><xs:complexType><xs:sequence maxOccurs="unbounded">'
                '<xs:element name="no" type="xs:int"/><xs:element name="of" type="xs:string"/>'
                "</xs:sequence></xs:complexType></xs:element>" + GIVEN
            )
        ),
        GOOD,
        request=[
            {
                "field": "_value_1",
                "each": "lines",
                "required": True,
                "fields": [
                    {"field": "no", "source": "number", "required": True},
                    {"field": "of", "source": "root.sales_order", "required": True},
                ],
            }
        ],
        sent=["no>1</", "no>2</"],
    ),
    Odd(
        "groups of elements and of attributes",
        document(
            schema(
                '<xs:group name="G"><xs:sequence><xs:element name="order" type="xs:string"/>'
                "</xs:sequence></xs:group><xs:attributeGroup"
                ' name="A"><xs:attribute name="lang" type="xs:string"/></xs:attributeGroup>'
                '<xs:element name="Make"><xs:complexType><xs:group ref="t:G"/>'
                '<xs:attributeGroup ref="t:A"/></xs:complexType></xs:element>' + GIVEN
            )
        ),
        GOOD,
        request=[ORDER, {"field": "lang", "constant": "zh"}],
        sent=['lang="zh"'],
    ),
    Odd(
        "an extended type",
        document(
            schema(
                '<xs:complexType name="Head"><xs:sequence><xs:element name="order"'
                ' type="xs:string"/></xs:sequence></xs:complexType>'
                '<xs:element name="Make"><xs:complexType><xs:complexContent>'
                '<xs:extension base="t:Head"><xs:sequence><xs:element name="of" type="xs:string"/>'
                "</xs:sequence></xs:extension></xs:complexContent></xs:complexType></xs:element>"
                + GIVEN
            )
        ),
        GOOD,
        request=[ORDER, {"field": "of", "source": "reference", "required": True}],
        sent=["30-GQ"],
    ),
    Odd(
        "an abstract type in a request",
        document(
            schema(_KINDS + element("Make", '<xs:element name="head" type="t:Base"/>') + GIVEN)
        ),
        GOOD,
        request=[
            {"field": "head._type", "constant": "Dealer"},
            {"field": "head.no", "source": "sales_order", "required": True},
            {"field": "head.shop", "source": "reference", "required": True},
        ],
        sent=[':type="', "Dealer", "30-GQ"],
        wrong="head.nowhere",
    ),
    Odd(
        "xsi:type in an answer",
        document(
            schema(
                _KINDS + TAKEN + element("MakeResponse", '<xs:element name="doc" type="t:Base"/>')
            )
        ),
        f'<MakeResponse xmlns="urn:t" {XSI} xmlns:q="urn:t"><doc xsi:type="q:Dealer"><no>x</no>'
        "<shop>D1</shop></doc></MakeResponse>",
        number="doc.shop",
    ),
    Odd(
        "a substitution group in an answer",
        document(
            schema(_GROUP + TAKEN + element("MakeResponse", '<xs:element ref="t:document"/>'))
        ),
        '<MakeResponse xmlns="urn:t"><note>D1</note></MakeResponse>',
        number="note",
    ),
    Odd(
        "a substitution group that repeats",
        document(
            schema(
                _GROUP
                + TAKEN
                + element("MakeResponse", '<xs:element ref="t:document" maxOccurs="unbounded"/>')
            )
        ),
        '<MakeResponse xmlns="urn:t"><bill>x</bill><note>D1</note></MakeResponse>',
        number="_value_1[].note | [0]",
    ),
    Odd(
        "a substitution group in a request",
        document(schema(_GROUP + element("Make", '<xs:element ref="t:document"/>') + GIVEN)),
        GOOD,
        request=[{"field": "bill", "source": "sales_order", "required": True}],
        sent=["bill>SO1<"],
    ),
    Odd(
        "any element in an answer",
        document(schema(TAKEN + element("MakeResponse", '<xs:any processContents="lax"/>'))),
        '<MakeResponse xmlns="urn:t"><x:Result xmlns:x="urn:x"><x:No>D1</x:No></x:Result>'
        "</MakeResponse>",
        number="_value_1.Result.No",
    ),
    Odd(
        "any element in a request",
        document(
            schema(element("Make", '<xs:any namespace="##other" processContents="lax"/>') + GIVEN)
        ),
        GOOD,
        request=[
            {
                "field": "_value_1",
                "source": "join('', ['<o xmlns=\"urn:o\">', sales_order, '</o>'])",
                "required": True,
            }
        ],
        sent=["SO1</"],
    ),
    Odd(
        "a DataSet",
        document(schema(TAKEN + _DATA_SET)),
        _ROWS,
        number="MakeResult._value_2.diffgram.D.Row.No",
    ),
    Odd(
        "anyType in an answer",
        document(schema(TAKEN + element("MakeResponse", '<xs:element name="out"/>'))),
        '<MakeResponse xmlns="urn:t"><out><No xmlns="">D1</No></out></MakeResponse>',
        number="out[0].No",
    ),
    Odd(
        "base64 in a request",
        document(
            schema(element("Make", '<xs:element name="order" type="xs:base64Binary"/>') + GIVEN)
        ),
        GOOD,
        sent=["order>U08x<"],
    ),
    Odd(
        "base64 in an answer",
        document(
            schema(
                TAKEN
                + element("MakeResponse", '<xs:element name="number" type="xs:base64Binary"/>')
            )
        ),
        '<MakeResponse xmlns="urn:t"><number>RDE=</number></MakeResponse>',
    ),
    Odd(
        "MTOM",
        document(
            schema(
                TAKEN
                + element("MakeResponse", '<xs:element name="number" type="xs:base64Binary"/>')
            )
        ),
        _MTOM,
        kind='multipart/related; type="application/xop+xml"; start="<root>"; boundary="b"',
    ),
    Odd(
        "lists and unions of values",
        document(
            schema(
                '<xs:simpleType name="U"><xs:union memberTypes="xs:int xs:string"/></xs:simpleType>'
                '<xs:simpleType name="L"><xs:list itemType="xs:string"/></xs:simpleType>'
                + TAKEN
                + element(
                    "MakeResponse",
                    '<xs:element name="codes" type="t:L"/><xs:element name="number" type="t:U"/>',
                )
            )
        ),
        '<MakeResponse xmlns="urn:t"><codes>a b</codes><number>D1</number></MakeResponse>',
    ),
    Odd(
        "limits where a type is used",
        document(
            schema(
                element(
                    "Make",
                    '<xs:element name="order"><xs:simpleType><xs:restriction base="xs:string">'
                    '<xs:maxLength value="10"/></xs:restriction></xs:simpleType></xs:element>',
                )
                + GIVEN
            )
        ),
        GOOD,
        request=[{**ORDER, "max_length": 10}],
    ),
    Odd(
        "a type that contains itself",
        document(
            schema(
                '<xs:complexType name="Node"><xs:sequence><xs:element name="no" type="xs:string"/>'
                '<xs:element name="below" type="t:Node" minOccurs="0"/></xs:sequence>'
                "</xs:complexType>"
                + TAKEN
                + element("MakeResponse", '<xs:element name="node" type="t:Node"/>')
            )
        ),
        '<MakeResponse xmlns="urn:t"><node><no>x</no><below><no>D1</no></below></node>'
        "</MakeResponse>",
        number="node.below.no",
    ),
    Odd(
        "names with dashes",
        document(
            schema(
                element("Make", '<xs:element name="order-no" type="xs:string"/>')
                + element("MakeResponse", '<xs:element name="doc-no" type="xs:string"/>')
            )
        ),
        '<MakeResponse xmlns="urn:t"><doc-no>D1</doc-no></MakeResponse>',
        request=[{"field": "order-no", "source": "sales_order", "required": True}],
        number='"doc-no"',
    ),
    Odd(
        "elements without a namespace of their own",
        document(schema(TAKEN + GIVEN, qualified="unqualified")),
        '<t:MakeResponse xmlns:t="urn:t"><number>D1</number></t:MakeResponse>',
        sent=["<order>SO1"],
    ),
    Odd(
        "a default",
        document(
            schema(
                element(
                    "Make",
                    '<xs:element name="order" type="xs:string"/>'
                    '<xs:element name="kind" type="xs:string" default="A"/>',
                )
                + GIVEN
            )
        ),
        GOOD,
        request=[ORDER, {"field": "kind", "constant": "B"}],
        sent=["kind>B<"],
    ),
]
