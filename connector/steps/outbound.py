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
then the request may still be on its way, from this process or from one that was killed. A process
that stood still meanwhile, or waited for its turn, looks at its claim once more before the first
byte leaves (`connector.departure`), at each attempt of the gateway to send it.

Some systems give a document its number before it is committed. The number is recorded before the
commit is sent; one that was given and is not there is never answered by another write, but left to
a person, and asked for again all the while.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from connector.departure import boottime, looking
from connector.domain.document_number import document_number
from connector.domain.masking import mask_said
from connector.errors import (
    AlreadyThere,
    ConnectorError,
    Doubled,
    InDoubt,
    LogonFailed,
    MappingFailed,
    Misconfigured,
    Rejected,
    RetryLater,
    said_of,
    without_effect,
)
from connector.steps.attempt import DELIVERED, Attempt
from connector.store.calls import ASK_FIRST, SETTINGS, Call, Calls, CallState
from connector.store.tables import CallRow
from connector.telemetry.tracing import span, tell
from connector.wording import Said, systems, together

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Document:
    """What a confirmed write made: its number in the other system and the answer's values."""

    number: str
    answer: Mapping[str, Any]


def _numbered(document: Document, row: CallRow) -> Document:
    """Return a document without padding around its number. Raises InDoubt where it has none."""
    number = document_number(document.number)
    if not number:
        raise InDoubt(systems.NO_DOCUMENT_NUMBER(), place=row.key)
    return replace(document, number=number)


# Seconds until a call that was kept back so is looked at again.
_AGAIN = 5.0
# How long after a write that was answered as if settings were wrong another one is tried.
_TRIED_AGAIN = timedelta(minutes=10)
# The code of a call that the other side refused as a double of one that it holds.
EXISTS = "exists"

Send = Callable[[], Document]
Ask = Callable[[], Document | None]


class Outbound:
    """Makes outbound calls, each once.

    A call that is proved absent is sent again by itself at most `resend` times; then a person looks
    first why it never arrives, or is never shown.

    `forgotten` says of a call that is new to the database whether it may have been sent all the
    same: before the database was restored.
    """

    def __init__(
        self,
        calls: Calls,
        clock: Callable[[], datetime],
        settling: timedelta,
        forgotten: Callable[[Call], bool] = lambda _call: False,
        resend: int = 2,
    ) -> None:
        self._calls = calls
        self._clock = clock
        self._settling = settling
        self._forgotten = forgotten
        self._resend = resend
        # The systems that took a call of this process.
        self._accepting: set[str] = set()

    @property
    def settling(self) -> timedelta:
        """How long a call that was sent may still take effect."""
        return self._settling

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
        if call.system not in self._accepting:
            self._prove_accepting(call, ask)
        recorded = boottime()
        begun = self._calls.begin(call, self._clock())
        if begun is not None and self._forgotten(call):
            self._calls.doubt(begun, systems.FORGOTTEN())
            return self._found_or_wait(self._calls.by_key(call.key), ask)
        if begun is not None:
            return self._send(begun, recorded, call, send, ask)
        row = self._calls.by_key(call.key)
        document = self.outcome(row, ask)
        if document is not None:
            return document
        if prepare is not None:
            prepare()
        recorded = boottime()
        claimed = self._calls.claim(row, call, self._clock())
        if claimed is None:
            raise RetryLater(systems.ANOTHER_PROCESS(), place=call.key, after=_AGAIN)
        return self._send(claimed, recorded, call, send, ask)

    def _prove_accepting(self, call: Call, ask: Ask | None) -> None:
        """Send nothing new to a system that answered the last write as if settings were wrong.

        Each such write is in doubt. One that can be asked proves by a question that it takes
        calls again; of another, or where the question is refused or not understood, a write is
        tried now and then. Raises RetryLater and Misconfigured, without effect: what the question
        comes to is no fault of the call's order.
        """
        refused = self._calls.refused(call.system)
        if refused is None or refused.key == call.key or refused.sent_at is None:
            return
        if ask is not None and self._answers(ask):
            self._accepting.add(call.system)
        elif self._clock() - refused.sent_at < _TRIED_AGAIN:
            raise without_effect(
                Misconfigured(
                    systems.SENT_LATER(call=refused.id, error=refused.error or ""),
                    place=call.key,
                    remedy=f"`connector check --live`, then `connector calls show {refused.id}`",
                )
            )

    def _answers(self, ask: Ask) -> bool:
        """Whether a question is answered in a way that is understood."""
        try:
            ask()
        except (Rejected, MappingFailed, InDoubt):
            return False
        return True

    def _prepare_first(self, call: Call, prepare: Callable[[], None]) -> None:
        """Prepare a call that is new. When that fails, the call is noted as not sent, and why."""
        try:
            prepare()
        except Exception as error:
            row = self._calls.begin(call, self._clock())
            if row is not None:
                self._calls.release(row, mask_said(said_of(error)))
            raise

    def given(self, call: Call, number: str) -> None:
        """Note the number that the other side gave what is still to be committed.

        Raises RetryLater when the call is on its way no longer, and must not be committed.
        """
        if not self._calls.give(self._calls.by_key(call.key), number):
            raise RetryLater(systems.ANOTHER_PROCESS(), place=call.key)

    def outcome(self, row: CallRow, ask: Ask | None) -> Document | None:
        """Return the document of a recorded call; None when it is free to be sent.

        A call whose outcome is open is asked about. Raises as `perform` does.
        """
        if row.state == CallState.CONFIRMED:
            return Document(row.document or "", row.answer or {})
        if row.state == CallState.REJECTED:
            raise Rejected(row.code or "", row.error or "", place=row.key)
        if row.state == CallState.PENDING:
            return self._done_all_the_same(row, ask) if row.code == ASK_FIRST else None
        return self._ask(row, ask)

    def _done_all_the_same(self, row: CallRow, ask: Ask | None) -> Document | None:
        """Return the document of a call that was refused, where the other side has it anyway."""
        if ask is None:
            return None
        document = self._asked(row, ask)
        if document is not None:
            self._calls.confirm(row, document.number, document.answer, self._clock())
        return document

    def _asked(self, row: CallRow, ask: Ask) -> Document | None:
        self._calls.asked(row)
        try:
            document = ask()
        except (Rejected, MappingFailed) as error:
            raise InDoubt(systems.ASKING_REFUSED(error=error.said), place=row.key) from error
        return None if document is None else _numbered(document, row)

    def _send(
        self, row: CallRow, recorded: float, call: Call, send: Send, ask: Ask | None
    ) -> Document:
        attempt = Attempt(self._calls, self._clock, self._settling, row, recorded)
        try:
            attempt.in_time()
            with (
                looking(attempt.look, attempt.again, self._settling.total_seconds() * DELIVERED),
                structlog.contextvars.bound_contextvars(call=row.id),
                span(f"outbound {call.operation}", call=str(row.id), system=call.system),
            ):
                document = _numbered(send(), row)
                tell(document=document.number)
        except Rejected as error:
            self._calls.reject(attempt.row, error.code, error.text, self._clock())
            raise
        except Exception as error:
            if isinstance(error, ConnectorError) and error.no_effect:
                self._calls.release(attempt.row, error.said)
                raise
            # InDoubt, AlreadyThere, and whatever no table of errors foresaw: it may have arrived.
            if not isinstance(error, ConnectorError):
                _log.exception("unforeseen error while sending", call=call.key)
            said = EXISTS if isinstance(error, AlreadyThere) else None
            said = SETTINGS if isinstance(error, Misconfigured) else said
            why = systems.NAMED(name=type(error).__name__, message=said_of(error))
            if not self._calls.doubt(attempt.row, mask_said(why), said):
                # Another process took the call over meanwhile, and may have sent it as well.
                return self._taken_over(attempt.row, None, ask)
            if isinstance(error, LogonFailed) or (isinstance(error, Misconfigured) and not ask):
                # Asking would be answered likewise: IT is told first, and it is asked later.
                raise
            # Where settings are to blame, asking is answered likewise, and IT is told.
            return self._found_or_wait(self._calls.by_key(call.key), ask)
        self._accepting.add(call.system)
        mine = attempt.stands_after()
        # Where a power cut may forget the answer, it is asked for again: only where it can be.
        confirmed = self._calls.confirm(
            attempt.row, document.number, document.answer, self._clock(), durable=ask is None
        )
        return document if mine and confirmed else self._taken_over(attempt.row, document, ask)

    def _taken_over(self, row: CallRow, made: Document | None, ask: Ask | None) -> Document:
        """Return the one document of a call that another process took over before its answer.

        Where that one may have sent it as well, the other side is asked how many it holds. Raises
        Doubled where these are several, or where it cannot be told.
        """
        known = self._calls.by_key(row.key)
        if known.attempts == row.attempts:
            # It was asked about, and not sent again.
            document = self.outcome(known, ask)
            if document is None:
                raise RetryLater(systems.FREE_AGAIN(), place=row.key, after=0)
            if made is None or made.number == document.number:
                return document
        numbers = [each for each in (made and made.number, known.document) if each]
        try:
            if ask is None:
                why: Said = systems.CANNOT_BE_ASKED()
            else:
                held = self._asked(known, ask)
                numbers += [held.number] if held is not None else []
                if held is not None and len(set(numbers)) == 1:
                    return held
                if held is None and not numbers:
                    # Neither has arrived yet: what is recorded now is asked about as ever.
                    raise RetryLater(systems.NOT_FOUND_YET(), place=row.key, after=_AGAIN)
                why = systems.HOLDS_SEVERAL(numbers=list(dict.fromkeys(numbers)))
        except RetryLater as error:
            if made is None:
                raise
            why = error.said
        except Exception as error:
            why = together(getattr(error, "reasons", [said_of(error)]))
        doubled = systems.DOUBLED(
            operation=row.operation,
            reference=row.reference,
            numbers=list(dict.fromkeys(numbers)) or systems.NOTHING_NOTED(),
            why=mask_said(why),
        )
        self._calls.double(row, doubled)
        _log.critical("a document may be double", call=row.id, numbers=numbers)
        raise Doubled(doubled, place=row.key, remedy=systems.KEEP_ONE(system=row.system))

    def _found_or_wait(self, row: CallRow, ask: Ask | None) -> Document:
        document = self._ask(row, ask)
        if document is None:
            raise RetryLater(systems.FREE_AGAIN(), place=row.key, after=0)
        return document

    def _ask(self, row: CallRow, ask: Ask | None) -> Document | None:
        age = self._clock() - (row.sent_at or row.created_at)
        if row.state == CallState.SENT and timedelta(0) <= age < self._settling:
            raise RetryLater(
                systems.ON_ITS_WAY(),
                place=row.key,
                after=min(5.0, (self._settling - age).total_seconds()),
            )
        if row.state == CallState.SENT:
            self._calls.doubt(row, systems.ENDED_BEFORE())
            row = self._calls.by_key(row.key)
        if ask is None:
            raise self._for_ops(row, systems.CANNOT_BE_ASKED())
        document = self._asked(row, ask)
        if document is not None:
            self._calls.confirm(row, document.number, document.answer, self._clock())
            return document
        if age < self._settling:
            raise RetryLater(
                systems.NOT_FOUND_YET(),
                place=row.key,
                after=(self._settling - age).total_seconds(),
            )
        if row.code == EXISTS:
            raise self._for_ops(row, systems.NOT_SHOWN())
        if given_now(row):
            raise self._number_gone(row)
        if row.absent >= self._resend:
            raise self._for_ops(row, systems.ABSENT_AGAIN(times=row.absent + 1))
        self._calls.absent(row, systems.ABSENT())
        return None

    def _number_gone(self, row: CallRow) -> InDoubt:
        """Return the doubt about a number that was given and is not there."""
        return InDoubt(
            systems.NUMBER_GONE(numbers=", ".join(numbers_given(row)), call=row.id),
            place=row.key,
            remedy=systems.RESOLVE_NUMBER(call=row.id),
            asked_again=True,
        )

    def _for_ops(self, row: CallRow, why: Said) -> InDoubt:
        """Return the doubt that only a person can end, with all that is known."""
        at = row.sent_at
        return InDoubt(
            systems.IN_DOUBT(
                why=why,
                operation=row.operation,
                reference=row.reference,
                sent=systems.SENT_AT(at=f"{at:%Y-%m-%d %H:%M:%S}") if at else systems.SENT(),
                attempts=row.attempts,
                error=row.error or systems.NOTHING_NOTED(),
            ),
            place=row.key,
            remedy=systems.RESOLVE(reference=row.reference, call=row.id),
        )


def numbers_given(row: CallRow) -> list[str]:
    """Return every number that the other side ever gave for a call."""
    return list(dict.fromkeys(str(each["number"]) for each in row.given or ()))


def given_now(row: CallRow) -> bool:
    """Whether a number was given in the attempt that a call is in."""
    return any(each["attempt"] == row.attempts for each in row.given or ())
