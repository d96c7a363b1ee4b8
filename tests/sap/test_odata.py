"""SAP S/4HANA over OData: what is asked, what is understood, what proves that nothing was done."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.domain.matching import Agreement, Verdict, decide
from connector.domain.order import Address, Buyer, BuyerKind
from connector.errors import (
    ConnectorError,
    InDoubt,
    LogonFailed,
    MappingFailed,
    Misconfigured,
    Rejected,
    RetryLater,
)
from connector.gateways import sap_of
from connector.mapping import MappingSet, load
from connector.sandbox.faults import Fault
from connector.sandbox.s4 import TOKEN_ROUTE
from connector.sandbox.s4_partners import PARTNER
from connector.sandbox.sap_backoffice import correct_customer
from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sandbox.web import Request, Response
from connector.sap.customers import CustomerDesk
from connector.sap.live import try_everything
from connector.sap.odata.wire import AccessToken, _lasts
from connector.sap.soap import SoapSap, SoapSettings
from connector.sap.stock import StockDesk
from connector.sections import SapSection
from connector.settings import load_settings
from connector.store.types import dumps
from tests.sap.test_contract import CODE, UNIT, buyer
from tests.support import s4
from tests.support.certificates import Certificates
from tests.support.ports import Reserved

REFERENCE = "person:" + "0123456789abcdef" * 2 + "01234567"
COMPANY = "91320300MA11000ABP"
READ = "GET API_BUSINESS_PARTNER/A_BusinessPartner"
CREATE = "POST API_BUSINESS_PARTNER/A_BusinessPartner"
CHANGE = "PATCH API_BUSINESS_PARTNER/A_BusinessPartner"


@pytest.fixture(scope="module")
def mappings(tmp_path_factory: pytest.TempPathFactory) -> MappingSet:
    return load(s4.folder(tmp_path_factory.mktemp("s4")))


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox(server: Sandbox) -> Iterator[Sandbox]:
    """Give the module's sandbox, and put back what a test did to it."""
    kinds = ("sap.customer", PARTNER)
    before = {kind: dict(server.books.items(kind)) for kind in kinds}
    yield server
    server.faults.set([])
    server.sap.unlock()
    server.sap.repeat_updates()
    server.sap.s4.page_size = 20
    server.sap.s4.bearer_lives = timedelta(hours=1)
    server.sap.s4.witness = lambda _request, _response: None
    for kind in kinds:
        for key, _ in server.books.items(kind):
            if key not in before[kind]:
                server.books.delete(kind, key)
        for key, row in before[kind].items():
            server.books.put(kind, key, row)


@pytest.fixture
def desk(sandbox: Sandbox, mappings: MappingSet) -> CustomerDesk:
    return CustomerDesk(s4.system(sandbox), lambda: mappings)


def company(name: str = "徐州新恒起重设备有限公司", code: str = "91320300MA11001ABD") -> Buyer:
    address = Address("CN", "江苏", "徐州市", "驮蓝山路99号", "221004")
    return Buyer(BuyerKind.COMPANY, name, code, "张伟", "13900000099", "", address)


def of(sandbox: Sandbox, code: str) -> list[dict[str, Any]]:
    return [row for row in sandbox.books.all("sap.customer") if row["STCD5"] == code]


def fault(sandbox: Sandbox, kind: str, operation: str, **values: Any) -> None:
    sandbox.faults.set([Fault("sap", kind, operation, **values)])  # type: ignore[arg-type]


def test_a_person_and_a_company_are_created_with_all_that_hangs_on_them(
    sandbox: Sandbox, desk: CustomerDesk
) -> None:
    numbers: list[str] = []
    number = desk.create(buyer(), UNIT, REFERENCE, numbers.append)
    (row,) = of(sandbox, CODE)
    assert numbers == [f"BP {row['PARTNER']}", number]
    assert row["KUNNR"] == number
    assert (row["CATEGORY"], row["GROUPING"], row["ROLES"]) == ("1", "BP02", ["FLCU00", "FLCU01"])
    assert row["BPEXT"] == "0123456789ABCDEF0123"
    assert (row["NAME1"], row["STRAS"], row["TELF1"]) == ("王芳", "样板路88号", "13900000055")
    found = desk.read_back(number)
    assert found is not None
    assert (found.name, found.code, found.city) == ("王芳", CODE, "武汉市")
    assert desk.find_created(buyer(), REFERENCE) == [found]
    assert desk.find_created(buyer(), "person:another") == []
    assert desk.find_by_code(CODE) == [found]
    long = "江苏省徐州市泉山区" + "起重" * 18 + "有限公司"
    number = desk.create(company(long), UNIT, "company:x")
    made = desk.read_back(number)
    assert made is not None
    assert made.name == long
    assert of(sandbox, "91320300MA11001ABD")[0]["NAME2"]


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        (company("恒力", COMPANY), "0000100001"),  # by code
        (company("某公司", COMPANY[8:17]), "0000100001"),  # by the organisation code in it
        (company("江苏恒力起重设备(集团)有限公司", "91320300MA11009ABX"), "0000100011"),  # by name
        (company("Pacific Crane Rental", "91320300MA11009ABX"), "0000100016"),
        (buyer("320300198501010029", "张三", phone="+86 13900000017"), "0000100002"),  # by phone
        (buyer("320300198501010029", "张三", street="示范路17号"), "0000100017"),  # by street
        (buyer("320300198501010029", "张伟", street="无"), "0000100017"),
    ],
)
def test_candidates_are_found_by_whatever_the_mapping_asks_by(
    desk: CustomerDesk, wanted: Buyer, number: str
) -> None:
    (found,) = desk.find([wanted])
    assert number in [each.number for each in found]


def test_what_is_asked_is_what_the_mapping_names(sandbox: Sandbox, desk: CustomerDesk) -> None:
    asked: list[Request] = []
    sandbox.sap.s4.witness = lambda request, _response: asked.append(request)
    quoted = company("O'Neil & Söhne 起重 100% +1", "91320300MA11009ABX")
    desk.find([quoted, buyer()])
    filters = " ".join(each.query.get("$filter", "") for each in asked)
    for words in (
        "substringof('O''NEIL',OrganizationBPName1)",
        "BPTaxLongNumber eq '91320300MA11009ABX'",
        f"BPTaxNumber eq '{CODE}'",
        "LastName eq '王芳'",
        "PhoneNumber eq '+86 13900000055'",
    ):
        assert words in filters
    lists = [each.query for each in asked if "$filter" in each.query]
    assert {each.get("$inlinecount") for each in lists} == {"allpages"}
    assert {each.query["sap-client"] for each in asked} == {"100"}


def test_a_record_is_corrected_and_what_it_lacks_is_added(
    sandbox: Sandbox, desk: CustomerDesk
) -> None:
    correct_customer(sandbox.books, "0000100003", {"TELF1": "", "NAME2": "旧"})
    wanted = company("上海浦江吊装工程集团有限公司", "91310115MA1K3000XN")
    found = desk.correct("100003", wanted, UNIT)
    assert (found.name, found.code, found.phone) == (wanted.name, wanted.code, wanted.phone)
    found = desk.correct("100003", company("上海浦江吊装公司", wanted.code), UNIT)
    assert (found.name, found.street) == ("上海浦江吊装公司", "驮蓝山路99号")


def test_stock_is_asked_for_and_a_part_or_unit_that_is_not_known_is_refused(
    sandbox: Sandbox, mappings: MappingSet
) -> None:
    desk = StockDesk(s4.system(sandbox), lambda: mappings, lambda: date(2026, 11, 24))
    asked: list[Request] = []
    sandbox.sap.s4.witness = lambda request, _response: asked.append(request)
    assert desk.available(plant="1000", material="XC-80513368", unit="PCE") == Decimal("35.000")
    assert asked[-1].query["RequestedUTCDateTime"] == "datetimeoffset'2026-11-24T00:00:00Z'"
    with pytest.raises(Rejected, match="ATP/012"):
        desk.available(plant="1000", material="XC-1", unit="PCE")
    fault(sandbox, "with", "GET DetermineAvailabilityAt", text='{"BaseUnit": "KAR"}')
    with pytest.raises(MappingFailed, match="KAR"):
        desk.available(plant="1000", material="XC-80513368", unit="PCE")


# What SAP answers to a read, and what that is. None of it is "nobody".
NOT_UNDERSTOOD: list[tuple[str, dict[str, Any], type[ConnectorError], str | None]] = [
    ("garbage", {"text": "{}"}, RetryLater, "without d"),
    ("garbage", {"text": '{"d": []}'}, RetryLater, "without d"),
    ("garbage", {"text": '{"d": {}}'}, RetryLater, "d.results"),
    ("garbage", {"text": '{"d": {"results": null}}'}, RetryLater, "d.results"),
    ("garbage", {"text": '{"d": {"results": [], "results": []}}'}, RetryLater, "unreadable"),
    ("garbage", {"text": '{"d": {"results": [[]]}}'}, RetryLater, "in the place of"),
    ("garbage", {"text": '{"d": {"results": [], "__count": "3"}}'}, RetryLater, "says that it has"),
    ("garbage", {"text": '{"d": {"results": [], "__next": "x"}}'}, RetryLater, "__next"),
    ("garbage", {"text": '{"d": {"results": []}}'}, RetryLater, "how many"),
    ("garbage", {"text": '{"d": {"results": [], "__count": "0", "__next": "x?$skip=1"}}'},
     RetryLater, "again"),
    ("headers", {"code": "sap-message", "text": "{"}, RetryLater, "sap-message"),
    ("headers", {"code": "sap-message", "text": '{"severity": "error", "code": "R1/9"}'},
     Rejected, "R1/9"),
    ("http", {"status": 302, "code": "/sap/public/logon", "text": ""}, RetryLater, "refused once"),
    ("garbage", {"text": ""}, RetryLater, "unreadable"),
    ("garbage", {"text": "<html><form name='sap-user'/></html>"}, RetryLater, "refused once"),
    ("garbage", {"text": "<!DOCTYPE html><title>Sorry</title>"}, Misconfigured, "page"),
    ("cut", {}, RetryLater, None),
    ("lost-answer", {}, RetryLater, None),
    ("without", {"text": "__metadata"}, RetryLater, "in the place of"),
    ("without", {"text": "BPTaxType"}, RetryLater, "without BPTaxType"),
    ("without", {"text": "Customer"}, RetryLater, "without Customer"),
    ("without", {"text": "to_BusinessPartnerTax"}, RetryLater, "to_BusinessPartnerTax"),
    ("with", {"text": '{"to_BusinessPartnerTax": {"__deferred": {}}}'}, RetryLater, "to_Bus"),
    ("with", {"text": '{"__metadata": {"type": "X.A_SupplierType"}}'}, RetryLater, "X.A_Supplier"),
    ("with", {"text": '{"IsMarkedForArchiving": "yes"}'}, RetryLater, "truth value"),
    ("with", {"text": '{"Customer": 100001}'}, RetryLater, "Edm.String"),
    ("headers", {"code": "content-type", "text": "text/html"}, ConnectorError, None),
    ("http", {"status": 302, "text": ""}, Misconfigured, "302, leads elsewhere: /elsewhere"),
    ("http", {"status": 401, "text": ""}, RetryLater, "refused once"),
    ("http", {"status": 403, "text": "<html>Forbidden</html>"}, Misconfigured, "may not"),
    ("http", {"status": 404, "text": "Not found"}, Misconfigured, "not there"),
    ("http", {"status": 429, "text": ""}, RetryLater, "less"),
    ("http", {"status": 500, "text": "<html>Dump</html>"}, RetryLater, "500"),
    ("http", {"status": 503, "text": "Service Unavailable"}, RetryLater, "503"),
    ("business", {"code": "/IWFND/MED/170", "text": "No service"}, Misconfigured, "not there"),
    ("business", {"code": "/IWFND/CM_AUTH/001", "text": "No authorization"}, Misconfigured, "may"),
    ("business", {"code": "R1/412", "text": "locked by USER"}, RetryLater, "R1/412"),
    ("business", {"code": "R1/224", "text": "Partner unknown"}, Rejected, "R1/224"),
]  # fmt: skip


@pytest.mark.parametrize("row", NOT_UNDERSTOOD, ids=lambda row: f"{row[0]} {row[1]}"[:60])
def test_an_answer_that_was_not_understood_is_never_nobody(
    sandbox: Sandbox, desk: CustomerDesk, row: tuple[str, dict[str, Any], Any, str | None]
) -> None:
    kind, values, error, words = row
    correct_customer(sandbox.books, "0000100003", {"STCD5": CODE})
    fault(sandbox, kind, "GET A_BusinessPartner", **({"status": 200} | values))
    if values.get("code") == "content-type":
        assert desk.read_back("100003") is not None
        return
    with pytest.raises(error, match=words):
        desk.read_back("100003")
    with pytest.raises(ConnectorError):
        desk.find([buyer()])


OWN_WORDS = '{"error": {"code": "R1/1", "message": {"lang": "en", "value": "x"}}}'
# What comes in the place of the answer to a creation, what that is, and whether it proves anything.
TO_A_WRITE: list[tuple[str, dict[str, Any], type[ConnectorError], bool]] = [
    ("lost-answer", {}, InDoubt, False),
    ("cut", {}, InDoubt, False),
    ("reset", {}, InDoubt, False),
    ("garbage", {"status": 201, "text": ""}, InDoubt, False),
    ("garbage", {"status": 201, "text": "<html>password</html>"}, InDoubt, False),
    ("garbage", {"status": 502, "text": "<html>Bad gateway</html>"}, InDoubt, False),
    ("garbage", {"status": 401, "text": "<html>Logon</html>"}, InDoubt, False),
    ("garbage", {"status": 403, "text": "<html>Firewall</html>"}, InDoubt, False),
    ("garbage", {"status": 302, "text": ""}, InDoubt, False),
    ("http", {"status": 400, "text": "Bad request"}, InDoubt, False),
    ("http", {"status": 503, "text": "Service Unavailable"}, InDoubt, False),
    ("http", {"status": 500, "text": OWN_WORDS}, InDoubt, False),
    ("http", {"status": 400, "text": '{"error": {"message": "upstream"}}'}, InDoubt, False),
    ("http", {"status": 412, "text": ""}, InDoubt, False),
    ("http", {"status": 429, "text": ""}, InDoubt, False),
    ("http", {"status": 429, "text": OWN_WORDS}, RetryLater, True),
    ("garbage", {"status": 302, "code": "/sap/public/logon", "text": ""}, InDoubt, False),
    ("headers", {"code": "sap-message", "text": '{"severity": "error"}'}, InDoubt, False),
    ("headers", {"code": "sap-message", "text": '{"severity": "abort"}'}, InDoubt, False),
    ("headers", {"code": "sap-message", "text": "?"}, InDoubt, False),
    ("with", {"text": '{"BusinessPartnerIDByExtSystem": "ANOTHER"}'}, InDoubt, False),
    ("with", {"text": '{"__metadata": {"type": "X.Y"}}'}, InDoubt, False),
    ("without", {"text": "BusinessPartner"}, InDoubt, False),
    ("business", {"code": "R1/412", "text": "locked"}, RetryLater, True),
    ("business", {"code": "R1/224", "text": "not allowed"}, Rejected, True),
    ("business", {"code": "/IWFND/CM_AUTH/001", "text": "no role"}, Misconfigured, True),
]  # fmt: skip


@pytest.mark.parametrize("row", TO_A_WRITE, ids=lambda row: f"{row[0]} {row[1]}"[:60])
def test_only_a_proof_says_that_a_write_had_no_effect(
    sandbox: Sandbox,
    mappings: MappingSet,
    desk: CustomerDesk,
    row: tuple[str, dict[str, Any], Any, bool],
) -> None:
    kind, values, error, proof = row
    fault(sandbox, kind, "POST A_BusinessPartner", **values)
    with pytest.raises(ConnectorError) as raised:
        desk.create(buyer(), UNIT, REFERENCE)
    assert raised.value.no_effect is proof
    assert isinstance(raised.value, error)
    if proof:
        assert of(sandbox, CODE) == []
    sandbox.faults.set([])
    anew = CustomerDesk(s4.system(sandbox), lambda: mappings)
    assert len(anew.find_created(buyer(), REFERENCE)) == len(of(sandbox, CODE))


def test_a_partner_without_a_customer_is_neither_nobody_nor_created_again(
    sandbox: Sandbox, desk: CustomerDesk
) -> None:
    fault(sandbox, "no-customer", "POST A_BusinessPartner")
    with pytest.raises(InDoubt):
        desk.create(buyer(), UNIT, REFERENCE)
    sandbox.faults.set([])
    (partner,) = sandbox.books.all(PARTNER)
    with pytest.raises(InDoubt, match=f"business partner {partner['PARTNER']}") as raised:
        desk.find_created(buyer(), REFERENCE)
    assert raised.value.asked_again
    with pytest.raises(Rejected, match="no customer"):
        desk.find([buyer()])
    # A supplier who resembles somebody else is nobody's candidate.
    (found,) = desk.find([buyer("320300198501010029", "王芳")])
    assert [each.number for each in found] == ["0000100002"]


def test_a_number_that_is_not_there_is_a_doubt(sandbox: Sandbox, desk: CustomerDesk) -> None:
    fault(sandbox, "update-terminated", "POST A_BusinessPartner")
    with pytest.raises(InDoubt):
        desk.create(buyer(), UNIT, REFERENCE)
    assert desk.find_created(buyer(), REFERENCE) == []
    assert sandbox.sap.repeat_updates() == 1
    assert len(desk.find_created(buyer(), REFERENCE)) == 1


def test_what_was_changed_since_it_was_read_is_not_overwritten(
    sandbox: Sandbox, mappings: MappingSet
) -> None:
    system = s4.system(sandbox)
    with system.session() as session:
        row = session.call(READ, {"Customer": "100003"})["results"][0]
        correct_customer(sandbox.books, "0000100003", {"TELF1": "1"})
        change = {"BusinessPartner": row["BusinessPartner"], "SearchTerm1": "X"}
        with pytest.raises(RetryLater) as raised:
            session.call(CHANGE, change | {"OrganizationBPName1": "某某公司"})
    assert raised.value.no_effect
    assert "changed" in raised.value.message
    assert sandbox.books.get("sap.customer", "0000100003")["NAME1"] != "某某公司"  # type: ignore[index]
    with system.session() as session:  # without a state of its own it takes that of now
        session.call(CHANGE, change | {"OrganizationBPName1": "某某公司"})
        with pytest.raises(MappingFailed, match="41 characters"):
            session.call(CHANGE, change | {"OrganizationBPName1": "某" * 41})
        with pytest.raises(MappingFailed, match="Customer"):
            session.call(CHANGE, change | {"Customer": "1"})
    assert sandbox.books.get("sap.customer", "0000100003")["NAME1"] == "某某公司"  # type: ignore[index]


def test_a_change_that_sap_takes_for_none_of_a_known_state_had_no_effect(sandbox: Sandbox) -> None:
    change = {"BusinessPartner": "100003", "OrganizationBPName1": "某某公司"}
    fault(sandbox, "without", "GET A_BusinessPartner", text="etag")
    with s4.system(sandbox).session() as session:
        session.call(CHANGE, change)  # the header has it too
    fault(sandbox, "http", "PATCH A_BusinessPartner", status=428, text="")
    with s4.system(sandbox).session() as session, pytest.raises(Misconfigured) as raised:
        session.call(CHANGE, change)
    assert raised.value.no_effect


def test_a_token_that_sap_does_not_take_is_fetched_anew_once(
    sandbox: Sandbox, desk: CustomerDesk
) -> None:
    statuses: list[int] = []

    def seen(request: Request, response: Response) -> None:
        if request.method == "POST":
            statuses.append(response.status)

    sandbox.sap.s4.witness = seen
    sandbox.faults.set([Fault("sap", "no-session", "POST A_BusinessPartner", times=1)])
    desk.create(buyer(), UNIT, REFERENCE)
    assert statuses == [403, 201]
    sandbox.faults.set([Fault("sap", "no-session", "POST A_BusinessPartner")])
    with pytest.raises(Misconfigured, match="does not take the CSRF token") as raised:
        desk.create(company(), UNIT, "company:x")
    assert raised.value.no_effect
    sandbox.faults.set([Fault("sap", "headers", "*", code="x-csrf-token", text="dropped")])
    with pytest.raises(ConnectorError) as lost:
        desk.create(company(), UNIT, "company:x")
    assert of(sandbox, company().code) == []
    assert not lost.value.no_effect  # a 403 without SAP's header may be anybody's


def test_a_list_in_pages_is_read_to_its_end_whatever_host_it_names(
    sandbox: Sandbox, desk: CustomerDesk
) -> None:
    whole = desk.find(
        [buyer("320300198501010029", "王芳", street="样板路1号"), company("长沙起重")]
    )
    sandbox.sap.s4.page_size = 2
    assert (
        desk.find([buyer("320300198501010029", "王芳", street="样板路1号"), company("长沙起重")])
        == whole
    )
    assert len(whole[0]) > 2


def test_nobody_is_asked_for_by_nothing_and_too_many_are_refused(sandbox: Sandbox) -> None:
    system = s4.system(sandbox)
    with pytest.raises(Misconfigured, match="asks by nothing"):
        system.call(READ, {"$select": "BusinessPartner"})
    with pytest.raises(MappingFailed, match="NoSuch"):
        system.call(READ, {"NoSuch": "1"})
    assert system.call(READ, {"Customer": ["x" * 11]}) == {"results": []}
    for number in range(1001):
        row = {**sandbox.books.all("sap.customer")[0], "KUNNR": f"{number + 500000:010d}"}
        sandbox.books.put("sap.customer", row["KUNNR"], {**row, "NAME1": "张伟"})
    with pytest.raises(Rejected) as raised:
        system.call(READ, {"LastName": "张伟", "$select": "BusinessPartner"})
    assert raised.value.code == "too-many"


def test_a_refused_logon_is_not_tried_again(sandbox: Sandbox, mappings: MappingSet) -> None:
    system = s4.system(sandbox, password="wrong")
    with pytest.raises(LogonFailed, match="refuses our credentials"):
        system.ping()
    with pytest.raises(LogonFailed, match="not tried again"):
        system.ping()
    assert sandbox.sap.refused == 1
    # Once admitted, a refusal in the midst is tried once more: it may be another's word.
    good = s4.system(sandbox)
    good.ping()
    sandbox.faults.set([Fault("sap", "http", "GET *", status=401, text="")])
    for _ in range(2):
        with pytest.raises(LogonFailed):
            good.call(READ, {"Customer": "1"})
    assert sandbox.faults.describe()[0]["struck"] == 2


def test_access_tokens_are_fetched_kept_and_fetched_anew(
    sandbox: Sandbox, mappings: MappingSet
) -> None:
    asked: list[str] = []
    sandbox.sap.s4.witness = lambda request, _response: asked.append(request.path)
    url = sandbox.odata_url.partition("/sap/")[0] + TOKEN_ROUTE
    system = s4.system(sandbox, authentication="oauth2", token_url=url)
    desk = CustomerDesk(system, lambda: mappings)
    assert desk.create(buyer(), UNIT, REFERENCE)
    assert asked.count(TOKEN_ROUTE) == 1
    sandbox.sap.s4.revoke()
    assert desk.find_by_code(CODE)
    assert asked.count(TOKEN_ROUTE) == 2
    wrong = s4.system(sandbox, authentication="oauth2", token_url=url, password="wrong")
    for _ in range(2):
        with pytest.raises(LogonFailed) as raised:
            wrong.ping()
    assert sandbox.sap.refused == 1  # the second was not tried
    assert raised.value.no_effect or "not tried again" in str(raised.value)


def test_an_access_token_ends_on_either_side(sandbox: Sandbox, mappings: MappingSet) -> None:
    asked: list[str] = []
    sandbox.sap.s4.witness = lambda request, _response: asked.append(request.path)
    url = sandbox.odata_url.partition("/sap/")[0] + TOKEN_ROUTE
    system = s4.system(sandbox, authentication="oauth2", token_url=url)
    now = 1000.0
    system._token = AccessToken(system._settings, lambda: now)
    desk = CustomerDesk(system, lambda: mappings)
    sandbox.sap.s4.bearer_lives = timedelta(minutes=10)
    assert desk.read_back("100003") is not None
    now += 539
    assert desk.read_back("100003") is not None
    assert asked.count(TOKEN_ROUTE) == 1
    now += 2  # a minute before its end it is not used any more
    assert desk.read_back("100003") is not None
    assert asked.count(TOKEN_ROUTE) == 2
    # It ends earlier than it said: a read is made anew with another one, and so is a creation.
    sandbox.sap.s4.revoke()
    assert desk.create(buyer(), UNIT, REFERENCE)
    assert asked.count(TOKEN_ROUTE) == 3


@pytest.mark.parametrize("lasts", [None, "nan", "inf", -1, 0, "600"])
def test_how_long_an_access_token_lasts_is_never_for_ever(lasts: Any) -> None:
    assert _lasts(lasts) == 600


@pytest.mark.parametrize("category", ["CN0", "CN1"])
def test_a_tax_number_in_an_earlier_category_is_the_buyers_all_the_same(
    sandbox: Sandbox, desk: CustomerDesk, category: str
) -> None:
    wanted = company("徐州新恒起重设备有限公司", "91320300MA11001ABD")
    correct_customer(
        sandbox.books,
        "0000100011",
        {"NAME1": "徐州恒起工程机械公司", "STCD5": wanted.code, "TAXTYPE": category},
    )
    (found,) = desk.find([wanted])
    decision = decide(wanted, found)
    assert decision.verdict is not Verdict.NEW
    assert decision.ranked[0].candidate.number == "0000100011"
    assert decision.ranked[0].code is Agreement.EQUAL
    assert [each.number for each in desk.find_by_code(wanted.code)] == ["0000100011"]
    # A correction keeps to the category that is there.
    assert desk.correct("100011", wanted, UNIT).codes == (wanted.code,)
    row = sandbox.books.get("sap.customer", "0000100011")
    assert row is not None
    assert (row["TAXTYPE"], row.get("TAXES")) == (category, None)


def test_an_older_number_beside_todays_is_no_other_buyer(
    sandbox: Sandbox, desk: CustomerDesk
) -> None:
    wanted = company("徐州新恒起重设备有限公司", "91320300MA11001ABD")
    taxes = {"CN0": wanted.code, "CN1": "320300123456789"}
    correct_customer(
        sandbox.books, "0000100011", {"NAME1": wanted.name, "STCD5": "913203001", "TAXES": taxes}
    )
    (found,) = desk.find([wanted])
    assert decide(wanted, found).number == "0000100011"


@pytest.fixture
def behind_tls(sandbox: Sandbox, tmp_path: Path) -> Iterator[tuple[str, Certificates, list[str]]]:
    """Serve the sandbox's SAP by TLS to whoever shows a certificate; tell who came."""
    made, came = Certificates(tmp_path), []
    target = sandbox.odata_url.partition("/sap/")[0]

    class Passing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do(self) -> None:
            subject = dict(each[0] for each in self.connection.getpeercert()["subject"])
            came.append(subject["commonName"])
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {n: v for n, v in self.headers.items() if n != "Host"}
            assert "Authorization" not in headers
            answer = requests.request(
                self.command, target + self.path, data=body, headers=headers,
                auth=("RFC_CONNECTOR", "sandbox-secret"), timeout=30,
            )  # fmt: skip
            self.send_response(answer.status_code)
            for name in ("Content-Type", "x-csrf-token", "Set-Cookie", "etag"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PATCH = do  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Passing)
    server.socket = made.server_context().wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://localhost:{server.server_address[1]}/sap/opu/odata/sap", made, came
    server.shutdown()
    server.server_close()


def test_a_client_certificate_logs_on_and_the_sites_own_authority_is_trusted(
    sandbox: Sandbox,
    mappings: MappingSet,
    behind_tls: tuple[str, Certificates, list[str]],
) -> None:
    url, made, came = behind_tls
    known = {"authentication": "certificate", "client_certificate": made.client}
    # The address of one service alone: the others lie at sap.url.
    services = {"API_BUSINESS_PARTNER": f"{url}/API_BUSINESS_PARTNER"}
    system = s4.system(sandbox, services=services, ca_file=made.ca, **known)
    assert CustomerDesk(system, lambda: mappings).create(buyer(), UNIT, REFERENCE)
    assert set(came) == {"connector"}
    with pytest.raises(Misconfigured, match="certificate of SAP") as raised:
        s4.system(sandbox, services=services, **known).ping()
    assert raised.value.no_effect
    with pytest.raises(ConnectorError):
        s4.system(sandbox, services=services, ca_file=made.ca).ping()
    missing = {**known, "client_certificate": made.ca.parent / "none.pem"}
    with pytest.raises(Misconfigured, match="client_certificate"):
        s4.system(sandbox, services=services, ca_file=made.ca, **missing).ping()


def test_over_soap_too_a_certificate_logs_on_and_a_proxy_is_passed(
    sandbox: Sandbox, behind_tls: tuple[str, Certificates, list[str]]
) -> None:
    url, made, came = behind_tls
    url = url.partition("/sap/")[0] + "/sap/bc/soap/rfc"
    shown = SoapSettings(url, "100", "", "", ca_file=made.ca, client_certificate=made.client)
    assert "SAP answers" in SoapSap(shown).ping()
    assert set(came) == {"connector"}
    with pytest.raises(ConnectorError):
        SoapSap(SoapSettings(url, "100", "", "", ca_file=made.ca)).ping()
    base = sandbox.sap_url.partition("/sap/")[0]
    address = "http://127.0.0.1:9/sap/bc/soap/rfc"  # nobody is there but by way of the proxy
    settings = SoapSettings(address, "100", SAP_USER, SAP_PASSWORD, proxy=base)
    assert "SAP answers" in SoapSap(settings).ping()


def test_a_proxy_is_passed_and_one_that_is_away_is_waited_for(sandbox: Sandbox) -> None:
    base = sandbox.odata_url.partition("/sap/")[0]
    system = s4.system(sandbox, proxy=base)  # the sandbox takes absolute addresses as well
    assert "API_BUSINESS_PARTNER" in system.ping()
    with pytest.raises(RetryLater) as raised:
        s4.system(sandbox, proxy="http://127.0.0.1:9").ping()
    assert raised.value.no_effect


Check = tuple[str, dict[str, Any], str]
CHECKS: list[Check] = [
    ("headers", {"operation": "GET API_BUSINESS_PARTNER", "code": "x-csrf-token",
                 "text": "dropped"}, "gives no CSRF token"),
    ("http", {"operation": "GET $metadata", "status": 401, "text": ""}, "refuses our credentials"),
    ("http", {"operation": "GET *", "status": 403, "text": "no"}, "may not do this"),
    ("business", {"operation": "GET *", "code": "/IWFND/MED/170", "text": "No service"},
     "MAINT_SERVICE"),
    ("garbage", {"operation": "GET $metadata", "status": 200,
                 "text": "<html><input type='password'>"},
     "logon page"),
    ("garbage", {"operation": "GET A_BusinessPartner", "status": 200, "text": "<html>x</html>"},
     "a page came"),
    ("without", {"operation": "GET A_AddressPhoneNumber", "text": "d"},
     "without d"),
    ("http", {"operation": "GET DetermineAvailabilityAt", "status": 403, "text": "no"}, "may not"),
]  # fmt: skip


@pytest.mark.parametrize("row", CHECKS, ids=lambda row: f"{row[0]} {row[1]['operation']}")
def test_the_check_says_what_is_missing_and_what_helps(
    sandbox: Sandbox, mappings: MappingSet, row: Check
) -> None:
    kind, values, words = row
    sandbox.faults.set([Fault("sap", kind, **values)])  # type: ignore[arg-type]
    tried = list(try_everything(s4.system(sandbox), mappings, "1000"))
    wrong = [str(each.error) for each in tried if each.error is not None]
    assert any(words in each for each in wrong), wrong
    sandbox.faults.set([])
    sandbox.sap.unlock()
    good = list(try_everything(s4.system(sandbox), mappings, "1000"))
    assert [str(each.error) for each in good if each.error is not None] == []
    assert "customers may be looked for" in [each.what for each in good]


def test_an_operation_that_no_service_has_is_named(sandbox: Sandbox) -> None:
    system = s4.system(sandbox)
    for function, words in (
        ("RFC_PING", "no operation of an OData service"),
        ("GET API_BUSINESS_PARTNER/A_Nobody", "has no A_Nobody"),
        ("GET API_NONE/A_Nobody", "not there"),
    ):
        with pytest.raises(Misconfigured, match=words):
            system.call(function, {"X": "1"})
    with pytest.raises(Misconfigured, match="writes"):
        system.call(CREATE, {})


def test_the_body_of_a_creation_is_json_as_odata_writes_it(
    sandbox: Sandbox, desk: CustomerDesk
) -> None:
    bodies: list[dict[str, Any]] = []

    def seen(request: Request, _response: Response) -> None:
        if request.method == "POST":
            bodies.append(json.loads(request.body))

    sandbox.sap.s4.witness = seen
    desk.create(buyer(), UNIT, REFERENCE)
    (body,) = bodies
    (address,) = body["to_BusinessPartnerAddress"]
    assert address["to_PhoneNumber"] == [
        {"PhoneNumber": "13900000055", "PhoneNumberType": "1", "IsDefaultPhoneNumber": True}
    ]
    assert body["to_Customer"]["to_CustomerSalesArea"][0]["SalesOrganization"] == "1000"
    assert "Customer" not in body


def test_the_sandbox_command_tells_how_to_reach_it_as_s4(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "connector", "sandbox", "--sap", "s4", "--port-base"]
    with Reserved() as at:
        base = at.port
    process = subprocess.Popen([*command, str(base)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told: list[str] = []
        while not told or "check --live" not in told[-1]:
            told.append(process.stdout.readline())
            assert told[-1], "it ended"
    finally:
        process.terminate()
        process.wait()
    exports = dict(re.findall(r"(CONNECTOR_\w+)=(\S+)", "".join(told)))
    assert exports["CONNECTOR_SAP__TRANSPORT"] == "odata"
    assert exports["CONNECTOR_SAP__URL"].endswith("/sap/opu/odata/sap")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"authentication": "oauth2"}, "token_url"),
        ({"authentication": "certificate"}, "client_certificate"),
    ],
)
def test_settings_say_what_a_way_to_log_on_needs(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SapSection(transport="odata", **settings)


def test_a_logon_is_known_by_all_that_it_is_made_of(tmp_path: Path) -> None:
    by_certificate = SapSection(
        transport="odata", authentication="certificate", client_certificate=tmp_path / "c.pem"
    )
    assert dumps(by_certificate.logon()) != dumps(SapSection(transport="odata").logon())


def test_addresses_without_tls_on_other_machines_are_refused(tmp_path: Path) -> None:
    made = load_settings()
    for values in (
        {"url": "http://s4.example/sap"},
        {"url": "https://s4.example/sap", "services": {"API_X": "http://s4.example/x"}},
        {"url": "https://s4.example/sap", "token_url": "http://s4.example/t"},
    ):
        made.sap = SapSection(transport="odata", **values)
        with pytest.raises(Misconfigured, match="https"):
            sap_of(made)
