"""One business day against the sandbox, through every job, on a clock of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from connector.bootstrap import Connector, build, calendar_of
from connector.domain.calendar import Cutoffs
from connector.sandbox import service, world
from connector.sandbox.service import Sandbox
from connector.sandbox.storefront import ORDER
from connector.settings import Settings


@dataclass
class DemoClock:
    """A clock that the demo moves."""

    now: datetime

    def __call__(self) -> datetime:
        """Return the demo's time."""
        return self.now


def demo_day(sandbox: Sandbox, settings: Settings) -> Connector:
    """Run the day and return the connector, still open.

    The day is the business day of the storefront's newest order. Run again on the same state, it
    finds every window done and makes nothing new.
    """
    clock = DemoClock(datetime.now(UTC))
    orders = sandbox.books.all(ORDER)
    placed = sorted(str(order["date_created_gmt"]) for order in orders)
    first, last = (
        datetime.fromisoformat(placed[index]).replace(tzinfo=UTC) if placed else clock.now
        for index in (0, -1)
    )
    connector = build(settings, clock, since=first - timedelta(hours=1))
    for moment, world_does in _moments(settings, last):
        clock.now = moment
        sandbox.clock.set(moment)
        if world_does == "ship":
            world.ship(sandbox.books, sandbox.clock)
        elif world_does == "invoice":
            world.invoice(sandbox.books, sandbox.clock)
        connector.runner.tick()
    sandbox.faults.set([])
    return connector


def _moments(settings: Settings, placed: datetime) -> Iterator[tuple[datetime, str]]:
    """Give the moments of the day, in UTC, and what the world does at each.

    From the hour after the last order was placed to the night after its business day; the
    warehouse ships after each cutoff, and invoices are issued in the afternoon.
    """
    calendar = calendar_of(settings)
    zone = ZoneInfo(settings.calendar.zone)
    cutoffs = Cutoffs(tuple(settings.calendar.cutoffs))
    day = cutoffs.business_day(calendar, placed)
    noon, last = (
        datetime.combine(day, each, zone) for each in (cutoffs.times[0], cutoffs.times[-1])
    )
    evening = placed + timedelta(minutes=10)
    yield evening, ""
    yield evening + timedelta(minutes=10), ""
    opening = datetime.combine(day, settings.calendar.hours[0][0], zone)
    moments = [
        opening + timedelta(minutes=minutes)
        for minutes in range(0, int((last - opening).total_seconds() // 60) + 241, 20)
    ]
    done = set()
    for moment in moments:
        if moment.astimezone(UTC) <= evening:
            continue
        act = ""
        for name, due in (
            ("ship", noon + timedelta(minutes=30)),
            ("invoice", last + timedelta(minutes=60)),
        ):
            if moment >= due and name not in done:
                done.add(name)
                act = name
        if moment == last + timedelta(minutes=40):
            act = "ship"
        yield moment.astimezone(UTC), act
    night = datetime.combine(
        day + timedelta(days=1), settings.schedule.reconcile_at, zone
    ) + timedelta(minutes=10)
    for minutes in (0, 10, 30, 60):
        yield (night + timedelta(minutes=minutes)).astimezone(UTC), ""


def settings_for(sandbox: Sandbox, base: Settings, state: Path) -> Settings:
    """Return the site's settings, pointed at the sandbox and at files below `state`.

    A PostgreSQL database that the settings name is used; SQLite gets a file below `state`.
    """
    postgres = base.database_url.startswith("postgresql")
    return base.model_copy(
        update={
            "database_url": base.database_url
            if postgres
            else f"sqlite:///{state / 'connector.db'}",
            "output": state / "out",
            "storefront": base.storefront.model_copy(
                update={
                    "url": sandbox.storefront_url,
                    "consumer_key": service.STOREFRONT_KEY,
                    "consumer_secret": SecretStr(service.STOREFRONT_SECRET),
                }
            ),
            "sap": base.sap.model_copy(
                update={
                    "transport": "soap",
                    "url": sandbox.sap_url,
                    "namespace_style": "rfc",
                    "user": service.SAP_USER,
                    "password": SecretStr(service.SAP_PASSWORD),
                }
            ),
            "dms": base.dms.model_copy(
                update={
                    "wsdl": sandbox.dms_wsdl_url,
                    "endpoint": None,
                    "authentication": "username_text",
                    "user": service.DMS_USER,
                    "password": SecretStr(service.DMS_PASSWORD),
                }
            ),
        }
    )
