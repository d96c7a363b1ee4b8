"""A DMS of each style through a whole day, reached by the folder of its example alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from connector.bootstrap import Connector
from connector.demo import SandboxWorld, demo_day
from connector.logs import configure
from connector.mapping.check import check
from connector.mapping.load import Folder
from connector.sandbox.dms_documents import whole_orders
from connector.sandbox.service import DMS_PASSWORD, DMS_USER, Sandbox
from connector.sandbox.styles import STYLES
from connector.settings import Settings
from tests.support import peers
from tests.support.day_process import settings_for
from tests.support.scene import NOON, scene

EXAMPLES = Path("mappings/examples")
# What each example says of the settings.
REACHED: dict[str, dict[str, Any]] = {
    "document": {"authentication": "basic"},
    "login": {"authentication": "none"},
    "xml": {
        "authentication": "none",
        "soap_headers": {"{urn:dms:exchange}Auth/Key": SecretStr(DMS_PASSWORD)},
    },
    "json": {"authentication": "none"},
    "axis": {"authentication": "basic"},
}


def folder_of(name: str, at: Path) -> Path:
    """Copy the mappings, and what differs in an example over them."""
    folder = Path(shutil.copytree("mappings", at / "mappings"))
    shutil.rmtree(folder / "examples")
    (folder / "interfaces/dms.wsdl").unlink()
    (folder / "interfaces/dms_faults.csv").unlink()
    return Path(shutil.copytree(EXAMPLES / name, folder, dirs_exist_ok=True))


def settings_of(name: str, sandbox: Sandbox, folder: Path) -> Settings:
    database = f"sqlite:///{folder / 'connector.db'}"
    settings = settings_for(sandbox.addresses(), database, folder)
    settings.mappings = folder_of(name, folder)
    settings.dms = settings.dms.model_copy(update=REACHED[name])
    return settings


@contextmanager
def day(name: str, folder: Path) -> Iterator[tuple[Sandbox, Connector]]:
    configure("critical")
    with Sandbox(state=folder / "sandbox.db", dms=name) as sandbox:
        connector = demo_day(SandboxWorld(sandbox), settings_of(name, sandbox, folder))
        try:
            yield sandbox, connector
        finally:
            connector.close()


def failed_jobs(connector: Connector) -> list[str]:
    return [f"{run.job}: {run.error}" for run in connector.runs.history(limit=10_000) if run.error]


@contextmanager
def peer(name: str, folder: Path) -> Iterator[tuple[int, Path]]:
    """Serve a style with a stack that is not the connector's: PHP's or node's."""
    kind = STYLES[name]
    wsdl = folder / "peer.wsdl"
    wsdl.write_bytes(kind.__new__(kind).wsdl())
    serving: dict[str, Callable[[], AbstractContextManager[int]]] = {
        "xml": lambda: peers.php(folder, "xml.php", wsdl),
        "json": lambda: peers.node("json.js", wsdl),
        "login": lambda: peers.php(folder, wsdl=wsdl, PEER_LOGIN="1"),
        "document": lambda: peers.node(wsdl=wsdl, PEER_BASIC=f"{DMS_USER}:{DMS_PASSWORD}"),
    }
    try:
        with serving[name]() as port:
            yield port, wsdl
    except peers.MissingPeer as missing:
        if os.environ.get("CI"):
            pytest.fail(f"{missing} (in CI that is a failure)")
        pytest.skip(f"NOT TESTED: {missing}")


@pytest.mark.long
@pytest.mark.parametrize("name", ["xml", "json", "login", "document"])
def test_a_whole_day_with_a_server_of_another_stack(name: str, tmp_path: Path) -> None:
    with peer(name, tmp_path) as (port, wsdl):
        address = f"http://127.0.0.1:{port}"

        def reached(settings: Settings) -> None:
            settings.mappings = folder_of(name, tmp_path)
            more = {**REACHED[name], "wsdl": str(wsdl), "endpoint": f"{address}/dms/service"}
            settings.dms = settings.dms.model_copy(update=more)

        with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, reached) as made:
            made.until(NOON)
            for act in ("ship", "invoice"):
                requests.get(f"{address}/{act}", timeout=30).raise_for_status()
                made.later(ticks=2)
            made.later(ticks=1)
            rows = made.context.orders.listed(limit=1000)
            closed = [row for row in rows if row.stage == "closed"]
            assert len(closed) >= 10, [(row.number, row.stage, row.hold_reasons) for row in rows]
            theirs = requests.get(f"{address}/books", timeout=30).json()
            ours = {
                each.number: row.number
                for row in rows
                for each in made.context.orders.documents(row.id, "sales_order")
            }
            assert theirs == ours
            assert failed_jobs(made.connector) == []


@pytest.mark.parametrize("name", sorted(REACHED))
def test_the_folder_of_an_example_is_right(name: str, tmp_path: Path) -> None:
    with Sandbox(dms=name) as sandbox:
        folder = folder_of(name, tmp_path)
        (folder / "interfaces/dms.wsdl").write_bytes(sandbox.dms.wsdl())
    found = [str(each) for each in check(Folder.read(folder)) if each.level != "info"]
    assert found == []


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(REACHED))
def test_a_whole_day_by_files_alone(name: str, tmp_path: Path) -> None:
    with day(name, tmp_path) as (sandbox, connector):
        stages: dict[str, int] = {}
        for row in connector.context.orders.listed(limit=1000):
            stages[row.stage] = stages.get(row.stage, 0) + 1
        assert stages["closed"] >= 15, stages
        assert failed_jobs(connector) == []
        theirs = whole_orders(sandbox.books)
        ours = {
            each.number
            for row in connector.context.orders.listed(limit=1000)
            for each in connector.context.orders.documents(row.id)
            if each.kind == "sales_order"
        }
        assert {each["orderNumber"] for each in theirs} == ours
        assert len({each["externalNumber"] for each in theirs}) == len(theirs)
