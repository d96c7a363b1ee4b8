"""What jobs do: their runs, waves, files and deliveries, and how far they read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from connector.store.tables.base import Base
from connector.store.types import SaidText, String
from connector.wording import Said


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


class WatermarkRow(Base):
    """How far something that is read on and on has been read."""

    __tablename__ = "watermark"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    at: Mapped[datetime]
