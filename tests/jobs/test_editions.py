"""A batch that was handed over is never replaced under its name."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from connector.extracts.batch import Batch
from connector.extracts.files import publish
from connector.extracts.table import Column, Table
from connector.jobs.wave import _edition
from connector.logs import configure
from tests.support.scene import NOON, scene

ZONE = ZoneInfo("Asia/Shanghai")
NAME = "GQ-20261124-1200"


def batch(*numbers: str) -> Batch:
    def table(name: str) -> Table:
        columns = (Column("number", "订单号", "Order"),)
        return Table(name, name, columns, [[number] for number in numbers])

    return Batch(table("picking"), table("orders"), table("lines"), table("left_out"))


def handed_over(folder: Path, *numbers: str) -> str:
    name, contents = _edition(folder, NAME, batch(*numbers), "工起事业部", ZONE)
    publish(folder, contents)
    return name


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_the_same_batch_keeps_its_name_and_its_files(tmp_path: Path) -> None:
    assert handed_over(tmp_path, "30", "31", "32") == NAME
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert handed_over(tmp_path, "30", "31", "32") == NAME
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_another_content_is_a_revision_that_says_what_the_first_one_held(tmp_path: Path) -> None:
    handed_over(tmp_path, "30", "31", "32")
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert handed_over(tmp_path, "31") == f"{NAME}-r2"
    assert {name: (tmp_path / name).read_bytes() for name in first} == first
    assert rows(tmp_path / f"{NAME}-r2-orders.csv")[1:] == [["31"]]
    book = load_workbook(tmp_path / f"{NAME}-r2.xlsx")
    told = [row for row in book["先前批次"].iter_rows(values_only=True) if row[0] == NAME]
    assert told == [(NAME, "30", "否 no"), (NAME, "31", "是 yes"), (NAME, "32", "否 no")]
    # A run that is made again is the same revision; another one follows both.
    assert handed_over(tmp_path, "31") == f"{NAME}-r2"
    assert handed_over(tmp_path, "33") == f"{NAME}-r3"
    book = load_workbook(tmp_path / f"{NAME}-r3.xlsx")
    told = [row[:2] for row in book["先前批次"].iter_rows(values_only=True)]
    assert (f"{NAME}-r2", "31") in told
    assert (NAME, "32") in told
    assert handed_over(tmp_path, "30", "31", "32") == NAME


@pytest.mark.parametrize("left", ["-orders.csv", ".xlsx"])
def test_a_run_that_died_between_its_files_makes_the_others(tmp_path: Path, left: str) -> None:
    handed_over(tmp_path, "30")
    (tmp_path / f"{NAME}{left}").unlink()
    assert handed_over(tmp_path, "30") == NAME
    assert (tmp_path / f"{NAME}{left}").exists()


def test_a_wave_that_is_released_again_after_a_restore_leaves_the_first_file(
    tmp_path: Path,
) -> None:
    configure("critical")
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path) as at:
        folder = at.settings.output / "waves" / "2026-11-24"
        folder.mkdir(parents=True)
        first = folder / f"{NAME}-orders.csv"
        first.write_bytes("number\r\n9001\r\n".encode("utf-8-sig"))
        at.until(NOON + timedelta(minutes=1))
        assert rows(first)[1:] == [["9001"]]
        assert "36" in {row[0] for row in rows(folder / f"{NAME}-r2-orders.csv")}
        assert not (folder / f"{NAME}.xlsx").exists()
        parcels = {row.parcel for row in at.connector.files.listed("batch")}
        assert f"{NAME}-r2" in parcels
        assert NAME not in parcels
