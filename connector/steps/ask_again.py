"""Asks the storefront for known orders again: as they are now, from the trash, or no more there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog

from connector.domain.lifecycle import HoldCause
from connector.domain.masking import mask_said
from connector.errors import ConnectorError, LogonFailed, Misconfigured, answered, said_of
from connector.steps.content import Taken
from connector.steps.context import Context
from connector.steps.quarantine import put_vanished, take_or_quarantine
from connector.steps.repair import go_on
from connector.steps.take_again import gone
from connector.store.changes import StaleOrder
from connector.store.tables import OrderRow
from connector.wording import Said, quarantine

_log = structlog.get_logger(__name__)

_BATCH = 100
# So many failures one after the other are the storefront's, not an order's.
_AWAY = 3
# A changed order is walked on only while so much time is left.
_WALK = 90.0
_SOME_TIME = timedelta(minutes=5)
# More orders than these, and than a tenth of those asked for, are not deleted at once: a storage
# was switched, or a backup restored.
_FEW = 3
# What only the storefront's own data can mend.
_BY_SHOP = (
    HoldCause.INVALID, HoldCause.SHOP_DATA, HoldCause.REFUNDED, HoldCause.REFUND_AMOUNT
)  # fmt: skip

Payloads = Iterator[tuple[str, Mapping[str, Any] | None]]


def before_release(context: Context, rows: Sequence[OrderRow], within: timedelta) -> set[int]:
    """Take in what became of orders that are about to be released; return those that were asked.

    A time of modification does not tell of every edit and refund, and a list not of the trash.
    What changed is walked on at once. After `within` nothing more is asked.
    """
    known = {row.order_id: row for row in rows}
    asked: set[int] = set()
    missing: list[OrderRow] = []
    told = 0
    end = time.monotonic() + within.total_seconds()

    def left() -> float:
        return end - time.monotonic()

    for order_id, payload in _asked(context, list(known), left, _failed):
        row = known[order_id]
        if left() <= 0:
            break
        told += 1
        if payload is None:
            missing.append(row)
            continue
        try:
            taken = take_or_quarantine(context, payload, "wave")
            if taken is Taken.QUARANTINED:
                continue  # it was not understood how the order is
            asked.add(row.id)
            if taken is not Taken.ECHO and left() > _WALK:
                go_on(context, context.orders.get(row.id), "wave")
        except Exception as error:
            # Whatever is wrong with one order, the wave goes.
            _log.warning("not taken", order=row.number, error=mask_said(said_of(error)))
    for row in _end(context, missing, told, "wave"):
        asked.add(row.id)
        if left() > _WALK:
            try:
                go_on(context, context.orders.get(row.id), "wave")
            except Exception as error:
                _log.warning("not taken", order=row.number, error=mask_said(said_of(error)))
    return asked


def held_ones(context: Context) -> None:
    """Take in what became of orders that only the storefront's own data can let go on.

    Who gives a product its part number, or deletes a refund, does not move an order's time of
    modification. A batch is asked for at a time, another one with each run.
    """
    held = [order_pk for cause in _BY_SHOP for order_pk in context.orders.held_for(cause)]
    if not held:
        return
    turn = int(context.clock().timestamp()) // 60 * _BATCH % len(held)
    rows = [context.orders.get(order_pk) for order_pk in (held[turn:] + held[:turn])[:_BATCH]]
    known = {row.order_id: row for row in rows}
    end = time.monotonic() + _WALK
    missing: list[OrderRow] = []
    told = 0
    for order_id, payload in _asked(context, list(known), lambda: end - time.monotonic(), _failed):
        told += 1
        if payload is None:
            missing.append(known[order_id])
            continue
        try:
            take_or_quarantine(context, payload, "intake")
        except StaleOrder:
            _log.info("order is busy", order=known[order_id].number)
    for _ in _end(context, missing, told, "intake"):
        pass


def vanished(told: int, missing: int) -> Said | None:
    """Return why orders that the shop says it has no more are not believed to be deleted.

    `told` is of how many orders it told in this asking.
    """
    if missing <= _FEW or missing * 10 <= told:
        return None
    return quarantine.VANISHED(gone=missing, asked=told)


def _end(
    context: Context, missing: Sequence[OrderRow], told: int, actor: str
) -> Iterator[OrderRow]:
    """End orders that the shop deleted, and give them; so many at once are held instead."""
    why = vanished(told, len(missing))
    for row in missing:
        try:
            if why is None:
                gone(context, row, actor)
            else:
                put_vanished(context, row, why, actor)
        except StaleOrder:
            _log.info("order is busy", order=row.number)
        else:
            yield row


def known_ones(
    context: Context, order_ids: Sequence[str], failed: dict[str, Said], missing: list[str]
) -> Iterator[Mapping[str, Any]]:
    """Give orders by the storefront's own identifiers.

    Into `missing` go those that it deleted, into `failed` why an order could not be told of.
    Raises RetryLater or Misconfigured when the storefront cannot be asked at all.
    """
    vain = 0

    def fail(order_id: str, error: ConnectorError) -> None:
        nonlocal vain
        vain += not answered(error)
        if isinstance(error, LogonFailed | Misconfigured) or vain >= _AWAY:
            raise error
        failed[order_id] = mask_said(error.said)

    end = _SOME_TIME.total_seconds()
    for order_id, payload in _asked(context, order_ids, lambda: end, fail):
        vain = 0
        if payload is None:
            missing.append(order_id)
        else:
            yield payload


def _failed(order_id: str, error: ConnectorError) -> None:
    _log.warning("not asked for", order_id=order_id, error=mask_said(error.said))


def _asked(
    context: Context,
    order_ids: Sequence[str],
    left: Callable[[], float],
    fail: Callable[[str, ConnectorError], None],
) -> Payloads:
    """Ask in batches; of one that fails each order singly, until the storefront is away."""
    for start in range(0, len(order_ids), _BATCH):
        batch = order_ids[start : start + _BATCH]
        if left() <= 0:
            return
        try:
            yield from context.storefront.orders(batch, left()).items()
            continue
        except ConnectorError as error:
            if len(batch) == 1:
                fail(batch[0], error)
                continue
        vain = 0
        for order_id in batch:
            if left() <= 0 or vain >= _AWAY:
                return
            try:
                yield from context.storefront.orders([order_id], left()).items()
                vain = 0
            except ConnectorError as error:
                vain += not answered(error)
                fail(order_id, error)
