"""Who is the buyer in SAP: the decision table, case by case."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.matching import (
    Candidate,
    Verdict,
    decide,
    is_another,
    normalise_address,
    normalise_company,
)
from connector.domain.order import Address, Buyer, BuyerKind
from connector.domain.phones import normalise_phone

pytestmark = pytest.mark.unit

CODE, OTHER = "91320300MA11000ABP", "91320300MA11003ABQ"
ORGANISATION = CODE[8:17]
ID, OTHER_ID = "320300198201010027", "320300199401010149"
PHONE, STREET = "13900000001", "金山桥经济开发区驮蓝山路26号"
NAME = "徐州恒力起重设备有限公司"


def company(name: str = NAME, code: str = CODE, phone: str = PHONE, street: str = STREET) -> Buyer:
    address = Address("CN", "江苏", "徐州市", street, "221004")
    return Buyer(BuyerKind.COMPANY, name, code, "张伟", phone, "a@example.test", address)


def person(name: str = "陈静", code: str = ID, phone: str = PHONE, street: str = STREET) -> Buyer:
    address = Address("CN", "广东", "广州市", street, "510623")
    return Buyer(BuyerKind.PERSON, name, code, name, phone, "a@example.test", address)


def record(name: str, **fields: Any) -> Candidate:
    number = fields.pop("number", "0000100001")
    return Candidate(number=number, name=name, **fields)


RECOGNISED, REVIEW, NEW = Verdict.RECOGNISED, Verdict.REVIEW, Verdict.NEW
FAR = {"phone": "13900009999", "street": "示范路9号"}
EQUAL, QUITE_OTHER = "code equal, name equal", "quite another name"
SIMILAR, NOTHING = "similar SAP customers", "no SAP customer resembles"

CASES: list[tuple[str, Buyer, list[Candidate], Verdict, str]] = [
    # Companies, the same code.
    ("same in all", company(), [record(NAME, code=CODE, phone=PHONE)], RECOGNISED, EQUAL),
    ("moved and renumbered", company(), [record(NAME, code=CODE, **FAR)], RECOGNISED, EQUAL),
    ("code in lower case", company(), [record(NAME, code=CODE.lower())], RECOGNISED, EQUAL),
    ("code in full width", company(),
     [record(NAME, code="９１３２０３００ＭＡ１１０００ＡＢＰ")], RECOGNISED, EQUAL),
    ("code with spaces", company(), [record(NAME, code=f" {CODE} ")], RECOGNISED, EQUAL),
    ("full width brackets", company("上海浦江（集团）有限公司"),
     [record("上海浦江(集团)有限公司", code=CODE)], RECOGNISED, EQUAL),
    ("集团 left out", company("上海浦江集团有限公司"), [record("上海浦江有限公司", code=CODE)],
     RECOGNISED, EQUAL),
    ("股份有限公司", company("徐州恒力起重设备股份有限公司"), [record(NAME, code=CODE)],
     RECOGNISED, EQUAL),
    ("有限责任公司", company("徐州恒力起重设备有限责任公司"), [record(NAME, code=CODE)],
     RECOGNISED, EQUAL),
    ("with province", company("江苏省徐州恒力起重设备有限公司"),
     [record("江苏徐州恒力起重设备有限公司", code=CODE)], RECOGNISED, EQUAL),
    ("with city word", company("上海市浦江有限公司"), [record("上海浦江有限公司", code=CODE)],
     RECOGNISED, EQUAL),
    ("full width letters", company("ＡＢＣ起重有限公司"), [record("ABC起重有限公司", code=CODE)],
     RECOGNISED, EQUAL),
    ("spaces", company("徐州 恒力 起重设备 有限公司"), [record(NAME, code=CODE)], RECOGNISED,
     EQUAL),
    ("dots", company("徐州·恒力起重设备有限公司"), [record(NAME, code=CODE)], RECOGNISED, EQUAL),
    ("English forms", company("Pacific Crane Co., Ltd."),
     [record("PACIFIC CRANE LIMITED", code=CODE)], RECOGNISED, EQUAL),
    ("close name", company("徐州恒力起重设备制造有限公司"),
     [record("徐州恒力起重设备制造厂有限公司", code=CODE)], RECOGNISED, "name close"),
    ("another name", company(), [record("青岛港务装卸有限公司", code=CODE)], REVIEW, QUITE_OTHER),
    ("name empty in SAP", company(), [record("", code=CODE)], REVIEW, QUITE_OTHER),
    ("organisation code in SAP", company(), [record(NAME, code=ORGANISATION)], RECOGNISED, EQUAL),
    ("organisation code of the buyer", company(code=ORGANISATION), [record(NAME, code=CODE)],
     RECOGNISED, EQUAL),
    ("organisation code with hyphen", company(code=f"{ORGANISATION[:8]}-{ORGANISATION[8]}"),
     [record(NAME, code=CODE)], RECOGNISED, EQUAL),
    ("blocked", company(), [record(NAME, code=CODE, blocked=True)], REVIEW, "blocked"),
    ("deleted", company(), [record(NAME, code=CODE, deleted=True)], NEW, NOTHING),
    ("deleted beside living", company(),
     [record(NAME, code=CODE, deleted=True), record(NAME, code=CODE, number="0000100002")],
     RECOGNISED, EQUAL),
    ("twins", company(),
     [record(NAME, code=CODE), record(NAME, code=CODE, number="0000100002")], REVIEW, "several"),
    ("twin under the organisation code", company(),
     [record(NAME, code=CODE), record(NAME, code=ORGANISATION, number="0000100002")],
     REVIEW, "several"),
    ("twins, one deleted", company(),
     [record(NAME, code=CODE), record(NAME, code=CODE, number="0000100002", deleted=True)],
     RECOGNISED, EQUAL),
    ("twins, one blocked", company(),
     [record(NAME, code=CODE), record(NAME, code=CODE, number="0000100002", blocked=True)],
     REVIEW, "several"),
    ("twins, one of another name", company(),
     [record(NAME, code=CODE), record("青岛", code=CODE, number="0000100002")], REVIEW, "several"),
    ("exact beside near", company(),
     [record(NAME, code=CODE), record(NAME, number="0000100002")], RECOGNISED, EQUAL),
    ("the same record found twice", company(),
     [record(NAME, code=CODE), record(NAME, code=CODE)], RECOGNISED, EQUAL),
    ("autonomous region", company("内蒙古自治区包钢起重设备有限公司"),
     [record("内蒙古包钢起重设备有限公司", code=CODE)], RECOGNISED, EQUAL),
    ("autonomous region of a people", company("广西柳工机械有限公司"),
     [record("广西壮族自治区柳工机械有限公司", code=CODE)], RECOGNISED, EQUAL),
    ("region of the west", company("新疆维吾尔自治区天山有限公司"),
     [record("新疆天山有限公司", code=CODE)], RECOGNISED, EQUAL),
    # Companies, no code in SAP.
    ("same name", company(), [record(NAME, **FAR)], REVIEW, SIMILAR),
    ("same name and phone", company(), [record(NAME, phone=PHONE)], REVIEW, SIMILAR),
    ("same name, phone, address", company(), [record(NAME, phone=PHONE, street=STREET)], REVIEW,
     SIMILAR),
    ("close name and phone", company("徐州恒力起重设备制造有限公司"),
     [record("徐州恒力起重设备制造厂有限公司", phone=PHONE)], REVIEW, SIMILAR),
    ("close name and address", company("徐州恒力起重设备制造有限公司"),
     [record("徐州恒力起重设备制造厂有限公司", street=STREET)], REVIEW, SIMILAR),
    ("close name alone", company("徐州恒力起重设备制造有限公司"),
     [record("徐州恒力起重设备制造厂有限公司", **FAR)], NEW, NOTHING),
    ("phone and address", company(), [record("旧名有限公司", phone=PHONE, street=STREET)], REVIEW,
     SIMILAR),
    ("phone alone", company(), [record("青岛港务装卸有限公司", phone=PHONE)], NEW, NOTHING),
    ("address alone", company(), [record("青岛港务装卸有限公司", street=STREET)], NEW, NOTHING),
    ("address with the city in front", company(),
     [record(NAME, street=f"徐州市{STREET}")], REVIEW, SIMILAR),
    ("blocked namesake", company(), [record(NAME, blocked=True)], REVIEW, SIMILAR),
    ("deleted namesake", company(), [record(NAME, deleted=True)], NEW, NOTHING),
    ("a prefix of the name", company(), [record("徐州恒力机械制造有限公司")], NEW, NOTHING),
    ("same town", company(), [record("徐州重型机械有限公司")], NEW, NOTHING),
    # Companies, another code.
    ("one company, two codes", company(), [record(NAME, code=OTHER)], REVIEW, SIMILAR),
    ("two codes, same phone", company(), [record(NAME, code=OTHER, phone=PHONE)], REVIEW, SIMILAR),
    ("another company, same phone", company(),
     [record("青岛港务装卸有限公司", code=OTHER, phone=PHONE)], NEW, NOTHING),
    ("another company, same house", company(),
     [record("青岛港务装卸有限公司", code=OTHER, phone=PHONE, street=STREET)], NEW, NOTHING),
    ("another company, close name", company("徐州恒力起重设备制造有限公司"),
     [record("徐州恒力起重设备制造厂有限公司", code=OTHER, phone=PHONE)], NEW, NOTHING),
    ("own code elsewhere, namesake here", company(),
     [record(NAME, code=OTHER), record(NAME, code=CODE, number="0000100002")], RECOGNISED, EQUAL),
    # Persons.
    ("person known", person(), [record("陈静", code=ID)], RECOGNISED, EQUAL),
    ("person moved", person(), [record("陈静", code=ID, **FAR)], RECOGNISED, EQUAL),
    ("ID ending in x", person(code="32030019880101008X"),
     [record("陈静", code="32030019880101008x")], RECOGNISED, EQUAL),
    ("15 digits in SAP", person(code="32030019880101008X"),
     [record("陈静", code="320300880101008")], RECOGNISED, EQUAL),
    ("15 digits of the buyer", person(code="320300880101008"),
     [record("陈静", code="32030019880101008x")], RECOGNISED, EQUAL),
    ("15 digits of another", person(code="32030019880101008X"),
     [record("陈静", code="320300880101009", phone=PHONE)], REVIEW, SIMILAR),
    ("person renamed", person(), [record("陈晓静", code=ID)], REVIEW, QUITE_OTHER),
    ("person blocked", person(), [record("陈静", code=ID, blocked=True)], REVIEW, "blocked"),
    ("person deleted", person(), [record("陈静", code=ID, deleted=True)], NEW, NOTHING),
    ("namesake without ID", person(), [record("陈静", **FAR)], NEW, NOTHING),
    ("namesake, same phone", person(), [record("陈静", phone=PHONE)], REVIEW, SIMILAR),
    ("namesake, same address", person(), [record("陈静", street=STREET)], REVIEW, SIMILAR),
    ("same phone, other name", person(), [record("王芳", phone=PHONE)], NEW, NOTHING),
    ("one phone of three people", person(),
     [record("王芳", phone=PHONE), record("李雷", phone=PHONE, number="0000100002"),
      record("张伟", phone=PHONE, number="0000100003")], NEW, NOTHING),
    ("same household", person(), [record("王芳", phone=PHONE, street=STREET)], NEW, NOTHING),
    ("another ID, same name", person(), [record("陈静", code=OTHER_ID)], NEW, NOTHING),
    ("another ID, same address", person(),
     [record("陈静", code=OTHER_ID, street=STREET)], NEW, NOTHING),
    ("another ID, same phone", person(), [record("陈静", code=OTHER_ID, phone=PHONE)], REVIEW,
     SIMILAR),
    ("twins at home", person("陈静"), [record("陈宁", code=OTHER_ID, phone=PHONE, street=STREET)],
     NEW, NOTHING),
    ("nobody", person(), [], NEW, NOTHING),
    ("nobody, company", company(), [], NEW, NOTHING),
    ("phone with country code", person(), [record("陈静", phone="+86 139-0000-0001")], REVIEW,
     SIMILAR),
]  # fmt: skip


@pytest.mark.parametrize(
    ("buyer", "candidates", "verdict", "reason"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_decision(buyer: Buyer, candidates: list[Candidate], verdict: Verdict, reason: str) -> None:
    decision = decide(buyer, candidates)
    assert decision.verdict is verdict
    assert reason in decision.reason
    assert (decision.number is not None) == (verdict is RECOGNISED)
    assert bool(decision.ranked) == (verdict is not NEW)


def test_there_are_at_least_sixty_cases() -> None:
    assert len(CASES) >= 60


records = st.builds(
    Candidate,
    number=st.sampled_from([f"{n:010d}" for n in range(1, 9)]),
    name=st.sampled_from([NAME, "青岛港务装卸有限公司", "徐州恒力起重有限公司", ""]),
    code=st.sampled_from([CODE, OTHER, ""]),
    phone=st.sampled_from([PHONE, "13900009999", ""]),
    street=st.sampled_from([STREET, "示范路9号", ""]),
    deleted=st.booleans(),
    blocked=st.booleans(),
)


@given(
    st.lists(records, max_size=6, unique_by=lambda each: each.number).flatmap(
        lambda each: st.tuples(st.just(each), st.permutations(each))
    )
)
def test_the_sequence_of_candidates_does_not_matter(
    pair: tuple[list[Candidate], list[Candidate]],
) -> None:
    assert decide(company(), pair[0]) == decide(company(), pair[1])


@given(st.lists(records, max_size=6))
def test_only_an_equal_code_recognises(candidates: list[Candidate]) -> None:
    decision = decide(company(), candidates)
    if decision.verdict is RECOGNISED:
        chosen = next(each for each in candidates if each.number == decision.number)
        assert any(each.code == CODE for each in candidates if each.number == chosen.number)


@given(st.text(), st.text())
def test_any_text_can_be_compared(left: str, right: str) -> None:
    decide(company(name=left, street=right), [record(right, street=left, phone=left, code=right)])
    assert normalise_company(f" {left} ") == normalise_company(left)


@pytest.mark.parametrize(
    ("held", "another"),
    [
        (record(NAME, code=CODE), False),
        (record(NAME), False),  # where the site writes no code
        (record(NAME[:6], code=CODE), False),  # its name was cut
        (record(NAME[:6], phone=PHONE), False),
        (record("北京重型机械厂", code=CODE, phone=PHONE, street="别处1号"), False),
        (record("北京重型机械厂", code=CODE, phone="13800000000", street="别处1号"), True),
        (record("北京重型机械厂"), True),
        (record(NAME, code="91320300MA11001ABD", phone=PHONE, street=STREET), True),
    ],
)
def test_whose_record_a_given_number_has(held: Candidate, another: bool) -> None:
    assert is_another(company(), held) is another


def test_evidence_shows_no_personal_data() -> None:
    decision = decide(person(), [record("陈静", phone=PHONE, street=STREET)])
    told = " ".join(each.summary for each in decision.ranked) + decision.reason
    assert PHONE not in told
    assert STREET not in told


@pytest.mark.parametrize(
    ("written", "normal"),
    [("+86 139 0000 0001", "13900000001"), ("0086-13900000001", "13900000001"),
     ("１３９０００００００１", "13900000001"), ("0516-87654321", "051687654321")],
)  # fmt: skip
def test_phones_are_compared_by_their_digits(written: str, normal: str) -> None:
    assert normalise_phone(written) == normal


def test_addresses_are_compared_without_punctuation() -> None:
    assert normalise_address("浦东新区 张杨路５００号") == normalise_address("浦东新区张杨路500号")
