"""What the steps work with, and what they share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connector.clocks import Clocks
from connector.dms.desk import DmsDesk
from connector.domain.allocation import StockPolicy
from connector.domain.amounts import unit_shares
from connector.domain.business_unit import BusinessUnit, assign, kept
from connector.domain.calendar import Timetable
from connector.domain.currency import minor_unit
from connector.domain.deadlines import Promises
from connector.domain.identity import USUAL, Document, person_number, written
from connector.domain.open_money import since_placed
from connector.domain.order import Buyer, BuyerKind, Order
from connector.domain.pricing import open_discount, open_price
from connector.domain.reading import read_order
from connector.domain.refunds import RefundPolicy, spread
from connector.domain.variations import VariationPolicy
from connector.errors import UnreadableOrder
from connector.mapping import MappingSet
from connector.sap.customers import CustomerDesk
from connector.sap.stock import StockDesk
from connector.shortage import Shortages
from connector.steps.outbound import Outbound
from connector.steps.variations import ParentParts
from connector.store.calls import Calls
from connector.store.customers import Customers
from connector.store.orders import Orders
from connector.store.quarantine import Quarantine
from connector.store.tables import OrderRow
from connector.storefront.port import Storefront


@dataclass(frozen=True)
class Policy:
    """What the site decides about the way of orders.

    `review_again` and `stock_again` are how soon a held order is looked at again by itself.
    `correct_linked`: the SAP record that a person links is corrected by the buyer's data.
    `stock`: what becomes of an order of which something is short.
    `person_documents`: by which documents a person may say who it is. `refund_of_amount`: what
    becomes of an order of which an amount was refunded before its release that no line explains.
    `variation_sku`: what becomes of an order of a variation that bears its parent's part number.
    `creations`: so many customers at most are created in SAP within an hour, by all processes.
    """

    review_again: timedelta = timedelta(minutes=15)
    stock_again: timedelta = timedelta(minutes=30)
    correct_linked: bool = False
    stock: StockPolicy = StockPolicy.HOLD_ORDER
    person_documents: frozenset[Document] = USUAL
    refund_of_amount: RefundPolicy = RefundPolicy.HOLD
    variation_sku: VariationPolicy = VariationPolicy.HOLD
    retry_first: timedelta = timedelta(seconds=30)
    retry_most: timedelta = timedelta(minutes=15)
    creations: int = 60


@dataclass(frozen=True)
class Context:
    """Everything a step may use. Built once, in `connector.bootstrap`.

    `timetables` holds each business unit's by its code, and the site's own under "". `first_start`
    is when a connector first ran on this database; None before that. `ours_from` is from when its
    intake reads: orders placed and paid before then may have been shipped by others. `shortages`
    knows what this machine has run out of, `clocks` whether its wall clock was set.
    """

    shop: str
    orders: Orders
    calls: Calls
    customers: Customers
    quarantine: Quarantine
    outbound: Outbound
    mappings: Callable[[], MappingSet]
    storefront: Storefront
    sap_customers: CustomerDesk
    sap_stock: StockDesk
    dms: DmsDesk
    business_units: Mapping[str, BusinessUnit]
    timetables: Mapping[str, Timetable]
    promises: Promises
    policy: Policy
    clock: Callable[[], datetime]
    first_start: Callable[[], datetime | None]
    ours_from: Callable[[], datetime | None]
    parent_parts: ParentParts
    shortages: Shortages
    clocks: Clocks

    def timetables_of(self, business_units: str) -> tuple[Timetable, ...]:
        """Return the timetables of units (codes with commas); the site's while there are none."""
        site = self.timetables[""]
        codes = filter(None, business_units.split(","))
        return tuple(self.timetables.get(code, site) for code in codes) or (site,)

    def read(self, row: OrderRow) -> Order:
        """Return the order of a row that passed validation, with its business units assigned.

        It keeps those that it was valid with, also when the settings say other ones by now: its
        documents are theirs.

        Raises UnreadableOrder.
        """
        readable(row)
        order, problems = read_order(row.content, shop=row.shop)
        if order is None:
            raise ValueError(f"order {row.number} was valid once and is unreadable: {problems}")
        order = self.with_spread(order, row)
        assigned = assign(order, tuple(self.business_units.values()))[0]
        if not row.business_units or ",".join(assigned.business_units) == row.business_units:
            return assigned
        lines = self.orders.lines(row.id)
        return kept(order, {line.number: line.business_unit for line in lines})

    def with_spread(self, order: Order, row: OrderRow | None) -> Order:
        """Return the order with refunds of an amount spread over its lines, where that is policy.

        What the documents of a released order know nothing of is on no line: it is open money.
        """
        if self.policy.refund_of_amount is not RefundPolicy.SPREAD or not order.unexplained:
            return order
        if row is None or row.released_at is None:
            return spread(order, None)
        from connector.steps.sales_order import live, worth_of  # which works with this context

        worth = worth_of(live(self.orders.documents(row.id)))
        if worth is None:
            return spread(order, row.released_at)
        unknown = {each.refund_id for each in since_placed(order, worth)}
        return spread(order, None, unknown)


def readable(row: OrderRow) -> None:
    """Make sure that what is stored of an order can be read. Raises UnreadableOrder."""
    if row.unreadable:
        raise UnreadableOrder(row.number)


def number_pattern(context: Context, operation: str) -> str | None:
    """Return the form of the numbers that an operation gives, where its mapping says it."""
    mappings = context.mappings()
    known = operation in mappings.names()
    return mappings[operation].spec.answer.number_pattern if known else None


def buyer_key(buyer: Buyer) -> str:
    """Return the key under which a buyer is known here; it does not reveal the ID number."""
    person = buyer.kind is BuyerKind.PERSON
    code = person_number(buyer.code) if person else written(buyer.code)
    digest = hashlib.sha256(f"{buyer.kind}|{code}".encode()).hexdigest()
    return f"{buyer.kind}:{digest[:40]}"


def part_source(context: Context, row: OrderRow, order: Order, unit: str) -> dict[str, Any]:
    """Return what the DMS mappings map: the part of an order that one business unit delivers.

    Freight is split between the units by the value of their lines, in whole minor units of the
    currency, so that the parts add up to the order.
    """
    lines = order.lines_of(unit)
    freight = unit_shares(order, order.open_freight)[unit]
    minor = minor_unit(order.currency)
    goods = [
        {
            **asdict(line),
            "unit_price": open_price(line.open_quantity, line.unit_price, line.open_amount, minor),
            "open_quantity": line.open_quantity,
            "open_amount": line.open_amount,
            "open_discount": open_discount(
                line.open_quantity, line.unit_price, line.open_amount, minor
            ),
        }
        for line in lines
    ]
    total = sum((item["open_amount"] for item in goods), Decimal(0)) + freight
    return {
        "order": asdict(order),
        "business_unit": asdict(context.business_units[unit]),
        "lines": goods,
        "external_number": order.number,
        "reference": f"{order.number}-{unit}",
        "customer_number": row.customer_number,
        "freight": freight,
        "total": total,
        # As the shop gave it: an attribute that only one mapping needs goes through no model.
        "storefront": row.payload,
    }
