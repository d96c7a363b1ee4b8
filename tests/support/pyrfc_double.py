"""A double of pyrfc's `Connection` for a machine without SAP's SDK.

It checks arguments as pyrfc does, raises pyrfc's own exceptions, gives pyrfc's types back, and
forwards every call to the sandbox in one stateful session per connection.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pyrfc
import requests
from lxml import etree

from connector.sandbox.sap_interfaces import INTERFACES, STRUCTURES, Field
from connector.sandbox.sap_interfaces import Parameter as Described

_ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
_RFC = "urn:sap-com:document:sap:rfc:functions"
_TYPES = {"C": "CHAR", "N": "NUM", "D": "DATE", "P": "BCD", "I": "INT"}
_DIRECTIONS = {"I": "RFC_IMPORT", "E": "RFC_EXPORT", "T": "RFC_TABLES"}


class Connection:
    """What pyrfc.Connection is to its callers. `url` stands where a host would."""

    opened = 0

    def __init__(self, config: dict[str, Any] | None = None, **params: str) -> None:
        unknown = set(params) - {"url", "client", "user", "passwd", "lang", "ashost", "sysnr"}
        if unknown:
            raise _external("RFC_INVALID_PARAMETER", f"unknown parameter {sorted(unknown)}")
        self._url, self._client = params["url"], params["client"]
        self._timeout = (config or {}).get("timeout", 60)
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.auth = (params["user"], params["passwd"])
        self._inside = False
        self.alive = True
        Connection.opened += 1
        try:
            self._post("RFC_PING", {})
        except pyrfc.ABAPRuntimeError as error:
            raise pyrfc.CommunicationError("partner not reached") from error

    def ping(self) -> None:
        self._post("RFC_PING", {})

    def close(self) -> None:
        if self.alive and self._inside:
            self.alive = False
            try:
                self._send("BAPI_TRANSACTION_ROLLBACK", {}, {"sap-sessioncmd": "close"})
            except requests.RequestException:
                pass
        self._http.close()

    def get_function_description(self, func_name: str) -> Any:
        interface = self._interface(func_name)
        return SimpleNamespace(parameters=[_described(each) for each in interface])

    def call(self, func_name: str, options: Any = None, **params: Any) -> dict[str, Any]:
        if not self.alive:
            raise _external("RFC_INVALID_HANDLE", "the connection is closed")
        interface = {each.name: each for each in self._interface(func_name)}
        for name, value in params.items():
            if name not in interface:
                raise _external("RFC_INVALID_PARAMETER", f"field '{name}' not found")
            _checked(interface[name], value)
        tables: dict[str, Any] = {each.name: [] for each in interface.values() if each.kind == "T"}
        answer = self._post(func_name, {**tables, **params})
        return {name: _typed(interface[name], answer[name]) for name in answer if name in interface}

    def _interface(self, function: str) -> tuple[Described, ...]:
        try:
            return INTERFACES[function]
        except KeyError:
            raise pyrfc.ABAPApplicationError(
                "ID:FL Type:E Number:046", code=5, key="FU_NOT_FOUND"
            ) from None

    def _post(self, function: str, params: dict[str, Any]) -> dict[str, Any]:
        headers = {} if self._inside else {"sap-sessioncmd": "open"}
        try:
            response = self._send(function, params, headers)
        except requests.ReadTimeout:
            self.alive = False
            raise _external("RFC_CANCELED", "the call was cancelled") from None
        except requests.RequestException:
            self.alive = False
            raise pyrfc.CommunicationError(
                "connection to partner broken", code=1, key="RFC_COMMUNICATION_FAILURE"
            ) from None
        self._inside = True
        if response.status_code == 401:
            raise pyrfc.LogonError(response.text)
        try:
            document = etree.fromstring(response.content)
        except etree.XMLSyntaxError:
            self.alive = False
            raise pyrfc.CommunicationError(
                "garbled", code=1, key="RFC_COMMUNICATION_FAILURE"
            ) from None
        fault = document.findtext(f".//{_ENVELOPE}Fault/faultstring")
        if fault is not None:
            key = fault.rpartition(":")[2].strip()
            if key == function:
                key = "FU_NOT_FOUND"
            raise pyrfc.ABAPApplicationError(fault, code=5, key=key)
        body = document.find(f"{_ENVELOPE}Body")
        assert body is not None
        return {str(etree.QName(each).localname): _plain(each) for each in body[0]}

    def _send(
        self, function: str, params: dict[str, Any], headers: dict[str, str]
    ) -> requests.Response:
        envelope = etree.Element(f"{_ENVELOPE}Envelope")
        body = etree.SubElement(envelope, f"{_ENVELOPE}Body")
        root = etree.SubElement(body, f"{{{_RFC}}}{function}")
        for name, value in params.items():
            _write(root, name, value)
        response = self._http.post(
            self._url,
            params={"sap-client": self._client},
            data=etree.tostring(envelope, encoding="utf-8"),
            headers={"Content-Type": "text/xml; charset=utf-8", **headers},
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


def _checked(parameter: Described, value: Any) -> None:
    if parameter.kind == "T":
        if not isinstance(value, list):
            raise TypeError(f"table {parameter.name} requires list")
        for row in value:
            _structure(parameter, row)
    elif parameter.scalar is None:
        _structure(parameter, value)
    else:
        _scalar(parameter.scalar, value)


def _structure(parameter: Described, value: Any) -> None:
    if not isinstance(value, dict):
        raise TypeError(f"{parameter.name} requires dictionary")
    fields = {field.name: field for field in STRUCTURES[parameter.structure]}
    for name, each in value.items():
        if name not in fields:
            raise _external("RFC_INVALID_PARAMETER", f"field '{name}' not found")
        _scalar(fields[name], each)


def _scalar(field: Field, value: Any) -> None:
    if field.kind in "CND":
        if not isinstance(value, str):
            raise TypeError(f"an string is required for {field.name}, received {type(value)}")
        if len(value) > field.length:
            raise _external("RFC_BUFFER_TOO_SMALL", f"field '{field.name}' too long")
    elif field.kind == "P" and not isinstance(value, Decimal | int | str):
        raise TypeError(f"a decimal is required for {field.name}")
    elif field.kind == "I" and not isinstance(value, int):
        raise TypeError(f"an integer is required for {field.name}")


def _typed(parameter: Described, value: Any) -> Any:
    if parameter.scalar is not None:
        return _given(parameter.scalar, value)
    fields = {field.name: field for field in STRUCTURES[parameter.structure]}
    if parameter.kind == "T":
        return [_row(fields, row) for row in value or []]
    return _row(fields, value if isinstance(value, dict) else {})


def _row(fields: dict[str, Field], row: dict[str, Any]) -> dict[str, Any]:
    return {name: _given(field, row.get(name, "")) for name, field in fields.items()}


def _given(field: Field, value: Any) -> Any:
    if field.kind == "P":
        return Decimal(value or 0)
    if field.kind == "I":
        return int(value or 0)
    if field.kind == "D":
        return str(value).replace("-", "")
    # pyrfc strips what stands behind (its `rstrip` is on by default).
    return str(value).rstrip()


def _described(parameter: Described) -> dict[str, Any]:
    scalar = parameter.scalar
    return {
        "name": parameter.name,
        "parameter_type": "RFCTYPE_TABLE"
        if parameter.kind == "T"
        else "RFCTYPE_STRUCTURE"
        if scalar is None
        else f"RFCTYPE_{_TYPES[scalar.kind]}",
        "direction": _DIRECTIONS[parameter.kind],
        "nuc_length": scalar.length if scalar else 0,
        "uc_length": 2 * scalar.length if scalar else 0,
        "decimals": scalar.decimals if scalar else 0,
        "optional": parameter.optional,
        "type_description": None
        if scalar
        else SimpleNamespace(
            name=parameter.structure,
            fields=[
                {
                    "name": field.name,
                    "field_type": f"RFCTYPE_{_TYPES[field.kind]}",
                    "nuc_length": field.length,
                    "uc_length": 2 * field.length,
                    "decimals": field.decimals,
                }
                for field in STRUCTURES[parameter.structure]
            ],
        ),
    }


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
