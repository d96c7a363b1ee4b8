"""`login`: a login gives a session, which each call carries in a SOAP header that no WSDL names.

A session is over after half an hour, and a call in it is refused by a faultcode of its own.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from lxml import etree

from connector.sandbox import dms_soap as soap
from connector.sandbox.dms import NAMESPACE, DmsApplication, contract
from connector.sandbox.dms_soap import Message, SoapError
from connector.sandbox.web import Request, Response

SESSION = "urn:dms:session"
MAX_AGE = timedelta(minutes=30)
_BOOK = "dms.session"
_TYPES = """
      <xs:element name="Login"><xs:complexType><xs:sequence>
        <xs:element name="user" type="xs:string"/>
        <xs:element name="password" type="xs:string"/>
        <xs:element name="accountBook" type="xs:string"/>
      </xs:sequence></xs:complexType></xs:element>
      <xs:element name="LoginResponse"><xs:complexType><xs:sequence>
        <xs:element name="success" type="xs:boolean"/>
        <xs:element name="sessionId" type="xs:string" minOccurs="0"/>
        <xs:element name="reason" type="xs:string" minOccurs="0"/>
      </xs:sequence></xs:complexType></xs:element>
"""
_MESSAGES = """
  <wsdl:message name="Login"><wsdl:part name="parameters" element="tns:Login"/></wsdl:message>
  <wsdl:message name="LoginResponse">
    <wsdl:part name="parameters" element="tns:LoginResponse"/>
  </wsdl:message>
"""
_OPERATION = """<wsdl:operation name="Login">
      <wsdl:input message="tns:Login"/><wsdl:output message="tns:LoginResponse"/>
    </wsdl:operation>
  </wsdl:portType>"""
_BOUND = """<wsdl:operation name="Login">
      <{0}:operation soapAction="urn:dms:sales:v1/Login" style="document"/>
      <wsdl:input><{0}:body use="literal"/></wsdl:input>
      <wsdl:output><{0}:body use="literal"/></wsdl:output>
    </wsdl:operation>
  </wsdl:binding>"""


class LoginDms(DmsApplication):
    """A DMS of sessions. `logins` counts how often somebody logged on."""

    logins = 0

    def wsdl(self) -> bytes:
        """Return the WSDL with the login."""
        text = contract().wsdl.decode()
        text = text.replace("</xs:schema>", f"{_TYPES}</xs:schema>", 1)
        text = text.replace("<wsdl:portType", f"{_MESSAGES}<wsdl:portType", 1)
        text = text.replace("</wsdl:portType>", _OPERATION, 1)
        first, second, rest = text.split("</wsdl:binding>")
        text = first + _BOUND.format("soap") + second + _BOUND.format("soap12") + rest
        return text.encode()

    def admit(self, request: Request, message: Message) -> None:
        """Let in a session that is not over, and who wants one."""
        if etree.QName(message.payload).localname == "Login":
            return
        given = [
            each.text or "" for each in message.header if each.tag == f"{{{SESSION}}}SessionId"
        ]
        session = self._desk.books.get(_BOOK, given[0]) if given else None
        now = self._desk.clock.now()
        if session is None or now - datetime.fromisoformat(session["at"]) > MAX_AGE:
            raise SoapError("Server.SessionTimeout", "会话已超时，请重新登录")

    def answer(self, request: Request, message: Message) -> Response:
        """Open a session, or do what is asked for in one."""
        if etree.QName(message.payload).localname != "Login":
            return super().answer(request, message)
        fields = {etree.QName(each).localname: each.text or "" for each in message.payload}
        envelope, body = soap.new_envelope(message.version, NAMESPACE)
        known = (fields.get("user"), fields.get("password")) == (self._user, self._password)
        answer: dict[str, object] = {"success": known}
        if known:
            self.logins += 1
            answer["sessionId"] = secrets.token_hex(16)
            opened = {"at": self._desk.clock.now().isoformat()}
            self._desk.books.put(_BOOK, str(answer["sessionId"]), opened)
        else:
            answer["reason"] = "用户名或密码错误"
        contract().write(body, "LoginResponse", answer)
        return soap.send(message.version, envelope)
