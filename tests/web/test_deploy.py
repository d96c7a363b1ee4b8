"""What lies in deploy/ loads, and speaks of metrics that exist."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from connector.telemetry import vocabulary
from tests.web.conftest import Opened

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy/grafana-dashboard.json"
RULES = ROOT / "deploy/alert-rules.yaml"
SERIES = {series: metric for metric in vocabulary.ALL for series in metric.series}


def expressions() -> Iterator[tuple[str, str]]:
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        for target in panel["targets"]:
            yield f"panel {panel['title']}", target["expr"]
    for rule in rules():
        yield f"alert {rule['alert']}", rule["expr"]


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def unknown_names(expression: str) -> set[str]:
    return set(re.findall(r"\bconnector_\w+", expression)) - SERIES.keys()


def unknown_labels(expression: str) -> set[str]:
    """Return labels that are asked of a series and that its metric has not."""
    wrong = set()
    for name, selector in re.findall(r"\b(connector_\w+)\{([^}]*)\}", expression):
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
        wrong |= labels - set(SERIES[name].labels) - {"le"}
    known = {label for name in names_of(expression) for label in SERIES[name].labels}
    for grouping in re.findall(r"\bby \(([^)]*)\)", expression):
        wrong |= set(re.split(r",\s*", grouping)) - known - {"le"}
    return wrong


def names_of(expression: str) -> set[str]:
    return set(re.findall(r"\bconnector_\w+", expression))


def test_every_expression_uses_the_vocabulary() -> None:
    found = list(expressions())
    assert len(found) > 30
    for where, expression in found:
        assert names_of(expression), where
        assert not unknown_names(expression), where
        assert not unknown_labels(expression), where
    # The check itself can tell.
    assert unknown_names("connector_no_such_thing > 1")
    assert unknown_labels('connector_orders{colour="red"}')
    assert unknown_labels("sum by (colour) (connector_orders)")


def test_no_label_is_one_that_prometheus_gives_itself() -> None:
    for metric in vocabulary.ALL:
        # It would come back as exported_job, and every rule about it would be silent.
        assert not {"job", "instance"} & set(metric.labels), metric.name


def test_the_dashboard_shows_every_metric_and_is_well_formed() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    shown = {SERIES[name] for _, each in expressions() for name in names_of(each)}
    assert shown == set(vocabulary.ALL)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
    assert [each["name"] for each in dashboard["templating"]["list"]] == ["datasource"]


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert re.search(r"[一-鿿]", rule["annotations"]["summary"]), rule["alert"]
        assert len(rule["annotations"]["description"]) > 30, rule["alert"]
        for words in re.findall(r"`connector ([a-z]+)", rule["annotations"]["description"]):
            assert words in ("run", "db", "orders", "calls", "job", "check"), rule["alert"]


def test_prometheus_loads_the_rules_and_they_speak_when_they_should(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        missing = "NOT CHECKED BY PROMETHEUS: there is no promtool (Debian package prometheus)"
        if os.environ.get("CI"):
            pytest.fail(f"{missing} (in CI that is a failure)")
        pytest.skip(missing)
    cases = Path(__file__).with_name("alerts.test.yaml").read_text(encoding="utf-8")
    file = tmp_path / "cases.yaml"
    file.write_text(cases.replace("RULES", str(RULES)), encoding="utf-8")
    for words in (["check", "rules", str(RULES)], ["test", "rules", str(file)]):
        done = subprocess.run([promtool, *words], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr


def test_metrics_are_those_of_the_vocabulary_and_documented(site: Opened) -> None:
    site.heart.beat()
    families = list(text_string_to_metric_families(site.get("/metrics").text))
    told = {family.name for family in families}
    names = {metric.name.removesuffix("_total") for metric in vocabulary.ALL}
    assert told == names
    for family in families:
        metric = next(m for m in vocabulary.ALL if m.name.removesuffix("_total") == family.name)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels), sample
    documented = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    for metric in vocabulary.ALL:
        labels = ", ".join(metric.labels) or "–"
        row = f"| `{metric.name}` | {metric.kind} | {labels} | {metric.tells} |"
        assert row in documented, f"docs/metrics.md lacks: {row}"


def test_metrics_say_that_the_database_is_away_and_still_count(site: Opened) -> None:
    site.heart.beat()
    site.connector.database.engine.dispose()
    site.connector.database.close()
    with site.connector.database.transaction() as session:
        session.connection().exec_driver_sql("ALTER TABLE orders RENAME TO elsewhere")
    text = site.get("/metrics").text
    assert "connector_database_up 0.0" in text
    assert "connector_leader 1.0" in text
