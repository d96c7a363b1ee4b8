"""A model of how WooCommerce computes an order: the tests' own truth, apart from the connector's.

Prices without tax, tax included or on top, several rates, taxes rounded at each line or once at
the subtotal, coupons, fees, shipping; and refunds as it books them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

STAMP = "2026-11-23T11:51:01"
CENT = Decimal("0.01")
BUYER = {
    "first_name": "伟", "last_name": "张", "company": "徐州恒力起重设备有限公司",
    "address_1": "金山桥经济开发区驮蓝山路26号", "address_2": "", "city": "徐州市",
    "state": "江苏", "postcode": "221004", "country": "CN", "email": "buyer@example.test",
    "phone": "13900000006",
}  # fmt: skip
META = {
    "_buyer_kind": "company", "_invoice_kind": "ordinary", "_tax_code": "91320300MA11000ABP",
    "_contact_name": "张伟", "_contact_phone": "13900000006",
}  # fmt: skip
SKUS = ("XC-10450123", "XC-86010022", "XC-82027744")


def cents(amount: Decimal, unit: Decimal = CENT) -> Decimal:
    """Round as PHP does."""
    return amount.quantize(unit, ROUND_HALF_UP)


@dataclass(frozen=True)
class Ware:
    """What is put into the cart; `off` is the share that coupons take off, 1 for a gift."""

    price: str
    quantity: int = 1
    rate: str = "0.13"
    off: str = "0"


@dataclass(frozen=True)
class Cart:
    """What an order is made of. `fees` and `shipping` are (net, rate); of a subsidy net is < 0."""

    wares: Sequence[Ware]
    tax: str = "on top"  # "none", "included", "on top"
    at_subtotal: bool = False
    shipping: tuple[str, str] | None = None
    fees: Sequence[tuple[str, str]] = ()
    currency: str = "CNY"
    more: dict[str, Any] = field(default_factory=dict)


def order(number: int, cart: Cart) -> dict[str, Any]:
    """Return the order that WooCommerce shows of a cart."""
    rounded = (lambda tax: tax) if cart.at_subtotal else cents
    taxes, net_total = Decimal(0), Decimal(0)
    lines: list[dict[str, Any]] = []
    at = number * 100
    for ware in cart.wares:
        rate = Decimal(0) if cart.tax == "none" else Decimal(ware.rate)
        before = Decimal(ware.price) * ware.quantity
        after = cents(before * (1 - Decimal(ware.off)))
        shown: dict[str, str] = {}
        for name, amount in (("subtotal", before), ("total", after)):
            tax = amount - amount / (1 + rate) if cart.tax == "included" else amount * rate
            tax = rounded(tax)
            net = cents(amount - tax if cart.tax == "included" else amount)
            shown |= {name: f"{net}", f"{name}_tax": f"{cents(tax)}"}
        taxes, net_total = taxes + tax, net_total + net
        at += 1
        lines.append(
            {
                "id": at, "name": f"件 {SKUS[len(lines) % 3]}", "product_id": 27,
                "quantity": ware.quantity, "tax_class": "", "sku": SKUS[len(lines) % 3],
                "price": 0, "taxes": [], "meta_data": [], **shown,
            }
        )  # fmt: skip
    shipping_lines: list[dict[str, Any]] = []
    shipping, shipping_tax = Decimal(0), Decimal(0)
    if cart.shipping is not None:
        shipping = Decimal(cart.shipping[0])
        tax = rounded(shipping * (Decimal(0) if cart.tax == "none" else Decimal(cart.shipping[1])))
        shipping_tax, at = cents(tax), at + 1
        taxes += tax
        shipping_lines.append(
            {"id": at, "method_title": "物流", "total": f"{shipping:.2f}",
             "total_tax": f"{shipping_tax}", "taxes": []}
        )  # fmt: skip
    fee_lines: list[dict[str, Any]] = []
    for net_text, rate_text in cart.fees:
        net, at = Decimal(net_text), at + 1
        tax = rounded(net * (Decimal(0) if cart.tax == "none" else Decimal(rate_text)))
        taxes, net_total = taxes + tax, net_total + net
        fee_lines.append(
            {"id": at, "name": "补贴" if net < 0 else "包装费", "total": f"{net:.2f}",
             "total_tax": f"{cents(tax)}", "taxes": [], "tax_class": ""}
        )  # fmt: skip
    total_tax = cents(taxes)
    return {
        "id": number, "parent_id": 0, "number": str(number), "status": "processing",
        "currency": cart.currency, "prices_include_tax": cart.tax == "included",
        "date_created": STAMP, "date_created_gmt": STAMP, "date_modified": STAMP,
        "date_modified_gmt": STAMP, "date_paid": STAMP, "date_paid_gmt": STAMP,
        "discount_total": "0.00", "discount_tax": "0.00", "shipping_total": f"{shipping:.2f}",
        "shipping_tax": f"{shipping_tax:.2f}", "cart_tax": f"{total_tax - shipping_tax}",
        "total": f"{cents(net_total + shipping + total_tax)}", "total_tax": f"{total_tax}",
        "customer_id": 0, "billing": dict(BUYER), "shipping": dict(BUYER),
        "payment_method": "alipay", "customer_note": "",
        "meta_data": [{"id": at, "key": key, "value": value} for at, (key, value) in
                      enumerate(META.items(), start=1)],
        "line_items": lines, "tax_lines": [], "shipping_lines": shipping_lines,
        "fee_lines": fee_lines, "coupon_lines": [], "refunds": [], **cart.more,
    }  # fmt: skip


def worth(item: dict[str, Any]) -> Decimal:
    """Return what an item of an order comes to, tax included."""
    return Decimal(item["total"]) + Decimal(item["total_tax"])


def back(item: dict[str, Any], quantity: int = 0, share: str = "1") -> dict[str, Any]:
    """Return the refund's line for a share of an item: net and tax apart, of the other sign."""
    shares = [cents(Decimal(item[name]) * Decimal(share)) for name in ("total", "total_tax")]
    return {
        "id": 500_000 + int(item["id"]), "quantity": -quantity,
        "total": f"{-shares[0]}", "total_tax": f"{-shares[1]}",
        "meta_data": [{"id": 1, "key": "_refunded_item_id", "value": str(item["id"])}],
    }  # fmt: skip


def refund(
    number: int,
    lines: Sequence[dict[str, Any]] = (),
    shipping: Sequence[dict[str, Any]] = (),
    fees: Sequence[dict[str, Any]] = (),
    amount: str | None = None,
) -> dict[str, Any]:
    """Return a refund; without an amount it is what its lines give back."""
    added = -sum((worth(each) for each in (*lines, *shipping, *fees)), Decimal(0))
    return {
        "id": number, "date_created": STAMP, "date_created_gmt": STAMP,
        "amount": amount if amount is not None else f"{added}", "reason": "", "meta_data": [],
        "line_items": list(lines), "shipping_lines": list(shipping), "fee_lines": list(fees),
        "tax_lines": [],
    }  # fmt: skip


def with_refunds(shown: dict[str, Any], *refunds: dict[str, Any]) -> dict[str, Any]:
    """Return the order as a list shows it, with the full refunds beside."""
    told = [{"id": each["id"], "reason": "", "total": f"-{each['amount']}"} for each in refunds]
    return {**shown, "refunds": told, "refunds_detail": list(refunds)}
