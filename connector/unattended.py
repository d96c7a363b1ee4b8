"""Wires what makes the service unattended: watching, telling, forgetting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from connector.domain.alerts import Rhythm, Role
from connector.gate import Guarded
from connector.jobs.announce import announce
from connector.jobs.cadence import Daily, Every, Nightly
from connector.jobs.conditions import Sources
from connector.jobs.housekeeping import Ages, housekeeping
from connector.jobs.promises import promises
from connector.jobs.runner import Job
from connector.jobs.watch import watch
from connector.mapping.live import Live
from connector.notify.channels import AppriseNotifier
from connector.notify.digest import Language
from connector.notify.heartbeat import Heartbeat
from connector.notify.watchman import Watchman
from connector.settings import Settings
from connector.steps.context import Context
from connector.store.alerts import Alerts
from connector.store.database import Database
from connector.store.files import Files
from connector.store.pauses import Pauses
from connector.store.promises import PromiseBook
from connector.store.retention import Retention
from connector.store.runs import Runs
from connector.store.trouble import Trouble
from connector.store.waves import Waves


@dataclass(frozen=True)
class Unattended:
    """The jobs, and the books that they keep."""

    promises: PromiseBook
    alerts: Alerts
    jobs: tuple[Job, ...]


def wire(
    settings: Settings,
    context: Context,
    database: Database,
    gates: Sequence[Guarded],
    nightly: Nightly,
    mappings: Live,
    work: Sequence[Job],
    pauses: Pauses,
) -> Unattended:
    """Wire it; the jobs that do the `work` are watched. Raises Misconfigured for no channel."""
    notifier, language = notifier_of(settings), language_of(settings)
    book, alerts = PromiseBook(database), Alerts(database, rhythm_of(settings))
    schedule, zone = settings.schedule, ZoneInfo(settings.calendar.zone)
    jobs = (
        announce(context, Waves(database), notifier, language, Every(schedule.announce)),
        promises(context, book, Files(database), nightly, settings.output / "promises", zone),
        housekeeping(
            Retention(database),
            context.quarantine,
            ages_of(settings),
            Daily(zone, schedule.housekeeping_at),
            settings.output,
            context.clock,
        ),
    )
    sources = Sources(
        context=context,
        trouble=Trouble(database),
        promises=book,
        runs=Runs(database),
        gates=gates,
        largest=int(settings.retention.largest_gib * 2**30),
        mappings=mappings,
        jobs=(*work, *jobs),
        since=context.clock(),
        pauses=pauses,
        shop=settings.shop,
    )
    watching = watch(sources, alerts, notifier, language, Every(schedule.watch))
    return Unattended(book, alerts, (*jobs, watching))


def notifier_of(settings: Settings) -> AppriseNotifier:
    """Return the channels that the settings name. Raises Misconfigured."""
    return AppriseNotifier(
        {
            role: [url.get_secret_value() for url in getattr(settings.notify, role.value)]
            for role in Role
        }
    )


def unreached(settings: Settings) -> list[Role]:
    """Return the roles to which no message comes: neither their channels nor those of ops."""
    return [] if settings.notify.ops else [r for r in Role if not getattr(settings.notify, r.value)]


def heartbeat_of(settings: Settings) -> Heartbeat | None:
    """Return who is told that ticks come, if anybody. Raises Misconfigured."""
    url = settings.notify.heartbeat
    return Heartbeat(url.get_secret_value()) if url else None


def watchman_of(settings: Settings, clock: Callable[[], datetime]) -> Watchman:
    """Return who tells people when the job `watch` does not."""
    late = max(3 * settings.schedule.watch, timedelta(minutes=5))
    language, rhythm = language_of(settings), rhythm_of(settings)
    return Watchman(notifier_of(settings), language, rhythm, clock, late)


def language_of(settings: Settings) -> Language:
    """Return in which languages and by which clock messages speak."""
    spoken = settings.notify.language
    zone = ZoneInfo(settings.calendar.zone)
    return Language(chinese=spoken != "en", english=spoken != "zh", zone=zone)


def rhythm_of(settings: Settings) -> Rhythm:
    """Return when people are told."""
    section = settings.notify
    return Rhythm(section.repeat_first, section.repeat_longest, section.quiet)


def ages_of(settings: Settings) -> Ages:
    """Return how long what is kept."""
    section = settings.retention
    return Ages(section.mask_after, section.drop_after, section.runs_after)
