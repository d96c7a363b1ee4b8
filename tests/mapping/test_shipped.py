"""What the shipped mappings make of what shops send."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connector.domain.reading import read_order
from connector.mapping import load
from connector.mapping.load import Folder

pytestmark = pytest.mark.unit

SHIPPED = Path(__file__).parents[2] / "mappings"


@pytest.mark.parametrize(
    ("billing", "shipping", "expected"),
    [
        ("CN11", "CN2", ("江苏", "北京")),
        ("CN32", "", ("新疆", "新疆")),
        ("江苏", "上海", ("江苏", "上海")),
        ("CN99", " CN10 ", ("CN99", "上海")),
    ],
)
def test_the_shop_codes_of_provinces_become_names_and_all_else_stays(
    billing: str, shipping: str, expected: tuple[str, str]
) -> None:
    # A shop without an address to ship to may still have a province in it.
    street = {"address_1": "解放路1号"} if shipping else {}
    payload = {"billing": {"state": billing}, "shipping": {"state": shipping, **street}}
    body, _ = load(SHIPPED)["storefront_order"].apply_leniently(payload)
    made = body["buyer"]["address"]["province"], body["ship_to"]["address"]["province"]
    assert made == expected


def test_every_province_code_of_the_shop_has_a_name_of_its_own() -> None:
    rows = Folder.read(SHIPPED).files["lookups/provinces.csv"].decode().splitlines()[1:]
    table = dict(row.split(",") for row in rows)
    assert list(table) == [f"CN{number}" for number in range(1, 33)]
    assert len(set(table.values())) == 32


BILLING = {
    "company": "徐州恒力起重设备有限公司", "last_name": "张", "first_name": "伟",
    "phone": "13900000006", "address_2": "3楼",
    "country": "CN", "state": "CN11", "city": "徐州市", "address_1": "驮蓝山路26号",
    "postcode": "221004",
}  # fmt: skip


def read(meta: dict[str, str] | list[tuple[str, str]], **fields: Any) -> dict[str, Any]:
    pairs = list(meta.items()) if isinstance(meta, dict) else meta
    payload = {
        "id": 1,
        "billing": BILLING,
        "shipping": {},
        "meta_data": [{"key": key, "value": value} for key, value in pairs],
        **fields,
    }
    return load(SHIPPED)["storefront_order"].apply_leniently(payload)[0]


def rows(table: str) -> dict[str, str]:
    text = Folder.read(SHIPPED).files[f"lookups/{table}.csv"].decode().splitlines()[1:]
    return dict(row.split(",") for row in text)


@pytest.mark.parametrize(("word", "kind"), rows("buyer_kinds").items())
def test_a_buyer_is_a_company_or_a_person_in_either_language(word: str, kind: str) -> None:
    made = read({"_buyer_kind": f" {word}" if word == "单位" else word, "_tax_code": "T",
                 "_id_number": "I"})["buyer"]  # fmt: skip
    assert made["kind"] == kind
    assert made["name"] == (BILLING["company"] if kind == "company" else "张伟")
    assert made["code"] == ("T" if kind == "company" else "I")


@pytest.mark.parametrize(
    ("meta", "field"),
    [({"_buyer_kind": "团体"}, "buyer.kind"), ({"_invoice_kind": "收据"}, "invoice_kind")],
)
def test_a_word_that_nobody_knows_is_named(meta: dict[str, str], field: str) -> None:
    content = {**read({"_buyer_kind": "单位", **meta}), "number": "1", "total": "0"}
    order, problems = read_order(content, shop="shop")
    assert order is None
    named = [problem for problem in problems if problem.field == field]
    assert [next(iter(meta.values())) in problem.said for problem in named] == [True]


@pytest.mark.parametrize(("word", "kind"), rows("invoice_kinds").items())
def test_kinds_of_invoice_in_either_language(word: str, kind: str) -> None:
    assert read({"_invoice_kind": word})["invoice_kind"] == kind
    assert read({})["invoice_kind"] == "ordinary"


def test_of_a_key_that_comes_twice_the_first_that_is_filled_in_counts() -> None:
    keys = ("_buyer_kind", "_tax_code", "_contact_name", "_contact_phone", "_invoice_kind")
    values = ("company", "91320300MA11000ABP", "李", "13900000001", "special")
    later = ("person", "91320300MA11003ABQ", "王", "13900000002", "electronic")
    meta = [(key, "") for key in keys] + list(zip(keys, values, strict=True))
    made = read(meta + list(zip(keys, later, strict=True)))
    buyer = made["buyer"]
    assert (buyer["kind"], buyer["code"], buyer["contact_name"], buyer["phone"]) == values[:4]
    assert made["invoice_kind"] == "special"


@pytest.mark.parametrize(
    "shipping",
    [
        {},
        dict.fromkeys(BILLING, ""),
        {**dict.fromkeys(BILLING, ""), "country": "CN", "state": "CN2"},
    ],
)
def test_without_an_address_of_its_own_an_order_ships_to_that_of_the_bill(
    shipping: dict[str, str],
) -> None:
    made = read({"_buyer_kind": "company"}, shipping=shipping)["ship_to"]
    assert made["address"] == {
        "country": "CN", "province": "江苏", "city": "徐州市", "street": "驮蓝山路26号 3楼",
        "postcode": "221004",
    }  # fmt: skip
    assert (made["name"], made["company"], made["phone"]) == (
        "张伟",
        BILLING["company"],
        BILLING["phone"],
    )


def test_two_addresses_are_not_mixed() -> None:
    shipping = {"address_1": "张杨路500号", "city": "上海市", "state": "CN10", "postcode": ""}
    made = read({"_buyer_kind": "company"}, shipping=shipping)["ship_to"]["address"]
    assert (made["street"], made["city"], made["province"]) == ("张杨路500号", "上海市", "上海")
    assert not made.get("postcode")


def test_entities_and_superscripts_of_names() -> None:
    line = {"id": 1, "name": "螺栓 M30&amp;amp;M36 &#8211; 10⁵", "quantity": 1, "total": "1"}
    made = read({"_buyer_kind": "company"}, line_items=[line])
    assert made["lines"][0]["name"] == "螺栓 M30&M36 – 10⁵"
