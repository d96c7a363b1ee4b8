"""What the four books say of an order, and what it is called when they do not agree.

Rule's source: workflow.md, step 9. Amounts and quantities stand in ten-thousandths (`scaled`), so
that every database adds and compares them exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import IntEnum, StrEnum
from typing import NamedTuple

from connector.domain.lifecycle import OWNER, HoldCause, Owner
from connector.wording import Said

SCALE = 10_000


class Book(IntEnum):
    """Whose word it is."""

    STOREFRONT = 0
    CONNECTOR = 1
    DMS = 2
    SAP = 3


class Kind(StrEnum):
    """How the books differ."""

    MISSING_STOREFRONT = "missing_storefront"
    MISSING_CONNECTOR = "missing_connector"
    MISSING_DMS = "missing_dms"
    MISSING_SAP = "missing_sap"
    UNKNOWN_DOCUMENT = "unknown_document"
    DUPLICATE = "duplicate"
    AMOUNT = "amount"
    QUANTITY = "quantity"
    PART = "part"
    CUSTOMER = "customer"
    TAX = "tax"
    ROUNDING = "rounding"
    PAYMENT = "payment"
    SHIPPED_NOT_INVOICED = "shipped_not_invoiced"
    INVOICED_NOT_SHIPPED = "invoiced_not_shipped"
    REFUNDED_NOT_RECOVERED = "refunded_not_recovered"
    CANCELLED_BUT_SHIPPED = "cancelled_but_shipped"
    HELD_BUT_SHIPPED = "held_but_shipped"
    STATUS_BEHIND = "status_behind"
    HELD = "held"
    UNDER_WAY = "under_way"
    CANCELLED = "cancelled"
    NOT_COMPARED = "not_compared"


class State(StrEnum):
    """How far a difference has been dealt with."""

    NEW = "new"  # found in this business day for the first time
    KNOWN = "known"  # found before, and still there
    EXPLAINED = "explained"  # a person said why; holds as long as the values stay the same
    SOLVED = "solved"  # the books agree by now


@dataclass(frozen=True)
class Meaning:
    """What a kind means to people. `lasting` ones need somebody and are looked at every night."""

    owner: Owner
    chinese: str
    english: str
    lasting: bool = True


MEANING: dict[Kind, Meaning] = {
    Kind.MISSING_STOREFRONT: Meaning(Owner.OPS, "商城没有", "not in the storefront"),
    Kind.MISSING_CONNECTOR: Meaning(Owner.OPS, "连接器没有", "not in the connector"),
    Kind.MISSING_DMS: Meaning(Owner.OPS, "DMS没有", "not in the DMS"),
    Kind.MISSING_SAP: Meaning(Owner.BU_FINANCE, "SAP没有", "not in SAP"),
    Kind.UNKNOWN_DOCUMENT: Meaning(
        Owner.OPS, "来历不明的单据", "a document that the connector did not ask for"
    ),
    Kind.DUPLICATE: Meaning(Owner.OPS, "重复单据", "there twice"),
    Kind.AMOUNT: Meaning(Owner.BU_FINANCE, "金额不一致", "the amounts differ"),
    Kind.QUANTITY: Meaning(
        Owner.PARTS_ADMINISTRATOR, "数量不一致", "the quantities differ"
    ),
    Kind.PART: Meaning(Owner.PARTS_ADMINISTRATOR, "零件号不一致", "another part"),
    Kind.CUSTOMER: Meaning(Owner.SALES_REP, "客户不一致", "another customer"),
    Kind.TAX: Meaning(Owner.BU_FINANCE, "税额不符", "the tax fits no rate or not the other book"),
    Kind.ROUNDING: Meaning(
        Owner.NOBODY, "尾差（容差内）", "rounding, within tolerance", lasting=False
    ),
    Kind.PAYMENT: Meaning(Owner.SALES_REP, "未收款已下单", "in the DMS without a payment received"),
    Kind.SHIPPED_NOT_INVOICED: Meaning(
        Owner.BU_FINANCE, "已发货未开票", "shipped, and not invoiced in time"
    ),
    Kind.INVOICED_NOT_SHIPPED: Meaning(
        Owner.WAREHOUSE, "已开票未发货", "invoiced, and nothing was shipped"
    ),
    Kind.REFUNDED_NOT_RECOVERED: Meaning(
        Owner.BU_FINANCE,
        "退款发票未回收",
        "refunded, and the invoice neither recovered nor reversed",
    ),
    Kind.CANCELLED_BUT_SHIPPED: Meaning(Owner.WAREHOUSE, "已取消却发货", "cancelled, yet shipped"),
    Kind.HELD_BUT_SHIPPED: Meaning(
        Owner.WAREHOUSE, "挂起未放行却已发货", "held before its release, yet shipped"
    ),
    Kind.STATUS_BEHIND: Meaning(Owner.OPS, "状态滞后", "one book is behind the other"),
    Kind.HELD: Meaning(Owner.OPS, "挂起中", "held; nothing in the DMS as yet"),
    Kind.UNDER_WAY: Meaning(Owner.OPS, "处理中", "still on its way to the DMS"),
    Kind.CANCELLED: Meaning(
        Owner.NOBODY, "已取消", "cancelled, so not in the DMS", lasting=False
    ),
    Kind.NOT_COMPARED: Meaning(Owner.OPS, "未能核对", "could not be compared"),
}  # fmt: skip


def owner_of(kind: str, field: str) -> Owner:
    """Return who must act; with a held order that depends on the cause, which is its field."""
    if kind == Kind.HELD and field in set(HoldCause):
        return OWNER[HoldCause(field)]
    return MEANING[Kind(kind)].owner


@dataclass(frozen=True)
class Rules:
    """What the site decides. `tolerance` is an amount; below it a difference is rounding.

    Tax is checked against `tax_rates` (13 % is 0.13; 0 for what is exempt or not taxed); an invoice
    of several rates must lie between the lowest and the highest. What is shipped must be invoiced
    after `invoice_after` days.
    """

    tolerance: Decimal = Decimal("0.01")
    tax_rates: Sequence[Decimal] = (Decimal("0.13"), Decimal("0.09"), Decimal("0.06"))
    invoice_after: int = 1

    @property
    def rates(self) -> list[int]:
        """The tax rates in ten-thousandths, lowest first."""
        return sorted(scaled(rate) for rate in self.tax_rates)

    def overdue(self, day: date) -> str:
        """Return the last day on which shipped goods must be invoiced by `day`."""
        return (day - timedelta(days=self.invoice_after)).isoformat()


@dataclass(frozen=True)
class Difference:
    """One difference, as finance sees it.

    `storefront`, `connector`, `dms` and `sap` say what each book holds, `amount` what is at stake
    (never negative). The four signed amounts say by how much a book's sum is more than ours
    because of this difference: over all differences of a day's orders, ours plus these is theirs.
    `since` is the business day on which it was first found; `carried` ones belong to orders of
    earlier days and count in no sum of this day.
    """

    id: int
    number: str
    line: int  # 0: the order as a whole
    document: str
    kind: Kind
    field: str
    storefront: str | Decimal | None
    connector: str | Decimal | None
    dms: str | Decimal | None
    sap: str | Decimal | None
    amount: Decimal
    ordered_storefront: Decimal
    ordered_dms: Decimal
    invoiced_dms: Decimal
    invoiced_sap: Decimal
    owner: Owner
    placed_at: datetime | None
    since: date
    age: int  # in days
    state: State
    explanation: str
    explained_by: str
    detail: Said
    carried: bool
    currency: str = ""  # of all its amounts; empty where no book tells it

    @property
    def cause(self) -> Meaning:
        """What it means, in both languages."""
        return MEANING[self.kind]


class BookOrder(NamedTuple):
    """An order in one book; in the DMS one for each of its sales orders (`part` is its number).

    `payment` is the storefront's payment state or "live"; `content` is a hash of what was ordered.
    `refunded` is what the storefront booked, and in our own book what of it was recovered;
    `freight_back` what of our freight was given back before the order was placed. What a book
    does not tell is None, and is not compared.
    """

    number: str
    part: str
    unit: str
    payment: str
    customer: str
    freight: int
    total: int
    refunded: int
    content: str = ""
    stage: str = ""  # ours only, as is `hold`
    hold: str = ""
    freight_back: int = 0
    currency: str = ""
    placed_at: datetime | None = None


class BookLine(NamedTuple):
    """A line in one book. `amount` is tax-inclusive, less `discount`, which holds the subsidy.

    `later` is what of our refunds came after the line was placed in the DMS, which holds it still.
    """

    number: str
    line: int
    part: str
    sku: str
    quantity: int
    unit_price: int
    discount: int
    subsidy: int
    amount: int
    refunded_quantity: int
    refunded_amount: int
    shipped: int
    later_quantity: int = 0
    later_amount: int = 0


class BookDocument(NamedTuple):
    """A document in one book: sales_order, shipment or invoice.

    `document` is the number that all books know it by, `part` the book's own: the sales order it
    belongs to in the DMS, the delivery or billing document in SAP. `day` is an ISO date.
    """

    kind: str
    number: str
    document: str
    part: str
    unit: str
    live: int
    day: str
    quantity: int
    net: int
    tax: int
    gross: int


def scaled(amount: Decimal | int | str | None) -> int:
    """Return an amount or quantity in ten-thousandths, rounded half up; nothing is 0."""
    if amount is None:
        return 0
    return int((Decimal(amount) * SCALE).to_integral_value(ROUND_HALF_UP))
