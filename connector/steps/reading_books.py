"""Reads the storefront's, the DMS's and SAP's books of a business day into tables, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from itertools import islice
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from connector.domain.currency import code_of
from connector.domain.invoicing import invoice_of, void
from connector.domain.masking import mask_said
from connector.domain.order import PaymentState
from connector.domain.quarantine import Failed, key_of
from connector.domain.reading import read_order
from connector.domain.reconciliation import Book, BookDocument, BookLine, BookOrder, scaled
from connector.errors import ConnectorError, MappingFailed, Misconfigured, RetryLater
from connector.sap.books import Billing, Delivery, SapBooks
from connector.steps.content import content_hash
from connector.steps.context import Context
from connector.steps.quarantine import end_of, put_order, reason_of, within_bounds
from connector.steps.shown import known_content
from connector.steps.told import put_broken
from connector.store.books import Books
from connector.store.our_book import OurBook
from connector.store.types import storable
from connector.wording import Said, systems

_BATCH = 200
_MOST = 10_000
_Each = TypeVar("_Each")
# What the DMS holds under each number, or why it did not tell.
_Answers = dict[str, list[dict[str, Any]] | ConnectorError]


@dataclass
class Rows:
    """What one order adds to a book."""

    orders: list[BookOrder] = field(default_factory=list)
    lines: list[BookLine] = field(default_factory=list)
    documents: list[BookDocument] = field(default_factory=list)


def in_batches(rows: Iterable[_Each], size: int = _BATCH) -> Iterator[list[_Each]]:
    """Give rows in lists of at most `size`."""
    rest = iter(rows)
    while batch := list(islice(rest, size)):
        yield batch


def _shown(context: Context, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the storefront shows of one order.

    Raises MappingFailed when it does not even say which order it is.
    """
    content, _ = context.mappings()["storefront_order"].apply_leniently(payload)
    identity = str(content.get("order_id") or payload.get("id") or "").strip()
    if not identity:
        raise MappingFailed("storefront_order", [systems.NO_ORDER_NAMED()])
    return {**content, "order_id": identity, "number": content.get("number") or identity}


def _from_storefront(context: Context, content: Mapping[str, Any]) -> BookOrder | Rows:
    """Return what the storefront says of one order.

    An order that cannot be read has no lines; what its payload names as total stands.
    """
    order, _ = read_order(content, shop=context.shop)
    head = BookOrder(
        number=str(content["number"])[:64],
        part=str(content["order_id"])[:64],
        unit="",
        payment=str(content.get("payment_state") or "unknown")[:20],
        customer="",
        freight=0,
        total=_amount(content.get("total")),
        refunded=0,
        content=content_hash(content),
        currency=code_of(content.get("currency")),
        placed_at=None,
    )
    if order is None:
        return head
    if order.unexplained:
        order = context.with_spread(
            order, context.orders.by_number(str(content["number"])[:64], context.shop)
        )
    rows = Rows(
        [
            head._replace(
                freight=scaled(order.freight),
                total=scaled(order.total),
                refunded=scaled(order.refunded),
                placed_at=order.placed_at,
            )
        ]
    )
    for line in order.lines:
        rows.lines.append(
            BookLine(
                number=head.number,
                line=line.number,
                part=head.part,
                sku=line.sku[:64],
                quantity=scaled(line.quantity),
                unit_price=scaled(round(line.unit_price, 4)),
                discount=scaled(line.discount),
                subsidy=scaled(line.subsidy),
                amount=scaled(line.amount),
                refunded_quantity=scaled(line.refunded_quantity),
                refunded_amount=scaled(line.refunded_amount),
                shipped=0,
            )
        )
    return rows


def put_storefront(
    context: Context,
    books: Books,
    payloads: Iterable[Mapping[str, Any]],
    inside: Callable[[datetime], bool],
    *,
    carried: bool = False,
) -> dict[str, Said]:
    """Put payloads into the storefront's book and into what is compared.

    Returns order number → why, for those that cannot be read: they are in the quarantine. `inside`
    says whether a time of placing belongs to what was asked for. A payload that comes a
    second time takes the place of the first.
    """
    failed: dict[str, Said] = {}

    still = {each.key for each in context.quarantine.listed(failed=Failed.COMPARE, limit=_MOST)}

    def fail(payload: Any, number: Any, error: Exception) -> None:
        row = put_order(context, Failed.COMPARE, payload, reason_of(error), "reconcile")
        name = key_of(number, row.content)
        known = context.orders.by_number(name, context.shop)
        # Under the number of another order that one would be left out of the comparison.
        failed[name if known is None or known.order_id == row.key else row.key] = row.reason

    for batch in in_batches(payloads):
        rows: dict[str, Rows] = {}
        contents, payloads = [], []
        for payload in batch:
            try:
                shown = _shown(context, storable(within_bounds(payload)))
                if shown.get("payment_state") != PaymentState.CART:
                    contents.append(shown)
                    payloads.append(payload)
            except Misconfigured:
                raise
            except Exception as error:
                named = payload if isinstance(payload, Mapping) else {}
                fail(payload, named.get("number") or named.get("id"), error)
        for payload, content in zip(payloads, _as_known(context, contents), strict=True):
            try:
                said = _from_storefront(context, content)
            except Exception as error:
                fail(payload, content.get("number"), error)
                continue
            if (key := str(content["order_id"])) in still:
                end_of(context, key, (Failed.COMPARE,), "reconcile")
            made = said if isinstance(said, Rows) else Rows([said])
            placed = made.orders[0].placed_at
            if placed is None or inside(placed):
                rows[made.orders[0].part] = made
        _put(books, Book.STOREFRONT, rows.values(), carried=carried)
    return failed


def _as_known(
    context: Context, contents: Sequence[Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    """Give contents by the part numbers that were accepted, where the shop renamed them since."""
    hashes = {str(each["number"])[:64]: content_hash(each) for each in contents}
    known = context.orders.shown_otherwise(context.shop, hashes)
    for each in contents:
        row = known.get(str(each["number"])[:64])
        same = row is not None and row.order_id == str(each["order_id"])[:64]
        yield known_content(context, row, each) if row is not None and same else each


def _put(books: Books, book: Book, rows: Iterable[Rows], *, carried: bool = False) -> None:
    kept = list(rows)
    orders = [order for each in kept for order in each.orders]
    books.forget(book, [order.number for order in orders], [order.part for order in orders])
    books.include((order.number for order in orders), carried=carried)
    books.put(
        book,
        orders,
        [line for each in kept for line in each.lines],
        [document for each in kept for document in each.documents],
    )


def put_dms(context: Context, books: Books, zone: ZoneInfo, workers: int) -> dict[str, Said]:
    """Ask the DMS for every order that is compared: as many together as it takes, some at a time.

    Returns order number → why, for those of which it gave no usable answer. Raises RetryLater or
    Misconfigured: without the DMS there is nothing to compare.
    """
    failed: dict[str, Said] = {}
    size = context.dms.batch("dms_find")
    with ThreadPoolExecutor(workers, thread_name_prefix="dms-book") as pool:

        def ask(question: tuple[str, list[str]]) -> _Answers:
            return _ask_dms(context, *question)

        for page in books.numbers():
            of_unit: dict[str, list[str]] = {}
            known = OurBook(books).units_of(page)
            for number in page:
                for unit in known.get(number) or context.business_units:
                    of_unit.setdefault(unit, []).append(number)
            questions = [
                (unit, numbers)
                for unit, asked in of_unit.items()
                for numbers in in_batches(asked, size)
            ]
            # One goes ahead: a DMS that was away is let in on by a single call first.
            answers = [ask(questions[0]), *pool.map(ask, questions[1:])]
            rows = {number: Rows() for number in page}
            for (unit, _), answer in zip(questions, answers, strict=True):
                for number, held in answer.items():
                    if isinstance(held, ConnectorError):
                        failed[number] = mask_said(held.said)
                    else:
                        _add_sales_orders(context, rows[number], number, unit, held, zone)
            kept = [each for number, each in rows.items() if number not in failed]
            books.put(
                Book.DMS,
                [order for each in kept for order in each.orders],
                [line for each in kept for line in each.lines],
                [document for each in kept for document in each.documents],
            )
    return failed


def _ask_dms(context: Context, unit: str, numbers: Sequence[str]) -> _Answers:
    code = context.business_units[unit].dms_code
    try:
        found = context.dms.find_together([(each, f"{each}-{unit}") for each in numbers], code)
        return dict(found)
    except (RetryLater, Misconfigured):
        raise
    except ConnectorError as error:
        if len(numbers) == 1:
            return {numbers[0]: error}
        # One that cannot be told of keeps no other back.
        answers: _Answers = {}
        for number in numbers:
            answers |= _ask_dms(context, unit, [number])
        return answers


def strangers(
    context: Context,
    books: Books,
    since: datetime,
    inside: Callable[[datetime], bool],
    zone: ZoneInfo,
) -> int:
    """Find what the DMS holds under numbers that nobody knows; return how many orders.

    Only sales orders made in the span count: others were told of in their own. A DMS without
    news of all orders (`dms_status`) cannot be asked for what nobody knows.
    """
    found = 0
    if not context.dms.can("dms_status"):
        return found
    for batch in in_batches(context.dms.changed_since(since, partial(put_broken, context)), 500):
        numbers = {str(each.get("external_number") or "") for each in batch} - {""}
        unknown = OurBook(books).unknown(sorted(numbers))
        for number in unknown:
            rows = _from_dms(context, number, zone)
            if any(each.placed_at is not None and inside(each.placed_at) for each in rows.orders):
                _put(books, Book.DMS, [rows])
                found += 1
    return found


def _from_dms(context: Context, number: str, zone: ZoneInfo) -> Rows:
    rows = Rows()
    for unit, each in context.business_units.items():
        held = context.dms.find(number, each.dms_code, reference=f"{number}-{unit}") or []
        _add_sales_orders(context, rows, number, unit, held, zone)
    return rows


def _add_sales_orders(
    context: Context,
    rows: Rows,
    number: str,
    unit: str,
    held: Iterable[Mapping[str, Any]],
    zone: ZoneInfo,
) -> None:
    codes = {each.dms_code: code for code, each in context.business_units.items()}
    for each in held:
        # A DMS that knows no such filter gives them with every business unit.
        if all(known.document != str(each["number"]) for known in rows.documents):
            of = codes.get(str(each.get("business_unit")), unit)
            _add_sales_order(rows, number, of, each, zone)


def _add_sales_order(
    rows: Rows, number: str, unit: str, held: Mapping[str, Any], zone: ZoneInfo
) -> None:
    part = str(held["number"])
    total = scaled(held.get("total"))
    live = held.get("status") != "cancelled"
    rows.documents.append(
        BookDocument("sales_order", number, part, part, unit, int(live), "", 0, 0, 0, total)
    )
    if not live:
        return
    created = held.get("created_at")
    rows.orders.append(
        BookOrder(
            number=number,
            part=part,
            unit=unit,
            payment="live",
            customer=str(held.get("customer_number") or ""),
            freight=_told(held.get("freight")),
            total=total,
            refunded=0,
            currency=code_of(held.get("currency")),
            placed_at=created if isinstance(created, datetime) else None,
        )
    )
    shipped: dict[int, int] = {}
    shipments: dict[str, BookDocument] = {}
    for each in held.get("shipments") or []:
        pieces = 0
        for line in each.get("lines") or []:
            quantity = scaled(line.get("quantity"))
            at = int(line["line_number"])
            shipped[at] = shipped.get(at, 0) + quantity
            pieces += quantity
        document = str(each.get("tracking_number") or each.get("delivery_note"))
        known = shipments.get(document)
        shipments[document] = BookDocument(
            "shipment", number, document, part, unit, 1, _day(each.get("shipped_at"), zone),
            pieces + (known.quantity if known else 0), 0, 0, 0,
        )  # fmt: skip
    rows.documents += shipments.values()
    invoices = held.get("invoices") or []
    gone = void([invoice_of(str(each["number"]), unit, each) for each in invoices])
    for each in invoices:
        rows.documents.append(
            BookDocument(
                "invoice", number, str(each["number"]), part, unit,
                int(str(each["number"]) not in gone),
                str(each.get("date") or ""), 0, scaled(each.get("net")), scaled(each.get("tax")),
                scaled(each.get("gross")),
            )
        )  # fmt: skip
    for line in held.get("lines") or []:
        rows.lines.append(
            BookLine(
                number=number,
                line=int(line["number"]),
                part=part,
                sku=line.get("sku"),  # what the DMS does not tell is not compared
                quantity=_told(line.get("quantity")),
                unit_price=_told(line.get("unit_price")),
                discount=_told(line.get("discount")),
                subsidy=0,
                amount=_told(line.get("amount")),
                refunded_quantity=0,
                refunded_amount=0,
                shipped=shipped.get(int(line["number"]), 0),
            )
        )


def taken_back(sap: SapBooks, since: date) -> list[str]:
    """Return the orders of which SAP cancelled or credited a billing document since a day."""
    changed = sap.billing_changed(since)
    return sorted({each.order for each in changed if each.cancelled or each.kind != "invoice"})


def put_sap(sap: SapBooks, books: Books, oldest: date, start: date, until: date) -> None:
    """Put SAP's deliveries and billing documents of the orders compared, up to a day.

    The days from `start` are asked for one by one. What the orders carried from earlier days have
    is asked for order by order, or by the days back to the `oldest`, whichever are fewer. SAP
    knows more orders than ours; what bears another number is none of our business.
    """
    days_before = (start - oldest).days
    carried = books.carried(days_before)
    since = start if len(carried) < days_before else oldest
    for deliveries in in_batches(sap.deliveries(since, until)):
        named = books.compared(sorted({each[0] for one in deliveries for each in one.items}))
        _put_deliveries(books, deliveries, named)
    for billed in in_batches(sap.billing(since, until)):
        _put_billing(books, billed, books.compared(sorted({each.order for each in billed})))
    if since == oldest:
        return
    for number in carried:
        books.forget(Book.SAP, [number])
        _put_deliveries(books, sap.deliveries_of(number), {number})
        _put_billing(books, sap.billing_of(number), {number})


def _put_deliveries(books: Books, deliveries: Iterable[Delivery], named: set[str]) -> None:
    documents, lines = [], []
    for one in deliveries:
        for number in sorted({each[0] for each in one.items} & named):
            mine = [(at, each) for at, each in enumerate(one.items, 1) if each[0] == number]
            pieces = sum(scaled(quantity) for _, (_, _, quantity) in mine)
            documents.append(
                BookDocument("shipment", number, one.reference, one.number, "", 1,
                             str(one.day or ""), pieces, 0, 0, 0)
            )  # fmt: skip
            lines += [
                BookLine(number, at, one.number, sku, 0, 0, 0, 0, 0, 0, 0, scaled(quantity))
                for at, (_, sku, quantity) in mine
            ]
    books.put(Book.SAP, lines=lines, documents=documents)


def _put_billing(books: Books, billed: Iterable[Billing], named: set[str]) -> None:
    books.put(
        Book.SAP,
        documents=[
            BookDocument("invoice", each.order, each.invoice, each.number, "",
                         int(not each.cancelled), str(each.day or ""), 0, scaled(each.net),
                         scaled(each.tax), scaled(each.net + each.tax))
            for each in billed
            if each.order in named
        ],
    )  # fmt: skip


def _told(value: Any) -> Any:
    """Return an amount as the tables have it, and None for what a book does not tell."""
    return None if value is None else scaled(value)


def _amount(value: Any) -> int:
    try:
        amount = Decimal(str(value))
        return scaled(amount) if amount.is_finite() and abs(amount) < Decimal(10) ** 13 else 0
    except InvalidOperation:
        return 0


def _day(moment: Any, zone: ZoneInfo) -> str:
    if isinstance(moment, str) and moment:
        moment = datetime.fromisoformat(moment)
    if not isinstance(moment, datetime):
        return ""
    return (
        (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        .astimezone(zone)
        .date()
        .isoformat()
    )
