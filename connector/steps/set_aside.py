"""Takes an order, or sets aside the one that cannot be taken: the others of its page go on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog

from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.masking import mask_said, mask_text
from connector.errors import MappingFailed, Misconfigured, RetryLater
from connector.steps.content import Taken
from connector.steps.context import Context
from connector.steps.take import take
from connector.store.changes import Change, Hold, StaleOrder
from connector.store.tables import OrderRow
from connector.store.types import storable
from connector.wording import Said, course, systems

_log = structlog.get_logger(__name__)


def take_or_set_aside(context: Context, payload: Mapping[str, Any], actor: str = "intake") -> Taken:
    """Take one payload. What nobody foresaw in it holds that order, under its number.

    When the storefront shows the order anew, it is taken as any other. Raises StaleOrder, and
    what is no fault of the order: RetryLater, Misconfigured.
    """
    try:
        return take(context, payload, actor)
    except (StaleOrder, RetryLater, Misconfigured):
        raise
    except MappingFailed as error:
        _log.error("unreadable order", error=mask_text(str(error)))
        return Taken.UNREADABLE
    except Exception as error:
        number, identity = (_name(payload.get(name)) for name in ("number", "id"))
        _log.error("order set aside", order=number or identity, exc_info=error)
        if not identity:
            return Taken.UNREADABLE
        name = systems.UNEXPECTED(error=type(error).__name__)
        reason = mask_said(systems.NAMED(name=name, message=str(error)[:500]))
        _hold(context, number or identity, identity, reason, actor)
        return Taken.SET_ASIDE


def _name(value: Any) -> str:
    """Return a number or identifier of a payload as it is stored."""
    return str(storable(str(value)))[:64].strip() if isinstance(value, str | int) else ""


def _hold(context: Context, number: str, identity: str, reason: Said, actor: str) -> None:
    now = context.clock()
    hold = Hold(HoldCause.MAPPING, (course.NOT_TAKEN(), reason))
    change = Change(event="held", text=course.NOT_TAKEN(), hold=hold)
    row = context.orders.by_number(number, context.shop)
    if row is not None:
        # The order stays as it was last taken; of one that ended nothing is to be done.
        known = row.hold_cause == HoldCause.MAPPING and row.hold_reasons == [*hold.reasons]
        if not known and not Stage(row.stage).ended:
            with suppress(StaleOrder):
                context.orders.apply(row, change, actor, now)
        return
    context.orders.insert(
        OrderRow(
            shop=context.shop,
            number=number,
            order_id=identity,
            content_hash="",
            payload={"id": identity, "number": number},
            content={"order_id": identity, "number": number},
            status="",
            payment_state="",
            stage=Stage.RECEIVED,
            hold_cause=HoldCause.MAPPING,
            hold_reasons=[*hold.reasons],
            hold_since=now,
            placed_at=now,
            received_at=now,
            updated_at=now,
            mapping_version=context.mappings().version,
        ),
        change,
        actor,
        now,
    )
