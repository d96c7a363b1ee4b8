"""The sales rep's sheet: buyers to be settled with their candidates, and what comes back of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog

from connector.domain.document_number import document_number
from connector.domain.lifecycle import HoldCause
from connector.domain.matching import decide
from connector.domain.order import Buyer, Order
from connector.errors import ConnectorError, RetryLater
from connector.extracts.review import CREATE, LINK, Answer, Offer, Question
from connector.steps.context import Context, buyer_key
from connector.steps.correct import usable
from connector.steps.repair import link_customer, new_customer
from connector.store.tables import OrderRow
from connector.wording import Said, sheets, terms, together

_log = structlog.get_logger(__name__)

_MOST = 100_000
_OFFERS = 5


@dataclass(frozen=True)
class Taken:
    """What became of one row of a sheet; `wrong` says why nothing did."""

    row: int
    order: str
    done: Said | None = None
    wrong: Said | None = None


def questions(context: Context) -> list[Question]:
    """Return one question for each buyer who waits, with the candidates that SAP has now."""
    waiting = _by_buyer(context)
    buyers = [order.buyer for order, _ in waiting.values()]
    found = context.sap_customers.find(buyers) if buyers else []
    asked = []
    for (order, rows), candidates in zip(waiting.values(), found, strict=True):
        decision = decide(order.buyer, candidates)
        offers = [
            Offer(weighed.candidate, weighed.summary, weighed.likeness)
            for weighed in decision.ranked[:_OFFERS]
        ]
        numbers = [row.number for row in rows]
        asked.append(
            Question(numbers, order.buyer, fingerprint(order.buyer), decision.reason, offers)
        )
    return asked


def waiting_mark(context: Context) -> str:
    """Return a mark of which buyers wait for the sales rep; empty where nobody does."""
    waiting = sorted(_by_buyer(context))
    return hashlib.sha256("|".join(waiting).encode()).hexdigest()[:8] if waiting else ""


def take_answers(
    context: Context,
    answers: Sequence[Answer],
    actor: str,
    reason: str = "",
    *,
    dry_run: bool = False,
) -> Iterator[Taken]:
    """Check each row, do what the good ones say, and give what became of each."""
    waiting = _by_buyer(context)
    by_order = {row.number: (order, row) for order, rows in waiting.values() for row in rows}
    contradicted = _contradicted(answers)
    for answer in answers:
        if not answer.decision:
            yield Taken(answer.row, answer.order, done=sheets.LEFT_OPEN())
            continue
        if answer.order not in by_order and _linked_already(context, answer):
            yield Taken(answer.row, answer.order, done=sheets.LINKED_ALREADY())
            continue
        wrong = _wrong(answer, by_order) or (
            sheets.CONTRADICTED() if answer.fingerprint in contradicted else None
        )
        if wrong:
            yield Taken(answer.row, answer.order, wrong=wrong)
            continue
        _, row = by_order[answer.order]
        try:
            done = _act(context, answer, row, (actor, reason), dry_run)
        except RetryLater:
            # SAP is away: it would be for the next row too.
            raise
        except ConnectorError as error:
            yield Taken(answer.row, answer.order, wrong=error.said)
        else:
            yield Taken(answer.row, answer.order, done=done)


def fingerprint(buyer: Buyer) -> str:
    """Return a mark of who the buyer is: what the rep decided by another one is void."""
    return hashlib.sha256(f"{buyer_key(buyer)}|{buyer.name}".encode()).hexdigest()[:12]


def _wrong(answer: Answer, by_order: dict[str, tuple[Order, OrderRow]]) -> Said | None:
    if answer.formulas:
        return sheets.FORMULA(column=answer.formulas)
    if answer.decision not in (LINK, CREATE):
        return sheets.NO_DECISION(decision=repr(answer.decision))
    number = answer.customer
    if answer.decision == LINK and not (
        document_number(number) and number.isascii() and number.isalnum()
    ):
        return sheets.NUMBER_MISSING()
    if answer.decision == CREATE and answer.customer:
        return sheets.NUMBER_NOT_MEANT()
    known = by_order.get(answer.order)
    if known is None:
        return sheets.NOT_WAITING()
    if answer.fingerprint != fingerprint(known[0].buyer):
        return sheets.BUYER_CHANGED()
    return None


def _linked_already(context: Context, answer: Answer) -> bool:
    """Whether a row asks for what is done: a sheet may be read twice."""
    row = context.orders.by_number(answer.order, context.shop)
    return (
        row is not None
        and answer.decision == LINK
        and bool(answer.customer)
        and (row.customer_number or "").lstrip("0") == answer.customer.lstrip("0")
    )


def _act(
    context: Context, answer: Answer, row: OrderRow, who: tuple[str, str], dry_run: bool
) -> Said:
    current = context.orders.get(row.id)
    if current.hold_cause != HoldCause.CUSTOMER_REVIEW:
        return sheets.SETTLED_ALREADY(stage=terms.term("stage", current.stage))
    if answer.decision == LINK:
        record = context.sap_customers.read_back(answer.customer)
        number = usable(record, answer.customer).number
        if dry_run:
            return sheets.WOULD_LINK(number=number)
        moved = link_customer(context, current, number, *who)
    else:
        if dry_run:
            return sheets.WOULD_CREATE()
        moved = new_customer(context, current, *who)
    return together(
        [sheets.NOW_AT(number=e.number, stage=terms.term("stage", e.stage)) for e in moved]
    )


def _contradicted(answers: Sequence[Answer]) -> set[str]:
    said: dict[str, set[tuple[str, str]]] = {}
    for answer in answers:
        if answer.decision:
            meant = (answer.decision, answer.customer.lstrip("0"))
            said.setdefault(answer.fingerprint, set()).add(meant)
    return {mark for mark, decisions in said.items() if len(decisions) > 1}


def _by_buyer(context: Context) -> dict[str, tuple[Order, list[OrderRow]]]:
    waiting: dict[str, tuple[Order, list[OrderRow]]] = {}
    rows = context.orders.listed(hold=HoldCause.CUSTOMER_REVIEW, limit=_MOST)
    # The oldest order stands for its buyer, in whatever sequence the shop gave them.
    for row in sorted(rows, key=lambda each: (each.placed_at, each.number)):
        if row.unreadable:
            _log.error("stored order cannot be read", order=row.number)
            continue
        order = context.read(row)
        waiting.setdefault(fingerprint(order.buyer), (order, []))[1].append(row)
    return waiting
