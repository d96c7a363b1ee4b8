"""SAP over SOAP-RFC: the function modules over HTTP, no SDK needed.

POST to /sap/bc/soap/rfc (SICF service), basic authentication, SOAP 1.1. A stateful session is
opened by the address (`session_mode`, `sap-sessioncmd`), or by a header of the envelope where the
service is one of SOAMANAGER, and kept by the cookie `sap-contextid`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from connector.bounded import AnswerLimits
from connector.errors import (
    ConnectorError,
    InDoubt,
    LogonFailed,
    MappingFailed,
    RetryLater,
    nothing_sent,
)
from connector.logons import Logons
from connector.sap.admission import Admission
from connector.sap.dictionary import Dictionary, asked_of
from connector.sap.envelope import Style, name_in, read_answer, request_xml
from connector.sap.errors import doubted, keeps_no_session
from connector.sap.fitting import findings
from connector.sap.interface import Snapshots
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
# What opens a session: it changes nothing, and every service has it that the check has passed.
_OPENS: tuple[str, Parameters] = ("STFC_CONNECTION", {"REQUTEXT": "connector"})


@dataclass(frozen=True)
class SoapSettings:
    """How to reach SAP over SOAP-RFC. `call_deadline` bounds one whole call.

    Without a `user` the `client_certificate` alone logs on.
    """

    url: str
    client: str
    user: str
    password: str = field(repr=False)
    language: str = "ZH"
    namespace_style: Style = "rfc"
    ca_file: Path | None = None
    client_certificate: Path | None = None
    proxy: str | None = None
    connect_timeout: float = 10
    read_timeout: float = 60
    call_deadline: float = 90
    sessions: int = 8
    answers: AnswerLimits = field(default_factory=AnswerLimits)


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
        self._dictionary = Dictionary(snapshots)
        self._threads = threading.local()
        self._turnstile = Turnstile(slots or LocalSlots(settings.sessions), settings.call_deadline)
        self._admission = Admission(logons, settings.call_deadline)

    @contextmanager
    def session(self, *, kept: bool = True) -> Iterator[SapSession]:
        """See `SapSystem`."""
        with self._turnstile.passed():
            session = _Session(self, Wire(self._settings), kept=kept)
            try:
                yield session
            finally:
                session.close()

    def call(self, function: str, parameters: Parameters) -> Answer:
        """See `SapSystem`."""
        with self._turnstile.passed(), self._own() as http:
            self.check_fit(function, parameters, http)
            return self._read(function, parameters, http)

    def describe(self, function: str) -> Mapping[str, Parameter]:
        """See `SapSystem`."""
        with self._turnstile.passed(), self._own() as http:
            return self._dictionary.described_anew(function, self._ask(http))

    def interface(self, function: str) -> Mapping[str, Parameter]:
        """See `SapSystem`."""
        recent = self._dictionary.recent(function)
        if recent is not None:
            return recent
        with self._turnstile.passed(), self._own() as http:
            return self._interface(function, http)

    def ping(self) -> str:
        """See `SapSystem`."""
        answer = self.call(*_OPENS)
        return f"SAP answers: {str(answer.get('RESPTEXT', ''))[:60]}"

    def close(self) -> None:
        """See `SapSystem`."""
        self._turnstile.slots.close()

    @contextmanager
    def _own(self) -> Iterator[Wire]:
        """Give this thread's connection for calls without a session.

        One that SAP opens all the same is closed at once: kept, it would end some day, and with it
        every call that still names it.
        """
        http: Wire | None = getattr(self._threads, "http", None)
        if http is None:
            http = self._threads.http = Wire(self._settings)
        try:
            yield http
        finally:
            if http.session_key():
                with suppress(ConnectorError):
                    self.post(http, *_OPENS, "close")
                http.forget_session()

    def _read(self, function: str, parameters: Parameters, http: Wire) -> Answer:
        try:
            return self.post(http, function, parameters)
        except InDoubt as error:
            raise RetryLater(error.message, place=error.place) from None

    def _ask(self, http: Wire) -> Callable[[str], Mapping[str, Parameter]]:
        """Return how SAP is asked for an interface; in a session that is open, it asks there."""
        return asked_of(lambda function, parameters: self._read(function, parameters, http))

    def _log_on(self) -> None:
        """Log on and do nothing else. Raises LogonFailed, and what an answer that is none is."""
        http = Wire(self._settings)
        try:
            function, parameters = _OPENS
            body = request_xml(function, parameters, self._settings.namespace_style)
            status, _ = http.post(body, "SAP logon")
        finally:
            http.close()
        if status == 401:
            raise LogonFailed("SAP refuses our credentials", place="SAP logon")

    def post(
        self,
        http: Wire,
        function: str,
        parameters: Parameters,
        command: str = "",
    ) -> Answer:
        """Send one call and return its answer; a lost one is InDoubt."""
        with nothing_sent():
            tables = self._tables_of(function, http)
            style = self._settings.namespace_style
            body = request_xml(function, parameters, style, tables, command)
        with self._admission.passed(self._log_on):
            status, content = http.post(body, f"SAP {function}", command)
            if status in (200, 500):
                self._admission.admitted()
            deepest = self._settings.answers.deepest
            return read_answer(status, content, function, self._names_of(function), style, deepest)

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
        described = self._dictionary.known(function)
        if self._settings.namespace_style == "rfc" or not described:
            return {}
        return {name_in(each, "mc"): each for each in _names(described) if "/" not in each}

    def _interface(self, function: str, http: Wire) -> Mapping[str, Parameter]:
        return self._dictionary.interface(function, self._ask(http))


def _names(parts: Mapping[str, Parameter] | Mapping[str, FieldType]) -> Iterator[str]:
    for name, each in parts.items():
        yield name
        yield from _names(each.fields)


class _Session:
    def __init__(self, system: SoapSap, http: Wire, *, kept: bool) -> None:
        self._system = system
        self._http = http
        self._kept = kept
        self._key = ""
        self._dirty = False

    def call(self, function: str, parameters: Parameters) -> Answer:
        with nothing_sent():
            self._system.check_fit(function, parameters, self._http)
            self._open()
        self._dirty = True
        answer = self._system.post(self._http, function, parameters)
        # Where none is kept, one that SAP opens all the same holds nothing: it ends when we go.
        if self._kept and self._http.session_key() != self._key:
            # What was written before stands in a session that is lost.
            raise InDoubt(systems.OTHER_SESSION(), place=f"SAP {function}")
        return answer

    def _open(self) -> None:
        """Open the session, before anything is written: SAP names it by a cookie, or has none.

        Raises Misconfigured where it keeps none: what one call writes, another could not commit.
        """
        if self._key or not self._kept:
            return
        function, parameters = _OPENS
        try:
            self._system.post(self._http, function, parameters, "open")
        except InDoubt as error:
            raise RetryLater(error.message, place=error.place) from None
        self._key = self._http.session_key()
        if not self._key:
            raise keeps_no_session()

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
            if self._http.session_key():
                ends = ("BAPI_TRANSACTION_ROLLBACK", {}) if self._dirty else _OPENS
                self._system.post(self._http, *ends, "close")
        except ConnectorError:
            # SAP ends an abandoned session by itself and rolls it back.
            return
        finally:
            self._http.close()
