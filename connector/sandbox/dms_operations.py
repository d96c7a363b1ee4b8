"""What the sandbox DMS does on request: the eight operations of its WSDL.

Beside its documents (`dms_documents`) the books may hold, to be obeyed:

- `dms.customer`, `dms.part`: when there are any, others are refused (by customer or part number);
- `dms.lock`: the sales orders that answer LOCKED, by number;
- `dms.period`, key "closed": `{"until": "2026-10-31"}`, the last day of the closed periods.
"""

from __future__ import annotations

import base64
import bisect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from connector.sandbox.books import Books, Clock, Document
from connector.sandbox.dms_documents import (
    APPLICATION,
    BY_CHANGE,
    BY_EXTERNAL_NUMBER,
    CHILDREN,
    INVOICE,
    NOTE,
    ORDER,
    RETURN,
    SHIPMENT,
    Child,
    add,
    children_of,
    is_cancelled,
    next_number,
    ordered_in,
    plain,
    put_changed,
    quantities_of,
    timestamp,
    unit_of,
    whole,
)

_MAX_PAGE = 100
_CENT, _LAST_PLACE = Decimal("0.01"), Decimal("0.0001")
_OF_CHANGED_ORDER = (
    "orderNumber",
    "externalNumber",
    "status",
    "changedAt",
    "shipments",
    "invoices",
    "returns",
)


class BusinessError(Exception):
    """Raised when the DMS says no for business reasons; becomes the WSDL's BusinessFault."""

    def __init__(
        self, code: str, message: str, *, field: str | None = None, existing: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.existing = existing


@dataclass(frozen=True)
class Desk:
    """What an operation works on. With `unique_external_numbers` the DMS refuses doubles."""

    books: Books
    clock: Clock
    unique_external_numbers: bool = False


@dataclass(frozen=True)
class Operation:
    """One operation of the WSDL: request → answer, called with the books locked."""

    do: Callable[[Desk, Document], Document]
    writes: bool


def create_sales_order(desk: Desk, request: Document) -> Document:
    """CreateSalesOrder: refused only where the header contradicts itself or what the DMS knows."""
    books, header = desk.books, request["header"]
    _check_header(books, header)
    external = header["externalNumber"]
    known: list[str] = (books.get(BY_EXTERNAL_NUMBER, external) or {"orders": []})["orders"]
    if desk.unique_external_numbers:
        for number in known:
            order = books.get(ORDER, number)
            if order and not is_cancelled(order) and unit_of(order) == header["businessUnit"]:
                raise BusinessError(
                    "DUPLICATE_EXTERNAL_NUMBER",
                    f"external number {external} is that of sales order {number}",
                    field="externalNumber",
                    existing=number,
                )
    number = next_number(books, ORDER, "SO")
    books.put(BY_EXTERNAL_NUMBER, external, {"orders": [*known, number]})
    now = timestamp(desk.clock)
    order = {"orderNumber": number, "createdAt": now, "content": header}
    order |= {child.listed: [] for child in CHILDREN}
    put_changed(books, desk.clock, order)
    return {"orderNumber": number, "status": "OPEN", "createdAt": now}


def amend_sales_order(desk: Desk, request: Document) -> Document:
    """AmendSalesOrder: replaces the whole header of an order for which nothing was made yet."""
    order, header = _writable(desk.books, request["orderNumber"]), request["header"]
    number, held = order["orderNumber"], order["content"]
    for name in ("externalNumber", "businessUnit"):
        if header[name] != held[name]:
            raise BusinessError(
                "INVALID_VALUE", f"{name} of {number} is {held[name]}, for good", field=name
            )
    if any(children_of(desk.books, order, child) for child in CHILDREN):
        raise BusinessError("ORDER_CLOSED", f"sales order {number} has documents of its own")
    _check_header(desk.books, header)
    order = put_changed(desk.books, desk.clock, order | {"content": header})
    return {"orderNumber": number, "status": "OPEN", "changedAt": order["changedAt"]}


def find_sales_order(desk: Desk, request: Document) -> Document:
    """FindSalesOrder: every order under the external numbers, oldest first, also cancelled ones."""
    found: list[str] = []
    for external in dict.fromkeys([request["externalNumber"], *request.get("furtherNumber", ())]):
        found += (desk.books.get(BY_EXTERNAL_NUMBER, external) or {"orders": []})["orders"]
    orders = [order for number in found if (order := desk.books.get(ORDER, number))]
    if unit := request.get("businessUnit"):
        orders = [order for order in orders if unit_of(order) == unit]
    return {"orders": [whole(desk.books, order) for order in orders]}


def create_delivery_note(desk: Desk, request: Document) -> Document:
    """CreateDeliveryNote: any number of notes, together at most what was ordered."""
    order = _writable(desk.books, request["orderNumber"])
    _refuse_double(desk, order, NOTE, "deliveryNoteNumber", request["externalReference"])
    ordered = ordered_in(order)
    noted = quantities_of(children_of(desk.books, order, NOTE))
    _check_quantities(request["lines"], ordered, noted, "open")
    number = next_number(desk.books, NOTE.kind, NOTE.prefix)
    note = {
        "deliveryNoteNumber": number,
        "externalReference": request["externalReference"],
        "plant": request["plant"],
        "createdAt": timestamp(desk.clock),
        "lines": request["lines"],
    }
    add(desk.books, desk.clock, order, NOTE, number, note)
    return {"deliveryNoteNumber": number}


def apply_for_invoice(desk: Desk, request: Document) -> Document:
    """ApplyForInvoice: each application at most what the order is worth."""
    order = _writable(desk.books, request["orderNumber"])
    _refuse_double(desk, order, APPLICATION, "applicationNumber", request["externalReference"])
    if request["kind"] == "SPECIAL" and "taxCode" not in request:
        raise BusinessError(
            "TAX_CODE_REQUIRED", "a special invoice needs the buyer's tax code", field="taxCode"
        )
    _check_quantities(request.get("lines", []), ordered_in(order), {}, "on the order")
    total = Decimal(order["content"]["total"])
    if Decimal(request["amount"]) > total:
        raise BusinessError(
            "AMOUNT", f"{request['amount']} is more than the order's {total}", field="amount"
        )
    number = next_number(desk.books, APPLICATION.kind, APPLICATION.prefix)
    rest = {name: value for name, value in request.items() if name != "orderNumber"}
    application = {"applicationNumber": number, **rest, "createdAt": timestamp(desk.clock)}
    add(desk.books, desk.clock, order, APPLICATION, number, application)
    return {"applicationNumber": number}


def status_changed_since(desk: Desk, request: Document) -> Document:
    """StatusChangedSince, in the sequence of the changes.

    A page ends at a change, not at a time or a count: however many changes share a second, and
    whatever changes while a caller pages, nothing is passed over.
    """
    since = _normalised(request["since"])
    after = _read_token(request["pageToken"], since) if "pageToken" in request else 0
    size = int(request.get("pageSize", _MAX_PAGE))
    changes = desk.books.items(BY_CHANGE)
    start = bisect.bisect_right(changes, after, key=lambda change: int(change[0]))
    orders: list[Document] = []
    last = ""
    for index in range(start, len(changes)):
        change, entry = changes[index]
        if entry["changedAt"] < since:
            continue
        order = desk.books.get(ORDER, entry["orderNumber"])
        if order is None or order["change"] != change:
            continue
        if len(orders) == size:
            return {"orders": orders, "nextPageToken": _token(last, since)}
        last = change
        found = whole(desk.books, order)
        orders.append({name: found[name] for name in _OF_CHANGED_ORDER})
    return {"orders": orders}


def cancel_sales_order(desk: Desk, request: Document) -> Document:
    """CancelSalesOrder: its open delivery notes and invoice applications are cancelled with it."""
    order = _find(desk.books, request["orderNumber"])
    number = order["orderNumber"]
    if is_cancelled(order):
        raise BusinessError("ALREADY_CANCELLED", f"sales order {number} is cancelled already")
    order = _writable(desk.books, number)
    for child, word in ((SHIPMENT, "shipped"), (INVOICE, "invoiced")):
        if children_of(desk.books, order, child):
            raise BusinessError("ORDER_CLOSED", f"sales order {number} is {word}, at least in part")
    now = timestamp(desk.clock)
    order = order | {"cancelledAt": now, "cancellationReason": request["reason"]}
    put_changed(desk.books, desk.clock, order)
    return {"orderNumber": number, "status": "CANCELLED", "cancelledAt": now}


def register_return(desk: Desk, request: Document) -> Document:
    """RegisterReturn: goods are announced that will come back."""
    order = _writable(desk.books, request["orderNumber"])
    _refuse_double(desk, order, RETURN, "returnNumber", request["externalReference"])
    shipped = {line: Decimal(0) for line in ordered_in(order)}
    shipped |= quantities_of(children_of(desk.books, order, SHIPMENT))
    returned = quantities_of(children_of(desk.books, order, RETURN))
    _check_quantities(request["lines"], shipped, returned, "shipped and not returned")
    number = next_number(desk.books, RETURN.kind, RETURN.prefix)
    document = {
        "returnNumber": number,
        "externalReference": request["externalReference"],
        "lines": request["lines"],
        "reason": request["reason"],
        "registeredAt": timestamp(desk.clock),
    }
    add(desk.books, desk.clock, order, RETURN, number, document)
    return {"returnNumber": number}


OPERATIONS = {
    "CreateSalesOrder": Operation(create_sales_order, writes=True),
    "AmendSalesOrder": Operation(amend_sales_order, writes=True),
    "FindSalesOrder": Operation(find_sales_order, writes=False),
    "CreateDeliveryNote": Operation(create_delivery_note, writes=True),
    "ApplyForInvoice": Operation(apply_for_invoice, writes=True),
    "StatusChangedSince": Operation(status_changed_since, writes=False),
    "CancelSalesOrder": Operation(cancel_sales_order, writes=True),
    "RegisterReturn": Operation(register_return, writes=True),
}


def _check_header(books: Books, header: Document) -> None:
    if not _known(books, "dms.customer", header["customerNumber"]):
        raise BusinessError(
            "UNKNOWN_CUSTOMER",
            f"customer {header['customerNumber']} is not known",
            field="customerNumber",
        )
    period = books.get("dms.period", "closed")
    if period is not None and header["orderDate"].strip()[:10] <= period["until"]:
        raise BusinessError(
            "PERIOD_CLOSED", f"the period is closed until {period['until']}", field="orderDate"
        )
    seen = set()
    for line in header["lines"]:
        if not _known(books, "dms.part", line["partNumber"]):
            raise BusinessError(
                "UNKNOWN_PART", f"part {line['partNumber']} is not known", field="partNumber"
            )
        if int(line["lineNumber"]) in seen:
            raise BusinessError(
                "DUPLICATE_LINE", f"line {line['lineNumber']} stands twice", field="lineNumber"
            )
        seen.add(int(line["lineNumber"]))
        _check_line(line, header["currency"].strip())
    amounts = sum((Decimal(line["amount"]) for line in header["lines"]), Decimal(0))
    total = amounts + Decimal(header["freight"])
    if total != Decimal(header["total"]):
        raise BusinessError(
            "AMOUNT",
            f"total is {header['total'].strip()}, lines and freight make {total}",
            field="total",
        )


def _check_line(line: Document, currency: str) -> None:
    """Refuse a line that does not add up, but for what the places of its price lose."""
    quantity, price = Decimal(line["quantity"]), Decimal(line["unitPrice"])
    discount, amount = Decimal(line.get("discount") or 0), Decimal(line["amount"])
    slack = quantity * _LAST_PLACE / 2 + (Decimal("0.5") if currency == "JPY" else _CENT / 2)
    if abs(quantity * price - discount - amount) > slack:
        raise BusinessError(
            "AMOUNT",
            f"line {line['lineNumber']}: {plain(quantity)} at {price} less {discount} are not"
            f" {amount}",
            field="amount",
        )


def _known(books: Books, kind: str, key: str) -> bool:
    return books.get(kind, key) is not None or not books.all(kind)


def _find(books: Books, number: str) -> Document:
    order = books.get(ORDER, number)
    if order is None:
        raise BusinessError("NOT_FOUND", f"there is no sales order {number}", field="orderNumber")
    return order


def _writable(books: Books, number: str) -> Document:
    order = _find(books, number)
    if books.get("dms.lock", number) is not None:
        raise BusinessError("LOCKED", f"sales order {number} is being worked on by somebody")
    if is_cancelled(order):
        raise BusinessError("ORDER_CLOSED", f"sales order {number} is cancelled")
    return order


def _refuse_double(
    desk: Desk, order: Document, child: Child, number_name: str, reference: str
) -> None:
    if not desk.unique_external_numbers:
        return
    for document in children_of(desk.books, order, child):
        if document["externalReference"] == reference:
            raise BusinessError(
                "DUPLICATE_EXTERNAL_NUMBER",
                f"external reference {reference} is that of {document[number_name]}",
                field="externalReference",
                existing=document[number_name],
            )


def _check_quantities(
    lines: list[Document], limit: dict[int, Decimal], used: dict[int, Decimal], word: str
) -> None:
    for line, quantity in quantities_of([{"lines": lines}]).items():
        if line not in limit:
            raise BusinessError("UNKNOWN_LINE", f"the order has no line {line}", field="lineNumber")
        rest = limit[line] - used.get(line, Decimal(0))
        if quantity > rest:
            raise BusinessError(
                "QUANTITY",
                f"line {line}: {plain(quantity)} asked, {plain(rest)} {word}",
                field="quantity",
            )


def _normalised(since: str) -> str:
    """Bring a time into the form of `timestamp`, rounded up, so that texts compare as times do."""
    try:
        moment = datetime.fromisoformat(since.strip()).astimezone(UTC)
        if moment.microsecond:
            moment = moment.replace(microsecond=0) + timedelta(seconds=1)
    except (ValueError, OverflowError):
        raise BusinessError(
            "INVALID_VALUE", f"since cannot be {since.strip()}", field="since"
        ) from None
    return moment.isoformat().replace("+00:00", "Z")


def _token(change: str, since: str) -> str:
    return base64.urlsafe_b64encode(f"{since}|{change}".encode()).decode()


def _read_token(token: str, since: str) -> int:
    try:
        of, _, change = base64.urlsafe_b64decode(token).decode().partition("|")
        if of == since:
            return int(change)
    except ValueError:
        pass
    raise BusinessError("PAGE_TOKEN", "the page token is not of this query", field="pageToken")
