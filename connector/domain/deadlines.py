"""The promises of workflow.md: how soon an order must have come how far, in working time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.domain.calendar import WorkingCalendar
from connector.domain.lifecycle import Stage


@dataclass(frozen=True)
class Promises:
    """Working time from placing until a stage must be reached (workflow.md, steps 2 to 4)."""

    recognised: timedelta = timedelta(minutes=15)
    placed: timedelta = timedelta(minutes=30)
    ready: timedelta = timedelta(hours=1)


def deadline_for(
    stage: Stage, placed_at: datetime, calendar: WorkingCalendar, promises: Promises
) -> datetime | None:
    """Return by when an order that has reached `stage` must reach the next promise.

    None once no promise is open.
    """
    if stage.position < Stage.RECOGNISED.position:
        amount = promises.recognised
    elif stage.position < Stage.PLACED.position:
        amount = promises.placed
    elif stage.position < Stage.READY.position:
        amount = promises.ready
    else:
        return None
    return calendar.add_working_time(placed_at, amount)
