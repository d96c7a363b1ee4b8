"""What was written is recognised as the shop gives it back; anything else is not."""

from __future__ import annotations

from typing import Any

import pytest

from connector.sandbox import service
from connector.sandbox.service import Sandbox
from connector.storefront.stored import same
from connector.storefront.woocommerce import WooCommerce, WooCommerceSettings

WRITTEN: list[Any] = [
    "plain", r"C:\parts\new", r"one \\ two", "A & B <c> &amp; d", "两  行\n文字", "", "10⁵", {}, [],
    {"number": "SF1", "lines": [{"quantity": "2", "sku": r"a\b"}], "more": {}}, ["a", 1, "1.50"],
]  # fmt: skip


@pytest.mark.parametrize("written", WRITTEN)
def test_what_the_shop_stored_is_recognised(written: Any) -> None:
    with Sandbox() as sandbox:
        settings = WooCommerceSettings(
            sandbox.storefront_url, service.STOREFRONT_KEY, service.STOREFRONT_SECRET
        )
        shop = WooCommerce(settings)
        shop.update_order("36", {"meta_data": [{"key": "_mark", "value": written}]})
        (entry,) = [each for each in shop.order("36")["meta_data"] if each["key"] == "_mark"]
        assert same(written, entry["value"])
        if isinstance(written, str) and written:
            shop.add_note("36", {"note": written})
            assert same(written, shop.notes("36")[-1]["note"])


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("SF100", "SF1000"), ("1.50", "1.5"), ("a-b", "ab"), ({"a": "1"}, {}), (["1"], []),
        ("发票 123", "发票 124"), ({"a": "1"}, {"b": "1"}), ("x", None),
    ],
)  # fmt: skip
def test_what_is_something_else_is_not(written: Any, shown: Any) -> None:
    assert not same(written, shown)
