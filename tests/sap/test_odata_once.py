"""One customer for each buyer over OData, whenever a process dies.

What SAP itself does that is odd is in the table of all transports (test_oddities).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.errors import Misconfigured
from connector.jobs.advance import drain
from connector.jobs.cadence import Window
from connector.sandbox.s4_partners import PARTNER
from connector.sandbox.service import Sandbox
from connector.settings import Settings
from tests.sap.test_once import prove
from tests.support import s4
from tests.support.crowd import code_of, crowd
from tests.support.scene import EVENING, Scene

ORDERS, BUYERS = 4, 3
NUMBERS = range(1000, 1000 + ORDERS)


def over_odata(folder: Path) -> Any:
    mappings = s4.folder(folder)

    def prepare(settings: Settings) -> None:
        settings.mappings = mappings
        settings.sap.transport = "odata"
        settings.sap.url = f"{settings.sap.url.partition('/sap/')[0]}/sap/opu/odata/sap"

    return prepare


@contextmanager
def orders(database_url: str, folder: Path) -> Iterator[Scene]:
    """Give orders of few buyers, whom SAP does not know, before anything was done about them."""
    file = folder / "orders.json"
    file.write_text(json.dumps(crowd(ORDERS, BUYERS, seed=3)), encoding="utf-8")
    with Sandbox(orders=file) as sandbox:
        made = Scene(sandbox, database_url, folder, prepare=over_odata(folder))
        intake = next(job for job in made.connector.jobs if job.name == "intake")
        intake.run(Window(EVENING - timedelta(days=1), EVENING), "")
        try:
            yield made
        finally:
            made.connector.close()


def lives(at: Scene, rounds: int) -> None:
    """Move the orders on as far as they go, every twenty minutes; nothing else is done."""
    for _ in range(rounds):
        at.clock.now += timedelta(minutes=20)
        at.sandbox.clock.set(at.clock.now)
        # What only IT can help with ends the run, and the next one begins all the same.
        with suppress(Misconfigured):
            drain(at.context, workers=2)


def customers(at: Scene) -> list[int]:
    """Return how many customers each buyer has."""
    rows = [*at.sandbox.books.all("sap.customer"), *at.sandbox.books.all(PARTNER)]
    made = Counter(row["STCD5"] for row in rows)
    return [made[code_of(buyer)] for buyer in range(BUYERS)]


class Died(BaseException):
    """Ends a walk as the end of its process would: no handler of the connector sees it."""


@pytest.mark.parametrize("before", [True, False], ids=["before it was sent", "behind the answer"])
def test_a_process_that_dies_around_the_creation_leaves_one_customer(
    tmp_path: Path, before: bool
) -> None:
    with orders(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as at:
        desk = at.context.sap_customers
        create = desk.create

        def dies(*arguments: Any) -> str:
            if not before:
                create(*arguments)
            raise Died

        desk.create = dies  # type: ignore[method-assign, assignment]
        with pytest.raises(Died):
            lives(at, 1)
        desk.create = create  # type: ignore[method-assign]
        assert (sum(customers(at)) == 0) is before
        lives(at, 4)
        assert customers(at) == [1] * BUYERS
        assert all(at.order(number).customer_number for number in NUMBERS)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_no_buyer_becomes_two_customers_over_odata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONNECTOR_MAPPINGS", str(s4.folder(tmp_path)))
    monkeypatch.setenv("CONNECTOR_SAP__TRANSPORT", "odata")
    prove(tmp_path, f"sqlite:///{tmp_path / 'c.db'}", orders=30, buyers=6, kills=1, odd=0)


@pytest.mark.night
@pytest.mark.timeout(900)
def test_five_hundred_orders_of_sixty_new_buyers_and_two_kills_over_odata(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONNECTOR_MAPPINGS", str(s4.folder(tmp_path)))
    monkeypatch.setenv("CONNECTOR_SAP__TRANSPORT", "odata")
    prove(tmp_path, database_url, orders=500, buyers=60, kills=2, odd=0)
