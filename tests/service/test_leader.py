"""One service leads; when it is killed, another goes on, and what was under way is done once."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import func, make_url, select

from connector.domain.lifecycle import Stage
from connector.errors import Misconfigured
from connector.logs import configure
from connector.sandbox.dms_documents import whole_orders
from connector.sandbox.faults import Fault
from connector.sandbox.service import Sandbox
from connector.store.calls import Calls, CallState
from connector.store.database import Database
from connector.store.leader import PostgresLeadership, leadership
from connector.store.orders import Orders
from connector.store.runs import Runs
from connector.store.tables import OrderRow
from connector.store.waves import Waves
from tests.day.expected import doubles
from tests.support import postgres
from tests.support.service_process import set_clock

BEFORE = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)  # Tuesday 11:30 in Shanghai
NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HAND_OVER = 30.0
SIGTERM_ENDS = 20.0


@pytest.fixture(autouse=True)
def quiet() -> None:
    configure("critical")


@pytest.fixture
def url(postgres_server: postgres.Server) -> Iterator[str]:
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


def eventually(true: Callable[[], Any], seconds: float = 90) -> float:
    """Wait until something is so; return how long it took."""
    began = time.monotonic()
    while not true():
        waited = time.monotonic() - began
        assert waited < seconds, f"not so after {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - began


class Service:
    """A service in a process of its own, with what it logs."""

    def __init__(self, sandbox: Sandbox, url: str, folder: Path, smtp_port: int = 0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.service_process",
             sandbox.control_url, url, str(folder), str(smtp_port)],
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(iter(self.process.stderr.readline, ""))

    def says(self, text: str) -> bool:
        assert self.process.poll() is None, "".join(self.lines[-20:])
        return any(text in line for line in list(self.lines))

    def leads(self) -> bool:
        return self.says("this service leads now")

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def test_of_two_one_leads_until_it_lets_go(url: str) -> None:
    first, second = PostgresLeadership(url), PostgresLeadership(url)
    assert first.leads()
    assert first.leads()
    assert not second.leads()
    first.resign()
    eventually(second.leads, 10)
    assert not first.leads()
    second.resign()


def test_a_leader_whose_connection_is_gone_no_longer_leads(url: str) -> None:
    first, second = PostgresLeadership(url), PostgresLeadership(url)
    assert first.leads()
    parsed = make_url(url)
    with psycopg.connect(
        host=parsed.host, port=parsed.port, user=parsed.username, dbname=parsed.database,
        autocommit=True,
    ) as connection:  # fmt: skip
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        )
    eventually(second.leads, 10)
    assert not first.leads()
    assert not first.leads()  # it asks anew and finds the other leading
    second.resign()
    eventually(first.leads, 10)
    first.resign()


def test_sqlite_bears_one_service(tmp_path: Path) -> None:
    first = leadership(f"sqlite:///{tmp_path / 'c.db'}")
    assert first.leads()
    with pytest.raises(Misconfigured, match="another service runs on this database"):
        leadership(f"sqlite:///{tmp_path / 'c.db'}")
    first.resign()
    leadership(f"sqlite:///{tmp_path / 'c.db'}").resign()


class Warehouse:
    """A mail server that can call something in the middle of a message."""

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[bytes] = []
        self.at_recipient: Callable[[], None] = lambda: None
        self.at_content: Callable[[], None] = lambda: None

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, _: Any
    ) -> str:
        self.at_recipient()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(envelope.content)
        self.at_content()
        return "250 taken"


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    handler = Warehouse()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        handler.port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port)
    controller.start()
    yield handler
    controller.stop()


def ready(database: Database) -> list[str]:
    return sorted(row.number for row in Orders(database).listed(stage=Stage.READY))


@pytest.mark.long
@pytest.mark.parametrize("moment", ["wave", "recipient", "content"])
def test_the_leader_is_killed_in_a_wave_and_the_warehouse_gets_one_mail(
    moment: str, url: str, tmp_path: Path, warehouse: Warehouse
) -> None:
    set_clock(tmp_path / "clock", BEFORE)
    killed: list[float] = []
    with Sandbox() as sandbox:
        sandbox.clock.set(BEFORE)
        first = Service(sandbox, url, tmp_path, warehouse.port)
        second = None
        database = Database(url)
        try:
            eventually(first.leads)
            second = Service(sandbox, url, tmp_path, warehouse.port)
            eventually(lambda: second.says("service started"))
            eventually(lambda: len(ready(database)) == 15)
            wanted = ready(database)

            def kill() -> None:
                if not killed:
                    killed.append(time.monotonic())
                    first.kill()

            if moment == "recipient":
                warehouse.at_recipient = kill
            elif moment == "content":
                warehouse.at_content = kill
            clock = tmp_path / "clock"
            set_clock(clock, NOON)
            eventually(lambda: Waves(database).listed())
            if moment == "wave":
                kill()
            else:
                eventually(lambda: _wave_done(database))
                set_clock(clock, NOON + MINUTE)  # the delivery is due
            eventually(lambda: killed)
            eventually(second.leads, HAND_OVER)
            assert time.monotonic() - killed[0] < HAND_OVER
            eventually(lambda: _wave_done(database), HAND_OVER)
            assert time.monotonic() - killed[0] < HAND_OVER + 5
            set_clock(clock, NOON + 2 * MINUTE)
            eventually(lambda: warehouse.mails)
            # The other one looks at the delivery again and again: it must not send a second.
            set_clock(clock, NOON + 8 * MINUTE)
            eventually(lambda: _looked_until(database, NOON + 8 * MINUTE))
            (wave,) = Waves(database).listed()
            released = sorted(row.number for row, _ in Waves(database).released(wave))
            assert released == wanted
            assert len(warehouse.mails) == 1
            names = [part.get_filename() for part in message_from_bytes(warehouse.mails[0]).walk()]
            assert "GQ-20261124-1200.xlsx" in names
            if moment == "content":
                # Nobody can tell from here whether it arrived: a person looks, it is not resent.
                (call,) = [each for each in Calls(database).listed() if each.system == "delivery"]
                assert call.state == "in_doubt"
        finally:
            first.end()
            if second is not None:
                second.end()
            database.close()


def _wave_done(database: Database) -> bool:
    return any(row.state == "done" for row in Runs(database).history("wave"))


def _looked_until(database: Database, moment: datetime) -> bool:
    runs = Runs(database).history("deliver")
    return any(row.state == "done" and row.window_to >= moment for row in runs)


@pytest.mark.long
def test_sigterm_ends_in_time_and_the_next_start_goes_on(database_url: str, tmp_path: Path) -> None:
    set_clock(tmp_path / "clock", BEFORE)
    with Sandbox() as sandbox:
        sandbox.clock.set(BEFORE)
        # Each answer of the DMS takes longer than the service is given to end.
        sandbox.faults.set([Fault.parse("dms:latency:seconds=25,writes=true")])
        service = Service(sandbox, database_url, tmp_path)
        try:
            eventually(lambda: any(rule["struck"] for rule in sandbox.faults.describe()))
            began = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(SIGTERM_ENDS) == 0
            assert time.monotonic() - began < SIGTERM_ENDS
            database = Database(database_url)
            sent = Calls(database).listed((CallState.SENT,))
            in_hand = {row.reference for row in sent if row.system == "dms"}
            assert in_hand
            sandbox.faults.set([])
            service = Service(sandbox, database_url, tmp_path)
            eventually(lambda: service.says("service started"))
            # What was in the DMS's hands is made there all the same, before it has settled here;
            # then it is asked about.
            eventually(
                lambda: in_hand <= {each["externalNumber"] for each in whole_orders(sandbox.books)}
            )
            set_clock(tmp_path / "clock", BEFORE.replace(minute=40))
            sandbox.clock.set(BEFORE.replace(minute=40))
            eventually(lambda: len(ready(database)) == 15)
            assert doubles(sandbox) == []
            assert len(whole_orders(sandbox.books)) == 16
            with database.reading() as session:
                assert session.scalar(select(func.count(OrderRow.id))) == 26
            database.close()
            began = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(SIGTERM_ENDS) == 0
        finally:
            service.end()
