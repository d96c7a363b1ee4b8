"""`document`: document/literal, HTTP's basic authentication, and no way to find an order again."""

from __future__ import annotations

import base64
import hmac

from lxml import etree

from connector.sandbox.dms import DmsApplication, contract
from connector.sandbox.dms_soap import Message, SoapError
from connector.sandbox.web import Request, Response

_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
_LACKING = frozenset({"FindSalesOrder", "AmendSalesOrder"})


class DocumentDms(DmsApplication):
    """A DMS that cannot be asked for what it holds under our number."""

    def wsdl(self) -> bytes:
        """Return the WSDL without the operations that this DMS lacks."""
        root = etree.fromstring(contract().wsdl)
        for operation in list(root.iter(f"{_WSDL}operation")):
            parent = operation.getparent()
            if operation.get("name") in _LACKING and parent is not None:
                parent.remove(operation)
        return etree.tostring(root, xml_declaration=True, encoding="UTF-8")

    def admit(self, request: Request, message: Message) -> None:
        """Let in who knows user and password."""
        right = base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        given = str(request.headers.get("Authorization") or "")
        if not hmac.compare_digest(given, f"Basic {right}"):
            raise SoapError("Client", "user or password is wrong", 401)

    def answer(self, request: Request, message: Message) -> Response:
        """Answer what this DMS has."""
        name = etree.QName(message.payload).localname
        if name in _LACKING:
            raise SoapError("Client", f"there is no operation {name}")
        return super().answer(request, message)
