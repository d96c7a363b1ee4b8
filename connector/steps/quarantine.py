"""Takes an order, or puts it into the quarantine: the others of its page go on.

Whatever comes in a good version later ends its entry by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

import structlog

from connector.domain.bounds import exceeded
from connector.domain.kept import to_bytes
from connector.domain.lifecycle import SELF_CLEARING, HoldCause, Stage
from connector.domain.masking import mask_said, mask_text
from connector.domain.quarantine import Entry, Failed, Source, State, key_of
from connector.errors import ConnectorError, Misconfigured, Rejected, RetryLater, UnreadableOrder
from connector.steps.content import Taken
from connector.steps.context import Context
from connector.steps.doubt import NotBelieved
from connector.steps.take import take
from connector.steps.take_again import gone
from connector.store.changes import Change, Hold, StaleOrder
from connector.store.tables import OrderRow, QuarantineRow
from connector.storefront.port import NotRead
from connector.wording import Said, course, quarantine, systems

_log = structlog.get_logger(__name__)

# Entries of these are ended by any good version of the order that they are of.
_OF_ORDER = (Failed.TAKE, Failed.READ, Failed.GONE, Failed.STORED)
# Entries of these hold their order, each with the one who can mend it.
_HOLDS = {Failed.TAKE: HoldCause.MAPPING, Failed.GONE: HoldCause.SHOP_DATA}
_MOST = 1000
# So many failures one after the other are the storefront's, not an order's.
_AWAY = 3
# Seconds in which the storefront must show an order that is asked for again.
_SHOWN_WITHIN = 60.0


def take_or_quarantine(
    context: Context,
    payload: Any,
    actor: str = "intake",
    seen_in: str = "",
    *,
    assured: bool = False,
) -> Taken:
    """Take one payload, or set it aside with its bytes and the reason; a good one ends its entry.

    What cannot be how a known order is holds nothing back: it is asked for again. Raises
    StaleOrder, and what is no fault of the order: RetryLater, Misconfigured, OSError (a machine
    that is short of files or room).
    """
    try:
        taken = take(context, within_bounds(payload), actor, assured=assured)
    except NotBelieved as error:
        put_order(context, Failed.READ, payload, mask_said(error.said), actor, seen_in)
        return Taken.QUARANTINED
    except (StaleOrder, RetryLater, Misconfigured, OSError):
        raise
    except Exception as error:
        put_order(context, Failed.TAKE, payload, reason_of(error), actor, seen_in)
        return Taken.QUARANTINED
    end_of(context, key_of(payload.get("id"), b""), _OF_ORDER, actor)
    return taken


def end_of(context: Context, key: str, failed: Collection[Failed], actor: str) -> None:
    """End the entries of one order that failed in these steps: a later version of it was good."""
    for entry in context.quarantine.of_key(key):
        if entry.failed in failed:
            # The order goes first: were it left for later, nothing would lead there any more.
            go_on(context, entry, quarantine.TAKEN_AFTER_ALL(), actor)
            why = quarantine.TAKEN_LATER()
            context.quarantine.close(entry.id, State.ENDED, why, actor, context.clock())


def within_bounds(payload: Any) -> Mapping[str, Any]:
    """Return a payload that is an order's and keeps all bounds. Raises Rejected."""
    if not isinstance(payload, Mapping):
        raise Rejected("", quarantine.NO_ORDER(what=type(payload).__name__))
    wrong = exceeded(payload)
    if wrong is not None:
        raise Rejected("", wrong)
    return payload


def reason_of(error: Exception) -> Said:
    """Return why something could not be taken, in words for people; personal data is masked."""
    if isinstance(error, ConnectorError):
        return mask_said(error.said)
    return quarantine.NOT_FORESEEN(error=mask_text(f"{type(error).__name__}: {error}")[:300])


def put_order(
    context: Context, failed: Failed, payload: Any, reason: Said, actor: str, seen_in: str = ""
) -> QuarantineRow:
    """Put an order of the storefront into the quarantine.

    A known order that cannot be taken is held: it stands as it was last taken, and the shop shows
    something else now.
    """
    content = to_bytes(payload)
    named = payload.get("id") if isinstance(payload, Mapping) else None
    key = key_of(named, content)
    entry = Entry(Source.STOREFRONT, failed, key, content, reason, seen_in or actor)
    row = context.quarantine.put(entry, context.clock())
    tell(row)
    if failed in _HOLDS and row.state == State.OPEN:
        _hold(context, key, row, _HOLDS[failed], actor)
    return row


def tell(row: QuarantineRow) -> None:
    """Log that something is in the quarantine; what is seen again is no news."""
    log = _log.error if row.times == 1 else _log.info
    log("quarantined", entry=row.id, source=row.source, key=row.key, reason=row.reason)


def put_vanished(context: Context, row: OrderRow, why: Said, actor: str) -> None:
    """Hold an order that the shop has no more, as it says of many at once: that ends none of them.

    It goes on by itself once the shop shows it again; a person who repeats the entry lets it end.
    """
    put_order(context, Failed.GONE, {"id": row.order_id}, why, actor)


def put_stored(context: Context, row: OrderRow, actor: str) -> QuarantineRow:
    """Put an order that is stored and cannot be read any more into the quarantine, as it stands."""
    content = to_bytes({"number": row.number, **context.orders.stored_text(row.id)})
    key, reason = key_of(row.order_id, content), systems.STORED_UNREADABLE()
    entry = Entry(Source.DATABASE, Failed.STORED, key, content, reason, actor)
    kept = context.quarantine.put(entry, context.clock())
    tell(kept)
    return kept


def put_unjudged(
    context: Context, failed: Failed, row: OrderRow, error: Exception, actor: str
) -> None:
    """Put an order of ours of which a job could make nothing into the quarantine."""
    if isinstance(error, UnreadableOrder):
        put_stored(context, row, actor)
        return
    content = to_bytes({"number": row.number})
    key = key_of(row.order_id, content)
    entry = Entry(Source.DATABASE, failed, key, content, reason_of(error), actor)
    _log.error("not judged", order=row.number, exc_info=error)
    tell(context.quarantine.put(entry, context.clock()))


def put_unread(context: Context, unread: NotRead, actor: str, seen_in: str = "") -> QuarantineRow:
    """Put an order that a listing names and that could not be read in full into the quarantine.

    What bears no identifier cannot be asked for: it is no order.
    """
    named = isinstance(unread.element, Mapping) and unread.element.get("id")
    failed = Failed.READ if named else Failed.TAKE
    reason = mask_said(quarantine.NOT_READ(why=unread.why) if named else unread.why)
    return put_order(context, failed, unread.element, reason, actor, seen_in)


def ask_again(context: Context, entry: QuarantineRow, actor: str, *, assured: bool = False) -> Said:
    """Ask the storefront for an order that could not be read, there or here, and take it."""
    payload = context.storefront.orders([entry.key], _SHOWN_WITHIN).get(entry.key)
    if payload is not None:
        seen_in = entry.seen_in
        return Said(take_or_quarantine(context, payload, actor, seen_in, assured=assured).value)
    known = context.orders.by_order_id(entry.key, context.shop)
    if known is not None:
        gone(context, known, actor)
    return quarantine.GONE_THERE()


def read_again(context: Context, most: int) -> None:
    """Ask the storefront again for orders that it could not tell of in full, others each time."""
    unread = context.quarantine.listed(failed=Failed.READ, limit=_MOST)
    turn = int(context.clock().timestamp()) // 60 * most % max(len(unread), 1)
    vain = 0
    for entry in (unread[turn:] + unread[:turn])[:most]:
        try:
            if str(ask_again(context, entry, "intake")) != Taken.QUARANTINED:
                end_of(context, entry.key, (Failed.READ,), "intake")
            vain = 0
        except Misconfigured:
            raise
        except (StaleOrder, ConnectorError) as error:
            vain += 1
            _log.info("still not read", order=entry.key, error=mask_text(str(error)))
            if vain >= _AWAY:
                return


def _hold(context: Context, key: str, entry: QuarantineRow, cause: HoldCause, actor: str) -> None:
    """Hold the order of an entry; what a person is to settle of it already stays to be settled."""
    row = context.orders.by_order_id(key, context.shop)
    if row is None or Stage(row.stage).ended:
        return
    reason = course.NOT_TAKEN(entry=str(entry.id), why=entry.reason)
    others: list[Said] = []
    if row.hold_cause is not None and HoldCause(row.hold_cause) not in SELF_CLEARING:
        cause, others = HoldCause(row.hold_cause), _without_entries(row)
    if row.hold_cause == cause and row.hold_reasons == [*others, reason]:
        return
    change = Change(event="held", text=reason, hold=Hold(cause, (*others, reason)))
    context.orders.apply(row, change, actor, context.clock())


def go_on(context: Context, entry: QuarantineRow, text: Said, actor: str) -> None:
    """Let the order go on that was held for an entry; what else it is held for stays."""
    while entry.failed in _HOLDS:
        row = context.orders.by_order_id(entry.key, context.shop)
        if row is None or row.hold_cause is None:
            return
        others = _without_entries(row)
        if len(others) == len(row.hold_reasons or ()):
            return
        hold = Hold(HoldCause(row.hold_cause), tuple(others)) if others else None
        again = None if others or Stage(row.stage).ended else context.clock()
        change = Change(event="quarantine", text=text, hold=hold, next_try_at=again)
        with suppress(StaleOrder):  # another mover was quicker: look again
            context.orders.apply(row, change, actor, context.clock())
            return


def _without_entries(row: OrderRow) -> list[Said]:
    """Return for what else an order is held."""
    return [each for each in row.hold_reasons or () if each.code != course.NOT_TAKEN.code]
