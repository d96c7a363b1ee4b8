"""Messages go out once to each role; what nobody took is tried again, and a dead one says so."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.bootstrap import Connector, build
from connector.demo import DemoClock
from connector.domain.alerts import Role
from connector.domain.lifecycle import HoldCause, Stage
from connector.errors import Misconfigured, RetryLater
from connector.jobs.announce import announce
from connector.jobs.cadence import Every, Window
from connector.logs import configure
from connector.notify.channels import AppriseNotifier
from connector.notify.digest import Language, Message
from connector.settings import load_settings
from connector.store.waves import Freeze
from connector.wording import quoted
from tests.support.hostile import dripping_body, hostile
from tests.support.stored import hold, move, put_order

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HELLO = Message("标题 title", "正文 text")


class Chat:
    """A chat's web hook: what was posted, and whether it takes any."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.status = 200
        chat = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if chat.status == 200:
                    chat.posted.append(json.loads(body))
                self.send_response(chat.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server.server_port}/"

    @property
    def titles(self) -> list[str]:
        return [each["title"] for each in self.posted]


@pytest.fixture(autouse=True)
def quiet() -> None:
    configure("critical")


@pytest.fixture
def chat() -> Iterator[Chat]:
    made = Chat()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_role_without_a_channel_is_reached_through_ops(chat: Chat) -> None:
    notifier = AppriseNotifier({Role.OPS: [chat.url]})
    notifier.send(Role.SALES, HELLO)
    assert [(each["title"], each["message"]) for each in chat.posted] == [
        (HELLO.title, HELLO.text)]  # fmt: skip
    assert notifier.has(Role.WAREHOUSE)
    assert not AppriseNotifier({}).has(Role.OPS)


def test_of_two_channels_one_that_is_dead_does_not_double_the_other(chat: Chat) -> None:
    AppriseNotifier({Role.OPS: ["json://127.0.0.1:1/", chat.url]}).send(Role.OPS, HELLO)
    assert len(chat.posted) == 1
    chat.status = 500
    with pytest.raises(RetryLater, match=r"notify\.ops: no channel took the message"):
        AppriseNotifier({Role.OPS: [chat.url]}).send(Role.OPS, HELLO)


def test_an_address_that_is_none_is_refused_without_showing_it() -> None:
    with pytest.raises(Misconfigured, match=r"notify\.it: channel 1 is no address") as caught:
        AppriseNotifier({Role.IT: ["nothing-known://secret-token"]})
    assert "secret-token" not in str(caught.value)


def test_channels_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTOR_NOTIFY__OPS", '["json://127.0.0.1:1/hush-4711"]')
    (url,) = load_settings().notify.ops
    assert url.get_secret_value() == "json://127.0.0.1:1/hush-4711"
    assert "hush-4711" not in repr(load_settings())


@pytest.fixture
def connector(database_url: str, tmp_path: Path, chat: Chat) -> Iterator[Connector]:
    settings = load_settings(database_url=database_url, output=tmp_path)
    made = build(settings, DemoClock(NOON))
    yield made
    made.close()


def test_a_wave_is_announced_once_and_again_only_when_it_was_refused(
    connector: Connector, chat: Chat
) -> None:
    database = connector.database
    row = put_order(database, 1, NOON - 60 * MINUTE)
    move(database, row, Stage.READY, NOON - MINUTE)
    late = put_order(database, 2, NOON - 50 * MINUTE)
    hold(database, late, HoldCause.STOCK, NOON - MINUTE)
    connector.waves.freeze(
        Freeze("GQ", NOON, NOON - 90 * MINUTE), lambda _: quoted(""), lambda _: None, "wave", NOON
    )
    language = Language(True, True, ZoneInfo("Asia/Shanghai"))
    notifier = AppriseNotifier({Role.WAREHOUSE: [chat.url]})
    job = announce(connector.context, connector.waves, notifier, language, Every(MINUTE))
    window = Window(NOON, NOON + MINUTE)
    chat.status = 503
    assert job.run(window, "") == {"waiting": 1}
    chat.status = 200
    assert job.run(window, "") == {"announced": 1}
    assert job.run(window, "") == {}
    assert chat.titles == ["GQ 批次 11-24 12:00 / Wave 11-24 12:00 of GQ"]
    assert "1 orders released" in chat.posted[0]["message"]
    assert "1 left out" in chat.posted[0]["message"]


def test_the_watch_tells_of_what_is_wrong_and_of_its_end(
    database_url: str, tmp_path: Path, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONNECTOR_NOTIFY__OPS", json.dumps([chat.url]))
    clock = DemoClock(datetime(2026, 8, 24, 5, 0, tzinfo=UTC))
    settings = load_settings(database_url=database_url, output=tmp_path)
    connector = build(settings, clock)
    (watch,) = [job for job in connector.jobs if job.name == "watch"]
    window = Window(clock.now - MINUTE, clock.now)
    row = put_order(connector.database, 1, clock.now)
    row = hold(connector.database, row, HoldCause.REJECTED, clock.now)
    other = put_order(connector.database, 2, clock.now)
    hold(connector.database, other, HoldCause.UNPAID, clock.now)  # the buyer's: nobody is called
    assert watch.run(window, "")["messages"] == 1
    assert chat.titles == ["连接器：1 项需要处理 / Connector: 1 matter for you"]
    assert "connector orders retry --hold rejected" in chat.posted[0]["message"]
    clock.now += 10 * MINUTE
    move(connector.database, row, Stage.READY, clock.now)
    assert watch.run(window, "")["messages"] == 1
    assert chat.titles[1:] == ["连接器：1 项已解决 / Connector: 1 matter solved"]
    assert watch.run(window, "")["messages"] == 0
    connector.close()


def test_a_channel_that_drips_did_not_take_the_message() -> None:
    with hostile() as server:
        server.answer = dripping_body
        channel = f"json://{server.url.removeprefix('http://')}/"
        began = time.monotonic()
        with pytest.raises(RetryLater, match=r"notify\.ops"):
            AppriseNotifier({Role.OPS: [channel]}, seconds=0.3).send(Role.OPS, HELLO)
        assert time.monotonic() - began < 1.3
