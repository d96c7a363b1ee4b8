"""Reads an order from the values that a mapping yields, however wild they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

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
    Refund,
    ShipTo,
)
from connector.domain.pricing import split
from connector.domain.writing import narrow
from connector.wording import Said, shown
from connector.wording import problems as wrong

_LARGEST = Decimal(10) ** 12
_LONGEST = 2_000


_CORRECT_IT = wrong.CORRECT_IT()


class _Reader:
    """Reads typed values and gathers what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.fatal = False

    def wrong(self, field: str, reason: Said, remedy: Said = _CORRECT_IT) -> None:
        self.problems.append(Problem(field, reason, remedy))
        self.fatal = True

    def decimal(self, value: Any, field: str) -> Decimal:
        if isinstance(value, bool) or value is None or value == "":
            self.wrong(field, wrong.MISSING() if value in (None, "") else wrong.NOT_A_NUMBER())
            return Decimal(0)
        try:
            number = Decimal(str(value).strip())
        except InvalidOperation:
            self.wrong(field, wrong.NO_NUMBER_IS(value=shown(value)))
            return Decimal(0)
        if not number.is_finite() or abs(number) > _LARGEST:
            self.wrong(field, wrong.VALUE_OUT_OF_RANGE(value=shown(value)))
            return Decimal(0)
        if number != round(number, 4):
            self.wrong(field, wrong.DECIMALS(value=shown(value)))
            return Decimal(0)
        return number

    def time(self, value: Any, field: str, *, required: bool) -> datetime | None:
        if isinstance(value, str) and value.strip():
            try:
                value = datetime.fromisoformat(value.strip())
            except ValueError:
                self.wrong(field, wrong.NOT_A_TIME(value=shown(value)))
                return None
        if isinstance(value, datetime):
            try:
                return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
            except OverflowError:
                self.wrong(field, wrong.OUT_OF_RANGE())
                return None
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        if required:
            self.wrong(field, wrong.MISSING())
        return None


def read_order(values: Mapping[str, Any], *, shop: str) -> tuple[Order | None, tuple[Problem, ...]]:
    """Return the order that the values describe, or None, and what is wrong in form.

    `values` are those of the mapping `storefront_order`; any may be missing or absurd. Whether a
    readable order is also valid is asked in `connector.domain.validity`.
    """
    reader = _Reader()
    number = _text(values.get("number"))
    if not number:
        reader.wrong("number", wrong.NO_NUMBER())
    lines = _lines(values.get("lines"), reader)
    refunds = _refunds(values.get("refunds"), reader)
    charges, subsidy = _fees(values.get("fees"), reader)
    lines = _less_subsidy(lines, subsidy)
    lines = _less_refunds(lines, values.get("refunds"), reader)
    placed_at = reader.time(values.get("placed_at"), "placed_at", required=True)
    modified_at = reader.time(values.get("modified_at"), "modified_at", required=False)
    paid_at = reader.time(values.get("paid_at"), "paid_at", required=False)
    freight = charges + reader.decimal(values.get("freight") or 0, "freight")
    total = reader.decimal(values.get("total"), "total")
    if reader.fatal or placed_at is None:
        return None, tuple(reader.problems)
    buyer = _mapping(values.get("buyer"))
    ship_to = _mapping(values.get("ship_to"))
    return (
        Order(
            shop=shop,
            number=number,
            order_id=_text(values.get("order_id")) or number,
            payment_state=_one_of(PaymentState, values.get("payment_state"), PaymentState.UNKNOWN),
            status=_text(values.get("status")),
            placed_at=placed_at,
            modified_at=modified_at or placed_at,
            paid_at=paid_at,
            currency=_text(values.get("currency")).upper(),
            buyer=Buyer(
                kind=_one_of(BuyerKind, buyer.get("kind"), BuyerKind.COMPANY),
                name=_text(buyer.get("name")),
                code=_code(buyer),
                contact_name=_text(buyer.get("contact_name")),
                phone=_text(buyer.get("phone")),
                email=_text(buyer.get("email")),
                address=_address(buyer.get("address")),
            ),
            ship_to=ShipTo(
                name=_text(ship_to.get("name")),
                company=_text(ship_to.get("company")),
                phone=_text(ship_to.get("phone")) or _text(buyer.get("phone")),
                address=_address(ship_to.get("address")),
            ),
            lines=lines,
            freight=freight,
            total=total,
            invoice_kind=_one_of(InvoiceKind, values.get("invoice_kind"), InvoiceKind.ORDINARY),
            payment_method=_text(values.get("payment_method")),
            note=_text(values.get("note")),
            refunds=refunds,
        ),
        (),
    )


def _lines(values: Any, reader: _Reader) -> tuple[OrderLine, ...]:
    if not isinstance(values, list | tuple) or not values:
        reader.wrong("lines", wrong.NO_LINES())
        return ()
    lines = []
    for number, each in enumerate(values, start=1):
        line = _mapping(each)
        field = f"lines[{number}]"
        quantity = reader.decimal(line.get("quantity"), f"{field}.quantity")
        net = reader.decimal(line.get("total"), f"{field}.total")
        tax = reader.decimal(line.get("total_tax") or 0, f"{field}.total_tax")
        before = reader.decimal(_first(line.get("subtotal"), net), f"{field}.subtotal")
        amount = net + tax
        # Tax follows the discounted amount in proportion; without a discount it is exact.
        gross = before + (tax if before == net or not net else (tax * before / net))
        gross = round(gross, 2) if gross != round(gross, 4) else gross
        lines.append(
            OrderLine(
                number=number,
                line_id=_text(line.get("line_id")) or str(number),
                sku=_text(line.get("sku")),
                name=_text(line.get("name")),
                quantity=quantity,
                unit=_text(line.get("unit")) or "PCE",
                unit_price=gross / quantity if quantity else Decimal(0),
                discount=gross - amount,
                amount=amount,
            )
        )
    return tuple(lines)


def _fees(values: Any, reader: _Reader) -> tuple[Decimal, Decimal]:
    """Return the charges on the order as a whole, and what is taken off it (both positive)."""
    charges, subsidy = Decimal(0), Decimal(0)
    for number, each in enumerate(_list(values), start=1):
        fee = _mapping(each)
        amount = reader.decimal(fee.get("total") or 0, f"fees[{number}].total")
        amount += reader.decimal(fee.get("total_tax") or 0, f"fees[{number}].total_tax")
        charges, subsidy = charges + max(amount, Decimal(0)), subsidy - min(amount, Decimal(0))
    return charges, subsidy


def _less_subsidy(lines: tuple[OrderLine, ...], subsidy: Decimal) -> tuple[OrderLine, ...]:
    """Take a subsidy off the lines in proportion to their amounts, to the cent."""
    if not subsidy or any(line.amount < 0 for line in lines):
        return lines
    shares = split(subsidy, [line.amount for line in lines])
    return tuple(
        replace(
            line,
            discount=line.discount + share,
            amount=line.amount - share,
            subsidy=share,
        )
        for line, share in zip(lines, shares, strict=True)
    )


def _refunds(values: Any, reader: _Reader) -> tuple[Refund, ...]:
    refunds = []
    for number, each in enumerate(_list(values), start=1):
        refund = _mapping(each)
        refunds.append(
            Refund(
                refund_id=_text(refund.get("refund_id")) or str(number),
                amount=abs(reader.decimal(refund.get("amount"), f"refunds[{number}].amount")),
                reason=_text(refund.get("reason")),
                refunded_at=reader.time(
                    refund.get("refunded_at"), f"refunds[{number}].refunded_at", required=False
                ),
            )
        )
    return tuple(refunds)


def _less_refunds(
    lines: tuple[OrderLine, ...], values: Any, reader: _Reader
) -> tuple[OrderLine, ...]:
    quantities: dict[str, Decimal] = {}
    amounts: dict[str, Decimal] = {}
    for number, refund in enumerate(_list(values), start=1):
        for each in _list(_mapping(refund).get("lines")):
            line = _mapping(each)
            line_id = _text(line.get("line_id"))
            field = f"refunds[{number}].lines"
            quantity = abs(reader.decimal(line.get("quantity") or 0, f"{field}.quantity"))
            amount = abs(reader.decimal(line.get("amount") or 0, f"{field}.amount"))
            quantities[line_id] = quantities.get(line_id, Decimal(0)) + quantity
            amounts[line_id] = amounts.get(line_id, Decimal(0)) + amount
    for line_id in quantities:
        if all(line.line_id != line_id for line in lines):
            reader.wrong("refunds", wrong.REFUND_OF_NO_LINE(line=shown(line_id, 20)))
    return tuple(
        replace(
            line,
            refunded_quantity=quantities.get(line.line_id, Decimal(0)),
            refunded_amount=amounts.get(line.line_id, Decimal(0)),
        )
        for line in lines
    )


def _code(buyer: Mapping[str, Any]) -> str:
    """Return a code without spaces; an organisation code keeps the hyphen it is written with."""
    code = _text(buyer.get("code"))
    if _text(buyer.get("kind")).lower() == BuyerKind.PERSON:
        return written(code)
    return "".join(narrow(code).upper().split())


def _address(value: Any) -> Address:
    address = _mapping(value)
    return Address(
        country=_text(address.get("country")).upper(),
        province=_text(address.get("province")),
        city=_text(address.get("city")),
        street=_text(address.get("street")),
        postcode=_text(address.get("postcode")),
    )


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool | dict | list | tuple):
        return ""
    return str(value).strip()[:_LONGEST]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _first(value: Any, otherwise: Any) -> Any:
    return otherwise if value in (None, "") else value


def _one_of(kind: Any, value: Any, otherwise: Any) -> Any:
    try:
        return kind(_text(value).lower())
    except ValueError:
        return otherwise
