"""Preview and compare: what would be sent and what would change, with nothing sent."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.errors import Misconfigured
from connector.mapping.compare import changed_files, compare
from connector.mapping.interfaces import read_interfaces
from connector.mapping.load import Folder, build
from connector.preview import cases, folder_of, sheets, sources
from connector.store.tables import CallRow
from tests.sap.test_foreign import site
from tests.support import s4
from tests.support.scene import Scene, scene

SHIPPED = Path(__file__).parents[2] / "mappings"


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("scene")
    with scene(f"sqlite:///{folder / 'connector.db'}", folder) as lived:
        yield lived


def made(day: Scene, mapping: str, number: int, path: Path = SHIPPED) -> list[tuple[str, str]]:
    folder = Folder.read(path)
    interfaces, _ = read_interfaces(folder.interfaces())
    inputs = cases(day.context, day.order(number), mapping)
    found = list(sheets(day.settings, build(folder), interfaces, mapping, inputs))
    assert [each.wrong for each in found] == [()] * len(found)
    return [(each.title, each.text) for each in found]


def sent(day: Scene) -> int:
    return len(day.context.calls.listed(limit=10_000))


def recorded(day: Scene, number: int, operation: str) -> CallRow:
    calls = day.context.calls.of_order(day.order(number).id)
    return next(each for each in calls if each.operation == operation)


def test_the_envelope_is_the_one_that_was_sent_and_nothing_is_sent_again(day: Scene) -> None:
    before = sent(day)
    ((title, text),) = made(day, "dms_sales_order", 36)
    assert title == "dms CreateSalesOrder"
    header = recorded(day, 36, "dms_sales_order").request["header"]
    assert f"<ns0:externalNumber>{header['externalNumber']}</ns0:externalNumber>" in text
    assert f">{header['total']}<" in text
    assert "Password" not in text
    assert sent(day) == before


def test_nested_data_is_shown_as_it_would_go_and_held_against_the_interface(
    day: Scene, tmp_path: Path
) -> None:
    folder = site(tmp_path, "sap_z_nested")
    settings = day.settings.model_copy(update={"mappings": folder})
    name = "sap_customer_create_company"

    def shown() -> tuple[str, tuple[str, ...]]:
        read = Folder.read(folder)
        interfaces, _ = read_interfaces(read.interfaces())
        inputs = cases(day.context, day.order(36), name)
        (sheet,) = sheets(settings, build(read), interfaces, name, inputs)
        return sheet.text, sheet.wrong

    text, wrong = shown()
    assert wrong == ()
    assert "<ADDRESSES><item><STREET>" in text
    assert "<COMMUNICATION><PHONES><item><TELEPHONE>" in text
    path = folder / "interfaces" / "sap" / "Z_BP_SAVE.json"
    kept = json.loads(path.read_bytes())
    address = kept["parameters"]["IS_PARTNER"]["fields"]["ADDRESSES"]["fields"]
    address["COMMUNICATION"]["fields"]["PHONES"]["fields"]["TELEPHONE"]["length"] = 5
    path.write_text(json.dumps(kept), encoding="utf-8")
    _, (said,) = shown()
    assert "ADDRESSES[1].COMMUNICATION.PHONES[1].TELEPHONE: " in said
    assert "5 allowed" in said


def test_every_value_has_the_line_that_made_it(day: Scene) -> None:
    folder = Folder.read(SHIPPED)
    interfaces, _ = read_interfaces(folder.interfaces())
    inputs = cases(day.context, day.order(36), "dms_sales_order")
    (sheet,) = sheets(day.settings, build(folder), interfaces, "dms_sales_order", inputs)
    text = folder.files["dms_sales_order.yaml"].decode().splitlines()
    for each in sheet.traces:
        assert each.path.rpartition(".")[2] in text[each.where.line - 1]
    assert len(sheet.traces) >= 20


@pytest.mark.parametrize(
    ("mapping", "title", "holds"),
    [
        ("storefront_order", "storefront GET /orders", '"number": "36"'),
        ("sap_customer_find", "sap RFC_READ_TABLE", "STCD5 = "),
        ("sap_customer_create_company", "sap BAPI_CUSTOMER_CREATEFROMDATA1", "<NAME>"),
        ("sap_stock", "sap BAPI_MATERIAL_AVAILABILITY", "<UNIT>ST</UNIT>"),
        ("dms_delivery_note", "dms CreateDeliveryNote", "Reference>36-GQ-DN1<"),
        ("dms_invoice_application", "dms ApplyForInvoice", "ns0:amount"),
        ("dms_find", "dms FindSalesOrder", "externalNumber>36<"),
        ("dms_cancel", "dms CancelSalesOrder", "ns0:reason"),
        ("dms_status", "dms StatusChangedSince", "ns0:since"),
    ],
)
def test_every_conversation_can_be_looked_at(
    day: Scene, mapping: str, title: str, holds: str
) -> None:
    shown, text = made(day, mapping, 36)[0]
    assert shown == title
    assert holds in text


def test_an_order_without_shipment_has_nothing_to_be_told(day: Scene) -> None:
    with pytest.raises(Misconfigured, match="no shipment yet"):
        cases(day.context, day.order(36), "storefront_shipment")


def test_a_comparison_names_the_orders_and_fields_that_change(day: Scene) -> None:
    old = Folder.read(SHIPPED)
    text = old.files["dms_sales_order.yaml"].decode()
    changed = text.replace("source: order.note", "source: order.buyer.email").replace(
        "{field: header.currency, source: order.currency, required: true}",
        "{field: header.currency, constant: USD}",
    )
    new = Folder({**old.files, "dms_sales_order.yaml": changed.encode()})
    was, now = build(old), build(new)
    names = changed_files(was, now)
    assert names == ["dms_sales_order"]
    effects = list(compare(was, now, sources(day.context, names, 50)))
    currencies = {(each.old, each.new) for each in effects if each.field == "header.currency"}
    assert currencies == {("CNY", "USD")}
    assert {each.field for each in effects} == {"header.currency", "header.remark"}
    assert "36" in {each.order for each in effects}
    assert list(compare(was, was, sources(day.context, was.names(), 5))) == []


def test_versions_come_from_a_folder_the_database_and_git(day: Scene, tmp_path: Path) -> None:
    versions, settings = day.connector.versions, day.settings
    current = day.connector.mappings().version
    assert build(folder_of(current, settings, versions)).version == current
    assert build(folder_of(str(SHIPPED), settings, versions)).version == current
    site = Path(shutil.copytree(SHIPPED, tmp_path / "site/mappings"))
    here = settings.model_copy(update={"mappings": site})
    git = ["git", "-C", str(site.parent), "-c", "user.name=it", "-c", "user.email=it@example.test"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *words], check=True)
    (site / "dms_find.yaml").unlink()
    assert "dms_find" in folder_of("HEAD", here, versions).names()
    assert "dms_find" not in Folder.read(site).names()
    for word in ("no-such-thing", "--upload-pack=x"):
        with pytest.raises(Misconfigured):
            folder_of(word, here, versions)


def test_what_is_shown_as_json_is_json(day: Scene) -> None:
    ((_, text),) = made(day, "storefront_order", 36)
    assert json.loads(text)["number"] == "36"


def test_what_goes_to_the_services_of_s4_is_shown_call_by_call(day: Scene, tmp_path: Path) -> None:
    folder = s4.folder(tmp_path)
    asked = made(day, "sap_customer_find", 36, folder)
    assert asked[0][0] == "sap GET API_BUSINESS_PARTNER/A_BusinessPartnerTaxNumber"
    assert '"BPTaxNumber": {' in asked[0][1]
    (create, number) = made(day, "sap_customer_create_person", 44, folder)
    assert '"to_BusinessPartnerRole"' in create[1]
    assert number[0] == "sap GET API_BUSINESS_PARTNER/A_BusinessPartner"
    changed = [title for title, _ in made(day, "sap_customer_change", 36, folder)]
    assert "sap PATCH API_BUSINESS_PARTNER/A_BusinessPartnerAddress" in changed
    (stock, *_) = made(day, "sap_stock", 36, folder)
    assert "DetermineAvailabilityAt" in stock[0]
