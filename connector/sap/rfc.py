"""SAP over RFC by the import name `pyrfc`, with SAP's NW RFC SDK.

Two distributions offer that name (see the extras `rfc` and `rfc-sap`): only what both have is
used. A connection is used by one thread at a time, for one logical unit of work at a time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, cast

from connector.errors import (
    ConnectorError,
    InDoubt,
    LogonFailed,
    MappingFailed,
    RetryLater,
    nothing_sent,
)
from connector.logons import LocalLogons, Logons
from connector.sap.dictionary import Dictionary
from connector.sap.errors import doubted, refused_before
from connector.sap.fitting import findings
from connector.sap.port import Answer, Parameter, Parameters, SapSession
from connector.sap.returns import check
from connector.sap.sdk import for_sdk, named, of_call, of_opening, parameter_of, pyrfc
from connector.sap.slots import LocalSlots, Slots, Turnstile
from connector.wording import systems

_STALE = 5.0  # seconds of idleness after which a connection is tried before it is used
_KEPT = 20.0  # seconds of idleness after which a connection is closed


@dataclass(frozen=True)
class RfcSettings:
    """How to reach SAP over RFC.

    `connection` holds the SDK's own logon parameters: ashost and sysnr, or mshost, r3name and
    group for load balancing; saprouter; snc_… for secure network communication.
    """

    connection: Mapping[str, str]
    client: str
    user: str
    password: str = field(repr=False)
    language: str = "ZH"
    connect_timeout: float = 10
    call_timeout: float = 60
    sessions: int = 8


class RfcSap:
    """One SAP system over RFC. A connection, idle or not, holds one of SAP's slots.

    Logons go one at a time: were the password wrong, several at once would lock the user.
    """

    def __init__(
        self, settings: RfcSettings, slots: Slots | None = None, logons: Logons | None = None
    ) -> None:
        self._settings = settings
        self._turnstile = Turnstile(slots or LocalSlots(settings.sessions), settings.call_timeout)
        self._idle: list[_Kept] = []
        self._lock = threading.Lock()
        self._logon = threading.Lock()
        self._reaper: threading.Timer | None = None
        self._logons = logons or LocalLogons()
        self._dictionary = Dictionary()

    @contextmanager
    def session(self, *, kept: bool = True) -> Iterator[SapSession]:
        """See `SapSystem`. A connection is a session, whoever asks for it."""
        with self._borrowed() as borrowed:
            session = _Session(borrowed)
            try:
                yield session
            finally:
                session.close()

    def call(self, function: str, parameters: Parameters) -> Answer:
        """See `SapSystem`."""
        try:
            with self._borrowed() as borrowed:
                return borrowed.call(function, parameters)
        except InDoubt as error:
            raise RetryLater(error.message, place=error.place) from None

    def describe(self, function: str) -> Mapping[str, Parameter]:
        """See `SapSystem`."""
        with self._borrowed() as borrowed:
            return self._dictionary.described_anew(function, borrowed.ask)

    def interface(self, function: str) -> Mapping[str, Parameter]:
        """See `SapSystem`."""
        recent = self._dictionary.recent(function)
        if recent is not None:
            return recent
        with self._borrowed() as borrowed:
            return borrowed.interface(function)

    def ping(self) -> str:
        """See `SapSystem`."""
        answer = self.call("STFC_CONNECTION", {"REQUTEXT": "connector"})
        return f"SAP answers: {str(answer.get('RESPTEXT', ''))[:60]}"

    def close(self) -> None:
        """See `SapSystem`."""
        self._let_go(0)
        with self._lock:
            if self._reaper is not None:
                self._reaper.cancel()
        self._turnstile.slots.close()

    @contextmanager
    def _borrowed(self) -> Iterator[_Borrowed]:
        kept = self._turnstile.wait(self._kept_or_slot)
        try:
            if kept.connection is None or not _alive(kept):
                kept = _Kept(kept.slot, self._open())
            borrowed = _Borrowed(kept.connection, pyrfc(), self._dictionary)
        except BaseException:
            self._turnstile.give(kept.slot)
            raise
        try:
            yield borrowed
        except LogonFailed as error:
            if not self._admitted_again(borrowed):
                raise
            doubt = InDoubt(systems.REFUSED_ONCE(said=error.message), place=error.place)
            doubt.no_effect = error.no_effect
            raise doubt from None
        finally:
            self._admitted_again(borrowed)
            if borrowed.usable:
                self._keep(kept)
            else:
                _close(kept.connection)
                self._turnstile.give(kept.slot)

    def _admitted_again(self, borrowed: _Borrowed) -> bool:
        """Log on apart, once, where the SDK was refused when it opened a broken link anew.

        Whoever stands before SAP may have spoken. What SAP refuses again is remembered. Where SAP
        admits us or does not answer, what the call has done is not known.
        """
        if borrowed.refused is None:
            return False
        borrowed.refused = None
        _close(borrowed.connection)
        try:
            _close(self._open())
        except ConnectorError as error:
            return not isinstance(error, LogonFailed)
        return True

    def _kept_or_slot(self) -> _Kept | None:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        slot = self._turnstile.slots.take()
        return None if slot is None else _Kept(slot, None)

    def _keep(self, kept: _Kept) -> None:
        """Keep a connection for the next call, and see that it is not kept for long."""
        with self._lock:
            self._idle.append(_Kept(kept.slot, kept.connection))
            if self._reaper is None:
                self._reaper = threading.Timer(_KEPT, self._reap)
                self._reaper.daemon = True
                self._reaper.start()
        self._turnstile.notify()

    def _reap(self) -> None:
        """Close what idled: other processes of this installation may need the sessions."""
        with self._lock:
            self._reaper = None
        self._let_go(_KEPT)
        with self._lock:
            if self._idle and self._reaper is None:
                self._reaper = threading.Timer(_KEPT, self._reap)
                self._reaper.daemon = True
                self._reaper.start()

    def _let_go(self, idle_for: float) -> None:
        now = time.monotonic()
        with self._lock:
            old = [each for each in self._idle if now - each.since >= idle_for]
            self._idle = [each for each in self._idle if now - each.since < idle_for]
        for each in old:
            _close(each.connection)
            self._turnstile.give(each.slot)

    def _open(self) -> Any:
        """Open a connection within the connect deadline, which the SDK itself does not keep."""
        if not self._logon.acquire(timeout=self._settings.connect_timeout):
            raise RetryLater(systems.LOGONS_WAIT(), place="SAP logon")
        try:
            said = self._logons.refused()
            if said is not None:
                raise refused_before(said)
            module = pyrfc()
            opening = _Opening(module, self._parameters(), self._settings.call_timeout)
            connection = opening.within(self._settings.connect_timeout)
            if connection is not None:
                self._logons.admitted()
                return connection
            if opening.error is None:
                raise RetryLater(systems.NO_CONNECTION(), place="SAP logon")
            error = of_opening(module, opening.error)
            if isinstance(error, LogonFailed):
                self._logons.refuse(error.message)
            raise error
        finally:
            self._logon.release()

    def _parameters(self) -> dict[str, str]:
        settings = self._settings
        parameters = {**settings.connection, "client": settings.client, "lang": settings.language}
        if settings.password or "snc_partnername" not in settings.connection:
            parameters |= {"user": settings.user, "passwd": settings.password}
        return parameters


@dataclass(frozen=True)
class _Kept:
    """A slot, and the connection that stands on it."""

    slot: int
    connection: Any
    since: float = field(default_factory=time.monotonic)


def _alive(kept: _Kept) -> bool:
    """Whether a connection may be used; one that idled (through a restart, say) is tried first."""
    if time.monotonic() - kept.since < _STALE:
        return True
    try:
        kept.connection.ping()
    except Exception:
        _close(kept.connection)
        return False
    return True


class _Opening:
    """Opens a connection in a thread of its own, so that nobody waits longer than the deadline."""

    def __init__(self, module: ModuleType, parameters: dict[str, str], timeout: float) -> None:
        self.error: Exception | None = None
        self._connection: Any = None
        self._given_up = False
        self._lock = threading.Lock()
        self._done = threading.Event()

        def open_it() -> None:
            connection = None
            try:
                connection = module.Connection(
                    config={"timeout": max(1, round(timeout))}, **parameters
                )
            except Exception as error:
                self.error = error
            with self._lock:
                late = self._given_up
                self._connection = connection
                self._done.set()
            if late and connection is not None:
                _close(connection)

        threading.Thread(target=open_it, name="sap-logon", daemon=True).start()

    def within(self, seconds: float) -> Any:
        self._done.wait(seconds)
        with self._lock:
            self._given_up = self._connection is None
            return self._connection


class _Borrowed:
    """A connection in the hands of one caller.

    `usable` says whether another may have it, `refused` what SAP said when it refused the logon
    with which the SDK opens a broken link anew, within a call. `dictionary` is shared.
    """

    def __init__(
        self,
        connection: Any,
        module: ModuleType,
        dictionary: Dictionary,
    ) -> None:
        self.connection = connection
        self.usable = True
        self.refused: str | None = None
        self._module = module
        self._dictionary = dictionary

    def call(self, function: str, parameters: Parameters) -> Answer:
        # The SDK would cut too long a text without a word.
        with nothing_sent():
            unfit = findings(self.interface(function), parameters)
            if unfit:
                raise MappingFailed(f"SAP {function}", unfit)
        try:
            answer = self.connection.call(function, **for_sdk(parameters))
        except Exception as error:
            raise self._typed(error, function) from None
        return cast(Answer, dict(answer))

    def interface(self, function: str) -> Mapping[str, Parameter]:
        """Return an interface, asked for from time to time."""
        return self._dictionary.described(function, self.ask)

    def ask(self, function: str) -> Mapping[str, Parameter]:
        """Ask for an interface."""
        try:
            description = self.connection.get_function_description(function)
        except Exception as error:
            typed = self._typed(error, function)
            if isinstance(typed, InDoubt):
                raise RetryLater(typed.message, place=typed.place) from None
            raise typed from None
        return {each["name"]: parameter_of(each) for each in description.parameters}

    def _typed(self, error: Exception, function: str) -> ConnectorError:
        # The SDK closes a connection on all but an ABAP exception.
        self.usable &= isinstance(error, named(self._module, "ABAPApplicationError"))
        typed = of_call(self._module, error, f"SAP {function}")
        if isinstance(typed, LogonFailed):
            self.refused = typed.message
        return typed


class _Session:
    def __init__(self, borrowed: _Borrowed) -> None:
        self._borrowed = borrowed
        self._dirty = False

    def call(self, function: str, parameters: Parameters) -> Answer:
        self._dirty = True
        return self._borrowed.call(function, parameters)

    def commit(self) -> None:
        with doubted("SAP BAPI_TRANSACTION_COMMIT"):
            answer = self.call("BAPI_TRANSACTION_COMMIT", {"WAIT": "X"})
            self._dirty = False
            check(answer, "BAPI_TRANSACTION_COMMIT")

    def rollback(self) -> None:
        self.call("BAPI_TRANSACTION_ROLLBACK", {})
        self._dirty = False

    def close(self) -> None:
        """Leave nothing uncommitted for whoever gets the connection next."""
        if not (self._dirty and self._borrowed.usable):
            return
        try:
            self.rollback()
        except ConnectorError:
            # Closing the connection makes SAP roll back by itself.
            self._borrowed.usable = False


def _close(connection: Any) -> None:
    try:
        connection.close()
    except Exception:
        # It is gone either way.
        return
