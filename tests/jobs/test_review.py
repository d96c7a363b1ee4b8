"""The sales rep's sheet travels: to a share or an SFTP server, and is taken in from there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook

from connector.logs import configure
from connector.sections import FolderDelivery
from connector.settings import Settings
from tests.extracts.test_deliver import sftp_target
from tests.support import sftp_server
from tests.support.scene import Scene, scene


@pytest.fixture
def share(tmp_path: Path) -> Path:
    made = tmp_path / "share"
    made.mkdir()
    return made


@pytest.fixture
def day(tmp_path: Path, share: Path) -> Iterator[Scene]:
    configure("critical")

    def prepare(settings: Settings) -> None:
        settings.delivery["sales"] = FolderDelivery(type="folder", path=share, kinds=["review"])

    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, prepare=prepare) as made:
        made.later(minutes=60, ticks=2)
        yield made


def sheet(share: Path) -> Path:
    """Return the newest sheet on the share."""
    return max((share / "review").glob("review-*/review-*.xlsx"))


def put_back(share: Path, name: str = "filled.xlsx", **cells: str) -> Path:
    """Fill cells of the newest sheet in, as A3="link", and put it back."""
    book = load_workbook(sheet(share))
    for place, value in cells.items():
        book["客户识别"][place] = value
    path = share / "review/in" / name
    book.save(path)
    return path


def results(share: Path) -> list[tuple[object, ...]]:
    """Return the rows of the newest result that lies in `done`."""
    path = max((share / "review/done").glob("*-result.xlsx"))
    return [
        tuple(row) for row in load_workbook(path)["处理结果"].iter_rows(min_row=2, values_only=True)
    ]


def test_a_sheet_goes_out_and_what_comes_back_is_taken_in(day: Scene, share: Path) -> None:
    order = str(load_workbook(sheet(share))["客户识别"]["C3"].value)
    assert day.stands(int(order)) == ("valid", "customer_review")
    back = put_back(share, A3="新建")
    day.later(minutes=10, ticks=2)
    assert day.stands(int(order))[1] is None
    assert not back.exists()
    (first, *_) = results(share)
    assert first[1:3] == (order, "完成 done")
    # The sheet itself is kept beside what became of it, and who did it is noted.
    assert len(list((share / "review/done").iterdir())) == 2
    assert any(act.actor == "sheet:sales" for act in day.connector.acts.listed())
    # Nobody waits any more: there is nothing to ask.
    day.later(minutes=60, ticks=2)
    assert len(list((share / "review").glob("review-*/*.xlsx"))) == 1


def test_no_second_sheet_asks_of_the_same_buyers(day: Scene, share: Path) -> None:
    day.later(minutes=60, ticks=3)
    assert len(list((share / "review").glob("review-*/*.xlsx"))) == 1


def test_what_is_still_being_written_waits_and_what_is_none_is_refused(
    day: Scene, share: Path
) -> None:
    path = share / "review/in/half.xlsx"
    path.write_bytes(sheet(share).read_bytes()[:2000])
    (share / "review/in/~$half.xlsx").write_bytes(b"lock")
    now = day.clock.now.timestamp()
    os.utime(path, (now + 60, now + 60))
    day.later(minutes=5)
    assert path.exists()
    day.later(minutes=10)
    assert not path.exists()
    (reason,) = (share / "review/refused").glob("*.txt")
    assert "不是 Excel 工作簿" in reason.read_text(encoding="utf-8")
    assert (share / "review/in/~$half.xlsx").exists()


def test_a_sheet_waits_for_sap_and_rows_that_were_done_say_so(day: Scene, share: Path) -> None:
    order = str(load_workbook(sheet(share))["客户识别"]["C3"].value)
    back = put_back(share, A3="link", B3="100003")
    day.fault("sap:outage")
    day.later(minutes=5)
    assert back.exists()
    day.fault()
    day.later(minutes=10, ticks=2)
    assert not back.exists()
    assert day.order(int(order)).customer_number == "0000100003"
    # Read once more, the same row is done and not wrong.
    done = next((share / "review/done").glob("filled-*Z.xlsx"))
    (share / "review/in/again.xlsx").write_bytes(done.read_bytes())
    day.later(minutes=10, ticks=2)
    assert results(share)[0][2] == "完成 done"


def test_a_share_that_is_not_mounted_is_said_and_nothing_is_made(day: Scene, share: Path) -> None:
    share.rename(share.with_name("elsewhere"))
    day.later(minutes=5)
    assert not share.exists()


def test_the_same_over_sftp(tmp_path: Path) -> None:
    with sftp_server.serving(tmp_path / "remote") as server:
        target = sftp_target(server, kinds=frozenset({"review"}))
        with target.inbox("review") as inbox:
            assert inbox.incoming() == []
            folder = server.folder / "in/review"
            (folder / "in/a.xlsx").write_bytes(b"content")
            (folder / "in/~$a.xlsx").write_bytes(b"")
            (found,) = inbox.incoming()
            assert inbox.read(found.name) == b"content"
            inbox.answer("done", "a-result.xlsx", b"told")
            inbox.move("a.xlsx", "done", "a-1.xlsx")
        assert {path.name for path in (folder / "done").iterdir()} == {"a-result.xlsx", "a-1.xlsx"}
        assert (folder / "done/a-1.xlsx").read_bytes() == b"content"
