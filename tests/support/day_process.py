"""Runs the demo's day in a process of its own against a sandbox elsewhere, so it can be killed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from pydantic import SecretStr

from connector.demo import demo_day
from connector.domain.allocation import StockPolicy
from connector.logs import configure
from connector.sandbox import service
from connector.settings import Settings, load_settings


class RemoteWorld:
    """The world of a sandbox behind its control route."""

    def __init__(self, control: str, reached: Path) -> None:
        self._control = control
        self._reached = reached

    def reached(self) -> datetime | None:
        """Return the moment at which an earlier process broke off: time does not run back."""
        return datetime.fromisoformat(self._reached.read_text()) if self._reached.exists() else None

    def placed(self) -> list[datetime]:
        orders = requests.get(f"{self._control}/books/storefront/order", timeout=30).json()
        return [
            datetime.fromisoformat(order["date_created_gmt"]).replace(tzinfo=UTC)
            for order in orders
        ]

    def at(self, moment: datetime) -> None:
        self._reached.write_text(moment.isoformat())
        body = {"now": moment.isoformat()}
        requests.put(f"{self._control}/clock", json=body, timeout=30).raise_for_status()

    def ship(self) -> None:
        requests.post(f"{self._control}/world/ship", json={}, timeout=60).raise_for_status()

    def invoice(self) -> None:
        requests.post(f"{self._control}/world/invoice", json={}, timeout=60).raise_for_status()


def settings_for(
    addresses: dict[str, str], database_url: str, folder: Path, **policy: Any
) -> Settings:
    """Return settings for a sandbox at these addresses."""
    settings = load_settings(database_url=database_url, output=folder / "out")
    settings.sap.url = addresses["sap odata" if settings.sap.transport == "odata" else "sap"]
    settings.sap.password = SecretStr(service.SAP_PASSWORD)
    settings.dms.wsdl = addresses["dms"]
    settings.dms.wsdl_cache = folder / "wsdl"
    settings.dms.retry_for = 0.05  # patience is in real time
    settings.dms.password = SecretStr(service.DMS_PASSWORD)
    settings.storefront.url = addresses["storefront"]
    settings.storefront.consumer_secret = SecretStr(service.STOREFRONT_SECRET)
    for name, value in policy.items():
        setattr(settings.policy, name, value)
    return settings


# A write whose process is killed again and again is held at last; such a day has many kills.
MANY = 40


def main(control: str, database_url: str, folder: str, stock: str = "hold_order") -> None:
    configure("error")
    addresses = requests.get(control, timeout=30).json()["addresses"]
    world = RemoteWorld(control, Path(folder) / "reached")
    policy = StockPolicy(stock)
    settings = settings_for(addresses, database_url, Path(folder), stock=policy, resend=MANY)
    demo_day(world, settings, world.reached()).close()


if __name__ == "__main__":
    main(*sys.argv[1:5])
