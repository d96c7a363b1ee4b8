"""After-sales: each kept with its state, and the list of refunds whose invoice is not recovered."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import exists, or_, select, update

from connector.domain.aftersales import SaleState
from connector.domain.lifecycle import Stage
from connector.store.database import Database
from connector.store.tables import AfterSaleRow, OrderRow
from connector.store.types import dumps

_PAGE = 500
_FOLLOWED = (Stage.RELEASED, Stage.SHIPPED, Stage.CLOSED, Stage.CANCELLED, Stage.KNOWN)
_ENDED = (SaleState.SETTLED, SaleState.REFUSED)


@dataclass(frozen=True)
class Noted:
    """What is noted of an after-sale."""

    reference: str
    kind: str
    state: str
    amount: Decimal
    recovered: Decimal
    requested_at: datetime
    refunded_at: datetime | None
    detail: Mapping[str, Any]
    open_money: Decimal = Decimal(0)


class AfterSales:
    """Reads and notes after-sales."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def to_look_at(self, shop: str, since: datetime) -> Iterator[OrderRow]:
        """Give released, cancelled and known orders that changed since, or have one under way."""
        open_one = exists().where(
            AfterSaleRow.order_pk == OrderRow.id,
            or_(AfterSaleRow.state.not_in(_ENDED), AfterSaleRow.open_money != 0),
        )
        query = (
            select(OrderRow)
            .where(
                OrderRow.shop == shop,
                OrderRow.stage.in_(_FOLLOWED),
                or_(OrderRow.updated_at >= since, open_one),
            )
            .order_by(OrderRow.id)
            .limit(_PAGE)
        )
        last = 0
        while True:
            with self._database.reading() as session:
                page = list(session.scalars(query.where(OrderRow.id > last)))
            yield from page
            if len(page) < _PAGE:
                return
            last = page[-1].id

    def of_order(self, order_pk: int) -> list[AfterSaleRow]:
        """Return an order's after-sales, oldest first."""
        query = select(AfterSaleRow).where(AfterSaleRow.order_pk == order_pk)
        with self._database.reading() as session:
            return list(session.scalars(query.order_by(AfterSaleRow.id)))

    def note(self, order_pk: int, noted: Noted, now: datetime) -> str | None:
        """Note how an after-sale stands; returns the state before where that changed."""
        with self._database.transaction() as session:
            row = session.scalar(
                select(AfterSaleRow)
                .where(AfterSaleRow.order_pk == order_pk, AfterSaleRow.reference == noted.reference)
                .with_for_update()
            )
            before = row.state if row is not None else ""
            if row is None:
                row = AfterSaleRow(
                    order_pk=order_pk, reference=noted.reference, requested_at=noted.requested_at
                )
                session.add(row)
            if row.id is not None and _says(row) == _says(noted):
                return None
            row.kind, row.state = noted.kind, noted.state
            row.amount, row.recovered = noted.amount, noted.recovered
            row.refunded_at, row.detail = noted.refunded_at, dict(noted.detail)
            row.open_money = noted.open_money
            row.updated_at = now
        return before if before != noted.state else None

    def supersede(self, order_pk: int, kept: Collection[str], now: datetime) -> None:
        """Settle the after-sales of an order that others stand for now, all but the `kept`."""
        with self._database.transaction() as session:
            session.execute(
                update(AfterSaleRow)
                .where(
                    AfterSaleRow.order_pk == order_pk,
                    AfterSaleRow.reference.not_in(kept),
                    AfterSaleRow.state != SaleState.SETTLED,
                )
                .values(state=SaleState.SETTLED, open_money=Decimal(0), updated_at=now)
            )

    def reopen(self, row: AfterSaleRow, now: datetime) -> None:
        """Let an after-sale that was refused be asked for again."""
        with self._database.transaction() as session:
            held = session.get_one(AfterSaleRow, row.id)
            if held.state == SaleState.REFUSED:
                held.state, held.updated_at = SaleState.REQUESTED, now
                held.detail = {**held.detail, "why": ""}

    def recovered_by_hand(
        self, row: AfterSaleRow, amount: Decimal, actor: str, now: datetime
    ) -> None:
        """Note that a person has the invoice back, or that the money of a cancelled order stays.

        What was noted so before counts on. The next run settles the after-sale.
        """
        with self._database.transaction() as session:
            held = session.get_one(AfterSaleRow, row.id)
            amount += Decimal(str(held.detail.get("by_hand", "0")))
            held.detail = {**held.detail, "by_hand": str(amount), "by": actor}
            held.updated_at = now

    def listed(self, states: Sequence[str] = ()) -> list[tuple[AfterSaleRow, OrderRow]]:
        """Return after-sales in these states, the oldest request first.

        Without states it is all that need somebody, and those of which money is open.
        """
        wanted = states or [each.value for each in SaleState if each is not SaleState.SETTLED]
        query = (
            select(AfterSaleRow, OrderRow)
            .join(OrderRow, OrderRow.id == AfterSaleRow.order_pk)
            .where(
                AfterSaleRow.state.in_(wanted)
                if states
                else or_(AfterSaleRow.state.in_(wanted), AfterSaleRow.open_money != 0)
            )
            .order_by(AfterSaleRow.requested_at, AfterSaleRow.id)
        )
        with self._database.reading() as session:
            return [(sale, order) for sale, order in session.execute(query)]


def _says(sale: AfterSaleRow | Noted) -> tuple[object, ...]:
    """Return how an after-sale stands: looked at again without news, it is not touched."""
    return (
        str(sale.kind), str(sale.state), sale.amount, sale.recovered, sale.refunded_at,
        sale.open_money, dumps(dict(sale.detail)),
    )  # fmt: skip
