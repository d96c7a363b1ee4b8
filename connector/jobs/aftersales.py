"""Job: follow cancellations, returns, exchanges and refunds until the invoice is recovered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import structlog

from connector.domain.aftersales import (
    Facts,
    Sale,
    SaleKind,
    SaleState,
    cancellation_of,
    kept_back,
    owner_of,
    sales_of,
    share_out,
    state_of,
)
from connector.domain.invoicing import issued, reversing
from connector.domain.known import back_of, left_of
from connector.domain.lifecycle import Stage
from connector.domain.masking import mask_said, mask_text
from connector.domain.open_money import open_money, since_placed, unborne
from connector.domain.quarantine import Failed
from connector.domain.reading import read_order
from connector.errors import ConnectorError, Misconfigured, RetryLater
from connector.jobs.cadence import Cadence, Window
from connector.jobs.runner import Counts, Job
from connector.jobs.withdrawn import return_reference, said_by_hand, withdrawn
from connector.steps.context import Context, readable
from connector.steps.quarantine import end_of, put_unjudged
from connector.steps.request import RETURN, register_return
from connector.steps.sales_order import Differs, live, worth_of
from connector.store.aftersales import AfterSales, Noted
from connector.store.calls import ASK_FIRST, CallState
from connector.store.changes import Change, NewDocument, StaleOrder
from connector.store.invoices import invoices_of, missing_of
from connector.store.tables import AfterSaleRow, DocumentRow, OrderRow
from connector.wording import Said, course, quoted, recorded, systems, together
from connector.wording.terms import term

_log = structlog.get_logger(__name__)

OVERLAP = timedelta(days=1)
_MOST = 1000
_ZERO = Decimal(0)


def aftersales(context: Context, sales: AfterSales, cadence: Cadence) -> Job:
    """Return the job. Each return is registered in the DMS once; the same facts change nothing."""

    def run(window: Window, _scope: str) -> Counts:
        counts: Counter[str] = Counter()
        rows = {row.id: row for row in sales.to_look_at(context.shop, window.start - OVERLAP)}
        kept = {each.key for each in context.quarantine.listed(failed=Failed.FOLLOW, limit=_MOST)}
        for key in kept:
            row = context.orders.by_order_id(key, context.shop)
            rows |= {} if row is None else {row.id: row}
        for row in rows.values():
            try:
                follow(context, sales, row, counts)
            except Misconfigured:
                raise
            except (RetryLater, StaleOrder, OSError) as error:
                # Its system is away, or it is being moved: it is looked at again for a day.
                counts["failed"] += 1
                words = mask_text(f"{type(error).__name__}: {error}")
                _log.warning("after-sale not followed", order=row.number, error=words)
            except Exception as error:
                # One order's trouble stops no other, and is not forgotten.
                counts["quarantined"] += 1
                put_unjudged(context, Failed.FOLLOW, row, error, "aftersales")
            else:
                if row.order_id in kept:
                    end_of(context, row.order_id, (Failed.FOLLOW,), "aftersales")
        return dict(counts)

    return Job("aftersales", "follow returns, exchanges and refunds", cadence, run)


def follow(context: Context, sales: AfterSales, row: OrderRow, counts: Counter[str]) -> None:
    """Bring every after-sale of an order as far as it goes. Raises Misconfigured."""
    if row.stage == Stage.KNOWN or _cancelled_before_us(context, row):
        _follow_outside(context, sales, row, counts)
        return
    shown = _shown(context, row)
    held = {each.reference: each for each in sales.of_order(row.id)}
    if row.stage != Stage.CANCELLED:
        cancelled = {
            each.reference
            for each in held.values()
            if each.kind == SaleKind.CANCELLATION and each.state != SaleState.SETTLED
        }
        if cancelled:
            # It was cancelled and is open again: its money is that of the sale.
            sales.supersede(row.id, set(held) - cancelled, context.clock())
        for noted, why in withdrawn(context, row, shown, held):
            _note(context, sales, row, noted, why, counts)
    elif shown:
        # What was followed before the order ended is a part of its cancellation.
        sales.supersede(row.id, {sale.reference for sale in shown}, context.clock())
    for sale in shown:
        before = held.get(sale.reference)
        why = _register(context, row, sale, before, counts)
        documents = live(context.orders.documents(row.id))
        facts = _facts(row, sale, shown, documents, before, refused=bool(why))
        facts = _with_money(facts, row, sale, documents, before)
        state = state_of(facts)
        money = open_money(facts, state)
        if facts.stopping:
            pieces = [
                course.PIECES(pieces=f"{each.normalize():f}", line=at)
                for at, each in sale.stays.items()
            ]
            why = course.KEEP_PIECES(pieces=pieces)
        noted = Noted(
            sale.reference,
            sale.kind.value,
            state.value,
            sale.refunded,
            facts.recovered,
            sale.requested_at or sale.refunded_at or context.clock(),
            sale.refunded_at,
            {
                **said_by_hand(before),
                "refunds": list(sale.refunds),
                "back": {str(line): str(quantity) for line, quantity in sale.back.items()},
                "invoiced": str(facts.invoiced),
                "why": recorded(why),
            },
            money,
        )
        _note(context, sales, row, noted, why, counts)


def _cancelled_before_us(context: Context, row: OrderRow) -> bool:
    """Whether an order of before our first day was cancelled already when it was first seen."""
    since = context.first_start()
    if row.stage != Stage.CANCELLED or since is None or row.placed_at >= since:
        return False
    first = next(iter(context.orders.events(row.id)), None)
    return first is not None and first.text.code == course.CANCELLED_BEFORE_TAKEN().code


def _follow_outside(
    context: Context, sales: AfterSales, row: OrderRow, counts: Counter[str]
) -> None:
    """Tell finance what went back of an order whose invoice lies outside the connector."""
    readable(row)
    order, _ = read_order(row.content, shop=row.shop)
    if order is None:
        return
    held = {each.reference: each for each in sales.of_order(row.id)}
    since = context.first_start() or row.received_at
    back = back_of(order, row.content, row.total, since)
    if row.stage == Stage.CANCELLED:
        # That it was cancelled was settled where its documents are; a refund since then was not.
        back = [each for each in back if each[0].kind is not SaleKind.CANCELLATION]
    # What the storefront shows no longer needs nobody: an order came out of the trash again.
    sales.supersede(row.id, {sale.reference for sale, _ in back}, context.clock())
    why = course.KNOWN_BACK()
    for sale, amount in back:
        before = held.get(sale.reference)
        settled = Decimal(said_by_hand(before).get("by_hand", "0"))
        left = left_of(amount, settled)
        noted = Noted(
            sale.reference,
            sale.kind.value,
            (SaleState.OUTSIDE if left else SaleState.SETTLED).value,
            sale.refunded,
            settled,
            sale.requested_at
            or sale.refunded_at
            or (before.requested_at if before is not None else context.clock()),
            sale.refunded_at,
            {**said_by_hand(before), "refunds": list(sale.refunds), "why": recorded(why)},
            left,
        )
        _note(context, sales, row, noted, why, counts)


def _note(
    context: Context,
    sales: AfterSales,
    row: OrderRow,
    noted: Noted,
    why: Said,
    counts: Counter[str],
) -> None:
    was = sales.note(row.id, noted, context.clock())
    if was is None:
        return
    counts[noted.state] += 1
    moved = course.SALE_MOVED(
        kind=term("sale", noted.kind),
        reference=noted.reference,
        was=term("sale_state", was or "new"),
        now=term("sale_state", noted.state),
        owner=term("owner", owner_of(noted.state).value),
    )
    text = course.SALE_MOVED_WHY(moved=moved, why=why) if why else moved
    context.orders.note(
        row.id, Change(event="after_sale", text=text), "aftersales", context.clock()
    )


def _shown(context: Context, row: OrderRow) -> list[Sale]:
    readable(row)
    if row.stage == Stage.CANCELLED:
        order, _ = read_order(row.content, shop=row.shop)
        cancelled = cancellation_of(order) if order is not None else None
        return [cancelled] if cancelled is not None else []
    lines = context.orders.lines(row.id)
    return kept_back(
        sales_of(context.read(row), row.content),
        {line.number: line.quantity - line.shipped for line in lines},
        {line.number: line.quantity - line.allocated for line in lines},
    )


def try_again(
    context: Context, sales: AfterSales, row: OrderRow, reference: str, actor: str
) -> AfterSaleRow:
    """Register a return once more that the DMS refused, and give the after-sale as it then stands.

    Raises LookupError when the order has none that was refused under this reference, RetryLater
    when the DMS cannot be reached: then the next run tries again.
    """
    held = {each.reference: each for each in sales.of_order(row.id)}
    sale = held.get(reference)
    if sale is None or sale.state != SaleState.REFUSED:
        raise LookupError(reference)
    for call in context.calls.of_order(row.id):
        if call.operation == RETURN and call.state == CallState.REJECTED:
            context.calls.release(call, systems.SENT_AGAIN(actor=actor), ASK_FIRST)
    sales.reopen(sale, context.clock())
    event = Change(event="retry", text=course.RETURN_ASKED_AGAIN(reference=reference))
    context.orders.note(row.id, event, actor, context.clock())
    counts: Counter[str] = Counter()
    follow(context, sales, row, counts)
    if counts["waiting"]:
        raise RetryLater(
            systems.RETURN_WAITS(reference=reference),
            remedy="the next run tries again; `connector check --live` says what answers",
        )
    return next(each for each in sales.of_order(row.id) if each.reference == reference)


def _register(
    context: Context,
    row: OrderRow,
    sale: Sale,
    before: AfterSaleRow | None,
    counts: Counter[str],
) -> Said:
    """Register the return at each business unit; returns the refusal's words, if any."""
    if not sale.back or (before is not None and before.state == SaleState.REFUSED):
        return before.why if before is not None and sale.back else quoted("")
    order = context.read(row)
    known = {each.number for each in context.orders.documents(row.id, "return")}
    units = dict.fromkeys(line.business_unit for line in order.lines if line.number in sale.back)
    for unit in units:
        reference = return_reference(row, unit, sale.reference)
        if any(
            each.detail.get("reference") == reference
            for each in context.orders.documents(row.id, "return")
        ):
            continue
        lines = {
            line.number: sale.back[line.number]
            for line in order.lines
            if line.business_unit == unit and line.number in sale.back
        }
        try:
            made = register_return(context, row, unit, reference, lines, sale.reason or "退货")
        except Misconfigured:
            raise
        except RetryLater:
            counts["waiting"] += 1
            return quoted("")
        except ConnectorError as error:
            return mask_said(error.said)
        except Differs as difference:
            return mask_said(together(difference.reasons))
        if made.number not in known:
            document = NewDocument(
                "return", "dms", unit, made.number, context.clock(),
                {"reference": reference, "sale": sale.reference},
            )  # fmt: skip
            event = Change(
                event="return",
                text=course.RETURN_REGISTERED(number=made.number),
                documents=(document,),
            )
            context.orders.note(row.id, event, "aftersales", context.clock())
    return quoted("")


def _received(documents: Sequence[DocumentRow], known: Collection[str]) -> set[str]:
    """Return the returns whose goods are back.

    One that people registered in the DMS bears our own number here: goods that came back under a
    number of theirs are its.
    """
    receipts = [each for each in documents if each.kind == "return_receipt"]
    found = {each.number for each in receipts}
    found |= {str(each.detail.get("reference")) for each in receipts} & set(known)
    if found - set(known):
        found |= {
            each.number
            for each in documents
            if each.kind == "return" and each.number == each.detail.get("reference")
        }
    return found


def _facts(
    row: OrderRow,
    sale: Sale,
    shown: Sequence[Sale],
    documents: Sequence[DocumentRow],
    before: AfterSaleRow | None,
    *,
    refused: bool,
) -> Facts:
    returns = {
        each.number: str(each.detail.get("sale")) for each in documents if each.kind == "return"
    }
    ours = {number for number, reference in returns.items() if reference == sale.reference}
    received = _received(documents, returns.keys())
    invoices = invoices_of(documents)
    invoiced = sum((each.gross for each in issued(invoices)), _ZERO)
    taken_back = {each.number for each in reversing(invoices)}
    recovered, loose = _ZERO, _ZERO
    for each in documents:
        if each.kind == "invoice" and each.number in taken_back:
            number = str(each.detail.get("return_number") or "")
            if number in ours:
                recovered -= _gross(each)
            elif number not in returns:
                loose -= _gross(each)
    if loose:
        # A red-letter invoice that names no return of ours goes to the oldest refunds.
        due = [(each.reference, each.refunded) for each in shown]
        recovered += share_out(due, loose)[sale.reference]
    recovered += Decimal(str(said_by_hand(before).get("by_hand", "0")))
    # What was not invoiced at all need not be recovered: the oldest refunds first.
    due = [(each.reference, each.refunded) for each in shown]
    uninvoiced = share_out(due, max((row.total or invoiced) - invoiced, _ZERO))
    return Facts(
        kind=sale.kind,
        goods_back=bool(sale.back),
        registered=bool(ours),
        received=bool(ours) and ours <= received,
        refused=refused,
        refunded=sale.refunded,
        invoiced=max(sale.refunded - uninvoiced[sale.reference], _ZERO),
        recovered=recovered,
        booked=bool(sale.refunds),
        stopping=bool(sale.stays) and Stage(row.stage) not in (Stage.SHIPPED, Stage.CLOSED),
        awaited=bool(missing_of(row, documents)) and row.stage != Stage.CANCELLED,
    )


def _with_money(
    facts: Facts,
    row: OrderRow,
    sale: Sale,
    documents: Sequence[DocumentRow],
    before: AfterSaleRow | None,
) -> Facts:
    """Return the facts with what the invoices do not tell of an after-sale's money."""
    order, _ = read_order(row.content, shop=row.shop)
    if order is None:
        return facts
    if sale.kind is SaleKind.CANCELLATION:
        return replace(
            facts,
            paid=order.total if order.paid_at is not None else order.refunded,
            settled=Decimal(str(said_by_hand(before).get("by_hand", "0"))),
        )
    unknown = since_placed(order, worth_of(documents))
    beyond = unborne(order)
    ours = [each.refund_id for each in unknown if each.refund_id in sale.refunds]
    rest = sum((beyond[each] for each in ours), _ZERO)
    return replace(facts, rest=rest, twice=sale.twice)


def _gross(document: DocumentRow) -> Decimal:
    return Decimal(str(document.detail["gross"]))
