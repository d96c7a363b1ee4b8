"""A DMS whose calls carry the token of a login: opened once, and renewed when it is refused."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from lxml import etree
from pydantic import SecretStr

from connector.checks import _dms as check_dms
from connector.dms.archive import ArchiveSettings
from connector.dms.client import DmsSettings, SoapDms
from connector.dms.desk import DmsDesk
from connector.dms.port import Dms
from connector.dms.security import Signature
from connector.dms.session import Session
from connector.errors import InDoubt, LogonFailed, Rejected, RetryLater
from connector.mapping import load
from connector.sandbox.service import DMS_PASSWORD, DMS_USER, Sandbox
from connector.sandbox.styles.login import LoginDms
from connector.store.database import Database
from tests.dms.test_contract_suite import SOURCE
from tests.support.day_process import settings_for
from tests.support.wire import Trouble, Wire

HOUR = timedelta(hours=1)


class Site:
    """A DMS of sessions, and what reaches it."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.wire = Wire(int(sandbox.dms_wsdl_url.split(":")[2].split("/")[0]))
        self.folder = folder
        sandbox.clock.set(datetime(2026, 11, 24, 1, tzinfo=UTC))

    @property
    def dms(self) -> LoginDms:
        assert isinstance(self.sandbox.dms, LoginDms)
        return self.sandbox.dms

    def desk(self, password: str = DMS_PASSWORD, **settings: Any) -> DmsDesk:
        mappings = load(self.folder)
        client = SoapDms(
            DmsSettings(
                wsdl=self.sandbox.dms_wsdl_url,
                endpoint=f"{self.wire.url}/dms/service",
                authentication="none",
                **settings,
            ),
            lambda: mappings,
        )
        session = Session(client, lambda: mappings, DMS_USER, password)
        return DmsDesk(client, lambda: mappings, session)

    def passes(self, time: timedelta) -> None:
        self.sandbox.clock.set(self.sandbox.clock.now() + time)

    def change(self, name: str, **changes: Any) -> None:
        path = self.folder / f"{name}.yaml"
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        path.write_text(yaml.safe_dump(content | changes, allow_unicode=True), encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    folder = Path(shutil.copytree("mappings", tmp_path / "mappings"))
    shutil.copytree("mappings/examples/login", folder, dirs_exist_ok=True)
    with Sandbox(dms="login") as sandbox:
        made = Site(sandbox, folder)
        yield made
        made.wire.stop()


def create(desk: DmsDesk, number: str) -> str:
    source = SOURCE | {"external_number": number, "reference": f"{number}-GQ"}
    return str(desk.send(desk.prepare("dms_sales_order", source))["number"])


def held(desk: DmsDesk, number: str) -> int:
    return len(desk.find(number, "GQ") or [])


def test_all_threads_share_one_login(site: Site) -> None:
    desk = site.desk()
    threads = [threading.Thread(target=create, args=(desk, str(9000 + n))) for n in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [held(desk, str(9000 + n)) for n in range(6)] == [1] * 6
    assert site.dms.logins == 1


def test_a_write_that_is_refused_for_its_session_is_made_again_after_one_login(site: Site) -> None:
    desk = site.desk()
    create(desk, "9001")
    site.passes(HOUR)
    threads = [threading.Thread(target=create, args=(desk, str(9002 + n))) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [held(desk, str(9001 + n)) for n in range(5)] == [1] * 5
    assert site.dms.logins == 2


def test_a_fault_that_the_mapping_does_not_name_is_a_doubt(site: Site) -> None:
    """Without the code of a session that is over nothing says that the write was not made."""
    site.change("dms_session", session={"soap_header": "{urn:dms:session}SessionId"})
    (site.folder / "parts" / "dms_refusals.yaml").unlink()
    desk = site.desk()
    create(desk, "9001")
    site.passes(HOUR)
    with pytest.raises(InDoubt, match="SessionTimeout"):
        create(desk, "9002")
    assert site.dms.logins == 1


class Tokens:
    """A DMS that gives a token at each login; `refused` are those that it does not take any more.

    `how` is the way in which it refuses one: by a code in the text of an answer, or by HTTP 401.
    """

    def __init__(self, how: str) -> None:
        self.how = how
        self.logins = 0
        self.refused: set[str] = set()
        self.made: list[str] = []
        self.meets = threading.Barrier(1)

    def call(self, _operation: str, request: Any, *, write: bool, **_: Any) -> dict[str, Any]:
        asked = json.loads(request["data"])
        if asked["method"] == "login":
            self.logins += 1
            return {"return": f'{{"code": "0", "data": {{"token": "T{self.logins}"}}}}'}
        if asked["token"] in self.refused:
            self.meets.wait(10)
            if self.how == "401":
                self.made.append("unseen")  # whoever refused it may have stood behind the work
                raise LogonFailed("HTTP 401", place="DMS")
            return {"return": '{"code": "TOKEN", "message": "令牌无效或已过期"}'}
        self.made.append(asked["token"])
        return {"return": '{"code": "0", "data": {"code": "SO1", "order": []}}'}


def in_texts(folder: Path, dms: Tokens) -> DmsDesk:
    copy = Path(shutil.copytree("mappings", folder / "mappings"))
    shutil.copytree("mappings/examples/json", copy, dirs_exist_ok=True)
    mappings = load(copy)
    session = Session(cast(Dms, dms), lambda: mappings, DMS_USER, DMS_PASSWORD)
    return DmsDesk(cast(Dms, dms), lambda: mappings, session)


def test_a_session_may_be_over_by_the_code_of_an_answer(tmp_path: Path) -> None:
    dms = Tokens("code")
    desk = in_texts(tmp_path, dms)
    create(desk, "9001")
    dms.refused.add("T1")
    create(desk, "9002")
    dms.refused.add("T2")
    assert held(desk, "9002") == 0
    assert (dms.made, dms.logins) == (["T1", "T2", "T3"], 3)


def test_a_token_that_is_refused_twice_ends_the_call_without_effect(tmp_path: Path) -> None:
    dms = Tokens("code")
    desk = in_texts(tmp_path, dms)
    dms.refused |= {"T1", "T2"}
    with pytest.raises(LogonFailed, match="the session that it has just given") as refused:
        create(desk, "9001")
    assert refused.value.no_effect
    assert (dms.made, dms.logins) == ([], 2)


def test_threads_whose_token_is_over_log_on_once(tmp_path: Path) -> None:
    dms = Tokens("code")
    desk = in_texts(tmp_path, dms)
    create(desk, "9000")
    dms.refused.add("T1")
    dms.meets = threading.Barrier(4)  # all hold the refused token before anybody renews it
    threads = [threading.Thread(target=create, args=(desk, str(9001 + n))) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (dms.made, dms.logins) == (["T1", *["T2"] * 4], 2)


def test_a_write_answered_by_401_is_not_made_again_and_a_read_is(tmp_path: Path) -> None:
    dms = Tokens("401")
    desk = in_texts(tmp_path, dms)
    create(desk, "9001")
    dms.refused.add("T1")
    with pytest.raises(LogonFailed) as refused:
        create(desk, "9002")
    assert not refused.value.no_effect
    assert dms.made == ["T1", "unseen"]
    assert held(desk, "9002") == 0
    assert (dms.made, dms.logins) == (["T1", "unseen", "unseen", "T2"], 2)


def test_refused_credentials_are_not_tried_again(site: Site) -> None:
    desk = site.desk(password="wrong")
    for _ in range(3):
        with pytest.raises(LogonFailed, match="用户名或密码错误") as refused:
            create(desk, "9001")
        assert refused.value.no_effect
        assert "wrong" not in str(refused.value)
    assert len(site.wire.passed) == 1


def test_a_login_whose_answer_is_lost_leaves_the_write_unsent(site: Site) -> None:
    desk = site.desk()
    with (
        site.wire.suffers("Login", Trouble("reset", forwarded=True)),
        pytest.raises(RetryLater) as lost,
    ):
        create(desk, "9001")
    assert lost.value.no_effect
    assert held(desk, "9001") == 0


def test_a_lost_answer_after_a_renewed_login_stays_a_doubt(site: Site) -> None:
    desk = site.desk()
    create(desk, "9001")
    site.passes(HOUR)
    assert held(desk, "9001") == 1  # which renews the session
    with (
        site.wire.suffers("CreateSalesOrder", Trouble("reset", forwarded=True)),
        pytest.raises(InDoubt) as lost,
    ):
        create(desk, "9002")
    assert not lost.value.no_effect
    assert held(desk, "9002") == 1


@pytest.mark.parametrize(
    ("session", "found"),
    [
        ({"http_header": "X-Session"}, lambda headers: headers["X-Session"]),
        ({"cookie": "SID"}, lambda headers: headers["Cookie"].removeprefix("SID=")),
    ],
)
def test_the_token_goes_where_the_mapping_says(site: Site, session: Any, found: Any) -> None:
    site.change("dms_session", session=session)
    desk = site.desk()
    with pytest.raises(Rejected):  # this DMS looks for it in the envelope
        held(desk, "9001")
    assert len(found(site.wire.passed[-1][0])) == 32


def test_what_is_kept_of_envelopes_shows_no_token_and_no_password(
    site: Site, tmp_path: Path
) -> None:
    kept = tmp_path / "envelopes"
    desk = site.desk(archive=ArchiveSettings(kept), soap_headers={"{urn:k}Auth/Key": "k-123"})
    create(desk, "9001")
    texts = [each.read_text() for each in kept.rglob("*.xml")]
    tokens = [each for each, _ in site.sandbox.books.items("dms.session")]
    assert len(texts) == 2  # not the login
    for secret in (*tokens, DMS_PASSWORD, "k-123"):
        assert not any(secret in text for text in texts)


def test_keys_and_signatures_go_with_every_envelope(site: Site) -> None:
    signature = Signature("hmac_sha256", "X-Sign", "secret")
    desk = site.desk(soap_headers={"{urn:k}Auth/Key": "k-123"}, signature=signature)
    create(desk, "9001")
    envelope = etree.fromstring(site.wire.passed[-1][1])
    assert envelope.findtext(".//{urn:k}Auth/{urn:k}Key") == "k-123"
    assert len(site.wire.passed[-1][0]["X-Sign"]) == 64


def test_check_live_logs_on_and_lets_processes_try_again(site: Site, tmp_path: Path) -> None:
    addresses = site.sandbox.addresses()
    settings = settings_for(addresses, f"sqlite:///{tmp_path / 'c.db'}", tmp_path)
    settings.mappings = site.folder
    settings.dms.authentication = "none"
    database = Database(settings.database_url)
    database.upgrade()
    database.close()

    def said() -> list[str]:
        return [str(each) for each in check_dms(settings) if "login" in str(each).lower()]

    settings.dms.password = SecretStr("wrong")
    assert any("refuses our credentials: 用户名或密码错误" in each for each in said())
    settings.dms.password = SecretStr(DMS_PASSWORD)
    assert any("gives a token" in each for each in said())
