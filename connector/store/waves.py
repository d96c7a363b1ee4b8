"""Waves in the database: frozen once at a cutoff, with every order that is in and every one not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from connector.domain.lifecycle import WALKING, Stage
from connector.errors import RetryLater
from connector.store.database import Database
from connector.store.orders import Change, StaleOrder, apply_in
from connector.store.tables import DocumentRow, OrderRow, WaveOrderRow, WaveRow

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

    def freeze(
        self, freeze: Freeze, why: Callable[[OrderRow], str], actor: str, now: datetime
    ) -> WaveRow:
        """Freeze a wave and release its orders, all in one transaction; once for each cutoff.

        `why` says why an order is left out. An order of several business units is released as a
        whole when the last of their waves took it.
        """
        for _ in range(_TRIES):
            try:
                with self._database.transaction() as session:
                    return _frozen(session, freeze) or _freeze(session, freeze, why, actor, now)
            except StaleOrder:
                # An order was moved while the wave was put together: look at all of them anew.
                continue
            except IntegrityError:
                with self._database.reading() as session:
                    wave = _frozen(session, freeze)
                if wave is None:
                    raise
                return wave
        raise RetryLater("orders are being moved all the time", place=f"wave {freeze.cutoff}")

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
    why: Callable[[OrderRow], str],
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
    ready = _ready(session, freeze)
    released_units = _released_units(session, [row.id for row in ready])
    # Nothing below asks for what was added: it is written in one go, not order by order.
    with session.no_autoflush:
        for row in ready:
            session.add(
                WaveOrderRow(
                    wave_id=wave.id,
                    order_pk=row.id,
                    released=True,
                    late=row.placed_at <= freeze.start,
                )
            )
            whole = _units(row) <= released_units[row.id] | {freeze.business_unit}
            change = Change(
                event="released" if whole else "wave",
                text=f"released with the wave of {freeze.business_unit}",
                detail={"cutoff": freeze.cutoff.isoformat(), "wave": wave.id},
                stage=Stage.RELEASED if whole else None,
                values={"released_at": now} if whole else {},
            )
            apply_in(session, row, change, actor, now)
    for row in _not_ready(session, freeze):
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


def _units(row: OrderRow) -> set[str]:
    return set(filter(None, row.business_units.split(",")))


def _released_units(session: Session, order_pks: Sequence[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {order_pk: set() for order_pk in order_pks}
    for start in range(0, len(order_pks), _PAGE):
        for order_pk, unit in session.execute(
            select(WaveOrderRow.order_pk, WaveRow.business_unit)
            .join(WaveRow, WaveRow.id == WaveOrderRow.wave_id)
            .where(
                WaveOrderRow.order_pk.in_(order_pks[start : start + _PAGE]),
                WaveOrderRow.released.is_(True),
            )
        ):
            found[order_pk].add(unit)
    return found


def _ready(session: Session, freeze: Freeze) -> list[OrderRow]:
    taken = exists(
        select(WaveOrderRow.order_pk)
        .join(WaveRow, WaveRow.id == WaveOrderRow.wave_id)
        .where(
            WaveOrderRow.order_pk == OrderRow.id,
            WaveOrderRow.released.is_(True),
            WaveRow.business_unit == freeze.business_unit,
        )
    )
    rows = session.scalars(
        select(OrderRow)
        .where(
            OrderRow.stage == Stage.READY,
            OrderRow.hold_cause.is_(None),
            OrderRow.cancel_requested.is_(False),
            OrderRow.placed_at <= freeze.cutoff,
            ~taken,
        )
        .order_by(OrderRow.placed_at, OrderRow.id)
    )
    return [row for row in rows if freeze.business_unit in _units(row)]


def _not_ready(session: Session, freeze: Freeze) -> list[OrderRow]:
    # READY ones that were not taken above are held or being cancelled.
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
        if (not _units(row) or freeze.business_unit in _units(row))
        and (row.stage != Stage.READY or row.hold_cause is not None or row.cancel_requested)
    ]
