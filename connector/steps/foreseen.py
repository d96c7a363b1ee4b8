"""What the documents of an order would be refused for, before the first of them is made.

Each request is made of the very sources that its step will use, and held against the mapping and
the other system's interface. A number that is given only later is represented and not judged. What
is wrong is traced back to its source, so that it is told to the person who can mend it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from connector.domain.lifecycle import HoldCause
from connector.domain.masking import mask_name, mask_said, mask_text
from connector.domain.order import Order, Problem
from connector.mapping.origin import Unfit
from connector.steps.context import Context, buyer_key, part_source
from connector.steps.request import DELIVERY_NOTE, INVOICE_APPLICATION, source_of
from connector.steps.sales_order import CONVERSATION
from connector.store.tables import OrderRow
from connector.wording import Said, problems, shown
from connector.wording.terms import term

_CUSTOMER, _SALES_ORDER = "0" * 10, "SO00000000"
_UNKNOWN = frozenset({"customer_number", "sales_order"})
# What the buyer says, and what besides is the shop's; the rest is of settings and mappings.
_BUYERS = re.compile(
    r"(buyer|ship_to)\.|(note|invoice_kind)$|storefront\.(billing|shipping|customer_note)\b"
)
_SHOPS = re.compile(
    r"(number|total|freight|payment_method|placed_at|paid_at)$|(lines\[|storefront\.)"
)


def wrong_with_documents(context: Context, row: OrderRow, order: Order) -> list[Problem]:
    """Return what the DMS would refuse of the order's documents, at each business unit."""
    found: dict[Problem, None] = {}
    for unit in order.business_units:
        part = part_source(context, row, order, unit) | {"customer_number": _CUSTOMER}
        quantities = {line.number: line.open_quantity for line in order.lines_of(unit)}
        sources: list[tuple[str, str, dict[str, Any]]] = [(CONVERSATION, "sales_order", part)]
        for request in (DELIVERY_NOTE, INVOICE_APPLICATION):
            source = source_of(request, row, part, _SALES_ORDER, (1, quantities), ())
            sources.append((request.conversation, request.kind, source))
        for conversation, kind, source in sources:
            unfit = context.dms.foresee(conversation, source, _UNKNOWN)
            document = term("document", kind, kind.replace("_", " "))
            found |= dict.fromkeys(_problems(order, unfit, conversation, document))
    return list(found)


def wrong_with_customer(context: Context, order: Order) -> list[Problem]:
    """Return what SAP would refuse of the creation of the order's buyer."""
    unit, buyer = context.business_units[order.business_units[0]], order.buyer
    unfit = context.sap_customers.foresee(buyer, asdict(unit), buyer_key(buyer))
    mapping = f"sap_customer_create_{buyer.kind.value}"
    return list(_problems(order, unfit, mapping, problems.CUSTOMER_RECORD()))


def _problems(
    order: Order, unfit: Sequence[Unfit], mapping: str, document: Said
) -> Iterator[Problem]:
    for each in unfit:
        field = each.source.removeprefix("order.").replace("external_number", "number")
        if each.made:
            cause, remedy = HoldCause.MAPPING, problems.CORRECT_MAPPING(mapping=mapping)
        elif field in _abroad(order):
            # It is right where it is: the buyer has nothing to correct.
            cause, remedy = HoldCause.SHOP_DATA, problems.POSTCODE_ABROAD()
        elif _BUYERS.match(field):
            cause, remedy = HoldCause.INVALID, problems.HAVE_IT_CORRECTED()
        elif field == "currency":
            cause, remedy = HoldCause.MAPPING, problems.TAKE_CURRENCY(mapping=mapping)
        elif _SHOPS.match(field):
            cause, remedy = HoldCause.SHOP_DATA, problems.CORRECT_OR_MAP(mapping=mapping)
        else:
            cause, remedy = HoldCause.MAPPING, problems.CORRECT_MAPPING(mapping=mapping)
        yield Problem(field or mapping, _reason(each, field, document), remedy, cause)


def _abroad(order: Order) -> set[str]:
    """Return the postcodes of the order that are of other countries and regions."""
    addresses = {"buyer": order.buyer.address, "ship_to": order.ship_to.address}
    return {f"{name}.address.postcode" for name, each in addresses.items() if not each.mainland}


def _reason(unfit: Unfit, field: str, document: Said) -> Said:
    value, why = unfit.value, mask_said(unfit.why)
    if value in (None, "") or isinstance(value, list | tuple | dict):
        return problems.UNFIT_NOTHING(document=document, target=unfit.target, why=why)
    told = mask_text(str(value))
    personal = _BUYERS.match(field) or field.startswith("storefront.")
    if personal and field != "invoice_kind" and told == str(value):
        told = mask_name(told)
    return problems.UNFIT(value=shown(told), document=document, target=unfit.target, why=why)
