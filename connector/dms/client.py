"""A SOAP client on zeep that survives what servers do."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import Any
from xml.sax.saxutils import escape

import requests
import structlog
from lxml import etree
from zeep.exceptions import Fault

from connector.dms.archive import Archive, masked
from connector.dms.carried import NOTHING, Carried
from connector.dms.errors import lost, of_status, typed
from connector.dms.fit import findings as unfit
from connector.dms.lent import LentClient, Message
from connector.dms.transport import DmsSettings, DmsTransport
from connector.errors import ConnectorError, MappingFailed, Misconfigured, RetryLater, nothing_sent
from connector.mapping import MappingSet
from connector.mapping.wsdl import documents as wsdl
from connector.mapping.wsdl.snapshot import stored
from connector.wording import systems

__all__ = ["DmsSettings", "SoapDms"]

_log = structlog.get_logger(__name__)

# Seconds after which a WSDL that could not be read is read again for judging requests early.
_TRIED_AGAIN = 60.0


class SoapDms:
    """One DMS. The WSDL is read at the first call; each call has a client to itself meanwhile.

    Clients are kept for the next calls, whichever threads make them: making one takes a hundred
    times as long as a call, and threads come and go with each run of a job.

    `mappings` gives the mappings in force: a WSDL that is new or has changed is held against them
    before it is used, and refused while they do not fit.
    """

    def __init__(
        self,
        settings: DmsSettings,
        mappings: Callable[[], MappingSet] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._mappings = mappings
        self._monotonic = monotonic
        self._idle: deque[LentClient] = deque()
        self._lock = threading.Lock()
        self._cache = wsdl.Cache(settings.cache) if settings.cache else None
        self._archive = Archive(settings.archive) if settings.archive else None
        self._description: wsdl.Description | None = None
        self._hash = ""
        self._read = False
        self._look_again = 0.0
        self._first_look = threading.Lock()
        self._unread_until = 0.0
        # Whether the DMS has taken any call of this process.
        self._admitted = False
        # What answers hold beside what the WSDL describes, as far as it was said.
        self._noted: set[tuple[str, str]] = set()

    def call(
        self,
        operation: str,
        request: Mapping[str, Any],
        *,
        write: bool,
        carried: Carried = NOTHING,
    ) -> dict[str, Any]:
        """See `Dms`."""
        place = f"DMS {operation}"
        with ExitStack() as lent:
            with nothing_sent():
                client = lent.enter_context(self._lent())
                message = self._message(client, operation, request)
                self._seen(operation, "request", message.envelope, carried)
            try:
                answer = client.send(
                    operation,
                    message,
                    lambda got: self._seen(operation, "answer", got, carried),
                    carried,
                )
            except Exception as error:
                raise self._typed(error, place, write=write) from None
            self._admitted = True
            if self._settings.extra_elements == "note":
                self._note(operation, client.strip(operation, answer))
            findings = client.findings(operation, answer)
            if findings:
                raise lost(systems.BREAKS_WSDL(finding=findings[0]), place=place, write=write)
            try:
                return client.read(operation, answer)
            except Exception as error:
                raise typed(error, place=place, write=write) from None

    def _typed(self, error: Exception, place: str, *, write: bool) -> Exception:
        meant = typed(error, place=place, write=write, admitted=self._admitted)
        if isinstance(error, Fault) and not isinstance(meant, Misconfigured):
            self._admitted = True
        return meant

    def _note(self, operation: str, places: list[str]) -> None:
        """Say once what the DMS answers beside what its WSDL describes."""
        new = {(operation, place) for place in places} - self._noted
        if new:
            self._noted |= new
            _log.warning(
                "the DMS answers more than its WSDL says",
                operation=operation,
                elements=sorted(place for _, place in new),
            )

    def findings(self, operation: str, request: Mapping[str, Any]) -> list[str]:
        """See `Dms`."""
        self._readable()
        with self._lent() as client:
            self._offered(client, operation)
            return client.judge(operation, request)

    def _readable(self) -> None:
        """Raise where the WSDL cannot be had; it is then not tried again for a while."""
        first = self._description is None
        with self._first_look if first else nullcontext():
            if self._monotonic() < self._unread_until:
                raise RetryLater(systems.NO_WSDL(error="RetryLater"), place=self._settings.wsdl)
            try:
                self._current()
            except ConnectorError:
                self._unread_until = self._monotonic() + _TRIED_AGAIN
                raise

    def envelope(self, operation: str, request: Mapping[str, Any]) -> bytes:
        """See `Dms`."""
        with self._lent() as client:
            message = client.message(operation, request)
        return etree.tostring(message.envelope, pretty_print=True, encoding="UTF-8")

    @property
    def wsdl_hash(self) -> str:
        """The hash of the WSDL in use, with all that it imports."""
        self._current()
        return self._hash

    def served(self) -> dict[str, bytes]:
        """Return the WSDL as it is served now, in the form of its snapshot. Raises RetryLater."""
        location = self._settings.wsdl
        try:
            return stored(wsdl.read(location, DmsTransport(self._settings).load))
        except (OSError, requests.RequestException) as error:
            raise _unreadable(error, location) from None

    def unfit(self, mappings: MappingSet) -> list[str]:
        """Return how mappings do not fit the WSDL, each finding with its mapping and field."""
        with self._lent() as client:
            return unfit(mappings, client.wsdl)

    def ping(self) -> str:
        """See `Dms`."""
        with self._lent() as client:
            names = client.operations()
        if not self._read:
            raise RetryLater(systems.KEPT_WSDL(), place="DMS")
        return f"{len(names)} operations: {', '.join(sorted(names))}; WSDL {self._hash[:12]}"

    def endpoints(self, mappings: MappingSet) -> dict[str, list[str]]:
        """Return the address of each endpoint that the mappings use → their operations there."""
        found: dict[str, list[str]] = {}
        with self._lent() as client:
            for name in mappings.names():
                mapping = mappings[name]
                if mapping.target.system == "dms" and not mapping.absent:
                    operation = mapping.target.operation
                    found.setdefault(client.address(operation), []).append(operation)
        return found

    def knock(self, address: str) -> None:
        """Ask an endpoint for anything at all. Raises RetryLater when nobody answers there.

        What it answers does not matter: it is reached with the certificates, and by the way, that
        a call would take.
        """
        try:
            DmsTransport(self._settings).knock(address)
        except Exception as error:
            raise typed(error, place=f"DMS {address}", write=False) from None

    def _seen(
        self,
        operation: str,
        direction: str,
        envelope: etree._Element | bytes,
        carried: Carried,
    ) -> None:
        if carried.unseen or not (self._archive or _log.is_enabled_for(logging.DEBUG)):
            return
        for secret in carried.secrets:
            whole = envelope if isinstance(envelope, bytes) else etree.tostring(envelope)
            envelope = whole.replace(escape(secret).encode(), b"***")
        if self._archive is not None:
            self._archive.keep(operation, direction, envelope)
        if _log.is_enabled_for(logging.DEBUG):
            _log.debug(
                "envelope", operation=operation, way=direction, xml=masked(envelope).decode()
            )

    def _message(self, client: LentClient, operation: str, request: Mapping[str, Any]) -> Message:
        self._offered(client, operation)
        try:
            message = client.message(operation, request)
        except Exception as error:
            # zeep says what it cannot place: an unknown or a missing element.
            raise MappingFailed(f"DMS {operation}", [str(error)[:300]]) from None
        findings = client.broken(operation, message)
        if findings:
            raise MappingFailed(f"DMS {operation}", findings)
        return message

    def _offered(self, client: LentClient, operation: str) -> None:
        if client.operation(operation) is None:
            raise Misconfigured(
                f"the WSDL has no operation {operation}",
                place=f"DMS {operation}",
                remedy=f"map one of {', '.join(sorted(client.operations()))}",
            )

    @contextmanager
    def _lent(self) -> Iterator[LentClient]:
        """Give a client of the WSDL in use, to nobody else meanwhile."""
        description = self._current()
        client = None
        with suppress(IndexError):
            client = self._idle.pop()
        if client is None or client.description is not description:
            client = LentClient(self._settings, description, self._monotonic)
        try:
            yield client
        finally:
            self._idle.append(client)

    def _current(self) -> wsdl.Description:
        """Return the WSDL in use; look whether it changed when it is time to."""
        description = self._description
        if description is not None and self._monotonic() < self._look_again:
            return description
        # While one thread looks whether it changed, the others go on with what there is.
        if not self._lock.acquire(blocking=description is None) and description is not None:
            return description
        try:
            if self._description is None or self._monotonic() >= self._look_again:
                self._description = self._renewed()
                # Only what was taken may be used for a while: what is refused is read anew.
                self._look_again = self._monotonic() + self._settings.wsdl_again
            return self._description
        finally:
            self._lock.release()

    def _renewed(self) -> wsdl.Description:
        location = self._settings.wsdl
        last = self._description or (self._cache.kept(location) if self._cache else None)
        try:
            fresh = wsdl.read(location, DmsTransport(self._settings).load)
        except (OSError, requests.RequestException) as error:
            if last is None or isinstance(error, requests.HTTPError):
                raise _unreadable(error, location) from None
            self._read = False
            _log.warning(
                "the WSDL cannot be read; the last good one is used", error=type(error).__name__
            )
            return self._taken(last)
        self._read = True
        changed = last is not None and fresh.hash != last.hash
        if self._description is not None and not changed:
            return self._description
        # Also where it is the same: a process that starts may have other mappings than the last.
        client = LentClient(self._settings, fresh)
        wrong = unfit(self._mappings(), client.wsdl) if self._mappings else []
        if last is not None and changed:
            _log.warning(
                "the WSDL changed", was=last.hash[:12], now=fresh.hash[:12], fits=not wrong
            )
        if wrong:
            raise Misconfigured(
                f"the mappings do not fit the WSDL: {'; '.join(wrong[:20])}",
                place=location,
                remedy="correct the mappings, then `connector check --live`",
            )
        if self._cache is not None:
            try:
                self._cache.keep(fresh)
            except OSError as error:
                _log.warning("the WSDL cannot be kept", error=type(error).__name__)
        return self._taken(fresh)

    def _taken(self, description: wsdl.Description) -> wsdl.Description:
        self._hash = description.hash
        return description


def _unreadable(error: Exception, location: str) -> Exception:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return of_status(error.response.status_code, place=location, write=False)
    return RetryLater(systems.NO_WSDL(error=type(error).__name__), place=location)
