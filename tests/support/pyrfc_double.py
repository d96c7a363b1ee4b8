"""A double of pyrfc's `Connection` for a machine without SAP's SDK.

It checks arguments as pyrfc does, raises pyrfc's own exceptions, gives pyrfc's types back, and
forwards every call to the sandbox in one stateful session per connection. As with the real one, a
link that breaks is opened anew within the call (a refused logon then takes the place of the first
error), too long a text is cut without a word, and an initial date is empty.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, ClassVar

import pyrfc
import requests
from lxml import etree

from connector.sandbox.sap_interfaces import INTERFACES, STRUCTURES, Field
from connector.sandbox.sap_interfaces import Parameter as Described

_ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
_RFC = "urn:sap-com:document:sap:rfc:functions"
_TYPES = {
    "C": "CHAR", "N": "NUM", "D": "DATE", "P": "BCD", "I": "INT", "u": "STRUCTURE", "h": "TABLE",
}  # fmt: skip
_DIRECTIONS = {"I": "RFC_IMPORT", "E": "RFC_EXPORT", "T": "RFC_TABLES"}


class Connection:
    """What pyrfc.Connection is to its callers.

    `places` are the addresses behind the hosts and message servers that there are; `url` stands
    where a host would. `given` are the parameters of the last connection.
    """

    opened = 0
    places: ClassVar[dict[str, str]] = {}
    given: ClassVar[dict[str, str]] = {}

    def __init__(self, config: dict[str, Any] | None = None, **params: str) -> None:
        # The library leaves out what it does not know.
        host = params.get("ashost") or params.get("mshost") or params.get("wshost") or ""
        self._url, self._client = params.get("url") or self.places[host], params["client"]
        self._timeout = (config or {}).get("timeout", 60)
        self._auth = (params["user"], params["passwd"])
        Connection.given = dict(params)
        self._described: set[str] = set()
        Connection.opened += 1
        self._log_on()

    def _log_on(self) -> None:
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.auth = self._auth
        self.alive = False
        try:
            response = self._send("RFC_PING", {}, "1")
        except requests.RequestException:
            raise _communication("partner not reached") from None
        if response.status_code == 401:
            raise pyrfc.LogonError(response.text)
        self.alive = True

    def _log_on_again(self, error: Exception) -> Exception:
        """Return the error of a call whose link is gone, once there is another link."""
        self._http.close()
        self._log_on()
        return error

    def ping(self) -> None:
        self._post("RFC_PING", {})

    def close(self) -> None:
        if self.alive:
            self.alive = False
            try:
                self._send("BAPI_TRANSACTION_ROLLBACK", {}, "2")
            except requests.RequestException:
                pass
        self._http.close()

    def get_function_description(self, func_name: str) -> Any:
        interface = self._interface(func_name)
        return SimpleNamespace(parameters=[described(each) for each in interface])

    def call(self, func_name: str, options: Any = None, **params: Any) -> dict[str, Any]:
        if not self.alive:
            raise _external("RFC_INVALID_HANDLE", "the connection is closed")
        interface = {each.name: each for each in self._interface(func_name)}
        sent = {}
        for name, value in params.items():
            if name not in interface:
                raise _external("RFC_INVALID_PARAMETER", f"field '{name}' not found")
            sent[name] = _taken(interface[name], value)
        tables: dict[str, Any] = {each.name: [] for each in interface.values() if each.kind == "T"}
        answer = self._post(func_name, {**tables, **sent})
        return {name: _typed(interface[name], answer[name]) for name in answer if name in interface}

    def _interface(self, function: str) -> tuple[Described, ...]:
        """The SDK asks SAP's dictionary before it calls anything, and keeps what it was told."""
        if function not in self._described and function not in ("RFC_PING", "STFC_CONNECTION"):
            self._post("RFC_GET_FUNCTION_INTERFACE", {"FUNCNAME": function})
            self._described.add(function)
        try:
            return INTERFACES[function]
        except KeyError:
            raise pyrfc.ABAPApplicationError(
                "ID:FL Type:E Number:046", code=5, key="FU_NOT_FOUND"
            ) from None

    def _post(self, function: str, params: dict[str, Any]) -> dict[str, Any]:
        try:
            response = self._send(function, params)
        except requests.ReadTimeout:
            cancelled = _external("RFC_CANCELED", "the call was cancelled")
            raise self._log_on_again(cancelled) from None
        except requests.RequestException:
            broken = _communication("connection to partner broken")
            raise self._log_on_again(broken) from None
        if response.status_code == 401:
            raise pyrfc.LogonError(response.text)
        try:
            document = etree.fromstring(response.content)
        except etree.XMLSyntaxError:
            raise self._log_on_again(_communication("garbled")) from None
        fault = document.findtext(f".//{_ENVELOPE}Fault/faultstring")
        if fault is not None:
            key = fault.rpartition(":")[2].strip()
            if key == function:
                key = "FU_NOT_FOUND"
            message = document.find(".//Message")
            if message is not None:
                raise self._log_on_again(
                    pyrfc.ABAPRuntimeError(
                        fault,
                        code=4,
                        key="RFC_ABAP_MESSAGE",
                        msg_class=message.findtext("ID"),
                        msg_type=message.findtext("Type"),
                        msg_number=message.findtext("Number"),
                    )
                )
            raise pyrfc.ABAPApplicationError(fault, code=5, key=key)
        body = document.find(f"{_ENVELOPE}Body")
        assert body is not None
        return {str(etree.QName(each).localname): _plain(each) for each in body[0]}

    def _send(
        self, function: str, params: dict[str, Any], session_mode: str = ""
    ) -> requests.Response:
        envelope = etree.Element(f"{_ENVELOPE}Envelope")
        body = etree.SubElement(envelope, f"{_ENVELOPE}Body")
        root = etree.SubElement(body, f"{{{_RFC}}}{function.replace('/', '_-')}")
        for name, value in params.items():
            _write(root, name, value)
        response = self._http.post(
            self._url,
            params={"sap-client": self._client, "session_mode": session_mode},
            data=etree.tostring(envelope, encoding="utf-8"),
            headers={"Content-Type": "text/xml; charset=utf-8"},
            timeout=(60, self._timeout),
        )
        if response.status_code == 503 or (
            response.status_code >= 500 and b"Fault" not in response.content
        ):
            raise requests.ConnectionError(f"HTTP {response.status_code}")
        return response


def _external(key: str, text: str) -> Exception:
    error: Exception = pyrfc.ExternalRuntimeError(text, code=20, key=key)
    return error


def _communication(text: str) -> Exception:
    error: Exception = pyrfc.CommunicationError(text, code=1, key="RFC_COMMUNICATION_FAILURE")
    return error


def _taken(parameter: Described, value: Any) -> Any:
    """Return what the SDK takes of a value."""
    if parameter.is_table:
        if not isinstance(value, list):
            raise TypeError(f"table {parameter.name} requires list")
        return [_structure(parameter.structure, row) for row in value]
    if parameter.scalar is None:
        return _structure(parameter.structure, value)
    return _scalar(parameter.scalar, value)


def _structure(structure: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{structure} requires dictionary")
    fields = {field.name: field for field in STRUCTURES[structure]}
    for name in value:
        if name not in fields:
            raise _external("RFC_INVALID_PARAMETER", f"field '{name}' not found")
    return {name: _scalar(fields[name], each) for name, each in value.items()}


def _scalar(field: Field, value: Any) -> Any:
    if field.kind == "u":
        return _structure(field.parts, value)
    if field.kind == "h":
        if not isinstance(value, list):
            raise TypeError(f"table {field.name} requires list")
        return [_structure(field.parts, row) for row in value]
    if field.kind in "CND":
        if not isinstance(value, str):
            raise TypeError(f"an string is required for {field.name}, received {type(value)}")
        return value[: field.length]
    if field.kind == "P" and not isinstance(value, Decimal | int | str):
        raise TypeError(f"a decimal is required for {field.name}")
    if field.kind == "I" and not isinstance(value, int):
        raise TypeError(f"an integer is required for {field.name}")
    return value


def _typed(parameter: Described, value: Any) -> Any:
    if parameter.scalar is not None:
        return _given(parameter.scalar, value)
    if parameter.is_table:
        return [_row(parameter.structure, row) for row in value or []]
    return _row(parameter.structure, value)


def _row(structure: str, row: Any) -> dict[str, Any]:
    """Every field is there, whether SAP sent it or not."""
    given = row if isinstance(row, dict) else {}
    return {each.name: _given(each, given.get(each.name, "")) for each in STRUCTURES[structure]}


def _given(field: Field, value: Any) -> Any:
    if field.kind == "u":
        return _row(field.parts, value)
    if field.kind == "h":
        return [_row(field.parts, row) for row in value or []]
    if field.kind == "P":
        return Decimal(value or 0)
    if field.kind == "I":
        return int(value or 0)
    if field.kind == "D":
        day = str(value).replace("-", "")
        return day if day.strip("0") else ""
    # pyrfc strips what stands behind (its `rstrip` is on by default).
    return str(value).rstrip()


def _bytes(field: Field) -> int:
    """Return a field's length outside Unicode: a packed number has two digits a byte."""
    return field.length // 2 + 1 if field.kind == "P" else field.length


def described(parameter: Described) -> dict[str, Any]:
    scalar = parameter.scalar
    return {
        "name": parameter.name,
        "parameter_type": "RFCTYPE_TABLE"
        if parameter.is_table
        else "RFCTYPE_STRUCTURE"
        if scalar is None
        else f"RFCTYPE_{_TYPES[scalar.kind]}",
        "direction": _DIRECTIONS[parameter.kind],
        "nuc_length": _bytes(scalar) if scalar else 0,
        "uc_length": 2 * scalar.length if scalar else 0,
        "decimals": scalar.decimals if scalar else 0,
        "optional": parameter.optional,
        "type_description": None if scalar else _type(parameter.structure),
    }


def _type(structure: str) -> Any:
    """Return the description of a structure; a part that has parts has a description itself."""
    return SimpleNamespace(
        name=structure,
        fields=[
            {
                "name": field.name,
                "field_type": f"RFCTYPE_{_TYPES[field.kind]}",
                "nuc_length": _bytes(field) or 8,
                "uc_length": 2 * field.length or 8,
                "decimals": field.decimals,
                "type_description": _type(field.parts) if field.parts else None,
            }
            for field in STRUCTURES[structure]
        ],
    )


def _write(parent: etree._Element, name: str, value: Any) -> None:
    element = etree.SubElement(parent, name)
    if isinstance(value, dict):
        for key, each in value.items():
            _write(element, key, each)
    elif isinstance(value, list):
        for row in value:
            _write(element, "item", row)
    else:
        text = f"{value:%Y%m%d}" if isinstance(value, date) else str(value)
        element.text = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", " ", text)


def _plain(element: etree._Element) -> Any:
    children = [child for child in element if isinstance(child.tag, str)]
    if not children:
        return element.text or ""
    if all(etree.QName(child).localname == "item" for child in children):
        return [_plain(child) for child in children]
    return {str(etree.QName(child).localname): _plain(child) for child in children}
