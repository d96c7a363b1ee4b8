"""The order as the connector understands it, whatever storefront it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from connector.domain.lifecycle import HoldCause
from connector.wording import Said, problems, terms


class BuyerKind(StrEnum):
    """Who buys (workflow.md, step 1)."""

    COMPANY = "company"  # 单位
    PERSON = "person"  # 个人


class PaymentState(StrEnum):
    """What the storefront says of an order as a whole, in the words of no storefront."""

    CART = "cart"  # not ordered yet
    UNPAID = "unpaid"  # placed, payment awaited or being checked
    PAID = "paid"
    COMPLETED = "completed"  # the storefront considers it delivered
    CANCELLED = "cancelled"  # also: payment failed for good, refunded in full
    UNKNOWN = "unknown"


# An order goes no further while its payment is one of these.
UNSETTLED = frozenset({PaymentState.UNPAID, PaymentState.CART, PaymentState.UNKNOWN})


class InvoiceKind(StrEnum):
    """Kinds of invoice (workflow.md, step 7)."""

    SPECIAL = "special"  # 增值税专用发票
    ORDINARY = "ordinary"  # 普通发票
    ELECTRONIC = "electronic"  # 电子发票


@dataclass(frozen=True)
class Address:
    """A postal address, down to the house number where there is one."""

    country: str  # ISO 3166 alpha-2
    province: str
    city: str
    street: str  # street, house number if any, and what follows them
    postcode: str

    @property
    def mainland(self) -> bool:
        """Whether it is in mainland China, whose addresses have provinces and their postcodes."""
        return self.country in ("CN", "")


@dataclass(frozen=True)
class Buyer:
    """The company or person who buys.

    `code` is the unified social credit code (18 characters) or organisation code (9) of a
    company, or the ID card number of a person; `contact_name` and `phone` are those of the
    responsible person.
    """

    kind: BuyerKind
    name: str
    code: str
    contact_name: str
    phone: str
    email: str
    address: Address


def buyer_of(kept: Mapping[str, Any]) -> Buyer:
    """Return the buyer whom a request names, as it was kept."""
    fields = dict(kept) | {"kind": BuyerKind(kept["kind"]), "address": Address(**kept["address"])}
    return Buyer(**fields)


@dataclass(frozen=True)
class ShipTo:
    """Where the goods go."""

    name: str
    company: str
    phone: str
    address: Address


@dataclass(frozen=True)
class OrderLine:
    """One line. Amounts are tax-inclusive, in the order's currency, for the whole line."""

    number: int  # 1, 2, 3 … in the storefront's sequence
    line_id: str  # the storefront's own identifier
    sku: str
    name: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    discount: Decimal  # the line's own, and its share of the subsidy
    amount: Decimal  # quantity × unit price − discount
    subsidy: Decimal = Decimal(0)  # share of what the platform takes off the order (线上补贴)
    refunded_quantity: Decimal = Decimal(0)
    refunded_amount: Decimal = Decimal(0)
    business_unit: str = ""  # filled in when the order is validated
    product_id: str = ""  # of a variation (商品变体): the product that it is one of
    variation_id: str = ""

    @property
    def open_quantity(self) -> Decimal:
        """What is still to be delivered: ordered less refunded."""
        return self.quantity - self.refunded_quantity

    @property
    def open_amount(self) -> Decimal:
        """What is still to be paid for the line: its amount less refunded."""
        return self.amount - self.refunded_amount


@dataclass(frozen=True)
class RefundedLine:
    """What a refund gives back of one line, tax included; `number` is 0 for an unknown line.

    `subsidy` is what it takes back of the line's; the amount is that much less.
    """

    number: int
    quantity: Decimal
    amount: Decimal
    subsidy: Decimal = Decimal(0)


@dataclass(frozen=True)
class Refund:
    """One refund that the storefront booked. `amount` is positive, and all that was given back.

    `freight` is what of it is freight and other charges. What neither lines nor freight explain
    is the `rest`.
    """

    refund_id: str
    amount: Decimal
    reason: str
    refunded_at: datetime | None
    lines: tuple[RefundedLine, ...] = ()
    freight: Decimal = Decimal(0)

    @property
    def explained(self) -> Decimal:
        """What lines and freight explain of the amount."""
        return sum((line.amount for line in self.lines if line.number), self.freight)

    @property
    def rest(self) -> Decimal:
        """What no line of the order explains: all of a refund by amount only."""
        return self.amount - self.explained


@dataclass(frozen=True)
class Order:
    """A storefront order, readable and complete in form; whether it is *valid* is asked apart.

    `total` = sum of line amounts + freight. Times are aware and in UTC.
    """

    shop: str
    number: str
    order_id: str  # the storefront's own identifier, used on its routes
    payment_state: PaymentState
    status: str  # the storefront's own word
    placed_at: datetime
    modified_at: datetime
    paid_at: datetime | None
    currency: str  # ISO 4217
    buyer: Buyer
    ship_to: ShipTo
    lines: tuple[OrderLine, ...]
    freight: Decimal  # and other charges on the order as a whole
    total: Decimal
    invoice_kind: InvoiceKind
    payment_method: str
    note: str
    refunds: tuple[Refund, ...] = ()
    refunded_freight: Decimal = Decimal(0)

    @property
    def open_freight(self) -> Decimal:
        """The freight and charges that were not given back."""
        return self.freight - self.refunded_freight

    @property
    def refunded(self) -> Decimal:
        """What the storefront gave back in all."""
        return sum((refund.amount for refund in self.refunds), Decimal(0))

    @property
    def unexplained(self) -> Decimal:
        """What open lines and freight come to beyond the total less all refunds."""
        opened = sum((line.open_amount for line in self.open_lines), self.open_freight)
        return opened - (self.total - self.refunded)

    @property
    def open_lines(self) -> tuple[OrderLine, ...]:
        """The lines of which something is still to be delivered."""
        return tuple(line for line in self.lines if line.open_quantity > 0)

    @property
    def business_units(self) -> tuple[str, ...]:
        """The business units that deliver, in the order of their first line."""
        units = (line.business_unit for line in self.open_lines)
        return tuple(dict.fromkeys(unit for unit in units if unit))

    def lines_of(self, business_unit: str) -> tuple[OrderLine, ...]:
        """The open lines that one business unit delivers."""
        return tuple(line for line in self.open_lines if line.business_unit == business_unit)

    def with_lines(self, lines: tuple[OrderLine, ...]) -> Order:
        """Return the same order with other lines."""
        return replace(self, lines=lines)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an order: where, what (masked if personal), and the remedy.

    `field` is a dotted path in the model (`buyer.code`, `lines[2].quantity`). `cause` is what the
    order is held for: it names who can mend it.
    """

    field: str
    reason: Said
    remedy: Said
    cause: HoldCause = HoldCause.INVALID

    @property
    def said(self) -> Said:
        """The problem in a sentence."""
        return problems.PROBLEM(
            field=terms.field(self.field), reason=self.reason, remedy=self.remedy
        )

    def __str__(self) -> str:
        return str(self.said)
