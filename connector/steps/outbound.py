"""The one way in which anything is written to another system.

    recorded as sent ──answer──▶ confirmed | rejected
    pending ──claim──▶ sent ──answer──▶ confirmed | rejected
       ▲                 │
       │                 └─ answer lost, or the process died ──▶ in doubt
       └── asked, provably absent ◀──────────────────────────────────┘
                                    asked, found ──▶ confirmed

A call is recorded before it is sent. One that may have arrived is never sent again before the
other side was asked by external reference. "Absent" is believed only once the call is older than
the settling time, which is longer than any request can linger on the wire or in the server: until
then the request may still be on its way, from this process or from one that was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from connector.domain.masking import mask_text
from connector.errors import (
    AlreadyThere,
    InDoubt,
    MappingFailed,
    Misconfigured,
    Rejected,
    RetryLater,
)
from connector.store.calls import Call, Calls, CallState
from connector.store.tables import CallRow
from connector.telemetry.tracing import span, tell

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Document:
    """What a confirmed write made: its number in the other system and the answer's values."""

    number: str
    answer: Mapping[str, Any]


# The code of a call that the other side refused as a double of one that it holds.
EXISTS = "exists"

Send = Callable[[], Document]
Ask = Callable[[], Document | None]


class Outbound:
    """Makes outbound calls, each once."""

    def __init__(self, calls: Calls, clock: Callable[[], datetime], settling: timedelta) -> None:
        self._calls = calls
        self._clock = clock
        self._settling = settling

    def settles_at(self, row: CallRow) -> datetime:
        """Return until when a call that was sent may still take effect, answered or not."""
        return (row.sent_at or row.created_at) + self._settling

    def perform(
        self,
        call: Call,
        send: Send,
        ask: Ask | None,
        prepare: Callable[[], None] | None = None,
    ) -> Document:
        """Make the call unless it was made before, and return the document either way.

        `send` makes the write and `ask` looks for its document by external reference (None where
        the other side cannot be asked). `prepare` does what has no effect by itself and may take
        long or fail, before the call counts as sent: a process that dies in it leaves no doubt.
        Raises RetryLater (nothing happened, or it is too early to tell), Rejected (now or
        earlier), InDoubt (a person must look), Misconfigured.
        """
        if prepare is not None and self._calls.find(call.key) is None:
            self._prepare_first(call, prepare)
        begun = self._calls.begin(call, self._clock())
        if begun is not None:
            return self._send(begun, call, send, ask)
        row = self._calls.by_key(call.key)
        document = self.outcome(row, ask)
        if document is not None:
            return document
        if prepare is not None:
            prepare()
        claimed = self._calls.claim(row, call, self._clock())
        if claimed is None:
            raise RetryLater("another process is making this call", place=call.key, after=5)
        return self._send(claimed, call, send, ask)

    def _prepare_first(self, call: Call, prepare: Callable[[], None]) -> None:
        """Prepare a call that is new. When that fails, the call is noted as not sent, and why."""
        try:
            prepare()
        except Exception as error:
            row = self._calls.begin(call, self._clock())
            if row is not None:
                self._calls.release(row, mask_text(str(error)))
            raise

    def outcome(self, row: CallRow, ask: Ask | None) -> Document | None:
        """Return the document of a recorded call; None when it is free to be sent.

        A call whose outcome is open is asked about. Raises as `perform` does.
        """
        if row.state == CallState.CONFIRMED:
            return Document(row.document or "", row.answer or {})
        if row.state == CallState.REJECTED:
            raise Rejected(row.code or "", row.error or "", place=row.key)
        if row.state == CallState.PENDING:
            return None
        return self._ask(row, ask)

    def _send(self, row: CallRow, call: Call, send: Send, ask: Ask | None) -> Document:
        try:
            with (
                structlog.contextvars.bound_contextvars(call=row.id),
                span(f"outbound {call.operation}", call=str(row.id), system=call.system),
            ):
                document = send()
                tell(document=document.number)
        except (RetryLater, Misconfigured, MappingFailed) as error:
            # These say that the write provably had no effect.
            self._calls.release(row, str(error))
            raise
        except Rejected as error:
            self._calls.reject(row, error.code, error.text, self._clock())
            raise
        except Exception as error:
            # InDoubt, AlreadyThere, and whatever no table of errors foresaw: it may have arrived.
            if not isinstance(error, InDoubt | AlreadyThere):
                _log.exception("unforeseen error while sending", call=call.key)
            said = EXISTS if isinstance(error, AlreadyThere) else None
            self._calls.doubt(row, mask_text(f"{type(error).__name__}: {error}"), said)
            return self._found_or_wait(self._calls.by_key(call.key), ask)
        self._calls.confirm(row, document.number, document.answer, self._clock())
        return document

    def _found_or_wait(self, row: CallRow, ask: Ask | None) -> Document:
        document = self._ask(row, ask)
        if document is None:
            raise RetryLater("the call is free to be sent again", place=row.key, after=0)
        return document

    def _ask(self, row: CallRow, ask: Ask | None) -> Document | None:
        age = self._clock() - (row.sent_at or row.created_at)
        if row.state == CallState.SENT and timedelta(0) <= age < self._settling:
            raise RetryLater(
                "the call is on its way",
                place=row.key,
                after=min(5.0, (self._settling - age).total_seconds()),
            )
        if row.state == CallState.SENT:
            self._calls.doubt(row, "the process ended before the answer was noted")
            row = self._calls.by_key(row.key)
        if ask is None:
            raise self._for_ops(row, "the other side cannot be asked")
        self._calls.asked(row)
        try:
            document = ask()
        except (Rejected, MappingFailed) as error:
            raise InDoubt(f"asking was refused: {error}", place=row.key) from error
        if document is not None:
            self._calls.confirm(row, document.number, document.answer, self._clock())
            return document
        if age < self._settling:
            raise RetryLater(
                "not found yet; asked again when the call has settled",
                place=row.key,
                after=(self._settling - age).total_seconds(),
            )
        if row.code == EXISTS:
            raise self._for_ops(row, "the other side says that it is there, and does not show it")
        self._calls.release(row, "asked: provably absent")
        return None

    def _for_ops(self, row: CallRow, why: str) -> InDoubt:
        """Return the doubt that only a person can end, with all that is known."""
        sent = f"sent {row.sent_at:%Y-%m-%d %H:%M:%S} UTC" if row.sent_at else "sent"
        return InDoubt(
            f"{why}; {row.operation} for {row.reference}, {sent}, attempt {row.attempts},"
            f" then: {row.error or 'no answer was noted'}",
            place=row.key,
            remedy=f"look there for {row.reference}, then"
            f" `connector calls resolve {row.id} --found DOCUMENT` or `--absent`",
        )
