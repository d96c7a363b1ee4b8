"""What finance's tables are made of: one flat record for each row, which the layouts map.

orders      number, shop, placed_at, paid_at, status, stage, hold, buyer_kind, customer,
            business_units, sales_orders, lines, goods, discount, subsidy, freight, total, refunded,
            invoiced, currency, payment_method, invoice_kind, released_at
lines       number, line, sku, name, business_unit, quantity, unit, unit_price, discount, subsidy,
            amount, refunded_quantity, refunded_amount, shipped, currency
shipments   number, earlier, business_unit, delivery_note, carrier, tracking_number, at, quantity,
            written_back
invoices    number, earlier, business_unit, state, application, invoice_number, invoice_code, kind,
            red, original, replaced_by, shared_with, whole, date, net, tax, gross, applied, missing,
            currency, delivered, url, written_back: invoices, of which amounts are the order's own
            share (`whole` is the invoice's), and applications that are not issued in full. An
            invoice that an earlier day's file has, and that was replaced or shared out since,
            stands here with what makes both days together right
refunds     number, earlier, refund, kind, state, owner, refunded_at, line, sku, quantity, amount,
            currency, reason: a row for each line of a refund, and one for what belongs to no line;
            and one without refund for a paid order that was cancelled and is not refunded yet
open_invoices number, reference, kind, owner, refunded_at, refunded, recovered, open, currency, age,
            band: refunds whose invoice is not recovered (退款发票未回收), the oldest first
open_money  number, reference, kind, meaning, owner, since, refunded, open, currency, age, band:
            what no line explains and nothing has settled (`connector.domain.open_money`), the
            oldest first
differences the fields of `connector.domain.reconciliation.Difference`, meaning, earlier
promises    number, promise, placed_at, due_at, reached_at, state, late_minutes

Records of orders and of what belongs to them also hold `content`, the order as the mapping
storefront_order reads it. Personal data gets into a file only where a layout names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from connector.domain.aftersales import SaleKind, SaleState, age_band, owner_of
from connector.domain.business_unit import BusinessUnit, assign
from connector.domain.calendar import Timetable
from connector.domain.currency import code_of
from connector.domain.deadlines import Promise, Promises, due_for, judge
from connector.domain.invoicing import as_held, replaced, void
from connector.domain.lifecycle import Owner, Stage
from connector.domain.order import Order
from connector.domain.reading import read_order
from connector.domain.reconciliation import Difference
from connector.store.daybook import Kept
from connector.store.invoices import invoices_of, missing_of
from connector.store.tables import AfterSaleRow, DocumentRow, OrderRow
from connector.wording import Say
from connector.wording.id_numbers import masked

Record = dict[str, Any]

TABLES = (
    "orders", "lines", "shipments", "invoices", "refunds", "open_invoices", "open_money",
    "differences", "promises",
)  # fmt: skip
_YES, _NO = "是 yes", "否 no"
_ZERO = Decimal(0)


@dataclass(frozen=True)
class Clerk:
    """Writes the records of orders, as things stood at `cut`.

    Shipments, invoices and refunds belong to the day in which they came, (since, until]: each is
    in one extract, that of its order's day or that of a later one.
    """

    business_units: Sequence[BusinessUnit]
    timetables_of: Callable[[str], Sequence[Timetable]]
    promises: Promises
    since: datetime
    until: datetime
    cut: datetime

    def of_order(self, kept: Kept) -> Iterator[tuple[str, Record]]:
        """Give (table, record) for all that belongs to an order of the day."""
        order, _ = read_order(kept.row.content, shop=kept.row.shop)
        if order is not None:
            order = assign(order, self.business_units)[0]
        kept = replace(kept, documents=[each for each in kept.documents if each.at <= self.until])
        yield "orders", _order(kept, order, self.until)
        shipped = {line.number: line.shipped for line in kept.lines}
        for line in order.lines if order else ():
            record = asdict(line)
            yield (
                "lines",
                {
                    **record,
                    "name": masked(line.name),
                    "number": kept.row.number,
                    "line": line.number,
                    "unit_price": round(line.unit_price, 4),
                    "shipped": shipped.get(line.number, _ZERO),
                    "currency": kept.row.currency,
                    "content": kept.row.content,
                },
            )
        yield from self._documents(kept, order, earlier="")
        for promise in self._promises(kept):
            yield "promises", promise

    def of_earlier(self, kept: Kept) -> Iterator[tuple[str, Record]]:
        """Give (table, record) for what came in the day for an order of an earlier one."""
        order, _ = read_order(kept.row.content, shop=kept.row.shop)
        kept = replace(kept, documents=[each for each in kept.documents if each.at <= self.until])
        yield from self._documents(kept, order, earlier=_YES)

    def of_application(
        self, row: OrderRow, document: DocumentRow, missing: Decimal | None, earlier: bool
    ) -> tuple[str, Record]:
        """Return the record of an invoice applied for of which `missing` has not been issued."""
        amount = document.detail.get("amount")
        applied = Decimal(str(amount)) if amount is not None else None
        partly = missing is not None and applied is not None and missing < applied
        return (
            "invoices",
            {
                "number": row.number,
                "earlier": _YES if earlier else "",
                "business_unit": document.business_unit,
                "state": "部分开票 partly issued" if partly else "未开票 not issued",
                "application": document.number,
                "kind": row.content.get("invoice_kind"),
                "written_back": "",
                "applied": applied,
                "missing": missing if missing is not None else applied,
                "currency": row.currency,
                "content": row.content,
            },
        )

    def _documents(
        self, kept: Kept, order: Order | None, earlier: str
    ) -> Iterator[tuple[str, Record]]:
        invoices = invoices_of(kept.documents)
        instead = replaced(invoices)
        gone = {number: instead[number] for number in void(invoices)}
        came = {each.number for each in kept.documents if not earlier or each.at > self.since}
        missing = missing_of(kept.row, kept.documents, self.until)
        for document in kept.documents:
            if document.kind == "shipment" and document.number in came:
                yield "shipments", _shipment(kept.row, document, earlier)
            elif document.kind == "invoice" and document.number in gone:
                if document.number in came or gone[document.number] in came:
                    counted = document.number not in came  # in the extract of the day it came in
                    held = as_held(document.detail, self.since if counted else self.until)
                    record = _invoice(kept.row, document, held, earlier, missing)
                    yield "invoices", _replaced(record, gone[document.number], counted=counted)
            elif document.kind == "invoice":
                held = as_held(document.detail, self.until)
                record = _invoice(kept.row, document, held, earlier, missing)
                if document.number in came:
                    yield "invoices", record
                elif (former := as_held(document.detail, self.since)) != held:
                    yield "invoices", _shared_out(record, former)
        for record in _refunds(kept, order, earlier):
            at = record["refunded_at"]
            if (at is None and not earlier) or (
                at is not None and at <= self.until and (not earlier or at > self.since)
            ):
                yield "refunds", record

    def _promises(self, kept: Kept) -> Iterator[Record]:
        row = kept.row
        tables = self.timetables_of(row.business_units)
        for promise in Promise:
            due = due_for(promise, row.placed_at, tables, self.promises).due_at
            # A later stage keeps an earlier promise too.
            times = [at for stage, at in kept.reached.items() if _keeps(promise, stage)]
            reached = min(times, default=None)
            cancelled = kept.reached.get("cancelled")
            late = (reached or cancelled or self.cut) - due
            yield {
                "number": row.number,
                "promise": promise.value,
                "placed_at": row.placed_at,
                "due_at": due,
                "reached_at": reached,
                "state": judge(due, reached, cancelled, self.cut).value,
                "late_minutes": max(0, int(late.total_seconds() // 60)) or None,
            }


def of_open_invoice(row: OrderRow, sale: AfterSaleRow, until: datetime) -> tuple[str, Record]:
    """Return the record of a refund whose invoice is not recovered by `until`."""
    refunded_at = sale.refunded_at or sale.requested_at
    invoiced = Decimal(str(sale.detail.get("invoiced", sale.amount)))
    # `until` is the midnight that ends the day: a refund of that day is 0 days old.
    age = (until - refunded_at).days
    return (
        "open_invoices",
        {
            "number": row.number,
            "reference": sale.reference,
            "kind": sale.kind,
            "owner": owner_of(sale.state).value,
            "refunded_at": refunded_at,
            "refunded": sale.amount,
            "recovered": sale.recovered,
            "open": max(min(sale.amount, invoiced) - sale.recovered, _ZERO),
            "currency": row.currency,
            "age": age,
            "band": age_band(age),
            "content": row.content,
        },
    )


def of_open_money(row: OrderRow, sale: AfterSaleRow, until: datetime) -> tuple[str, Record]:
    """Return the record of money that is open by `until`: the midnight that ends the day."""
    since = sale.refunded_at or sale.requested_at
    age = (until - since).days
    state = SaleState(sale.state)
    owner = Owner.BU_FINANCE if state is SaleState.SETTLED else owner_of(state)
    return (
        "open_money",
        {
            "number": row.number,
            "reference": sale.reference,
            "kind": sale.kind,
            "meaning": _OUTSIDE
            if state is SaleState.OUTSIDE
            else _BEYOND
            if sale.open_money > 0
            else _SHORT,
            "owner": owner.value,
            "since": since,
            "refunded": sale.amount,
            "open": sale.open_money,
            "currency": row.currency,
            "age": age,
            "band": age_band(age),
            "content": row.content,
        },
    )


_BEYOND = "已退款，单据未减 refunded, and no document is less by it"
_SHORT = "已收款，无对应单据 paid, and no document stands for it"
_OUTSIDE = "启用前订单，发票不在连接器 before the first day: its invoice is outside the connector"


def of_difference(difference: Difference, say: Say) -> tuple[str, Record]:
    """Return the record of a difference."""
    cause = difference.cause
    return (
        "differences",
        {
            **asdict(difference),
            "line": difference.line or None,
            "meaning": f"{cause.chinese} {cause.english}",
            "earlier": _YES if difference.carried else "",
            "detail": say(difference.detail),
        },
    )


def _keeps(promise: Promise, stage: str) -> bool:
    return promise.reached_by(Stage(stage))


def _order(kept: Kept, order: Order | None, until: datetime) -> Record:
    row = kept.row
    invoices = invoices_of(kept.documents, until)
    gone = void(invoices)
    record: Record = {
        "number": row.number,
        "shop": row.shop,
        "placed_at": row.placed_at,
        "status": row.status,
        "stage": row.stage,
        "hold": row.hold_cause,
        "customer": row.customer_number,
        "business_units": row.business_units,
        "sales_orders": ", ".join(
            each.number for each in kept.documents if each.kind == "sales_order"
        ),
        "lines": 0,
        "invoiced": sum((each.gross for each in invoices if each.number not in gone), _ZERO),
        "released_at": row.released_at,
        "content": row.content,
    }
    if row.unreadable:
        # What its columns still tell; its lines are not known.
        return record | {"total": row.total, "currency": row.currency}
    if order is None:
        return record
    return record | {
        "paid_at": order.paid_at,
        "buyer_kind": order.buyer.kind.value,
        "lines": len(order.lines),
        "goods": sum((line.amount for line in order.lines), _ZERO),
        "discount": sum((line.discount for line in order.lines), _ZERO),
        "subsidy": sum((line.subsidy for line in order.lines), _ZERO),
        "freight": order.freight,
        "total": order.total,
        "refunded": sum((refund.amount for refund in order.refunds), _ZERO),
        "currency": code_of(order.currency),
        "payment_method": masked(order.payment_method),
        "invoice_kind": order.invoice_kind.value,
    }


def _shipment(row: OrderRow, document: DocumentRow, earlier: str) -> Record:
    detail = document.detail
    return {
        **detail,
        "number": row.number,
        "earlier": earlier,
        "business_unit": document.business_unit,
        "at": document.at,
        "quantity": sum(
            (Decimal(str(line["quantity"])) for line in detail.get("lines") or []), _ZERO
        ),
        "written_back": _YES if document.written_back_at else _NO,
        "content": row.content,
    }


def _invoice(
    row: OrderRow,
    document: DocumentRow,
    detail: Mapping[str, Any],
    earlier: str,
    missing: Mapping[str, Decimal | None],
) -> Record:
    delivered = detail.get("tracking_number") or (_LINK if detail.get("url") else None)
    state = "已开票 issued"
    if delivered:
        state = "已交付 delivered"
    if document.written_back_at:
        state = "已回写 written back"
    if not detail.get("red") and detail.get("application") in missing:
        state = "部分开票 partly issued"
    return {
        **detail,
        "number": row.number,
        "earlier": earlier,
        "business_unit": document.business_unit,
        "currency": row.currency,
        "state": state,
        "invoice_number": document.number,
        "invoice_code": detail.get("code"),
        "red": "红字 red" if detail.get("red") else "",
        "shared_with": ", ".join(detail.get("shared_with") or ()),
        "whole": (detail.get("whole") or detail)["gross"],
        "delivered": delivered,
        "written_back": _YES if document.written_back_at else _NO,
        "content": row.content,
    }


def _replaced(record: Record, by: str, *, counted: bool) -> Record:
    """Return the record of an invoice that another took the place of: it comes to nothing.

    What an earlier extract counted is taken back.
    """
    amounts = {name: -Decimal(str(record[name])) if counted else _ZERO for name in _AMOUNTS}
    return {**record, **amounts, "state": "已换开 replaced", "replaced_by": by}


def _shared_out(record: Record, former: Mapping[str, Any]) -> Record:
    """Return the record of an invoice that turned out to be other orders' too.

    An earlier extract counted more of it, or less: this one counts what lies between.
    """
    amounts = {name: Decimal(str(record[name])) - Decimal(str(former[name])) for name in _AMOUNTS}
    return {**record, **amounts, "state": "合并分摊 shared out"}


_AMOUNTS = ("net", "tax", "gross")


_LINK = "链接 link"


def _refunds(kept: Kept, order: Order | None, earlier: str) -> Iterator[Record]:
    if order is None:
        return
    sales = {
        str(refund): sale
        for sale in kept.after_sales
        for refund in sale.detail.get("refunds", [sale.reference])
    }
    for held in kept.after_sales:
        if held.kind == SaleKind.CANCELLATION and not held.detail.get("refunds"):
            # Paid, cancelled before release, and the money is still here.
            yield {
                "number": kept.row.number,
                "earlier": earlier,
                "kind": held.kind,
                "state": held.state,
                "owner": owner_of(held.state).value,
                "refunded_at": None,
                "amount": _ZERO,
                "currency": kept.row.currency,
                "content": kept.row.content,
            }
    lines = {line.number: line for line in order.lines}
    for refund in order.refunds:
        sale = sales.get(refund.refund_id)
        common: Record = {
            "number": kept.row.number,
            "earlier": earlier,
            "refund": refund.refund_id,
            "kind": sale.kind if sale else "refund",
            "state": sale.state if sale else None,
            "owner": owner_of(sale.state).value if sale else None,
            "refunded_at": refund.refunded_at,
            "reason": masked(refund.reason),
            "currency": kept.row.currency,
            "content": kept.row.content,
        }
        rest = refund.freight + refund.rest
        for each in refund.lines:
            line = lines.get(each.number)
            yield common | {
                "line": line.number if line else None,
                "sku": line.sku if line else None,
                "quantity": each.quantity,
                "amount": each.amount if line else _ZERO,
            }
        if rest or not refund.lines:
            yield common | {"amount": rest}
