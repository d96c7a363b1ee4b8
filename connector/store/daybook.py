"""Reads what finance's files are made of: page by page, a fixed number of queries each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, union
from sqlalchemy.orm import Session, aliased

from connector.domain.aftersales import SaleState
from connector.domain.lifecycle import Stage
from connector.store.database import Database
from connector.store.tables import AfterSaleRow, DocumentRow, EventRow, LineRow, OrderRow

_PAGE = 500
_REPORTED = ("shipment", "invoice")


@dataclass(frozen=True)
class Kept:
    """One order as our books hold it; `reached` is when it first came to each stage."""

    row: OrderRow
    lines: Sequence[LineRow]
    documents: Sequence[DocumentRow]
    after_sales: Sequence[AfterSaleRow]
    reached: dict[str, datetime]


class Daybook:
    """Reads the orders of a span, and what came in it for orders of earlier days.

    Of orders that were completed before the first day it reads open money alone.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def cut(self, shop: str, after: datetime, until: datetime) -> datetime:
        """Return when something last happened to an order placed in (after, until]."""
        query = (
            select(func.max(EventRow.at))
            .join(OrderRow, OrderRow.id == EventRow.order_pk)
            .where(*_placed(shop, after, until))
        )
        with self._database.reading() as session:
            newest = session.scalar(query)
        return max(newest, until) if newest is not None else until

    def placed(self, shop: str, after: datetime, until: datetime) -> Iterator[Kept]:
        """Give the orders placed in (after, until], in the sequence of placing."""
        query = (
            select(OrderRow)
            .where(*_placed(shop, after, until))
            .order_by(OrderRow.placed_at, OrderRow.id)
            .limit(_PAGE)
        )
        last: OrderRow | None = None
        while True:
            page = query
            if last is not None:
                page = query.where(
                    or_(
                        OrderRow.placed_at > last.placed_at,
                        and_(OrderRow.placed_at == last.placed_at, OrderRow.id > last.id),
                    )
                )
            with self._database.reading() as session:
                rows = list(session.scalars(page))
                kept = _with_parts(session, rows)
            yield from kept
            if len(rows) < _PAGE:
                return
            last = rows[-1]

    def came_later(
        self, shop: str, placed_until: datetime, after: datetime, until: datetime
    ) -> Iterator[Kept]:
        """Give orders placed until then to which something happened in (after, until].

        That is a shipment, an invoice or a refund, or an invoice of another order that bears the
        number of one of theirs: it may have become less theirs. All their documents are given.
        """
        # What came leads to the orders: their number does not grow with those that are stored.
        theirs = aliased(DocumentRow)
        came = union(
            select(theirs.order_pk)
            .join(DocumentRow, DocumentRow.number == theirs.number)
            .where(
                theirs.kind == "invoice",
                DocumentRow.kind == "invoice",
                DocumentRow.at > after,
                DocumentRow.at <= until,
            ),
            select(DocumentRow.order_pk).where(
                DocumentRow.kind.in_(_REPORTED), DocumentRow.at > after, DocumentRow.at <= until
            ),
            select(AfterSaleRow.order_pk).where(
                AfterSaleRow.refunded_at > after, AfterSaleRow.refunded_at <= until
            ),
        ).subquery()
        query = (
            select(OrderRow)
            .join(came, came.c.order_pk == OrderRow.id)
            .where(
                OrderRow.shop == shop,
                OrderRow.placed_at <= placed_until,
                OrderRow.stage != Stage.KNOWN,
            )
            .order_by(OrderRow.id)
            .limit(_PAGE)
        )
        last = 0
        while True:
            with self._database.reading() as session:
                rows = list(session.scalars(query.where(OrderRow.id > last)))
                kept = _with_parts(session, rows)
            yield from kept
            if len(rows) < _PAGE:
                return
            last = rows[-1].id

    def not_recovered(self, shop: str, until: datetime) -> Iterator[tuple[OrderRow, AfterSaleRow]]:
        """Give refunds booked until then whose invoice is not recovered, oldest first."""
        query = (
            select(OrderRow, AfterSaleRow)
            .join(AfterSaleRow, AfterSaleRow.order_pk == OrderRow.id)
            .where(
                OrderRow.shop == shop,
                AfterSaleRow.state == SaleState.REFUNDED,
                AfterSaleRow.refunded_at <= until,
            )
            .order_by(AfterSaleRow.refunded_at, AfterSaleRow.id)
        )
        with self._database.reading() as session:
            for row, sale in session.execute(query).yield_per(_PAGE):  # noqa: UP028
                yield row, sale

    def open_money(self, shop: str, until: datetime) -> Iterator[tuple[OrderRow, AfterSaleRow]]:
        """Give after-sales asked for until then of which money is open, oldest first."""
        query = (
            select(OrderRow, AfterSaleRow)
            .join(AfterSaleRow, AfterSaleRow.order_pk == OrderRow.id)
            .where(
                OrderRow.shop == shop,
                AfterSaleRow.open_money != 0,
                AfterSaleRow.requested_at <= until,
            )
            .order_by(AfterSaleRow.requested_at, AfterSaleRow.id)
        )
        with self._database.reading() as session:
            for row, sale in session.execute(query).yield_per(_PAGE):  # noqa: UP028
                yield row, sale

    def touched(self, shop: str, unit: str, since: datetime | None) -> Iterator[Kept]:
        """Give the orders of a business unit that changed since then, in a fixed sequence."""
        query = (
            select(OrderRow)
            .where(OrderRow.shop == shop, OrderRow.business_units.contains(unit, autoescape=True))
            .order_by(OrderRow.id)
            .limit(_PAGE)
        )
        if since is not None:
            query = query.where(OrderRow.updated_at >= since)
        last = 0
        while True:
            with self._database.reading() as session:
                rows = list(session.scalars(query.where(OrderRow.id > last)))
                kept = _with_parts(session, rows)
            yield from kept
            if len(rows) < _PAGE:
                return
            last = rows[-1].id

    def applied(
        self, shop: str, applied_until: datetime, issued_until: datetime
    ) -> Iterator[tuple[OrderRow, list[DocumentRow]]]:
        """Give orders that may have an invoice application of then that is not issued in full.

        With their documents until `issued_until`, which say so; the oldest application first.
        """
        invoice = aliased(DocumentRow)

        def answered(*when: ColumnElement[bool]) -> ColumnElement[bool]:
            return exists().where(invoice.order_pk == OrderRow.id, invoice.kind == "invoice", *when)

        first = func.min(DocumentRow.at)
        query = (
            select(DocumentRow.order_pk)
            .join(OrderRow, OrderRow.id == DocumentRow.order_pk)
            .where(
                OrderRow.shop == shop,
                DocumentRow.kind == "invoice_application",
                DocumentRow.at <= applied_until,
                OrderRow.stage != Stage.CANCELLED,
                # A closed order was invoiced in full, by now.
                or_(
                    OrderRow.stage != Stage.CLOSED,
                    answered(invoice.at > issued_until),
                    ~answered(invoice.at <= issued_until),
                ),
            )
            .group_by(DocumentRow.order_pk)
            .order_by(first, DocumentRow.order_pk)
        )
        with self._database.reading() as session:
            keys = list(session.scalars(query))
        for start in range(0, len(keys), _PAGE):
            page = keys[start : start + _PAGE]
            documents: dict[int, list[DocumentRow]] = defaultdict(list)
            with self._database.reading() as session:
                rows = {
                    row.id: row
                    for row in session.scalars(select(OrderRow).where(OrderRow.id.in_(page)))
                }
                for document in session.scalars(
                    select(DocumentRow)
                    .where(DocumentRow.order_pk.in_(page), DocumentRow.at <= issued_until)
                    .order_by(DocumentRow.id)
                ):
                    documents[document.order_pk].append(document)
            for key in page:
                yield rows[key], documents[key]


def _placed(shop: str, after: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        OrderRow.shop == shop,
        OrderRow.placed_at > after,
        OrderRow.placed_at <= until,
        OrderRow.stage != Stage.KNOWN,
    )


def _with_parts(session: Session, rows: Sequence[OrderRow]) -> list[Kept]:
    keys = [row.id for row in rows]
    if not keys:
        return []
    lines: dict[int, list[LineRow]] = defaultdict(list)
    for line in session.scalars(
        select(LineRow).where(LineRow.order_pk.in_(keys)).order_by(LineRow.order_pk, LineRow.number)
    ):
        lines[line.order_pk].append(line)
    documents: dict[int, list[DocumentRow]] = defaultdict(list)
    for document in session.scalars(
        select(DocumentRow).where(DocumentRow.order_pk.in_(keys)).order_by(DocumentRow.id)
    ):
        documents[document.order_pk].append(document)
    sales: dict[int, list[AfterSaleRow]] = defaultdict(list)
    for sale in session.scalars(
        select(AfterSaleRow).where(AfterSaleRow.order_pk.in_(keys)).order_by(AfterSaleRow.id)
    ):
        sales[sale.order_pk].append(sale)
    reached: dict[int, dict[str, datetime]] = defaultdict(dict)
    for event in session.scalars(
        select(EventRow).where(EventRow.order_pk.in_(keys)).order_by(EventRow.id)
    ):
        stage = event.detail.get("stage")
        if stage is not None:
            reached[event.order_pk].setdefault(str(stage), event.at)
    return [
        Kept(row, lines[row.id], documents[row.id], sales[row.id], reached[row.id]) for row in rows
    ]
