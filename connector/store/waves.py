"""Waves in the database: frozen once at a cutoff, with every order that is in and every one not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from connector.domain.lifecycle import WALKING, HoldCause, Stage
from connector.domain.order import UNSETTLED
from connector.errors import RetryLater, UnreadableOrder
from connector.store.changes import Change, Hold, StaleOrder, apply_in
from connector.store.database import Database
from connector.store.tables import (
    AllocationRow,
    DocumentRow,
    LineRow,
    OrderRow,
    WaveOrderRow,
    WaveRow,
)
from connector.wording import Said, course, systems

_TRIES = 10
_PAGE = 500


@dataclass(frozen=True)
class Freeze:
    """Which wave is to be frozen.

    It holds the orders placed in (`start`, `cutoff`], and earlier ones that became ready too late
    for their own wave.
    """

    business_unit: str
    cutoff: datetime
    start: datetime


class Waves:
    """Freezes and reads waves."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def frozen(self, freeze: Freeze) -> bool:
        """Whether the wave was frozen before."""
        with self._database.reading() as session:
            return _frozen(session, freeze) is not None

    def ready(self, freeze: Freeze) -> list[OrderRow]:
        """Return the orders that the wave would release now, oldest first."""
        with self._database.reading() as session:
            return list(session.scalars(_ready(freeze)))

    def freeze(
        self,
        freeze: Freeze,
        why: Callable[[OrderRow], Said],
        remark: Callable[[OrderRow], Said | None],
        actor: str,
        now: datetime,
    ) -> WaveRow:
        """Freeze a wave and release its orders, all in one transaction; once for each cutoff.

        `remark` is what is to be known of an order that it releases, `why` why an order is left
        out. An order of several business units is released as a whole when the last of their waves
        took it. What is short of it stays behind, and is asked for from then on.
        """
        for _ in range(_TRIES):
            try:
                with self._database.transaction() as session:
                    return _frozen(session, freeze) or _freeze(
                        session, freeze, why, remark, actor, now
                    )
            except StaleOrder:
                # An order was moved while the wave was put together: look at all of them anew.
                continue
            except IntegrityError:
                with self._database.reading() as session:
                    wave = _frozen(session, freeze)
                if wave is None:
                    raise
                return wave
        raise RetryLater(systems.MOVED_ALL_THE_TIME(), place=f"wave {freeze.cutoff}")

    def released(self, wave: WaveRow) -> list[tuple[OrderRow, WaveOrderRow]]:
        """Return the orders of a wave, in the sequence of their numbers."""
        return self._orders(wave, released=True)

    def left_out(self, wave: WaveRow) -> list[tuple[OrderRow, WaveOrderRow]]:
        """Return the orders that a wave should have taken and could not."""
        return self._orders(wave, released=False)

    def documents(self, wave: WaveRow) -> dict[int, list[DocumentRow]]:
        """Return the documents of a wave's orders by the order's key, oldest first."""
        query = (
            select(DocumentRow)
            .join(WaveOrderRow, WaveOrderRow.order_pk == DocumentRow.order_pk)
            .where(WaveOrderRow.wave_id == wave.id, WaveOrderRow.released.is_(True))
            .order_by(DocumentRow.id)
        )
        found: dict[int, list[DocumentRow]] = {}
        with self._database.reading() as session:
            for row in session.scalars(query):
                found.setdefault(row.order_pk, []).append(row)
        return found

    def allocations(self, wave: WaveRow) -> dict[int, list[AllocationRow]]:
        """Return what a wave took, by the order's key."""
        query = (
            select(AllocationRow)
            .where(AllocationRow.wave_id == wave.id)
            .order_by(AllocationRow.order_pk, AllocationRow.line_number)
        )
        found: dict[int, list[AllocationRow]] = {}
        with self._database.reading() as session:
            for row in session.scalars(query):
                found.setdefault(row.order_pk, []).append(row)
        return found

    def _orders(self, wave: WaveRow, *, released: bool) -> list[tuple[OrderRow, WaveOrderRow]]:
        query = (
            select(OrderRow, WaveOrderRow)
            .join(WaveOrderRow, WaveOrderRow.order_pk == OrderRow.id)
            .where(WaveOrderRow.wave_id == wave.id, WaveOrderRow.released.is_(released))
            .order_by(OrderRow.placed_at, OrderRow.id)
        )
        with self._database.reading() as session:
            return [(order, seen) for order, seen in session.execute(query)]

    def listed(
        self, since: datetime | None = None, frozen_since: datetime | None = None
    ) -> list[WaveRow]:
        """Return waves in the sequence of their cutoffs: those of and frozen since these times."""
        query = select(WaveRow).order_by(WaveRow.cutoff_at, WaveRow.business_unit)
        if since is not None:
            query = query.where(WaveRow.cutoff_at >= since)
        if frozen_since is not None:
            query = query.where(WaveRow.frozen_at >= frozen_since)
        with self._database.reading() as session:
            return list(session.scalars(query))

    def of_order(self, order_pk: int) -> list[tuple[WaveRow, WaveOrderRow]]:
        """Return the waves that saw an order."""
        query = (
            select(WaveRow, WaveOrderRow)
            .join(WaveOrderRow, WaveOrderRow.wave_id == WaveRow.id)
            .where(WaveOrderRow.order_pk == order_pk)
            .order_by(WaveRow.cutoff_at)
        )
        with self._database.reading() as session:
            return [(wave, seen) for wave, seen in session.execute(query)]


def _frozen(session: Session, freeze: Freeze) -> WaveRow | None:
    return session.scalar(
        select(WaveRow).where(
            WaveRow.business_unit == freeze.business_unit, WaveRow.cutoff_at == freeze.cutoff
        )
    )


def _freeze(
    session: Session,
    freeze: Freeze,
    why: Callable[[OrderRow], Said],
    remark: Callable[[OrderRow], Said | None],
    actor: str,
    now: datetime,
) -> WaveRow:
    wave = WaveRow(
        business_unit=freeze.business_unit,
        cutoff_at=freeze.cutoff,
        window_from=freeze.start,
        window_to=freeze.cutoff,
        frozen_at=now,
    )
    session.add(wave)
    session.flush()
    due = session.scalars(_ready(freeze)).all()
    # Nobody could say what the warehouse is to pack of such an order.
    unreadable = [row for row in due if row.unreadable]
    ready = [row for row in due if not row.unreadable]
    order_pks = [row.id for row in ready]
    _take(session, wave, order_pks)
    partly = _pks(session, order_pks, _unreleased())
    owed = _pks(session, order_pks, _owed())
    # Nothing below asks for what was added: it is written in one go, not order by order.
    with session.no_autoflush:
        for row in ready:
            known = remark(row)
            session.add(
                WaveOrderRow(
                    wave_id=wave.id,
                    order_pk=row.id,
                    released=True,
                    late=row.placed_at <= freeze.start,
                    reason=known or "",
                )
            )
            change = _released(row, wave, whole=row.id not in partly, owed=row.id in owed, now=now)
            if known is not None:
                change = replace(change, text=course.with_remark(change.text, known))
            apply_in(session, row, change, actor, now)
        for row in unreadable:
            apply_in(session, row, _kept_back(row), actor, now)
    for row in (*unreadable, *_not_ready(session, freeze, {row.id for row in due})):
        session.add(
            WaveOrderRow(
                wave_id=wave.id,
                order_pk=row.id,
                released=False,
                late=row.placed_at <= freeze.start,
                reason=why(row),
            )
        )
    return wave


def _ready(freeze: Freeze) -> Select[OrderRow]:
    return (
        select(OrderRow)
        .where(*ready_for(freeze.business_unit, freeze.cutoff))
        .order_by(OrderRow.placed_at, OrderRow.id)
    )


def _released(row: OrderRow, wave: WaveRow, *, whole: bool, owed: bool, now: datetime) -> Change:
    """Return the change of an order that a wave takes: what it owes is asked for from now on."""
    first = whole and row.stage == Stage.READY
    return Change(
        event="released" if first else "wave",
        text=course.RELEASED(unit=wave.business_unit),
        detail={"cutoff": wave.cutoff_at.isoformat(), "wave": wave.id},
        stage=Stage.RELEASED if first else None,
        keep_hold=owed,
        next_try_at=now if whole and owed else None,
        values={
            **({"released_at": now} if first else {}),
            **({"backorder": Stage.PLACED if owed else None} if whole else {}),
        },
    )


def _kept_back(row: OrderRow) -> Change:
    """Return the hold of an order that is ready and cannot be read: a person is told of it."""
    reason = UnreadableOrder(row.number).said
    return Change(event="held", text=reason, hold=Hold(HoldCause.MAPPING, (reason,)))


def _units(row: OrderRow) -> set[str]:
    return set(filter(None, row.business_units.split(",")))


def ready_for(business_unit: str, until: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of orders, placed until then, of which a unit's wave takes something.

    What the order lacks beside waits for stock: it holds nothing up that is there.
    """
    return (
        or_(
            OrderRow.stage == Stage.READY,
            and_(OrderRow.stage == Stage.RELEASED, OrderRow.backorder == Stage.READY),
        ),
        or_(OrderRow.hold_cause.is_(None), OrderRow.hold_cause == HoldCause.STOCK),
        OrderRow.cancel_requested.is_(False),
        OrderRow.payment_state.not_in(UNSETTLED),
        OrderRow.placed_at <= until,
        _unreleased(business_unit),
    )


def _unreleased(business_unit: str | None = None) -> ColumnElement[bool]:
    """Of the order something is promised that no wave has taken yet."""
    promised = and_(
        AllocationRow.order_pk == OrderRow.id,
        AllocationRow.wave_id.is_(None),
    )
    if business_unit is None:
        return exists().where(promised)
    return exists().where(promised, _of_unit(business_unit))


def _of_unit(business_unit: str) -> ColumnElement[bool]:
    return exists().where(
        LineRow.order_pk == AllocationRow.order_pk,
        LineRow.number == AllocationRow.line_number,
        LineRow.business_unit == business_unit,
    )


def _owed() -> ColumnElement[bool]:
    """Of the order something is still to be promised."""
    return exists().where(
        LineRow.order_pk == OrderRow.id,
        LineRow.allocated < LineRow.quantity - LineRow.refunded_quantity,
    )


def _take(session: Session, wave: WaveRow, order_pks: Sequence[int]) -> None:
    for start in range(0, len(order_pks), _PAGE):
        session.execute(
            update(AllocationRow)
            .where(
                AllocationRow.order_pk.in_(order_pks[start : start + _PAGE]),
                AllocationRow.wave_id.is_(None),
                _of_unit(wave.business_unit),
            )
            .values(wave_id=wave.id)
            .execution_options(synchronize_session=False)
        )


def _pks(session: Session, order_pks: Sequence[int], where: ColumnElement[bool]) -> set[int]:
    found: set[int] = set()
    for start in range(0, len(order_pks), _PAGE):
        page = order_pks[start : start + _PAGE]
        found.update(session.scalars(select(OrderRow.id).where(OrderRow.id.in_(page), where)))
    return found


def _not_ready(session: Session, freeze: Freeze, taken: set[int]) -> list[OrderRow]:
    # READY ones that were not taken are held, not paid or being cancelled.
    rows = session.scalars(
        select(OrderRow)
        .where(
            OrderRow.stage.in_((*WALKING, Stage.READY)),
            OrderRow.placed_at <= freeze.cutoff,
        )
        .order_by(OrderRow.placed_at, OrderRow.id)
    )
    return [
        row
        for row in rows
        if row.id not in taken
        and (not _units(row) or freeze.business_unit in _units(row))
        and (
            row.stage != Stage.READY
            or row.hold_cause is not None
            or row.cancel_requested
            or row.payment_state in UNSETTLED
        )
    ]
