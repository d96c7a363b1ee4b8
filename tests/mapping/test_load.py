"""A folder of mappings is taken whole, or refused with file, line and column of each reason."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from connector.mapping import load
from connector.mapping.load import MappingsInvalid

pytestmark = pytest.mark.unit

SHIPPED = Path(__file__).parents[2] / "mappings"
GOOD = """\
target: {system: dms, operation: CreateOrder}
request:
  - {field: number, source: number}
  - field: unit
    source: unit
    convert: [{lookup: {table: units}}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lookups").mkdir()
    (tmp_path / "lookups/units.csv").write_text("key,value\nPCE,ST\n")
    (tmp_path / "dms_order.yaml").write_text(GOOD)
    return tmp_path


def findings(folder: Path) -> list[tuple[str, int, str]]:
    with pytest.raises(MappingsInvalid) as caught:
        load(folder)
    return [(Path(each.file).name, each.line, each.rule) for each in caught.value.findings]


def test_the_shipped_mappings_are_good() -> None:
    assert "storefront_order" in load(SHIPPED).names()


def test_the_version_follows_every_byte_of_files_and_lookups(folder: Path) -> None:
    first = load(folder).version
    assert load(folder).version == first
    (folder / "lookups/units.csv").write_text("key,value\nPCE,EA\n")
    second = load(folder).version
    (folder / "dms_order.yaml").write_text(GOOD + "# a comment\n")
    assert len({first, second, load(folder).version}) == 3


@pytest.mark.parametrize(
    ("old", "new", "line", "rule"),
    [
        ("request:", "request: [", 3, "yaml"),
        ("operation: CreateOrder", "operation: ''", 1, "string_too_short"),
        ("system: dms", "system: crm", 1, "literal_error"),
        ("field: number,", "fild: number,", 3, "missing"),
        ("source: number}", "source: number, constant: 1}", 3, "value_error"),
        ("source: unit", "source: 'unit['", 5, "jmespath"),
        ("table: units", "table: boxes", 6, "lookup-missing"),
        ("lookup: {table: units}", "lokup: {table: units}", 6, None),
        ("table: units", "table: ../etc/passwd", 6, None),
    ],
)
def test_what_is_wrong_is_found_with_file_and_line(
    folder: Path, old: str, new: str, line: int, rule: str | None
) -> None:
    assert old in GOOD
    (folder / "dms_order.yaml").write_text(GOOD.replace(old, new))
    found = findings(folder)
    assert next((name, number) for name, number, _ in found) == ("dms_order.yaml", line)
    assert rule is None or rule in [each[2] for each in found]


def test_python_in_yaml_is_never_run(folder: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    (folder / "dms_order.yaml").write_text(
        f"target: !!python/object/apply:os.system ['touch {trace}']\n"
    )
    assert [each[2] for each in findings(folder)] == ["yaml"]
    assert not trace.exists()


@pytest.mark.parametrize(
    ("content", "line", "rule"),
    [
        (b"key,value\nPCE,ST\nPCE,EA\n", 3, "lookup-twice"),
        (b"key,value\nPCE\n", 2, "lookup-row"),
        (b"key,value\nPCE,ST,more\n", 2, "lookup-row"),
        (b"key,value\n\xff\xfe\n", 2, "encoding"),
    ],
)
def test_a_lookup_table_that_is_wrong_is_found(
    folder: Path, content: bytes, line: int, rule: str
) -> None:
    (folder / "lookups/units.csv").write_bytes(content)
    assert ("units.csv", line, rule) in findings(folder)


def test_all_findings_of_all_files_come_together(folder: Path) -> None:
    (folder / "dms_order.yaml").write_text("target: 1\n")
    (folder / "dms_find.yaml").write_text("- a list\n")
    (folder / "empty.yaml").write_text("")
    assert {name for name, _, _ in findings(folder)} == {
        "dms_order.yaml", "dms_find.yaml", "empty.yaml",
    }  # fmt: skip


def test_an_empty_folder_is_no_set_of_mappings(tmp_path: Path) -> None:
    assert [each[2] for each in findings(tmp_path)] == ["no-mappings"]


def test_a_byte_order_mark_of_a_spreadsheet_is_read_over(folder: Path) -> None:
    (folder / "lookups/units.csv").write_bytes(b"\xef\xbb\xbfkey,value\r\nPCE,ST\r\n")
    assert load(folder)["dms_order"].apply({"unit": "PCE"}).body == {"unit": "ST"}


def test_a_mapping_that_names_nothing_of_its_lookups_still_loads(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "copy")
    assert load(tmp_path / "copy").version == load(SHIPPED).version
