"""The invoices and invoice applications among an order's documents, and merged ones over orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connector.domain.invoicing import (
    Application,
    Claim,
    Invoice,
    Share,
    as_held,
    by_lines,
    invoice_of,
    missing,
    share,
)
from connector.store.changes import Change, NewDocument, note_in
from connector.store.tables import DocumentRow, OrderRow
from connector.wording import Said, course

_ZERO = Decimal(0)
_AMOUNTS = ("net", "tax", "gross")


def invoices_of(
    documents: Iterable[DocumentRow | NewDocument], moment: datetime | None = None
) -> list[Invoice]:
    """Return the invoices among documents, with the amounts that they had at a moment, or now."""
    return [
        invoice_of(
            each.number,
            each.business_unit,
            each.detail if moment is None else as_held(each.detail, moment),
        )
        for each in documents
        if each.kind == "invoice"
    ]


def missing_of(
    row: OrderRow,
    documents: Sequence[DocumentRow | NewDocument],
    moment: datetime | None = None,
) -> dict[str, Decimal | None]:
    """Return invoice application → what is not issued of it, as `connector.domain.invoicing`.

    `documents` are those of the order that are in use. Invoices count with the amounts that they
    had at `moment`, or have now.
    """
    applications = _applications(documents)
    applied = sum((each.amount or _ZERO for each in applications), _ZERO)
    relieved = _ZERO
    if row.total is not None and any(each.amount is not None for each in applications):
        relieved = max(applied - max(row.total - _refunded(row.content), _ZERO), _ZERO)
    return missing(applications, invoices_of(documents, moment), relieved)


def _applications(documents: Sequence[DocumentRow | NewDocument]) -> list[Application]:
    worth = {}
    for each in documents:
        if each.kind in ("sales_order", "amendment"):
            number = each.detail["sales_order"] if each.kind == "amendment" else each.number
            worth[str(number)] = each.detail.get("total")
    made = []
    for each in documents:
        if each.kind == "invoice_application":
            # An application of which no amount was noted is for all of its sales order.
            amount = each.detail.get("amount") or worth.get(str(each.detail.get("sales_order")))
            made.append(
                Application(
                    each.number, each.business_unit, Decimal(str(amount)) if amount else None
                )
            )
    return made


def _refunded(content: Mapping[str, Any]) -> Decimal:
    total = _ZERO
    for each in content.get("refunds") or []:
        try:
            total += abs(Decimal(str(each.get("amount") or 0)))
        except (AttributeError, InvalidOperation):
            continue
    return total


def share_merged(
    session: Session, row: OrderRow, numbers: Iterable[str], actor: str, now: datetime
) -> None:
    """Give every order its share of invoices that bear the same number and code in several.

    To be called in the transaction in which these invoices of the order `row` were noted. Orders
    whose share becomes another are told so in their story, and written back anew.
    """
    for number in numbers:
        found = [
            (document, order)
            for document, order in session.execute(
                select(DocumentRow, OrderRow)
                .join(OrderRow, OrderRow.id == DocumentRow.order_pk)
                .where(
                    DocumentRow.kind == "invoice",
                    DocumentRow.number == number,
                    OrderRow.shop == row.shop,
                )
                .order_by(OrderRow.id)
                .with_for_update(of=DocumentRow)
            )
        ]
        code = next((_code(document) for document, order in found if order.id == row.id), "")
        same = [each for each in found if _code(each[0]) == code]
        claims = [_claim(session, *each) for each in same]
        shares = share(claims) if len(same) > 1 else None
        if shares is None:
            continue
        orders = [order.number for _, order in same]
        by = course.BY_LINES() if by_lines(claims) else course.BY_APPLICATIONS()
        for (document, order), mine in zip(same, shares, strict=True):
            _note_share(session, document, order, mine, orders, by, actor, now)


def _note_share(
    session: Session,
    document: DocumentRow,
    order: OrderRow,
    mine: Share,
    orders: Sequence[str],
    by: Said,
    actor: str,
    now: datetime,
) -> None:
    detail = dict(document.detail)
    whole = detail.get("whole") or {name: detail.get(name) for name in _AMOUNTS}
    others = [each for each in orders if each != order.number]
    if detail.get("shared_with") == others:
        return
    if document.at < now:
        # Files of an earlier day have it with these.
        former = {name: detail.get(name) for name in (*_AMOUNTS, "shared_with")}
        detail["formerly"] = [*detail.get("formerly", ()), {"until": now.isoformat(), **former}]
    detail |= {
        "net": mine.net, "tax": mine.tax, "gross": mine.gross,
        "whole": whole, "shared_with": others, "first": order.number == min(orders),
    }  # fmt: skip
    if document.written_back_at is not None:
        # The storefront was told of the whole.
        detail["edition"] = int(detail.get("edition") or 1) + 1
        document.written_back_at = None
    document.detail = detail
    change = Change(
        event="merged_invoice",
        text=course.MERGED_INVOICE(
            number=document.number, whole=whole["gross"], others=others, mine=mine.gross, by=by
        ),
    )
    note_in(session, order.id, change, actor, now)


def _code(document: DocumentRow) -> str:
    return str(document.detail.get("code") or "")


def _claim(session: Session, document: DocumentRow, order: OrderRow) -> Claim:
    detail = document.detail
    whole = detail.get("whole") or detail
    net, tax, gross = (Decimal(str(whole.get(name) or 0)) for name in _AMOUNTS)
    lines = [Decimal(str(each.get("amount") or 0)) for each in detail.get("lines") or []]
    return Claim(
        order.number,
        net,
        tax,
        gross,
        _applied(session, document, order),
        sum(lines, _ZERO) if lines else None,
    )


def _applied(session: Session, document: DocumentRow, order: OrderRow) -> Decimal | None:
    documents = session.scalars(
        select(DocumentRow)
        .where(
            DocumentRow.order_pk == order.id,
            DocumentRow.kind.in_(("sales_order", "amendment", "invoice_application")),
        )
        .order_by(DocumentRow.id)
    ).all()
    applications = _applications(documents)
    for fits in (
        [each for each in applications if each.number == document.detail.get("application")],
        [each for each in applications if each.unit == document.business_unit],
    ):
        amounts = [each.amount for each in fits if each.amount is not None]
        if amounts:
            return sum(amounts, _ZERO)
    return order.total
