"""Shops and business units do things otherwise in small files; every line knows its origin."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.mapping import load
from connector.mapping.load import Folder, MappingsInvalid

pytestmark = pytest.mark.unit

BASE = """\
target: {system: dms, operation: CreateOrder}
request:
  - {field: number, source: number, required: true, max_length: 10}
  - {field: kind, constant: A}
  - {include: address, prefix: to}
  - field: lines
    each: lines
    fields:
      - {field: sku, source: sku, max_length: 5}
      - {field: note, source: note}
faults: {LOCKED: passing}
"""
PART = """\
- {field: city, source: city}
- {field: street, source: street}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for below in ("parts", "shops/second", "business_units/GQ"):
        (tmp_path / below).mkdir(parents=True)
    (tmp_path / "order.yaml").write_text(BASE)
    (tmp_path / "parts/address.yaml").write_text(PART)
    return tmp_path


SOURCE = {
    "number": "1", "city": "C", "street": "S", "lines": [{"sku": "A", "note": "n"}],
    "business_unit": {"code": "GQ"},
}  # fmt: skip
COMMON = {
    "number": "1", "kind": "A", "to": {"city": "C", "street": "S"},
    "lines": [{"sku": "A", "note": "n"}],
}  # fmt: skip


@pytest.mark.parametrize("written", ["2026-11-24", "'0000100003'", '"no"', "1e3", "7"])
def test_a_plain_value_is_what_it_looks_like(folder: Path, written: str) -> None:
    (folder / "order.yaml").write_text(BASE.replace("constant: A", f"constant: {written}"))
    assert str(load(folder)["order"].apply(SOURCE).body["kind"]) == written.strip("'\"")


def test_fields_of_one_name_are_told_apart_by_their_conditions(folder: Path) -> None:
    first, other = (f"when: \"number == '{each}'\"" for each in "12")
    kind = "  - {{field: kind, constant: {}, {}}}\n"
    told_apart = kind.format("A", other) + kind.format("B", first)
    text = BASE.replace("  - {field: kind, constant: A}\n", told_apart)
    assert text != BASE
    (folder / "order.yaml").write_text(text)
    assert load(folder)["order"].apply(SOURCE).body["kind"] == "B"
    # A default beside an exception, or the same condition twice: one of them would be lost.
    for same in (told_apart.replace(f", {other}", ""), told_apart.replace(other, first)):
        (folder / "order.yaml").write_text(BASE.replace("  - {field: kind, constant: A}\n", same))
        with pytest.raises(MappingsInvalid, match="field-twice"):
            load(folder)


def test_a_file_in_gbk_says_what_to_do(folder: Path) -> None:
    (folder / "order.yaml").write_bytes(
        BASE.replace("constant: A", "constant: 事业部").encode("gbk")
    )
    (folder / "lookups").mkdir()
    (folder / "lookups/words.csv").write_bytes("key,value\na,事业部\n".encode("gbk"))
    with pytest.raises(MappingsInvalid) as caught:
        load(folder)
    found = [(each.file.rpartition("/")[2], each.line, each.rule) for each in caught.value.findings]
    assert found == [("words.csv", 2, "encoding"), ("order.yaml", 4, "encoding")]
    assert "save it as UTF-8" in str(caught.value)


def test_a_part_stands_where_it_is_included_below_its_prefix(folder: Path) -> None:
    assert load(folder)["order"].apply(SOURCE).body == COMMON


def test_a_business_unit_changes_replaces_removes_and_adds_fields(folder: Path) -> None:
    (folder / "business_units/GQ/order.yaml").write_text(
        "request:\n"
        "  - {field: kind, constant: B}\n"
        "  - {field: number, max_length: 3}\n"
        "  - {field: to.street, remove: true}\n"
        "  - field: lines\n"
        "    fields:\n"
        "      - {field: note, remove: true}\n"
        "      - {field: unit, constant: PCE}\n"
        "  - {field: site, source: city}\n"
    )
    mapping = load(folder)["order"]
    assert mapping.apply(SOURCE).body == {
        "number": "1", "kind": "B", "to": {"city": "C"},
        "lines": [{"sku": "A", "unit": "PCE"}], "site": "C",
    }  # fmt: skip
    assert mapping.apply({**SOURCE, "business_unit": {"code": "XX"}}).body == COMMON


def test_a_shop_changes_all_parts_and_its_units_come_on_top(folder: Path) -> None:
    (folder / "shops/second/order.yaml").write_text(
        "request:\n  - {field: kind, constant: S}\nfaults: {LOCKED: null, BUSY: passing}\n"
    )
    (folder / "business_units/GQ/order.yaml").write_text(
        "request:\n  - {field: kind, constant: B}\n"
    )
    second = load(folder, shop="second")["order"]
    assert second.apply({**SOURCE, "business_unit": {"code": "XX"}}).body["kind"] == "S"
    assert second.apply(SOURCE).body["kind"] == "B"
    assert second.classify("BUSY") == "passing"
    assert second.classify("LOCKED") == "unknown"
    assert load(folder)["order"].classify("LOCKED") == "passing"


def test_each_value_knows_the_line_that_made_it(folder: Path) -> None:
    (folder / "business_units/GQ/order.yaml").write_text(
        "request:\n  - {field: kind, constant: B}\n"
    )
    _, traces = load(folder)["order"].trace(SOURCE)
    assert {each.path: (Path(each.where.file).name, each.where.line) for each in traces} == {
        "number": ("order.yaml", 3),
        "kind": ("order.yaml", 2),
        "to.city": ("address.yaml", 1),
        "to.street": ("address.yaml", 2),
        "lines[1].sku": ("order.yaml", 9),
        "lines[1].note": ("order.yaml", 10),
    }


@pytest.mark.parametrize(
    ("file", "text", "line", "rule"),
    [
        ("business_units/GQ/order.yaml", "faults: {A: ok}\n", 1, "overlay"),
        ("business_units/GQ/order.yaml", "request:\n  - {field: kin, max_length: 3}\n", 2,
         "overlay"),
        ("business_units/GQ/order.yaml", "request:\n  - {field: kind, constnt: 3}\n", 2,
         "extra_forbidden"),
        ("order.yaml", BASE.replace("include: address", "include: adress"), 5, "include"),
        ("order.yaml", BASE.replace("kind, constant", "kind, field: x, constant"), 4,
         "duplicate-key"),
        ("order.yaml", "a: &x [1]\nb: [*x, *x]\n", 1, "yaml"),
        ("parts/address.yaml", "city: x\n", 5, "include"),
        # What YAML reads otherwise than whoever wrote it.
        ("order.yaml", BASE.replace("constant: A", "constant: 0000100003"), 4, "yaml-value"),
        ("order.yaml", BASE.replace("constant: A", "constant: 12:00"), 4, "yaml-value"),
        ("order.yaml", BASE.replace("constant: A", "constant: no"), 4, "yaml-value"),
        ("order.yaml", BASE.replace("constant: A", "constant: 1_000"), 4, "yaml-value"),
        ("order.yaml", BASE.replace("constant: A", "constant: .inf"), 4, "yaml-value"),
        # The same field twice: the last would win.
        ("order.yaml", BASE.replace("field: kind", "field: number"), 4, "field-twice"),
        ("order.yaml", BASE.replace("field: note", "field: sku"), 10, "field-twice"),
        ("order.yaml", BASE.replace("field: kind", "field: to.city"), 1, "field-twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_laid_over_is_said_with_its_line(
    folder: Path, file: str, text: str, line: int, rule: str
) -> None:
    (folder / file).write_text(text)
    with pytest.raises(MappingsInvalid) as caught:
        load(folder)
    assert (line, rule) in [(each.line, each.rule) for each in caught.value.findings]


def test_the_version_follows_what_makes_requests_and_not_the_interfaces(folder: Path) -> None:
    first = Folder.read(folder)
    (folder / "interfaces").mkdir()
    (folder / "interfaces/dms.wsdl").write_text("<x/>")
    second = Folder.read(folder)
    assert first.version == second.version
    assert first.fingerprint != second.fingerprint
    (folder / "parts/address.yaml").write_text(PART + "\n")
    assert Folder.read(folder).version != first.version
