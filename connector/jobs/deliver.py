"""Job: deliver finished files to where the settings send their kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from connector.extracts.deliver import Item, Parcel, Target
from connector.jobs.cadence import Cadence, Window
from connector.jobs.runner import Counts, Job, Lane
from connector.steps.deliver import deliver as deliver_parcel
from connector.steps.outbound import Outbound
from connector.store.files import Files


def deliver(
    outbound: Outbound,
    files: Files,
    targets: Mapping[str, Target],
    cadence: Cadence,
    clock: Callable[[], datetime],
) -> Job:
    """Return the job. Each target has windows of its own: one that is away delays no other.

    A target gets what was written since the job first ran for it, so that a new target is not
    flooded with the past.
    """

    def run(window: Window, scope: str) -> Counts:
        target = targets[scope]
        counts: Counter[str] = Counter()
        for kind, name, rows in files.undelivered(scope, target.kinds, window.start):
            items = tuple(Item(Path(row.path), row.sha256, row.revision, row.rows) for row in rows)
            outcome = deliver_parcel(outbound, target, Parcel(kind, name, items))
            arrived = {str(item.path) for item in outcome.arrived}
            there = [row for row in rows if row.path in arrived]
            files.delivered(there, scope, clock())
            counts["parcels"] += outcome.whole
            counts["files"] += len(there)
            counts["waiting"] += outcome.waiting
            counts["needs_person"] += outcome.needs_person
        return dict(counts)

    return Job(
        "deliver",
        "deliver finished files to their targets",
        cadence,
        run,
        tuple(targets),
        lane=Lane.CLOCK,
    )
