"""SAP over SOAP-RFC: the function modules over HTTP, no SDK needed.

POST to /sap/bc/soap/rfc (SICF service), basic authentication, SOAP 1.1. A stateful session is
opened by the header `sap-sessioncmd: open` and kept by the cookie `sap-contextid`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from connector.errors import (
    ConnectorError,
    InDoubt,
    LogonFailed,
    MappingFailed,
    Misconfigured,
    Rejected,
    RetryLater,
    nothing_sent,
)
from connector.sap.envelope import Style, name_in, read_answer, request_xml
from connector.sap.errors import doubted, refused_before
from connector.sap.fitting import findings
from connector.sap.interface import Snapshots, fields_in, parameters, unreadable
from connector.sap.logons import LocalLogons, Logons
from connector.sap.port import Answer, FieldType, Parameter, Parameters, SapSession
from connector.sap.returns import check
from connector.sap.slots import LocalSlots, Slots, Turnstile
from connector.sap.wire import Wire
from connector.wording import systems

# Tables that must be sent, if only empty, for SAP to fill and return them. Those of a function
# module that does not stand here are asked for.
_TABLES: Mapping[str, tuple[str, ...]] = {
    "RFC_READ_TABLE": ("OPTIONS", "FIELDS", "DATA"),
    "RFC_GET_FUNCTION_INTERFACE": ("PARAMS",),
    "DDIF_FIELDINFO_GET": ("DFIES_TAB",),
    "BAPI_TRANSACTION_COMMIT": (),
    "BAPI_TRANSACTION_ROLLBACK": (),
    "STFC_CONNECTION": (),
    "RFC_PING": (),
}

_ASKED_AGAIN = 600.0  # seconds after which SAP is asked again for an interface that it refused


@dataclass(frozen=True)
class SoapSettings:
    """How to reach SAP over SOAP-RFC. `call_deadline` bounds one whole call."""

    url: str
    client: str
    user: str
    password: str = field(repr=False)
    language: str = "ZH"
    namespace_style: Style = "rfc"
    ca_file: Path | None = None
    connect_timeout: float = 10
    read_timeout: float = 60
    call_deadline: float = 90
    sessions: int = 8


class SoapSap:
    """One SAP system over SOAP-RFC. At most so many calls are under way as there are slots.

    The first call goes alone: were the password wrong, several at once would lock the user.
    `snapshots` are the interfaces for a user who may not read them in SAP: SAP fills and returns
    only the tables that a request holds, so without an interface nothing is called.
    """

    def __init__(
        self,
        settings: SoapSettings,
        slots: Slots | None = None,
        logons: Logons | None = None,
        snapshots: Snapshots | None = None,
    ) -> None:
        self._settings = settings
        self._snapshots = snapshots or (lambda _function: None)
        self._stored: dict[str, tuple[float, Mapping[str, Parameter]]] = {}
        self._threads = threading.local()
        self._turnstile = Turnstile(slots or LocalSlots(settings.sessions), settings.call_deadline)
        self._first = threading.Lock()
        self._admitted = False
        self._logons = logons or LocalLogons()
        self._described: dict[str, Mapping[str, Parameter]] = {}
        self._names: dict[str, Mapping[str, str]] = {}

    @contextmanager
    def session(self) -> Iterator[SapSession]:
        """See `SapSystem`."""
        with self._turnstile.passed():
            session = _Session(self, Wire(self._settings))
            try:
                yield session
            finally:
                session.close()

    def call(self, function: str, parameters: Parameters) -> Answer:
        """See `SapSystem`."""
        with self._turnstile.passed():
            self.check_fit(function, parameters, self._own())
            return self._read(function, parameters, self._own())

    def describe(self, function: str) -> Mapping[str, Parameter]:
        """See `SapSystem`."""
        if function in self._described:
            return self._described[function]
        with self._turnstile.passed():
            return self._describe(function, self._own())

    def interface(self, function: str) -> Mapping[str, Parameter]:
        """See `SapSystem`."""
        if function in self._described:
            return self._described[function]
        with self._turnstile.passed():
            return self._interface(function, self._own())

    def ping(self) -> str:
        """See `SapSystem`."""
        answer = self.call("STFC_CONNECTION", {"REQUTEXT": "connector"})
        return f"SAP answers: {str(answer.get('RESPTEXT', ''))[:60]}"

    def close(self) -> None:
        """See `SapSystem`."""
        self._turnstile.slots.close()

    def _own(self) -> Wire:
        """Return this thread's connection for calls without a session."""
        http: Wire | None = getattr(self._threads, "http", None)
        if http is None:
            http = self._threads.http = Wire(self._settings)
        return http

    def _read(self, function: str, parameters: Parameters, http: Wire) -> Answer:
        try:
            return self.post(http, function, parameters, {})
        except InDoubt as error:
            raise RetryLater(error.message, place=error.place) from None

    def _describe(self, function: str, http: Wire) -> Mapping[str, Parameter]:
        """Ask for an interface, once. Within a session that is open already, it asks there."""
        if function not in self._described:
            asked = {"FUNCNAME": function, "NONE_UNICODE_LENGTH": "X"}  # characters, not bytes
            answer = self._read("RFC_GET_FUNCTION_INTERFACE", asked, http)
            if "PARAMS" not in answer:
                raise Misconfigured(
                    "the answer has no PARAMS",
                    place="SAP RFC_GET_FUNCTION_INTERFACE",
                    remedy="let SAP's people look at the service behind sap.url",
                )
            known: dict[str, Mapping[str, FieldType]] = {}

            def fields_of(name: str, of_table_type: bool) -> Mapping[str, FieldType]:
                if name not in known:
                    types = {"ALL_TYPES": "X"} if of_table_type else {}
                    answer = self._read("DDIF_FIELDINFO_GET", {"TABNAME": name, **types}, http)
                    known[name] = fields_in(answer, name)
                    if not known[name] and not of_table_type:
                        raise Misconfigured(
                            f"the answer has no fields of {name}",
                            place="SAP DDIF_FIELDINFO_GET",
                            remedy="let SAP's people look at the service behind sap.url",
                        )
                return known[name]

            self._described[function] = parameters(answer["PARAMS"] or [], fields_of)
        return self._described[function]

    @contextmanager
    def _logging_on(self) -> Iterator[None]:
        """Let one call go ahead until SAP has admitted us, and none once it refused us."""
        alone = not self._admitted
        if alone and not self._first.acquire(timeout=self._settings.call_deadline):
            raise RetryLater(systems.FIRST_LOGON(), place="SAP")
        try:
            said = self._logons.refused()
            if said is not None:
                raise refused_before(said)
            try:
                yield
            except LogonFailed as error:
                self._logons.refuse(error.message)
                raise
        finally:
            if alone:
                self._first.release()

    def post(
        self,
        http: Wire,
        function: str,
        parameters: Parameters,
        headers: Mapping[str, str],
    ) -> Answer:
        """Send one call and return its answer; a lost one is InDoubt."""
        with nothing_sent():
            tables = self._tables_of(function, http)
            body = request_xml(function, parameters, self._settings.namespace_style, tables)
        with self._logging_on():
            status, content = http.post(body, headers, f"SAP {function}")
            if not self._admitted and status in (200, 500):
                self._admitted = True
                self._logons.admitted()
            style = self._settings.namespace_style
            return read_answer(status, content, function, self._names_of(function), style)

    def check_fit(self, function: str, parameters: Parameters, http: Wire) -> None:
        """Raise MappingFailed when a request does not fit; SAP would cut or ignore silently."""
        if function in _TABLES:
            return
        unfit = findings(self._interface(function, http), parameters)
        if unfit:
            raise MappingFailed(f"SAP {function}", unfit)

    def _tables_of(self, function: str, http: Wire) -> tuple[str, ...]:
        if function in _TABLES:
            return _TABLES[function]
        described = self._interface(function, http)
        return tuple(name for name, each in described.items() if each.direction == "tables")

    def _names_of(self, function: str) -> Mapping[str, str]:
        """Return the interface's names by their form in mixed case."""
        described = self._described.get(function) or self._stored.get(function, (0, {}))[1]
        if self._settings.namespace_style == "rfc" or not described:
            return {}
        if function not in self._names:
            known = {*described, *(name for each in described.values() for name in each.fields)}
            self._names[function] = {name_in(n, "mc"): n for n in known if "/" not in n}
        return self._names[function]

    def _interface(self, function: str, http: Wire) -> Mapping[str, Parameter]:
        """Return the interface as SAP tells it, or as it is stored where SAP does not.

        That SAP does not is believed for some minutes: an authorisation may be given any time.
        Raises Misconfigured where it is not stored either.
        """
        since, stored = self._stored.get(function, (0.0, None))
        if stored is not None and time.monotonic() - since < _ASKED_AGAIN:
            return stored
        try:
            return self._describe(function, http)
        except LogonFailed:
            raise
        except (Misconfigured, Rejected) as error:
            stored = self._snapshots(function)
            if stored is None:
                raise unreadable(function, error.message) from None
        self._stored[function] = (time.monotonic(), stored)
        return stored


class _Session:
    def __init__(self, system: SoapSap, http: Wire) -> None:
        self._system = system
        self._http = http
        self._opened = False
        self._dirty = False

    def call(self, function: str, parameters: Parameters) -> Answer:
        with nothing_sent():
            self._system.check_fit(function, parameters, self._http)
        headers = {} if self._opened else {"sap-sessioncmd": "open"}
        answer = self._system.post(self._http, function, parameters, headers)
        self._opened = self._dirty = True
        return answer

    def commit(self) -> None:
        with doubted("SAP BAPI_TRANSACTION_COMMIT"):
            answer = self.call("BAPI_TRANSACTION_COMMIT", {"WAIT": "X"})
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
