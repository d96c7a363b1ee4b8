"""What a person does about an entry of the quarantine: repeat the step that failed, or drop it.

The step is the code that jobs come through, so that nothing is taken twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from connector.domain.kept import from_bytes
from connector.domain.masking import mask_text
from connector.domain.quarantine import Failed, State
from connector.errors import Rejected, RetryLater
from connector.steps.content import Taken
from connector.steps.context import Context
from connector.steps.quarantine import ask_again, go_on, take_or_quarantine
from connector.steps.told import take_kept
from connector.store.changes import StaleOrder
from connector.store.database import Database
from connector.store.tables import QuarantineRow
from connector.wording import Said, quarantine, quoted

# Repeats the failed step of an entry; None where it fails again.
Again = Callable[[Context, Database, QuarantineRow, str], Said | None]


def retry(
    context: Context,
    database: Database,
    entry: QuarantineRow,
    actor: str,
    of_jobs: Mapping[Failed, Again] = MappingProxyType({}),
) -> Said:
    """Repeat the failed step of an open entry, and end it where that works; say what it came to.

    `of_jobs` repeat what only a job does. Raises Rejected where it fails again (the entry then
    tells why it does now), and RetryLater.
    """
    failed = Failed(entry.failed)
    try:
        came_to = (of_jobs.get(failed) or _AGAIN[failed])(context, database, entry, actor)
    except StaleOrder:
        raise RetryLater(quarantine.ORDER_MOVES()) from None
    if came_to is None:
        raise Rejected("", context.quarantine.of_key(entry.key)[-1].reason)
    why = quarantine.STEP_WORKED(came_to=came_to)
    context.quarantine.close(entry.id, State.ENDED, why, actor, context.clock())
    return why


def drop(context: Context, entry: QuarantineRow, actor: str, why: str) -> bool:
    """Say that an entry does not count; an order that was held for it goes on as last taken.

    The same bytes seen again stay dropped. False where it was not open any more.
    """
    said = Said(mask_text(why))
    go_on(context, entry, quarantine.NOT_COUNTED(why=said), actor)
    return context.quarantine.close(entry.id, State.DROPPED, said, actor, context.clock())


def _take(context: Context, _database: Database, entry: QuarantineRow, actor: str) -> Said | None:
    taken = take_or_quarantine(context, from_bytes(entry.content), actor, entry.seen_in)
    return None if taken is Taken.QUARANTINED else quoted(taken)


def _read(context: Context, _database: Database, entry: QuarantineRow, actor: str) -> Said | None:
    # It can be read by now: what is wrong with it then is another entry. Of what was not believed
    # a person says by repeating it that it is so.
    assured = entry.reason.code == quarantine.NOT_BELIEVED.code
    return ask_again(context, entry, actor, assured=assured)


def _stored(context: Context, _database: Database, entry: QuarantineRow, actor: str) -> Said | None:
    came_to = ask_again(context, entry, actor)
    return None if str(came_to) == Taken.QUARANTINED else came_to


def _news(context: Context, database: Database, entry: QuarantineRow, _actor: str) -> Said | None:
    came_to = take_kept(context, database, entry)
    return None if came_to == Taken.QUARANTINED else quoted(came_to)


_AGAIN: Mapping[Failed, Again] = {
    Failed.TAKE: _take,
    Failed.READ: _read,
    Failed.GONE: _read,
    Failed.COMPARE: _take,
    Failed.STORED: _stored,
    Failed.NEWS: _news,
}
