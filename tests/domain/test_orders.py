"""Reading and judging orders, whatever the values."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain import validity
from connector.domain.business_unit import BusinessUnit, assign
from connector.domain.calendar import Timetable
from connector.domain.deadlines import Promises, deadline_for
from connector.domain.lifecycle import OWNER, HoldCause, Stage, next_step
from connector.domain.masking import (
    mask_address,
    mask_id,
    mask_name,
    mask_phone,
    mask_text,
    mask_tree,
)
from connector.domain.order import Order, Problem
from connector.domain.pricing import net_and_tax, split
from connector.domain.reading import read_order
from connector.mapping import load

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
SAMPLE = json.loads(
    (ROOT / "connector/sandbox/orders.json").read_text(encoding="utf-8"), parse_float=Decimal
)
MAPPING = load(ROOT / "mappings")["storefront_order"]


def values(number: int) -> dict[str, Any]:
    payload = next(order for order in SAMPLE if order["id"] == number)
    return MAPPING.apply_leniently(payload)[0]


def order(number: int = 30, **changes: Any) -> Order:
    content = {**values(number), **changes}
    read, wrong = read_order(content, shop="shop")
    assert read is not None, wrong
    return read


def buyer(number: int, **changes: Any) -> dict[str, Any]:
    return {**values(number)["buyer"], **changes}


def problems(read: Order) -> tuple[Problem, ...]:
    return validity.problems(read, date(2026, 11, 24))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(list(values(30))), anything))
def test_no_values_whatever_raise(changes: dict[str, Any]) -> None:
    read, wrong = read_order({**values(30), **changes}, shop="shop")
    assert (read is None) == bool(wrong)
    if read is not None:
        problems(read)


@given(st.sampled_from(["quantity", "total", "subtotal", "total_tax", "sku", "line_id"]), anything)
def test_no_line_whatever_raises(field: str, value: Any) -> None:
    content = values(30)
    lines = [{**content["lines"][0], field: value}]
    read, wrong = read_order({**content, "lines": lines}, shop="shop")
    assert (read is None) == bool(wrong)


def test_every_sample_order_adds_up_to_the_cent() -> None:
    for payload in SAMPLE:
        read = order(payload["id"])
        assert sum(line.amount for line in read.lines) + read.freight == read.total
        for line in read.lines:
            assert line.unit_price * line.quantity - line.discount == line.amount


def test_a_subsidy_is_spread_over_the_lines() -> None:
    read = order(37)
    assert sum(line.subsidy for line in read.lines) == Decimal("50.00")
    assert all(line.discount == line.subsidy for line in read.lines)
    assert problems(read) == ()


def test_a_fee_is_charged_with_the_freight() -> None:
    content = values(30)
    read, _ = read_order({**content, "fees": [{"total": "5.00", "total_tax": "0.65"}]}, shop="s")
    assert read is not None
    assert read.freight == Decimal("23.65")


def test_a_refund_is_set_against_its_line() -> None:
    content = values(30)
    line = content["lines"][0]
    given_back = {"line_id": line["line_id"], "quantity": "-2", "amount": "-3720.00"}
    refund = {"refund_id": "1", "amount": "3720.00", "lines": [given_back]}
    read, _ = read_order({**content, "refunds": [refund]}, shop="s")
    assert read is not None
    assert read.lines[0].open_quantity == 38
    assert read.lines[0].refunded_amount == Decimal("3720.00")


@pytest.mark.parametrize(
    ("number", "changes", "field", "reason"),
    [
        (30, {"name": ""}, "buyer.name", "company name"),
        (30, {"name": "x" * 200}, "buyer.name", "200 characters"),
        (30, {"code": ""}, "buyer.code", "missing"),
        (30, {"code": "91320300MA11000ABQ"}, "buyer.code", "checksum"),
        (30, {"code": "12345"}, "buyer.code", "neither"),
        (30, {"code": "MA11000AX"}, "buyer.code", "neither"),
        (30, {"contact_name": ""}, "buyer.contact_name", "责任人"),
        (30, {"phone": ""}, "buyer.phone", "联系方式"),
        (30, {"phone": "12"}, "buyer.phone", "no phone number"),
        (32, {"name": ""}, "buyer.name", "姓名"),
        (32, {"code": ""}, "buyer.code", "身份证号码"),
        (32, {"code": "320300198201010028"}, "buyer.code", "checksum"),
        (32, {"code": "91320300MA11000ABP"}, "buyer.code", "身份证号码"),
    ],
)
def test_what_a_buyer_lacks_is_said(
    number: int, changes: dict[str, Any], field: str, reason: str
) -> None:
    found = problems(order(number, buyer=buyer(number, **changes)))
    assert [problem.field for problem in found] == [field]
    assert reason in found[0].reason
    assert found[0].remedy


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"street": ""}, "street"), ({"street": "张杨路", "province": ""}, "street"),
     ({"city": "", "province": "江苏省"}, "city"),
     ({"postcode": "12"}, "postcode"), ({"postcode": ""}, "postcode")],
)  # fmt: skip
def test_an_address_goes_down_to_the_house_number(changes: dict[str, Any], field: str) -> None:
    address = {**values(32)["buyer"]["address"], **changes}
    found = problems(order(32, buyer=buyer(32, address=address)))
    assert [problem.field for problem in found] == [f"buyer.address.{field}"]


@pytest.mark.parametrize("street", ["张杨路", "东湖村东门", "金山桥工业园"])
def test_a_street_without_a_house_number_is_only_unusual(street: str) -> None:
    address = {**values(32)["buyer"]["address"], "street": street}
    unusual = order(32, buyer=buyer(32, address=address))
    assert problems(unusual) == ()
    (remark,) = validity.remarks(unusual)
    assert "house number" in remark
    assert street not in remark
    there = order(32, ship_to={**values(32)["ship_to"], "address": address})
    assert problems(there) == ()
    assert len(validity.remarks(there)) == 1


@pytest.mark.parametrize("country", ["MO", "HK", "TW"])
def test_what_has_no_provinces_lacks_none(country: str) -> None:
    abroad = {"country": country, "province": "", "street": "某街", "postcode": ""}
    address = {**values(32)["buyer"]["address"], **abroad}
    assert problems(order(32, buyer=buyer(32, address=address))) == ()


@pytest.mark.parametrize("province", ["上海市", "上海", "重庆市"])
def test_a_municipality_is_its_own_city(province: str) -> None:
    address = {**values(32)["buyer"]["address"], "province": province, "city": ""}
    read = order(32, buyer=buyer(32, address=address))
    assert read.buyer.address.city == province
    assert problems(read) == ()


def test_a_house_number_in_chinese_characters_counts() -> None:
    address = {**values(30)["buyer"]["address"], "street": "解放路十二号"}
    assert problems(order(30, buyer=buyer(30, address=address))) == ()


def test_an_organisation_code_with_its_check_digit_is_valid() -> None:
    # GB 11714-1997, example of the standard's annex.
    for code in ("D2143569X", "D2143569-X"):
        assert problems(order(30, buyer=buyer(30, code=code))) == ()
    assert problems(order(30, buyer=buyer(30, code="D21435690")))


def test_every_reason_is_said_at_once_and_masked() -> None:
    found = problems(order(32, buyer=buyer(32, code="320300198201010028", phone="139000000021")))
    told = " ".join(map(str, found))
    assert len(found) == 2
    assert "320300198201010028" not in told
    assert "139000000021" not in told


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"total": "1.00"}, "total"), ({"currency": "RMBX"}, "currency")],
)
def test_sums_and_currency_are_judged(changes: dict[str, Any], field: str) -> None:
    assert field in [problem.field for problem in problems(order(30, **changes))]


@given(
    st.decimals(0, 10**6, places=2),
    st.lists(st.decimals(0, 10**5, places=2), min_size=1, max_size=9),
)
def test_parts_add_up_exactly(amount: Decimal, weights: list[Decimal]) -> None:
    parts = split(amount, weights)
    assert sum(parts) == amount
    assert all(part >= 0 and part == round(part, 2) for part in parts)


def test_the_larger_remainder_gets_the_cent() -> None:
    assert split(Decimal("0.03"), [Decimal(1), Decimal(2), Decimal(1)]) == [
        Decimal("0.01"), Decimal("0.01"), Decimal("0.01")]  # fmt: skip
    assert split(Decimal("10"), [Decimal(1), Decimal(2)]) == [Decimal("3.33"), Decimal("6.67")]


def test_net_and_tax_of_a_tax_inclusive_amount() -> None:
    assert net_and_tax(Decimal("113.00")) == (Decimal("100.00"), Decimal("13.00"))
    assert sum(net_and_tax(Decimal("74804.00"))) == Decimal("74804.00")


def unit(code: str, *patterns: str) -> BusinessUnit:
    return BusinessUnit(code, code, patterns, "1000", "1000", "10", "00", "1", "2", code)


def test_each_line_gets_the_unit_that_sells_it() -> None:
    assigned, wrong = assign(order(), [unit("GQ", "XC-*"), unit("TX", "TX-*")])
    assert wrong == ()
    assert assigned.business_units == ("GQ",)


def test_a_part_that_nobody_or_two_units_sell_is_said() -> None:
    _, nobody = assign(order(), [unit("TX", "TX-*")])
    assert "no business unit" in nobody[0].reason
    _, two = assign(order(), [unit("A", "XC-*"), unit("B", "*")])
    assert "A and B" in two[0].reason


@pytest.mark.parametrize(
    ("masked", "expected"),
    [
        (mask_id("320300198201010027"), "320300********0027"),
        (mask_phone("13900000001"), "139****0001"),
        (mask_name("张伟"), "张*"),
        (mask_name("徐州恒力起重设备有限公司"), "徐州恒力***"),
        (mask_address("浦东新区张杨路500号"), "浦东新区张杨***"),
        (mask_text("ID 320300198201010027, 13900000001, a.b@example.test"),
         "ID 320300********0027, 139****0001, a***@example.test"),
    ],
)  # fmt: skip
def test_masks(masked: str, expected: str) -> None:
    assert masked == expected


def test_a_tree_is_masked_by_key_and_by_content() -> None:
    tree = {"shipTo": {"name": "欧阳明月", "phone": "13900000001"}, "sku": "XC-1",
            "note": "call 13900000002", "lines": [{"quantity": 2}]}  # fmt: skip
    masked = json.dumps(mask_tree(tree), ensure_ascii=False)
    for secret in ("欧阳明月", "13900000001", "13900000002"):
        assert secret not in masked
    assert "XC-1" in masked


def test_every_hold_has_an_owner_and_every_stage_a_way_on() -> None:
    assert set(OWNER) == set(HoldCause)
    stage = Stage.RECEIVED
    while (following := next_step(stage)) is not None:
        assert following[1].position == stage.position + 1
        stage = following[1]
    assert stage is Stage.READY


def test_deadlines_are_working_time_from_placing() -> None:
    placed = order().placed_at  # Monday 19:51, after hours: clocks start on Tuesday at 8:00
    tables, promises = (Timetable(),), Promises()
    due = [
        deadline_for(stage, placed, tables, promises)
        for stage in (Stage.RECEIVED, Stage.RECOGNISED, Stage.PLACED, Stage.READY)
    ]
    assert [each.strftime("%H:%M") if each else None for each in due] == [
        "00:15", "00:30", "01:00", None]  # fmt: skip


def test_a_special_invoice_is_not_made_out_to_a_person() -> None:
    found = problems(order(32, invoice_kind="special"))
    assert [problem.field for problem in found] == ["invoice_kind"]
    assert "专用发票" in found[0].reason
    assert problems(order(32, invoice_kind="electronic")) == ()


def test_a_special_invoice_needs_the_tax_code_of_the_company() -> None:
    assert problems(order(30, invoice_kind="special")) == ()
    without = problems(order(30, invoice_kind="special", buyer=buyer(30, code="")))
    assert [problem.field for problem in without] == ["buyer.code", "invoice_kind"]


@pytest.mark.parametrize(
    "street", ["第十师北屯镇三连", "友谊大街十二组", "金水路八号院二单元", "苏木东路7"]
)
def test_house_numbers_of_the_country(street: str) -> None:
    address = {**values(30)["buyer"]["address"], "street": street, "province": "内蒙古自治区"}
    assert problems(order(30, buyer=buyer(30, address=address))) == ()


def test_what_is_only_unusual_is_a_remark() -> None:
    odd = order(32, buyer=buyer(32, code="330114197806151230", phone="87565000"))
    assert problems(odd) == ()
    told = " ".join(validity.remarks(odd))
    assert "330114" in told
    assert "unusual phone" in told
    assert "330114197806151230" not in told
    assert "87565000" not in told
    assert validity.remarks(order(32)) == ()
