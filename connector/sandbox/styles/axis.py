"""`axis`: RPC/encoded as Axis 1 serves it, with beans, arrays and references.

A WSDL of encoded types, parameters without names (`in0`), answers whose beans and numbers stand in
`multiRef` elements beside the answer, HTTP's basic authentication, and faults that are the text of
a Java exception: one of a business exception refuses, any other may come after the work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lxml import etree

from connector.sandbox import dms_soap as soap
from connector.sandbox.dms_operations import OPERATIONS, BusinessError
from connector.sandbox.dms_soap import SOAP11, Message, SoapError
from connector.sandbox.styles.document import DocumentDms
from connector.sandbox.styles.words import GIVEN, TAKEN, renamed
from connector.sandbox.web import Request, Response

NAMESPACE = "urn:dms:axis"
_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_XSD = "http://www.w3.org/2001/XMLSchema"
_AXIS = "http://xml.apache.org/axis/"
# Beans: field → type. `X[]` is an array; what is no bean is a simple type of the encoding.
BEANS: dict[str, dict[str, str]] = {
    "Receiver": dict.fromkeys(("name", "tel", "prov", "city", "addr", "zip"), "string"),
    "Entry": {
        "line": "int", "part": "string", "desc": "string", "qty": "decimal", "uom": "string",
        "price": "decimal", "amt": "decimal", "disc": "decimal",
    },
    "Head": {
        "extNo": "string", "bu": "string", "cust": "string", "date": "string", "curr": "string",
        "receiver": "Receiver", "invType": "string", "memo": "string", "fee": "decimal",
        "entry": "Entry[]", "sum": "decimal",
    },
    "Quantity": {"line": "int", "qty": "decimal"},
    "NoteRequest": {"code": "string", "ref": "string", "plant": "string", "entry": "Quantity[]"},
    "InvoiceRequest": {
        "code": "string", "ref": "string", "kind": "string", "title": "string",
        "taxCode": "string", "mail": "string", "tel": "string", "amt": "decimal",
    },
    "ReturnRequest": {"code": "string", "ref": "string", "entry": "Quantity[]", "reason": "string"},
    "Note": {"note": "string", "ref": "string", "entry": "Quantity[]"},
    "Application": {"app": "string", "ref": "string", "amt": "decimal"},
    "Return": {"ret": "string", "ref": "string", "receivedOn": "dateTime", "entry": "Quantity[]"},
    "Shipment": {
        "note": "string", "carrier": "string", "waybill": "string", "shippedOn": "dateTime",
        "entry": "Quantity[]",
    },
    "Invoice": {
        "app": "string", "invoiceCode": "string", "invNo": "string", "kind": "string",
        "date": "string", "net": "decimal", "tax": "decimal", "gross": "decimal", "url": "string",
        "red": "boolean", "original": "string", "ret": "string",
    },
    "Order": {
        "code": "string", "extNo": "string", "state": "string", "createdAt": "dateTime",
        "changedAt": "dateTime", "body": "Head", "notes": "Note[]", "apps": "Application[]",
        "ship": "Shipment[]", "inv": "Invoice[]", "returns": "Return[]",
    },
}  # fmt: skip
# Method → its parameters, what it returns, the sandbox's operation.
METHODS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "addOrder": (("Head",), "string", "CreateSalesOrder"),
    "queryOrder": (("string[]", "string"), "Order[]", "FindSalesOrder"),
    "cancelOrder": (("string", "string"), "string", "CancelSalesOrder"),
    "addNote": (("NoteRequest",), "string", "CreateDeliveryNote"),
    "applyInvoice": (("InvoiceRequest",), "string", "ApplyForInvoice"),
    "addReturn": (("ReturnRequest",), "string", "RegisterReturn"),
}
# What each writing operation gives is the number alone.
_NUMBERS = ("orderNumber", "deliveryNoteNumber", "applicationNumber", "returnNumber")


class AxisDms(DocumentDms):
    """A DMS of beans."""

    def wsdl(self) -> bytes:
        """Return a WSDL as Axis makes it of Java classes."""
        return _wsdl().encode()

    def operation(self, request: Request) -> tuple[str, bool]:
        """Name the method, and say whether it writes."""
        if request.method != "POST":
            return super().operation(request)
        try:
            name = etree.QName(soap.read_envelope(request).payload).localname
        except SoapError:
            return "", False
        return name, name in METHODS and OPERATIONS[METHODS[name][2]].writes

    def answer(self, request: Request, message: Message) -> Response:
        """Call a method."""
        name = etree.QName(message.payload).localname
        if name not in METHODS:
            raise SoapError("Client", f"No such operation '{name}'")
        parameters, returned, operation = METHODS[name]
        try:
            given = [
                _read(message.payload.find(f"in{place}"), kind)
                for place, kind in enumerate(parameters)
            ]
            done = self.do(operation, renamed(_asked(name, given), TAKEN))
        except BusinessError as error:
            return self.refuse(request, error.code, error.message)
        number = next((done[each] for each in _NUMBERS if each in done), None)
        value = number if returned == "string" else renamed(done["orders"], GIVEN)
        return _Answer(name, returned).of(value)

    def refuse(self, request: Request, code: str, text: str) -> Response:
        """Throw a business exception."""
        words = f"com.dms.BusinessException: {code}: {text}"
        detail = etree.Element(f"{{{_AXIS}}}hostname", nsmap={"ns1": _AXIS})
        detail.text = "dms-01"
        return soap.fault(SOAP11, SoapError("Server.userException", words), detail)


def _asked(name: str, given: list[Any]) -> dict[str, Any]:
    if name == "addOrder":
        return {"head": given[0]}
    if name == "queryOrder":
        first, *others = given[0]
        asked = {"extNo": first, "moreNo": others, "bu": given[1]}
        return {key: value for key, value in asked.items() if value}
    if name == "cancelOrder":
        return {"code": given[0], "reason": given[1]}
    return dict(given[0])


def _read(element: etree._Element | None, kind: str) -> Any:
    """Return a bean as a dictionary without what is null, an array as a list."""
    if element is None or element.get(f"{{{_XSI}}}nil") in ("true", "1"):
        return None
    if kind.endswith("[]"):
        return [_read(each, kind.removesuffix("[]")) for each in element]
    if kind not in BEANS:
        return element.text or ""
    fields = {name: _read(element.find(name), each) for name, each in BEANS[kind].items()}
    return {name: each for name, each in fields.items() if each is not None}


class _Answer:
    """Writes an answer as Axis does: beans and boxed numbers are referred to."""

    def __init__(self, method: str, kind: str) -> None:
        names: Any = {
            "soapenv": SOAP11.namespace, "soapenc": _ENCODING, "xsd": _XSD, "xsi": _XSI,
            "ns1": NAMESPACE,
        }  # fmt: skip
        self._envelope = etree.Element(SOAP11.tag("Envelope"), nsmap=names)
        self._body = etree.SubElement(self._envelope, SOAP11.tag("Body"))
        self._whole = etree.SubElement(self._body, f"{{{NAMESPACE}}}{method}Response")
        self._whole.set(SOAP11.tag("encodingStyle"), _ENCODING)
        self._name, self._kind, self._count = f"{method}Return", kind, 0

    def of(self, value: Any) -> Response:
        """Return the answer with what the method returns."""
        self._write(self._whole, self._name, self._kind, value)
        return soap.send(SOAP11, self._envelope)

    def _write(self, parent: etree._Element, name: str, kind: str, value: Any) -> None:
        element = etree.SubElement(parent, name)
        if kind.endswith("[]"):
            self._array(element, name, kind.removesuffix("[]"), value or [])
        elif value is None:
            element.set(f"{{{_XSI}}}type", _prefixed(kind))
            element.set(f"{{{_XSI}}}nil", "true")
        elif kind in BEANS or kind == "decimal":
            self._refer(element, kind, value)
        else:
            self._fill(element, kind, value)

    def _array(self, element: etree._Element, name: str, kind: str, values: list[Any]) -> None:
        element.set(f"{{{_ENCODING}}}arrayType", f"{_prefixed(kind)}[{len(values)}]")
        element.set(f"{{{_XSI}}}type", "soapenc:Array")
        for each in values:
            self._write(element, name, kind, each)

    def _refer(self, element: etree._Element, kind: str, value: Any) -> None:
        identity = f"id{self._count}"
        self._count += 1
        element.set("href", f"#{identity}")
        referred = etree.SubElement(self._body, "multiRef", {"id": identity})
        referred.set(f"{{{_ENCODING}}}root", "0")
        referred.set(SOAP11.tag("encodingStyle"), _ENCODING)
        self._fill(referred, kind, value)

    def _fill(self, element: etree._Element, kind: str, value: Any) -> None:
        element.set(f"{{{_XSI}}}type", _prefixed(kind))
        if kind in BEANS:
            held: Mapping[str, Any] = value
            for name, each in BEANS[kind].items():
                self._write(element, name, each, held.get(name))
        else:
            element.text = str(value).lower() if isinstance(value, bool) else str(value)


def _prefixed(kind: str) -> str:
    """Return the qualified name of a type in a WSDL or an answer."""
    if kind.endswith("[]"):
        inner = kind.removesuffix("[]")
        return f"ns1:ArrayOf_{_prefixed(inner).replace(':', '_')}"
    if kind in BEANS:
        return f"ns1:{kind}"
    return f"xsd:{kind}" if kind in ("int", "boolean", "dateTime") else f"soapenc:{kind}"


def _wsdl() -> str:
    used = {each for bean in BEANS.values() for each in bean.values()}
    used |= {each for given, returned, _ in METHODS.values() for each in (*given, returned)}
    types = "".join(
        f'<complexType name="{name}"><sequence>'
        + "".join(
            f'<element name="{each}" nillable="true" type="{_prefixed(kind)}"/>'
            for each, kind in fields.items()
        )
        + "</sequence></complexType>"
        for name, fields in BEANS.items()
    )
    types += "".join(
        f'<complexType name="{_prefixed(kind).removeprefix("ns1:")}"><complexContent>'
        '<restriction base="soapenc:Array"><attribute ref="soapenc:arrayType"'
        f' wsdl:arrayType="{_prefixed(kind.removesuffix("[]"))}[]"/></restriction>'
        "</complexContent></complexType>"
        for kind in sorted(used)
        if kind.endswith("[]")
    )
    messages = operations = bound = ""
    body = f'<wsdlsoap:body encodingStyle="{_ENCODING}" namespace="{NAMESPACE}" use="encoded"/>'
    for name, (given, returned, _) in METHODS.items():
        parts = "".join(
            f'<wsdl:part name="in{place}" type="{_prefixed(kind)}"/>'
            for place, kind in enumerate(given)
        )
        messages += (
            f'<wsdl:message name="{name}Request">{parts}</wsdl:message>'
            f'<wsdl:message name="{name}Response"><wsdl:part name="{name}Return"'
            f' type="{_prefixed(returned)}"/></wsdl:message>'
        )
        operations += (
            f'<wsdl:operation name="{name}"><wsdl:input message="ns1:{name}Request"/>'
            f'<wsdl:output message="ns1:{name}Response"/></wsdl:operation>'
        )
        bound += (
            f'<wsdl:operation name="{name}"><wsdlsoap:operation soapAction=""/>'
            f"<wsdl:input>{body}</wsdl:input><wsdl:output>{body}</wsdl:output></wsdl:operation>"
        )
    return _DEFINITIONS.format(types=types, messages=messages, operations=operations, bound=bound)


_DEFINITIONS = f"""<?xml version="1.0" encoding="UTF-8"?>
<wsdl:definitions targetNamespace="{NAMESPACE}" xmlns:ns1="{NAMESPACE}" xmlns:xsd="{_XSD}"
    xmlns:soapenc="{_ENCODING}" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"
    xmlns:wsdlsoap="http://schemas.xmlsoap.org/wsdl/soap/">
  <wsdl:types><schema targetNamespace="{NAMESPACE}" xmlns="{_XSD}">
    <import namespace="{_ENCODING}"/>{{types}}
  </schema></wsdl:types>
  {{messages}}
  <wsdl:portType name="DmsService">{{operations}}</wsdl:portType>
  <wsdl:binding name="DmsSoapBinding" type="ns1:DmsService">
    <wsdlsoap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http"/>{{bound}}
  </wsdl:binding>
  <wsdl:service name="DmsServiceService">
    <wsdl:port binding="ns1:DmsSoapBinding" name="Dms">
      <wsdlsoap:address location="http://localhost/dms/service"/>
    </wsdl:port>
  </wsdl:service>
</wsdl:definitions>
"""
