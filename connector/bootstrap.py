"""The one place that wires settings to objects."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from connector.clocks import Clocks, boot_id
from connector.departure import boottime
from connector.dms.desk import DmsDesk
from connector.dms.gated import GatedDms
from connector.dms.patient import PatientDms
from connector.dms.port import Dms
from connector.domain.business_unit import BusinessUnit
from connector.domain.calendar import Cutoffs, Timetable, WorkingCalendar
from connector.domain.deadlines import Promises
from connector.domain.reconciliation import Rules
from connector.domain.settlement import Terms
from connector.gate import Guarded
from connector.gateways import (
    Clock,
    dms_of,
    gate_of,
    real_clock,
    sap_of,
    session_of,
    storefront_of,
    targets_of,
)
from connector.jobs.advance import advance
from connector.jobs.aftersales import aftersales
from connector.jobs.cadence import Every, Nightly, Window
from connector.jobs.deliver import deliver
from connector.jobs.intake import intake
from connector.jobs.reconcile import reconcile
from connector.jobs.review import KIND, review, reviewed
from connector.jobs.runner import Job, Runner, System
from connector.jobs.settlement import Months, Settler, settlement
from connector.jobs.status import status
from connector.jobs.wave import wave
from connector.jobs.writeback import writeback
from connector.mapping.live import Live
from connector.sap.books import SapBooks
from connector.sap.customers import CustomerDesk, Remembered
from connector.sap.gated import GatedSap
from connector.sap.port import SapSystem
from connector.sap.stock import StockDesk
from connector.sections import (
    CalendarSection,
)
from connector.settings import Settings
from connector.shortage import Shortages
from connector.steps.compare import Comparer
from connector.steps.context import Context, Policy
from connector.steps.outbound import Outbound
from connector.steps.variations import ParentParts
from connector.store.acts import Acts
from connector.store.aftersales import AfterSales
from connector.store.alerts import Alerts
from connector.store.calls import Call, Calls
from connector.store.customers import Customers
from connector.store.database import Database
from connector.store.daybook import Daybook
from connector.store.files import Files
from connector.store.mappings import MappingVersions
from connector.store.orders import Orders
from connector.store.pauses import Pauses
from connector.store.progress import Progress
from connector.store.promises import PromiseBook
from connector.store.quarantine import Quarantine
from connector.store.reconciliation import Differences
from connector.store.runs import Runs
from connector.store.settlements import Settlements
from connector.store.shop import refuse_other_shop
from connector.store.standing import Standing
from connector.store.waves import Waves
from connector.storefront.port import Storefront
from connector.unattended import language_of, wire
from connector.wording import Said, machine

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Connector:
    """Everything that commands and the service work with."""

    settings: Settings
    database: Database
    context: Context
    runs: Runs
    waves: Waves
    files: Files
    settler: Settler
    aftersales: AfterSales
    jobs: tuple[Job, ...]
    runner: Runner
    sap: SapSystem
    dms: Dms
    storefront: Storefront
    gates: tuple[Guarded, ...]
    promises: PromiseBook
    alerts: Alerts
    acts: Acts
    standing: Standing
    differences: Differences
    mappings: Live
    versions: MappingVersions
    progress: Progress
    pauses: Pauses

    def close(self) -> None:
        """Let go of connections."""
        self.sap.close()
        self.database.close()


def build(
    settings: Settings,
    clock: Clock = real_clock,
    since: datetime | None = None,
    seconds: Callable[[], float] | None = None,
) -> Connector:
    """Wire everything. Nothing is connected before it is used, but the database is upgraded.

    `seconds` is what the clock is held against; nothing, unless it is the machine's own.
    `since` is where jobs begin that never ran; by default at this moment's business day.
    Raises Misconfigured.
    """
    database = Database(settings.database_url)
    database.upgrade()
    refuse_other_shop(database, settings.shop)
    versions = MappingVersions(database, clock)
    in_force = Live(settings.mappings, versions, settings.shop)
    tables = timetables_of(settings)
    site = tables[""]
    pauses = Pauses(database, clock)
    sap_gate = gate_of("SAP", settings, settings.sap.limits, clock, pauses)
    sap = GatedSap(sap_of(settings, database, clock), sap_gate)
    gated = GatedDms(
        dms_of(settings, in_force), gate_of("DMS", settings, settings.dms.limits, clock, pauses)
    )
    dms = PatientDms(gated, settings.dms.retry_for)
    storefront = storefront_of(settings, pauses, clock)
    calls, runs = Calls(database), Runs(database)
    booted, shortages = f"booted:{boot_id()}", Shortages(clock)
    clocks = Clocks(
        clock,
        boottime if seconds is None and clock is real_clock else seconds,
        lambda: runs.watermark(booted),
        lambda moment: runs.set_watermark(booted, moment),
    )
    progress = Progress(database, settings.output / ".progress")
    progress.look(clock())

    context = Context(
        shop=settings.shop,
        orders=Orders(database),
        calls=calls,
        customers=Customers(database),
        quarantine=Quarantine(database),
        outbound=Outbound(
            calls,
            clock,
            settings.policy.settling,
            _forgotten_by(progress),
            settings.policy.resend,
        ),
        mappings=in_force,
        storefront=storefront,
        sap_customers=CustomerDesk(
            sap, in_force, Remembered(clock, settings.sap.remember_customers)
        ),
        sap_stock=StockDesk(
            sap, in_force, lambda: clock().astimezone(ZoneInfo(settings.calendar.zone)).date()
        ),
        dms=DmsDesk(dms, in_force, session_of(settings, dms, in_force, database, clock)),
        business_units=business_units_of(settings),
        timetables=tables,
        promises=Promises(**settings.promises.model_dump()),
        policy=Policy(
            review_again=settings.policy.review_again,
            stock=settings.policy.stock,
            stock_again=settings.policy.stock_again,
            correct_linked=settings.policy.correct_linked,
            person_documents=settings.policy.person_documents,
            refund_of_amount=settings.policy.refund_of_amount,
            variation_sku=settings.policy.variation_sku,
            creations=settings.sap.limits.creations,
        ),
        clock=clock,
        first_start=runs.first_start,
        ours_from=lambda: runs.begins("intake"),
        parent_parts=ParentParts(storefront, clock),
        shortages=shortages,
        clocks=clocks,
    )
    stop = threading.Event()
    waves, files = Waves(database), Files(database)
    schedule = settings.schedule
    zone = ZoneInfo(settings.calendar.zone)

    def business_days(after: datetime, until: datetime) -> list[Window]:
        return [
            Window(first.window_from, last.window_to)
            for first, last in site.cutoffs.business_days(site.calendar, after, until)
        ]

    nightly = Nightly(zone, schedule.promises_at, business_days)
    differences = Differences(database, settings.shop, zone)
    daybook = Daybook(database)
    sap_books = SapBooks(sap, in_force)
    comparer = Comparer(
        context=context,
        database=database,
        differences=differences,
        sap=sap_books,
        rules=Rules(**settings.reconciliation.model_dump()),
        zone=zone,
        workers=settings.workers,
    )
    sales = AfterSales(database)
    settler = Settler(
        context.shop,
        context.business_units,
        clock,
        daybook,
        Settlements(database),
        files,
        lambda unit, month: terms_of(settings, unit, month),
        settings.output / "settlements",
        zone,
    )
    targets, say = targets_of(settings), language_of(settings).say
    travels = any(KIND in target.kinds for target in targets.values())
    acts = Acts(database)
    work = (
        intake(context, runs, Every(schedule.intake)),
        advance(context, Every(schedule.advance), settings.workers, stop.is_set),
        wave(context, waves, runs, files, settings.output / "waves", say),
        status(context, database, Every(schedule.status), sap_books, zone),
        writeback(context, Every(schedule.writeback)),
        reconcile(
            context,
            comparer,
            files,
            daybook,
            Nightly(zone, schedule.reconcile_at, business_days),
            settings.output / "extracts",
            zone,
            say,
            business_days,
        ),
        aftersales(context, sales, Every(schedule.aftersales)),
        settlement(settler, Months(zone, settings.settlement.at)),
        deliver(context.outbound, files, targets, Every(schedule.deliver), clock),
        *(
            (
                review(context, files, Every(_HOUR), settings.output / "review", zone, say),
                reviewed(context, acts, targets, Every(schedule.intake), say),
            )
            if travels
            else ()
        ),
    )
    unattended = wire(
        settings, context, database, (sap_gate, gated), nightly, in_force, work, pauses
    )
    jobs = (*work, *unattended.jobs)
    paused = _paused_by(pauses, settings.shop)
    begin = since or site.wave_of(clock()).window_from
    return Connector(
        settings=settings,
        database=database,
        context=context,
        runs=runs,
        waves=waves,
        files=files,
        settler=settler,
        aftersales=sales,
        jobs=jobs,
        runner=Runner(
            jobs, runs, clock, since=begin, stop=stop, shortages=shortages, paused=paused
        ),
        sap=sap,
        dms=dms,
        storefront=storefront,
        gates=(sap_gate, gated),
        promises=unattended.promises,
        alerts=unattended.alerts,
        acts=acts,
        standing=Standing(database),
        differences=differences,
        mappings=in_force,
        versions=versions,
        progress=progress,
        pauses=pauses,
    )


def _paused_by(pauses: Pauses, shop: str) -> Callable[[Job], Said | None]:
    def paused(job: Job) -> Said | None:
        listed = pauses.listed()
        needed = {shop if each is System.STOREFRONT else each for each in job.needs() if listed}
        for each in listed:
            if each.system in needed:
                return machine.WAITS_FOR_PAUSED(system=each.system, reason=each.reason)
        return None

    return paused


def _forgotten_by(progress: Progress) -> Callable[[Call], bool]:
    restored = progress.restored_at
    if restored is None:
        return lambda _call: False
    return lambda call: (
        call.order_pk is not None and progress.placed_before(call.order_pk, restored)
    )


def calendar_of(settings: Settings) -> WorkingCalendar:
    """Return the site's working calendar."""
    return timetables_of(settings)[""].calendar


def timetables_of(settings: Settings) -> dict[str, Timetable]:
    """Return the timetable of each business unit by its code, and the site's own under "".

    Raises Misconfigured.
    """
    tables = {"": _timetable(settings.calendar)}
    for unit in settings.business_units:
        tables[unit.code] = _timetable(unit.calendar) if unit.calendar else tables[""]
    return tables


def _timetable(section: CalendarSection) -> Timetable:
    calendar = WorkingCalendar(
        zone=ZoneInfo(section.zone),
        weekdays=frozenset(section.working_weekdays),
        hours=tuple(section.hours),
        overrides=dict(section.overrides),
    )
    return Timetable(calendar, Cutoffs(tuple(section.cutoffs)))


def business_units_of(settings: Settings) -> dict[str, BusinessUnit]:
    """Return the business units by code."""
    return {
        section.code: BusinessUnit(
            **{
                **section.model_dump(exclude={"calendar"}),
                "sku_patterns": tuple(section.sku_patterns),
            }
        )
        for section in settings.business_units
    }


def terms_of(settings: Settings, unit: str, month: str) -> Terms:
    """Return what was agreed with a business unit for a month; nothing agreed costs nothing."""
    terms = settings.settlement.terms
    agreed = [each for each in terms.get(unit, terms.get("", [])) if each.since <= month]
    if not agreed:
        return Terms()
    newest = max(agreed, key=lambda each: each.since)
    return Terms(**newest.model_dump(exclude={"since"}))
