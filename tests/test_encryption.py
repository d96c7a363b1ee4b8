"""Neither credentials nor buyers' data go to another machine unencrypted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connector.checks import run_checks
from connector.domain.alerts import Role
from connector.encryption import check_encrypted
from connector.errors import Misconfigured
from connector.gateways import dms_of, sap_of, storefront_of, targets_of
from connector.notify.channels import AppriseNotifier
from connector.settings import Settings, load_settings

pytestmark = pytest.mark.unit

FAR = "http://systems.example/path"
HERE = ("http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]:8/x", "HTTP://127.0.0.1")


@pytest.mark.parametrize("url", [*HERE, "https://systems.example", "HTTPS://systems.example/x"])
def test_https_and_this_machine_are_fine(url: str) -> None:
    check_encrypted(url, place="here")


@pytest.mark.parametrize(
    "url",
    [FAR, "HTTP://systems.example", "systems.example", "http://127.0.0.1.example/", "http://10.1.1.1",
     "http://127.0.0.1@systems.example/", "ftp://systems.example", ""],
)  # fmt: skip
def test_anything_else_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(Misconfigured, match="https") as refused:
        check_encrypted(url, place="here")
    assert refused.value.no_effect


def _site(**sections: dict[str, Any]) -> Settings:
    settings = load_settings()
    update = {
        name: getattr(settings, name).model_copy(update=values) for name, values in sections.items()
    }
    return settings.model_copy(update=update)


@pytest.mark.parametrize(
    ("make", "section", "values", "place"),
    [
        (storefront_of, "storefront", {"url": FAR}, "storefront.url"),
        (sap_of, "sap", {"url": FAR}, "sap.url"),
        (dms_of, "dms", {"wsdl": f"{FAR}?wsdl"}, "dms.wsdl"),
        (dms_of, "dms", {"endpoint": FAR}, "dms.endpoint"),
        (dms_of, "dms", {"endpoint": {"Orders": FAR}}, "dms.endpoint.Orders"),
    ],
)
def test_every_system_is_reached_by_the_same_rule(
    make: Any, section: str, values: dict[str, Any], place: str
) -> None:
    make(_site(**{section: {}}))
    with pytest.raises(Misconfigured, match="https") as refused:
        make(_site(**{section: values}))
    assert refused.value.place == place


def test_an_address_that_only_the_wsdl_names_gets_no_envelope(tmp_path: Path) -> None:
    text = Path("mappings/interfaces/dms.wsdl").read_text(encoding="utf-8")
    location = text.split('location="')[-1].split('"')[0]
    file = tmp_path / "dms.wsdl"
    file.write_text(text.replace(location, FAR), encoding="utf-8")
    dms = dms_of(_site(dms={"wsdl": str(file), "wsdl_cache": tmp_path}))
    for ask in (
        lambda: dms.call("FindSalesOrder", {"externalNumber": "1"}, write=False),
        lambda: dms.knock(FAR),
    ):
        with pytest.raises(Misconfigured, match="https"):
            ask()


def test_check_names_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTOR_SAP__URL", FAR)
    monkeypatch.setenv("CONNECTOR_DMS__ENDPOINT", FAR)
    wrong = {each.what: each.text for each in run_checks(live=False) if each.state == "wrong"}
    assert "sap.url" in wrong["sap"]
    assert "dms.endpoint" in wrong["dms"]
    assert "storefront" not in wrong


def _delivering(**values: Any) -> Settings:
    base = load_settings().model_dump()
    return Settings(**{**base, "delivery": {"there": {"kinds": ["extract"], **values}}})


def test_files_are_delivered_by_the_same_rule() -> None:
    bucket = {"type": "s3", "bucket": "b", "access_key": "k", "secret_key": "s"}
    mail = {"type": "mail", "sender": "a@b.cd", "recipients": ["c@d.ef"], "security": "none"}
    targets_of(_delivering(**bucket, endpoint="http://127.0.0.1:9000"))
    targets_of(_delivering(**mail, host="relay.example"))
    targets_of(_delivering(**mail, host="127.0.0.1", user="u", password="p"))
    with pytest.raises(Misconfigured, match=r"delivery\.there\.endpoint"):
        targets_of(_delivering(**bucket, endpoint=FAR))
    with pytest.raises(Misconfigured, match=r"delivery\.there\.security"):
        targets_of(_delivering(**mail, host="relay.example", user="u", password="p"))


@pytest.mark.parametrize(
    "url",
    ["json://user:s3cret@host.example/x", "mailto://user:word@host.example", "gotify://h.ex/tok"],
)
def test_no_message_takes_a_password_along_in_clear(url: str) -> None:
    with pytest.raises(Misconfigured, match="unencrypted") as refused:
        AppriseNotifier({Role.OPS: [url]})
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["jsons://user:s3cret@host.example", "mailtos://user:word@host.example", "wecombot://KEY",
     "json://user:s3cret@127.0.0.1/x", "mailto://relay.example?to=a@b.cd&from=c@d.ef"],
)  # fmt: skip
def test_channels_that_tell_no_secret_are_fine(url: str) -> None:
    AppriseNotifier({Role.OPS: [url]})
