"""A changed folder is taken up between orders once it is good; a bad one changes nothing."""

from __future__ import annotations

import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connector.mapping.finding import MappingsInvalid
from connector.mapping.live import LOOK_EVERY, Live, steady
from connector.mapping.load import Folder, build
from connector.store.database import Database
from connector.store.mappings import MappingVersions

SHIPPED = Path(__file__).parents[2] / "mappings"
NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
REMARK = "  - {field: header.remark, source: order.note, max_length: 200, too_long: cut}\n"


class Seconds:
    """A clock that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Site:
    """A folder of mappings in force, with its clock and what is kept of it."""

    def __init__(self, path: Path, database: Database) -> None:
        self.path = path
        self.clock = Seconds()
        self.versions = MappingVersions(database, lambda: NOW)
        self.live = self.started()

    def started(self) -> Live:
        return Live(self.path, self.versions, clock=self.clock)

    def edit(self, old: str, new: str, file: str = "dms_sales_order.yaml") -> None:
        text = (self.path / file).read_text(encoding="utf-8")
        assert old in text
        (self.path / file).write_text(text.replace(old, new), encoding="utf-8")

    def wait(self, seconds: float) -> str:
        """Let time pass, somebody asking twice a second, and return the version in force."""
        ends = self.clock.now + seconds
        while self.clock.now < ends:
            self.clock.now += 0.5
            self.live()
        return self.live().version


@pytest.fixture
def site(tmp_path: Path, database: Database) -> Site:
    return Site(Path(shutil.copytree(SHIPPED, tmp_path / "mappings")), database)


def test_a_good_change_takes_effect_within_five_seconds_and_is_kept(site: Site) -> None:
    first = site.live().version
    site.edit(REMARK, "")
    assert site.live().version == first
    second = site.wait(3)
    assert second != first
    assert [row.version for row in site.versions.listed() if row.last] == [second]
    old = site.versions.files(first)
    assert old is not None
    assert REMARK in old["dms_sales_order.yaml"].decode()
    assert build(Folder(old)).version == first


def test_a_bad_change_is_refused_and_told_once_and_what_was_in_force_stays(site: Site) -> None:
    first = site.live().version
    with capture_logs() as logs:
        site.edit("header.remark", "header.remarks")
        assert site.wait(5) == first
    refused = [each for each in logs if each["log_level"] == "error"]
    assert len(refused) == 1
    assert "dms_sales_order.yaml" in refused[0]["findings"][0]
    assert [row.kind for row in site.versions.notices()] == ["refused"]
    assert site.live.refused[0].rule == "field"
    site.edit("header.remarks", "header.remark")
    assert site.wait(5) == first
    assert site.live.refused == ()
    site.edit(REMARK, "")
    assert site.wait(3) != first


def test_a_bad_folder_at_the_start_leaves_the_last_good_version_in_force(site: Site) -> None:
    first = site.live().version
    site.edit("request:", "request: [")
    again = site.started()
    assert again().version == first
    assert again()["dms_sales_order"].target.operation == "CreateSalesOrder"


def test_a_bad_folder_with_nothing_good_before_it_is_an_error(
    tmp_path: Path, database: Database
) -> None:
    path = Path(shutil.copytree(SHIPPED, tmp_path / "mappings"))
    (path / "dms_find.yaml").write_text("- a list\n")
    with pytest.raises(MappingsInvalid):
        Live(path, MappingVersions(database, lambda: NOW))


def test_a_file_that_is_still_being_written_is_not_taken(site: Site) -> None:
    first = site.live().version
    for number in range(6):
        site.edit(REMARK, REMARK + f"# {number}\n")
        site.clock.now += LOOK_EVERY
        assert site.live().version == first
    assert site.wait(2) != first


def test_a_step_that_began_ends_with_the_version_it_began_with(site: Site) -> None:
    first = site.live().version
    site.edit(REMARK, "")
    with steady(site.live) as held:
        assert site.wait(5) == first == held.version
        other: list[str] = []
        thread = threading.Thread(target=lambda: other.append(site.wait(3)))
        thread.start()
        thread.join()
        assert other != [first]
        assert site.live().version == first
    assert site.live().version == other[0]


def test_a_change_of_an_interface_alone_is_judged_and_makes_no_new_version(site: Site) -> None:
    first = site.live().version
    site.edit('value="200"', 'value="100"', "interfaces/dms.wsdl")
    assert site.wait(5) == first
    assert [row.kind for row in site.versions.notices()] == ["refused"]


def test_what_no_mapping_knows_is_counted_and_told_once(site: Site) -> None:
    payload = {
        "id": 1, "gift": True, "billing": {"city": "x", "fax": "1"},
        "meta_data": [{"key": "_tax_code", "value": ""}, {"key": "_site_code", "value": "A"},
                      {"key": "_ticket_1234", "value": 1}, {"key": "_ticket_5678", "value": 1}],
        "line_items": [{"sku": "A", "colour": "red"}, {"sku": "B", "colour": "red"}],
    }  # fmt: skip
    with capture_logs() as logs:
        for _ in range(3):
            site.live()["storefront_order"].apply_leniently(payload)
        site.wait(3)
        site.live()["storefront_order"].apply_leniently(payload)
        site.wait(3)
    told = [each["field"] for each in logs if each["log_level"] == "warning"]
    assert sorted(told) == [
        "billing.fax",
        "gift",
        "line_items.colour",
        "meta_data._site_code",
        "meta_data._ticket_#",
    ]
    counts = {row.what: row.count for row in site.versions.notices()}
    assert counts["meta_data._site_code"] == 4
    assert counts["line_items.colour"] == 4


def test_what_an_answer_holds_beyond_the_interface_is_counted(site: Site) -> None:
    lists = ("deliveryNotes", "invoiceApplications", "returns", "shipments", "invoices")
    order = {"orderNumber": "SO1", "externalNumber": "1", "content": {"lines": []}}
    whole: dict[str, object] = {**order, **{name: [] for name in lists}}
    site.live()["dms_find"].read({"orders": [{**whole, "warehouse": "W"}]})
    site.wait(3)
    assert [(row.place, row.what) for row in site.versions.notices()] == [
        ("dms_find", "orders.warehouse")
    ]


def test_what_a_mapping_names_or_ignores_is_no_drift(site: Site) -> None:
    site.edit("source: customer_note", "source: \"meta_data[?key=='_site_code'] | [0].value\"",
              "storefront_order.yaml")  # fmt: skip
    site.edit("ignores: [", "ignores: [gift, meta_data._wc_*, ", "storefront_order.yaml")
    site.wait(3)
    entries = [{"key": "_site_code", "value": 1}, {"key": "_wc_source", "value": 2}]
    site.live()["storefront_order"].apply_leniently({"id": 1, "gift": 1, "meta_data": entries})
    site.wait(3)
    assert site.versions.notices() == []
