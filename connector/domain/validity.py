"""What keeps an order from being valid (workflow.md, step 1): every reason at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from stdnum.cn import ric, uscc
from stdnum.exceptions import (
    InvalidChecksum,
    InvalidComponent,
    InvalidFormat,
    InvalidLength,
    ValidationError,
)

from connector.domain.masking import mask_id, mask_phone
from connector.domain.order import Address, Buyer, BuyerKind, Order, Problem
from connector.wording import Said, quoted
from connector.wording import problems as wrong

_IN_STOREFRONT = wrong.HAVE_IT_CORRECTED()
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
        title = wrong.COMPANY_NAME() if company else wrong.PERSON_NAME()
        yield Problem("buyer.name", wrong.NAME_MISSING(title=title), _IN_STOREFRONT)
    elif len(buyer.name) > 160:
        yield Problem("buyer.name", wrong.TOO_LONG(length=len(buyer.name)), _IN_STOREFRONT)
    yield from _company_code(buyer.code) if company else _person_code(buyer.code)
    if company and not buyer.contact_name:
        yield Problem("buyer.contact_name", wrong.CONTACT_MISSING(), _IN_STOREFRONT)
    if not buyer.phone:
        yield Problem("buyer.phone", wrong.PHONE_MISSING(), _IN_STOREFRONT)
    elif not _PHONE.match(buyer.phone.replace(" ", "")):
        yield Problem(
            "buyer.phone", wrong.PHONE_WRONG(phone=mask_phone(buyer.phone)), _IN_STOREFRONT
        )
    yield from _address(buyer.address, "buyer.address", postcode=not company)


def _company_code(code: str) -> Iterator[Problem]:
    title = wrong.CREDIT_CODE()
    if not code:
        yield Problem("buyer.code", wrong.CODE_MISSING(title=title), _IN_STOREFRONT)
    elif len(code) == 18:
        try:
            uscc.validate(code)
        except ValidationError as error:
            reason = wrong.CODE_WRONG(code=code, title=title, why=_said(error))
            yield Problem("buyer.code", reason, _IN_STOREFRONT)
    elif not _is_organisation_code(code):
        yield Problem("buyer.code", wrong.CODE_NEITHER(code=code[:24], title=title), _IN_STOREFRONT)


def _person_code(code: str) -> Iterator[Problem]:
    title = wrong.ID_CARD()
    if not code:
        yield Problem("buyer.code", wrong.ID_MISSING(title=title), _IN_STOREFRONT)
        return
    try:
        ric.validate(code)
        born = ric.get_birth_date(code)
    except ValidationError as error:
        reason = wrong.CODE_WRONG(code=mask_id(code), title=title, why=_said(error))
        yield Problem("buyer.code", reason, _IN_STOREFRONT)
        return
    if born > datetime.now(UTC).date():
        yield Problem("buyer.code", wrong.BORN_IN_FUTURE(code=mask_id(code)), _IN_STOREFRONT)


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
        yield Problem("ship_to.name", wrong.CONSIGNEE_MISSING(), _IN_STOREFRONT)
    yield from _address(order.ship_to.address, "ship_to.address", postcode=False)


def _address(address: Address, field: str, *, postcode: bool) -> Iterator[Problem]:
    if not address.street:
        yield Problem(f"{field}.street", wrong.STREET_MISSING(), _IN_STOREFRONT)
    elif not re.search(r"[0-9０-９]|[一二三四五六七八九十百]+[号弄幢栋]", address.street):
        yield Problem(f"{field}.street", wrong.HOUSE_NUMBER_MISSING(), _IN_STOREFRONT)
    if not address.city:
        yield Problem(f"{field}.city", wrong.CITY_MISSING(), _IN_STOREFRONT)
    wrong_postcode = not re.fullmatch(r"[0-9]{6}", address.postcode)
    if wrong_postcode and (postcode or address.postcode) and address.country in ("CN", ""):
        reason = wrong.POSTCODE_WRONG(postcode=repr(address.postcode[:12]))
        yield Problem(f"{field}.postcode", reason, _IN_STOREFRONT)


def _lines(order: Order) -> Iterator[Problem]:
    for line in order.lines:
        field = f"lines[{line.number}]"
        if not line.sku:
            yield Problem(f"{field}.sku", wrong.SKU_MISSING(), _IN_STOREFRONT)
        elif len(line.sku) > 40:
            yield Problem(f"{field}.sku", wrong.TOO_LONG(length=len(line.sku)), _IN_STOREFRONT)
        if line.quantity <= 0:
            reason = wrong.NOT_POSITIVE(value=line.quantity)
            yield Problem(f"{field}.quantity", reason, _IN_STOREFRONT)
        if line.amount < 0:
            yield Problem(f"{field}.amount", wrong.NEGATIVE(value=line.amount), _IN_STOREFRONT)
        if line.open_quantity < 0:
            yield Problem(
                f"{field}.quantity",
                wrong.OVER_REFUNDED(refunded=line.refunded_quantity, quantity=line.quantity),
                wrong.CORRECT_REFUND(),
            )
    for line_id, times in Counter(line.line_id for line in order.lines).items():
        if times > 1:
            reason = wrong.LINE_ID_TWICE(line_id=repr(line_id[:20]), times=times)
            yield Problem("lines", reason, _IN_STOREFRONT)


def _sums(order: Order) -> Iterator[Problem]:
    if not _CURRENCY.match(order.currency):
        reason = wrong.CURRENCY_WRONG(currency=repr(order.currency[:8]))
        yield Problem("currency", reason, _IN_STOREFRONT)
    if order.freight < 0:
        yield Problem("freight", wrong.NEGATIVE(value=order.freight), _IN_STOREFRONT)
    added = sum((line.amount for line in order.lines), Decimal(0)) + order.freight
    if abs(added - order.total) >= Decimal("0.01"):
        yield Problem(
            "total",
            wrong.TOTAL_WRONG(added=added, total=order.total),
            wrong.CORRECT_TOTAL(),
        )


# What python-stdnum finds wrong with a number.
_SAID = {
    InvalidChecksum: wrong.CHECK_DIGIT,
    InvalidLength: wrong.WRONG_LENGTH,
    InvalidFormat: wrong.WRONG_FORMAT,
    InvalidComponent: wrong.WRONG_PART,
}


def _said(error: ValidationError) -> Said:
    known = _SAID.get(type(error))
    return known() if known is not None else quoted(str(error).rstrip(".").lower())
