"""What people did and are told: acts, alerts, the quarantine, and the mappings in force."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from connector.store.tables.base import Base
from connector.store.types import SaidText, String, Text
from connector.wording import Said


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


class PauseRow(Base):
    """A system whose calls a person keeps back, until a moment or until `resume`."""

    __tablename__ = "pause"

    system: Mapped[str] = mapped_column(String(40), primary_key=True)
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(80))


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


class QuarantineRow(Base):
    """Something that could not be taken, stored, read back or judged, with its bytes.

    The same `key` that failed in the same step is one row, however often it is seen: `first_at` is
    when it was first seen since it is open, `times` how often since then. `content` is empty once
    the entry ended, `digest` stays.
    """

    __tablename__ = "quarantine"
    __table_args__ = (
        UniqueConstraint("key", "failed", "source"),
        Index("ix_quarantine_state", "state", "source"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(12))
    failed: Mapped[str] = mapped_column(String(12))
    key: Mapped[str] = mapped_column(String(64))
    seen_in: Mapped[str] = mapped_column(String(160))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[str] = mapped_column(String(64))
    reason: Mapped[Said] = mapped_column(SaidText)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    times: Mapped[int]
    state: Mapped[str] = mapped_column(String(10))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str] = mapped_column(String(80), default="")
    closed_why: Mapped[Said | None] = mapped_column(SaidText)
