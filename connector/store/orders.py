"""Orders in the database: each change is one commit of new state, its event and its documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    Table,
    Update,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.order import OrderLine
from connector.store.database import Database
from connector.store.tables import AllocationRow, DocumentRow, EventRow, LineRow, OrderRow

_PAGE = 500
_TABLE = cast(Table, OrderRow.__table__)


class StaleOrder(Exception):
    """Another mover changed the order since it was read; what was decided on it is void."""


@dataclass(frozen=True)
class Hold:
    """Why an order waits: the cause, and every reason in words for the person who settles it."""

    cause: HoldCause
    reasons: tuple[str, ...]
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
class OpenOrder:
    """A sales order in the DMS of which something may still be told."""

    id: int
    number: str
    business_unit: str
    sales_order: str


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
    those there were; of `refunded` ones only what was refunded is noted.
    """

    event: str
    text: str
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


class Orders:
    """Reads and changes orders."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, row: OrderRow, change: Change, actor: str, now: datetime) -> OrderRow | None:
        """Add an order that was not known; None when another process just did."""
        try:
            with self._database.transaction() as session:
                session.add(row)
                session.flush()
                _note(session, row.id, change, actor, now)
        except IntegrityError:
            return None
        return row

    def apply(self, row: OrderRow, change: Change, actor: str, now: datetime) -> OrderRow:
        """Commit one change. Raises StaleOrder when `row` is no longer the newest version."""
        with self._database.transaction() as session:
            apply_in(session, row, change, actor, now)
        return self.get(row.id)

    def note(self, order_pk: int, change: Change, actor: str, now: datetime) -> None:
        """Add an event (and documents) without changing the order's state."""
        with self._database.transaction() as session:
            _note(session, order_pk, change, actor, now)

    def get(self, order_pk: int) -> OrderRow:
        """Return one order. Raises LookupError."""
        with self._database.reading() as session:
            row = session.get(OrderRow, order_pk)
        if row is None:
            raise LookupError(f"no order {order_pk}")
        return row

    def by_number(self, number: str, shop: str | None = None) -> OrderRow | None:
        """Return the order with the storefront's number."""
        query = select(OrderRow).where(OrderRow.number == number).order_by(OrderRow.id)
        if shop is not None:
            query = query.where(OrderRow.shop == shop)
        with self._database.reading() as session:
            return session.scalars(query).first()

    def due(
        self, stages: Sequence[str], now: datetime, limit: int = 500, after: int = 0
    ) -> list[OrderRow]:
        """Return orders that may be walked now, oldest deadline first.

        A released order stands where its backorder stands: it has met its deadlines, and is as
        old as its placing.
        """
        released = OrderRow.stage == Stage.RELEASED
        since = case((released, OrderRow.placed_at), else_=OrderRow.deadline_at)
        query = (
            select(OrderRow)
            .where(
                OrderRow.stage.in_((*stages, Stage.RELEASED)),
                or_(~released, OrderRow.backorder.in_(stages)),
                OrderRow.next_try_at.is_not(None),
                OrderRow.next_try_at <= now,
            )
            .order_by(since.is_(None), since, OrderRow.id)
            .limit(limit)
            .offset(after)
        )
        with self._database.reading() as session:
            return list(session.scalars(query))

    def listed(
        self,
        *,
        stage: str | None = None,
        hold: str | None = None,
        since: datetime | None = None,
        limit: int = 1000,
    ) -> list[OrderRow]:
        """Return orders by stage, hold and time of placing, in the sequence of placing."""
        query = select(OrderRow).order_by(OrderRow.placed_at, OrderRow.id).limit(limit)
        if stage is not None:
            query = query.where(OrderRow.stage == stage)
        if hold is not None:
            query = query.where(OrderRow.hold_cause == hold)
        if since is not None:
            query = query.where(OrderRow.placed_at >= since)
        with self._database.reading() as session:
            return list(session.scalars(query))

    def held_for(self, cause: HoldCause, buyer_key: str | None = None) -> list[int]:
        """Return the keys of orders held for a cause, of one buyer if asked; oldest first."""
        query = select(OrderRow.id).where(OrderRow.hold_cause == cause)
        if buyer_key is not None:
            query = query.where(OrderRow.buyer_key == buyer_key)
        with self._database.reading() as session:
            return list(session.scalars(query.order_by(OrderRow.placed_at, OrderRow.id)))

    def placed_between(self, after: datetime, until: datetime) -> list[OrderRow]:
        """Return orders placed in (after, until], in the sequence of placing."""
        query = (
            select(OrderRow)
            .where(OrderRow.placed_at > after, OrderRow.placed_at <= until)
            .order_by(OrderRow.placed_at, OrderRow.id)
        )
        with self._database.reading() as session:
            return list(session.scalars(query))

    def counts(self) -> list[tuple[str, str | None, int]]:
        """Return how many orders stand in each stage and hold."""
        query = (
            select(OrderRow.stage, OrderRow.hold_cause, func.count())
            .group_by(OrderRow.stage, OrderRow.hold_cause)
            .order_by(OrderRow.stage, OrderRow.hold_cause)
        )
        with self._database.reading() as session:
            return [(stage, cause, number) for stage, cause, number in session.execute(query)]

    def events(self, order_pk: int) -> list[EventRow]:
        """Return what happened to an order, oldest first."""
        with self._database.reading() as session:
            return list(
                session.scalars(
                    select(EventRow).where(EventRow.order_pk == order_pk).order_by(EventRow.id)
                )
            )

    def lines(self, order_pk: int) -> list[LineRow]:
        """Return an order's lines as accepted."""
        with self._database.reading() as session:
            return list(
                session.scalars(
                    select(LineRow).where(LineRow.order_pk == order_pk).order_by(LineRow.number)
                )
            )

    def documents(self, order_pk: int, kind: str | None = None) -> list[DocumentRow]:
        """Return the documents that other systems hold for an order."""
        query = select(DocumentRow).where(DocumentRow.order_pk == order_pk).order_by(DocumentRow.id)
        if kind is not None:
            query = query.where(DocumentRow.kind == kind)
        with self._database.reading() as session:
            return list(session.scalars(query))

    def open_in_dms(self) -> Iterator[list[OpenOrder]]:
        """Give, page by page, the sales orders of orders that have not ended."""
        cancelled = aliased(DocumentRow)
        query = (
            select(DocumentRow.id, OrderRow.number, DocumentRow.business_unit, DocumentRow.number)
            .join(OrderRow, OrderRow.id == DocumentRow.order_pk)
            .where(
                DocumentRow.kind == "sales_order",
                OrderRow.stage.not_in((Stage.CLOSED, Stage.CANCELLED)),
                ~exists().where(
                    cancelled.order_pk == DocumentRow.order_pk,
                    cancelled.kind == "cancellation",
                    cancelled.number == DocumentRow.number,
                ),
            )
            .order_by(DocumentRow.id)
            .limit(_PAGE)
        )
        last = 0
        while True:
            with self._database.reading() as session:
                page = [
                    OpenOrder(*each) for each in session.execute(query.where(DocumentRow.id > last))
                ]
            if page:
                yield sorted(page, key=lambda each: (each.business_unit, each.id))
            if len(page) < _PAGE:
                return
            last = page[-1].id

    def allocations(self, order_pk: int) -> list[AllocationRow]:
        """Return what was promised to an order, delivery by delivery."""
        query = (
            select(AllocationRow)
            .where(AllocationRow.order_pk == order_pk)
            .order_by(AllocationRow.delivery, AllocationRow.line_number)
        )
        with self._database.reading() as session:
            return list(session.scalars(query))

    def allocated(self, plant: str, sku: str) -> list[AllocationRow]:
        """Return what is promised of a part and not yet gone from SAP's stock."""
        with self._database.reading() as session:
            return list(
                session.scalars(
                    select(AllocationRow).where(
                        AllocationRow.plant == plant,
                        AllocationRow.sku == sku,
                        AllocationRow.consumed_at.is_(None),
                    )
                )
            )

    def to_write_back(self) -> Iterator[DocumentRow]:
        """Give the shipments and invoices of which the storefront does not know yet."""
        query = (
            select(DocumentRow)
            .where(
                DocumentRow.kind.in_(("shipment", "invoice")),
                DocumentRow.written_back_at.is_(None),
            )
            .order_by(DocumentRow.id)
            .limit(_PAGE)
        )
        last = 0
        while True:
            with self._database.reading() as session:
                page = list(session.scalars(query.where(DocumentRow.id > last)))
            yield from page
            if len(page) < _PAGE:
                return
            last = page[-1].id

    def to_finish(self) -> list[OrderRow]:
        """Return released orders that are shipped, and shipped ones of which all is told.

        A warehouse that ships before its wave, and news that come out of turn, leave such orders
        behind: no further document would ever move them on.
        """
        under_way = func.coalesce(OrderRow.backorder, "").in_((Stage.CONFIRMED, Stage.NOTED))
        unshipped = exists().where(
            LineRow.order_pk == OrderRow.id,
            LineRow.shipped < LineRow.quantity - LineRow.refunded_quantity,
        )
        shipped = exists().where(LineRow.order_pk == OrderRow.id, LineRow.shipped > 0)
        reports = and_(
            DocumentRow.order_pk == OrderRow.id, DocumentRow.kind.in_(("shipment", "invoice"))
        )
        untold = exists().where(reports, DocumentRow.written_back_at.is_(None))
        query = (
            select(OrderRow)
            .where(
                OrderRow.hold_cause.is_(None),
                or_(
                    and_(OrderRow.stage == Stage.RELEASED, ~under_way, shipped, ~unshipped),
                    and_(OrderRow.stage == Stage.SHIPPED, ~untold, exists().where(reports)),
                ),
            )
            .order_by(OrderRow.id)
        )
        with self._database.reading() as session:
            return list(session.scalars(query))

    def written_back(self, document_id: int, now: datetime) -> None:
        """Note that the storefront was told of a document."""
        with self._database.transaction() as session:
            session.execute(
                update(DocumentRow).where(DocumentRow.id == document_id).values(written_back_at=now)
            )


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
