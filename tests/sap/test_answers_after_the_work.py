"""A SAP, or what stands before it, that answers in whatever way after the work: one customer."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from connector.domain.lifecycle import HoldCause
from connector.errors import Misconfigured
from connector.logs import configure
from connector.sandbox.service import Sandbox
from connector.settings import Settings
from connector.steps.take import take
from connector.steps.walk import walk
from tests.dms.answers import ANSWERS
from tests.support.crowd import code_of, crowd
from tests.support.scene import Scene
from tests.support.wire import Trouble, Wire

CREATE, COMMIT = "BAPI_CUSTOMER_CREATEFROMDATA1", "BAPI_TRANSACTION_COMMIT"
# Answers that may be read all the same are of no matter here: what is lost, odd or refused is.
ODD = [
    name
    for name in ANSWERS
    if not name.startswith(("extra_", "missing_", "total_", "empty_n", "blank_n", "padded", "null"))
]
# Drawn anew each day, and alike in all processes of a run.
SEED = datetime.now(UTC).toordinal()
DRAWN = [*random.Random(SEED).sample(ODD, 8), "302", "401", "403", "404"]


class Buyers:
    """Orders of buyers whom SAP does not know, one by one, and a wire before SAP."""

    def __init__(self, scene: Scene, wire: Wire) -> None:
        self.scene = scene
        self.wire = wire
        self.next = itertools.count()

    def customers(self, buyer: int) -> list[str]:
        held = self.scene.sandbox.books.all("sap.customer")
        return [row["KUNNR"] for row in held if row["STCD5"] == code_of(buyer)]


@pytest.fixture(scope="module")
def buyers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buyers]:
    configure("critical")
    folder = tmp_path_factory.mktemp("sap")
    file = folder / "orders.json"
    file.write_text(json.dumps(crowd(1, 1, seed=1)), encoding="utf-8")
    wires: list[Wire] = []

    def reached(settings: Settings) -> None:
        port = int(settings.sap.url.split(":")[2].split("/")[0])
        wires.append(Wire(port))
        settings.sap.url = settings.sap.url.replace(str(port), str(wires[0].port))

    with Sandbox(orders=file) as sandbox:
        scene = Scene(sandbox, f"sqlite:///{folder / 'c.db'}", folder, prepare=reached)
        yield Buyers(scene, wires[0])
        scene.connector.close()
    wires[0].stop()


def one_customer(buyers: Buyers, function: str, name: str) -> None:
    """Have one buyer created while this function module is answered so, whatever it did."""
    day, number = buyers.scene, next(buyers.next)
    buyer = 1 + number
    (payload,) = [each for each in crowd(60, 60, seed=2) if code_of(buyer) in json.dumps(each)]
    take(day.context, payload)
    row = day.order(int(payload["number"]))
    trouble = Trouble("raw", forwarded=True, raw=ANSWERS[name])
    with buyers.wire.suffers(function, trouble), suppress(Misconfigured):
        walk(day.context, row.id)
    assert buyers.wire.struck
    for _ in range(3):
        day.clock.now += timedelta(minutes=11)
        day.sandbox.clock.set(day.clock.now)
        walk(day.context, row.id)
    there, row = buyers.customers(buyer), day.context.orders.get(row.id)
    if function == COMMIT:
        assert len(there) == 1
    assert len(there) <= 1
    held = row.hold_cause in (HoldCause.IN_DOUBT, HoldCause.REJECTED)
    assert held or row.customer_number == there[0], (row.stage, row.hold_cause, row.hold_reasons)
    if there:
        assert row.customer_number == there[0], (row.hold_cause, row.hold_reasons)


@pytest.mark.parametrize("function", [CREATE, COMMIT])
@pytest.mark.parametrize("name", DRAWN)
def test_a_customer_that_was_made_is_not_made_again(
    buyers: Buyers, function: str, name: str
) -> None:
    print(f"seed {SEED}")
    one_customer(buyers, function, name)
