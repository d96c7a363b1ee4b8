"""SAP S/4HANA over OData V2, behind the port that all transports share.

A mapping names `GET`, `POST` or `PATCH`, a service and an entity set (or a function that reads).
SAP commits each write by itself: a lost answer to one is a doubt.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from connector.errors import (
    InDoubt,
    MappingFailed,
    Misconfigured,
    RetryLater,
    nothing_sent,
)
from connector.logons import Logons
from connector.sap.admission import Admission
from connector.sap.fitting import findings
from connector.sap.odata import answers, values
from connector.sap.odata.answers import Asked
from connector.sap.odata.lookup import Query, asked_of, look_up
from connector.sap.odata.metadata import EntityType, Property, Service, read_service
from connector.sap.odata.operation import Operation
from connector.sap.odata.wire import AccessToken, ODataSettings, Wire, Write
from connector.sap.port import Answer, Parameter, Parameters, SapSession
from connector.sap.slots import LocalSlots, Slots, Turnstile
from connector.wording import quoted, systems

_USUAL = "API_BUSINESS_PARTNER"
_AGAIN = 600.0  # seconds after which a service is asked again what it is
# A shorter text may come back in another writing and be the same; a name or a reference may not.
_TELLING = 6


class ODataSap:
    """One SAP system over OData. At most so many calls are under way as there are slots."""

    def __init__(
        self,
        settings: ODataSettings,
        slots: Slots | None = None,
        logons: Logons | None = None,
    ) -> None:
        self._settings = settings
        self._token = AccessToken(settings) if settings.authentication == "oauth2" else None
        self._turnstile = Turnstile(slots or LocalSlots(settings.sessions), settings.call_deadline)
        self._admission = Admission(logons, settings.call_deadline)
        self._threads = threading.local()
        self._services: dict[str, tuple[float, Service]] = {}

    @contextmanager
    def session(self, *, kept: bool = True) -> Iterator[SapSession]:
        """See `SapSystem`. Each has cookies and a CSRF token of its own; SAP keeps none."""
        with self._turnstile.passed():
            wire = self._wire()
            try:
                yield _Session(self, wire)
            finally:
                wire.close()

    def call(self, function: str, parameters: Parameters) -> Answer:
        """See `SapSystem`."""
        operation = Operation.of(function)
        if operation.writes:
            raise Misconfigured(
                "writes, and is named where SAP is only read",
                place=operation.place,
                remedy="name a GET in the mapping",
            )
        with self._turnstile.passed():
            return plain(self.read(operation, parameters, self._own()))

    def describe(self, function: str) -> Mapping[str, Parameter]:
        """See `SapSystem`.

        It is seen too whether an entity comes as it is described, and for a write whether SAP gives
        the token that it needs.
        """
        operation = Operation.of(function)
        with self._turnstile.passed():
            wire = self._own()
            service = self.service(operation, wire)
            interface = service.interface(operation)
            if "results" in interface:
                self._read_one(operation, service, wire)
            if operation.writes and not self._fetched(operation, wire):
                raise Misconfigured(
                    "SAP gives no CSRF token",
                    place=operation.place,
                    remedy="a proxy before SAP must let the header x-csrf-token through, both ways",
                )
            return interface

    def interface(self, function: str) -> Mapping[str, Parameter]:
        """See `SapSystem`."""
        operation = Operation.of(function)
        with self._turnstile.passed():
            return self.service(operation, self._own()).interface(operation)

    def ping(self) -> str:
        """See `SapSystem`."""
        name = next(iter(self._settings.services), _USUAL)
        with self._turnstile.passed():
            service = self.service(Operation("GET", name, "$metadata"), self._own())
        return f"SAP answers: {name} has {len(service.sets)} entity sets"

    def close(self) -> None:
        """See `SapSystem`."""
        self._turnstile.slots.close()

    def service(self, operation: Operation, wire: Wire) -> Service:
        """Return what an operation's service says of itself. Nothing is sent before it is known."""
        known_at, known = self._services.get(operation.service, (0.0, None))
        if known is not None and time.monotonic() - known_at < _AGAIN:
            return known
        place = f"SAP {operation.service}"
        try:
            with nothing_sent(), self._admission.passed(self._log_on(operation)):
                found = read_service(wire.metadata(operation.service, place), place)
                self._admission.admitted()
        except InDoubt as error:
            raise RetryLater(error.message, place=error.place) from None
        self._services[operation.service] = time.monotonic(), found
        return found

    def read(self, operation: Operation, parameters: Parameters, wire: Wire) -> Answer:
        """Read entities, or what a function gives. What is not understood is RetryLater."""
        service = self.service(operation, wire)
        try:
            with self._admission.passed(self._log_on(operation)):
                if operation.name in service.functions:
                    return self._function(service, operation, parameters, wire)
                kind = service.type_of(operation)
                asked = asked_of(kind, parameters)

                def fetch(query: Query) -> answers.Page:
                    reply = wire.get(operation.service, operation.name, query, operation.place)
                    return answers.page(reply, service, kind, asked, operation.place)

                return {"results": look_up(operation, kind, parameters, fetch)}
        except InDoubt as error:
            raise RetryLater(error.message, place=error.place, remedy=error.remedy) from None

    def write(
        self, operation: Operation, parameters: Parameters, wire: Wire, etags: dict[str, str]
    ) -> Answer:
        """Create or change an entity. A lost or other answer is InDoubt."""
        with nothing_sent():
            service = self.service(operation, wire)
            kind = service.type_of(operation)
            self._check_fit(operation, service, parameters)
            path, given = _target(operation, kind, parameters)
            if not given:
                return {}
            body = json.dumps(_body(service, kind, given), ensure_ascii=False).encode()
            etag = ""
            if operation.method == "PATCH":
                etag = etags.get(path) or self._etag(operation, kind, path, wire)
            request = Write(operation.method, operation.service, path, body, etag)
        with self._admission.passed(self._log_on(operation)):
            reply = wire.write(request, operation.place)
        etags.clear()
        if operation.method == "PATCH" and reply.status == 204:
            return {}
        made = answers.single(reply, service, kind, operation.place)
        if operation.method == "PATCH":
            _check_changed(made, kind, parameters, operation)
            return {}
        _check_same(made, given, operation)
        return plain(made)

    def _read_one(self, operation: Operation, service: Service, wire: Wire) -> None:
        kind = service.type_of(operation)
        query = (("$format", "json"), ("$top", "1"), ("$select", ",".join(kind.keys)))
        try:
            with self._admission.passed(self._log_on(operation)):
                reply = wire.get(operation.service, operation.name, query, operation.place)
                asked = Asked(frozenset(kind.keys))
                answers.page(reply, service, kind, asked, operation.place)
        except InDoubt as error:
            raise RetryLater(error.message, place=error.place) from None

    def _function(
        self, service: Service, operation: Operation, parameters: Parameters, wire: Wire
    ) -> Answer:
        self._check_fit(operation, service, parameters)
        function = service.functions[operation.name]
        query = [
            (name, values.literal(function.parameters[name], value))
            for name, value in parameters.items()
        ]
        query.append(("$format", "json"))
        reply = wire.get(operation.service, operation.name, tuple(query), operation.place)
        return answers.returned(reply, service, function, operation.place)

    def _check_fit(self, operation: Operation, service: Service, parameters: Parameters) -> None:
        unfit = findings(service.interface(operation), parameters)
        if unfit:
            raise MappingFailed(operation.place, unfit)

    def _etag(self, operation: Operation, kind: EntityType, path: str, wire: Wire) -> str:
        """Return the state in which an entity is now, as it must be named to be changed."""
        query = (("$format", "json"), ("$select", ",".join(kind.keys)))
        with self._admission.passed(self._log_on(operation)):
            reply = wire.get(operation.service, path, query, operation.place)
        try:
            found = answers.single(reply, self.service(operation, wire), kind, operation.place)
        except InDoubt as error:
            raise RetryLater(error.message, place=error.place) from None
        return str(found.get("__etag") or reply.headers.get("ETag") or "")

    def _log_on(self, operation: Operation) -> Callable[[], None]:
        def log_on() -> None:
            wire = self._wire()
            try:
                wire.metadata(operation.service, f"SAP {operation.service}")
            finally:
                wire.close()

        return log_on

    def _fetched(self, operation: Operation, wire: Wire) -> bool:
        with self._admission.passed(self._log_on(operation)):
            return wire.fetch_token(operation.service, operation.place)

    def _own(self) -> Wire:
        """Return this thread's connection for reading."""
        wire: Wire | None = getattr(self._threads, "wire", None)
        if wire is None:
            wire = self._threads.wire = self._wire()
        return wire

    def _wire(self) -> Wire:
        return Wire(self._settings, self._token)


class _Session:
    """Several calls one after the other. Each write is committed by SAP itself."""

    def __init__(self, system: ODataSap, wire: Wire) -> None:
        self._system = system
        self._wire = wire
        self._etags: dict[str, str] = {}

    def call(self, function: str, parameters: Parameters) -> Answer:
        operation = Operation.of(function)
        if operation.writes:
            return self._system.write(operation, parameters, self._wire, self._etags)
        answer = self._system.read(operation, parameters, self._wire)
        service = self._system.service(operation, self._wire)
        kind = service.types.get(service.sets.get(operation.name, ""))
        if kind is not None:  # a function's rows are of no entity set
            for row in answer.get("results") or ():
                self._remember(service, kind, row)
        return plain(answer)

    def commit(self) -> None:
        """Nothing is left to be committed."""

    def rollback(self) -> None:
        """Nothing can be taken back."""

    def _remember(self, service: Service, kind: EntityType, row: Mapping[str, Any]) -> None:
        """Keep the state of what was read: only that state is changed later."""
        name = service.set_of(kind.name)
        if "__etag" in row and all(key in row for key in kind.keys):
            self._etags[f"{name}({_predicate(kind, row)})"] = str(row["__etag"])
        for each, navigation in kind.navigations.items():
            inner = row.get(each)
            target = service.types[navigation.type]
            for entity in inner if isinstance(inner, list) else [inner] if inner else []:
                self._remember(service, target, entity)


def plain(answer: Mapping[str, Any]) -> Answer:
    """Return an answer without what only the transport needs."""
    return {name: _plain(each) for name, each in answer.items() if name != "__etag"}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return plain(value)
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _target(
    operation: Operation, kind: EntityType, parameters: Parameters
) -> tuple[str, dict[str, Any]]:
    """Return the path that is written to, and what is written there."""
    given = {name: each for name, each in parameters.items() if each is not None}
    if operation.method == "POST":
        return operation.name, given
    path = f"{operation.name}({_predicate(kind, given)})"
    return path, {name: each for name, each in given.items() if name not in kind.keys}


def _predicate(kind: EntityType, row: Mapping[str, Any]) -> str:
    keys = {key: quote(values.literal(kind.properties[key], row[key])) for key in kind.keys}
    if len(keys) == 1:
        return next(iter(keys.values()))
    return ",".join(f"{name}={value}" for name, value in keys.items())


def _body(service: Service, kind: EntityType, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entity as JSON, with what hangs on it. Raises MappingFailed."""
    made: dict[str, Any] = {}
    for name, value in given.items():
        navigation = kind.navigations.get(name)
        if navigation is None:
            try:
                made[name] = values.written(kind.properties[name], value)
            except ValueError as error:
                said = systems.NAMED(name=name, message=quoted(error))
                raise MappingFailed(f"SAP {kind.name}", [said]) from None
            continue
        target = service.types[navigation.type]
        made[name] = (
            [_body(service, target, each) for each in value]
            if navigation.many
            else _body(service, target, value)
        )
    return made


def _check_changed(
    now: Mapping[str, Any], kind: EntityType, asked: Parameters, operation: Operation
) -> None:
    """Raise InDoubt where the entity that came back is another one, or not as it was asked for."""
    for name, sent in asked.items():
        known = kind.properties.get(name)
        if known is None or sent is None:
            continue  # what hangs on it is not shown with it
        if _plainly(known, now.get(name)) != _plainly(known, values.written(known, sent)):
            what = f"{name} is not as it was sent"
            raise InDoubt(systems.OF_NO_SHAPE(what=what), place=operation.place)


def _plainly(known: Property, value: Any) -> str:
    """Return a value as it is compared: SAP keeps some texts in capital letters."""
    if value is None:
        return ""
    if known.edm in ("Edm.Decimal", "Edm.Double", "Edm.Single"):
        return str(Decimal(value).normalize())
    if isinstance(value, date):
        return str(values.written(known, value))
    return str(value).strip().casefold()


def _check_same(made: Mapping[str, Any], given: Mapping[str, Any], operation: Operation) -> None:
    """Raise InDoubt where what came back is another entity than the one that was sent."""
    for name, sent in given.items():
        back = made.get(name)
        if not isinstance(sent, str) or len(sent) < _TELLING or not isinstance(back, str):
            continue
        if sent.strip().casefold() != back.strip().casefold():
            what = f"{name} is not as it was sent"
            raise InDoubt(systems.OF_NO_SHAPE(what=what), place=operation.place)
