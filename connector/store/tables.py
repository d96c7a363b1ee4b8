"""The tables. What may be written when is said in the modules that write them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from connector.store.types import Exact, ExactJson, SaidList, SaidText, UtcDateTime
from connector.wording import Said, recalled


class Base(DeclarativeBase):
    """Base of all tables; names of constraints are fixed so that migrations can refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 (read by SQLAlchemy in this form)
        datetime: UtcDateTime,
        Decimal: Exact,
        dict[str, Any]: ExactJson,
        list[Any]: ExactJson,
    }


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


class CallRow(Base):
    """One outbound write. See `connector.steps.outbound` for its states."""

    __tablename__ = "outbound_call"
    __table_args__ = (
        UniqueConstraint("key"),
        Index("ix_outbound_call_state", "state"),
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
    asked: Mapped[int] = mapped_column(default=0)
    document: Mapped[str | None] = mapped_column(String(80))
    answer: Mapped[dict[str, Any] | None]
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


class RefusedLogonRow(Base):
    """A logon that a system refused, by a salted hash of the settings that it was tried with."""

    __tablename__ = "refused_logon"

    system: Mapped[str] = mapped_column(String(20), primary_key=True)
    salt: Mapped[str] = mapped_column(String(32))
    fingerprint: Mapped[str] = mapped_column(String(64))
    said: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class RunRow(Base):
    """One run of a job over one window; (job, scope, window) is unique, so it counts once."""

    __tablename__ = "job_run"
    __table_args__ = (
        UniqueConstraint("job", "scope", "window_from", "window_to"),
        Index("ix_job_run_recent", "job", "window_to"),
        Index("ix_job_run_state", "state", "job", "scope", "window_to"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[str] = mapped_column(String(40))
    scope: Mapped[str] = mapped_column(String(40), default="")
    window_from: Mapped[datetime]
    window_to: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12))
    attempts: Mapped[int] = mapped_column(Integer, default=1)
    owner: Mapped[str] = mapped_column(String(80))
    started_at: Mapped[datetime]
    lease_until: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    counts: Mapped[dict[str, Any]]
    error: Mapped[Said | None] = mapped_column(SaidText)


class WaveRow(Base):
    """One wave of one business unit: the batch that was released at a cutoff (workflow.md, 5)."""

    __tablename__ = "wave"
    __table_args__ = (UniqueConstraint("business_unit", "cutoff_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    business_unit: Mapped[str] = mapped_column(String(20))
    cutoff_at: Mapped[datetime]
    window_from: Mapped[datetime]
    window_to: Mapped[datetime]
    frozen_at: Mapped[datetime]


class WaveOrderRow(Base):
    """An order seen by a wave: released with it, or left out and why."""

    __tablename__ = "wave_order"

    wave_id: Mapped[int] = mapped_column(ForeignKey("wave.id"), primary_key=True)
    order_pk: Mapped[int] = mapped_column(
        ForeignKey("orders.id"), primary_key=True, index=True, autoincrement=False
    )
    released: Mapped[bool]
    late: Mapped[bool]
    reason: Mapped[Said] = mapped_column(SaidText, default="")


class FileRow(Base):
    """A file handed to warehouse or finance.

    Files of one `kind` and `parcel` are delivered together; `revision` rises whenever the content
    changes, so that each content is delivered once, also one that returns to what it was.
    """

    __tablename__ = "written_file"
    __table_args__ = (
        UniqueConstraint("path"),
        Index("ix_written_file_parcel", "kind", "parcel"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String(400))
    kind: Mapped[str] = mapped_column(String(40))
    sha256: Mapped[str] = mapped_column(String(64))
    rows: Mapped[int]
    written_at: Mapped[datetime]
    parcel: Mapped[str] = mapped_column(String(160), default="", server_default="")
    revision: Mapped[int] = mapped_column(default=1, server_default="1")


class DeliveryRow(Base):
    """Which revision of a file a target has got last."""

    __tablename__ = "delivery"

    file_id: Mapped[int] = mapped_column(ForeignKey("written_file.id"), primary_key=True)
    target: Mapped[str] = mapped_column(String(40), primary_key=True)
    revision: Mapped[int]
    at: Mapped[datetime]


class AfterSaleRow(Base):
    """One cancellation, return, exchange or refund, from the request to the recovered invoice.

    `reference` is the storefront's number of the request, or of the refund where there was none.
    `amount` is what the buyer gets back, `recovered` what red-letter or recovered invoices took
    back of it. See `connector.domain.aftersales` for the states.
    """

    __tablename__ = "after_sale"
    __table_args__ = (
        UniqueConstraint("order_pk", "reference"),
        Index("ix_after_sale_state", "state"),
        Index("ix_after_sale_refunded_at", "refunded_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_pk: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    reference: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(24))
    amount: Mapped[Decimal]
    recovered: Mapped[Decimal]
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
    """One amount of a closed settlement. What changes later is an entry of a later month."""

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


class ActRow(Base):
    """Something that a person asked for at the command line, noted before it is done.

    `subject` is what it is done to: "order 36", "call 12", "run 17", "hold rejected". `outcome`
    stays empty when its process died meanwhile.
    """

    __tablename__ = "act"
    __table_args__ = (Index("ix_act_subject", "subject"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(Text, default="")
    what: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(80))
    outcome: Mapped[str | None] = mapped_column(Text)


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


class AlertRow(Base):
    """Something that calls for a person, from when it was seen until it was solved.

    `since` is when the matter itself began. `told` counts messages; `next_at` is when the next
    is due.
    """

    __tablename__ = "alert"
    __table_args__ = (
        Index("ix_alert_open", "closed_at", "key"),
        Index("ix_alert_next", "next_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(60))
    role: Mapped[str] = mapped_column(String(12))
    since: Mapped[datetime]
    opened_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    orders: Mapped[int]
    detail: Mapped[dict[str, Any]]
    told: Mapped[int] = mapped_column(default=0)
    told_at: Mapped[datetime | None]
    next_at: Mapped[datetime | None]


class WatermarkRow(Base):
    """How far something that is read on and on has been read."""

    __tablename__ = "watermark"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    at: Mapped[datetime]


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


class MappingVersionRow(Base):
    """A version of the mappings that was in force: all its files, so that it stays readable.

    `last` marks the one that took effect last.
    """

    __tablename__ = "mapping_version"

    version: Mapped[str] = mapped_column(String(12), primary_key=True)
    files: Mapped[dict[str, Any]]
    first_at: Mapped[datetime]
    last: Mapped[bool]


class MappingNoticeRow(Base):
    """Something about the mappings that IT should look at, counted.

    Kinds: unmapped (a field that no mapping knows), interface (changed under a mapping), refused
    (a folder that did not take effect).
    """

    __tablename__ = "mapping_notice"
    __table_args__ = (UniqueConstraint("kind", "place", "what"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    place: Mapped[str] = mapped_column(String(80))
    what: Mapped[str] = mapped_column(String(400))
    count: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
