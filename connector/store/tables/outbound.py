"""What was sent to other systems, and the documents that came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from connector.store.tables.base import Base
from connector.store.types import SaidText, String, Text
from connector.wording import Said


class CallRow(Base):
    """One outbound write. See `connector.steps.outbound` for its states.

    `given` are the numbers that the other side gave before they were committed: rows of `number`
    and the `attempt` in which it was given. `absent` is how often the other side was asked about an
    attempt that may have arrived, and had not got it.
    """

    __tablename__ = "outbound_call"
    __table_args__ = (
        UniqueConstraint("key"),
        Index("ix_outbound_call_state", "state"),
        Index("ix_outbound_call_sent", "operation", "sent_at"),
        # Few if any: the watchman asks for them each minute.
        Index(
            "ix_outbound_call_doubled",
            "order_pk",
            sqlite_where=text("code = 'doubled'"),
            postgresql_where=text("code = 'doubled'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(200))
    system: Mapped[str] = mapped_column(String(20))
    operation: Mapped[str] = mapped_column(String(60))
    order_pk: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), index=True)
    revision: Mapped[int] = mapped_column(default=1)
    reference: Mapped[str] = mapped_column(String(120))
    request: Mapped[dict[str, Any]]
    request_hash: Mapped[str] = mapped_column(String(64))
    mapping_version: Mapped[str] = mapped_column(String(12), default="")
    state: Mapped[str] = mapped_column(String(12))
    attempts: Mapped[int] = mapped_column(default=0)
    absent: Mapped[int] = mapped_column(default=0, server_default="0")
    asked: Mapped[int] = mapped_column(default=0)
    document: Mapped[str | None] = mapped_column(String(80))
    answer: Mapped[dict[str, Any] | None]
    given: Mapped[list[Any] | None]
    code: Mapped[str | None] = mapped_column(String(80))
    error: Mapped[Said | None] = mapped_column(SaidText)
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class DocumentRow(Base):
    """A document that another system holds for an order.

    Kinds: sales_order, delivery_note, invoice_application, shipment, invoice, refund,
    cancellation. `written_back_at` says when the storefront was told (shipment, invoice).
    """

    __tablename__ = "document"
    __table_args__ = (
        UniqueConstraint("order_pk", "kind", "number"),
        Index("ix_document_untold", "kind", "written_back_at"),
        Index("ix_document_came", "kind", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_pk: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    kind: Mapped[str] = mapped_column(String(20))
    system: Mapped[str] = mapped_column(String(20))
    business_unit: Mapped[str] = mapped_column(String(20))
    number: Mapped[str] = mapped_column(String(80), index=True)
    at: Mapped[datetime]
    detail: Mapped[dict[str, Any]]
    written_back_at: Mapped[datetime | None]


class RefusedLogonRow(Base):
    """A logon that a system refused, by a salted hash of the settings that it was tried with."""

    __tablename__ = "refused_logon"

    system: Mapped[str] = mapped_column(String(20), primary_key=True)
    salt: Mapped[str] = mapped_column(String(32))
    fingerprint: Mapped[str] = mapped_column(String(64))
    said: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
