"""What keeps an order from being valid (workflow.md, step 1): every reason at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from connector.domain.currency import minor_unit, rounded
from connector.domain.identity import (
    USUAL,
    Document,
    checkable,
    remarks_on_person,
    wrong_with_company,
    wrong_with_person,
)
from connector.domain.lifecycle import HoldCause
from connector.domain.masking import mask_id, mask_phone
from connector.domain.order import Address, Buyer, BuyerKind, InvoiceKind, Order, Problem
from connector.domain.phones import is_phone, is_unusual_phone
from connector.wording import Said, shown, terms
from connector.wording import problems as wrong

_IN_STOREFRONT = wrong.HAVE_IT_CORRECTED()
# What no buyer can mend.
_BY_PLATFORM = (wrong.CORRECT_IN_SHOP(), HoldCause.SHOP_DATA)
_NONE = Decimal(0)
_CURRENCY = re.compile(r"^[A-Z]{3}$")
_HOUSE_NUMBER = re.compile(
    r"\d|[一二三四五六七八九十百零〇]+(?:[号號弄幢栋棟座楼层室组队连团社村]|单元)"
)


def problems(
    order: Order,
    today: date,
    documents: frozenset[Document] = USUAL,
    *,
    accepted: bool = False,
) -> tuple[Problem, ...]:
    """Return everything that is wrong with an order; empty when it is valid.

    `documents` are those by which a person may say who it is. `accepted`: somebody has seen the
    document of this one, whose number no rule can check.
    """
    return (
        *_buyer(order.buyer),
        *_code(order, today, documents, accepted=accepted),
        *_ship_to(order),
        *_lines(order),
        *_sums(order),
        *_invoice(order),
        *_refunds(order),
    )


def remarks(
    order: Order, documents: frozenset[Document] = USUAL, *, accepted: bool = False
) -> tuple[Said, ...]:
    """Return what is unusual about a valid order, and no reason to hold it."""
    buyer, to = order.buyer, order.ship_to
    person = buyer.kind is BuyerKind.PERSON
    found = [] if accepted or not person else remarks_on_person(buyer.code, documents)
    if accepted:
        found.append(wrong.NOT_CHECKABLE())
    if is_unusual_phone(buyer.phone):
        found.append(wrong.PHONE_UNUSUAL(phone=mask_phone(buyer.phone)))
    # A village, a gate or an industrial park is found without a number.
    found += [
        wrong.NO_HOUSE_NUMBER(field=terms.field(f"{field}.street"))
        for field, address in (("buyer.address", buyer.address), ("ship_to.address", to.address))
        if not _HOUSE_NUMBER.search(address.street)
    ]
    return tuple(found)


def _buyer(buyer: Buyer) -> Iterator[Problem]:
    company = buyer.kind is BuyerKind.COMPANY
    if not buyer.name:
        title = wrong.COMPANY_NAME() if company else wrong.PERSON_NAME()
        yield Problem("buyer.name", wrong.NAME_MISSING(title=title), _IN_STOREFRONT)
    elif len(buyer.name) > 160:
        yield Problem("buyer.name", wrong.TOO_LONG(length=len(buyer.name)), _IN_STOREFRONT)
    if company and not buyer.contact_name:
        yield Problem("buyer.contact_name", wrong.CONTACT_MISSING(), _IN_STOREFRONT)
    if not buyer.phone:
        yield Problem("buyer.phone", wrong.PHONE_MISSING(), _IN_STOREFRONT)
    elif not is_phone(buyer.phone):
        yield Problem(
            "buyer.phone", wrong.PHONE_WRONG(phone=mask_phone(buyer.phone)), _IN_STOREFRONT
        )
    yield from _address(buyer.address, "buyer.address", postcode=not company)


def _code(
    order: Order, today: date, documents: frozenset[Document], *, accepted: bool
) -> Iterator[Problem]:
    code = order.buyer.code
    if order.buyer.kind is BuyerKind.COMPANY:
        yield from _company_code(code)
    elif not accepted or checkable(code):
        yield from _person_code(code, order.number, today, documents)


def _company_code(code: str) -> Iterator[Problem]:
    title = wrong.CREDIT_CODE()
    if not code:
        yield Problem("buyer.code", wrong.CODE_MISSING(title=title), _IN_STOREFRONT)
        return
    why = wrong_with_company(code)
    if why is not None:
        reason = wrong.CODE_WRONG(code=_shown_code(code), title=title, why=why)
        yield Problem("buyer.code", reason, _IN_STOREFRONT)


def _shown_code(code: str) -> str:
    # A person's number that lacks a digit, or has one too many, is a person's all the same.
    return mask_id(code) if len(re.findall(r"\d", code)) >= 14 else code[:24]


def _person_code(
    code: str, number: str, today: date, documents: frozenset[Document]
) -> Iterator[Problem]:
    title = wrong.ID_CARD()
    if not code:
        yield Problem("buyer.code", wrong.ID_MISSING(title=title), _IN_STOREFRONT)
        return
    why = wrong_with_person(code, today, documents)
    if why is not None:
        reason = wrong.CODE_WRONG(code=mask_id(code), title=title, why=why)
        remedy = _IN_STOREFRONT if checkable(code) else wrong.CORRECT_OR_ACCEPT(number=number)
        yield Problem("buyer.code", reason, remedy)


def _invoice(order: Order) -> Iterator[Problem]:
    """A special VAT invoice is made out to a company with a tax code, and to nobody else."""
    if order.invoice_kind is not InvoiceKind.SPECIAL:
        return
    if order.buyer.kind is BuyerKind.PERSON:
        yield Problem("invoice_kind", wrong.SPECIAL_FOR_A_PERSON(), wrong.CHOOSE_ANOTHER_INVOICE())
    elif not order.buyer.code:
        yield Problem("invoice_kind", wrong.SPECIAL_WITHOUT_CODE(), wrong.GIVE_THE_TAX_CODE())


def _ship_to(order: Order) -> Iterator[Problem]:
    if not (order.ship_to.name or order.ship_to.company):
        yield Problem("ship_to.name", wrong.CONSIGNEE_MISSING(), _IN_STOREFRONT)
    yield from _address(order.ship_to.address, "ship_to.address", postcode=False)


def _address(address: Address, field: str, *, postcode: bool) -> Iterator[Problem]:
    if not address.street:
        yield Problem(f"{field}.street", wrong.STREET_MISSING(), _IN_STOREFRONT)
    elif address.mainland and not address.province and not _HOUSE_NUMBER.search(address.street):
        yield Problem(f"{field}.street", wrong.HOUSE_NUMBER_MISSING(), _IN_STOREFRONT)
    if not address.city:
        yield Problem(f"{field}.city", wrong.CITY_MISSING(), _IN_STOREFRONT)
    wrong_postcode = not re.fullmatch(r"[0-9]{6}", address.postcode)
    if wrong_postcode and (postcode or address.postcode) and address.mainland:
        reason = wrong.POSTCODE_WRONG(postcode=shown(address.postcode, 12))
        yield Problem(f"{field}.postcode", reason, _IN_STOREFRONT)


def _lines(order: Order) -> Iterator[Problem]:
    for line in order.lines:
        field = f"lines[{line.number}]"
        if not line.sku:
            yield Problem(f"{field}.sku", wrong.SKU_MISSING(), *_BY_PLATFORM)
        elif len(line.sku) > 40:
            yield Problem(f"{field}.sku", wrong.TOO_LONG(length=len(line.sku)), *_BY_PLATFORM)
        if line.quantity <= 0:
            reason = wrong.NOT_POSITIVE(value=line.quantity)
            yield Problem(f"{field}.quantity", reason, *_BY_PLATFORM)
        if line.amount < 0 <= line.amount + line.subsidy:
            beyond = wrong.SUBSIDY_BEYOND(subsidy=line.subsidy, amount=line.amount + line.subsidy)
            yield Problem(f"{field}.amount", beyond, wrong.LESS_SUBSIDY(), HoldCause.SHOP_DATA)
        elif line.amount < 0:
            yield Problem(f"{field}.amount", wrong.NEGATIVE(value=line.amount), *_BY_PLATFORM)
        if line.open_quantity < 0:
            yield Problem(
                f"{field}.quantity",
                wrong.OVER_REFUNDED(refunded=line.refunded_quantity, quantity=line.quantity),
                wrong.CORRECT_REFUND(),
                HoldCause.REFUND_AMOUNT,
            )
    for line_id, times in Counter(line.line_id for line in order.lines).items():
        if times > 1:
            reason = wrong.LINE_ID_TWICE(line_id=shown(line_id, 20), times=times)
            yield Problem("lines", reason, *_BY_PLATFORM)


def _sums(order: Order) -> Iterator[Problem]:
    if not _CURRENCY.match(order.currency):
        reason = wrong.CURRENCY_WRONG(currency=shown(order.currency, 8))
        yield Problem("currency", reason, *_BY_PLATFORM)
    if order.freight < 0:
        yield Problem("freight", wrong.NEGATIVE(value=order.freight), *_BY_PLATFORM)
    added = _added(order)
    if added != order.total:
        yield Problem(
            "total",
            wrong.TOTAL_WRONG(added=added, total=order.total),
            wrong.CORRECT_TOTAL(),
            HoldCause.SHOP_DATA,
        )


def _added(order: Order) -> Decimal:
    return sum((line.amount for line in order.lines), order.freight)


def _refunds(order: Order) -> Iterator[Problem]:
    """What open lines and freight come to must be what the buyer still pays."""
    if not order.refunds or not order.open_lines or _added(order) != order.total:
        return
    minor = minor_unit(order.currency)
    for line in order.open_lines:
        if line.open_amount < 0:
            yield Problem(
                f"lines[{line.number}].amount",
                wrong.OVER_REFUNDED(
                    refunded=rounded(line.refunded_amount, minor),
                    quantity=rounded(line.amount, minor),
                ),
                wrong.CORRECT_REFUND(),
                HoldCause.REFUND_AMOUNT,
            )
    if order.open_freight < 0:
        yield Problem(
            "freight",
            wrong.OVER_REFUNDED(refunded=order.refunded_freight, quantity=order.freight),
            wrong.CORRECT_REFUND(),
            HoldCause.REFUND_AMOUNT,
        )
    rest, explained = order.unexplained, order.refunded - order.unexplained
    if rest:
        bearable = sum((max(line.open_amount, _NONE) for line in order.open_lines), _NONE)
        told = {"refunded": order.refunded, "currency": order.currency, "explained": explained}
        yield Problem(
            "refunds",
            wrong.REFUND_UNEXPLAINED(**told, rest=rest)
            if rest > 0
            else wrong.REFUND_LESS(**told, rest=-rest),
            wrong.REFUND_BY_LINES() if rest <= bearable else wrong.REFUND_BEYOND_GOODS(),
            HoldCause.REFUND_AMOUNT,
        )
