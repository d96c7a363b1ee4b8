"""SAP as it is where nobody prepared it for us: each oddity ends in an error, never in "nobody".

Buyers whom SAP has, and some whom it has not, come again and again, as in a service that runs all
day. However SAP answers, no buyer gets a second customer, and the check says that something is
wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from connector.domain.matching import Verdict, decide
from connector.domain.order import Buyer
from connector.errors import ConnectorError, Misconfigured
from connector.mapping import load
from connector.sandbox.faults import Fault
from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sap.customers import CustomerDesk
from connector.sap.interface import Snapshots, file_of, snapshot_of, stored_in
from connector.sap.live import try_everything
from connector.sap.port import SapSystem
from connector.sap.rfc import RfcSap, RfcSettings
from connector.sap.soap import SoapSap, SoapSettings
from tests.sap.test_lookup import (
    FIND_BY_FUNCTION,
    KNOWN,
    NOBODY,
    PERSON,
    READ_BY_BAPI,
    UNIT,
    buyer,
    mappings_with,
)
from tests.support import pyrfc_double

ROUNDS = 3
BUYERS = [KNOWN, PERSON, NOBODY, buyer("320300198501010061", "韩梅", "13911112223", "无名路10号")]
CREATE_BY_FUNCTION = """
target: {system: sap, operation: Z_CUSTOMER_CREATE}
calls:
  - function: Z_CUSTOMER_CREATE
    request:
      - {field: IS_CUSTOMER.NAME, source: buyer.name, required: true, max_length: 40}
      - {field: IS_CUSTOMER.STCD5, source: buyer.code, required: true, max_length: 60}
      - {field: IS_CUSTOMER.STREET, source: buyer.address.street, max_length: 60}
      - {field: IS_CUSTOMER.CITY, source: buyer.address.city, max_length: 40}
      - {field: IS_CUSTOMER.REF_CUSTMR, source: business_unit.reference_company}
answer:
  values: {number: "answers[0].EV_KUNNR"}
"""
SITE = {
    "sap_customer_find": FIND_BY_FUNCTION,
    "sap_customer_read": READ_BY_BAPI,
    "sap_customer_create_person": CREATE_BY_FUNCTION,
    "sap_customer_create_company": CREATE_BY_FUNCTION,
}
ERROR = "<TYPE>{type}</TYPE><ID>ZC</ID><NUMBER>001</NUMBER><MESSAGE>no</MESSAGE>"


def message(place: str, kind: str = "E", row: bool = False) -> str:
    inner = ERROR.format(type=kind)
    return f"<{place}>{'<item>' + inner + '</item>' if row else inner}</{place}>"


@dataclass(frozen=True)
class Oddity:
    name: str
    faults: tuple[str, ...]
    site: bool = False  # with function modules of the site's own
    only: str = ""  # the transport that can suffer it


def at(function: str, kind: str, text: str, name: str, only: str = "") -> Oddity:
    fault = f"{kind}:operation={function},status=200,text={text}"
    return Oddity(f"{function}: {name}", (fault,), site=True, only=only)


FIND, NEW, TABLE = "Z_CUSTOMER_FIND", "Z_CUSTOMER_CREATE", "RFC_READ_TABLE"
NOT_ALLOWED = "business:operation={},code=RFC_NO_AUTHORITY"
ENVELOPE = "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body>{}</e:Body>"
PING = ENVELOPE.format("<RFC_PING.Response/>") + "</e:Envelope>"

ODDITIES = [
    Oddity("interfaces may not be read", (NOT_ALLOWED.format("RFC_GET_FUNCTION_INTERFACE"),), True),
    Oddity("structures may not be read", (NOT_ALLOWED.format("DDIF_FIELDINFO_GET"),), True, "soap"),
    # An answer without its parts, or of another function.
    *(
        Oddity(f"{TABLE}: without {parts}", (f"without:operation={TABLE},text={parts}",))
        for parts in ("FIELDS", "DATA", "FIELDS+DATA", "OFFSET", "WA")
    ),
    *(
        Oddity(f"{TABLE}: {name}", (f"{kind}:operation={TABLE},status=200,text={text}",), only=only)
        for kind, text, name, only in (
            (
                "with",
                "<DATA/><ET_DATA><item><LINE>x</LINE></item></ET_DATA>",
                "the rows elsewhere",
                "soap",
            ),
            ("with", "<FIELDS/>", "of no columns", ""),
            ("with", "<DATA><item><WA>0000100001</WA></item></DATA>", "rows too short", ""),
            ("with", message("RETURN"), "an error in RETURN", "soap"),
            ("garbage", PING, "of another function", "soap"),
            ("garbage", "<!DOCTYPE e [<!ENTITY x 'y'>]>" + PING, "with entities", "soap"),
        )
    ),
    at(FIND, "without", "CUSTOMERS", "without its table"),
    at(FIND, "garbage", PING, "of another function", "soap"),
    at(FIND, "with", "<CUSTOMERS><KUNNR>1</KUNNR></CUSTOMERS>", "one row as a structure", "soap"),
    at(FIND, "with", "<CUSTOMERS>none</CUSTOMERS>", "a word for a table", "soap"),
    # Messages wherever they stand.
    *(
        at(FIND, "with", f"<CUSTOMERS/>{text}", name, only)
        for text, name, only in (
            (message("ET_RETURN", row=True), "an error in ET_RETURN", ""),
            (message("ES_RETURN", "A"), "an abort in ES_RETURN", ""),
            (message("RETURN", row=True), "an error in RETURN", ""),
            (message("MESSAGES", row=True), "an error in MESSAGES", "soap"),
            (f"<ES_RESULT>{message('RETURN')}</ES_RESULT>", "an error within a structure", "soap"),
            ("<E_SUBRC>4</E_SUBRC>", "E_SUBRC 4", ""),
            ("<EV_ERROR>X</EV_ERROR>", "EV_ERROR X", ""),
        )
    ),
    *(
        at(NEW, "with", f"<EV_KUNNR>0000100001</EV_KUNNR>{text}", name, only)
        for text, name, only in (
            (message("ET_RETURN", row=True), "an error in ET_RETURN, another's number", ""),
            ("<E_SUBRC>8</E_SUBRC>", "E_SUBRC 8, another's number", ""),
            (message("ES_RETURN", "A"), "an abort in ES_RETURN, another's number", "soap"),
        )
    ),
    at(NEW, "without", "EV_KUNNR", "without the number"),
    Oddity(
        "stock: without its quantity",
        ("without:operation=BAPI_MATERIAL_AVAILABILITY,text=AV_QTY_PLT",),
    ),
]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


Connect = Callable[..., SapSystem]


@pytest.fixture(params=["soap", "rfc"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connect(transport: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Connect:
    if transport == "rfc":
        import pyrfc

        monkeypatch.setattr(pyrfc, "Connection", pyrfc_double.Connection)

    def connected(snapshots: Snapshots | None = None) -> SapSystem:
        if transport == "soap":
            settings = SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD)
            return SoapSap(settings, snapshots=snapshots)
        return RfcSap(RfcSettings({"url": sandbox.sap_url}, "100", SAP_USER, SAP_PASSWORD))

    return connected


def live_through(desk: CustomerDesk) -> set[str]:
    """Serve every buyer some times over; return the errors in which it ended."""
    ended: set[str] = set()
    for _ in range(ROUNDS):
        for each in BUYERS:
            try:
                found = desk.find([each])[0]
                if decide(each, found).verdict is Verdict.NEW:
                    desk.create(each, UNIT)
            except ConnectorError as error:
                ended.add(type(error).__name__)
    return ended


def customers(sandbox: Sandbox, each: Buyer) -> int:
    return sum(row["STCD5"] == each.code for row in sandbox.books.all("sap.customer"))


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda each: each.name)
def test_no_oddity_makes_a_second_customer(
    sandbox: Sandbox, connect: Connect, transport: str, tmp_path: Path, oddity: Oddity
) -> None:
    if oddity.only not in ("", transport):
        pytest.skip(f"cannot happen over {transport}")
    mappings = load(mappings_with(tmp_path, **(SITE if oddity.site else {})))
    before = {each.code: customers(sandbox, each) for each in BUYERS}
    sandbox.faults.set([Fault.parse(f"sap:{each}") for each in oddity.faults])
    ended = live_through(CustomerDesk(connect(), lambda: mappings))
    said = [each for each in try_everything(connect(), mappings, "1000") if each.error is not None]
    after = {each.code: customers(sandbox, each) for each in BUYERS}
    most = max(after.values())
    print(f"{oddity.name:60} {transport:5} most {most}  ended {', '.join(sorted(ended))}")
    assert ended or "stock" in oddity.name, "nobody was told"
    assert said or NEW in oddity.name, "the check says that all is well"
    assert most <= 1
    # Whom SAP has had before, nobody makes again.
    assert all(after[code] == 1 for code, count in before.items() if count)


NOT_READ = Fault.parse("sap:" + NOT_ALLOWED.format("RFC_GET_FUNCTION_INTERFACE"))


def test_a_stored_interface_stands_in_for_one_that_may_not_be_read(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    folder = mappings_with(tmp_path, **SITE)
    mappings = load(folder)
    settings = SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD)
    for function in (FIND, NEW, "BAPI_CUSTOMER_GETDETAIL2"):
        described = snapshot_of(function, SoapSap(settings).describe(function))
        (folder / "interfaces" / file_of(function)).write_bytes(described)
    sandbox.faults.set([NOT_READ])
    system = SoapSap(settings, snapshots=stored_in(folder))
    ended = live_through(CustomerDesk(system, lambda: mappings))
    assert ended == set()
    assert [customers(sandbox, each) for each in BUYERS] == [1, 1, 1, 1]
    tried = list(try_everything(system, mappings, "1000", stored_in(folder)))
    assert [each.error for each in tried if each.error is not None] == [
        each.error for each in tried if "BAPI_CUSTOMER" in str(each.error)
    ]
    assert {each.what.partition(":")[0] for each in tried if each.passable} >= {FIND, NEW}


def test_an_authorisation_that_is_given_is_taken_up_at_once(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    mappings = load(mappings_with(tmp_path, **SITE))
    system = SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD))
    desk = CustomerDesk(system, lambda: mappings)
    sandbox.faults.set([NOT_READ])
    with pytest.raises(Misconfigured, match=r"Z_CUSTOMER_FIND.*RFC1.*Z_CUSTOMER_FIND\.json"):
        desk.find([KNOWN])
    sandbox.faults.set([])
    assert desk.find([KNOWN])[0]


def test_the_check_says_once_per_function_which_authorisation_is_missing(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    mappings = load(mappings_with(tmp_path, **SITE))
    sandbox.faults.set([NOT_READ])
    system = SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD))
    said = [str(each.error) for each in try_everything(system, mappings, "1000") if each.error]
    named = [each.partition(":")[0] for each in said]
    assert len(named) == len(set(named))
    assert {"SAP Z_CUSTOMER_FIND", "SAP Z_CUSTOMER_CREATE", "SAP Z_CUSTOMER_TAX_SET"} <= set(named)
    assert all("S_RFC" in each for each in said)
