"""What is wrong now: everything that calls for a person, gathered from where it is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

import structlog

from connector.clocks import Step
from connector.domain.alerts import AlertKind, Condition
from connector.domain.lifecycle import OWNER, HoldCause, Owner
from connector.domain.masking import mask_said
from connector.errors import said_of
from connector.gate import Guarded
from connector.jobs.cadence import AtCutoffs
from connector.jobs.runner import Job, System
from connector.mapping.live import Live
from connector.steps.context import Context
from connector.steps.outbound import given_now, numbers_given
from connector.steps.recognise import CREATE, WITHIN
from connector.store.calls import CallState
from connector.store.pauses import Pauses
from connector.store.promises import PromiseBook
from connector.store.runs import FAILURES, Runs, RunState
from connector.store.tables import RunRow
from connector.store.trouble import Trouble
from connector.wording import Said, machine, quoted, recorded, systems

_log = structlog.get_logger(__name__)

# What comes right again within so long is not worth a message.
_BLIP = timedelta(minutes=5)
_UNDELIVERED = timedelta(minutes=10)
_SLOW_RUN = timedelta(minutes=30)
# A window that is due for longer than this and not done is told of, whatever keeps it open.
_OPEN_FOR = timedelta(minutes=30)
# Waves have an alert of their own, and that this job itself is late nobody learns from it.
_TOLD_OTHERWISE = frozenset({"wave", "watch"})
_ENDS_SOON = timedelta(days=45)
_NAMED = 10
# So long people are told of a double that no order is held for.
_DOUBLED_FOR = timedelta(days=1)
# These say what only a person can mend: waiting for another failure brings nothing.
_HOPELESS = ("Misconfigured", "LogonFailed", "MappingFailed")


@dataclass(frozen=True)
class Sources:
    """Where conditions are looked for. `largest` bounds the database, in bytes.

    `jobs` are those whose windows are watched, `since` is when this process began to work on them.
    """

    context: Context
    trouble: Trouble
    promises: PromiseBook
    runs: Runs
    gates: Sequence[Guarded]
    largest: int
    mappings: Live
    jobs: Sequence[Job]
    since: datetime
    pauses: Pauses
    shop: str


# What is looked at, which kinds of alerts it may open, and how.
Look: TypeAlias = (
    "tuple[str, frozenset[AlertKind], Callable[[Sources, datetime], Iterator[Condition]]]"
)


@dataclass(frozen=True)
class Judged:
    """What one look found. Of kinds that could not be judged nothing is known: neither is over."""

    conditions: Sequence[Condition]
    unjudged: frozenset[AlertKind]


def judge(sources: Sources, now: datetime, looks: Sequence[Look] | None = None) -> Judged:
    """Return all that is wrong now, wherever it is looked for: in all of LOOKS by default.

    Each matter is judged on its own. An error in one is logged and is a condition itself; the
    others are judged all the same.
    """
    found: list[Condition] = []
    unjudged: set[AlertKind] = set()
    for subject, kinds, look in LOOKS if looks is None else looks:
        try:
            found += look(sources, now)
        except Exception as error:
            found.append(unjudgeable(subject, error))
            unjudged |= kinds
    return Judged(found, frozenset(unjudged))


def unjudgeable(subject: str, error: Exception) -> Condition:
    """Return the condition that a matter cannot be judged, and log why."""
    said = mask_said(systems.NAMED(name=type(error).__name__, message=said_of(error)))
    _log.error("condition not judged", subject=subject, error=said, exc_info=error)
    return Condition(AlertKind.UNJUDGED, subject, None, 0, {"error": recorded(said)})


def _held(sources: Sources, _now: datetime) -> Iterator[Condition]:
    for cause, orders, since in sources.trouble.held():
        # For what the buyer must do nobody here is called.
        if OWNER[HoldCause(cause)] is not Owner.BUYER:
            yield Condition(AlertKind.HELD, cause, since, orders)


def _promises(sources: Sources, now: datetime) -> Iterator[Condition]:
    for promise, orders, due in sources.promises.at_risk(now):
        detail = {"due": due.isoformat()}
        yield Condition(AlertKind.AT_RISK, promise, None, orders, detail)
    for cause, orders, since in sources.promises.overdue():
        if cause in set(HoldCause) and OWNER[HoldCause(cause)] is Owner.BUYER:
            continue
        yield Condition(AlertKind.BROKEN, cause, since, orders)


def _calls(sources: Sources, now: datetime) -> Iterator[Condition]:
    trouble = sources.trouble
    for system, operation, calls, since, _ in trouble.unsettled_calls((CallState.IN_DOUBT,), now):
        where = f"{system} {operation}"
        yield Condition(AlertKind.CALL_IN_DOUBT, where, since, 0, {"calls": calls})
    open_since = now - 2 * sources.context.outbound.settling
    for system, operation, calls, since, call in trouble.left_open(open_since):
        where, first = f"{system} {operation}", {"calls": calls, "call": call}
        yield Condition(AlertKind.CALL_OPEN, where, since, 0, first)
    late = now - _UNDELIVERED
    for _, operation, calls, since, error in trouble.unsettled_calls((CallState.PENDING,), late):
        detail = {"calls": calls, "error": recorded(error)}
        yield Condition(AlertKind.NOT_DELIVERED, operation, since, 0, detail)


def _doubled(sources: Sources, now: datetime) -> Iterator[Condition]:
    for system, operation, calls, since, call, error in sources.trouble.doubled(now - _DOUBLED_FOR):
        detail = {"calls": calls, "call": call, "error": recorded(error)}
        yield Condition(AlertKind.DOUBLED, f"{system} {operation}", since, 0, detail)


def creations_of(context: Context, now: datetime) -> Iterator[Condition]:
    """Give what is wrong with customers that are created in SAP."""
    gone = [
        row
        for row in context.calls.given_in_doubt()
        if given_now(row) and context.outbound.settles_at(row) <= now
    ]
    if gone:
        numbers = ", ".join(number for row in gone[:_NAMED] for number in numbers_given(row))
        detail = {"calls": len(gone), "numbers": numbers, "call": gone[0].id}
        yield Condition(AlertKind.NUMBER_GONE, "", gone[0].sent_at, 0, detail)
    limit = context.policy.creations
    sent, _ = context.calls.sent_since(CREATE, now - WITHIN)
    if sent >= limit:
        yield Condition(AlertKind.CREATIONS_WAIT, "", None, 0, {"limit": limit})


def _waves(sources: Sources, now: datetime) -> Iterator[Condition]:
    context = sources.context
    late = now - context.promises.released_grace
    for code in context.business_units:
        done = sources.runs.done_until("wave", code) or sources.runs.reached("wave", code)
        due = AtCutoffs(context.timetables_of(code)[0]).due(done, late) if done else []
        if due:
            cutoff = due[0].end
            orders = sources.trouble.ready(code, cutoff)
            detail = {"cutoff": cutoff.isoformat()}
            yield Condition(AlertKind.WAVE_LATE, code, cutoff, orders, detail)


def _runs(sources: Sources, now: datetime) -> Iterator[Condition]:
    trouble = sources.trouble
    for row in trouble.failed_runs():
        if not _is_blip(row, now):
            error = row.error or quoted("")
            detail = {
                "run": row.id,
                "attempts": _failures(row),
                "error": recorded(error),
                "logon": error.startswith("LogonFailed"),
            }
            yield Condition(AlertKind.JOB_FAILED, row.job, row.window_to, 0, detail)
    for row in trouble.stuck_runs(now, _SLOW_RUN):
        detail = {"run": row.id, "owner": row.owner}
        yield Condition(AlertKind.JOB_STUCK, row.job, row.started_at, 0, detail)


def _failures(row: RunRow) -> int:
    # Takeovers from processes that were killed are attempts, and no failures.
    return int(row.counts.get(FAILURES, 0 if row.state == RunState.RUNNING else row.attempts))


def _is_blip(row: RunRow, now: datetime) -> bool:
    hopeless = (row.error or "").startswith(_HOPELESS)
    return not hopeless and _failures(row) < 2 and now - row.window_to < _BLIP


def _windows(sources: Sources, now: datetime) -> Iterator[Condition]:
    due_at = now - _OPEN_FOR
    if due_at < sources.since:
        return  # what was missed while no process ran is being worked off
    told = {row.job for row in sources.trouble.failed_runs()}
    told |= {row.job for row in sources.trouble.stuck_runs(now, _SLOW_RUN)}
    paused = {each.system for each in sources.pauses.listed()}
    paused |= {System.STOREFRONT} if sources.shop in paused else set()
    told |= {job.name for job in sources.jobs if not paused.isdisjoint(job.needs())}
    for job in sources.jobs:
        for scope in job.scopes:
            if job.name in told | _TOLD_OTHERWISE:
                continue
            done = sources.runs.done_until(job.name, scope) or sources.runs.begins(job.name, scope)
            due = job.due(scope, done, due_at) if done else []
            if due:
                name, detail = f"{job.name} {scope}".strip(), {"window": due[0].end.isoformat()}
                yield Condition(AlertKind.JOB_BEHIND, name, due[0].end, 0, detail)


def _systems(sources: Sources, _now: datetime) -> Iterator[Condition]:
    for gate in sources.gates:
        for state in gate.states():
            if state.is_open:
                waiting = sources.trouble.waiting()
                yield Condition(AlertKind.SYSTEM_AWAY, state.name, None, waiting)


def _pauses(sources: Sources, _now: datetime) -> Iterator[Condition]:
    for each in sources.pauses.listed():
        zone = sources.context.timetables[""].calendar.zone
        until = f"{each.until.astimezone(zone):%m-%d %H:%M}" if each.until else "resume"
        detail = {"until": until, "reason": each.reason, "actor": each.actor}
        waiting = sources.trouble.waiting()
        yield Condition(AlertKind.SYSTEM_PAUSED, each.system, each.since, waiting, detail)


def _calendar(sources: Sources, now: datetime) -> Iterator[Condition]:
    # Units may have calendars of their own: the first that ends is told of.
    calendars = [each.calendar for each in sources.context.timetables.values()]
    ends, zone = min((each.ends_on(), each.zone.key) for each in calendars)
    if ends - now.astimezone(ZoneInfo(zone)).date() < _ENDS_SOON:
        yield Condition(AlertKind.CALENDAR_ENDS, "", None, 0, {"ends": f"{ends}"})


def _machine(sources: Sources, _now: datetime) -> Iterator[Condition]:
    context = sources.context
    for seen in context.shortages.lasting():
        said = recorded(machine.SHORTAGES[seen.what])
        detail = {"short": said, "place": recorded(seen.place or machine.SHORT_HERE())}
        yield Condition(AlertKind.SHORTAGE, seen.what, seen.since, 0, detail)
    step = context.clocks.step
    if step is not None:
        minutes = round(step.by.total_seconds() / 60)
        detail = {"minutes": f"{minutes:+d}", "verdict": recorded(_verdict(step))}
        yield Condition(AlertKind.CLOCK_SET, "", step.at, 0, detail)


def _verdict(step: Step) -> Said:
    if step.right is None:
        return machine.CLOCK_UNKNOWN()
    return machine.CLOCK_RIGHT() if step.right else machine.CLOCK_WRONG()


def _mappings(sources: Sources, _now: datetime) -> Iterator[Condition]:
    refused = sources.mappings.refused
    if refused:
        yield Condition(
            AlertKind.MAPPINGS_REFUSED,
            "",
            None,
            0,
            {
                "findings": len(refused),
                "first": str(refused[0]),
                "version": sources.mappings().version,
            },
        )


def _quarantine(sources: Sources, now: datetime) -> Iterator[Condition]:
    # What could not be read is asked for again by each intake: most of it comes right by itself.
    for each in sources.context.quarantine.open(now - _UNDELIVERED):
        detail = {"entries": each.entries, "first": each.first}
        yield Condition(AlertKind.QUARANTINED, each.source, each.since, 0, detail)


def _database(sources: Sources, _now: datetime) -> Iterator[Condition]:
    size = sources.trouble.size()
    if size > sources.largest:
        detail = {"size": _gib(size), "bound": _gib(sources.largest)}
        yield Condition(AlertKind.DATABASE_LARGE, "", None, 0, detail)


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


LOOKS: tuple[Look, ...] = (
    ("holds", frozenset({AlertKind.HELD}), _held),
    ("promises", frozenset({AlertKind.AT_RISK, AlertKind.BROKEN}), _promises),
    (
        "calls",
        frozenset({AlertKind.CALL_IN_DOUBT, AlertKind.CALL_OPEN, AlertKind.NOT_DELIVERED}),
        _calls,
    ),
    ("doubles", frozenset({AlertKind.DOUBLED}), _doubled),
    (
        "creations",
        frozenset({AlertKind.NUMBER_GONE, AlertKind.CREATIONS_WAIT}),
        lambda sources, now: creations_of(sources.context, now),
    ),
    ("waves", frozenset({AlertKind.WAVE_LATE}), _waves),
    ("runs", frozenset({AlertKind.JOB_FAILED, AlertKind.JOB_STUCK}), _runs),
    ("windows", frozenset({AlertKind.JOB_BEHIND}), _windows),
    ("systems", frozenset({AlertKind.SYSTEM_AWAY}), _systems),
    ("pauses", frozenset({AlertKind.SYSTEM_PAUSED}), _pauses),
    ("machine", frozenset({AlertKind.SHORTAGE, AlertKind.CLOCK_SET}), _machine),
    ("calendar", frozenset({AlertKind.CALENDAR_ENDS}), _calendar),
    ("mappings", frozenset({AlertKind.MAPPINGS_REFUSED}), _mappings),
    ("quarantine", frozenset({AlertKind.QUARANTINED}), _quarantine),
    ("database", frozenset({AlertKind.DATABASE_LARGE}), _database),
)
