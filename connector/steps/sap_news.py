"""What SAP says of shipments and invoices, told as a DMS tells it: for a site whose DMS cannot.

SAP knows parts and orders, a DMS lines and sales orders. A delivery's pieces are put to the order's
lines of that part, and so to the sales orders that these lines are in. Told again it comes to the
same, whatever was told since: only what other shipments took of a line is taken off.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connector.sap.books import Billing, Delivery, SapBooks
from connector.steps.context import Context
from connector.steps.quarantine import put_stored
from connector.steps.sales_order import live
from connector.store.tables import DocumentRow, LineRow, OrderRow

News = dict[str, Any]
_ZERO = Decimal(0)


def changed_in_sap(
    context: Context, books: SapBooks, since: date, zone: ZoneInfo
) -> Iterator[News]:
    """Give the news of every order of which a document was made or changed since a day.

    They are those of the mapping dms_status. SAP knows more orders than ours: they are passed over.
    An order that is stored and cannot be read any more keeps no other back. Raises RetryLater,
    Misconfigured.
    """
    deliveries: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in books.deliveries_changed(since):
        for number in sorted({order for order, _, _ in delivery.items}):
            deliveries[number].append(delivery)
    billed = {each.order for each in books.billing_changed(since)}
    for number in sorted({*deliveries, *billed}):
        row = context.orders.by_number(number, context.shop)
        held = live(context.orders.documents(row.id)) if row is not None else []
        placed = {each.business_unit: each.number for each in held if each.kind == "sales_order"}
        if row is None or not placed:
            continue
        if row.unreadable:
            put_stored(context, row, "status")
            continue
        # All of an order's documents say which of them count.
        documents = books.billing_of(number) if number in billed else []
        lines = context.orders.lines(row.id)
        for unit, sales_order in placed.items():
            news: News = {
                "number": sales_order,
                "external_number": number,
                "shipments": [
                    shipment
                    for each in deliveries[number]
                    for shipment in _shipment(each, row, unit, lines, held, context.clock(), zone)
                ],
                "invoices": [
                    each
                    for each in _invoices(context, row, documents, held)
                    if unit == _unit_of(each, held, list(placed))
                ],
            }
            if news["shipments"] or news["invoices"]:
                yield news


def allot(
    pieces: Sequence[tuple[str, Decimal]],
    lines: Sequence[LineRow],
    taken: Mapping[int, Decimal],
) -> dict[int, Decimal]:
    """Return line → how many of a delivery's pieces (part, quantity) are for it.

    `taken` is what other shipments took. Lines of a part are filled in their sequence; what is
    more goes to the last of them, and line 0 is no line: the order has no such part.
    """
    found: dict[int, Decimal] = defaultdict(Decimal)
    for sku, quantity in pieces:
        of_part = [line for line in lines if _part(line.sku) == _part(sku)]
        left = quantity
        for line in of_part:
            room = max(line.quantity - taken.get(line.number, _ZERO) - found[line.number], _ZERO)
            found[line.number] += min(room, left)
            left -= min(room, left)
        if left:
            found[of_part[-1].number if of_part else 0] += left
    return {number: quantity for number, quantity in found.items() if quantity}


def _shipment(
    delivery: Delivery,
    row: OrderRow,
    unit: str,
    lines: Sequence[LineRow],
    held: Sequence[DocumentRow],
    now: datetime,
    zone: ZoneInfo,
) -> Iterator[News]:
    """Give what of a delivery is for a business unit's sales order."""
    taken: dict[int, Decimal] = defaultdict(Decimal)
    for document in held:
        shipment = document.detail.get("shipment", document.number)
        if document.kind == "shipment" and shipment != delivery.reference:
            for each in document.detail.get("lines") or []:
                taken[int(each["line_number"])] += Decimal(str(each["quantity"]))
    pieces = [(sku, quantity) for order, sku, quantity in delivery.items if order == row.number]
    units = {line.number: line.business_unit for line in lines}
    # A part that the order has not is told with the first of its sales orders.
    units[0] = lines[0].business_unit if lines else unit
    mine = {
        number: quantity
        for number, quantity in allot(pieces, lines, taken).items()
        if units[number] == unit
    }
    if mine:
        yield {
            "delivery_note": delivery.number,
            "tracking_number": delivery.reference,
            "shipped_at": _moment(delivery.day, now, zone),
            "lines": [
                {"line_number": number, "quantity": quantity} for number, quantity in mine.items()
            ],
        }


def _invoices(
    context: Context,
    row: OrderRow,
    documents: Sequence[Billing],
    held: Sequence[DocumentRow],
) -> Iterator[News]:
    """Give the invoices that count, and a reversal of each known one that SAP took back."""
    kind = context.read(row).invoice_kind.value
    counting = {each.invoice for each in documents if not each.cancelled}
    known = {each.number: each for each in held if each.kind == "invoice"}
    by_number = {each.number: each for each in documents}
    for each in documents:
        shown = {"kind": kind, "date": each.day.isoformat() if each.day else None}
        if not each.cancelled:
            yield shown | {
                "number": each.invoice,
                "net": each.net,
                "tax": each.tax,
                "gross": each.net + each.tax,
                "red": each.kind == "credit_memo",
            }
        cancelled = by_number.get(each.cancels)
        if each.kind != "cancellation" or cancelled is None:
            continue
        former = known.get(cancelled.invoice)
        if former is not None and cancelled.invoice not in counting:
            amounts = {name: -Decimal(str(former.detail[name])) for name in ("net", "tax", "gross")}
            yield shown | amounts | {
                "number": each.number, "red": True, "original": former.number,
            }  # fmt: skip


def _unit_of(invoice: News, held: Sequence[DocumentRow], units: Sequence[str]) -> str:
    """Return the business unit that applied for just this amount, else the order's first."""
    applied = {
        Decimal(str(each.detail["amount"])): each.business_unit
        for each in held
        if each.kind == "invoice_application" and each.detail.get("amount") is not None
    }
    found = applied.get(abs(invoice["gross"]), units[0])
    return found if found in units else units[0]


def _moment(day: date | None, now: datetime, zone: ZoneInfo) -> datetime:
    """Return when a day's goods left: SAP tells no time. It is within that day, and not to come."""
    if day is None or day >= now.astimezone(zone).date():
        return now
    return datetime.combine(day, time(23, 59, 59), zone)


def _part(sku: str) -> str:
    return sku.lstrip("0") if sku.isdigit() else sku
