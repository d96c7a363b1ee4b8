"""The record of outbound calls: every change of state is one committed compare-and-set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    CursorResult,
    Table,
    Update,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from connector.store.changes import Change, apply_in
from connector.store.database import Database
from connector.store.tables import CallRow, DocumentRow, OrderRow
from connector.store.types import Written, dumps
from connector.telemetry.counters import call_came_to

# Every order makes several calls: they are written past the ORM, whose bookkeeping none needs.
_TABLE = cast(Table, CallRow.__table__)
_NEW = (
    "key", "system", "operation", "order_pk", "revision", "reference", "request", "request_hash",
    "mapping_version", "state", "attempts", "asked", "absent", "created_at", "sent_at",
)  # fmt: skip
_BEGIN = insert(_TABLE).values({name: bindparam(name) for name in _NEW}).returning(_TABLE.c.id)


# The code of a call that a person decided against before it had any effect.
WITHDRAWN = "withdrawn"
# The code of a call in doubt that was answered as if settings were wrong.
SETTINGS = "settings"
# The code of a pending call that the other side once refused: it may have done it before it did.
ASK_FIRST = "ask_first"
# The code of a call of which the other side holds, or may hold, more than one document.
DOUBLED = "doubled"


class CallState(StrEnum):
    """How far an outbound call has come."""

    PENDING = "pending"  # provably had no effect; free to be sent again
    SENT = "sent"  # on its way; stays so when the process dies before the answer
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    IN_DOUBT = "in_doubt"  # the answer is lost; asked about before anything is sent again


@dataclass(frozen=True)
class Call:
    """An outbound write about to be made.

    `subject` and `part` name what it is for (an order number and a business unit, a buyer);
    with system, operation and revision they make the idempotency key. `reference` is the
    external reference under which the other side can be asked.
    """

    system: str
    operation: str
    subject: str
    reference: str
    request: Mapping[str, Any]
    part: str = ""
    revision: int = 1
    order_pk: int | None = None
    mapping_version: str = ""

    @property
    def key(self) -> str:
        """The idempotency key: the same for the same intention, in every process and run."""
        key = "|".join((self.system, self.operation, self.subject, self.part, str(self.revision)))
        if len(key) <= 200:
            return key
        return f"{self.system}|{self.operation}|{hashlib.sha256(key.encode()).hexdigest()}"


@cache
def _changing(states: tuple[str, ...], names: tuple[str, ...], *, fenced: bool) -> Update:
    """Return the statement that sets these columns of a call in one of these states."""
    query = update(_TABLE).where(
        _TABLE.c.id == bindparam("of_id"), or_(*(_TABLE.c.state == str(each) for each in states))
    )
    if fenced:
        query = query.where(_TABLE.c.attempts == bindparam("of_attempt"))
    return query.values({name: bindparam(name) for name in names})


def _described(call: Call, now: datetime) -> tuple[dict[str, Any], Written]:
    """Return what is recorded of a new call, and its request as it is written."""
    request = dict(call.request)
    text = Written(dumps(request))
    described = {
        "key": call.key,
        "system": call.system,
        "operation": call.operation,
        "order_pk": call.order_pk,
        "revision": call.revision,
        "reference": call.reference,
        "request": request,
        "request_hash": hashlib.sha256(text.encode()).hexdigest(),
        "mapping_version": call.mapping_version,
        "asked": 0,
        "absent": 0,
        "created_at": now,
    }
    return described, text


class Calls:
    """Reads and changes outbound calls."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, call: Call, now: datetime) -> CallRow | None:
        """Record a call as sent, which the caller then does; None when it was recorded before."""
        described, text = _described(call, now)
        values = {**described, "state": CallState.SENT, "attempts": 1, "sent_at": now}
        try:
            identity = self._database.write_alone(_BEGIN, {**values, "request": text}).returned
        except IntegrityError:
            return None
        return CallRow(id=identity, **values)

    def spare(self, call: Call, document: str, answer: Mapping[str, Any], now: datetime) -> CallRow:
        """Note that a call is not to be made, as what it would make is there: `document`.

        Return the call as it then stands: one that was sent before, or is being sent in this
        moment, stays as it is. Of two who decide at once, the key lets one win.
        """
        described, _ = _described(call, now)
        confirmed: dict[str, Any] = {
            "state": CallState.CONFIRMED,
            "document": document,
            "answer": dict(answer),
            "code": None,
            "error": None,
            "finished_at": now,
        }
        try:
            with self._database.transaction() as session:
                row = CallRow(**described, **confirmed, attempts=0)
                session.add(row)
            return row
        except IntegrityError:
            self._change(
                self.by_key(call.key), (CallState.PENDING, CallState.REJECTED), **confirmed
            )
            return self.by_key(call.key)

    def by_key(self, key: str) -> CallRow:
        """Return the call with this idempotency key. Raises LookupError."""
        found = self.find(key)
        if found is None:
            raise LookupError(f"no outbound call has the key {key}")
        return found

    def find(self, key: str) -> CallRow | None:
        """Return the call with this idempotency key, if it was ever recorded."""
        with self._database.reading() as session:
            return session.scalar(select(CallRow).where(CallRow.key == key))

    def get(self, call_id: int) -> CallRow | None:
        """Return the call with this number."""
        with self._database.reading() as session:
            return session.get(CallRow, call_id)

    def of_order(self, order_pk: int) -> list[CallRow]:
        """Return an order's calls, oldest first."""
        with self._database.reading() as session:
            return list(
                session.scalars(
                    select(CallRow).where(CallRow.order_pk == order_pk).order_by(CallRow.id)
                )
            )

    def listed(self, states: tuple[str, ...] = (), limit: int = 200) -> list[CallRow]:
        """Return calls in the given states (all by default), newest first."""
        query = select(CallRow).order_by(CallRow.id.desc()).limit(limit)
        if states:
            query = query.where(CallRow.state.in_(states))
        with self._database.reading() as session:
            return list(session.scalars(query))

    def claim(self, row: CallRow, call: Call, now: datetime) -> CallRow | None:
        """Take a pending call for sending. Of several that try, one gets the row of its attempt."""
        text = dumps(dict(call.request))
        taken = self._change(
            row,
            (CallState.PENDING,),
            state=CallState.SENT,
            attempts=row.attempts + 1,
            sent_at=now,
            request=dict(call.request),
            request_hash=hashlib.sha256(text.encode()).hexdigest(),
            mapping_version=call.mapping_version,
            code=None,
            error=None,
        )
        return self.by_key(row.key) if taken else None

    def renew(self, row: CallRow, now: datetime) -> CallRow | None:
        """Claim anew a call that is on its way and had no effect; None when it is another's now."""
        taken = self._change(row, (CallState.SENT,), attempts=row.attempts + 1, sent_at=now)
        return self.by_key(row.key) if taken else None

    def double(self, row: CallRow, why: str) -> None:
        """Note that the other side holds, or may hold, more than one document of a call.

        It is true whatever state the call is in, and whichever attempt found it.
        """
        query = update(_TABLE).where(_TABLE.c.id == row.id).values(code=DOUBLED, error=why)
        with self._database.writing() as connection:
            connection.execute(query)

    def stands(self, row: CallRow) -> bool:
        """Whether a call is still on its way by this attempt, as the database says now."""
        query = select(_TABLE.c.id).where(
            _TABLE.c.id == row.id,
            _TABLE.c.attempts == row.attempts,
            _TABLE.c.state == CallState.SENT,
        )
        with self._database.reading() as session:
            return session.scalar(query) is not None

    def give(self, row: CallRow, number: str) -> bool:
        """Note the number that the other side gave in this attempt; whether it is still sending."""
        given = [*(row.given or ()), {"number": number, "attempt": row.attempts}]
        return self._change(row, (CallState.SENT,), given=given)

    def sent_since(
        self, operation: str, since: datetime, before: CallRow | None = None
    ) -> tuple[int, datetime | None]:
        """Return how many calls were sent since then and may have taken effect, and the first.

        With `before` only those that went ahead of that call: of calls that are recorded in one
        instant each sees another number, so that they do not all give way to each other.
        """
        query = select(func.count(), func.min(CallRow.sent_at)).where(
            CallRow.operation == operation,
            CallRow.sent_at > since,
            CallRow.state.in_((CallState.SENT, CallState.IN_DOUBT, CallState.CONFIRMED)),
        )
        if before is not None:
            query = query.where(
                or_(
                    CallRow.sent_at < before.sent_at,
                    and_(CallRow.sent_at == before.sent_at, CallRow.id < before.id),
                )
            )
        with self._database.reading() as session:
            sent, first = session.execute(query).one()
        return int(sent), first

    def refused(self, system: str) -> CallRow | None:
        """Return the newest call that is in doubt because settings seem to be wrong.

        None where the system took a call after it.
        """
        query = (
            select(CallRow)
            .where(
                CallRow.system == system,
                CallRow.state == CallState.IN_DOUBT,
                CallRow.code == SETTINGS,
            )
            .order_by(CallRow.sent_at.desc())
            .limit(1)
        )
        taken = select(CallRow.id).where(
            CallRow.system == system,
            CallRow.state.in_((CallState.CONFIRMED, CallState.REJECTED)),
        )
        with self._database.reading() as session:
            row = session.scalar(query)
            if row is not None and session.scalar(
                taken.where(CallRow.finished_at > row.sent_at).limit(1)
            ):
                return None
            return row

    def open_of(self, operation: str) -> list[CallRow]:
        """Return the calls of an operation that have no outcome."""
        query = select(CallRow).where(
            CallRow.operation == operation,
            CallRow.state.in_((CallState.PENDING, CallState.SENT, CallState.IN_DOUBT)),
        )
        with self._database.reading() as session:
            return list(session.scalars(query.order_by(CallRow.id)))

    def give_up(self, row: CallRow, why: str, now: datetime) -> bool:
        """Note that a call which had no effect is not to be made any more."""
        return self._change(
            row,
            (CallState.PENDING,),
            state=CallState.REJECTED,
            code=WITHDRAWN,
            error=why,
            finished_at=now,
        )

    def not_sent_later(self, now: datetime) -> None:
        """Have open calls settle from now on that seem to be sent later: the clock was set back."""
        query = (
            update(_TABLE)
            .where(
                _TABLE.c.sent_at > now,
                _TABLE.c.state.in_((CallState.SENT, CallState.IN_DOUBT)),
            )
            .values(sent_at=now)
        )
        with self._database.writing() as connection:
            connection.execute(query)

    def given_in_doubt(self) -> list[CallRow]:
        """Return the calls in doubt of which the other side gave a number."""
        query = select(CallRow).where(
            CallRow.state == CallState.IN_DOUBT, CallRow.given.is_not(None)
        )
        with self._database.reading() as session:
            return list(session.scalars(query.order_by(CallRow.id)))

    def withdraw(self, operation: str, subject: str, why: str, now: datetime) -> None:
        """Note that calls for a subject which had no effect are not to be made any more."""
        query = (
            update(_TABLE)
            .where(
                _TABLE.c.operation == operation,
                _TABLE.c.state == CallState.PENDING,
                _TABLE.c.key.contains(f"|{operation}|{subject}|", autoescape=True),
            )
            .values(state=CallState.REJECTED, code=WITHDRAWN, error=why, finished_at=now)
        )
        with self._database.writing() as connection:
            connection.execute(query)

    def holder_of(self, row: CallRow, number: str) -> str | None:
        """Return whose document this number is, where it is another call's; None otherwise.

        Calls that belong to no order deliver files: the same content may lie in several places.
        What changes a document has its number for a reference.
        """
        if row.order_pk is None or number == row.reference:
            return None
        documents = (
            select(OrderRow.number)
            .join(DocumentRow, DocumentRow.order_pk == OrderRow.id)
            .where(
                DocumentRow.system == row.system,
                DocumentRow.number == number,
                DocumentRow.order_pk != row.order_pk,
            )
        )
        calls = select(CallRow.id).where(
            CallRow.system == row.system,
            CallRow.operation == row.operation,
            CallRow.document == number,
            CallRow.state == CallState.CONFIRMED,
            CallRow.id != row.id,
            # Of one order too: the sales order of another business unit, or of a revision before.
            or_(CallRow.order_pk != row.order_pk, CallRow.system == "dms"),
        )
        with self._database.reading() as session:
            order = session.scalar(documents.limit(1))
            if order is not None:
                return f"of order {order}"
            call = session.scalar(calls.limit(1))
            return None if call is None else f"of call {call}"

    def asked(self, row: CallRow) -> None:
        """Count one question about a call."""
        query = update(_TABLE).where(_TABLE.c.id == row.id, _TABLE.c.attempts == row.attempts)
        with self._database.writing() as connection:
            connection.execute(query.values(asked=_TABLE.c.asked + 1))

    def confirm(
        self,
        row: CallRow,
        document: str,
        answer: Mapping[str, Any],
        now: datetime,
        *,
        durable: bool = True,
    ) -> bool:
        """Note that the write took effect, as which document: true of whichever attempt it was.

        It need not be `durable` by itself where a power cut that forgets it leaves a call that is
        sent, and the other side can be asked.
        """
        return self._change(
            row,
            (CallState.SENT, CallState.IN_DOUBT, CallState.PENDING),
            any_attempt=True,
            durable=durable,
            state=CallState.CONFIRMED,
            document=document,
            answer=dict(answer),
            code=None,
            error=None,
            finished_at=now,
        )

    def reopen(
        self, row: CallRow, why: str, order: OrderRow, change: Change, actor: str, now: datetime
    ) -> bool:
        """Put a confirmed call in doubt again with its order, unless something was built upon it.

        That is a document that was made of it, or a further call on its document, such as an
        approval, which may have left. Both in one transaction: whoever walks the order meanwhile
        fails. Raises StaleOrder.
        """
        built_upon = select(DocumentRow.id).where(
            DocumentRow.order_pk == row.order_pk,
            DocumentRow.system == row.system,
            DocumentRow.number == row.document,
            DocumentRow.at >= row.finished_at,
        )
        further = _TABLE.alias()
        called_upon = select(further.c.id).where(
            further.c.order_pk == row.order_pk,
            further.c.system == row.system,
            further.c.reference == row.document,
            further.c.id != row.id,
            further.c.created_at >= row.finished_at,
        )
        query = (
            update(_TABLE)
            .where(
                _TABLE.c.id == row.id,
                _TABLE.c.attempts == row.attempts,
                _TABLE.c.state == CallState.CONFIRMED,
                ~built_upon.exists(),
                ~called_upon.exists(),
            )
            .values(
                state=CallState.IN_DOUBT, document=None, answer=None, error=why, code=None,
                finished_at=None,
            )
        )  # fmt: skip
        with self._database.transaction() as session:
            if not cast(CursorResult[Any], session.execute(query)).rowcount:
                return False
            apply_in(session, order, change, actor, now)
        call_came_to(row.system, row.operation, CallState.IN_DOUBT)
        return True

    def reject(self, row: CallRow, code: str, text: str, now: datetime) -> bool:
        """Note that the other side said no."""
        return self._change(
            row,
            (CallState.SENT, CallState.IN_DOUBT),
            state=CallState.REJECTED,
            code=code[:80],
            error=text,
            finished_at=now,
        )

    def doubt(self, row: CallRow, why: str, code: str | None = None) -> bool:
        """Note that the outcome is unknown; `code` is what the other side said, if anything."""
        return self._change(row, (CallState.SENT,), state=CallState.IN_DOUBT, error=why, code=code)

    def doubt_unsent(self, why: str, now: datetime) -> None:
        """Note that orders' calls that are held to have no effect may have been sent until now.

        These are the calls that were free to be sent again, and those that were refused.
        """
        unsent = _TABLE.c.state.in_((CallState.PENDING, CallState.REJECTED))
        query = update(_TABLE).where(unsent, _TABLE.c.order_pk.is_not(None))
        with self._database.writing() as connection:
            connection.execute(
                query.values(state=CallState.IN_DOUBT, error=why, code=None, sent_at=now)
            )

    def release(self, row: CallRow, why: str, code: str | None = None) -> bool:
        """Make a call pending again, after it provably had no effect or a person said retry.

        By the code ASK_FIRST the other side is asked before it is sent.
        """
        return self._change(
            row,
            (CallState.SENT, CallState.IN_DOUBT, CallState.REJECTED),
            state=CallState.PENDING,
            code=code,
            error=why,
            finished_at=None,
        )

    def absent(self, row: CallRow, why: str) -> bool:
        """Make a call pending again that may have arrived, was asked about, and is not there."""
        return self._change(
            row,
            (CallState.IN_DOUBT,),
            state=CallState.PENDING,
            code=None,
            error=why,
            absent=row.absent + 1,
        )

    def _change(
        self,
        row: CallRow,
        from_states: tuple[str, ...],
        *,
        any_attempt: bool = False,
        durable: bool = True,
        **values: Any,
    ) -> bool:
        """Change a call, unless it has moved on since `row` was read.

        The number of attempts is the fence. Two orders of one buyer share a call: who found the
        last attempt absent must not release the next one, which the other has meanwhile sent.
        """
        fence = {"of_id": row.id} if any_attempt else {"of_id": row.id, "of_attempt": row.attempts}
        query = _changing(from_states, tuple(values), fenced=not any_attempt)
        taken = bool(self._database.write_alone(query, values | fence, durable=durable).rows)
        if taken and "state" in values:
            call_came_to(row.system, row.operation, values["state"])
        return taken
