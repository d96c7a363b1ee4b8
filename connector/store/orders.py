"""Orders in the database: found for whoever moves them, changed one commit at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    and_,
    case,
    exists,
    func,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from connector.domain.lifecycle import HoldCause, Stage
from connector.store.changes import Change, apply_in, note_in
from connector.store.database import Database
from connector.store.tables import AllocationRow, DocumentRow, EventRow, LineRow, OrderRow
from connector.store.types import Text

_PAGE = 500


@dataclass(frozen=True)
class OpenOrder:
    """A sales order in the DMS of which something may still be told."""

    id: int
    number: str
    business_unit: str
    sales_order: str


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
                note_in(session, row.id, change, actor, now)
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
            note_in(session, order_pk, change, actor, now)

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

    def by_order_id(self, order_id: str, shop: str) -> OrderRow | None:
        """Return the order that the storefront itself knows by this identifier."""
        query = select(OrderRow).where(OrderRow.order_id == order_id, OrderRow.shop == shop)
        with self._database.reading() as session:
            return session.scalars(query.order_by(OrderRow.id)).first()

    def stored_text(self, order_pk: int) -> dict[str, str]:
        """Return what is stored of an order's payload and content as it stands, unread."""
        payload, content = (type_coerce(x, Text) for x in (OrderRow.payload, OrderRow.content))
        with self._database.reading() as session:
            row = session.execute(select(payload, content).where(OrderRow.id == order_pk)).one()
        return {"payload": str(row[0]), "content": str(row[1])}

    def shown_otherwise(self, shop: str, hashes: Mapping[str, str]) -> dict[str, OrderRow]:
        """Return, of orders by number, those of which we know a content of another hash."""
        of_them = (OrderRow.shop == shop, OrderRow.number.in_(hashes))
        with self._database.reading() as session:
            known = session.execute(
                select(OrderRow.id, OrderRow.number, OrderRow.content_hash).where(*of_them)
            )
            other = [key for key, number, digest in known if digest != hashes[number]]
            found = session.scalars(select(OrderRow).where(OrderRow.id.in_(other)))
            return {row.number: row for row in found}

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

    def look_again(self, now: datetime) -> int:
        """Have every order that waits looked at now: the clock was set back, and its times lie."""
        query = (
            update(OrderRow)
            .where(OrderRow.next_try_at > now)
            .values(next_try_at=now)
            .execution_options(synchronize_session=False)
        )
        with self._database.transaction() as session:
            return int(session.execute(query).rowcount)  # type: ignore[attr-defined]

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

    def holder_of(self, system: str, kind: str, number: str) -> int | None:
        """Return the order that has a document of this number; None where none has."""
        query = select(DocumentRow.order_pk).where(
            DocumentRow.system == system, DocumentRow.kind == kind, DocumentRow.number == number
        )
        with self._database.reading() as session:
            return session.scalars(query.limit(1)).first()

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
