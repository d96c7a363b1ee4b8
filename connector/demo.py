"""One business day against the sandbox, through every job, on a clock of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
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


class World(Protocol):
    """What happens around the connector during the day."""

    def placed(self) -> list[datetime]:
        """Return when the storefront's orders were placed."""
        ...

    def at(self, moment: datetime) -> None:
        """Set the clock of the other systems."""
        ...

    def ship(self) -> None:
        """Let the warehouse ship what has a delivery note."""
        ...

    def invoice(self) -> None:
        """Let finance issue the invoices applied for."""
        ...


class SandboxWorld:
    """The world of a sandbox in this process."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def placed(self) -> list[datetime]:
        """See `World`."""
        return [
            datetime.fromisoformat(order["date_created_gmt"]).replace(tzinfo=UTC)
            for order in self._sandbox.books.all(ORDER)
        ]

    def at(self, moment: datetime) -> None:
        """See `World`."""
        self._sandbox.clock.set(moment)

    def ship(self) -> None:
        """See `World`."""
        world.ship(self._sandbox.books, self._sandbox.clock)

    def invoice(self) -> None:
        """See `World`."""
        world.invoice(self._sandbox.books, self._sandbox.clock)


def demo_day(around: World, settings: Settings, begin: datetime | None = None) -> Connector:
    """Run the day and return the connector, still open.

    The day is the business day of the storefront's newest order. Run again on the same state, it
    finds every window done and makes nothing new. `begin` is where a day goes on that broke off.
    """
    clock = DemoClock(datetime.now(UTC))
    placed = sorted(around.placed()) or [clock.now]
    connector = build(settings, clock, since=placed[0] - timedelta(hours=1))
    for moment, world_does in _moments(settings, placed[-1]):
        if begin is not None and moment < begin:
            continue
        clock.now = moment
        around.at(moment)
        if world_does == "ship":
            around.ship()
        elif world_does == "invoice":
            around.invoice()
        connector.runner.tick()
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
