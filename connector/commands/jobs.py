"""`connector job`: list, run, history, rerun."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, datetime
from typing import Annotated, Any

import typer

from connector.commands.outcome import WRONG, code_of_runs
from connector.commands.output import Actor, DryRun, Json, Reason, listing, say

app = typer.Typer(no_args_is_help=True, help="Jobs and their runs. 任务")


@app.command("list")
def list_jobs(json: Json = False) -> None:
    """List the jobs, how far each has come and what is due.

    Example: connector job list
    """
    from connector.commands.opened import opened, zone_of

    with opened() as connector:
        rows = []
        for job in connector.jobs:
            for scope in job.scopes:
                last = connector.runs.last_window_to(job.name, scope)
                unfinished = connector.runs.unfinished(job.name, scope)
                rows.append(
                    {
                        "job": job.name,
                        "scope": scope,
                        "done_until": last,
                        "unfinished": len(unfinished),
                        "waits": connector.runner.waits(job) or "",
                        "does": job.title,
                    }
                )
        listing(rows, as_json=json, zone=zone_of(connector))


@app.command()
def run(
    name: str,
    window: Annotated[
        str | None, typer.Option(help="FROM/TO, for example 2026-11-24T12:00/2026-11-24T15:00.")
    ] = None,
    date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A business day.")
    ] = None,
    scope: Annotated[str | None, typer.Option(help="One business unit, for waves.")] = None,
    actor: Actor = None,
    reason: Reason = "",
    dry_run: DryRun = False,
) -> None:
    """Run a job's due windows, or one window, now. A window that was done is not done again.

    Example: connector job run wave --date 2026-11-24
    """
    from connector.commands.opened import acting, opened, zone_of

    with opened() as connector:
        if name not in connector.runner.jobs:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(connector.runner.jobs)}")
        job = connector.runner.jobs[name]
        zone = zone_of(connector)
        scopes = job.scopes if scope is None else (scope,)
        if window is None and date is None and not dry_run:
            connector.runner.begin()
        failed: list[Any] = []
        for each in scopes:
            if each not in job.scopes:
                raise typer.BadParameter(f"{each!r} is none of {', '.join(job.scopes)}")
        chosen = [
            (each, found)
            for each in scopes
            for found in windows_of(connector, job, each, window, date, zone)
        ]
        # A window counts once: what comes until its end would be left out for good.
        over = [each for each in chosen if each[1].end <= connector.context.clock()]
        for each, found in chosen:
            if (each, found) not in over:
                say(f"{name} {each} {_span(found, zone)}: is not over yet, so it is not run")
        if not over:
            _nothing_to_run(name, chosen, window, date)
        for each, found in over:
            if dry_run:
                say(f"{name} {each} {_span(found, zone)}: would be run")
                continue
            with acting(connector, "job run", f"job {name}", actor, reason) as act:
                outcome = connector.runner.run_window(name, found, each)
                row = connector.runs.find(name, each, found.bounds)
                busy = (
                    row if outcome.state == "skipped" and row and row.state == "running" else None
                )
                told = f"is being run by {busy.owner}" if busy else _told(outcome)
                act.outcome = f"{each} {_span(found, zone)}: {told}".strip()
            say(f"{name} {each} {_span(found, zone)}: {told}")
            failed += [outcome] if outcome.state == "failed" or busy else []
        if failed:
            raise typer.Exit(code_of_runs(failed))


@app.command()
def history(
    name: Annotated[str | None, typer.Argument(help="One job.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only runs that failed.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 50,
    json: Json = False,
) -> None:
    """List runs, newest first.

    Example: connector job history --failed
    """
    from connector.commands.opened import opened, zone_of

    with opened() as connector:
        rows = connector.runs.history(name, failed=failed, limit=limit + 1)
        # The newest act on a run is the one that made it what it is.
        acts = {act.subject: act for act in connector.acts.of([f"run {row.id}" for row in rows])}
        listing(
            [
                {
                    "run": row.id,
                    "job": row.job,
                    "scope": row.scope,
                    "window_from": row.window_from,
                    "window_to": row.window_to,
                    "state": row.state,
                    "attempts": row.attempts,
                    "finished_at": row.finished_at,
                    "counts": row.counts,
                    "error": row.error,
                    "rerun_by": _by(acts.get(f"run {row.id}")),
                }
                for row in rows
            ],
            as_json=json,
            zone=zone_of(connector),
            empty="no runs",
            limit=limit,
        )


@app.command()
def rerun(run_id: int, actor: Actor = None, reason: Reason = "", dry_run: DryRun = False) -> None:
    """Run a window again, whatever became of it. What it did before is not done twice.

    Example: connector job rerun 17
    """
    from connector.commands.opened import acting, opened, zone_of
    from connector.jobs.cadence import Window

    with opened() as connector:
        row = connector.runs.get(run_id)
        if row is None:
            raise typer.BadParameter(f"there is no run {run_id}; see `connector job history`")
        span = _span(Window(row.window_from, row.window_to), zone_of(connector))
        if dry_run:
            say(f"{row.job} {row.scope} {span}: would be run again (it is {row.state})")
            return
        with acting(connector, "job rerun", f"run {run_id}", actor, reason) as act:
            outcome = connector.runner.rerun(run_id)
            act.outcome = _told(outcome) if outcome else "somebody else is at it"
        if outcome is None:
            say(f"{row.job} {row.scope} {span}: is being run by {row.owner}")
            raise typer.Exit(1)
        say(f"{row.job} {row.scope} {span}: {_told(outcome)}")
        if outcome.state == "failed":
            raise typer.Exit(code_of_runs([outcome]))


def windows_of(
    connector: Any, job: Any, scope: str, window: str | None, date: datetime | None, zone: Any
) -> list[Any]:
    """Return the windows that a command's options name; those due now by default."""
    from datetime import timedelta

    from connector.jobs.cadence import Window

    if window is not None:
        try:
            start, end = (datetime.fromisoformat(part) for part in window.split("/"))
        except ValueError:
            raise typer.BadParameter(
                f"{window!r} is not FROM/TO, for example 2026-11-24T12:00/2026-11-24T15:00"
            ) from None
        start, end = (each.replace(tzinfo=each.tzinfo or zone) for each in (start, end))
        if start >= end:
            raise typer.BadParameter(f"{window!r}: the window ends before it begins")
        return without_gap(connector, job, scope, [Window(start, end)], zone)
    if date is not None:
        begin = _begin_of(date, zone)
        due = job.due(scope, begin, begin + timedelta(days=2))
        found = [each for each in due if each.end.astimezone(zone).date() == date.date()]
        return without_gap(connector, job, scope, found, zone)
    # What failed or was killed comes first, as it does when the service ticks.
    undone = connector.runs.unfinished(job.name, scope)
    after = connector.runner.reached(job.name, scope)
    return [
        *(Window(row.window_from, row.window_to) for row in undone),
        *job.due(scope, after, connector.context.clock()),
    ]


def business_day(connector: Any, date: datetime, zone: Any) -> Any:
    """Return the window of the nightly comparison that ends on a day."""
    from datetime import timedelta

    job, begin = connector.runner.jobs["reconcile"], _begin_of(date, zone)
    # A day is compared in the night that follows it.
    for each in job.due("", begin, begin + timedelta(days=2)):
        if each.end.astimezone(zone).date() == date.date():
            return each
    earlier = job.due("", begin - timedelta(days=20), begin + timedelta(days=1))
    hint = f"; the one before is {earlier[-1].end.astimezone(zone):%Y-%m-%d}" if earlier else ""
    raise typer.BadParameter(f"{date:%Y-%m-%d} is no business day{hint}")


def _begin_of(date: datetime, zone: Any) -> datetime:
    # At the ends of time there is no day before or after.
    if date.year in (MINYEAR, MAXYEAR):
        raise typer.BadParameter(f"{date:%Y-%m-%d} is no business day")
    return date.replace(tzinfo=zone)


def without_gap(connector: Any, job: Any, scope: str, windows: list[Any], zone: Any) -> list[Any]:
    """Refuse windows beyond one that was never begun: a job goes on behind its last window."""
    reached = connector.runs.reached(job.name, scope)
    if windows and reached is not None and windows[0].start > reached:
        come = f"{reached.astimezone(zone):%Y-%m-%d %H:%M}"
        raise typer.BadParameter(
            f"{job.name} has come as far as {come}, what lies between would be left out:"
            f" `connector job run {job.name}` works off all that is due, in sequence"
        )
    return windows


def _nothing_to_run(
    name: str, chosen: list[Any], window: str | None, date: datetime | None
) -> None:
    """Say that no window is to be run; whoever named one is wrong."""
    if chosen:
        raise typer.Exit(WRONG)
    if window is None and date is None:
        say(f"{name}: nothing is due")
        return
    day = f"{date:%Y-%m-%d}"
    raise typer.BadParameter(f"no window of {name} ends on {day}: name one with --window FROM/TO")


def _span(window: Any, zone: Any) -> str:
    start, end = window.start.astimezone(zone), window.end.astimezone(zone)
    return f"{start:%Y-%m-%d %H:%M} – {end:%m-%d %H:%M}"


def _by(act: Any) -> str | None:
    return ": ".join(filter(None, (act.actor, act.reason))) if act else None


def _told(outcome: Any) -> str:
    if outcome.state == "skipped":
        return "done before, nothing to do"
    if outcome.state == "failed":
        return f"failed: {outcome.error}"
    counts = ", ".join(f"{key} {value}" for key, value in outcome.counts.items() if value)
    return counts or "done, nothing to do"
