"""Reads an order from the values that a mapping yields, however wild they are."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connector.domain.amounts import in_minor_units, less_subsidy
from connector.domain.currency import minor_unit, rounded
from connector.domain.identity import written
from connector.domain.order import (
    Address,
    Buyer,
    BuyerKind,
    InvoiceKind,
    Order,
    OrderLine,
    PaymentState,
    Problem,
    ShipTo,
)
from connector.domain.reader import Reader, first, listed, mapping, text
from connector.domain.refunds import read_refunds, with_refunds
from connector.domain.writing import narrow
from connector.wording import problems as wrong

_MUNICIPALITIES = frozenset(
    name for short in ("北京", "天津", "上海", "重庆") for name in (short, f"{short}市")
)

# An order of another year is a shop's mistake: nobody works on it, and no deadline can be told.
_FIRST_YEAR, _LAST_YEAR = 2004, 2099


def read_order(values: Mapping[str, Any], *, shop: str) -> tuple[Order | None, tuple[Problem, ...]]:
    """Return the order that the values describe, or None, and what is wrong in form.

    `values` are those of the mapping `storefront_order`; any may be missing or absurd. Whether a
    readable order is also valid is asked in `connector.domain.validity`.
    """
    reader = Reader()
    number = text(values.get("number"))
    if not number:
        reader.wrong("number", wrong.NO_NUMBER())
    lines = _lines(values.get("lines"), reader)
    charges, subsidy = _fees(values.get("fees"), reader)
    currency = text(values.get("currency")).upper()
    unit = minor_unit(currency)
    freight = charges + reader.decimal(values.get("freight") or 0, "freight")
    freight += reader.decimal(values.get("freight_tax") or 0, "freight_tax")
    total = reader.decimal(values.get("total"), "total")
    lines, freight, total = in_minor_units(
        less_subsidy(lines, rounded(subsidy, unit), unit),
        freight,
        total,
        unit,
        lines=len(lines) + len(listed(values.get("fees"))) + bool(freight),
    )
    refunds = read_refunds(values.get("refunds"), lines, unit, reader)
    placed_at = reader.time(values.get("placed_at"), "placed_at", required=True)
    if placed_at is not None and not _FIRST_YEAR <= placed_at.year <= _LAST_YEAR:
        reader.wrong("placed_at", wrong.NO_WORKING_YEAR(value=f"{placed_at:%Y-%m-%d %H:%M} UTC"))
    modified_at = reader.time(values.get("modified_at"), "modified_at", required=False)
    paid_at = reader.time(values.get("paid_at"), "paid_at", required=False)
    buyer = mapping(values.get("buyer"))
    kind = reader.one_of(BuyerKind.COMPANY, buyer.get("kind"), "buyer.kind")
    invoice = reader.one_of(InvoiceKind.ORDINARY, values.get("invoice_kind"), "invoice_kind")
    if reader.fatal or placed_at is None:
        return None, tuple(reader.problems)
    ship_to = mapping(values.get("ship_to"))
    order = Order(
        shop=shop,
        number=number,
        order_id=text(values.get("order_id")) or number,
        payment_state=_payment_state(values.get("payment_state")),
        status=text(values.get("status")),
        placed_at=placed_at,
        modified_at=modified_at or placed_at,
        paid_at=paid_at,
        currency=currency,
        buyer=Buyer(
            kind=kind,
            name=text(buyer.get("name")),
            code=_code(buyer, kind),
            contact_name=text(buyer.get("contact_name")),
            phone=text(buyer.get("phone")),
            email=text(buyer.get("email")),
            address=_address(buyer.get("address")),
        ),
        ship_to=ShipTo(
            name=text(ship_to.get("name")),
            company=text(ship_to.get("company")),
            phone=text(ship_to.get("phone")) or text(buyer.get("phone")),
            address=_address(ship_to.get("address")),
        ),
        lines=lines,
        freight=freight,
        total=total,
        invoice_kind=invoice,
        payment_method=text(values.get("payment_method")),
        note=text(values.get("note")),
    )
    return with_refunds(order, refunds), ()


def _lines(values: Any, reader: Reader) -> tuple[OrderLine, ...]:
    """Return the lines as the shop has them, before what is taken off the order as a whole."""
    if not isinstance(values, list | tuple) or not values:
        reader.wrong("lines", wrong.NO_LINES())
        return ()
    lines = []
    for number, each in enumerate(values, start=1):
        line = mapping(each)
        field = f"lines[{number}]"
        quantity = reader.decimal(line.get("quantity"), f"{field}.quantity")
        net = reader.decimal(line.get("total"), f"{field}.total")
        tax = reader.decimal(line.get("total_tax") or 0, f"{field}.total_tax")
        before = reader.decimal(first(line.get("subtotal"), net), f"{field}.subtotal")
        # A shop that does not tell the tax of the undiscounted price taxes both alike.
        alike = tax if before == net or not net else round(tax * before / net, 4)
        taxed = reader.decimal(first(line.get("subtotal_tax"), alike), f"{field}.subtotal_tax")
        lines.append(
            OrderLine(
                number=number,
                line_id=text(line.get("line_id")) or str(number),
                sku=text(line.get("sku")),
                name=text(line.get("name")),
                quantity=quantity,
                unit=text(line.get("unit")) or "PCE",
                unit_price=Decimal(0),
                discount=max(before + taxed - net - tax, Decimal(0)),
                amount=net + tax,
                product_id=text(line.get("product_id")),
                variation_id=text(line.get("variation_id")),
            )
        )
    return tuple(lines)


def _fees(values: Any, reader: Reader) -> tuple[Decimal, Decimal]:
    """Return the charges on the order as a whole, and what is taken off it (both positive)."""
    charges, subsidy = Decimal(0), Decimal(0)
    for number, each in enumerate(listed(values), start=1):
        fee = mapping(each)
        amount = reader.decimal(fee.get("total") or 0, f"fees[{number}].total")
        amount += reader.decimal(fee.get("total_tax") or 0, f"fees[{number}].total_tax")
        charges, subsidy = charges + max(amount, Decimal(0)), subsidy - min(amount, Decimal(0))
    return charges, subsidy


def _code(buyer: Mapping[str, Any], kind: BuyerKind) -> str:
    """Return a code without spaces; an organisation code keeps the hyphen it is written with."""
    code = text(buyer.get("code"))
    if kind is BuyerKind.PERSON:
        return written(code)
    return "".join(narrow(code).upper().split())


def _address(value: Any) -> Address:
    address = mapping(value)
    province = text(address.get("province"))
    return Address(
        country=text(address.get("country")).upper(),
        province=province,
        # A municipality is a province and its city in one; many forms ask for it once.
        city=text(address.get("city")) or (province if province in _MUNICIPALITIES else ""),
        street=text(address.get("street")),
        postcode=text(address.get("postcode")),
    )


def _payment_state(value: Any) -> PaymentState:
    word = text(value).lower()
    return PaymentState(word) if word in list(PaymentState) else PaymentState.UNKNOWN
