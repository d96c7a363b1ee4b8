"""The command line as people and scripts use it: real processes against the sandbox."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from connector.bootstrap import build
from connector.jobs.cadence import Window
from connector.sandbox import service, world
from connector.sandbox.faults import Fault
from connector.sandbox.service import Sandbox
from tests.day.expected import doubles
from tests.support.day_process import settings_for
from tests.support.ports import Reserved
from tests.support.waiting import PATIENCE, until

ROOT = Path(__file__).parents[2]
COMMANDS = [
    "run", "check", "sandbox", "demo", "job list", "job run", "job history", "job rerun",
    "orders list", "orders show", "orders retry", "orders cancel", "customers review",
    "customers link", "customers create", "mappings list", "mappings check",
    "mappings preview", "mappings compare",
    "mappings schema", "calls list", "calls show", "calls ask",
    "calls resolve", "extracts build", "extracts list", "extracts verify", "db upgrade",
    "db current", "db check", "db restored", "pause", "resume",
]  # fmt: skip
LISTINGS = ["job list", "job history", "orders list", "customers review", "calls list",
            "extracts list", "differences list"]  # fmt: skip


@dataclass
class Site:
    """A site with its sandbox: what a person at the keyboard has."""

    sandbox: Sandbox
    environment: dict[str, str]
    folder: Path

    def __call__(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "connector", *words],
            cwd=ROOT,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json").stdout)

    def fault(self, *specs: str) -> None:
        self.sandbox.faults.set([Fault.parse(spec) for spec in specs])


def placed_now() -> list[dict[str, Any]]:
    """Return the sample orders as if they had been placed a moment ago."""
    sample = ROOT / "connector/sandbox/orders.json"
    orders: list[dict[str, Any]] = json.loads(sample.read_text(encoding="utf-8"))
    now = datetime.now(UTC) - timedelta(seconds=30)
    for order in orders:
        for name in ("date_created", "date_modified", "date_paid", "date_completed"):
            for each in (name, f"{name}_gmt"):
                if order.get(each):
                    order[each] = now.strftime("%Y-%m-%dT%H:%M:%S")
    return orders


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    orders = tmp_path / "orders.json"
    orders.write_text(json.dumps(placed_now()), encoding="utf-8")
    with Sandbox(orders=orders) as sandbox:
        yield Site(sandbox, environment_of(sandbox, tmp_path), tmp_path)


def environment_of(sandbox: Sandbox, folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    return kept | {
        "CONNECTOR_DATABASE_URL": f"sqlite:///{folder / 'site.db'}",
        "CONNECTOR_OUTPUT": str(folder / "out"),
        "CONNECTOR_SAP__URL": sandbox.sap_url,
        "CONNECTOR_SAP__PASSWORD": service.SAP_PASSWORD,
        "CONNECTOR_DMS__WSDL": sandbox.dms_wsdl_url,
        "CONNECTOR_DMS__PASSWORD": service.DMS_PASSWORD,
        "CONNECTOR_STOREFRONT__URL": sandbox.storefront_url,
        "CONNECTOR_STOREFRONT__CONSUMER_SECRET": service.STOREFRONT_SECRET,
    }


def window() -> str:
    now = datetime.now(UTC)
    return f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}/{now:%Y-%m-%dT%H:%M:%SZ}"


def walked(site: Site) -> None:
    """Pull all orders and walk them as far as they go, as the service would."""
    url = site.environment["CONNECTOR_DATABASE_URL"]
    connector = build(settings_for(site.sandbox.addresses(), url, site.folder))
    try:
        for job in ("intake", "advance", "advance"):
            now = datetime.now(UTC)
            outcome = connector.runner.run_window(job, Window(now - timedelta(hours=1), now))
            assert outcome.state == "done", outcome.error
    finally:
        connector.close()


def test_every_command_has_help_with_an_example_and_loads_nothing_heavy() -> None:
    script = (
        "import sys; from typer.testing import CliRunner; from connector.cli import app\n"
        "for words in sys.argv[1:]:\n"
        "    shown = CliRunner().invoke(app, [*words.split(), '--help'])\n"
        "    assert shown.exit_code == 0, words\n"
        "    assert f'Example: connector {words}' in shown.output, (words, shown.output)\n"
        "heavy = {'sqlalchemy', 'zeep', 'lxml', 'requests', 'apscheduler', 'rapidfuzz',\n"
        "         'jinja2', 'prometheus_client', 'opentelemetry'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *COMMANDS], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", ["orders list --stage no", "orders show 4711", "orders retry",
                                   "job run no", "calls show 4711", "job rerun 4711",
                                   "extracts build --date tomorrow", "no"])  # fmt: skip
def test_wrong_use_is_one_line_and_exit_2(site: Site, words: str) -> None:
    done = site(*words.split())
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.strip()


def test_check_names_every_wrong_thing_and_touches_nothing(site: Site) -> None:
    done = site("check", CONNECTOR_SAP__PASSWORD="", CONNECTOR_SPA__PASSWORD="secret-word")
    assert done.returncode == 2
    assert "CONNECTOR_SAP__PASSWORD is missing" in done.stdout
    assert "CONNECTOR_SPA__PASSWORD is no setting — meant CONNECTOR_SAP__PASSWORD?" in done.stdout
    assert "secret-word" not in done.stdout + done.stderr
    assert not (site.folder / "site.db").exists()
    for name, value, says in (
        ("CONNECTOR_CONFIG", "no.yaml", "there is no configuration file"),
        ("CONNECTOR_SECRETS_DIR", "/no/where", "there is no folder /no/where"),
        ("CONNECTOR_WORKERS", "many", "workers"),
        ("CONNECTOR_POLICY__SETTLING", "PT5S", "longer than every call can take"),
        ("CONNECTOR_DATABASE_URL", "oracle:no", "database URL cannot be used"),
    ):
        done = site("check", **{name: value})
        assert (done.returncode, says in done.stdout) == (2, True), done.stdout


def test_check_live_logs_on_everywhere_and_tells_away_from_wrong(site: Site) -> None:
    good = site("check", "--live", "--json")
    # Warnings are printed and let a start go on: the national calendar soon ends, some day.
    assert good.returncode == 0, good.stdout
    results = json.loads(good.stdout)["results"]
    assert {each["state"] for each in results} <= {"good", "warning"}
    assert any("/dms/service answers: ApplyForInvoice" in each["text"] for each in results), results
    wrong = site("check", "--live", CONNECTOR_SAP__PASSWORD="wrong")
    assert wrong.returncode == 2
    site.fault("dms:outage")
    assert site("check", "--live").returncode == 3


def test_a_system_that_is_away_is_told_apart_and_a_row_stays_on_its_line(site: Site) -> None:
    span = window()
    site.fault("storefront:outage")
    away = site("job", "run", "intake", "--window", span)
    assert (away.returncode, "RetryLater" in away.stdout) == (3, True), away.stdout
    lines = site("job", "history", "--failed").stdout.splitlines()
    assert len(lines) == 2  # headings and one run, however long its error
    site.fault()
    run = site.json("job", "history", "--failed")[0]
    again = site("job", "run", "intake")  # what is not done comes before what is due
    assert (again.returncode, "new 25" in again.stdout) == (0, True), again
    assert site("job", "rerun", str(run["run"])).returncode == 0
    assert site.json("job", "history", "--failed") == []


def test_every_listing_is_one_json_document_and_nothing_else(site: Site) -> None:
    assert site.json("orders", "list") == []
    walked(site)
    for words in LISTINGS:
        assert isinstance(site.json(*words.split()), list)
    stands = {
        int(row["number"]): (row["stage"], row["hold"]) for row in site.json("orders", "list")
    }
    assert len(stands) == 26
    assert stands[36] == ("ready", None)
    story = site.json("orders", "show", "36")
    assert next(event["kind"] for event in story["events"]) == "received"
    assert {call["state"] for call in story["calls"]} == {"confirmed"}


def test_nobody_is_named_in_what_the_commands_print(site: Site) -> None:
    walked(site)
    printed = "".join(
        site(*words.split()).stdout
        for words in ("orders show 36", "orders show 41", "customers review", "calls show 1")
    )
    for order in site.sandbox.books.all("storefront.order"):
        billing = order["billing"]
        for secret in (billing["phone"], billing["address_1"]):
            assert not secret or secret not in printed


def test_a_window_is_run_once_and_rerun_on_demand(site: Site) -> None:
    span = window()
    assert "seen 26, new 25" in site("job", "run", "intake", "--window", span).stdout
    assert "done before" in site("job", "run", "intake", "--window", span).stdout
    (run,) = site.json("job", "history")
    assert site("job", "rerun", str(run["run"]), "--dry-run").returncode == 0
    assert "seen 26, echo 26" in site("job", "rerun", str(run["run"])).stdout
    (run,) = site.json("job", "history")
    assert (run["attempts"], run["counts"]["seen"]) == (2, 26)


@pytest.mark.long
def test_no_window_is_run_before_its_end_or_beyond_one_that_was_not_begun(site: Site) -> None:
    """Each counts once: what came later, or lies between, would be left out for good."""
    now = datetime.now(UTC)
    hour, day = timedelta(hours=1), timedelta(days=1)

    def run(job: str, start: datetime, end: datetime) -> subprocess.CompletedProcess[str]:
        return site("job", "run", job, "--window", f"{start:%Y-%m-%dT%H:%MZ}/{end:%Y-%m-%dT%H:%MZ}")

    for job in ("wave", "intake"):
        early = run(job, now - hour, now + hour)
        assert (early.returncode, "not over yet" in early.stdout) == (2, True), early
    assert run("status", now - 9 * day, now - 8 * day).returncode == 0
    beyond = run("status", now - 7 * day, now - 6 * day)
    assert (beyond.returncode, "job run status" in beyond.stderr) == (2, True), beyond
    nowhere = site("job", "run", "status", "--date", f"{now - 2 * day:%Y-%m-%d}")
    assert nowhere.returncode == 2, nowhere
    assert [each["job"] for each in site.json("job", "history")] == ["status"]
    assert site("job", "run", "status").returncode == 0
    assert run("status", now - 7 * day, now - 6 * day).returncode == 0


def test_ops_settle_a_call_in_doubt(site: Site) -> None:
    """The DMS makes the order, its answer is lost, and then it is away: nobody can be asked."""
    site.fault("dms:lost-answer:operation=CreateSalesOrder,times=1", "dms:outage:operation=Find*")
    walked(site)
    (call,) = site.json("calls", "list", "--in-doubt")
    assert site("calls", "ask", str(call["id"])).returncode == 3  # nobody answers
    assert [each["id"] for each in site.json("calls", "list", "--in-doubt")] == [call["id"]]
    site.fault()
    done = site("calls", "ask", str(call["id"]))
    assert "confirmed" in done.stdout, done.stdout
    assert site.json("calls", "list", "--in-doubt") == []
    assert doubles(site.sandbox) == []


def test_ops_retry_what_was_refused_and_cancel_what_is_not_wanted(site: Site) -> None:
    site.fault("dms:business:operation=CreateDeliveryNote")
    walked(site)
    refused = site.json("orders", "list", "--hold", "rejected")
    assert refused
    assert site("orders", "retry", "--hold", "rejected", "--dry-run").returncode == 0
    assert site("orders", "retry", refused[0]["number"]).returncode == 1  # refused again
    site.fault()
    done = site("orders", "retry", "--hold", "rejected")
    assert done.returncode == 0, done.stdout
    assert site.json("orders", "list", "--hold", "rejected") == []
    assert "cancelled" in site("orders", "cancel", "36").stdout
    assert site.json("orders", "show", "36")["stage"] == "cancelled"
    assert doubles(site.sandbox) == []


def test_the_sales_rep_settles_buyers(site: Site) -> None:
    walked(site)
    waiting = {row["number"] for row in site.json("customers", "review")}
    assert waiting == {"31", "37", "43", "49"}
    assert site("customers", "link", "31", "100003", "--dry-run").returncode == 0
    assert site("customers", "link", "31", "999999").returncode == 1
    assert site("customers", "link", "36", "100003").returncode == 2
    assert "31: ready" in site("customers", "link", "31", "100003").stdout
    assert site.json("customers", "review") == []


def test_an_extract_of_a_day_that_is_not_closed_is_refused(site: Site) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=2)
    while tomorrow.weekday() > 4:
        tomorrow += timedelta(days=1)
    done = site("extracts", "build", "--date", f"{tomorrow:%Y-%m-%d}")
    assert done.returncode == 2
    assert "is not closed yet" in done.stderr or "no business day" in done.stderr


@pytest.fixture
def reserved() -> Iterator[Reserved]:
    with Reserved() as at:
        yield at


def test_the_service_ticks_tells_its_health_survives_kill_9_and_ends_on_sigterm(
    site: Site, reserved: Reserved
) -> None:
    port = reserved.port
    environment = {**site.environment, "CONNECTOR_HEALTH_PORT": str(port)}
    config = yaml.safe_load((ROOT / "config/connector.yaml").read_text(encoding="utf-8"))
    config["schedule"] = {"intake": "PT1S", "advance": "PT1S"}
    file = site.folder / "connector.yaml"
    file.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    environment["CONNECTOR_CONFIG"] = str(file)
    command = [sys.executable, "-m", "connector", "run"]

    def started() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)

    def healthy() -> bool:
        try:
            answer = requests.get(f"http://127.0.0.1:{port}/healthz", timeout=30)
        except requests.RequestException:
            return False
        return answer.status_code == 200

    def sales_orders() -> int:
        return len(site.sandbox.books.all("dms.sales_order"))

    first = started()
    until(sales_orders)
    first.kill()
    assert first.wait() == -signal.SIGKILL
    second = started()
    until(healthy)
    assert site("orders", "list", "--json").returncode == 0
    url = f"http://127.0.0.1:{port}"
    until(lambda: requests.get(f"{url}/readyz", timeout=60).status_code == 200)
    told = requests.get(f"{url}/metrics", timeout=60).text
    assert "connector_leader 1.0" in told
    assert "在途订单" in requests.get(url, timeout=60).text
    second.send_signal(signal.SIGTERM)
    assert second.wait(PATIENCE) == 0
    assert doubles(site.sandbox) == []
    assert world.ship(site.sandbox.books, site.sandbox.clock) is not None


def test_the_sales_rep_s_workbook_goes_out_and_comes_back(site: Site) -> None:
    from openpyxl import load_workbook

    walked(site)
    path = site.folder / "review.xlsx"
    assert "1 buyers" in site("customers", "review", "--export", str(path)).stdout
    assert site("customers", "review", "--export", "review.txt").returncode == 2
    book = load_workbook(path)
    book["客户识别"]["A3"] = "关联"
    book.save(path)
    assert site("customers", "review", "--import", str(path)).returncode == 1
    book["客户识别"]["B3"] = "100003"
    book.save(path)
    assert site("customers", "review", "--import", str(path), "--dry-run").returncode == 0
    taken = site.json("customers", "review", "--import", str(path))
    assert [(each["row"], each["order"], each["result"]) for each in taken] == [(3, "31", "done")]
    assert site.json("customers", "review") == []
