"""What invoices come to: which of them count, what is missing, and what a merged one is to whom.

Rule's source: workflow.md, step 7. An application (开票申请) may be answered by several invoices
(部分开票), one invoice may answer the applications of several orders (合并开票), and an invoice
may take the place of another (换开).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from connector.domain.pricing import split

_ZERO = Decimal(0)
# Less than this is rounding; the buyer has the invoice that was applied for.
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Invoice:
    """One invoice of an order, with what of it is the order's own. Red-letter ones are negative.

    `original` is the invoice that a red-letter one reverses, or that this one replaces.
    `returned` says that a red-letter invoice is for goods that came back.
    """

    number: str
    unit: str
    application: str
    original: str
    red: bool
    returned: bool
    gross: Decimal


def invoice_of(number: str, unit: str, detail: Mapping[str, Any]) -> Invoice:
    """Return the invoice that a mapping (dms_status, dms_find) read."""
    return Invoice(
        number,
        unit,
        str(detail.get("application") or ""),
        str(detail.get("original") or ""),
        bool(detail.get("red")),
        bool(detail.get("return_number")),
        Decimal(str(detail.get("gross") or 0)),
    )


def as_held(detail: Mapping[str, Any], moment: datetime) -> Mapping[str, Any]:
    """Return an invoice's detail with the amounts that were the order's own at a moment.

    They become others when a further order turns out to share the invoice; `formerly` keeps what
    they were, the oldest first, each with the moment until which it was so.
    """
    for former in detail.get("formerly") or ():
        if datetime.fromisoformat(former["until"]) > moment:
            return {**detail, **former}
    return detail


def replaced(invoices: Sequence[Invoice]) -> dict[str, str]:
    """Return number → the number of the invoice that took its place."""
    numbers = {each.number for each in invoices}
    return {
        each.original: each.number
        for each in invoices
        if not each.red and each.original in numbers - {each.number}
    }


def void(invoices: Sequence[Invoice]) -> frozenset[str]:
    """Return the numbers of replaced invoices that count no longer.

    One that a red-letter invoice reversed to make room counts, and so does that one: together
    they are nothing.
    """
    reversed_ = {each.original for each in invoices if each.red and not each.returned}
    return frozenset(replaced(invoices).keys() - reversed_)


def issued(invoices: Sequence[Invoice]) -> list[Invoice]:
    """Return the invoices that answer an application: neither red-letter nor replaced ones."""
    gone = replaced(invoices)
    return [each for each in invoices if not each.red and each.number not in gone]


def reversing(invoices: Sequence[Invoice]) -> list[Invoice]:
    """Return the red-letter invoices that take a sale back; others make room for another one."""
    gone = replaced(invoices)
    return [each for each in invoices if each.red and (each.returned or each.original not in gone)]


@dataclass(frozen=True)
class Application:
    """An invoice application. `amount` None: how much was applied for is not known."""

    number: str
    unit: str
    amount: Decimal | None


def missing(
    applications: Sequence[Application], invoices: Sequence[Invoice], relieved: Decimal = _ZERO
) -> dict[str, Decimal | None]:
    """Return application → what has not been issued of it; those issued in full are left out.

    An invoice answers the application that it names, then others of its business unit, then those
    of the order. `relieved` is what need not be issued any more, since it was refunded. With an
    unknown amount any invoice is the whole, and None says that there is none.
    """
    open_ = {each.number: each.amount for each in applications}
    answers = issued(invoices)
    left = {each.number: each.gross for each in answers}

    def pay(fits: Callable[[Application, Invoice], bool]) -> None:
        for application in applications:
            for invoice in answers:
                due = open_[application.number]
                if not fits(application, invoice) or not left[invoice.number]:
                    continue
                if due is None:
                    open_[application.number] = _ZERO
                    continue
                taken = min(due, left[invoice.number])
                open_[application.number] = due - taken
                left[invoice.number] -= taken

    pay(lambda application, invoice: application.number == invoice.application)
    pay(lambda application, invoice: application.unit == invoice.unit)
    pay(lambda _application, _invoice: True)
    for number, due in open_.items():
        if due is not None:
            open_[number] = due - min(due, relieved)
            relieved -= min(due, relieved)
    return {number: due for number, due in open_.items() if due is None or due > _CENT}


@dataclass(frozen=True)
class Claim:
    """What one order shows of an invoice that bears a number shared with other orders.

    `applied` is what the order applied for, `lines` what of the invoice's lines is the order's;
    None where that is not told. Amounts are those told with the order.
    """

    order: str
    net: Decimal
    tax: Decimal
    gross: Decimal
    applied: Decimal | None = None
    lines: Decimal | None = None


@dataclass(frozen=True)
class Share:
    """What of a merged invoice is one order's own."""

    net: Decimal
    tax: Decimal
    gross: Decimal


def share(claims: Sequence[Claim]) -> list[Share] | None:
    """Return each order's share of one invoice, to the cent; None where each tells its own.

    Orders that show the same amounts show the invoice's: it is split as `by_lines` says. Others
    show their own part already, and so do those of which each applied for just this amount.
    """
    first = claims[0]
    if len(claims) < 2 or any(
        (each.net, each.tax, each.gross) != (first.net, first.tax, first.gross) for each in claims
    ):
        return None
    if all(each.lines == first.gross for each in claims):
        return None
    told = by_lines(claims)
    if not told and all(each.applied == first.gross for each in claims):
        return None
    weights = [abs((each.lines if told else each.applied) or _ZERO) for each in claims]
    gross = split(first.gross, weights)
    tax = split(first.tax, [abs(each) for each in gross])
    return [Share(mine - taxed, taxed, mine) for mine, taxed in zip(gross, tax, strict=True)]


def by_lines(claims: Sequence[Claim]) -> bool:
    """Say whether an invoice is split by its lines, not by what the orders applied for.

    An invoice of just what they applied for together gives each order that, its freight too.
    """
    applied = sum((each.applied or _ZERO for each in claims), _ZERO)
    return applied != abs(claims[0].gross) and all(each.lines for each in claims)


def nearest(told: Share, mine: Share, whole: Share, *, first: bool) -> Share:
    """Return what another book says of an order's share, where it may show the whole invoice.

    What its whole deviates from ours is told of one of the orders, the `first`.
    """
    if abs(told.gross - whole.gross) >= abs(told.gross - mine.gross):
        return told
    if not first:
        return mine
    return Share(
        mine.net + told.net - whole.net,
        mine.tax + told.tax - whole.tax,
        mine.gross + told.gross - whole.gross,
    )
