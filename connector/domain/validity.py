"""What keeps an order from being valid (workflow.md, step 1): every reason at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

from connector.domain.masking import mask_id, mask_phone
from connector.domain.order import Address, Buyer, BuyerKind, Order, Problem

_IN_STOREFRONT = "have the buyer correct it in the storefront"
_PHONE = re.compile(r"^(\+?86[- ]?)?(1[3-9]\d{9}|0\d{2,3}[- ]?\d{7,8}(-\d{1,6})?)$")
_CURRENCY = re.compile(r"^[A-Z]{3}$")
_ORGANISATION_CODE = re.compile(r"^[0-9A-Z]{8}-?[0-9X]$")
# GB 11714-1997: weights of the first eight characters, modulo 11.
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def problems(order: Order) -> tuple[Problem, ...]:
    """Return everything that is wrong with an order; empty when it is valid."""
    return (*_buyer(order.buyer), *_ship_to(order), *_lines(order), *_sums(order))


def _buyer(buyer: Buyer) -> Iterator[Problem]:
    company = buyer.kind is BuyerKind.COMPANY
    if not buyer.name:
        title = "company name (单位名称)" if company else "name (姓名)"
        yield Problem("buyer.name", f"the {title} is missing", _IN_STOREFRONT)
    elif len(buyer.name) > 160:
        yield Problem("buyer.name", f"{len(buyer.name)} characters long", _IN_STOREFRONT)
    yield from _company_code(buyer.code) if company else _person_code(buyer.code)
    if company and not buyer.contact_name:
        yield Problem(
            "buyer.contact_name", "the responsible person (责任人) is missing", _IN_STOREFRONT
        )
    if not buyer.phone:
        yield Problem("buyer.phone", "the phone number (联系方式) is missing", _IN_STOREFRONT)
    elif not _PHONE.match(buyer.phone.replace(" ", "")):
        yield Problem(
            "buyer.phone", f"{mask_phone(buyer.phone)} is no phone number", _IN_STOREFRONT
        )
    yield from _address(buyer.address, "buyer.address", postcode=not company)


def _company_code(code: str) -> Iterator[Problem]:
    title = "unified social credit code (统一社会信用代码)"
    if not code:
        yield Problem("buyer.code", f"the {title} or organisation code is missing", _IN_STOREFRONT)
    elif len(code) == 18:
        try:
            uscc.validate(code)
        except ValidationError as error:
            yield Problem("buyer.code", f"{code} is no {title}: {_said(error)}", _IN_STOREFRONT)
    elif not _is_organisation_code(code):
        yield Problem(
            "buyer.code",
            f"{code[:24]} is neither a {title} (18 characters)"
            " nor an organisation code (组织机构代码, 9 characters with check digit)",
            _IN_STOREFRONT,
        )


def _person_code(code: str) -> Iterator[Problem]:
    title = "ID card number (身份证号码)"
    if not code:
        yield Problem("buyer.code", f"the {title} is missing", _IN_STOREFRONT)
        return
    try:
        ric.validate(code)
        born = ric.get_birth_date(code)
    except ValidationError as error:
        yield Problem(
            "buyer.code", f"{mask_id(code)} is no {title}: {_said(error)}", _IN_STOREFRONT
        )
        return
    if born > datetime.now(UTC).date():
        yield Problem(
            "buyer.code", f"{mask_id(code)}: the birth date is in the future", _IN_STOREFRONT
        )


def _is_organisation_code(code: str) -> bool:
    if not _ORGANISATION_CODE.match(code):
        return False
    digits = code.replace("-", "")
    total = sum(
        _ALPHABET.index(character) * weight
        for character, weight in zip(digits, _ORGANISATION_WEIGHTS, strict=False)
    )
    check = (11 - total % 11) % 11
    return digits[8] == ("X" if check == 10 else str(check))


def _ship_to(order: Order) -> Iterator[Problem]:
    if not (order.ship_to.name or order.ship_to.company):
        yield Problem("ship_to.name", "the consignee (收货人) is missing", _IN_STOREFRONT)
    yield from _address(order.ship_to.address, "ship_to.address", postcode=False)


def _address(address: Address, field: str, *, postcode: bool) -> Iterator[Problem]:
    if not address.street:
        yield Problem(f"{field}.street", "the street (街道) is missing", _IN_STOREFRONT)
    elif not re.search(r"[0-9０-９]|[一二三四五六七八九十百]+[号弄幢栋]", address.street):
        yield Problem(f"{field}.street", "the house number (门牌号) is missing", _IN_STOREFRONT)
    if not address.city:
        yield Problem(f"{field}.city", "the city is missing", _IN_STOREFRONT)
    wrong_postcode = not re.fullmatch(r"[0-9]{6}", address.postcode)
    if wrong_postcode and (postcode or address.postcode) and address.country in ("CN", ""):
        yield Problem(
            f"{field}.postcode", f"{address.postcode[:12]!r} is no postcode (邮编)", _IN_STOREFRONT
        )


def _lines(order: Order) -> Iterator[Problem]:
    for line in order.lines:
        field = f"lines[{line.number}]"
        if not line.sku:
            yield Problem(f"{field}.sku", "the part number is missing", _IN_STOREFRONT)
        elif len(line.sku) > 40:
            yield Problem(f"{field}.sku", f"{len(line.sku)} characters long", _IN_STOREFRONT)
        if line.quantity <= 0:
            yield Problem(f"{field}.quantity", f"{line.quantity} is not positive", _IN_STOREFRONT)
        if line.amount < 0:
            yield Problem(f"{field}.amount", f"{line.amount} is negative", _IN_STOREFRONT)
        if line.open_quantity < 0:
            yield Problem(
                f"{field}.quantity",
                f"{line.refunded_quantity} refunded of {line.quantity}",
                "correct the refund in the storefront",
            )
    for line_id, times in Counter(line.line_id for line in order.lines).items():
        if times > 1:
            yield Problem("lines", f"line id {line_id[:20]!r} occurs {times} times", _IN_STOREFRONT)


def _sums(order: Order) -> Iterator[Problem]:
    if not _CURRENCY.match(order.currency):
        yield Problem("currency", f"{order.currency[:8]!r} is no currency", _IN_STOREFRONT)
    if order.freight < 0:
        yield Problem("freight", f"{order.freight} is negative", _IN_STOREFRONT)
    added = sum((line.amount for line in order.lines), Decimal(0)) + order.freight
    if abs(added - order.total) >= Decimal("0.01"):
        yield Problem(
            "total",
            f"lines and freight add up to {added}, the order says {order.total}",
            "fees and vouchers must stand in the lines; correct the order in the storefront",
        )


def _said(error: ValidationError) -> str:
    return str(error.message if hasattr(error, "message") else error).rstrip(".").lower()
