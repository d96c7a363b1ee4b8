"""`connector pause` and `connector resume`: keep a system's calls back by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from connector.commands.output import Actor, DryRun, Json, Reason, listing, say

_UNTIL = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%H:%M"]
System = Annotated[str | None, typer.Argument(help="sap, dms, or the shop by its name.")]


def pause(
    system: System = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=_UNTIL, help="When it ends by itself, in the calendar's zone; else by resume."
        ),
    ] = None,
    actor: Actor = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Send nothing to a system, and ask it nothing, until a moment or until `resume`.

    Jobs and orders that need it wait, and say so; all others go on. People are told when it begins
    and when it ends. Without a system, list what is paused.

    Example: connector pause sap --until 18:00 --reason "transport of release 12"
    """
    from connector.commands.opened import acting, opened, operator, zone_of
    from connector.domain.masking import mask_text
    from connector.gate import Paused

    with opened() as connector:
        if system is None:
            rows = [vars(each) for each in connector.pauses.listed()]
            listing(rows, as_json=json, zone=zone_of(connector), empty="nothing is paused")
            return
        name = _known(connector, system)
        if not reason.strip():
            raise typer.BadParameter("say why with --reason: those who wait for it read it")
        now = connector.context.clock()
        ends = None if until is None else _moment(until, now.astimezone(zone_of(connector)))
        if ends is not None and ends <= now:
            raise typer.BadParameter(f"--until {ends:%Y-%m-%d %H:%M} is over")
        span = f"until {ends:%Y-%m-%d %H:%M}" if ends else "until `connector resume`"
        if dry_run:
            say(f"{name} would be paused {span}")
            return
        paused = Paused(name, now, ends, mask_text(reason.strip()), operator(actor))
        with acting(connector, "pause", f"system {name}", actor, reason) as act:
            connector.pauses.begin(paused)
            act.outcome = f"paused {span}"
        say(f"{name} is paused {span}")


def resume(
    system: System = None, actor: Actor = None, reason: Reason = "", dry_run: DryRun = False
) -> None:
    """End a system's pause: what waited for it goes on.

    Example: connector resume sap
    """
    from connector.commands.opened import acting, opened

    with opened() as connector:
        name = _known(connector, system or "")
        if connector.pauses.of(name) is None:
            say(f"{name} is not paused")
            return
        if dry_run:
            say(f"{name} would be resumed")
            return
        with acting(connector, "resume", f"system {name}", actor, reason):
            connector.pauses.end(name)
        say(f"{name} is resumed")


def _known(connector: Any, system: str) -> str:
    names = ("sap", "dms", connector.settings.shop)
    found = next((each for each in names if each.lower() == system.strip().lower()), None)
    if found is None:
        raise typer.BadParameter(f"{system!r} is none of {', '.join(names)}")
    return str(found)


def _moment(until: datetime, now: datetime) -> datetime:
    """Return a moment in the zone of `now`; a time of day alone is the next one."""
    if until.year != 1900:
        return until.replace(tzinfo=now.tzinfo)
    moment = now.replace(hour=until.hour, minute=until.minute, second=0, microsecond=0)
    return moment if moment > now else moment + timedelta(days=1)
