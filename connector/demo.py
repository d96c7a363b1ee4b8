"""One business day against the sandbox, through every job, on a clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from connector.bootstrap import Connector, build
from connector.jobs.runner import Outcome
from connector.sandbox.service import Sandbox
from connector.settings import Settings

_ZONE = ZoneInfo("Asia/Shanghai")


@dataclass
class DemoClock:
    """A clock that the demo moves."""

    now: datetime

    def __call__(self) -> datetime:
        """Return the demo's time."""
        return self.now


def day(start: datetime) -> Iterator[tuple[datetime, str]]:
    """Give the moments of the demo's day and what the world does at each.

    It begins in the evening on which the sample orders were placed, goes through the next
    working day's two waves, and ends after the night's reconciliation.
    """
    evening = start.astimezone(_ZONE).replace(minute=0, second=0, microsecond=0)
    yield evening + timedelta(hours=1), ""
    morning = (evening + timedelta(days=1)).replace(hour=8)
    for minutes in range(0, 4 * 60 + 1, 15):
        yield morning + timedelta(minutes=minutes), ""
    yield morning.replace(hour=12, minute=5), "ship"
    for minutes in range(0, 3 * 60 + 1, 15):
        yield morning.replace(hour=12, minute=15) + timedelta(minutes=minutes), ""
    yield morning.replace(hour=16), "ship"
    yield morning.replace(hour=16, minute=30), "invoice"
    for minutes in range(0, 121, 20):
        yield morning.replace(hour=17) + timedelta(minutes=minutes), ""
    yield (morning + timedelta(days=1)).replace(hour=2), ""
    yield (morning + timedelta(days=1)).replace(hour=2, minute=20), ""


def run_day(
    sandbox: Sandbox,
    settings: Settings,
    start: datetime,
    told: Callable[[datetime, list[Outcome]], None],
) -> Connector:
    """Run the day and return the connector, still open. The same state run again adds nothing."""
    clock = DemoClock(start.astimezone(UTC))
    connector = build(settings, clock, since=start.astimezone(UTC) - timedelta(hours=1))
    for moment, world in day(start):
        clock.now = moment.astimezone(UTC)
        sandbox.clock.set(clock.now)
        if world == "ship":
            sandbox.ship()
        elif world == "invoice":
            sandbox.invoice()
        told(clock.now, connector.runner.tick())
    return connector


def settings_for(sandbox: Sandbox, base: Settings, state: Path) -> Settings:
    """Return the site's settings, pointed at the sandbox and at files below `state`."""
    return base.model_copy(
        update={
            "database_url": base.database_url
            if "database_url" in base.model_fields_set and not base.database_url.startswith("sqlite")
            else f"sqlite:///{state / 'connector.db'}",
            "output": state / "out",
            "storefront": base.storefront.model_copy(
                update={
                    "url": sandbox.storefront_url,
                    "consumer_key": sandbox.consumer_key,
                    "consumer_secret": sandbox.consumer_secret,
                }
            ),
            "sap": base.sap.model_copy(
                update={
                    "transport": "soap",
                    "url": f"{sandbox.sap_url}/sap/bc/soap/rfc",
                    "user": sandbox.sap_user,
                    "password": sandbox.sap_password,
                }
            ),
            "dms": base.dms.model_copy(
                update={
                    "wsdl": sandbox.dms_wsdl_url,
                    "user": sandbox.dms_user,
                    "password": sandbox.dms_password,
                }
            ),
        }
    )
