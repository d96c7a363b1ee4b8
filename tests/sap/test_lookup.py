"""Looking customers up: many at once, by table or function module, remembered for a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.matching import Verdict, decide, search_stem
from connector.domain.order import Address, Buyer, BuyerKind
from connector.errors import MappingFailed, Misconfigured, Rejected
from connector.mapping import load
from connector.sandbox.faults import Fault
from connector.sandbox.sap_where import parse
from connector.sandbox.service import SAP_PASSWORD, SAP_USER, Sandbox
from connector.sap.customers import CustomerDesk, Remembered
from connector.sap.envelope import request_xml
from connector.sap.live import try_everything
from connector.sap.readtable import Condition, read, where
from connector.sap.soap import SoapSap, SoapSettings
from connector.sap.stock import StockDesk
from connector.steps.recognise import _asked

FOLDER = Path(__file__).parents[2] / "mappings"
UNIT = {
    "sales_org": "1000", "distribution_channel": "10", "division": "00",
    "reference_company": "0000000001", "reference_person": "0000000002",
}  # fmt: skip
NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)

FIND_BY_FUNCTION = """
target: {system: sap, operation: Z_CUSTOMER_FIND}
request:
  - {field: CODE, source: code}
  - {field: PHONE, source: phone}
  - {field: NAME, source: name_stem}
answer:
  fields:
    - field: customers
      each: CUSTOMERS
      fields:
        - {field: number, source: KUNNR, required: true}
        - {field: name, source: NAME}
        - {field: code, source: STCD5}
        - {field: phone, source: TELF1}
        - {field: street, source: STRAS}
        - {field: city, source: ORT01}
        - {field: deleted, source: LOEVM}
        - {field: blocked, source: AUFSD}
"""
READ_BY_BAPI = """
target: {system: sap, operation: BAPI_CUSTOMER_GETDETAIL2}
request:
  - {field: CUSTOMERNO, source: number, required: true}
answer:
  outcome:
    - {when: "RETURN.NUMBER == '153'", is: absent}
    - {otherwise: ok}
  fields:
    - field: customers
      each: "[CUSTOMERADDRESS]"
      fields:
        - {field: number, source: CUSTOMER, required: true}
        - {field: name, source: NAME}
        - {field: street, source: STREET}
        - {field: code, source: root.CUSTOMERGENERALDETAIL.TAX_NO_5}
"""
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
ASK_BY_NAME_AND_PHONE = """
target: {system: sap, operation: RFC_READ_TABLE}
read_table:
  table: KNA1
  columns: {KUNNR: number, NAME1: name, TELF1: phone, STRAS: street, LOEVM: deleted}
  find_by:
    - {column: NAME1, source: name}
    - {column: TELF1, source: phone}
    - {column: STRAS, source: address.street}
"""


def buyer(code: str, name: str, phone: str = "13900000055", street: str = "样板路88号") -> Buyer:
    kind = BuyerKind.PERSON if len(name) < 4 else BuyerKind.COMPANY
    address = Address("CN", "湖北", "武汉市", street, "430014")
    return Buyer(kind, name, code, name, phone, "", address)


KNOWN = buyer("91320300MA11000ABP", "徐州恒力起重设备有限公司")
PERSON = buyer("320300198201010174", "王芳")
NOBODY = buyer("320300198501010053", "李雷", "13911112222", "无名路9号")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def system(sandbox: Sandbox) -> SoapSap:
    return SoapSap(SoapSettings(sandbox.sap_url, "100", SAP_USER, SAP_PASSWORD))


def mappings_with(folder: Path, **files: str) -> Path:
    """Copy the shipped mappings; each of `files` is added or replaced, or taken out when empty."""
    for path in FOLDER.rglob("*.*"):
        copy = folder / path.relative_to(FOLDER)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def desk(sandbox: Sandbox, folder: Path = FOLDER, remembered: Remembered | None = None
         ) -> CustomerDesk:  # fmt: skip
    mappings = load(folder)
    return CustomerDesk(system(sandbox), lambda: mappings, remembered)


def counted(sandbox: Sandbox, function: str) -> Fault:
    """A fault that strikes nothing and counts the calls of a function module."""
    fault = Fault.parse(f"sap:latency:operation={function},times=0")
    sandbox.faults.set([fault])
    return fault


def numbers(found: list[list[object]]) -> list[list[str]]:
    return [[each.number for each in candidates] for candidates in found]  # type: ignore[attr-defined]


def test_many_buyers_take_few_questions(sandbox: Sandbox) -> None:
    buyers = [
        buyer(
            f"9132030{number:04d}1100ABP", f"长沙起重{number:02d}有限公司", f"1390002{number:04d}"
        )
        for number in range(24)
    ]
    calls = counted(sandbox, "RFC_READ_TABLE")
    found = desk(sandbox).find([KNOWN, *buyers, PERSON])
    assert calls.seen <= 4
    assert "0000100001" in [each.number for each in found[0]]
    assert [each.number for each in found[-1]] == ["0000100002"]


def test_a_site_s_own_function_module_looks_and_reads(sandbox: Sandbox, tmp_path: Path) -> None:
    folder = mappings_with(
        tmp_path, sap_customer_find=FIND_BY_FUNCTION, sap_customer_read=READ_BY_BAPI
    )
    at = desk(sandbox, folder)
    found = at.find([KNOWN, PERSON, NOBODY])
    assert "0000100001" in [each.number for each in found[0]]
    assert [each.number for each in found[1]] == ["0000100002"]
    assert found[2] == []
    number = at.create(NOBODY, UNIT)
    there = at.read_back(number)
    assert there is not None
    assert (there.name, there.code) == ("李雷", NOBODY.code)
    assert [each.number for each in at.find_by_code(NOBODY.code)] == [number]
    assert at.read_back("999999") is None


def test_a_function_module_that_takes_several_buyers_is_asked_for_them_together(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    single = FIND_BY_FUNCTION.partition("request:")[2].partition("answer:")[0]
    together = """
  - field: BUYERS
    each: buyers
    fields:
      - {field: CODE, source: code}
      - {field: PHONE, source: phone}
      - {field: NAME, source: name_stem}
"""
    text = FIND_BY_FUNCTION.replace(single, together).replace("request:", "batch: 3\nrequest:")
    mappings = load(mappings_with(tmp_path, sap_customer_find=text))
    at = CustomerDesk(system(sandbox), lambda: mappings)
    buyers = [NOBODY, KNOWN, replace(NOBODY, phone="13911113333"), PERSON]
    calls = counted(sandbox, "Z_CUSTOMER_FIND")
    found = at.find(buyers)
    assert calls.seen == 2  # of three, and of one
    # A row does not say whom it is for: the decision is made for each buyer, on its own evidence.
    decided = [decide(each, candidates) for each, candidates in zip(buyers, found, strict=True)]
    assert [each.number for each in decided] == [None, "0000100001", None, "0000100002"]
    assert [each.verdict for each in decided[::2]] == [Verdict.NEW] * 2
    assert {each.number for each in found[1]} == {each.number for each in found[0]}


def test_reading_by_number_without_a_way_is_said(sandbox: Sandbox, tmp_path: Path) -> None:
    folder = mappings_with(tmp_path, sap_customer_find=FIND_BY_FUNCTION)
    with pytest.raises(Misconfigured, match=r"sap_customer_read\.yaml"):
        desk(sandbox, folder).read_back("100001")


@pytest.mark.parametrize("number", ["1" * 90, "9999999999", "", "100001' OR KUNNR LIKE '%"])
def test_a_number_that_cannot_be_a_customer_s_is_nobody(sandbox: Sandbox, number: str) -> None:
    assert desk(sandbox).read_back(number) is None


def test_where_nothing_can_be_asked_sap_is_not_asked(sandbox: Sandbox) -> None:
    calls = counted(sandbox, "RFC_READ_TABLE")
    assert list(read(system(sandbox), "KNA1", ["KUNNR"], [])) == []
    assert calls.seen == 0
    assert list(read(system(sandbox), "KNA1", ["KUNNR"], [Condition("KUNNR", "0000100001")]))
    assert calls.seen == 1


def test_what_is_too_long_for_a_line_breaks_before_its_value_or_is_said(sandbox: Sandbox) -> None:
    code = "C" * 60
    assert where([Condition("STCD5", code), Condition("STCD5", code)]) == [
        f"STCD5 = '{code}'", "OR STCD5 =", f"'{code}'",
    ]  # fmt: skip
    row = sandbox.books.get("sap.customer", "0000100001")
    assert row is not None
    sandbox.books.put("sap.customer", "0000100001", {**row, "STCD5": code})
    asked = [Condition("TELF1", "1"), Condition("STCD5", code)]
    assert [each["STCD5"] for each in read(system(sandbox), "KNA1", ["STCD5"], asked)] == [code]
    with pytest.raises(MappingFailed, match="STCD5: 70 characters, 69 allowed"):
        where([Condition("STCD5", "1" * 70)])


@pytest.mark.parametrize("function", ["Z_RFC_READ_TABLE", "/BODS/RFC_READ_TABLE2"])
def test_the_function_that_the_mapping_names_reads_the_table(
    sandbox: Sandbox, tmp_path: Path, function: str
) -> None:
    text = (FOLDER / "sap_customer_find.yaml").read_text(encoding="utf-8")
    folder = mappings_with(
        tmp_path, sap_customer_find=text.replace("RFC_READ_TABLE}", f"{function}}}")
    )
    blocked = Fault.parse("sap:business:operation=RFC_READ_TABLE,code=NOT_AUTHORIZED")
    sandbox.faults.set([blocked])
    assert [each.number for each in desk(sandbox, folder).find([PERSON])[0]] == ["0000100002"]
    assert desk(sandbox, folder).find([NOBODY]) == [[]]
    tried = list(try_everything(system(sandbox), load(folder), "1000"))
    assert [str(each.error) for each in tried if each.error is not None] == []
    assert f"{function} is there" in [each.what for each in tried]
    assert blocked.seen == 0


def test_mixed_case_has_no_names_with_a_namespace() -> None:
    with pytest.raises(Misconfigured, match=r"namespace_style.*/BODS/RFC_READ_TABLE2"):
        request_xml("/BODS/RFC_READ_TABLE2", {}, "mc")


def test_a_creation_is_asked_about_by_the_mapped_reference(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    folder = mappings_with(tmp_path, sap_customer_ask=ASK_BY_NAME_AND_PHONE)
    at = desk(sandbox, folder)
    # Somebody of the same name, and somebody with the same phone, are not the one created.
    at.create(replace(NOBODY, code="320300198501010061", phone="13933334444"), UNIT)
    at.create(replace(NOBODY, code="32030019850101007X", name="韩梅"), UNIT)
    assert at.find_created(NOBODY, "r") == []
    number = at.create(NOBODY, UNIT)
    assert [each.number for each in at.find_created(NOBODY, "r")] == [number]


def test_a_record_under_the_organisation_code_is_a_candidate(sandbox: Sandbox) -> None:
    sandbox.books.put("sap.customer", "0000100099", {
        **(sandbox.books.get("sap.customer", "0000100010") or {}),
        "KUNNR": "0000100099", "NAME1": "旧名", "MCOD1": "旧名", "STCD5": "MA11000AB",
    })  # fmt: skip
    found = desk(sandbox).find([buyer("91320300MA11000ABP", "全新名称有限公司")])[0]
    assert "0000100099" in [each.number for each in found]


@pytest.mark.parametrize(
    "name", ["江苏省徐州恒力起重有限公司", "江苏徐州恒力起重有限公司", "徐州恒力起重有限公司"]
)
def test_a_name_is_found_with_or_without_its_province(sandbox: Sandbox, name: str) -> None:
    found = desk(sandbox).find([buyer("91320300MA19999ABX", name, "1", "无名路1号")])[0]
    assert {"0000100001", "0000100010"} <= {each.number for each in found}


def test_recognised_buyers_are_remembered_until_it_expires(sandbox: Sandbox) -> None:
    now = [NOON]
    at = desk(sandbox, remembered=Remembered(lambda: now[0], timedelta(minutes=10)))
    calls = counted(sandbox, "RFC_READ_TABLE")
    (found,) = at.find([PERSON])
    at.remember(PERSON, found)
    assert at.find([PERSON]) == [found]
    assert calls.seen == 1
    # Another phone is another question.
    at.find([replace(PERSON, phone="13900000056")])
    assert calls.seen == 2
    # Remembering again does not make it younger.
    now[0] += timedelta(minutes=6)
    at.remember(PERSON, found)
    now[0] += timedelta(minutes=4)
    assert at.find([PERSON]) == [found]
    assert calls.seen == 3


def test_that_nobody_was_found_is_never_remembered(sandbox: Sandbox) -> None:
    at = desk(sandbox, remembered=Remembered(lambda: NOON, timedelta(minutes=10)))
    assert at.find([NOBODY]) == [[]]
    number = desk(sandbox).create(NOBODY, UNIT)
    assert numbers(at.find([NOBODY])) == [[number]]  # type: ignore[arg-type]


def test_what_is_cut_is_told_and_what_may_not_be_cut_is_refused(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    text = (FOLDER / "sap_customer_create_company.yaml").read_text(encoding="utf-8")
    text = text.replace(
        "source: buyer.address.street, required: true, max_length: 60",
        "source: buyer.address.street, required: true, max_length: 60, too_long: cut",
    )
    at = desk(sandbox, mappings_with(tmp_path, sap_customer_create_company=text))
    long = buyer("91320300MA11077ABX", "长街有限公司", street="长" * 70)
    assert at.cuts(long, UNIT) == ["PI_COMPANYDATA.STREET: 70 characters, 60 allowed, cut"]
    assert at.create(long, UNIT)
    named = replace(long, name="名" * 141)
    with pytest.raises(MappingFailed, match=r"PI_COMPANYDATA\.NAME_4: 36 characters, 35 allowed"):
        at.create(named, UNIT)


@pytest.mark.parametrize(("material", "stored"), [("4711", "0" * 14 + "4711"), ("XC-1", "XC-1")])
def test_materials_are_asked_in_sap_s_inner_form(
    sandbox: Sandbox, material: str, stored: str
) -> None:
    row = {"WERKS": "1000", "MATNR": stored, "MEINS": "ST", "LABST": "7"}
    sandbox.books.put("sap.stock", f"1000/{stored}", row)
    mappings = load(FOLDER)
    at = StockDesk(system(sandbox), lambda: mappings)
    assert at.available(plant="1000", material=material, unit="PCE") == 7


def test_threads_that_look_up_at_once_do_not_mix(sandbox: Sandbox) -> None:
    at, wrong = desk(sandbox), []

    def look(who: Buyer, number: str) -> None:
        for _ in range(5):
            if number not in [each.number for each in at.find([who])[0]]:
                wrong.append(number)

    threads = [
        threading.Thread(target=look, args=pair)
        for pair in ((KNOWN, "0000100001"), (PERSON, "0000100002")) * 3
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


texts = st.text(max_size=60) | st.text(alphabet="'%_ ORAND()=\"\\州;-", max_size=40)
conditions = st.builds(
    Condition,
    st.sampled_from(["STCD5", "TELF1", "MCOD1"]),
    texts,
    st.booleans(),
    st.booleans(),
    st.none() | st.tuples(st.sampled_from(["TELF1", "MCOD1"]), st.text(min_size=1, max_size=40)),
)


@given(st.lists(conditions, max_size=8), texts)
def test_whatever_a_buyer_writes_finds_at_most_what_it_says(
    asked: list[Condition], held: str
) -> None:
    lines = where(asked)
    assert all(len(line) <= 71 for line in lines)
    test = parse(" ".join(lines), frozenset({"STCD5", "TELF1", "MCOD1"}))
    if not lines:
        return
    row = {"STCD5": held, "TELF1": held, "MCOD1": held}
    meant = any(
        (
            held == each.value.rstrip()
            or (each.prefix and held.startswith(each.value))
            or (each.contains and each.value in held)
        )
        and (each.within is None or held.startswith(each.within[1].rstrip()))
        for each in asked
    )
    assert not test(row) or meant


@given(st.text())
def test_a_stem_is_short_and_of_letters(name: str) -> None:
    stem = search_stem(name)
    assert len(stem) <= 6
    letters = [each for each in stem if each.isalnum()]
    assert not stem or len(letters) >= 2
    assert not stem or not stem.isascii() or len(letters) >= 3


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("徐州恒力起重设备有限公司", "徐州恒力"),
        ("(上海)浦江吊装有限公司", "浦江吊装"),
        ("（上海）浦江吊装有限公司", "浦江吊装"),
        ("内蒙古自治区包钢有限公司", "包钢有限"),
        ("广西壮族自治区柳工有限公司", "柳工有限"),
        ("E.ON 起重设备有限公司", "E.ON 起"),
        ("A-Z Bau", "A-Z BA"),
        ("上海 A 公司", "A 公司"),
        ("3M 中国", "3M 中国"),
        ("A", ""),
        ("·甲", ""),
    ],
)
def test_a_search_never_begins_with_one_letter(name: str, stem: str) -> None:
    assert search_stem(name) == stem


@pytest.mark.parametrize(
    ("row", "free", "minimum", "multiple", "allowed", "refused"),
    [
        ("XC-80513368,1,0,0", 35, 0, 0, "1", None),
        ("XC-80513368,10,20,10", 350, 20, 10, "30", "25"),
        ("XC-80513368,1,5,0", 35, 5, 0, "7", "4"),
    ],
)
def test_units_and_smallest_quantities_come_from_the_table_of_materials(
    sandbox: Sandbox,
    tmp_path: Path,
    row: str,
    free: int,
    minimum: int,
    multiple: int,
    allowed: str,
    refused: str | None,
) -> None:
    folder = mappings_with(tmp_path)
    text = f"key,pieces,minimum,multiple\n{row}\n"
    (folder / "lookups/sap_materials.csv").write_text(text, encoding="utf-8")
    mappings = load(folder)
    known = StockDesk(system(sandbox), lambda: mappings).ask(
        plant="1000", material="XC-80513368", unit="PCE"
    )
    assert [known.free, known.minimum, known.multiple] == [*map(Decimal, (free, minimum, multiple))]
    assert known.allows(Decimal(allowed))
    assert refused is None or not known.allows(Decimal(refused))


# What SAP holds → what the buyer writes.
SPELLINGS = [
    ("32030019880101008x", "32030019880101008X"),
    ("320300880101008", "32030019880101008X"),
    ("32030019880101008X", "320300880101008"),
    ("32030019880101008x", "320300880101008"),
    ("91150600mb22000cdx", "91150600MB22000CDX"),
    ("MB22000C-D", "91150600MB22000CDX"),
    ("MB22000CD", "91150600MB22000CDX"),
    ("mb22000c-d", "91150600MB22000CDX"),
    ("91150600MB22000CDX", "MB22000CD"),
    ("91150600MB22000CDX", "MB22000C-D"),
    ("MB22000C-D", "MB22000CD"),
]


def held(sandbox: Sandbox, **fields: str) -> str:
    """Have SAP hold a customer, the only one with anything of these, and return its number."""
    other = sandbox.books.get("sap.customer", "0000100010") or {}
    fields = {"NAME2": "", "STCD5": "", "TELF1": "1", "STRAS": "别处路9号", "ORT01": "", **fields}
    name = fields["NAME1"].upper()[:25]
    row = {**other, "KUNNR": "0000100088", "MCOD1": name, **fields}
    sandbox.books.put("sap.customer", "0000100088", row)
    return "0000100088"


@pytest.mark.parametrize(("spelling", "code"), SPELLINGS)
def test_a_code_is_found_and_accepted_however_sap_spells_it(
    sandbox: Sandbox, spelling: str, code: str
) -> None:
    person = code.startswith("3203")
    name = "钱多" if person else "鄂尔多斯天骄机械有限公司"
    number = held(
        sandbox, NAME1="鄂尔多斯市天骄机械有限公司" if not person else name, STCD5=spelling
    )
    who = buyer(code, name, "13800001234", "天骄北路1号")
    decision = decide(who, desk(sandbox).find([who])[0])
    assert (decision.verdict, decision.number) == (Verdict.RECOGNISED, number)


@pytest.mark.parametrize(
    ("spelling", "phone"),
    [
        ("+8613912345678", "13912345678"),
        ("+86 13912345678", "13912345678"),
        ("139 1234 5678", "13912345678"),
        ("139-1234-5678", "+86 139 1234 5678"),
        ("13912345678", "0086-139-1234-5678"),
        ("(0516)87565000", "0516-87565000转801"),
        ("0516-87565000", "+86 516 87565000"),
        ("051687565000", "0516 87565000"),
        ("+85291234567", "+852 9123 4567"),
    ],
)
def test_a_phone_is_found_however_sap_spells_it(
    sandbox: Sandbox, spelling: str, phone: str
) -> None:
    number = held(sandbox, NAME1="钱多", TELF1=spelling)
    who = buyer("320300198501010053", "钱多", phone, "无名路9号")
    who = replace(who, address=replace(who.address, city="别市"))
    decision = decide(who, desk(sandbox).find([who])[0])
    assert decision.verdict is Verdict.REVIEW
    assert [each.candidate.number for each in decision.ranked] == [number]


@pytest.mark.parametrize(("city", "found"), [("武汉市", True), ("武汉", True), ("长沙市", False)])
def test_a_person_is_found_by_name_within_the_city(
    sandbox: Sandbox, city: str, found: bool
) -> None:
    number = held(sandbox, NAME1="钱多", ORT01=city, STRAS="江岸区无名路9号")
    who = buyer("320300198501010053", "钱多", "13800001234", "无名路9号")
    decision = decide(who, desk(sandbox).find([who])[0])
    assert decision.verdict is (Verdict.REVIEW if found else Verdict.NEW)
    assert [each.candidate.number for each in decision.ranked] == ([number] if found else [])


def test_one_buyer_s_flood_fails_nobody_else(sandbox: Sandbox) -> None:
    other = sandbox.books.get("sap.customer", "0000100010") or {}
    for place in range(1100):
        number = f"{200000 + place:010d}"
        row = {**other, "KUNNR": number, "NAME1": f"洪水{place}号公司", "STCD5": "", "TELF1": ""}
        sandbox.books.put("sap.customer", number, {**row, "MCOD1": row["NAME1"], "STRAS": ""})
    flood = buyer("91320300MA19999ABX", "洪水", "13800001234", "无名路1号")
    flood = replace(flood, kind=BuyerKind.COMPANY)
    at = desk(sandbox)
    with pytest.raises(Rejected, match="more than 1000 records"):
        at.find([flood])
    answers = _asked(SimpleNamespace(sap_customers=at), [KNOWN, flood, PERSON])  # type: ignore[arg-type]
    assert isinstance(answers[1], Rejected)
    assert not isinstance(answers[0], Exception)
    assert not isinstance(answers[2], Exception)
    assert "0000100001" in [each.number for each in answers[0]]
    assert [each.number for each in answers[2]] == ["0000100002"]
    # Nobody is asked for more rows than anybody can need.
    assert [len(found) > 0 for found in at.find([KNOWN, PERSON])] == [True, True]


def named(row: Mapping[str, str]) -> list[str]:
    """Return the parts of a name as KNA1 has them, without the empty ones behind."""
    return list(filter(None, (row[f"NAME{part}"] for part in (1, 2, 3, 4))))


LONG = f"中国{'东' * 38}有限公司"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (LONG, ["中国" + "东" * 33, "东东东东东有限公司"]),
        (f"内蒙古{'重' * 29}股份有限公司", [f"内蒙古{'重' * 29}", "股份有限公司"]),
        (f"中国{'东' * 23}(集团)有限公司徐州分公司",
         [f"中国{'东' * 23}(集团)", "有限公司徐州分公司"]),
        ("Pacific Crane Rental and Heavy Lift Company Limited",
         ["Pacific Crane Rental and Heavy Lift", "Company Limited"]),
        (f"中国{'东' * 90}有限公司",
         ["中国" + "东" * 33, "东" * 35, f"{'东' * 22}有限公司"]),
        ("Inner Mongolia Autonomous Region Lifting, Rigging, Erection and Heavy Transport"
         " Engineering Research Institute of the North Company Limited",
         ["Inner Mongolia Autonomous Region Li", "fting, Rigging, Erection and Heavy",
          "Transport Engineering Research Inst", "itute of the North Company Limited"]),
        (f"中国{'东' * 134}公司", ["中国" + "东" * 33, "东" * 35, "东" * 35, f"{'东' * 31}公司"]),
    ],
)  # fmt: skip
def test_a_long_name_is_created_in_parts_and_found_again(
    sandbox: Sandbox, name: str, parts: list[str]
) -> None:
    who = buyer("91150600MB22000CDX", name, "13800001234", "天骄北路1号")
    at = desk(sandbox)
    assert decide(who, at.find([who])[0]).verdict is Verdict.NEW
    number = at.create(who, UNIT)
    row = sandbox.books.get("sap.customer", number) or {}
    assert named(row) == parts
    decision = decide(who, at.find([who])[0])
    assert (decision.verdict, decision.number) == (Verdict.RECOGNISED, number)
    assert "name equal" in decision.reason
    # Without a code that agrees it is still found by its name.
    other = replace(who, code="91150600MB99999CDX", phone="13800005678")
    assert decide(other, at.find([other])[0]).verdict is Verdict.REVIEW
    # A shorter name leaves nothing of the longer one behind.
    at.correct(number, replace(who, name="天骄机械有限公司"), UNIT)
    row = sandbox.books.get("sap.customer", number) or {}
    assert named(row) == ["天骄机械有限公司"]
