"""After the sale, settlement, and what the books disagree on."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from connector.store.tables.base import Base
from connector.store.types import SaidText, String, Text
from connector.wording import Said, recalled


class AfterSaleRow(Base):
    """One cancellation, return, exchange or refund, from the request to the recovered invoice.

    `reference` is the storefront's number of the request, or of the refund where there was none.
    `amount` is what the buyer gets back, `recovered` what red-letter or recovered invoices took
    back of it. `open_money` is what of it no line explains and nothing has settled (see
    `connector.domain.open_money`). See `connector.domain.aftersales` for the states.
    """

    __tablename__ = "after_sale"
    __table_args__ = (
        UniqueConstraint("order_pk", "reference"),
        Index("ix_after_sale_state", "state"),
        Index("ix_after_sale_refunded_at", "refunded_at"),
        Index("ix_after_sale_open_money", "open_money"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_pk: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    reference: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(24))
    amount: Mapped[Decimal]
    recovered: Mapped[Decimal]
    open_money: Mapped[Decimal] = mapped_column(server_default="0")
    requested_at: Mapped[datetime]
    refunded_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
    detail: Mapped[dict[str, Any]]

    @property
    def why(self) -> Said:
        """Why it waits, where that needs words."""
        return recalled(self.detail.get("why", ""))


class SettlementRow(Base):
    """The closed settlement of one business unit and month. Never changed."""

    __tablename__ = "settlement"
    __table_args__ = (UniqueConstraint("business_unit", "month"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    business_unit: Mapped[str] = mapped_column(String(20))
    month: Mapped[str] = mapped_column(String(7))
    closed_at: Mapped[datetime]
    closed_by: Mapped[str] = mapped_column(String(80))
    terms: Mapped[dict[str, Any]]
    figures: Mapped[dict[str, Any]]


class SettlementEntryRow(Base):
    """One amount of a closed settlement. What changes later is an entry of a later month.

    `currency` is empty where it is the business's own.
    """

    __tablename__ = "settlement_entry"
    __table_args__ = (
        UniqueConstraint("settlement_id", "kind", "reference"),
        Index("ix_settlement_entry_reference", "reference"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    settlement_id: Mapped[int] = mapped_column(ForeignKey("settlement.id"))
    kind: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(160))
    order_number: Mapped[str] = mapped_column(String(64))
    origin: Mapped[str] = mapped_column(String(7))
    amount: Mapped[Decimal]
    currency: Mapped[str] = mapped_column(String(8), server_default="")


class ReconciliationRow(Base):
    """One comparison of the four books: how it ended, and what each book's sums were."""

    __tablename__ = "reconciliation"
    __table_args__ = (UniqueConstraint("shop", "window_from", "window_to"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    shop: Mapped[str] = mapped_column(String(40))
    window_from: Mapped[datetime]
    window_to: Mapped[datetime]
    compared_at: Mapped[datetime]
    sums: Mapped[dict[str, Any]]


class DifferenceRow(Base):
    """One difference between the books; see `connector.domain.reconciliation.Difference`.

    The words of the books are kept as text; with `scaled` they are amounts in ten-thousandths.
    `explained_values` is what a person's explanation was about: it holds as long as they stay.
    """

    __tablename__ = "difference"
    __table_args__ = (
        UniqueConstraint("shop", "number", "line", "document", "kind", "field", "book"),
        Index("ix_difference_state", "shop", "state", "number"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    shop: Mapped[str] = mapped_column(String(40))
    number: Mapped[str] = mapped_column(String(64))
    line: Mapped[int]
    document: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(30))
    field: Mapped[str] = mapped_column(String(30))
    book: Mapped[int]
    storefront: Mapped[str | None] = mapped_column(Text)
    connector: Mapped[str | None] = mapped_column(Text)
    dms: Mapped[str | None] = mapped_column(Text)
    sap: Mapped[str | None] = mapped_column(Text)
    scaled: Mapped[int]
    amount: Mapped[Decimal]
    currency: Mapped[str] = mapped_column(String(8), server_default="")
    ordered_storefront: Mapped[Decimal]
    ordered_dms: Mapped[Decimal]
    invoiced_dms: Mapped[Decimal]
    invoiced_sap: Mapped[Decimal]
    detail: Mapped[Said] = mapped_column(SaidText)
    placed_at: Mapped[datetime | None] = mapped_column(index=True)
    since: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12))
    solved_at: Mapped[datetime | None]
    explanation: Mapped[str] = mapped_column(Text)
    explained_by: Mapped[str] = mapped_column(String(80))
    explained_at: Mapped[datetime | None]
    explained_values: Mapped[str] = mapped_column(Text)
