"""Other kinds of SAP, by files alone: each ready folder of mappings, over both transports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pyrfc
import pytest

from connector.domain.matching import Verdict, decide
from connector.domain.order import Buyer, BuyerKind
from connector.errors import MappingFailed, Misconfigured, Rejected
from connector.mapping import MappingSet, load
from connector.mapping.check import check
from connector.mapping.load import Folder
from connector.sandbox.faults import Fault
from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sap.customers import CustomerDesk
from connector.sap.interface import file_of, from_snapshot, stored_in
from connector.sap.live import try_everything
from connector.sap.port import SapSystem
from connector.sap.rfc import RfcSap, RfcSettings
from connector.sap.soap import SoapSap, SoapSettings
from tests.sap.test_lookup import FOLDER, KNOWN, PERSON, UNIT, buyer
from tests.support import pyrfc_double

EXAMPLES = ("sap_z_flat", "sap_z_nested", "sap_cvi")
WRITES = {"sap_z_flat": "Z_CUSTOMER_CREATE", "sap_z_nested": "Z_BP_SAVE",
          "sap_cvi": "RFC_CVI_EI_INBOUND_MAIN"}  # fmt: skip
COMPANY = replace(
    buyer("91320300MA2000012C", "南京长江起重设备有限公司", "13911112223", "无名路10号"),
    kind=BuyerKind.COMPANY,
)
NOBODY = buyer("320300198501010053", "李雷", "13911112222", "无名路9号")
NEW = [COMPANY, NOBODY]


def site(folder: Path, example: str) -> Path:
    """Return the shipped mappings with those of an example in their place."""
    for root in (FOLDER, FOLDER / "examples" / example):
        for path in root.rglob("*.*"):
            if "examples" in path.relative_to(root).parts:
                continue
            copy = folder / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return folder


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    running.faults.set([])
    yield running
    running.faults.set([])
    for each in running.books.all("sap.customer"):
        if each["STCD5"] in {one.code for one in NEW}:
            running.books.delete("sap.customer", each["KUNNR"])


@pytest.fixture(params=["soap", "rfc"])
def system(
    request: pytest.FixtureRequest, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> SapSystem:
    if request.param == "soap":
        return SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD))
    monkeypatch.setattr(pyrfc, "Connection", pyrfc_double.Connection)
    return RfcSap(RfcSettings({"url": sandbox.sap_url}, "100", SAP_USER, SAP_PASSWORD))


@pytest.fixture(params=EXAMPLES)
def example(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(tmp_path: Path, example: str) -> Path:
    return site(tmp_path, example)


@pytest.fixture
def mappings(folder: Path) -> MappingSet:
    return load(folder)


def customers(sandbox: Sandbox, each: Buyer) -> list[dict[str, str]]:
    return [row for row in sandbox.books.all("sap.customer") if row["STCD5"] == each.code]


def test_the_folder_is_sound_and_its_interfaces_are_as_sap_has_them(
    folder: Path, example: str, sandbox: Sandbox
) -> None:
    assert [str(each) for each in check(Folder.read(folder)) if each.level == "error"] == []
    soap = SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD))
    kept = sorted((FOLDER / "examples" / example / "interfaces" / "sap").glob("*.json"))
    assert any(path.stem == WRITES[example] for path in kept)
    for path in kept:
        assert from_snapshot(path.read_bytes()) == soap.describe(path.stem)


def test_buyers_whom_sap_has_are_recognised_and_others_created_once(
    system: SapSystem, sandbox: Sandbox, mappings: MappingSet
) -> None:
    desk = CustomerDesk(system, lambda: mappings)
    for each, number in ((KNOWN, "0000100001"), (PERSON, "0000100002")):
        decision = decide(each, desk.find([each])[0])
        assert (decision.verdict, decision.number) == (Verdict.RECOGNISED, number)
    for each in NEW:
        assert decide(each, desk.find([each])[0]).verdict is Verdict.NEW
        number = desk.create(each, UNIT, "reference")
        decision = decide(each, desk.find([each])[0])
        assert (decision.verdict, decision.number) == (Verdict.RECOGNISED, number)
        (row,) = customers(sandbox, each)
        assert row["KUNNR"] == number
        assert (row["NAME1"], row["ORT01"]) == (each.name, each.address.city)
        assert [found.number for found in desk.find_created(each, "")] == [number]
        there = desk.read_back(number)
        assert there is not None
        assert there.name == each.name


def test_what_is_too_long_is_refused_before_it_is_sent(
    system: SapSystem, sandbox: Sandbox, mappings: MappingSet, example: str
) -> None:
    called = Fault.parse(f"sap:latency:operation={WRITES[example]}")
    sandbox.faults.set([called])
    # The mapping refuses too long a value itself; so each of its texts is made longer behind it.
    function, request = mappings["sap_customer_create_company"].calls[0]
    source = {
        "buyer": {**vars(COMPANY), "address": vars(COMPANY.address)},
        "business_unit": dict(UNIT),
        "answers": [],
    }
    body = request(source).body
    for place in _texts(body):
        spoilt = cast(dict[str, Any], _with(body, place, "x" * 300))
        with pytest.raises(MappingFailed, match="300 characters"):
            system.call(function, spoilt)
    assert called.seen == 0


def _texts(value: object, place: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, each in inner:
        yield from _texts(each, (*place, key))
    if isinstance(value, str):
        yield place


def _with(value: object, place: tuple[object, ...], text: str) -> object:
    if not place:
        return text
    if isinstance(value, dict):
        return {k: _with(v, place[1:], text) if k == place[0] else v for k, v in value.items()}
    assert isinstance(value, list)
    return [_with(v, place[1:], text) if k == place[0] else v for k, v in enumerate(value)]


def test_a_message_in_its_own_place_is_an_error(
    system: SapSystem, sandbox: Sandbox, mappings: MappingSet, example: str
) -> None:
    """A reference, a role or a sales area that SAP does not have: nobody is made."""
    unit = {**UNIT, "reference_company": "99", "sales_org": "9999"}
    desk = CustomerDesk(system, lambda: mappings)
    with pytest.raises(Rejected):
        desk.create(COMPANY, unit)
    assert customers(sandbox, COMPANY) == []


def test_a_record_is_corrected_where_sap_has_a_way(
    system: SapSystem, sandbox: Sandbox, mappings: MappingSet, example: str
) -> None:
    desk = CustomerDesk(system, lambda: mappings)
    number = desk.create(NOBODY, UNIT)
    moved = replace(NOBODY, address=replace(NOBODY.address, street="新路1号"))
    if example == "sap_cvi":
        with pytest.raises(Misconfigured, match="correct the record in SAP"):
            desk.correct(number, moved, UNIT)
        return
    assert desk.correct(number, moved, UNIT).street == "新路1号"


def test_the_check_says_all_is_well_and_without_authorisation_the_stored_interfaces_serve(
    sandbox: Sandbox, folder: Path, mappings: MappingSet, example: str
) -> None:
    settings = SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD)
    tried = list(try_everything(SoapSap(settings), mappings, "1000", stored_in(folder)))
    assert [str(each.error) for each in tried if each.error is not None] == []
    refused = "sap:business:operation={},code=RFC_NO_AUTHORITY"
    sandbox.faults.set([Fault.parse(refused.format("RFC_GET_FUNCTION_INTERFACE"))])
    system = SoapSap(settings, snapshots=stored_in(folder))
    assert CustomerDesk(system, lambda: mappings).create(COMPANY, UNIT)
    (folder / "interfaces" / file_of(WRITES[example])).unlink()
    tried = list(try_everything(SoapSap(settings), mappings, "1000", stored_in(folder)))
    assert any(WRITES[example] in str(each.error) and "S_RFC" in str(each.error) for each in tried)
