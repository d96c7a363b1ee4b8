"""A month unattended: outages, kills, two services at once. Waves and promises come out right."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from connector.bootstrap import Connector, build
from connector.domain.alerts import Role
from connector.domain.lifecycle import HoldCause, Stage
from connector.jobs.announce import announce
from connector.jobs.cadence import Every, Window
from connector.jobs.conditions import Sources
from connector.jobs.runner import Job, Runner
from connector.jobs.watch import watch
from connector.logs import configure
from connector.notify.digest import Language, Message
from connector.settings import Settings, load_settings
from connector.store.alerts import Alerts
from connector.store.changes import Allocation, Change, Hold, apply_in
from connector.store.database import Database
from connector.store.promises import PromiseBook
from connector.store.tables import (
    EventRow,
    LineRow,
    OrderRow,
    PromiseRow,
    WaveOrderRow,
    WaveRow,
)
from connector.store.trouble import Trouble
from connector.unattended import rhythm_of
from connector.wording import quoted
from tests.support import month as world
from tests.support.month import MINUTE, Bought, Month, Seen

# The whole month takes two minutes of one core; a shorter one: MONTH_ORDERS=2000 make prove
ORDERS = int(os.environ.get("MONTH_ORDERS", "20000"))
KILLS = 40
_PAGE = 200
_WALKING = (Stage.RECEIVED, Stage.RECOGNISED, Stage.PLACED)


class Killed(BaseException):
    """The process is gone: nothing catches it, and what was not committed is lost."""


class Clock:
    """Time, and the moment at which the process that asks for it is killed."""

    def __init__(self) -> None:
        self.now = world.at(world.FIRST, 0)
        self.left: int | None = None
        self.dead = False

    def __call__(self) -> datetime:
        if threading.current_thread() is not threading.main_thread():
            return self.now  # the thread that prolongs a lease asks as often as the machine is slow
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.dead = True
        if self.dead:
            raise Killed
        return self.now


class People:
    """Who gets messages; they are told by a process that may die in the middle of it."""

    def __init__(self) -> None:
        self.got: list[tuple[Role, Message, datetime]] = []
        self.clock = Clock()

    def has(self, role: Role) -> bool:
        return True

    def send(self, role: Role, message: Message) -> None:
        self.got.append((role, message, self.clock.now))
        self.clock()


class Service:
    """One service: the project's own jobs for waves, watching and telling, around a made-up way."""

    def __init__(self, month: Month, settings: Settings, now: datetime, people: People) -> None:
        self.clock = Clock()
        self.clock.now = now
        self.month = month
        self.people = people
        self.connector = build(settings, self.clock, since=world.at(world.FIRST, 0))
        self.database = self.connector.database
        context = self.connector.context
        language = Language(True, True, context.timetables[""].calendar.zone)
        real = {job.name: job for job in self.connector.jobs}
        sources = _sources(self.connector)
        jobs = [
            Job("intake", "", Every(5 * MINUTE), self.pull),
            Job("advance", "", Every(MINUTE), self.walk),
            real["wave"],
            announce(context, self.connector.waves, people, language, Every(MINUTE)),
            watch(
                sources, Alerts(self.database, rhythm_of(settings)), people, language,
                Every(MINUTE),
            ),
        ]  # fmt: skip
        self.runner = Runner(jobs, self.connector.runs, self.clock, since=world.at(world.FIRST, 0))

    def tick(self, now: datetime) -> None:
        self.clock.now = now
        self.people.clock = self.clock
        self.runner.tick()

    def close(self) -> None:
        self.connector.close()

    def pull(self, window: Window, _scope: str) -> dict[str, Any]:
        told = self.month.placed_within(window.start - 5 * MINUTE, window.end)
        for page in _pages(told):
            with self.database.transaction() as session:
                known = set(
                    session.scalars(
                        select(OrderRow.number).where(
                            OrderRow.number.in_([str(each.number) for each in page])
                        )
                    )
                )
                now = self.clock()
                rows = [_row(each, now) for each in page if str(each.number) not in known]
                session.add_all(rows)
                session.flush()
                session.add_all(line for row in rows for line in _lines(row))
                session.add_all(
                    EventRow(order_pk=row.id, at=now, actor="intake", kind="received",
                             text="", detail={"stage": "received"})
                    for row in rows
                )  # fmt: skip
                self.clock()
        return {"seen": len(told)}

    def walk(self, _window: Window, _scope: str) -> dict[str, Any]:
        orders, now = self.connector.context.orders, self.clock()
        rows = orders.due(_WALKING, now, 100_000)
        for page in _pages(rows):
            with self.database.transaction() as session, session.no_autoflush:
                for row in page:
                    for change in self._way(row, now):
                        apply_in(session, row, change, "connector", now)
                        row.version += 1
                        row.stage = change.stage or row.stage
                        row.tries = change.tries
                self.clock()
        return {"walked": len(rows)}

    def _way(self, row: OrderRow, now: datetime) -> Iterator[Change]:
        bought = self.month.by_number[int(row.number)]
        stage = Stage(row.stage)
        if stage is Stage.RECEIVED:
            if world.is_within(self.month.sap_away, now):
                yield _waits(row, now)
                return
            if bought.review_until is not None and now < bought.review_until:
                yield _held(HoldCause.CUSTOMER_REVIEW, now)
                return
            if bought.cancelled:
                yield Change(event="cancelled", text=quoted(""), stage=Stage.CANCELLED)
                return
            yield _to(Stage.RECOGNISED, now)
            stage = Stage.RECOGNISED
        if stage is Stage.RECOGNISED:
            if world.is_within(self.month.dms_away, now):
                yield _waits(row, now)
                return
            yield _to(Stage.PLACED, now)
        if world.is_within(self.month.sap_away, now) or world.is_within(self.month.dms_away, now):
            yield _waits(row, now)
        elif bought.stock_from is not None and now < bought.stock_from:
            yield _held(HoldCause.STOCK, now)
        else:
            promised = [
                Allocation(line, "1000", f"{unit}-1", Decimal(1))
                for line, unit in enumerate(bought.units, start=1)
            ]
            yield Change(event="ready", text=quoted(""), stage=Stage.READY, allocations=promised)


def _lines(row: OrderRow) -> Iterator[LineRow]:
    for line, unit in enumerate(row.business_units.split(","), start=1):
        yield LineRow(
            order_pk=row.id, number=line, line_id=str(line), sku=f"{unit}-1", name="吊钩",
            unit="PCE", quantity=Decimal(1), refunded_quantity=Decimal(0),
            refunded_amount=Decimal(0), unit_price=Decimal(10), discount=Decimal(0),
            subsidy=Decimal(0), amount=Decimal(10), business_unit=unit, allocated=Decimal(0),
            shipped=Decimal(0),
        )  # fmt: skip


def _to(stage: Stage, now: datetime) -> Change:
    return Change(event=stage.value, text=quoted(""), stage=stage, next_try_at=now)


def _waits(row: OrderRow, now: datetime) -> Change:
    return Change(event="waiting", text=quoted("away"), keep_hold=True,
                  next_try_at=now + 10 * MINUTE, tries=row.tries + 1)  # fmt: skip


def _held(cause: HoldCause, now: datetime) -> Change:
    return Change(
        event="held",
        text=quoted(""),
        hold=Hold(cause, (quoted("made up"),)),
        next_try_at=now + 15 * MINUTE,
    )


def _pages(rows: Any) -> Iterator[Any]:
    return (rows[start : start + _PAGE] for start in range(0, len(rows), _PAGE))


def _row(bought: Bought, now: datetime) -> OrderRow:
    placed = bought.placed_at.isoformat()
    address = {"country": "CN", "province": "江苏", "city": "徐州市", "street": "路1号",
               "postcode": "221004"}  # fmt: skip
    lines = [
        {"line_id": str(index), "sku": f"{unit}-1", "name": "吊钩", "quantity": "1",
         "unit": "PCE", "subtotal": "10.00", "total": "10.00", "total_tax": "0.00"}
        for index, unit in enumerate(bought.units, start=1)
    ]  # fmt: skip
    content = {
        "order_id": str(bought.number), "number": str(bought.number), "status": "processing",
        "payment_state": "paid", "placed_at": placed, "modified_at": placed, "paid_at": placed,
        "currency": "CNY", "freight": "0.00", "total": f"{10 * len(lines)}.00",
        "buyer": {"kind": "company", "name": "甲公司", "code": "91320300MA11000ABP",
                  "contact_name": "张", "phone": "13900000000", "address": address},
        "ship_to": {"name": "张", "company": "", "phone": "13900000000", "address": address},
        "lines": lines, "invoice_kind": "ordinary", "payment_method": "alipay",
    }  # fmt: skip
    return OrderRow(
        shop="shop", number=str(bought.number), order_id=str(bought.number),
        content_hash=f"{bought.number:064}", payload={}, content=content, status="processing",
        payment_state="paid", stage=Stage.RECEIVED, next_try_at=now,
        placed_at=bought.placed_at, received_at=now, updated_at=now,
        business_units=",".join(bought.units), currency="CNY",
    )  # fmt: skip


def _sources(connector: Connector) -> Sources:
    return Sources(
        context=connector.context,
        trouble=Trouble(connector.database),
        promises=PromiseBook(connector.database),
        runs=connector.runs,
        gates=connector.gates,
        largest=2**40,
        mappings=connector.mappings,
        jobs=connector.jobs,
        since=connector.context.clock(),
        pauses=connector.pauses,
        shop=connector.settings.shop,
    )


def _settings(folder: Path) -> Settings:
    settings = load_settings(database_url=f"sqlite:///{folder / 'c.db'}", output=folder / "out")
    first = settings.business_units[0]
    first.sku_patterns = ["GQ-*"]
    cutoffs = [time(*clock) for clock in world.CUTOFFS["CZ"]]
    other = settings.calendar.model_copy(update={"cutoffs": cutoffs})
    settings.business_units.append(
        first.model_copy(update={"code": "CZ", "sku_patterns": ["CZ-*"], "calendar": other})
    )
    return settings


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory where there is one: 20,000 orders are not to wait for a disk."""
    shared = Path("/dev/shm")
    made = Path(tempfile.mkdtemp(prefix="month-", dir=shared if shared.is_dir() else None))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def _look(
    month: Month, database: Database, now: datetime, frozen: dict[tuple[str, datetime], datetime]
) -> None:
    """See with one's own eyes how far orders have come, and which waves are out."""
    with database.reading() as session:
        for number, stage in session.execute(
            select(OrderRow.number, OrderRow.stage).where(OrderRow.updated_at >= now)
        ):
            seen = month.seen.setdefault(int(number), Seen())
            if stage == Stage.CANCELLED:
                seen.cancelled = seen.cancelled or now
                continue
            for name in ("recognised", "placed", "ready", "released"):
                reached = Stage(stage).position >= Stage(name).position
                if reached and getattr(seen, name) is None:
                    setattr(seen, name, now)
        for unit, cutoff in session.execute(
            select(WaveRow.business_unit, WaveRow.cutoff_at).where(WaveRow.frozen_at >= now)
        ):
            frozen[unit, cutoff] = now


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_month_unattended(folder: Path) -> None:
    configure("critical")
    month = Month.of(ORDERS, seed=20260920)
    chance = random.Random(7)
    settings, people = _settings(folder), People()
    moments = month.moments()
    kill_at = set(chance.sample(range(10, len(moments) - 10), KILLS))
    frozen: dict[tuple[str, datetime], datetime] = {}
    services = [Service(month, settings, moments[0], people)]
    eyes = Database(settings.database_url)
    with eyes.writing() as connection:
        # For the eyes of the test alone: nothing in the product looks for what was just moved.
        connection.execute(text("CREATE INDEX month_looks ON orders (updated_at)"))
    killed = owed = 0
    for index, now in enumerate(moments):
        two = now.toordinal() % 2 == 0
        while len(services) < (2 if two else 1):
            services.append(Service(month, settings, now, people))
        while not two and len(services) > 1:
            services.pop().close()
        owed += index in kill_at
        if owed and services[0].clock.left is None:
            services[0].clock.left = chance.randrange(1, 40)
        moment, died = now, True
        while died:
            died = False
            # Two services tick in any sequence; after a kill the lease of its run has to pass.
            for service in chance.sample(services, len(services)):
                try:
                    service.tick(moment)
                except Killed:
                    died, killed, owed = True, killed + 1, owed - 1
                    service.close()
                    services.remove(service)
                    services.append(Service(month, settings, moment, people))
            _look(month, eyes, moment, frozen)
            moment += timedelta(seconds=25)
    end = moments[-1]
    for service in services:
        service.close()
    assert killed == KILLS

    with eyes.reading() as session:
        released: dict[tuple[str, datetime], list[int]] = {}
        for unit, cutoff, number in session.execute(
            select(WaveRow.business_unit, WaveRow.cutoff_at, OrderRow.number)
            .join(WaveOrderRow, WaveOrderRow.wave_id == WaveRow.id)
            .join(OrderRow, OrderRow.id == WaveOrderRow.order_pk)
            .where(WaveOrderRow.released.is_(True))
        ):
            released.setdefault((unit, cutoff), []).append(int(number))
        cutoffs = [tuple(row) for row in session.execute(
            select(WaveRow.business_unit, WaveRow.cutoff_at))]  # fmt: skip
        told = {
            (int(number), promise)
            for number, promise in session.execute(
                select(OrderRow.number, PromiseRow.promise)
                .join(PromiseRow, PromiseRow.order_pk == OrderRow.id)
                .where(PromiseRow.state.in_(("overdue", "late")))
            )
        }
        causes = Counter(
            session.scalars(
                select(PromiseRow.cause).where(PromiseRow.state.in_(("overdue", "late")))
            )
        )
        stages = Counter(session.scalars(select(OrderRow.stage)))
        events = Counter(
            (order_pk, text)
            for order_pk, text in session.execute(
                select(EventRow.order_pk, EventRow.text).where(EventRow.kind == "promise_broken")
            )
        )
    # Every cutoff of the month has one wave of each unit, and no other day has any.
    wanted_cutoffs = [
        (unit, cutoff)
        for unit, times in world.CUTOFF_TIMES.items()
        for cutoff in times
        if world.at(world.FIRST, 0) < cutoff <= end
    ]
    assert sorted(cutoffs) == sorted(wanted_cutoffs)
    # Each holds exactly its orders, each order once for each of its units.
    wanted = world.waves(month, frozen)
    assert {key: sorted(numbers) for key, numbers in released.items()} == {
        key: sorted(numbers) for key, numbers in wanted.items() if numbers
    }
    assert sum(stages.values()) == ORDERS
    # The promises that were not kept are those that another hand finds, each an event once.
    assert told == world.broken(month, end)
    assert len(events) == len(told)
    assert set(events.values()) == {1}
    assert {"system_away", "customer_review", "stock", "late_intake"} <= set(causes)
    # Each wave is announced once to each, whoever died; alerts do not come by the thousand.
    announced = Counter((role, message.title) for role, message, _ in people.got
                        if role in (Role.WAREHOUSE, Role.FINANCE))  # fmt: skip
    assert set(announced.values()) == {1}
    alerts = [got for got in people.got if got[0] not in (Role.WAREHOUSE, Role.FINANCE)]
    assert len(alerts) < 1500
    eyes.close()
    print(f"{ORDERS} orders, {len(cutoffs)} waves, {killed} kills, {len(told)} promises broken"
          f" ({dict(causes)}), {len(alerts)} alerts told, {dict(stages)}")  # fmt: skip
