"""The session of a DMS whose calls carry a token: opened by a login, renewed when it is refused.

The mapping `dms_session` says how to log on (its source is the user and the password of the
settings), how the token is read, where calls carry it, and by which codes the DMS refuses one that
is over. A call that is refused by such a code was not made: it is made again after one login.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from connector.dms.carried import NOTHING, Carried
from connector.dms.port import Dms
from connector.errors import (
    LogonFailed,
    MappingFailed,
    Misconfigured,
    Rejected,
    RetryLater,
    nothing_sent,
    without_effect,
)
from connector.logons import LocalLogons, Logons
from connector.mapping import Mapping as FieldMapping
from connector.mapping import MappingSet
from connector.mapping.model import SessionModel
from connector.wording import Said, systems, together

NAME = "dms_session"
# What stands for the token wherever a request is made to be recorded, compared or shown.
MASKED = "***"
_REFUSES = "the DMS refuses our credentials: "

Made = TypeVar("Made")


class SessionOver(Exception):
    """The DMS refused the token of a call, by name: the call had no effect."""


@dataclass(frozen=True)
class Ticket:
    """The token that one call carries; `in_body` where its own request does, and no header."""

    token: str = field(repr=False)
    carried: Carried
    in_body: bool


class Session:
    """One session for all threads of a process; without `dms_session` calls carry nothing."""

    def __init__(
        self,
        dms: Dms,
        mappings: Callable[[], MappingSet],
        user: str = "",
        password: str = "",
        logons: Logons | None = None,
    ) -> None:
        self._dms = dms
        self._mappings = mappings
        self._user = user
        self._password = password
        self._logons = logons or LocalLogons()
        self._lock = threading.Lock()
        self._token: str | None = None

    def within(self, call: Callable[[Ticket | None], Made]) -> Made:
        """Make a call with the token of the session, and again after one login if it is over.

        `call` raises SessionOver for a refused token. Raises what it raises, and LogonFailed or
        RetryLater, without effect, when there is no session to be had.
        """
        with nothing_sent():
            mapping = self._mapping()
            ticket = None if mapping is None else self._ticket(mapping, None)
        if mapping is None or ticket is None:
            return call(None)
        try:
            return call(ticket)
        except SessionOver:
            with nothing_sent():
                ticket = self._ticket(mapping, ticket.token)
        try:
            return call(ticket)
        except SessionOver:
            raise without_effect(
                LogonFailed(
                    "the DMS refuses the session that it has just given",
                    place=f"mapping {NAME}",
                    remedy="check where calls carry the token: soap_header, http_header, cookie",
                )
            ) from None

    def open(self) -> bool:
        """Log on if nobody did yet; return whether this DMS has sessions at all."""
        return self.within(lambda ticket: ticket is not None)

    def is_over(self, code: str) -> bool:
        """Whether a refusal with this code says that the session is over."""
        mapping = self._mapping()
        return mapping is not None and code in _spec(mapping).expired

    def _mapping(self) -> FieldMapping | None:
        mappings = self._mappings()
        return mappings[NAME] if has_session(mappings) else None

    def _ticket(self, mapping: FieldMapping, over: str | None) -> Ticket:
        """Return the token in use; log on when there is none, or it is the one that is over."""
        with self._lock:
            if self._token is None or self._token == over:
                self._token = None
                self._token = self._logged_on(mapping)
            return _ticket(_spec(mapping), self._token)

    def _logged_on(self, mapping: FieldMapping) -> str:
        said = self._logons.refused()
        if said is not None:
            raise _refusal(said)
        try:
            token = self._asked_for(mapping)
        except LogonFailed as error:
            self._logons.refuse(error.message.removeprefix(_REFUSES))
            raise
        self._logons.admitted()
        return token

    def _asked_for(self, mapping: FieldMapping) -> str:
        operation = mapping.target.operation
        place = f"DMS {operation}"
        try:
            body = mapping.apply({"user": self._user, "password": self._password}).body
            answer = self._dms.call(operation, body, write=False, carried=Carried(unseen=True))
        except MappingFailed as error:
            raise Misconfigured(
                together(error.findings),
                place=place,
                remedy="correct the mapping of the logon: `connector mappings check`",
            ) from None
        except (Rejected, RetryLater) as error:
            raise self._meant(mapping, error) from None
        try:
            reading = mapping.read(answer)
        except MappingFailed as error:
            raise _not_understood(systems.UNREADABLE(words=together(error.findings))) from None
        words = f"{reading.code} {reading.text}".strip()
        if reading.outcome == "rejected":
            raise _refusal(words, place)
        if reading.outcome == "passing":
            raise RetryLater(words or systems.BUSY(), place=place)
        token = reading.values.get("token")
        if reading.outcome != "ok" or not isinstance(token, str | int) or not str(token).strip():
            raise _not_understood(systems.NO_RULE(words=words or "no token"))
        return str(token).strip()

    def _meant(self, mapping: FieldMapping, error: Rejected | RetryLater) -> Exception:
        """Return what a fault means: credentials are refused where the mapping says it by name."""
        if error.fault is None:
            return error if isinstance(error, RetryLater) else _refusal(error.message, error.place)
        code, text = mapping.refusal(error.fault)
        if code and mapping.classify(code) == "rejected":
            return _refusal(f"{code} {text}".strip(), error.place)
        return RetryLater(text or code or error.message, place=error.place)


def has_session(mappings: MappingSet) -> bool:
    """Whether calls carry the token of a login."""
    return NAME in mappings.names() and not mappings[NAME].absent


def _refusal(said: object, place: str = "DMS") -> LogonFailed:
    return LogonFailed(
        f"{_REFUSES}{said}",
        place=place,
        remedy="check dms.user and CONNECTOR_DMS__PASSWORD, then `connector check --live`",
    )


def _not_understood(words: Said) -> RetryLater:
    """Return that nobody knows what a login came to: nothing is said of the credentials."""
    return RetryLater(
        words, place=f"mapping {NAME}", remedy=systems.SAY_WHAT_IT_MEANS(mapping=NAME)
    )


def _spec(mapping: FieldMapping) -> SessionModel:
    return mapping.spec.session or SessionModel()


def _ticket(spec: SessionModel, token: str) -> Ticket:
    soap = {spec.soap_header: token} if spec.soap_header else {}
    http = {spec.http_header: token} if spec.http_header else {}
    if spec.cookie:
        http = {"Cookie": f"{spec.cookie}={token}"}
    return Ticket(token, Carried(soap, http, (token,)), in_body=not (soap or http))


def shown(ticket: Ticket | None) -> Carried:
    """Return what a call carries of a session."""
    return NOTHING if ticket is None else ticket.carried


def source_with(source: Mapping[str, Any], ticket: Ticket | None = None) -> dict[str, Any]:
    """Return a mapping's source with the token, which is masked where there is none."""
    return {**source, "session": {"token": MASKED if ticket is None else ticket.token}}
