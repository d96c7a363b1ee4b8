"""Orders, what is in them, and what happened to them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from connector.store.tables.base import Base
from connector.store.types import SaidList, SaidText, String, Text, Unreadable
from connector.wording import Said


class OrderRow(Base):
    """An order: the storefront's payload and how far it has come.

    `version` rises with every change and guards against two movers. `next_try_at` is when the
    order may be walked again; empty while it waits for a person or for its wave.
    """

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("shop", "number"),
        Index("ix_orders_due", "stage", "next_try_at"),
        Index("ix_orders_hold", "hold_cause"),
        Index("ix_orders_placed_at", "placed_at"),
        Index("ix_orders_buyer_key", "buyer_key"),
        Index("ix_orders_order_id", "order_id"),
        # Covers what metrics and the status page ask every few seconds of orders that go on.
        Index("ix_orders_standing", "stage", "hold_cause", "placed_at", "deadline_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    shop: Mapped[str] = mapped_column(String(40))
    number: Mapped[str] = mapped_column(String(64))
    order_id: Mapped[str] = mapped_column(String(64))
    revision: Mapped[int] = mapped_column(default=1)
    content_hash: Mapped[str] = mapped_column(String(64))
    payload: Mapped[dict[str, Any]]
    content: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(String(40))
    payment_state: Mapped[str] = mapped_column(String(20))
    stage: Mapped[str] = mapped_column(String(20))
    # How far what was short in an earlier delivery has come; None while nothing is owed.
    backorder: Mapped[str | None] = mapped_column(String(20))
    hold_cause: Mapped[str | None] = mapped_column(String(20))
    hold_reasons: Mapped[list[Said] | None] = mapped_column(SaidList)
    hold_since: Mapped[datetime | None]
    next_try_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    placed_at: Mapped[datetime]
    received_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deadline_at: Mapped[datetime | None]
    buyer_key: Mapped[str | None] = mapped_column(String(80))
    customer_number: Mapped[str | None] = mapped_column(String(20))
    business_units: Mapped[str] = mapped_column(String(200), default="")
    currency: Mapped[str] = mapped_column(String(8), default="")
    total: Mapped[Decimal | None]
    released_at: Mapped[datetime | None]
    mapping_version: Mapped[str] = mapped_column(String(12), default="")
    version: Mapped[int] = mapped_column(default=1)
    masked_at: Mapped[datetime | None]
    dropped_at: Mapped[datetime | None]

    @property
    def unreadable(self) -> bool:
        """Whether what is stored of the order cannot be read any more."""
        return isinstance(self.content, Unreadable) or isinstance(self.payload, Unreadable)


class LineRow(Base):
    """One line of an order as accepted, with what was allocated and shipped of it."""

    __tablename__ = "order_line"

    order_pk: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line_id: Mapped[str] = mapped_column(String(64))
    sku: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(Text)
    unit: Mapped[str] = mapped_column(String(12))
    quantity: Mapped[Decimal]
    refunded_quantity: Mapped[Decimal]
    refunded_amount: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0")
    unit_price: Mapped[Decimal]
    discount: Mapped[Decimal]
    subsidy: Mapped[Decimal] = mapped_column(default=Decimal(0), server_default="0")
    amount: Mapped[Decimal]
    business_unit: Mapped[str] = mapped_column(String(20))
    allocated: Mapped[Decimal]
    shipped: Mapped[Decimal]


class EventRow(Base):
    """One thing that happened to an order. Only ever added to."""

    __tablename__ = "event"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_pk: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(40))
    text: Mapped[Said] = mapped_column(SaidText)
    detail: Mapped[dict[str, Any]]
    mapping_version: Mapped[str] = mapped_column(String(12), default="")


class AllocationRow(Base):
    """Pieces promised to an order that SAP does not yet count as gone.

    `delivery` numbers an order's deliveries, from 1: what is short when one is put together goes
    with a later one. `wave_id` is the wave that released it. `consumed_at` is set when the goods
    issue is seen: from then on SAP's own stock is less.
    """

    __tablename__ = "allocation"
    __table_args__ = (
        UniqueConstraint("order_pk", "line_number", "delivery"),
        Index("ix_allocation_open", "plant", "sku", "consumed_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_pk: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    line_number: Mapped[int]
    plant: Mapped[str] = mapped_column(String(10))
    sku: Mapped[str] = mapped_column(String(64))
    quantity: Mapped[Decimal]
    delivery: Mapped[int] = mapped_column(default=1, server_default="1")
    wave_id: Mapped[int | None] = mapped_column(ForeignKey("wave.id"), index=True)
    at: Mapped[datetime]
    consumed_at: Mapped[datetime | None]


class CustomerRow(Base):
    """Which SAP customer a buyer is, where we created it or a person said so."""

    __tablename__ = "customer"

    buyer_key: Mapped[str] = mapped_column(String(80), primary_key=True)
    number: Mapped[str] = mapped_column(String(20))
    how: Mapped[str] = mapped_column(String(20))
    actor: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]


class PromiseRow(Base):
    """One promise of an order (workflow.md, steps 2 to 5); see `connector.domain.deadlines`.

    `cause` says what held a broken one up. `warned_at` and `noticed_at` are when it was seen.
    """

    __tablename__ = "promise"
    __table_args__ = (
        Index("ix_promise_state", "state", "order_pk"),
        Index("ix_promise_due", "due_at"),
    )

    order_pk: Mapped[int] = mapped_column(
        ForeignKey("orders.id"), primary_key=True, autoincrement=False
    )
    promise: Mapped[str] = mapped_column(String(12), primary_key=True)
    business_units: Mapped[str] = mapped_column(String(200), default="")
    placed_at: Mapped[datetime]
    warn_at: Mapped[datetime]
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10))
    reached_at: Mapped[datetime | None]
    cause: Mapped[str] = mapped_column(String(20), default="")
    warned_at: Mapped[datetime | None]
    noticed_at: Mapped[datetime | None]
