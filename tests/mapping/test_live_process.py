"""A new field and a new attribute in a running service: one file edit, and no order is lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.sandbox import service
from connector.sandbox.dms_documents import whole_orders
from connector.sandbox.service import Sandbox
from connector.sandbox.storefront import ORDER
from connector.store.database import Database
from connector.store.orders import Orders
from tests.day.expected import doubles
from tests.support.ports import Reserved
from tests.support.waiting import PATIENCE, until

ROOT = Path(__file__).parents[2]
REMARK = "  - {field: header.remark, source: order.note, max_length: 200, too_long: cut}\n"
SITE = (
    "  - field: header.remark # 工地编号 the buyer's site\n"
    "    source: \"storefront.meta_data[?key=='_site_code'] | [0].value\"\n"
    "    max_length: 200\n"
)


class Running:
    """The service in a process of its own, beside a folder of mappings that IT edits."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.url = f"sqlite:///{folder / 'site.db'}"
        self.mappings = folder / "mappings"
        self._log = folder / "log"
        self.place = Reserved()
        kept = {key: value for key, value in os.environ.items() if "CONNECTOR_" not in key}
        environment = kept | {
            "CONNECTOR_DATABASE_URL": self.url,
            "CONNECTOR_MAPPINGS": str(self.mappings),
            "CONNECTOR_OUTPUT": str(folder / "out"),
            "CONNECTOR_HEALTH_PORT": str(self.place.port),
            "CONNECTOR_SCHEDULE__INTAKE": "PT5S",
            "CONNECTOR_SCHEDULE__ADVANCE": "PT5S",
            "CONNECTOR_SAP__URL": sandbox.sap_url,
            "CONNECTOR_SAP__PASSWORD": service.SAP_PASSWORD,
            "CONNECTOR_DMS__WSDL": sandbox.dms_wsdl_url,
            "CONNECTOR_DMS__PASSWORD": service.DMS_PASSWORD,
            "CONNECTOR_STOREFRONT__URL": sandbox.storefront_url,
            "CONNECTOR_STOREFRONT__CONSUMER_SECRET": service.STOREFRONT_SECRET,
        }
        with self._log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "connector", "run"],
                cwd=ROOT, env=environment, stderr=stderr,
            )  # fmt: skip

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return what the service logged of an event."""
        return [each for each in self._told() if event in each.get("event", "")]

    def _told(self) -> Iterator[dict[str, Any]]:
        """Give what was logged so far; threads may write two events into one line."""
        text, decoder = self._log.read_text(encoding="utf-8"), json.JSONDecoder()
        place = text.find("{")
        while place >= 0:
            try:
                event, ended = decoder.raw_decode(text, place)
            except ValueError:
                event, ended = {}, place + 1  # an event of which the end is not written yet
            if isinstance(event, dict):
                yield event
            place = text.find("{", ended)

    def edit(self, old: str, new: str) -> None:
        """Save a changed file as an editor does."""
        path = self.mappings / "dms_sales_order.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        aside = path.with_suffix(".part")
        aside.write_text(text.replace(old, new), encoding="utf-8")
        aside.replace(path)

    def remark(self, number: int) -> str | None:
        """Return the remark of an order in the DMS; None while it is not there."""
        for order in whole_orders(self.sandbox.books):
            if order["externalNumber"] == str(number):
                return str(order["content"].get("remark", ""))
        return None


def placed(sandbox: Sandbox, number: int, **fields: Any) -> None:
    """Let a buyer place an order like 36 in the shop."""
    order = dict(sandbox.books.get(ORDER, "36") or {})
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    times = {
        f"{name}{suffix}": now
        for name in ("date_created", "date_modified", "date_paid")
        for suffix in ("", "_gmt")
    }
    sandbox.books.put(
        ORDER, str(number), {**order, **times, "id": number, "number": str(number), **fields}
    )


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    shutil.copytree(ROOT / "mappings", tmp_path / "mappings")
    orders = json.loads((ROOT / "connector/sandbox/orders.json").read_text(encoding="utf-8"))
    at = f"{datetime.now(UTC) - timedelta(seconds=30):%Y-%m-%dT%H:%M:%S}"
    for order in orders:
        for name in ("date_created", "date_modified", "date_paid"):
            for each in (name, f"{name}_gmt"):
                order[each] = at if order.get(name) else None
    (tmp_path / "orders.json").write_text(json.dumps(orders), encoding="utf-8")
    with Sandbox(orders=tmp_path / "orders.json") as sandbox:
        made = Running(sandbox, tmp_path)
        made.edit(REMARK, "")  # this site's DMS was never told a remark
        yield made
        made.process.kill()
        made.process.wait()
        made.place.close()


def test_a_new_field_from_a_new_attribute_takes_one_edit_in_a_running_service(
    running: Running,
) -> None:
    until(lambda: running.said("service started"))
    # Orders are on their way while the file is saved.
    until(lambda: whole_orders(running.sandbox.books))
    running.edit("header.freight", "header.fright")
    until(lambda: running.said("mappings refused"))
    taken = len(running.said("taken up"))
    running.edit("  - {field: header.fright", f"{SITE}  - {{field: header.freight")
    until(lambda: running.said("taken up")[taken:])
    meta = running.sandbox.books.get(ORDER, "36") or {}
    placed(
        running.sandbox, 900,
        meta_data=[*meta["meta_data"], {"id": 9, "key": "_site_code", "value": "工地-7"}],
    )  # fmt: skip
    assert until(lambda: running.remark(900)) == "工地-7"
    assert until(lambda: running.remark(36) is not None)
    assert running.remark(36) == ""
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(PATIENCE) == 0
    assert doubles(running.sandbox) == []
    database = Database(running.url)
    rows = {row.number: row for row in Orders(database).listed(limit=1000)}
    database.close()
    assert len(rows) == 27
    assert {row.hold_cause for row in rows.values()} <= {
        None, "invalid", "unpaid", "customer_review", "refunded", "stock",
    }  # fmt: skip
