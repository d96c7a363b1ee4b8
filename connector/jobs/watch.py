"""Job: watch the promises, and say when somebody is needed (workflow.md, "Who uses it")."""

from __future__ import annotations

from datetime import datetime

import structlog

from connector.domain.alerts import Role
from connector.domain.deadlines import Due, Promise, due_for
from connector.domain.masking import mask_text
from connector.jobs.cadence import Cadence, Window
from connector.jobs.conditions import Sources, judge, unjudgeable
from connector.jobs.runner import Counts, Job, Lane
from connector.notify.channels import Notifier
from connector.notify.digest import Language, digest
from connector.store.alerts import Alerts

_log = structlog.get_logger(__name__)


def watch(
    sources: Sources, alerts: Alerts, notifier: Notifier, language: Language, cadence: Cadence
) -> Job:
    """Return the job. However much goes wrong at once, each role gets one message.

    A message that nobody took is sent with the next look, and one to a role that nothing reaches
    counts as not told. One that was sent by a process that
    died before noting it is sent again: an alert told twice harms less than one never told.
    """
    context = sources.context
    unreached: set[Role] = set()

    def due_of(promise: Promise, placed_at: datetime, units: str) -> Due:
        return due_for(promise, placed_at, context.timetables_of(units), context.promises)

    def run(_window: Window, _scope: str) -> Counts:
        now = context.clock()
        counts, found = {"messages": 0, "waiting": 0, "nobody": 0}, []
        try:
            counts |= vars(sources.promises.follow(due_of, now))
        except Exception as error:
            found.append(unjudgeable("following", error))
        judged = judge(sources, now)
        counts |= vars(alerts.sync([*found, *judged.conditions], now, keep=judged.unjudged))
        for role, rows in alerts.due(now).items():
            if not notifier.has(role):
                # Nobody is told: it stays due, for whoever gets a channel.
                counts["nobody"] += len(rows)
                if role not in unreached:
                    unreached.add(role)
                    _log.warning("nobody is reached", role=role, alerts=len(rows))
                continue
            try:
                notifier.send(role, digest(rows, language))
            except Exception as error:
                # Whatever one role's channel raises, the others are told.
                counts["waiting"] += 1
                _log.error("alert not sent", role=role, error=mask_text(str(error)))
                continue
            alerts.told(rows, now)
            counts["messages"] += 1
        return counts

    return Job(
        "watch",
        "watch the promises and say when somebody is needed",
        cadence,
        run,
        lane=Lane.CLOCK,
    )
