"""SAP over SOAP-RFC: the function modules over HTTP, no SDK needed.

POST to /sap/bc/soap/rfc (SICF service), basic authentication, SOAP 1.1. A stateful session is
opened by the header `sap-sessioncmd: open` and kept by the cookie `sap-contextid`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import requests
from lxml import etree
from requests.auth import HTTPBasicAuth
from urllib3.exceptions import NewConnectionError

from connector.errors import (
    ConnectorError,
    InDoubt,
    LogonFailed,
    MappingFailed,
    Misconfigured,
    Rejected,
    RetryLater,
)
from connector.sap.errors import logon_failed, lost, of_abap
from connector.sap.fitting import findings
from connector.sap.port import Answer, FieldType, Parameter, Parameters, SapSession
from connector.sap.returns import check

_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_RFC = "urn:sap-com:document:sap:rfc:functions"
_MC = "urn:sap-com:document:sap:soap:functions:mc-style"
# Tables that must be sent, if only empty, for SAP to fill and return them. Those of a function
# module that does not stand here are asked for.
_TABLES: Mapping[str, tuple[str, ...]] = {
    "RFC_READ_TABLE": ("OPTIONS", "FIELDS", "DATA"),
    "RFC_GET_FUNCTION_INTERFACE": ("PARAMS",),
    "DDIF_FIELDINFO_GET": ("DFIES_TAB",),
    "BAPI_MATERIAL_AVAILABILITY": ("WMDVSX", "WMDVEX"),
    "BAPI_TRANSACTION_COMMIT": (),
    "BAPI_TRANSACTION_ROLLBACK": (),
    "STFC_CONNECTION": (),
    "RFC_PING": (),
}
_CLASSES: Mapping[str, Literal["importing", "exporting", "changing", "tables"]] = {
    "I": "importing",
    "E": "exporting",
    "C": "changing",
    "T": "tables",
}
_LARGEST = 50_000_000


@dataclass(frozen=True)
class SoapSettings:
    """How to reach SAP over SOAP-RFC. `call_deadline` bounds one whole call."""

    url: str
    client: str
    user: str
    password: str = field(repr=False)
    language: str = "ZH"
    namespace_style: Literal["rfc", "mc"] = "rfc"
    ca_file: Path | None = None
    connect_timeout: float = 10
    read_timeout: float = 60
    call_deadline: float = 90
    sessions: int = 8


class SoapSap:
    """One SAP system over SOAP-RFC. At most `sessions` calls are under way at a time."""

    def __init__(self, settings: SoapSettings) -> None:
        self._settings = settings
        self._threads = threading.local()
        self._slots = threading.BoundedSemaphore(settings.sessions)
        self._refused: str | None = None
        self._described: dict[str, Mapping[str, Parameter]] = {}

    @contextmanager
    def session(self) -> Iterator[SapSession]:
        """See `SapSystem`."""
        with self._slot():
            session = _Session(self, _http(self._settings))
            try:
                yield session
            finally:
                session.close()

    def call(self, function: str, parameters: Parameters) -> Answer:
        """See `SapSystem`."""
        with self._slot():
            return self._read(function, parameters)

    def describe(self, function: str) -> Mapping[str, Parameter]:
        """See `SapSystem`."""
        if function not in self._described:
            # Without a slot: a session that holds one asks this before its first call.
            rows = self._read("RFC_GET_FUNCTION_INTERFACE", {"FUNCNAME": function})
            structures: dict[str, Mapping[str, FieldType]] = {}
            for name in {str(row["TABNAME"]) for row in rows.get("PARAMS") or []} - {""}:
                fields = self._read("DDIF_FIELDINFO_GET", {"TABNAME": name}).get("DFIES_TAB")
                structures[name] = {str(row["FIELDNAME"]): _field(row) for row in fields or []}
            self._described[function] = {
                str(row["PARAMETER"]): _parameter(row, structures)
                for row in rows.get("PARAMS") or []
                if str(row["PARAMCLASS"]) in _CLASSES
            }
        return self._described[function]

    def ping(self) -> str:
        """See `SapSystem`."""
        answer = self.call("STFC_CONNECTION", {"REQUTEXT": "connector"})
        return f"SAP answers: {str(answer.get('RESPTEXT', ''))[:60]}"

    def close(self) -> None:
        """See `SapSystem`."""

    def _read(self, function: str, parameters: Parameters) -> Answer:
        http: requests.Session | None = getattr(self._threads, "http", None)
        if http is None:
            http = self._threads.http = _http(self._settings)
        try:
            return self.post(http, function, parameters, {})
        except InDoubt as error:
            raise RetryLater(error.message, place=error.place) from None

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=self._settings.call_deadline):
            raise RetryLater("all SAP sessions are busy", place="SAP")
        try:
            yield
        finally:
            self._slots.release()

    def post(
        self,
        http: requests.Session,
        function: str,
        parameters: Parameters,
        headers: Mapping[str, str],
    ) -> Answer:
        """Send one call and return its answer; a lost one is InDoubt."""
        place = f"SAP {function}"
        if self._refused is not None:
            # A second refused logon could lock the user.
            raise LogonFailed(
                f"logon was refused before and is not tried again: {self._refused}",
                place=place,
                remedy="mend sap.user and CONNECTOR_SAP__PASSWORD, then restart",
            )
        tables = self._tables_of(function)
        body = request_xml(function, parameters, self._settings.namespace_style, tables)
        ends = time.monotonic() + self._settings.call_deadline
        try:
            response = http.post(
                self._settings.url,
                params={
                    "sap-client": self._settings.client,
                    "sap-language": self._settings.language,
                },
                data=body,
                headers={"Content-Type": "text/xml; charset=utf-8", "SOAPAction": "", **headers},
                timeout=(self._settings.connect_timeout, self._settings.read_timeout),
                allow_redirects=False,
                stream=True,
            )
            content = bytearray()
            with response:
                for chunk in response.iter_content(65_536):
                    content += chunk
                    if time.monotonic() > ends or len(content) > _LARGEST:
                        raise requests.ReadTimeout("the answer is too slow or too large")
        except requests.RequestException as error:
            raise _of_exception(error, place) from None
        try:
            return read_answer(response.status_code, bytes(content), function)
        except LogonFailed as error:
            self._refused = error.message
            raise

    def check_fit(self, function: str, parameters: Parameters) -> None:
        """Raise MappingFailed when a request does not fit; SAP would cut or ignore silently."""
        interface = {} if function in _TABLES else self._interface(function)
        unfit = findings(interface, parameters) if interface else []
        if unfit:
            raise MappingFailed(f"SAP {function}", unfit)

    def _tables_of(self, function: str) -> tuple[str, ...]:
        if function in _TABLES:
            return _TABLES[function]
        described = self._interface(function)
        return tuple(name for name, each in described.items() if each.direction == "tables")

    def _interface(self, function: str) -> Mapping[str, Parameter]:
        """Return the interface; nothing for a user who may not read it."""
        try:
            return self.describe(function)
        except Misconfigured as error:
            if "FU_NOT_FOUND" in error.message or isinstance(error, LogonFailed):
                raise
        except Rejected:
            pass
        self._described[function] = {}
        return {}


class _Session:
    def __init__(self, system: SoapSap, http: requests.Session) -> None:
        self._system = system
        self._http = http
        self._opened = False
        self._dirty = False

    def call(self, function: str, parameters: Parameters) -> Answer:
        self._system.check_fit(function, parameters)
        headers = {} if self._opened else {"sap-sessioncmd": "open"}
        answer = self._system.post(self._http, function, parameters, headers)
        self._opened = self._dirty = True
        return answer

    def commit(self) -> None:
        try:
            answer = self.call("BAPI_TRANSACTION_COMMIT", {"WAIT": "X"})
        except (RetryLater, Rejected) as error:
            # Whoever answered so may stand before SAP; a commit is never taken as not made.
            raise InDoubt(error.message, place=error.place) from None
        self._dirty = False
        check(answer, "BAPI_TRANSACTION_COMMIT")

    def rollback(self) -> None:
        self.call("BAPI_TRANSACTION_ROLLBACK", {})
        self._dirty = False

    def close(self) -> None:
        """End the session on the other side too, which rolls back what was not committed."""
        try:
            if self._opened:
                function = "BAPI_TRANSACTION_ROLLBACK" if self._dirty else "RFC_PING"
                self._system.post(self._http, function, {}, {"sap-sessioncmd": "close"})
        except ConnectorError:
            # SAP ends an abandoned session by itself and rolls it back.
            return
        finally:
            self._http.close()


def request_xml(
    function: str,
    parameters: Parameters,
    style: Literal["rfc", "mc"],
    tables: Sequence[str] = (),
) -> bytes:
    """Return the SOAP envelope of a call, with those `tables` empty that the parameters leave."""
    namespace = _RFC if style == "rfc" else _MC
    envelope = etree.Element(f"{{{_ENVELOPE}}}Envelope", nsmap={"soap": _ENVELOPE})
    body = etree.SubElement(envelope, f"{{{_ENVELOPE}}}Body")
    root = etree.SubElement(
        body, f"{{{namespace}}}{_name(function, style)}", nsmap={"rfc": namespace}
    )
    empty: dict[str, list[Any]] = {name: [] for name in tables if name not in parameters}
    for name, value in {**parameters, **empty}.items():
        _write(root, _name(name, style), value, style)
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")


def _write(parent: etree._Element, name: str, value: Any, style: Literal["rfc", "mc"]) -> None:
    element = etree.SubElement(parent, name)
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _write(element, _name(key, style), inner, style)
    elif isinstance(value, list | tuple):
        for row in value:
            _write(element, "item", row, style)
    elif value is not None:
        element.text = _text(value)


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bool):
        return "X" if value else ""
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    # What XML 1.0 cannot carry (controls, lone surrogates) would break the whole call.
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", " ", str(value))


def _name(name: str, style: Literal["rfc", "mc"]) -> str:
    if style == "rfc":
        return name.replace("/", "_-")
    return "".join(part.capitalize() for part in name.split("_"))


def read_answer(status: int, content: bytes, function: str) -> Answer:
    """Read an answer's envelope; types every error."""
    place = f"SAP {function}"
    if status == 401:
        raise logon_failed(_plain(content), place)
    if 300 <= status < 400 or status in (403, 404):
        raise Misconfigured(
            f"HTTP {status}",
            place=place,
            remedy="check sap.url, and in SICF that the service is active and permitted",
        )
    if status == 503:
        # The ICM answers so when it has no work process or session: nothing was begun.
        raise RetryLater("SAP has no free session", place=place)
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        document = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        raise InDoubt(f"HTTP {status}, the answer is unreadable", place=place) from None
    fault = document.find(f".//{{{_ENVELOPE}}}Fault")
    if fault is not None:
        raise _of_fault(fault, place)
    body = document.find(f"{{{_ENVELOPE}}}Body")
    if status != 200 or body is None or not len(body):
        raise InDoubt(f"HTTP {status} without an answer", place=place)
    return {_upper(child): _value(child) for child in body[0]}


def _of_fault(fault: etree._Element, place: str) -> ConnectorError:
    words = [text.strip() for text in fault.itertext() if isinstance(text, str) and text.strip()]
    said = fault.findtext("faultstring") or ""
    key = said.rpartition(":")[2].strip() or (words[0] if words else "fault")
    return of_abap(key, words, place)


def _plain(content: bytes) -> str:
    """Return the words of a page that stands instead of an answer, shortened."""
    text = re.sub(r"<[^>]*>", " ", content[:2000].decode("utf-8", "replace"))
    return " ".join(text.split())[:100]


def _value(element: etree._Element) -> Any:
    children = [child for child in element if isinstance(child.tag, str)]
    if not children:
        return element.text or ""
    if all(etree.QName(child).localname == "item" for child in children):
        return [_value(child) for child in children]
    return {_upper(child): _value(child) for child in children}


def _upper(element: etree._Element) -> str:
    name = str(etree.QName(element).localname)
    if name.upper() == name:
        return name.replace("_-", "/")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()


def _parameter(
    row: Mapping[str, Any], structures: Mapping[str, Mapping[str, FieldType]]
) -> Parameter:
    name, structure = str(row["PARAMETER"]), str(row["TABNAME"])
    return Parameter(
        name=name,
        direction=_CLASSES[str(row["PARAMCLASS"])],
        optional=str(row.get("OPTIONAL", "")) == "X",
        type=None
        if structure
        else FieldType(
            name, str(row["EXID"]), int(row.get("INTLENGTH") or 0), int(row.get("DECIMALS") or 0)
        ),
        fields=structures.get(structure, {}),
    )


def _field(row: Mapping[str, Any]) -> FieldType:
    return FieldType(
        str(row["FIELDNAME"]),
        str(row.get("INTTYPE") or "C"),
        int(row.get("LENG") or 0),
        int(row.get("DECIMALS") or 0),
    )


def _of_exception(error: requests.RequestException, place: str) -> ConnectorError:
    if isinstance(error, requests.exceptions.SSLError):
        return Misconfigured(
            "the certificate of SAP is not accepted", place=place, remedy="set sap.ca_file"
        )
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError):
        return RetryLater("cannot be reached", place=place)
    return lost(type(error).__name__, place)


def _http(settings: SoapSettings) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.auth = HTTPBasicAuth(settings.user.encode(), settings.password.encode())
    session.verify = str(settings.ca_file) if settings.ca_file else True
    return session
