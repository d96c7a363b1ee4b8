"""One change of an order: new state, its event and its documents, in one commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, cast

from sqlalchemy import Table, Update, bindparam, delete, select, update
from sqlalchemy.orm import Session

from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.order import OrderLine
from connector.store.tables import AllocationRow, DocumentRow, EventRow, LineRow, OrderRow
from connector.wording import Said

_TABLE = cast(Table, OrderRow.__table__)


class StaleOrder(Exception):
    """Another mover changed the order since it was read; what was decided on it is void."""


@dataclass(frozen=True)
class Hold:
    """Why an order waits: the cause, and every reason in words for the person who settles it."""

    cause: HoldCause
    reasons: tuple[Said, ...]
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NewDocument:
    """A document to be noted with a change; noting it a second time changes nothing."""

    kind: str
    system: str
    business_unit: str
    number: str
    at: datetime
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Allocation:
    """Pieces of one line promised from one plant for one delivery of the order."""

    line_number: int
    plant: str
    sku: str
    quantity: Decimal
    delivery: int = 1


@dataclass(frozen=True)
class Change:
    """One change of an order, with the event that tells it.

    A change without `hold` ends a hold that there was, unless `keep_hold` is set. `next_try_at`
    is when the order may be walked again; None means not by itself. `lines` take the place of
    those there were; of `refunded` ones only what was refunded is noted. `also` are events that
    are told before it: of these nothing else counts.
    """

    event: str
    text: Said
    detail: Mapping[str, Any] = field(default_factory=dict)
    stage: Stage | None = None
    hold: Hold | None = None
    keep_hold: bool = False
    next_try_at: datetime | None = None
    tries: int = 0
    values: Mapping[str, Any] = field(default_factory=dict)
    documents: Sequence[NewDocument] = ()
    lines: Sequence[OrderLine] | None = None
    refunded: Sequence[OrderLine] = ()
    allocations: Sequence[Allocation] = ()
    free_allocations: bool = False
    mapping_version: str = ""
    also: Sequence[Change] = ()


@cache
def _changing(names: tuple[str, ...]) -> Update:
    """Return the statement that sets these columns of an order in one version of it."""
    return (
        update(_TABLE)
        .where(_TABLE.c.id == bindparam("of_id"), _TABLE.c.version == bindparam("of_version"))
        .values({name: bindparam(name) for name in names})
    )


def apply_in(session: Session, row: OrderRow, change: Change, actor: str, now: datetime) -> None:
    """Make one change within a transaction that the caller commits. Raises StaleOrder."""
    values: dict[str, Any] = {
        **change.values,
        "version": row.version + 1,
        "updated_at": now,
        "next_try_at": change.next_try_at,
        "tries": change.tries,
    }
    if change.stage is not None:
        values["stage"] = change.stage
    if change.hold is not None:
        values["hold_cause"] = change.hold.cause
        values["hold_reasons"] = list(change.hold.reasons)
        if row.hold_cause != change.hold.cause:
            values["hold_since"] = now
    elif not change.keep_hold:
        values |= {"hold_cause": None, "hold_reasons": None, "hold_since": None}
    changed = session.execute(
        _changing(tuple(values)), values | {"of_id": row.id, "of_version": row.version}
    )
    if not changed.rowcount:  # type: ignore[attr-defined]
        raise StaleOrder(row.number)
    for each in change.also:
        _note(session, row.id, each, actor, now)
    _note(session, row.id, change, actor, now, row=row)


def note_in(session: Session, order_pk: int, change: Change, actor: str, now: datetime) -> None:
    """Add an event (and documents) within a transaction that the caller commits."""
    _note(session, order_pk, change, actor, now)


def _note(
    session: Session,
    order_pk: int,
    change: Change,
    actor: str,
    now: datetime,
    row: OrderRow | None = None,
) -> None:
    detail = dict(change.detail)
    if change.stage is not None:
        detail["stage"] = change.stage.value
    if change.hold is not None:
        detail["hold"] = change.hold.cause.value
        detail["reasons"] = list(change.hold.reasons)
        detail |= change.hold.detail
    unchanged_hold = (
        row is not None
        and change.hold is not None
        and change.stage is None
        and row.hold_cause == change.hold.cause
        and row.hold_reasons == list(change.hold.reasons)
    )
    still_waiting = change.event == "waiting" and row is not None and row.tries > 0
    # What is looked at again and again without news would fill the story with echoes.
    if not (unchanged_hold or still_waiting):
        session.add(
            EventRow(
                order_pk=order_pk,
                at=now,
                actor=actor,
                kind=change.event,
                text=change.text,
                detail=detail,
                mapping_version=change.mapping_version,
            )
        )
    known = (
        {
            (kind, number)
            for kind, number in session.execute(
                select(DocumentRow.kind, DocumentRow.number).where(DocumentRow.order_pk == order_pk)
            )
        }
        if change.documents
        else set()
    )
    for document in change.documents:
        if (document.kind, document.number) not in known:
            session.add(
                DocumentRow(
                    order_pk=order_pk,
                    kind=document.kind,
                    system=document.system,
                    business_unit=document.business_unit,
                    number=document.number,
                    at=document.at,
                    detail=dict(document.detail),
                )
            )
    for line in change.refunded:
        session.execute(
            update(LineRow)
            .where(LineRow.order_pk == order_pk, LineRow.number == line.number)
            .values(refunded_quantity=line.refunded_quantity, refunded_amount=line.refunded_amount)
        )
    if change.lines is not None:
        session.execute(delete(LineRow).where(LineRow.order_pk == order_pk))
        for line in change.lines:
            session.add(
                LineRow(
                    order_pk=order_pk,
                    number=line.number,
                    line_id=line.line_id[:64],
                    sku=line.sku[:64],
                    name=line.name,
                    unit=line.unit[:12],
                    quantity=line.quantity,
                    refunded_quantity=line.refunded_quantity,
                    refunded_amount=line.refunded_amount,
                    unit_price=round(line.unit_price, 4),
                    discount=line.discount,
                    subsidy=line.subsidy,
                    amount=line.amount,
                    business_unit=line.business_unit,
                    allocated=Decimal(0),
                    shipped=Decimal(0),
                )
            )
    if change.free_allocations:
        session.execute(
            delete(AllocationRow).where(
                AllocationRow.order_pk == order_pk, AllocationRow.consumed_at.is_(None)
            )
        )
        session.execute(
            update(LineRow).where(LineRow.order_pk == order_pk).values(allocated=Decimal(0))
        )
    for allocation in change.allocations:
        session.add(
            AllocationRow(
                order_pk=order_pk,
                line_number=allocation.line_number,
                plant=allocation.plant,
                sku=allocation.sku,
                quantity=allocation.quantity,
                delivery=allocation.delivery,
                at=now,
            )
        )
        session.execute(
            update(LineRow)
            .where(LineRow.order_pk == order_pk, LineRow.number == allocation.line_number)
            .values(allocated=LineRow.allocated + allocation.quantity)
        )
