"""Takes what the DMS or SAP tells of orders, one by one: what cannot be taken is quarantined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from connector.domain.kept import from_bytes, to_bytes
from connector.domain.masking import mask_said
from connector.domain.quarantine import Entry, Failed, Source, State, key_of
from connector.errors import Misconfigured, RetryLater
from connector.mapping import Broken
from connector.steps.content import Taken
from connector.steps.context import Context
from connector.steps.news import take_news
from connector.steps.quarantine import end_of, reason_of, tell
from connector.store.changes import StaleOrder
from connector.store.database import Database
from connector.store.tables import QuarantineRow
from connector.wording import Said, together

_log = structlog.get_logger(__name__)

News = Mapping[str, Any]
_OF = {"sap_deliveries": Source.SAP}


def take_told(
    context: Context, database: Database, news: News, mapping: str, seen_in: str = "status"
) -> str:
    """Take news of one order and say what it came to, or set them aside with the reason.

    Raises RetryLater, Misconfigured, and OSError for a machine that is short of something.
    """
    key = key_of(news.get("number"), to_bytes(dict(news)))
    try:
        came_to = _taken(context, database, news, mapping)
    except (RetryLater, Misconfigured, OSError):
        raise
    except Exception as error:
        _put(context, mapping, key, {"news": dict(news)}, reason_of(error), seen_in)
        return Taken.QUARANTINED
    end_of(context, key, (Failed.NEWS,), "status")
    return came_to


def put_broken(context: Context, mapping: str, broken: Broken, seen_in: str = "status") -> None:
    """Set aside a record of an answer that its mapping cannot read."""
    content = {"record": broken.item}
    named = broken.read.get("number") or broken.read.get("external_number")
    key = key_of(named, to_bytes(content))
    _put(context, mapping, key, content, mask_said(together(broken.findings)), seen_in)


def take_kept(context: Context, database: Database, entry: QuarantineRow) -> str:
    """Take what an entry holds, as it is read now. It stays as it is where that fails again."""
    kept = from_bytes(entry.content)
    mapping, news = kept["mapping"], [kept.get("news")]
    if "record" in kept:
        news, broken = context.dms.told(mapping, kept["record"])
        for each in broken:
            put_broken(context, mapping, each, entry.seen_in)
            return Taken.QUARANTINED
    came_to = [take_told(context, database, each, mapping, entry.seen_in) for each in news]
    return Taken.QUARANTINED if Taken.QUARANTINED in came_to else ", ".join(came_to)


def _taken(context: Context, database: Database, news: News, mapping: str) -> str:
    for _ in range(3):
        row = context.orders.by_number(str(news.get("external_number")), context.shop)
        if row is None:
            _log.warning("the DMS tells of an order that is not ours", dms=news.get("number"))
            return "unknown"
        try:
            return take_news(context, database, row, news, mapping)
        except StaleOrder:
            continue
    return "stale"


def _put(
    context: Context, mapping: str, key: str, content: dict[str, Any], reason: Said, seen_in: str
) -> None:
    kept = to_bytes({"mapping": mapping, **content})
    source = _OF.get(mapping, Source.DMS)
    row = context.quarantine.put(
        Entry(source, Failed.NEWS, key, kept, reason, seen_in), context.clock()
    )
    if row.state == State.OPEN:
        tell(row)
