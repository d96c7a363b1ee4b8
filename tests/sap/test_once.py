"""However many orders, workers, lost answers, kills and oddities of SAP: each new buyer once."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from connector.domain.lifecycle import Stage
from connector.sandbox.faults import Fault
from connector.sandbox.service import Sandbox
from connector.store.database import Database
from connector.store.orders import Orders
from tests.conftest import DRAWN_BY
from tests.support.crowd import code_of, crowd
from tests.support.crowd_process import fast
from tests.support.oddities import ODDITIES, SHIPPED, SOAP, STOCK, Oddity
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
LOST = "sap:lost-answer:probability=0.2"


def customers(sandbox: Sandbox) -> Counter[str]:
    return Counter(row["STCD5"] for row in sandbox.books.all("sap.customer") if row["STCD5"])


# What strikes shops without a mapping of their own, and passes without a person's act in SAP.
PASSING = [
    each
    for each in ODDITIES
    if each.site == SHIPPED
    and each.only in ("", SOAP)
    and each.prepare is None
    and "password" not in each.name
    and STOCK not in str(each.faults)
]


class Oddities:
    """Lets SAP be odd for a while, in one way after another, with a good while between them."""

    def __init__(self, sandbox: Sandbox, drawn: list[Oddity]) -> None:
        self._sandbox = sandbox
        self._left = drawn
        self._until = 0.0
        self._good = True

    def go_on(self) -> None:
        if time.monotonic() < self._until:
            return
        odd = self._good and bool(self._left)
        faults = self._left.pop().faults if odd else ()
        self._sandbox.faults.set([Fault.parse(LOST), *(Fault.parse(f"sap:{f}") for f in faults)])
        self._good, self._until = not odd, time.monotonic() + (2.0 if odd else 1.0)


def tick(sandbox: Sandbox, begun: float) -> None:
    """Move SAP's clock with ours: it ends sessions whose cookie was lost after five minutes."""
    sandbox.clock.set(fast(begun))
    time.sleep(0.01)


def prove(folder: Path, database_url: str, orders: int, buyers: int, kills: int, odd: int) -> None:
    drawn = random.Random(os.environ[DRAWN_BY]).sample(PASSING, odd)
    print("; ".join(each.name for each in reversed(drawn)))
    file = folder / "orders.json"
    file.write_text(json.dumps(crowd(orders, buyers, seed=orders)), encoding="utf-8")
    with Sandbox(orders=file, faults=[Fault.parse(LOST)]) as sandbox:
        known, begun = set(customers(sandbox)), time.time()
        oddities = Oddities(sandbox, drawn)
        command = [sys.executable, "-m", "tests.support.crowd_process", sandbox.control_url,
                   database_url, str(folder), str(begun)]  # fmt: skip
        for kill in range(1, kills + 1):
            process = subprocess.Popen(command, cwd=ROOT)
            ends = time.monotonic() + PATIENCE
            wanted = len(known) + kill * buyers // (kills + 1)
            while len(customers(sandbox)) < wanted and process.poll() is None:
                assert time.monotonic() < ends, "too slow"
                oddities.go_on()
                tick(sandbox, begun)
            assert process.poll() is None, "it was done before it could be killed"
            process.kill()
            process.wait()
        last = subprocess.Popen(command, cwd=ROOT)
        ends = time.monotonic() + 2 * PATIENCE
        while last.poll() is None and time.monotonic() < ends:
            oddities.go_on()
            tick(sandbox, begun)
        last.kill()
        assert last.wait() == 0, "not done in time"
        made = Counter({code: n for code, n in customers(sandbox).items() if code not in known})
        by_code = {row["STCD5"]: row["KUNNR"] for row in sandbox.books.all("sap.customer")}
    assert made == Counter(code_of(buyer) for buyer in range(buyers))
    database = Database(database_url)
    rows = Orders(database).listed(limit=10_000)
    database.close()
    assert len(rows) == orders
    assert {row.stage for row in rows} == {Stage.RECOGNISED}
    for row in rows:
        meta = {each["key"]: each["value"] for each in row.payload["meta_data"]}
        code = meta.get("_tax_code") or meta["_id_number"]
        assert row.customer_number == by_code[code]


@pytest.mark.timeout(600)
def test_no_buyer_becomes_two_customers(tmp_path: Path) -> None:
    prove(tmp_path, f"sqlite:///{tmp_path / 'c.db'}", orders=40, buyers=8, kills=1, odd=3)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_five_hundred_orders_of_sixty_new_buyers_and_two_kills(
    database_url: str, tmp_path: Path
) -> None:
    prove(tmp_path, database_url, orders=500, buyers=60, kills=2, odd=12)
