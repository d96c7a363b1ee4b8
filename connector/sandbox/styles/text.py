"""`xml` and `json`: one operation takes the real message as a text and gives one back.

`xml` takes the name of what is asked for beside an XML text, and wants a key in a SOAP header.
`json` takes a JSON text alone, in which the token of a login stands. Both call things by names of
their own; their books are the sandbox's.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from lxml import etree

from connector.sandbox import dms_soap as soap
from connector.sandbox.dms import DmsApplication
from connector.sandbox.dms_operations import OPERATIONS, BusinessError
from connector.sandbox.dms_soap import Message, SoapError
from connector.sandbox.styles.words import GIVEN, TAKEN, renamed
from connector.sandbox.web import Request, Response

NAMESPACE = "urn:dms:exchange"
MAX_AGE = timedelta(minutes=30)
_TOKEN = "dms.token"
_LISTS = frozenset({"entry", "moreNo"})
METHODS = {
    "order.add": "CreateSalesOrder",
    "order.query": "FindSalesOrder",
    "order.cancel": "CancelSalesOrder",
    "note.add": "CreateDeliveryNote",
    "invoice.apply": "ApplyForInvoice",
    "return.add": "RegisterReturn",
}


class TextDms(DmsApplication):
    """What both have in common. `parameters` are those of the one operation."""

    operation_name = "process"
    parameters: tuple[str, ...] = ("data",)

    def wsdl(self) -> bytes:
        """Return a WSDL of one operation on texts."""
        element = '<xs:element name="{}" type="xs:string"/>'
        fields = "".join(element.format(each) for each in self.parameters)
        return _WSDL.format(name=self.operation_name, fields=fields).encode()

    def operation(self, request: Request) -> tuple[str, bool]:
        """Name what the text asks for, and say whether it writes."""
        if request.method == "POST":
            try:
                method, _ = self.asked(soap.read_envelope(request).payload)
            except (SoapError, BusinessError, ValueError, LookupError, TypeError):
                return self.operation_name, False
            name = METHODS.get(method)
            return method, name is not None and OPERATIONS[name].writes
        return super().operation(request)

    def admit(self, request: Request, message: Message) -> None:
        """Let in everybody: who calls is said elsewhere."""

    def asked(self, payload: etree._Element) -> tuple[str, dict[str, Any]]:
        """Return what is asked for, and the message."""
        raise NotImplementedError

    def said(self, code: str, words: str, answer: Mapping[str, Any]) -> str:
        """Return the text of an answer."""
        raise NotImplementedError

    def answer(self, request: Request, message: Message) -> Response:
        """Answer a text; refusals are answers too."""
        try:
            method, asked = self.asked(message.payload)
            if method not in METHODS:
                raise BusinessError("METHOD", f"there is no {method}")
            done = self.do(METHODS[method], renamed(asked, TAKEN))
            text = self.said("0", "成功", renamed(done, GIVEN))
        except BusinessError as error:
            text = self.said(error.code, error.message, {})
        except (ValueError, LookupError, TypeError) as error:
            text = self.said("MESSAGE", f"报文不正确: {type(error).__name__}", {})
        return self.reply(message, text)

    def reply(self, message: Message, text: str) -> Response:
        """Put a text into an envelope."""
        envelope, body = soap.new_envelope(message.version, NAMESPACE)
        answer = etree.SubElement(body, f"{{{NAMESPACE}}}{self.operation_name}Response")
        etree.SubElement(answer, f"{{{NAMESPACE}}}return").text = text
        return soap.send(message.version, envelope)

    def refuse(self, request: Request, code: str, text: str) -> Response:
        """Refuse in the words of this interface."""
        return self.reply(soap.read_envelope(request), self.said(code, text, {}))


class XmlDms(TextDms):
    """The name of what is asked for, and an XML text."""

    parameters = ("name", "data")

    def admit(self, request: Request, message: Message) -> None:
        """Let in who knows the key: the password, in the header `Auth/Key`."""
        given = [each.findtext(f"{{{NAMESPACE}}}Key") or "" for each in message.header]
        if not any(hmac.compare_digest(each, self._password) for each in given):
            raise SoapError("Client.Authentication", "the key is wrong")

    def asked(self, payload: etree._Element) -> tuple[str, dict[str, Any]]:
        """See `TextDms`."""
        name, data = (payload.findtext(f"{{{NAMESPACE}}}{each}") or "" for each in self.parameters)
        try:
            return name, _of_xml(etree.fromstring(data))
        except etree.XMLSyntaxError as error:
            raise ValueError(str(error)) from None

    def said(self, code: str, words: str, answer: Mapping[str, Any]) -> str:
        """See `TextDms`."""
        root = etree.Element("result")
        _to_xml(root, {"code": code, "message": soap.xml_text(words), "data": answer})
        return etree.tostring(root, encoding="unicode")


class JsonDms(TextDms):
    """A JSON text: token, method, data."""

    operation_name = "invoke"

    def asked(self, payload: etree._Element) -> tuple[str, dict[str, Any]]:
        """See `TextDms`."""
        whole = json.loads(payload.findtext(f"{{{NAMESPACE}}}data") or "")
        if whole["method"] != "login":
            session = self._desk.books.get(_TOKEN, str(whole.get("token")))
            now = self._desk.clock.now()
            if session is None or now - datetime.fromisoformat(session["at"]) > MAX_AGE:
                raise BusinessError("TOKEN", "令牌无效或已过期")
        return str(whole["method"]), _texts(whole["data"])

    def answer(self, request: Request, message: Message) -> Response:
        """Log on, or answer as the others do."""
        try:
            method, asked = self.asked(message.payload)
        except (BusinessError, ValueError, LookupError, TypeError):
            return super().answer(request, message)
        if method != "login":
            return super().answer(request, message)
        if (asked.get("user"), asked.get("password")) != (self._user, self._password):
            return self.reply(message, self.said("LOGIN", "用户名或密码错误", {}))
        token = secrets.token_hex(16)
        self._desk.books.put(_TOKEN, token, {"at": self._desk.clock.now().isoformat()})
        return self.reply(message, self.said("0", "成功", {"token": token}))

    def said(self, code: str, words: str, answer: Mapping[str, Any]) -> str:
        """See `TextDms`."""
        whole = {"code": code, "message": words, "data": answer}
        return json.dumps(whole, ensure_ascii=False)


def _texts(value: Any) -> Any:
    """Return a message with all values as texts, as the operations know them."""
    if isinstance(value, Mapping):
        return {name: _texts(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_texts(each) for each in value]
    return value if isinstance(value, str) else json.dumps(value)


def _of_xml(element: etree._Element) -> dict[str, Any]:
    found: dict[str, Any] = {str(name): str(value) for name, value in element.attrib.items()}
    for child in element:
        value = _of_xml(child) if len(child) or child.attrib else child.text or ""
        name = str(child.tag)
        if name in _LISTS:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def _to_xml(parent: etree._Element, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        for each in value if isinstance(value, list) else [value]:
            if each is None:
                continue
            child = etree.SubElement(parent, name)
            if isinstance(each, Mapping):
                _to_xml(child, each)
            else:
                child.text = str(each).lower() if isinstance(each, bool) else str(each)


_WSDL = """<?xml version="1.0" encoding="UTF-8"?>
<wsdl:definitions name="ExchangeService" targetNamespace="urn:dms:exchange"
    xmlns:tns="urn:dms:exchange" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"
    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <wsdl:types>
    <xs:schema targetNamespace="urn:dms:exchange" elementFormDefault="qualified">
      <xs:element name="{name}"><xs:complexType><xs:sequence>
        {fields}
      </xs:sequence></xs:complexType></xs:element>
      <xs:element name="{name}Response"><xs:complexType><xs:sequence>
        <xs:element name="return" type="xs:string" minOccurs="0"/>
      </xs:sequence></xs:complexType></xs:element>
    </xs:schema>
  </wsdl:types>
  <wsdl:message name="Request"><wsdl:part name="parameters" element="tns:{name}"/></wsdl:message>
  <wsdl:message name="Answer">
    <wsdl:part name="parameters" element="tns:{name}Response"/>
  </wsdl:message>
  <wsdl:portType name="Exchange">
    <wsdl:operation name="{name}">
      <wsdl:input message="tns:Request"/><wsdl:output message="tns:Answer"/>
    </wsdl:operation>
  </wsdl:portType>
  <wsdl:binding name="ExchangeSoap" type="tns:Exchange">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <wsdl:operation name="{name}">
      <soap:operation soapAction="urn:dms:exchange/{name}"/>
      <wsdl:input><soap:body use="literal"/></wsdl:input>
      <wsdl:output><soap:body use="literal"/></wsdl:output>
    </wsdl:operation>
  </wsdl:binding>
  <wsdl:service name="ExchangeService">
    <wsdl:port name="ExchangePort" binding="tns:ExchangeSoap">
      <soap:address location="http://localhost/dms/service"/>
    </wsdl:port>
  </wsdl:service>
</wsdl:definitions>
"""
