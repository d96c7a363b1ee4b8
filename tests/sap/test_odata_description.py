"""What goes over the wire is what SAP says of its services: each name, type and length.

SAP's description is the generated package that `make peers` fetches; for the availability service,
which has no such package, its public metadata is written down here.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.mapping import load
from connector.sandbox.s4_metadata import (
    AVAILABILITY_AT,
    ENTITIES,
    PARTNERS,
    RECORD,
    Field,
)
from connector.sandbox.sap_backoffice import correct_customer
from connector.sandbox.service import Sandbox
from connector.sandbox.web import Request, Response
from connector.sap.customers import CustomerDesk
from tests.sap.test_contract import UNIT, buyer
from tests.sap.test_odata import REFERENCE, company
from tests.support import s4
from tests.support.peers import MissingPeer
from tests.support.s4_description import Described, described

# The metadata of API_PRODUCT_AVAILY_INFO_BASIC, as SAP publishes it.
AVAILABILITY_RECORD = {
    "PeriodStartUTCDateTime": ("Edm.DateTime", 0),
    "PeriodStartTimeZone": ("Edm.String", 6),
    "PeriodEndUTCDateTime": ("Edm.DateTime", 0),
    "PeriodEndTimeZone": ("Edm.String", 6),
    "AvailableQuantityInBaseUnit": ("Edm.Decimal", 16),
    "BaseUnit": ("Edm.String", 3),
}
DETERMINE_AVAILABILITY_AT = {
    "SupplyingPlant": ("Edm.String", 4),
    "Material": ("Edm.String", 40),
    "ATPCheckingRule": ("Edm.String", 2),
    "RequestedUTCDateTime": ("Edm.DateTimeOffset", 0),
}
_PATH = re.compile(rf"/sap/opu/odata/sap/{PARTNERS}/(A_\w+)(?:\((.*)\))?$")
_LITERAL = r"'((?:[^']|'')*)'"
_DATE = re.compile(r"/Date\(-?\d+([+-]\d+)?\)/")


@pytest.fixture(scope="module")
def said() -> dict[str, Described]:
    try:
        return described()
    except MissingPeer as missing:
        if os.environ.get("CI"):
            pytest.fail(f"{missing} (in CI that is a failure)")
        pytest.skip(f"NOT HELD AGAINST SAP'S DESCRIPTION: {missing}")


def plain(fields: dict[str, Field]) -> dict[str, tuple[str, int]]:
    return {name: (each.edm, each.length) for name, each in fields.items()}


def test_the_sandbox_describes_its_services_as_sap_does(said: dict[str, Described]) -> None:
    for name, entity in ENTITIES.items():
        known = said[name]
        assert entity.keys == known.keys, name
        for each, (edm, length) in plain(entity.fields).items():
            assert known.properties[each][0] == edm, f"{name}.{each}"
            assert known.properties[each][2] == length, f"{name}.{each}"
        for each, target in entity.navigations.items():
            assert known.navigations[each] == target, f"{name}.{each}"
    assert plain(RECORD.fields) == AVAILABILITY_RECORD
    assert plain(AVAILABILITY_AT) == DETERMINE_AVAILABILITY_AT


class Witness:
    """Holds each exchange with the partner service against SAP's description."""

    def __init__(self, said: dict[str, Described]) -> None:
        self._said = said
        self.wrong: list[str] = []
        self.seen: set[str] = set()

    def __call__(self, request: Request, response: Response) -> None:
        found = _PATH.match(request.path)
        if found is None:
            return
        name, key = found[1], found[2]
        self.seen.add(f"{request.method} {name} {response.status}")
        for option in ("$select", "$expand"):
            for path in filter(None, request.query.get(option, "").split(",")):
                self._path(name, path, option)
        text = request.query.get("$filter", "")
        for each, literal in re.findall(rf"(\w+) eq {_LITERAL}", text):
            self._value(name, each, literal.replace("''", "'"), "filter")
        for literal, each in re.findall(rf"substringof\({_LITERAL},(\w+)\)", text):
            self._value(name, each, literal.replace("''", "'"), "filter")
        left = re.sub(rf"{_LITERAL}|substringof|startswith|\b(eq|or|and)\b|[(),\s]", " ", text)
        self.wrong += [
            f"{name}: no {each} to filter by"
            for each in left.split()
            if each not in self._said[name].properties
        ]
        if key is not None:
            given = re.findall(rf"(\w+)={_LITERAL}", key)
            names = tuple(each for each, _ in given) or self._said[name].keys
            if set(names) != set(self._said[name].keys):
                self.wrong.append(f"{name}({key}) is no key")
        if request.body:
            self._entity(name, json.loads(request.body), "request")
        if response.status in (200, 201):
            body = json.loads(response.body)["d"]
            for each in body.get("results", [body]):
                self._entity(name, each, "answer")
        elif response.status >= 400:
            self.wrong += [] if "error" in json.loads(response.body) else ["an error without error"]

    def _path(self, name: str, path: str, where: str) -> None:
        *way, last = path.split("/")
        for step in way:
            name = self._said[name].navigations[step][0]
        known = self._said[name]
        if last not in known.properties and last not in known.navigations:
            self.wrong.append(f"{where}: {name} has no {last}")

    def _entity(self, name: str, value: dict[str, Any], where: str) -> None:
        known = self._said[name]
        about = value.get("__metadata", {})
        if where == "answer" and about.get("type") != f"{PARTNERS}.{name}Type":
            self.wrong.append(f"{where}: {about.get('type')} is not {name}'s type")
        for each, inner in value.items():
            if each == "__metadata" or (isinstance(inner, dict) and "__deferred" in inner):
                continue
            if each in known.navigations:
                target, many = known.navigations[each]
                rows = inner["results"] if isinstance(inner, dict) and "results" in inner else inner
                if many != isinstance(rows, list):
                    self.wrong.append(f"{where}: {name}.{each} is {'no ' * many}list")
                for row in rows if many else [rows] if rows else []:
                    self._entity(target, row, where)
            else:
                self._value(name, each, inner, where)

    def _value(self, name: str, each: str, value: Any, where: str) -> None:
        known = self._said[name].properties.get(each)
        if known is None:
            self.wrong.append(f"{where}: {name} has no {each}")
            return
        edm, _, length = known
        kinds: dict[str, Callable[[], bool]] = {
            "Edm.String": lambda: isinstance(value, str) and len(value) <= (length or 10_000),
            "Edm.Boolean": lambda: isinstance(value, bool),
            "Edm.DateTime": lambda: bool(_DATE.fullmatch(str(value))),
            "Edm.DateTimeOffset": lambda: bool(_DATE.fullmatch(str(value))),
            "Edm.Guid": lambda: len(str(value)) == 36,
        }
        if value is not None and not kinds[edm]():
            self.wrong.append(f"{where}: {name}.{each} is no {edm} of {length}")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def test_every_request_and_answer_is_as_sap_describes_it(
    said: dict[str, Described], sandbox: Sandbox, tmp_path: Path
) -> None:
    witness = Witness(said)
    sandbox.sap.s4.witness = witness
    sandbox.sap.s4.page_size = 3
    mappings = load(s4.folder(tmp_path))
    desk = CustomerDesk(s4.system(sandbox), lambda: mappings)
    desk.find(
        [buyer(), company(), company("Pacific Crane (Rental) & O'Neil", "91320300MA11009ABX")]
    )
    number = desk.create(buyer(), UNIT, REFERENCE)
    desk.find_created(buyer(), REFERENCE)
    desk.create(company("江苏省徐州市泉山区" + "起重" * 18 + "有限公司"), UNIT, "company:x")
    correct_customer(sandbox.books, "0000100003", {"TELF1": ""})
    desk.correct("100003", company("上海浦江吊装工程集团有限公司", "91310115MA1K3000XN"), UNIT)
    desk.correct("100003", company("上海浦江吊装公司", "91310115MA1K3000XN"), UNIT)
    desk.correct(number, buyer(name="王小芳", street="新路1号"), UNIT)
    assert witness.wrong == []
    assert witness.seen >= {
        "GET A_BusinessPartner 200", "GET A_BusinessPartnerTaxNumber 200",
        "GET A_AddressPhoneNumber 200", "GET A_BusinessPartnerAddress 200",
        "POST A_BusinessPartner 201", "PATCH A_BusinessPartner 204",
        "PATCH A_BusinessPartnerAddress 204", "PATCH A_BusinessPartnerTaxNumber 204",
        "POST A_BusinessPartnerTaxNumber 201", "PATCH A_AddressPhoneNumber 204",
        "POST A_AddressPhoneNumber 201",
    }  # fmt: skip


def test_the_witness_sees_what_is_wrong(said: dict[str, Described]) -> None:
    witness = Witness(said)
    request = Request(
        "POST",
        f"/sap/opu/odata/sap/{PARTNERS}/A_BusinessPartner",
        {"$filter": "BPTaxNumber eq '1'", "$select": "Nobody"},
        None,  # type: ignore[arg-type]
        json.dumps({"BusinessPartnerGrouping": "TOOLONG", "Zone": 1, "to_Customer": []}).encode(),
    )
    witness(request, Response(201, b'{"d": {"__metadata": {}, "FirstName": 1}}'))
    assert len(witness.wrong) == 8
