"""What the shop shows of a known order and what cannot be how it is: an answer not understood.

A page cache shows an order as it was, a plug-in leaves its lines out. Neither is anything that
somebody did to the order. The order itself is asked for; where that shows the same, what is known
of it stays, and people are told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connector.domain.order import PaymentState
from connector.domain.reader import Reader, listed, mapping
from connector.errors import ConnectorError, RetryLater
from connector.steps.content import content_hash
from connector.steps.context import Context
from connector.steps.shown import forgotten, known_content, read_anew
from connector.store.tables import OrderRow
from connector.wording import Said, quarantine


class NotBelieved(RetryLater):
    """Raised for what the storefront shows of a known order and what cannot be how it is."""

    def __init__(self, why: Said) -> None:
        super().__init__(quarantine.NOT_BELIEVED(why=why), answered=True)


def doubt(context: Context, row: OrderRow, content: Mapping[str, Any]) -> Said | None:
    """Return what speaks against a reading of a known order; None where nothing does.

    A reading that says the same as what is known needs no belief.
    """
    if row.unreadable:
        return None
    times = _times(row, content)
    older = times is not None and times[0] < times[1]
    if not older and listed(content.get("lines")):
        return None
    shown = known_content(context, row, content)
    state = str(content.get("payment_state") or PaymentState.UNKNOWN)
    if content_hash(shown) == row.content_hash and state == row.payment_state:
        return None
    if older and times is not None:
        at, known = (f"{each:%Y-%m-%d %H:%M:%S} UTC" for each in times)
        return quarantine.OLDER_THAN_KNOWN(at=at, known=known)
    return quarantine.WITHOUT_LINES() if _had_lines(context, row) else None


def still_doubtful(context: Context, row: OrderRow, content: Mapping[str, Any]) -> Said | None:
    """Return what speaks against it also where the order itself was asked for.

    A shop's clock that was set right makes newer readings look older: then it has not reached yet
    what is known. An order without lines is one whose lines were deleted where its sums say so.
    """
    why = doubt(context, row, content)
    if why is None:
        return None
    if why.code == quarantine.OLDER_THAN_KNOWN.code:
        times = _times(row, content)
        return None if times is not None and _clock_of(context) < times[1] else why
    return None if _adds_up_without_lines(content) else why


def _times(row: OrderRow, content: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    """Return when the order was changed last, as it is shown and as it is known."""
    reader = Reader()
    at, known = (
        reader.time(mapping(each).get("modified_at"), "modified_at", required=False)
        for each in (content, row.content)
    )
    return None if at is None or known is None else (at, known)


def _clock_of(context: Context) -> datetime:
    """Return what the shop's clock shows; ours where it does not say."""
    try:
        return context.storefront.clock() or context.clock()
    except ConnectorError as error:
        raise NotBelieved(error.said) from error


def _had_lines(context: Context, row: OrderRow) -> bool:
    """Whether it had lines that the mapping in force finds: IT may have changed how it is read."""
    if forgotten(row):
        return bool(context.orders.lines(row.id))
    return bool(listed(read_anew(context, row).get("lines")))


def _adds_up_without_lines(content: Mapping[str, Any]) -> bool:
    """Whether freight and fees alone come to the order's total, as when its lines were deleted."""
    reader = Reader()
    total = reader.decimal(content.get("total"), "total")
    for name in ("freight", "freight_tax"):
        total -= reader.decimal(content.get(name) or 0, name)
    for each in map(mapping, listed(content.get("fees"))):
        total -= reader.decimal(each.get("total") or 0, "total")
        total -= reader.decimal(each.get("total_tax") or 0, "total_tax")
    return not reader.fatal and not total
