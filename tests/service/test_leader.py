"""One service leads; when it is killed, another goes on, and what was under way is done once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
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
from connector.sandbox.faults import Fault, Faults
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
from tests.support.ports import Reserved
from tests.support.service_process import set_clock
from tests.support.waiting import PATIENCE, until

BEFORE = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)  # Tuesday 11:30 in Shanghai
NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def quiet() -> None:
    configure("critical")


@pytest.fixture
def url(postgres_server: postgres.Server) -> Iterator[str]:
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


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
    until(first.leads)  # who cannot connect in time does not lead, and asks again
    assert first.leads()
    assert not second.leads()
    first.resign()
    until(second.leads)
    assert not first.leads()
    second.resign()


def test_a_leader_whose_connection_is_gone_no_longer_leads(url: str) -> None:
    first, second = PostgresLeadership(url), PostgresLeadership(url)
    until(first.leads)  # who cannot connect in time does not lead, and asks again
    parsed = make_url(url)
    with psycopg.connect(
        host=parsed.host, port=parsed.port, user=parsed.username, dbname=parsed.database,
        autocommit=True,
    ) as connection:  # fmt: skip
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        )
    until(second.leads)
    assert not first.leads()
    assert not first.leads()  # it asks anew and finds the other leading
    second.resign()
    until(first.leads)
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
    with Reserved() as at:
        handler.port = at.port
        controller = Controller(handler, "127.0.0.1", at.port, ready_timeout=PATIENCE)
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
    killed = threading.Event()
    with Sandbox() as sandbox:
        sandbox.clock.set(BEFORE)
        first = Service(sandbox, url, tmp_path, warehouse.port)
        second = None
        database = Database(url)
        try:
            until(first.leads)
            second = Service(sandbox, url, tmp_path, warehouse.port)
            until(lambda: second.says("service started"))
            until(lambda: len(ready(database)) == 15)
            wanted = ready(database)

            def kill() -> None:
                if not killed.is_set():
                    killed.set()
                    first.kill()

            if moment == "recipient":
                warehouse.at_recipient = kill
            elif moment == "content":
                warehouse.at_content = kill
            clock = tmp_path / "clock"
            set_clock(clock, NOON)
            until(lambda: Waves(database).listed())
            if moment == "wave":
                kill()
            else:
                until(lambda: _wave_done(database))
                set_clock(clock, NOON + MINUTE)  # the delivery is due
            until(killed.is_set)
            until(second.leads)
            until(lambda: _wave_done(database))
            set_clock(clock, NOON + 2 * MINUTE)
            until(lambda: warehouse.mails)
            # The other one looks at the delivery again and again: it must not send a second.
            set_clock(clock, NOON + 8 * MINUTE)
            until(lambda: _looked_until(database, NOON + 8 * MINUTE))
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


class NotYet(Faults):
    """Keeps every write to the DMS until it may be worked off."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = 0
        self.may = threading.Event()

    def strike(self, system: str, operation: str, *, write: bool) -> Fault | None:
        if system == "dms" and write:
            self.kept += 1
            self.may.wait()
        return super().strike(system, operation, write=write)


@pytest.mark.long
def test_sigterm_ends_without_an_answer_and_the_next_start_goes_on(
    database_url: str, tmp_path: Path
) -> None:
    set_clock(tmp_path / "clock", BEFORE)
    with Sandbox() as sandbox:
        sandbox.clock.set(BEFORE)
        faults = NotYet()
        for server in sandbox._servers:
            server._server.RequestHandlerClass.faults = faults  # type: ignore[attr-defined]
        service = Service(sandbox, database_url, tmp_path)
        try:
            until(lambda: faults.kept)
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(PATIENCE) == 0
            database = Database(database_url)
            sent = Calls(database).listed((CallState.SENT,))
            in_hand = {row.reference for row in sent if row.system == "dms"}
            assert in_hand
            faults.may.set()
            service = Service(sandbox, database_url, tmp_path)
            until(lambda: service.says("service started"))
            # What was in the DMS's hands is made there all the same, before it has settled here;
            # then it is asked about.
            until(
                lambda: in_hand <= {each["externalNumber"] for each in whole_orders(sandbox.books)}
            )
            set_clock(tmp_path / "clock", BEFORE.replace(minute=40))
            sandbox.clock.set(BEFORE.replace(minute=40))
            until(lambda: len(ready(database)) == 15)
            assert doubles(sandbox) == []
            assert len(whole_orders(sandbox.books)) == 16
            with database.reading() as session:
                assert session.scalar(select(func.count(OrderRow.id))) == 26
            database.close()
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(PATIENCE) == 0
        finally:
            faults.may.set()
            service.end()
