"""Job: each night, forget what is old enough and give the database's room back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from connector.jobs.cadence import Cadence, Window
from connector.jobs.runner import Counts, Job
from connector.store.quarantine import Quarantine
from connector.store.retention import Retention


@dataclass(frozen=True)
class Ages:
    """How old something must be. Orders count from their last change after they ended.

    `mask` and `drop` are for payloads and personal data. Sheets of buyers to settle are removed
    after `mask`, batch files after `drop`; `runs` is for finished runs, closed alerts and closed
    entries of the quarantine; open ones are dropped after `mask`.
    """

    mask: timedelta = timedelta(days=180)
    drop: timedelta = timedelta(days=730)
    runs: timedelta = timedelta(days=90)


def housekeeping(
    retention: Retention,
    quarantine: Quarantine,
    ages: Ages,
    cadence: Cadence,
    output: Path,
    clock: Callable[[], datetime],
) -> Job:
    """Return the job. Orders, lines, documents, events and finance's files stay: the books."""

    def run(_window: Window, _scope: str) -> Counts:
        now = clock()
        return {
            "dropped": retention.drop(now - ages.drop, now),
            "masked": retention.mask(now - ages.mask, now),
            "runs": retention.prune(now - ages.runs),
            # What is in the quarantine cannot be masked: it would not be what failed any more.
            "quarantine": quarantine.forget(now - ages.mask, now - ages.runs, now),
            "folders": _remove(output / "waves", (now - ages.drop).date()),
            "sheets": _remove_sheets(output / "review", now - ages.mask),
            "rewritten": int(retention.tidy()),
        }

    return Job("housekeeping", "mask and drop old personal data, tidy the database", cadence, run)


def _remove(batches: Path, before: date) -> int:
    """Remove the batch folders of old days: they name buyers and where they live."""
    gone = 0
    for folder in sorted(batches.glob("????-??-??")):
        try:
            day = date.fromisoformat(folder.name)
        except ValueError:
            continue
        if day < before:
            shutil.rmtree(folder)
            gone += 1
    return gone


def _remove_sheets(folder: Path, before: datetime) -> int:
    """Remove sheets of the sales rep that were written long ago: they say who buyers are."""
    old = [
        each for each in folder.glob("review-*.xlsx") if each.stat().st_mtime < before.timestamp()
    ]
    for each in old:
        each.unlink()
    return len(old)
