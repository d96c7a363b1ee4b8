"""Delivery: each file once to each target, whole or absent, asked about before it is sent again."""

from __future__ import annotations

import base64
import hashlib
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from connector.departure import looking
from connector.errors import ConnectorError, InDoubt, RetryLater
from connector.extracts.deliver import FolderTarget, Item, Parcel, Target
from connector.extracts.files import publish
from connector.extracts.mail import MailTarget
from connector.extracts.mail import _sent as mail_sent
from connector.extracts.s3 import S3Target, _client
from connector.extracts.sftp import SftpTarget
from connector.jobs.cadence import Every, Window
from connector.jobs.deliver import deliver
from connector.sections import SftpDelivery
from connector.settings import load_settings
from connector.steps.deliver import release_refused
from connector.steps.outbound import Outbound
from connector.store.calls import Calls, CallState
from connector.store.database import Database
from connector.store.files import Files
from tests.support import s3_server, sftp_server
from tests.support.ports import Reserved
from tests.support.waiting import PATIENCE

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
SETTLING = timedelta(minutes=3)
EXTRACT = frozenset({"extract"})


class Desk:
    """Files that are made, and the job that delivers them, on a clock of its own."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.now = START
        self.folder = folder / "out"
        self.files = Files(database)
        self.calls = Calls(database)
        self.outbound = Outbound(self.calls, lambda: self.now, SETTLING)

    def make(self, *, day: str = "2026-11-24", kind: str = "extract", **contents: str) -> None:
        named = {name.replace("_", "."): (text.encode(), 1) for name, text in contents.items()}
        written = publish(self.folder / day, named)
        self.files.note(written, kind, self.now)

    def run(self, target: Target, minutes: int = 1) -> dict[str, Any]:
        window = Window(self.now, self.now + timedelta(minutes=minutes))
        self.now = window.end
        job = deliver(
            self.outbound, self.files, {target.name: target}, Every(timedelta(minutes=1)),
            lambda: self.now,
        )  # fmt: skip
        return {key: value for key, value in job.run(window, target.name).items() if value}

    def states(self) -> list[str]:
        return [row.state for row in reversed(self.calls.listed())]


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)


@pytest.fixture
def light(tmp_path: Path) -> Iterator[Desk]:
    """A desk on SQLite, where the database is not what is proved."""
    database = Database(f"sqlite:///{tmp_path / 'connector.db'}")
    database.upgrade()
    yield Desk(database, tmp_path)
    database.close()


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[sftp_server.Server]:
    with sftp_server.serving(tmp_path / "remote") as server:
        yield server


@pytest.fixture
def s3() -> Iterator[s3_server.Server]:
    with s3_server.serving() as server:
        yield server


def sftp_target(server: sftp_server.Server, **changes: Any) -> SftpTarget:
    target = SftpTarget(
        "bank", EXTRACT, "127.0.0.1", server.port, sftp_server.USER, sftp_server.PASSWORD,
        None, server.host_key, "/in", PATIENCE, PATIENCE,
    )  # fmt: skip
    return replace(target, **changes)


def s3_target(server: s3_server.Server) -> S3Target:
    return S3Target(
        "lake",
        EXTRACT,
        server.url,
        "us-east-1",
        "finance",
        "in",
        "key",
        "sandbox-secret",
        PATIENCE,
        PATIENCE,
    )


class Inbox:
    """A mail server; `answers` are given one after the other, then everything is taken."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.answers: list[str] = []
        self.port = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = self.answers.pop(0) if self.answers else "250 taken"
        if answer.startswith(("250", "cut")):
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.messages.append(message)
        if answer == "cut":
            server.transport.abort()
        return answer


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    box = Inbox()
    with Reserved() as at:
        box.port = at.port
        controller = Controller(box, "127.0.0.1", at.port, ready_timeout=PATIENCE)
        controller.start()
        yield box
        controller.stop()


def mail_target(box: Inbox, *recipients: str) -> MailTarget:
    return MailTarget(
        "post", EXTRACT, "127.0.0.1", box.port, "none", "", "", "connector@maker.test",
        recipients or ("finance@maker.test",), PATIENCE, PATIENCE,
    )  # fmt: skip


def test_a_parcel_arrives_once_and_what_changed_is_sent_again(
    desk: Desk, sftp: sftp_server.Server
) -> None:
    target = sftp_target(sftp)
    desk.run(target)  # from here on the target is served
    desk.make(orders_csv="a", manifest_json="m1")
    assert desk.run(target) == {"parcels": 1, "files": 2}
    assert sftp.renamed == [
        "/in/extract/2026-11-24/orders.csv",
        "/in/extract/2026-11-24/manifest.json",
    ]
    assert desk.run(target) == {}
    for number, text in enumerate(["b", "a"], start=2):
        desk.make(orders_csv=text, manifest_json=f"m{number % 2}")
        assert desk.run(target)["parcels"] == 1
        assert (sftp.folder / "in/extract/2026-11-24/orders.csv").read_text() == text
    assert len(sftp.renamed) == 6
    assert set(desk.states()) == {CallState.CONFIRMED}


def test_a_lost_answer_of_the_rename_is_asked_about_and_not_sent_again(
    light: Desk, sftp: sftp_server.Server
) -> None:
    target = sftp_target(sftp)
    light.run(target)
    light.make(orders_csv="a")
    sftp.lose_answer_of_rename = True
    assert light.run(target) == {"parcels": 1, "files": 1}
    assert sftp.renamed == ["/in/extract/2026-11-24/orders.csv"]
    (call,) = light.calls.listed()
    assert (call.state, call.asked) == (CallState.CONFIRMED, 1)
    assert call.document == "sha256:" + hashlib.sha256(b"a").hexdigest()


def test_an_upload_that_breaks_off_leaves_nothing_and_the_next_run_goes_on_from_there(
    light: Desk, sftp: sftp_server.Server
) -> None:
    target = sftp_target(sftp)
    light.run(target)
    light.make(orders_csv="a", lines_csv="b", manifest_json="m")
    sftp.break_writing = "lines.csv"
    assert light.run(target) == {"files": 1, "waiting": 1}
    folder = sftp.folder / "in/extract/2026-11-24"
    seen = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
    assert seen == ["orders.csv"]
    assert light.run(target) == {"parcels": 1, "files": 3}
    assert [Path(path).name for path in sftp.renamed] == [
        "orders.csv",
        "lines.csv",
        "manifest.json",
    ]
    assert sorted(path.name for path in folder.iterdir()) == [
        "lines.csv", "manifest.json", "orders.csv",
    ]  # fmt: skip


def test_a_server_without_the_posix_extension_is_renamed_on_all_the_same(
    light: Desk, sftp: sftp_server.Server
) -> None:
    sftp.posix = False
    target = sftp_target(sftp)
    light.run(target)
    for text in ("a", "b"):
        light.make(orders_csv=text)
        assert light.run(target)["files"] == 1
    assert (sftp.folder / "in/extract/2026-11-24/orders.csv").read_text() == "b"


def test_a_strange_host_key_is_refused_before_the_password_is_said(
    light: Desk, sftp: sftp_server.Server, tmp_path: Path
) -> None:
    with sftp_server.serving(tmp_path / "other") as other:
        target = sftp_target(sftp, host_key=other.host_key)
        light.run(target)
        light.make(orders_csv="a")
        with pytest.raises(Exception, match="another host key"):
            light.run(target)
    assert sftp.passwords == []
    assert light.states() == [CallState.PENDING]
    assert light.run(sftp_target(sftp))["files"] == 1


def test_a_refused_logon_and_a_server_that_is_away_are_told_apart(
    light: Desk, sftp: sftp_server.Server
) -> None:
    light.run(sftp_target(sftp))
    light.make(orders_csv="a")
    with pytest.raises(Exception, match="finance is refused"):
        light.run(sftp_target(sftp, password="wrong"))
    sftp.close()
    assert light.run(sftp_target(sftp)) == {"waiting": 1}
    assert light.states() == [CallState.PENDING]


def test_a_store_whose_answer_is_lost_is_asked(desk: Desk, s3: s3_server.Server) -> None:
    target = s3_target(s3)
    desk.run(target)
    desk.make(orders_csv="a", manifest_json="m")
    s3.fault = "lose_answer"
    assert desk.run(target) == {"parcels": 1, "files": 2}
    assert s3.puts == [
        "/finance/in/extract/2026-11-24/orders.csv",
        "/finance/in/extract/2026-11-24/manifest.json",
    ]
    assert s3.objects[s3.puts[0]][0] == b"a"


@pytest.mark.parametrize(
    ("status", "page"), [(each, b"<html>no</html>") for each in (302, 403, 404, 500)] + [(403, b"")]
)
def test_a_page_that_comes_after_the_file_was_stored_has_nothing_sent_again(
    light: Desk, s3: s3_server.Server, status: int, page: bytes
) -> None:
    target = s3_target(s3)
    light.run(target)
    light.make(orders_csv="a")
    s3.fault = (status, page)
    light.run(target)
    light.run(target, minutes=10)
    assert len(s3.puts) == 1
    assert light.states() == [CallState.CONFIRMED]


def test_a_store_that_never_got_it_gets_it_once_the_call_has_settled(
    light: Desk, s3: s3_server.Server
) -> None:
    target = s3_target(s3)
    light.run(target)
    light.make(orders_csv="a")
    s3.fault = "drop"
    assert light.run(target) == {"waiting": 1}
    assert light.states() == [CallState.IN_DOUBT]
    assert light.run(target) == {"waiting": 1}
    assert s3.puts == []
    assert light.run(target, minutes=3) == {"parcels": 1, "files": 1}
    assert len(s3.puts) == 1


def test_a_store_that_refuses_says_so_and_nothing_is_in_doubt(
    light: Desk, s3: s3_server.Server
) -> None:
    light.run(s3_target(s3))
    light.make(orders_csv="a")
    s3.fault = 403
    with pytest.raises(Exception, match="refused: AccessDenied"):
        light.run(s3_target(s3))
    assert light.states() == [CallState.PENDING]


def test_each_recipient_gets_one_mail_with_the_whole_parcel(light: Desk, inbox: Inbox) -> None:
    target = mail_target(inbox, "a@maker.test", "b@maker.test")
    light.run(target)
    light.make(orders_csv="number\r\n30\r\n", manifest_json="{}")
    assert light.run(target) == {"parcels": 1, "files": 2}
    assert light.run(target) == {}
    assert [str(each["To"]) for each in inbox.messages] == ["a@maker.test", "b@maker.test"]
    first = inbox.messages[0]
    assert str(first["Subject"]) == "对账文件 Extract 2026-11-24"
    attached = {part.get_filename(): part.get_content() for part in first.iter_attachments()}
    assert attached["orders.csv"] == b"number\r\n30\r\n" or attached["orders.csv"].startswith(
        "number"
    )
    assert not any("maker.test" in str(row.request) + row.key for row in light.calls.listed())


def test_a_mail_whose_answer_is_lost_is_a_persons_matter_and_never_sent_twice(
    light: Desk, inbox: Inbox
) -> None:
    target = mail_target(inbox, "a@maker.test", "b@maker.test")
    light.run(target)
    light.make(orders_csv="a")
    inbox.answers = ["cut"]
    assert light.run(target) == {"needs_person": 1}
    assert light.run(target, minutes=60) == {"needs_person": 1}
    assert len(inbox.messages) == 2
    (open_call,) = [row for row in light.calls.listed() if row.state == CallState.IN_DOUBT]
    assert open_call.reference == str(inbox.messages[0]["Message-ID"])
    light.calls.confirm(open_call, "seen", {}, light.now)
    assert light.run(target) == {"parcels": 1, "files": 1}
    assert len(inbox.messages) == 2


@pytest.mark.parametrize(
    ("answer", "after", "then"),
    [
        ("451 come back", {"waiting": 1}, {"parcels": 1, "files": 1}),
        ("552 too large", {"needs_person": 1}, {"needs_person": 1}),
    ],
)
def test_a_mail_that_is_put_off_is_sent_again_and_a_refused_one_is_not(
    light: Desk, inbox: Inbox, answer: str, after: dict[str, int], then: dict[str, int]
) -> None:
    target = mail_target(inbox)
    light.run(target)
    light.make(orders_csv="a")
    inbox.answers = [answer]
    assert light.run(target) == after
    assert light.run(target) == then
    if "needs_person" in then:
        assert release_refused(light.calls, "post", "ops") == 1
        assert light.run(target) == {"parcels": 1, "files": 1}
    assert len(inbox.messages) == 1


def test_a_folder_that_is_not_mounted_is_never_made(light: Desk, tmp_path: Path) -> None:
    share = tmp_path / "share"
    target = FolderTarget("share", EXTRACT, share)
    light.run(target)
    light.make(orders_csv="a", kind="extract")
    light.make(orders_csv="b", kind="batch", day="batch")
    with pytest.raises(Exception, match="no such folder"):
        light.run(target)
    assert not share.exists()
    share.mkdir()
    assert light.run(target) == {"parcels": 1, "files": 1}
    assert [path.name for path in share.rglob("*.csv")] == ["orders.csv"]


def test_a_file_that_was_tampered_with_is_not_sent(light: Desk, tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    target = FolderTarget("share", EXTRACT, tmp_path / "share")
    light.run(target)
    light.make(orders_csv="a")
    (light.folder / "2026-11-24/orders.csv").write_text("forged")
    assert light.run(target) == {"waiting": 1}
    assert list((tmp_path / "share").rglob("*.csv")) == []


def test_a_new_target_gets_nothing_of_the_past(light: Desk, tmp_path: Path) -> None:
    light.make(orders_csv="a")
    light.now += timedelta(days=1)
    (tmp_path / "share").mkdir()
    target = FolderTarget("share", EXTRACT, tmp_path / "share")
    assert light.run(target) == {}
    light.make(orders_csv="b", day="2026-11-25")
    assert light.run(target) == {"parcels": 1, "files": 1}


def test_a_target_that_was_emptied_is_not_filled_again(light: Desk, tmp_path: Path) -> None:
    """Whoever fetches the files takes them away; that is no reason to send them once more."""
    (tmp_path / "share").mkdir()
    target = FolderTarget("share", EXTRACT, tmp_path / "share")
    light.run(target)
    light.make(orders_csv="a")
    light.run(target)
    shutil.rmtree(tmp_path / "share/extract")
    assert light.run(target) == {}


def test_a_targets_password_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "TYPE": "sftp",
        "HOST": "sftp.maker.test",
        "USER": "finance",
        "HOST_KEY": "ssh-ed25519 AAAA",
        "KINDS": '["extract"]',
        "PASSWORD": "sandbox-sftp",
    }.items():
        monkeypatch.setenv(f"CONNECTOR_DELIVERY__BANK__{name}", value)
    section = load_settings().delivery["bank"]
    assert isinstance(section, SftpDelivery)
    assert section.password.get_secret_value() == "sandbox-sftp"
    assert "sandbox-sftp" not in repr(section)


@pytest.fixture
def dripping() -> Iterator[int]:
    """Give the port of a server that takes all and answers byte by byte."""
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.sendall(b"2")
            while not stop.wait(0.05):
                connection.sendall(b"2")

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=drip, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    stop.set()
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def of_kind(kind: str, port: int) -> Target:
    if kind == "sftp":
        key = f"ssh-ed25519 {base64.b64encode(_ED25519).decode()}"
        return SftpTarget(
            "bank", EXTRACT, "127.0.0.1", port, "u", "p", None, key, "/in", PATIENCE, 0.5
        )
    if kind == "mail":
        return MailTarget(
            "post", EXTRACT, "127.0.0.1", port, "none", "", "", "connector@maker.test",
            ("finance@maker.test",), PATIENCE, 0.5,
        )  # fmt: skip
    return S3Target(
        "lake", EXTRACT, f"http://127.0.0.1:{port}", "us-east-1", "finance", "in", "key",
        "sandbox-secret", PATIENCE, 0.5,
    )  # fmt: skip


_ED25519 = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + bytes(32)


@pytest.mark.parametrize(
    ("kind", "error"), [("sftp", RetryLater), ("mail", RetryLater), ("s3", InDoubt)]
)
def test_a_delivery_ends_with_its_deadline_whatever_drips(
    dripping: int, tmp_path: Path, kind: str, error: type[ConnectorError]
) -> None:
    file = tmp_path / "orders.csv"
    file.write_bytes(b"a")
    item = Item(file, hashlib.sha256(b"a").hexdigest(), 1, 1)
    target = of_kind(kind, dripping)
    with target.sendings(Parcel("extract", "2026-11-24", (item,))) as (sending,):
        if kind == "s3":  # a client is made first, which takes a second
            assert _client(target)  # type: ignore[arg-type]
        began = time.monotonic()
        with pytest.raises(error) as raised:
            sending.send()
        assert 0.4 < time.monotonic() - began < 1.5
    assert raised.value.no_effect is (error is RetryLater)


def a_parcel(folder: Path, content: bytes = b"number\r\n30\r\n") -> Parcel:
    path = folder / "orders.csv"
    path.write_bytes(content)
    item = Item(path, hashlib.sha256(content).hexdigest(), 1, 1)
    return Parcel("extract", "2026-11-24", (item,))


def keeps_back(after: int = 0) -> Callable[[], None]:
    """Return a last look that lets so many requests pass."""
    seen = []

    def look() -> None:
        seen.append(1)
        if len(seen) > after:
            raise RetryLater("another process is making this call")

    return look


def test_a_mail_is_kept_back_right_before_its_content(tmp_path: Path, inbox: Inbox) -> None:
    target, parcel = mail_target(inbox), a_parcel(tmp_path)
    began = time.monotonic()
    with target.sendings(parcel) as (sending,):
        assert sending.prepare is not None
        sending.prepare()
        with looking(keeps_back()), pytest.raises(RetryLater, match="another process"):
            sending.send()
    # The session is ended at once: a farewell within the content would wait for an answer.
    assert time.monotonic() - began < PATIENCE
    with target.sendings(parcel) as (sending,):
        sending.send()
    assert len(inbox.messages) == 1


def test_lines_of_a_mail_that_begin_with_a_dot_arrive(inbox: Inbox) -> None:
    target = mail_target(inbox)
    session = target.session()
    target.connect(session)
    session.ehlo()
    session.mail("connector@maker.test")
    session.rcpt("finance@maker.test")
    code, _ = mail_sent(session, b"Subject: dots\r\n\r\n.one\r\n..two\r\n.\r\nend\r\n")
    session.quit()
    assert code == 250
    (message,) = inbox.messages
    assert message.get_content().splitlines() == [".one", "..two", ".", "end"]


@pytest.mark.parametrize("after", [0, 1])
def test_an_object_is_kept_back_also_with_the_connection_made(
    tmp_path: Path, s3: s3_server.Server, after: int
) -> None:
    target, parcel = s3_target(s3), a_parcel(tmp_path)
    with target.sendings(parcel) as (sending,):
        assert sending.ask is not None
        with looking(keeps_back(after), within=60), pytest.raises(RetryLater, match="another"):
            sending.send()
        assert sending.ask() is None
        with looking(lambda: None, within=60):
            sending.send()
        assert sending.ask() is not None


def test_a_file_is_kept_back_right_before_its_name(
    tmp_path: Path, sftp: sftp_server.Server
) -> None:
    target, parcel = sftp_target(sftp), a_parcel(tmp_path)
    with target.sendings(parcel) as (sending,):
        assert sending.ask is not None
        with looking(keeps_back(), within=60), pytest.raises(RetryLater, match="another"):
            sending.send()
        assert sending.ask() is None
        sending.send()
        assert sending.ask() is not None
