"""WSDLs of several documents, and of those that everybody imports and nobody serves."""

from __future__ import annotations

from tests.dms.odd.wsdls import (
    ENCODING,
    GIVEN,
    LOCATION,
    MESSAGES,
    ORDER,
    PORT_TYPE,
    TAKEN,
    binding,
    definitions,
    document,
    element,
    plain,
    schema,
    service,
)

_TYPES_APART = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:u="urn:u" targetNamespace="urn:u"'
    ' elementFormDefault="qualified"><xs:simpleType name="No"><xs:restriction base="xs:string">'
    '<xs:maxLength value="10"/></xs:restriction></xs:simpleType></xs:schema>'
)
_APART_TAKEN = element("Make", '<xs:element name="order" type="u:No"/>')
_SHORT = [{**ORDER, "max_length": 10}]

DOCUMENTS = [
    plain(
        "a schema that is imported",
        documents=document(
            schema(
                _APART_TAKEN + GIVEN,
                '<xs:import namespace="urn:u" schemaLocation="http://dms.invalid/x.svc?xsd=xsd0"/>',
            )
        ),
        more={"http://dms.invalid/x.svc?xsd=xsd0": _TYPES_APART},
        request=_SHORT,
    ),
    plain(
        "a WSDL that imports messages and schemas (WCF)",
        documents={
            LOCATION: definitions(
                '<wsdl:import namespace="urn:t" location="http://dms.invalid/x.svc?wsdl=wsdl0"/>',
                binding(),
                service(("Port", "B", "soap")),
            )
        },
        more={
            "http://dms.invalid/x.svc?wsdl=wsdl0": definitions(
                '<wsdl:types><xs:schema targetNamespace="urn:t/Imports">'
                '<xs:import namespace="urn:t" schemaLocation="http://dms.invalid/x.svc?xsd=xsd0"/>'
                '<xs:import namespace="urn:u" schemaLocation="http://dms.invalid/x.svc?xsd=xsd1"/>'
                "</xs:schema></wsdl:types>",
                MESSAGES,
                PORT_TYPE,
            ),
            "http://dms.invalid/x.svc?xsd=xsd0": schema(
                _APART_TAKEN + GIVEN,
                '<xs:import namespace="urn:u" schemaLocation="x.svc?xsd=xsd1"/>',
            ).replace(
                "<xs:schema ",
                '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:u="urn:u" ',
                1,
            ),
            "http://dms.invalid/x.svc?xsd=xsd1": _TYPES_APART,
        },
        request=_SHORT,
    ),
    plain(
        "a schema that is included, without a namespace",
        documents=document(
            schema(
                element("Make", '<xs:element name="order" type="t:No"/>') + GIVEN,
                '<xs:include schemaLocation="parts/no.xsd"/>',
            )
        ),
        more={
            "http://dms.invalid/parts/no.xsd": _TYPES_APART.replace(
                ' xmlns:u="urn:u" targetNamespace="urn:u"', ""
            )
        },
        request=_SHORT,
    ),
    plain(
        "schemas that import each other",
        documents=document(
            schema(
                _APART_TAKEN + GIVEN,
                '<xs:import namespace="urn:u" schemaLocation="a.xsd"/>',
            )
        ),
        more={
            "http://dms.invalid/a.xsd": _TYPES_APART.replace(
                '<xs:simpleType name="No">',
                '<xs:import namespace="urn:v" schemaLocation="b.xsd"/><xs:simpleType name="No">',
            ),
            "http://dms.invalid/b.xsd": _TYPES_APART.replace("urn:u", "urn:v").replace(
                '<xs:simpleType name="No">',
                '<xs:import namespace="urn:u" schemaLocation="a.xsd"/><xs:simpleType name="No">',
            ),
        },
        request=_SHORT,
    ),
    plain(
        "the encoding's schema imported and not used",
        documents=document(schema(TAKEN + GIVEN, ENCODING)),
    ),
    plain(
        "an import that was forgotten",
        documents=document(
            schema(_APART_TAKEN + GIVEN),
            _TYPES_APART.replace(' xmlns:xs="http://www.w3.org/2001/XMLSchema"', ""),
        ),
        request=_SHORT,
    ),
    plain(
        "xml:lang",
        documents=document(
            schema(
                TAKEN
                + element(
                    "MakeResponse",
                    '<xs:element name="number" type="xs:string"/>',
                    '<xs:attribute ref="xml:lang"/>',
                ),
                '<xs:import namespace="http://www.w3.org/XML/1998/namespace"/>',
            )
        ),
        answer='<MakeResponse xmlns="urn:t" xml:lang="zh"><number>D1</number></MakeResponse>',
    ),
    plain(
        "a substitution group of another namespace",
        documents=document(
            schema(
                '<xs:element name="document" type="xs:string" abstract="true"/>'
                + TAKEN
                + element("MakeResponse", '<xs:element ref="t:document"/>')
            ),
            '<xs:schema targetNamespace="urn:u"><xs:import namespace="urn:t"/>'
            '<xs:element name="paper" type="xs:string" substitutionGroup="t:document"/>'
            "</xs:schema>",
        ),
        answer='<MakeResponse xmlns="urn:t"><paper xmlns="urn:u">D1</paper></MakeResponse>',
        number="paper",
    ),
]
