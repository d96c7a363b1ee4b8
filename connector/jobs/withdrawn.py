"""After-sales that the storefront shows no more: a refund deleted there, a request taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from connector.domain.aftersales import Sale, SaleKind, SaleState, share_out
from connector.domain.invoicing import issued, reversing
from connector.domain.lifecycle import Stage
from connector.steps.context import Context
from connector.steps.request import RETURN
from connector.steps.sales_order import live, worth_of
from connector.store.aftersales import Noted
from connector.store.calls import CallState
from connector.store.invoices import invoices_of
from connector.store.tables import AfterSaleRow, DocumentRow, OrderRow
from connector.wording import Said, course, recorded

_ZERO = Decimal(0)


def withdrawn(
    context: Context, row: OrderRow, shown: Sequence[Sale], held: Mapping[str, AfterSaleRow]
) -> Iterator[tuple[Noted, Said]]:
    """Give how the `held` after-sales stand that are not `shown` any more, and why.

    Where nothing was done for one it is settled. What was done is for ops, until they say that it
    is settled too. The order's content, from which `shown` is read, is what was taken of the
    storefront: a change held back is not in it.
    """
    named = {sale.reference for sale in shown}
    gone = [
        each
        for each in held.values()
        if each.reference not in named
        and each.kind != SaleKind.CANCELLATION
        and not (each.state == SaleState.SETTLED and each.detail.get("gone"))
    ]
    # An order that does not say whether it has refunds is no proof that it has none.
    if not gone or row.payload.get("refunds") is None:
        return
    documents = live(context.orders.documents(row.id))
    due = [(each.reference, each.amount) for each in gone]
    less = share_out(due, _short(row, shown, held, documents))
    for before in gone:
        told = before.state == SaleState.WITHDRAWN
        actor = before.detail.get("by") if told else None
        by_hand = Decimal(said_by_hand(before).get("by_hand", "0"))
        done = bool(less[before.reference] or by_hand) or _returned(context, row, before, documents)
        if done and not actor:
            why = course.SALE_GONE_DONE()
            # Who said so is dropped: that it is settled from here on, a person has to say anew.
            detail = {"by_hand": str(by_hand)}
            state, amount, money = SaleState.WITHDRAWN, before.amount, -less[before.reference]
        else:
            why = course.SALE_GONE_BY_HAND(actor=actor) if actor else course.SALE_GONE()
            detail, by_hand = {}, _ZERO
            state, amount, money = SaleState.SETTLED, _ZERO, _ZERO
        yield (
            Noted(
                before.reference,
                before.kind,
                state.value,
                amount,
                by_hand,
                before.requested_at,
                before.refunded_at,
                {**detail, "gone": True, "refunds": [], "why": recorded(why)},
                money,
            ),
            why,
        )


def return_reference(row: OrderRow, unit: str, reference: str) -> str:
    """Return our own number of the return that a business unit registers for an after-sale."""
    return f"{row.number}-{unit}-R{reference}"[:40]


def said_by_hand(row: AfterSaleRow | None) -> dict[str, str]:
    """Return what a person said of an after-sale's money, and who."""
    detail = row.detail if row is not None else {}
    return {name: str(detail[name]) for name in ("by_hand", "by") if name in detail}


def _short(
    row: OrderRow,
    shown: Sequence[Sale],
    held: Mapping[str, AfterSaleRow],
    documents: Sequence[DocumentRow],
) -> Decimal:
    """Return by how much documents stand for less than the buyer pays by what is shown now."""
    if row.total is None:
        return _ZERO
    invoices = invoices_of(documents)
    if row.stage == Stage.CLOSED:
        worth = sum((each.gross for each in issued(invoices)), _ZERO)
    else:
        known = worth_of(documents)
        worth = row.total if known is None else known
    # A red-letter invoice's amount is negative.
    worth += sum((each.gross for each in reversing(invoices)), _ZERO)
    by_hand = sum(
        (Decimal(said_by_hand(each).get("by_hand", "0")) for each in held.values()), _ZERO
    )
    back = sum((sale.refunded + sale.twice for sale in shown), _ZERO)
    return max(row.total - back - (worth - by_hand), _ZERO)


def _returned(
    context: Context, row: OrderRow, sale: AfterSaleRow, documents: Sequence[DocumentRow]
) -> bool:
    """Whether a return was registered for it in the DMS, or may have been."""
    if any(e.kind == "return" and e.detail.get("sale") == sale.reference for e in documents):
        return True
    ours = {return_reference(row, unit, sale.reference) for unit in context.business_units}
    return any(
        call.operation == RETURN
        and call.reference in ours
        and call.state not in (CallState.PENDING, CallState.REJECTED)
        for call in context.calls.of_order(row.id)
    )
