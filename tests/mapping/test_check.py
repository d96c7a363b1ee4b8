"""The check holds a folder against the interfaces: what would fail or corrupt has file and line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest
import yaml

from connector.mapping import reference
from connector.mapping.check import check
from connector.mapping.finding import Finding, near, printed
from connector.mapping.interfaces import read_interfaces
from connector.mapping.load import Folder

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "mappings"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the shipped mappings, with the codes of the DMS that they are for."""
    copy = Path(shutil.copytree(SHIPPED, tmp_path / "mappings"))
    shutil.copy(ROOT / "connector/sandbox/dms_faults.csv", copy / "interfaces")
    return copy


def changed(folder: Path, file: str, old: str, new: str) -> tuple[list[Finding], int]:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    line = text[: text.index(old)].count("\n") + 1
    return check(Folder.read(folder)), line


def test_the_shipped_folder_is_good(folder: Path) -> None:
    for each in (SHIPPED, folder):
        assert [said for said in check(Folder.read(each)) if said.level == "error"] == []


def test_a_site_begins_with_no_codes_of_another_dms() -> None:
    assert read_interfaces(Folder.read(SHIPPED).interfaces())[0].faults == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "rule"),
    [
        ("dms_sales_order.yaml", "operation: CreateSalesOrder", "operation: CreateSalesOrdr",
         "operation"),
        ("dms_sales_order.yaml", "header.shipTo.phone", "header.shipTo.fone", "field"),
        ("dms_sales_order.yaml", "source: customer_number", "source: customer_numbr", "source"),
        ("dms_sales_order.yaml", "source: order.currency", "source: order.buyer", "type"),
        ("dms_sales_order.yaml", "required: true, max_length: 40}", "max_length: 40}", "required"),
        ("dms_sales_order.yaml", "max_length: 32", "max_length: 320", "length"),
        ("dms_sales_order.yaml", "places: 2", "places: 3", "decimals"),
        ("dms_sales_order.yaml", "places: 2", "places: 0", "rounding"),
        ("dms_sales_order.yaml", "each: lines", "each: order.total", "type"),
        ("dms_sales_order.yaml", "DUPLICATE_EXTERNAL_NUMBER", "DUPLICATE_EXTERNL_NUMBER", "fault"),
        ("dms_sales_order.yaml", "is: ok", "is: rejected", "outcome"),
        ("dms_sales_order.yaml", "number: orderNumber", "number: orderNr", "source"),
        ("dms_invoice_application.yaml", "kind == 'company'", "kind == 'compnay'", "condition"),
        ("dms_invoice_application.yaml", "order.buyer.kind ==", "order.total ==", "condition"),
        ("dms_status.yaml", "{field: tracking_number", "{field: tracking", "missing"),
        ("dms_status.yaml", "{date: {format: time}}", "{date: {format: date}}", "type"),
        ("dms_status.yaml", "next_page_token: nextPageToken", "next: nextPageToken", "missing"),
        ("dms_find.yaml", "field: external_number,", "field: external_numbr,", "missing"),
        ("sap_stock.yaml", "max_length: 18", "max_length: 180", "length"),
        ("sap_customer_create_company.yaml", "PI_COMPANYDATA.CITY", "PI_COMPANYDATA.TOWN", "field"),
        ("sap_customer_create_company.yaml", "constant: CNY", "constant: RENMINBI", "length"),
        ("sap_customer_create_company.yaml", "answers[0].CUSTOMERNO\", required",
         "answers[0].CUSTOMERNR\", required", "source"),
        ("sap_customer_find.yaml", "TELF1: phone", "TELF9: phone", "field"),
        ("sap_customer_find.yaml", "LOEVM: deleted", "LOEVM: removed", "missing"),
        ("storefront_order.yaml", "_buyer_kind", "_buyer_knd", "condition"),
        ("storefront_order.yaml", "source: billing.email", "source: billing.mail", "source"),
        ("storefront_order.yaml", "join('', [billing.last_name", "joined('', [billing.last_name",
         "function"),
        ("storefront_shipment.yaml", "constant: completed", "constant: complete", "enumeration"),
        ("storefront_invoice.yaml", "source: net, convert: [{to: text}]", "source: net", "type"),
        ("extract_orders.yaml", "en: Total, kind: amount, total: true", "en: Total", "kind"),
        ("extract_orders.yaml", "source: buyer_kind, column: {zh: 买方类型",
         "source: buyer_kind, column: {kind: amount, zh: 买方类型", "kind"),
        ("extract_refunds.yaml", "en: Refunded at, kind: time", "en: Refunded at, kind: date",
         "kind"),
        ("extract_lines.yaml", "en: Quantity, kind: quantity, total: true",
         "en: Quantity, kind: integer", "kind"),
        ("extract_invoices.yaml", "en: Date, kind: date", "en: Date, kind: time", "kind"),
        ("extract_invoices.yaml", "en: Gross, kind: amount, total: true", "en: Gross, kind: date",
         "kind"),
        ("storefront_shipment_note.yaml", "{field: customer_note", "{field: customernote", "field"),
    ],
)  # fmt: skip
def test_what_would_fail_or_corrupt_is_found_in_its_line(
    folder: Path, file: str, old: str, new: str, rule: str
) -> None:
    found, line = changed(folder, file, old, new)
    lines = {(Path(each.file).name, each.line) for each in found if each.rule == rule}
    around = range(line - 5, line + 6)
    assert any(name == file and at in around for name, at in lines), found


def test_a_column_of_a_wrong_kind_says_which_would_do(folder: Path) -> None:
    old = "en: Total, kind: amount, total: true"
    found, line = changed(folder, "extract_orders.yaml", old, "en: Total")
    (wrong,) = [each for each in found if each.rule == "kind"]
    assert (wrong.line, wrong.level) == (line, "error")
    assert wrong.message == "the source gives a number, the column is text"
    assert "kind: amount" in wrong.suggestion
    assert "convert: [{to: text}]" in wrong.suggestion
    found, _ = changed(folder, "extract_orders.yaml", "source: total, column",
                       "source: total, convert: [{to: text}], column")  # fmt: skip
    assert "kind" not in {each.rule for each in found}


@pytest.mark.parametrize(
    ("table", "old", "new", "rule"),
    [
        ("dms_invoice_kind", "special,SPECIAL", "special,SPECAL", "enumeration"),
        ("dms_invoice_kind", "special,SPECIAL\n", "", "lookup-miss"),
        ("dms_status", "OPEN,open", "OPEN,opened", "enumeration"),
        ("sap_units", "PCE,ST", "PCE,STUECK", "length"),
        ("woocommerce_status", "processing,paid", "processing,payed", "enumeration"),
    ],
)
def test_a_lookup_target_that_the_interface_refuses_is_found(
    folder: Path, table: str, old: str, new: str, rule: str
) -> None:
    found, _ = changed(folder, f"lookups/{table}.csv", old, new)
    assert rule in {each.rule for each in found}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("dms_sales_order.yaml", "request:", "# more words\nrequest:"),
        ("dms_sales_order.yaml", "max_length: 200, too", "max_length: 100, too"),
        ("dms_sales_order.yaml", "  - {field: header.remark, source: order.note, max_length: 200, "
         "too_long: cut}\n", ""),
        ("dms_sales_order.yaml", "source: order.note", "source: [order.note, order.buyer.name]"),
        ("dms_sales_order.yaml", "source: order.note",
         "source: \"storefront.meta_data[?key=='_site'] | [0].value\""),
        ("storefront_order.yaml", "source: customer_note",
         "source: \"meta_data[?key=='_zzz_project'] | [0].value\""),
        ("dms_find.yaml", "{field: total, source: content.total}", "{field: x, source: status}"),
    ],
)  # fmt: skip
def test_what_does_no_harm_passes(folder: Path, file: str, old: str, new: str) -> None:
    found, _ = changed(folder, file, old, new)
    assert [each for each in found if each.level == "error"] == []


def test_an_attribute_never_seen_before_is_odd_and_not_wrong(folder: Path) -> None:
    found, line = changed(
        folder, "storefront_order.yaml", "source: customer_note",
        "source: \"meta_data[?key=='_zzz_project'] | [0].value\"",
    )  # fmt: skip
    odd = [(each.level, each.rule, each.line) for each in found if each.level != "info"]
    assert odd == [("warning", "condition", line)]


def test_a_business_units_own_file_is_checked_with_its_own_lines(folder: Path) -> None:
    own = folder / "business_units/GQ/dms_sales_order.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("request:\n  - {field: header.remark, max_length: 300}\n")
    assert {
        (Path(each.file).parts[-2], each.line, each.rule) for each in check(Folder.read(folder))
    } >= {("GQ", 2, "length")}


def test_an_unreadable_snapshot_is_said_and_not_taken_for_agreement(folder: Path) -> None:
    (folder / "interfaces/dms.wsdl").write_text("<html>")
    found = check(Folder.read(folder))
    assert ("dms.wsdl", "interface", "error") in {
        (Path(each.file).name, each.rule, each.level) for each in found
    }


def test_a_missing_mapping_and_an_unused_table_are_said(folder: Path) -> None:
    (folder / "sap_stock.yaml").rename(folder / "sap_stok.yaml")
    found = {(Path(each.file).name, each.rule, each.level) for each in check(Folder.read(folder))}
    assert ("sap_stock.yaml", "no-mapping", "error") in found
    (folder / "lookups/spare.csv").write_text("key,value\na,b\n")
    found = {(Path(each.file).name, each.rule, each.level) for each in check(Folder.read(folder))}
    assert ("spare.csv", "unused", "info") in found


def test_findings_are_printed_for_people_programs_and_pull_requests() -> None:
    finding = Finding("m/a.yaml", 3, 7, "field", "no 100% b:c", "did you mean d?")
    assert printed([finding], "text") == (
        "error   m/a.yaml:3:7: no 100% b:c [field] — did you mean d?"
    )
    assert json.loads(printed([finding], "json"))[0]["suggestion"] == "did you mean d?"
    assert printed([finding], "github") == (
        "::error file=m/a.yaml,line=3,col=7,title=field::no 100%25 b:c — did you mean d?"
    )
    assert near("shipto", ["shipTo", "other"]) == "did you mean shipTo?"


def test_the_schema_and_the_reference_page_are_those_of_the_models() -> None:
    assert (SHIPPED / "schema.json").read_text(encoding="utf-8") == reference.schema_text()
    overlay = (SHIPPED / "schema_overlay.json").read_text(encoding="utf-8")
    assert overlay == reference.schema_text(overlay=True)
    page = ROOT / "docs/mappings-reference.md"
    assert page.read_text(encoding="utf-8") == reference.reference()


def test_editors_accept_the_shipped_files_and_mark_what_no_model_knows() -> None:
    validator = jsonschema.Draft202012Validator(reference.schema())
    for path in SHIPPED.glob("*.yaml"):
        validator.validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    wrong = {"target": {"system": "dms", "operation": "X"}, "request": [{"fild": "a"}]}
    assert not validator.is_valid(wrong)


def test_editors_accept_what_is_laid_over_and_mark_what_no_model_knows() -> None:
    validator = jsonschema.Draft202012Validator(reference.overlay_schema())
    for path in SHIPPED.glob("*.yaml"):  # a whole file says more than it must
        validator.validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    for good in (
        "- {field: city, source: city, max_length: 40}",
        "request: [{field: header.remark, max_length: 60}, {field: x, constant: 0}]",
        "request: [{field: header.shipTo.postcode, remove: true}, {include: address, prefix: to}]",
        "request: [{field: lines, fields: [{field: note, remove: true}, {field: u, constant: A}]}]",
        "{target: {operation: Other}, faults: {LOCKED: null, BUSY: passing}, answer: null}",
        "calls: [{function: BAPI_X, request: [{field: A, max_length: 3}]}]",
        "read_table: {find_by: [{column: NAME1, prefix: true}], columns: {NAME2: null}}",
    ):
        validator.validate(yaml.safe_load(good))
    for bad in (
        "- {fild: city, source: city}",
        "- {field: city, remove: true}",
        "request: [{max_length: 60}]",
        "request: [{field: a, max_lenght: 60}]",
        "request: [{field: a, remove: false}]",
        "request: [{field: lines, fields: [{fild: note}]}]",
        "faults: {LOCKED: perhaps}",
        "calls: [{request: []}]",
        "requests: []",
    ):
        assert not validator.is_valid(yaml.safe_load(bad)), bad
