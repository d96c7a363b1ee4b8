"""What the status page shows, gathered from the database and from this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.bootstrap import Connector
from connector.domain.deadlines import promised_at
from connector.domain.lifecycle import OWNER, SELF_CLEARING, HoldCause, Owner, Stage
from connector.domain.masking import mask_text
from connector.gate import GateState, Paused
from connector.store.standing import OPEN, Parcel
from connector.store.tables import ActRow, AlertRow, QuarantineRow, RunRow
from connector.unattended import unreached
from connector.web.heart import Heart
from connector.web.metrics import SOON
from connector.wording import Said, quoted

_AT_RISK = 12
_ALERTS = 12
_PARCELS = 6
_ACTS = 6
_ENTRIES = 12


@dataclass(frozen=True)
class StageCount:
    """How many orders stand in a stage, and how many of them are held."""

    stage: Stage
    orders: int
    held: int


@dataclass(frozen=True)
class HoldLine:
    """Orders held for one cause; `since` is when the first of them was."""

    cause: str
    orders: int
    since: datetime | None
    by_itself: bool


@dataclass(frozen=True)
class WaveLine:
    """One wave of the day: `state` is upcoming, overdue or frozen."""

    unit: str
    cutoff: datetime
    state: str
    released: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class RiskLine:
    """An order whose deadline is over or near."""

    number: str
    stage: str
    hold: str | None
    promise: str
    deadline: datetime
    left: timedelta


@dataclass(frozen=True)
class JobLine:
    """A job's newest run, and how many windows are due and not done."""

    name: str
    scope: str
    run: RunRow | None
    windows: int
    waits: Said | None = None

    @property
    def state(self) -> str:
        """How it stands."""
        return self.run.state if self.run else "never"


@dataclass(frozen=True)
class Overview:
    """Everything on the first page. `verdict` is good, attention or trouble."""

    now: datetime
    verdict: str
    role: str
    ticked: datetime | None
    unreached: Sequence[str]
    paused: Sequence[Paused]
    alerts: Sequence[AlertRow]
    flow: Sequence[StageCount]
    holds: Sequence[HoldLine]
    waves_today: bool
    waves: Sequence[WaveLine]
    risks: Sequence[RiskLine]
    late: int
    soon: int
    gates: Sequence[GateState]
    storefront_at: datetime | None
    storefront_fails: bool
    open_calls: int
    untold: int
    quarantine: Sequence[QuarantineRow]
    quarantined: int
    jobs: Sequence[JobLine]
    parcels: Sequence[Parcel]
    acts: Sequence[ActRow]


def overview(connector: Connector, heart: Heart) -> Overview:
    """Gather the first page. Every question is answered by an index."""
    now = connector.context.clock()
    standing = connector.standing
    groups = standing.groups()
    flow = [
        StageCount(
            stage,
            sum(each.orders for each in groups if each.stage is stage),
            sum(each.orders for each in groups if each.stage is stage and each.hold),
        )
        for stage in OPEN
    ]
    held: dict[str, int] = {}
    for group in groups:
        if group.hold:
            held[group.hold] = held.get(group.hold, 0) + group.orders
    since = standing.held_since(list(held))
    holds = [
        HoldLine(cause, orders, since.get(cause), cause in SELF_CLEARING)
        for cause, orders in sorted(held.items(), key=lambda each: (-each[1], each[0]))
    ]
    deadlines = standing.deadlines(now, now + SOON)
    jobs = _jobs(connector, now)
    gates = [state for gate in connector.gates for state in gate.states()]
    waves_today, waves = _waves(connector, now)
    intake = next((each for each in jobs if each.name == "intake"), None)
    intake_done = standing.last_run("intake", "", done=True)
    calls = sum(
        number
        for (_, _, state), number in standing.open_calls().items()
        if state in ("sent", "in_doubt")
    )
    return Overview(
        now=now,
        verdict=_verdict(holds, jobs, gates, sum(each.late for each in deadlines), heart),
        role={None: "starting", True: "leader", False: "standby"}[heart.leading],
        ticked=heart.ticked,
        unreached=unreached(connector.settings),
        paused=connector.pauses.listed(),
        alerts=connector.alerts.listed()[:_ALERTS],
        flow=flow,
        holds=holds,
        waves_today=waves_today,
        waves=waves,
        risks=_risks(connector, now),
        late=sum(each.late for each in deadlines),
        soon=sum(each.soon for each in deadlines),
        gates=gates,
        storefront_at=intake_done.finished_at if intake_done else None,
        storefront_fails=intake is not None and intake.state == "failed",
        open_calls=calls,
        untold=sum(standing.untold().values()),
        quarantine=connector.context.quarantine.listed(limit=_ENTRIES),
        quarantined=sum(each.entries for each in connector.context.quarantine.open()),
        jobs=jobs,
        parcels=standing.newest_parcels(_PARCELS),
        acts=connector.acts.listed(_ACTS),
    )


def _verdict(
    holds: Sequence[HoldLine],
    jobs: Sequence[JobLine],
    gates: Sequence[GateState],
    late: int,
    heart: Heart,
) -> str:
    broken = any(each.state == "failed" for each in jobs) or any(each.is_open for each in gates)
    if broken or (heart.leading is not None and not heart.ready()):
        return "trouble"
    # Buyers are told by the storefront; everybody else on the list is ours to call.
    somebody = any(OWNER[HoldCause(each.cause)] is not Owner.BUYER for each in holds)
    return "attention" if somebody or late else "good"


def _risks(connector: Connector, now: datetime) -> list[RiskLine]:
    return [
        RiskLine(
            row.number,
            row.stage,
            row.hold_cause,
            promised_at(Stage(row.stage)) or "",
            row.deadline_at,
            row.deadline_at - now,
        )
        for row in connector.standing.at_risk(now + SOON, _AT_RISK)
        if row.deadline_at is not None
    ]


def _waves(connector: Connector, now: datetime) -> tuple[bool, list[WaveLine]]:
    """Return whether today is worked, and the waves of today or of the next working day."""
    lines, today_is_worked = [], False
    for code, unit in connector.context.business_units.items():
        table = connector.context.timetables.get(code, connector.context.timetables[""])
        today = now.astimezone(table.calendar.zone).date()
        worked = table.calendar.is_working_day(today)
        today_is_worked = today_is_worked or worked
        day = today if worked else table.calendar.next_working_day(today)
        waves = table.cutoffs.of_day(table.calendar, day)
        frozen = {
            each.cutoff_at: connector.standing.wave_counts(each)
            for each in connector.waves.listed(since=waves[0].cutoff_at)
            if each.business_unit == code
        }
        for wave in waves:
            released, left_out = frozen.get(wave.cutoff_at, (0, 0))
            state = "upcoming" if wave.cutoff_at > now else "overdue"
            if wave.cutoff_at in frozen:
                state = "frozen"
            lines.append(WaveLine(unit.name, wave.cutoff_at, state, released, left_out))
    return today_is_worked, sorted(lines, key=lambda each: (each.cutoff, each.unit))


def _jobs(connector: Connector, now: datetime) -> list[JobLine]:
    lines = []
    for job in connector.jobs:
        for scope in job.scopes:
            run = connector.standing.last_run(job.name, scope)
            after = run.window_to if run else connector.runner.reached(job.name, scope)
            unfinished = connector.standing.unfinished_runs(job.name, scope)
            due = len(job.due(scope, after, now)) + sum(unfinished.values())
            waits = connector.runner.waits(job)
            lines.append(JobLine(job.name, scope, run, due, waits))
    return lines


def error_of(run: RunRow | None) -> Said:
    """Return what went wrong in a run, masked and not too long."""
    error = run.error if run is not None and run.error is not None else quoted("")
    return error.with_each(lambda text: mask_text(text)[:300])
