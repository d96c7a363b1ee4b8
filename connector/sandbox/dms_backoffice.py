"""What people at the DMS do: the warehouse ships and takes back, finance issues invoices.

Each function concerns one order or all, returns what it made, and makes nothing when called again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta, timezone
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from connector.sandbox.books import Books, Clock, Document
from connector.sandbox.dms_documents import (
    APPLICATION,
    INVOICE,
    NOTE,
    ORDER,
    RETURN,
    SHIPMENT,
    add,
    children_of,
    is_cancelled,
    next_number,
    plain,
    put_changed,
    quantities_of,
    shipped_by_note,
    timestamp,
)

CARRIERS = ("SF", "DEPPON", "JD", "EMS", "YTO", "ZTO", "STO", "YUNDA", "OTHER")
VAT_RATE = Decimal("0.13")

_CENT = Decimal("0.01")
_CHINA = timezone(timedelta(hours=8))


def ship(
    books: Books,
    clock: Clock,
    order_number: str | None = None,
    *,
    quantity_share: Decimal | float | str = 1,
    carrier: str = "SF",
) -> list[Document]:
    """Let the warehouse ship until `quantity_share` of every delivery note's quantities has left.

    Concerns one order or all that are not cancelled. Whole quantities stay whole (rounded down).
    Returns the shipments made, one a delivery note; none when that much has left already.
    Raises ValueError for a share outside (0, 1] or an unknown carrier, LookupError for an unknown
    order.
    """
    share = Decimal(str(quantity_share))
    if not 0 < share <= 1:
        raise ValueError(f"quantity_share must be above 0 and at most 1, not {quantity_share}")
    if carrier not in CARRIERS:
        raise ValueError(f"carrier must be one of {', '.join(CARRIERS)}, not {carrier!r}")
    made = []
    with books.lock:
        for order in _chosen(books, order_number):
            left = shipped_by_note(books, order)
            for note in children_of(books, order, NOTE):
                lines = []
                for line, quantity in quantities_of([note]).items():
                    step = Decimal(1) if quantity == quantity.to_integral() else Decimal("0.001")
                    due = (quantity * share).quantize(step, ROUND_DOWN)
                    due -= left[note["deliveryNoteNumber"]][line]
                    if due > 0:
                        lines.append({"lineNumber": str(line), "quantity": plain(due)})
                if lines:
                    made.append(_ship_note(books, clock, order, note, carrier, lines))
    return made


def issue_invoices(
    books: Books,
    clock: Clock,
    order_number: str | None = None,
    *,
    share: Decimal | float | str = 1,
) -> list[Document]:
    """Let finance issue what is due, for one order or for all that are not cancelled.

    Of every invoice application until `share` of its amount is invoiced, then red-letter invoices
    for received returns, up to what was invoiced. Returns the invoices made. Raises ValueError for
    a share outside (0, 1], LookupError for an unknown order.
    """
    part = Decimal(str(share))
    if not 0 < part <= 1:
        raise ValueError(f"share must be above 0 and at most 1, not {share}")
    made = []
    with books.lock:
        for order in _chosen(books, order_number):
            done: dict[str, Decimal] = defaultdict(Decimal)
            for invoice in children_of(books, order, INVOICE):
                if not invoice["red"] and "originalInvoiceNumber" not in invoice:
                    done[invoice["applicationNumber"]] += Decimal(invoice["grossAmount"])
            for application in children_of(books, order, APPLICATION):
                gross = _cents(Decimal(application["amount"]) * part)
                gross -= done[application["applicationNumber"]]
                if gross > 0:
                    made.append(_issue(books, clock, order, application, gross))
            made += _issue_red(books, clock, books.get(ORDER, order["orderNumber"]) or order)
    return made


def issue_together(books: Books, clock: Clock, order_numbers: Iterable[str]) -> list[Document]:
    """Let finance issue one invoice for the applications of several orders (合并开票).

    Each order shows all of it, with the order's own lines. Returns what each shows. Raises
    LookupError for an unknown order.
    """
    made: list[Document] = []
    with books.lock:
        orders = [order for number in order_numbers for order in _chosen(books, number)]
        due = [
            (order, application)
            for order in orders
            for application in children_of(books, order, APPLICATION)
        ]
        gross = sum((Decimal(application["amount"]) for _, application in due), Decimal(0))
        for order, application in due:
            lines = [
                {name: line[name] for name in ("lineNumber", "quantity", "amount")}
                for line in order["content"]["lines"]
            ]
            if not made:
                made.append(_issue(books, clock, order, application, gross, {"lines": lines}))
                continue
            first = made[0]["invoiceNumber"]
            named = {"applicationNumber": application["applicationNumber"], "lines": lines}
            shown = made[0] | named
            key = f"{first}#{order['orderNumber']}"
            made.append(add(books, clock, order, INVOICE, key, shown))
    return made


def reissue(books: Books, clock: Clock, order_number: str) -> list[Document]:
    """Let finance issue another invoice in the place of each that the order has (换开).

    Returns the new ones. Raises LookupError for an unknown order.
    """
    made = []
    with books.lock:
        for order in _chosen(books, order_number):
            for former in children_of(books, order, INVOICE):
                if not former["red"]:
                    named = {name: former[name] for name in ("applicationNumber", "kind")}
                    original = {"originalInvoiceNumber": former["invoiceNumber"]}
                    gross = Decimal(former["grossAmount"])
                    made.append(_issue(books, clock, order, named, gross, original, red=False))
    return made


def receive_return(
    books: Books,
    clock: Clock,
    order_number: str | None = None,
    *,
    return_number: str | None = None,
) -> list[Document]:
    """Let the warehouse receive registered returns: all, those of one order, or one.

    Returns the returns that were received by this call. Raises LookupError for an unknown order
    or return.
    """
    if return_number is not None and books.get(RETURN.kind, return_number) is None:
        raise LookupError(f"the DMS has no return {return_number}")
    made = []
    with books.lock:
        for order in _chosen(books, order_number):
            for document in children_of(books, order, RETURN):
                number = document["returnNumber"]
                if "receivedAt" not in document and return_number in (None, number):
                    received = document | {"receivedAt": timestamp(clock)}
                    order = put_changed(books, clock, order)
                    books.put(RETURN.kind, number, received)
                    made.append(received)
    return made


def _chosen(books: Books, order_number: str | None) -> list[Document]:
    if order_number is None:
        orders = books.all(ORDER)
    elif (order := books.get(ORDER, order_number)) is not None:
        orders = [order]
    else:
        raise LookupError(f"the DMS has no sales order {order_number}")
    return [order for order in orders if not is_cancelled(order)]


def _ship_note(
    books: Books,
    clock: Clock,
    order: Document,
    note: Document,
    carrier: str,
    lines: list[Document],
) -> Document:
    number = next_number(books, SHIPMENT.kind, SHIPMENT.prefix)
    shipment = {
        "deliveryNoteNumber": note["deliveryNoteNumber"],
        "carrier": carrier,
        "trackingNumber": f"{carrier}10{number.removeprefix(SHIPMENT.prefix)}",
        "shippedAt": timestamp(clock),
        "lines": lines,
    }
    return add(books, clock, order, SHIPMENT, number, shipment)


def _issue_red(books: Books, clock: Clock, order: Document) -> list[Document]:
    made = []
    invoices = children_of(books, order, INVOICE)
    issued = [invoice for invoice in invoices if not invoice["red"]]
    taken_back: dict[str, Decimal] = defaultdict(Decimal)  # by return and by original invoice
    for invoice in invoices:
        if invoice["red"]:
            taken_back[invoice["returnNumber"]] -= Decimal(invoice["grossAmount"])
            taken_back[invoice["originalInvoiceNumber"]] -= Decimal(invoice["grossAmount"])
    for document, worth in _worth_of_returns(order, children_of(books, order, RETURN)):
        if "receivedAt" not in document:
            continue
        for original in issued:
            number = original["invoiceNumber"]
            due = worth - taken_back[document["returnNumber"]]
            gross = min(due, Decimal(original["grossAmount"]) - taken_back[number])
            if gross <= 0:
                continue
            taken_back[document["returnNumber"]] += gross
            taken_back[number] += gross
            application = {name: original[name] for name in ("applicationNumber", "kind")}
            red = {"originalInvoiceNumber": number, "returnNumber": document["returnNumber"]}
            made.append(_issue(books, clock, order, application, -gross, red, red=True))
    return made


def _worth_of_returns(
    order: Document, returns: list[Document]
) -> Iterable[tuple[Document, Decimal]]:
    """Value each return at the order's prices; what returns together amount to is never exceeded.

    Rounded are the running totals of each line, so that the last return takes the odd cent.
    """
    lines = {int(line["lineNumber"]): line for line in order["content"]["lines"]}
    before: dict[int, Decimal] = defaultdict(Decimal)
    for document in returns:
        worth = Decimal(0)
        for number, quantity in quantities_of([document]).items():
            amount, ordered = Decimal(lines[number]["amount"]), Decimal(lines[number]["quantity"])
            worth -= _cents(amount * before[number] / ordered)
            before[number] += quantity
            worth += _cents(amount * before[number] / ordered)
        yield document, worth


def _issue(
    books: Books,
    clock: Clock,
    order: Document,
    application: Document,
    gross: Decimal,
    more: Document | None = None,
    *,
    red: bool = False,
) -> Document:
    net = _cents(gross / (1 + VAT_RATE))
    number = f"{books.next_number(INVOICE.kind, 10000001):08d}"
    invoice = {
        "applicationNumber": application["applicationNumber"],
        "invoiceNumber": number,
        "invoiceCode": "032002600104",
        "kind": application["kind"],
        "date": clock.now().astimezone(_CHINA).date().isoformat(),
        "netAmount": str(net),
        "taxAmount": str(_cents(gross - net)),
        "grossAmount": str(_cents(gross)),
        "url": f"https://invoices.dms.test/032002600104/{number}.pdf",
        "red": red,
        **(more or {}),
    }
    return add(books, clock, order, INVOICE, number, invoice)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)
