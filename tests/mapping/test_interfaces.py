"""What changed on the other side under the mappings is said, once, and can be stored."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connector.interfaces import checked, watch
from connector.mapping.finding import Finding
from tests.support.scene import Scene, scene

OTHER = Path(__file__).parents[1] / "dms/other"
SHIPPED = Path(__file__).parents[2] / "mappings"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Scene]:
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "mappings"))
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as made:
        made.connector.settings.mappings = folder
        yield made


def older(site: Scene) -> None:
    """Let the snapshots be those of an older SAP and an older DMS."""
    folder = site.connector.settings.mappings / "interfaces"
    path = folder / "sap/BAPI_MATERIAL_AVAILABILITY.json"
    known = json.loads(path.read_text())
    known["parameters"]["PLANT"]["type"]["length"] = 3
    path.write_text(json.dumps(known))
    wsdl = (folder / "dms.wsdl").read_text(encoding="utf-8")
    (folder / "dms.wsdl").write_text(wsdl.replace('maxLength value="200"', 'maxLength value="300"'))


def test_the_shipped_snapshots_are_those_of_the_sandbox(site: Scene) -> None:
    found = checked(site.connector.settings, live=True)
    assert [str(each) for each in found if each.level != "info"] == []


def test_a_changed_interface_is_said_with_what_changed_and_can_be_stored(site: Scene) -> None:
    older(site)
    settings = site.connector.settings
    said = [each.message for each in checked(settings, live=True, store=True)]
    assert any("PLANT: length was 3, is 4" in each for each in said)
    assert any("remark: length was 300, is 200" in each for each in said)
    assert not [each for each in checked(settings, live=True) if each.level != "info"]


def unknown(found: list[Finding]) -> list[str]:
    """Return what is said of names that no interface has."""
    rules = ("field", "operation", "interface")
    return [each.message for each in found if each.rule in rules and each.level == "error"]


def test_a_wsdl_is_stored_with_all_that_it_imports_and_checked_without_it(site: Scene) -> None:
    """What it imported before and does no longer is taken away."""
    settings = site.connector.settings
    shutil.copytree(OTHER / "mappings", settings.mappings, dirs_exist_ok=True)
    folder = settings.mappings / "interfaces"
    (folder / "dms_faults.csv").unlink()
    (folder / "dms").mkdir()
    (folder / "dms/09.xsd").write_text("<x/>")
    settings.dms.wsdl = str(OTHER / "haendler.wsdl")
    checked(settings, live=True, store=True)
    assert sorted(each.name for each in (folder / "dms").iterdir()) == ["01.xsd", "02.xsd"]
    settings.dms.wsdl = "http://127.0.0.1:9/?wsdl"
    assert unknown(checked(settings, live=False)) == []
    mapping = settings.mappings / "dms_delivery_note.yaml"
    text = mapping.read_text(encoding="utf-8")
    mapping.write_text(text.replace("_value_1", "_value"), encoding="utf-8")
    # The field is declared in a document that is imported.
    assert unknown(checked(settings, live=False)) == ["_value: the target has no _value"]


def test_the_service_tells_of_a_changed_interface_once(site: Scene) -> None:
    older(site)
    with capture_logs() as logs:
        watch(site.connector)
        watch(site.connector)
    told = [
        (each["place"], each["change"]) for each in logs if "interface changed" in each["event"]
    ]
    assert len(told) == len(set(told))
    assert ("sap BAPI_MATERIAL_AVAILABILITY", "PLANT: length was 3, is 4") in told
    kinds = {row.kind for row in site.connector.versions.notices()}
    assert kinds == {"interface"}


def test_a_system_that_is_away_hides_no_change_of_the_other(site: Scene) -> None:
    older(site)
    site.fault("sap:outage")
    with capture_logs() as logs:
        watch(site.connector)
    told = [each["change"] for each in logs if "interface changed" in each["event"]]
    assert any("length was 300, is 200" in each for each in told)
    assert not any("PLANT" in each for each in told)


def test_a_shop_that_changed_is_said_and_stored_without_what_it_never_describes(
    site: Scene,
) -> None:
    path = site.connector.settings.mappings / "interfaces/storefront.json"
    known = json.loads(path.read_text(encoding="utf-8"))
    fields = known["routes"]["GET /orders"]["answer"]["properties"]
    fields["billing"]["properties"]["district"] = {"type": "string"}
    del fields["line_items"]["items"]["properties"]["sku"]
    path.write_text(json.dumps(known), encoding="utf-8")
    settings = site.connector.settings
    assert any("sku" in each.message for each in checked(settings, live=False))
    said = [each.message for each in checked(settings, live=True, store=True)]
    assert "storefront GET /orders: billing.district: is gone" in said
    assert "storefront GET /orders: line_items.sku: is new" in said
    assert path.read_bytes() == (SHIPPED / "interfaces/storefront.json").read_bytes()


def test_a_mapping_is_held_against_the_shop_as_it_is_now(site: Scene) -> None:
    folder = site.connector.settings.mappings
    path = folder / "interfaces/storefront.json"
    known = json.loads(path.read_text(encoding="utf-8"))
    billing = known["routes"]["GET /orders"]["answer"]["properties"]["billing"]["properties"]
    billing["district"] = {"type": "string"}
    path.write_text(json.dumps(known), encoding="utf-8")
    order = folder / "storefront_order.yaml"
    text = order.read_text(encoding="utf-8")
    order.write_text(text.replace("source: billing.city,", "source: billing.district,", 1))
    settings = site.connector.settings
    held = [each for each in checked(settings, live=True) if each.file == str(order)]
    assert [each.rule for each in held if "district" in each.message] == ["source"]
    snapshots = [each for each in checked(settings, live=False) if each.file == str(order)]
    assert not [each for each in snapshots if "district" in each.message]


def test_a_shop_that_does_not_describe_itself_is_said_so_and_is_no_error(site: Scene) -> None:
    site.fault("storefront:http:status=405,operation=OPTIONS *")
    found = checked(site.connector.settings, live=True)
    assert [each.message for each in found if each.rule == "not-described"] == [
        "the storefront does not describe itself: its stored snapshot is taken"
    ]
    assert not [each for each in found if each.level != "info"]
