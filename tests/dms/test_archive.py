"""Envelopes kept for people: masked or encrypted, and not for longer than is allowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, InvalidToken

from connector.dms.archive import Archive, ArchiveSettings, masked
from connector.dms.client import DmsSettings, SoapDms
from connector.errors import Misconfigured
from connector.sandbox.service import DMS_PASSWORD, DMS_USER, Sandbox
from tests.dms.test_client import ORDER

PERSONAL = ("张伟", "13900000000", "驮蓝山路26号", "徐州市")


def keep_one(folder: Path, **settings: object) -> tuple[Archive, list[Path]]:
    kept = ArchiveSettings(folder, **settings)  # type: ignore[arg-type]
    with Sandbox() as sandbox:
        dms = SoapDms(
            DmsSettings(
                wsdl=sandbox.dms_wsdl_url, user=DMS_USER, password=DMS_PASSWORD, archive=kept
            )
        )
        dms.call("CreateSalesOrder", ORDER, write=True)
        dms.call("FindSalesOrder", {"externalNumber": "30"}, write=False)
    return Archive(kept), sorted(folder.rglob("*.xml*"))


def test_masked_it_shows_the_document_and_nobody(tmp_path: Path) -> None:
    _, files = keep_one(tmp_path)
    names = [path.name.split("-", 2)[2] for path in files]
    assert names == [
        "CreateSalesOrder-request.xml",
        "CreateSalesOrder-answer.xml",
        "FindSalesOrder-request.xml",
        "FindSalesOrder-answer.xml",
    ]
    whole = "".join(path.read_text(encoding="utf-8") for path in files)
    assert not any(word in whole for word in (*PERSONAL, DMS_PASSWORD))
    for shown in ("CreateSalesOrder", "XC-1", "3.00", "SPECIAL", "2026-11-24"):
        assert shown in whole


def test_encrypted_it_is_whole_for_who_has_the_key(tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    archive, files = keep_one(tmp_path, mode="encrypted", key=key)
    raw = b"".join(path.read_bytes() for path in files)
    assert not any(word.encode() in raw for word in PERSONAL)
    clear = archive.read(files[0]).decode()
    assert all(word in clear for word in PERSONAL)
    assert DMS_PASSWORD not in clear  # credentials are put on after it was kept
    other = ArchiveSettings(tmp_path, mode="encrypted", key=Fernet.generate_key().decode())
    with pytest.raises(InvalidToken):
        Archive(other).read(files[0])


def test_a_key_that_is_none_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="Fernet"):
        Archive(ArchiveSettings(tmp_path, mode="encrypted", key="short"))


def test_what_is_older_than_allowed_is_forgotten(tmp_path: Path) -> None:
    now = [datetime(2026, 11, 1, 23, 59, tzinfo=UTC)]
    archive = Archive(ArchiveSettings(tmp_path, retention_days=3), lambda: now[0])
    (tmp_path / "notes of ours").mkdir()
    for _ in range(6):
        archive.keep("Create", "request", b"<a>1</a>")
        now[0] += timedelta(days=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "2026-11-03", "2026-11-04", "2026-11-05", "2026-11-06", "notes of ours",
    ]  # fmt: skip


def test_an_archive_that_cannot_be_written_stops_no_order(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    archive = Archive(ArchiveSettings(tmp_path / "file"))
    archive.keep("Create", "request", b"<a/>")


def test_what_is_no_xml_is_not_shown() -> None:
    assert masked("<html>张伟 13900000000".encode()) == b"(24 bytes that are no XML)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<a><empfang>王小明 先生</empfang></a>", "王***"),
        ("<a><draht>051687654321</draht></a>", "051***321"),
        ("<a><nr>SO10000001</nr></a>", "SO10000001"),
        ("<a><x>buyer@example.com</x></a>", "***"),
        ('<a who="王小明">1</a>', "王***"),
        ("<a><!-- 王小明 -->1</a>", "1"),
        ("<a><id>110101199003070011</id></a>", "110101********0011"),
    ],
)
def test_masking_goes_by_what_a_text_is(text: str, shown: str) -> None:
    result = masked(text.encode()).decode()
    assert shown in result
    for secret in ("王小明", "051687654321", "buyer@example", "199003"):
        assert secret not in result
