"""Step: who is the buyer in SAP (workflow.md, step 2)? Known, to be settled, or new."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import Any

from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.masking import mask_name
from connector.domain.matching import Candidate, Decision, Verdict, decide, is_another
from connector.domain.order import Buyer, Order
from connector.errors import ConnectorError, MappingFailed, Rejected, RetryLater, UnreadableOrder
from connector.sap.readtable import TOO_MANY
from connector.steps.context import Context, buyer_key
from connector.steps.foreseen import wrong_with_customer, wrong_with_documents
from connector.steps.outbound import Document, numbers_given
from connector.steps.validate import hold_for
from connector.store.calls import Call, CallState
from connector.store.changes import Change, Hold
from connector.store.tables import CallRow, OrderRow
from connector.wording import Said, course, problems, quoted, systems, together

CREATE = "create_customer"
# The time over which the customers are counted that were created.
WITHIN = timedelta(hours=1)
# Buyers in one look-up; one question to SAP holds the conditions of about eight.
_CHUNK = 8


# What a look-up for many orders brought for one of them, or why it brought nothing.
Found = Sequence[Candidate] | ConnectorError


def look_up(
    context: Context, rows: Sequence[OrderRow], each: Callable[..., Iterable[Any]] = map
) -> dict[int, Found]:
    """Look the buyers of many valid orders up at once; return what each order gets, by its key.

    `each` is `map`, or that of a pool. A buyer of several orders is looked up once, one whose
    customer is settled not at all.
    """
    buyers = {}
    for row in rows:
        try:
            buyers[row.id] = context.read(row).buyer
        except (ValueError, UnreadableOrder):
            # One order that cannot be read concerns nobody else: its own step says what is wrong.
            continue
    settled = context.customers.known({buyer_key(buyer) for buyer in buyers.values()})
    wanted = [buyer for buyer in dict.fromkeys(buyers.values()) if buyer_key(buyer) not in settled]
    chunks = [wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK)]
    found: dict[Buyer, Found] = {}
    for chunk, answers in zip(chunks, each(lambda c: _asked(context, c), chunks), strict=True):
        found |= dict(zip(chunk, answers, strict=True))
    return {pk: found[buyer] for pk, buyer in buyers.items() if buyer in found}


def _asked(context: Context, buyers: Sequence[Buyer]) -> Sequence[Found]:
    try:
        return context.sap_customers.find(buyers)
    except (Rejected, MappingFailed) as error:
        if len(buyers) == 1:
            return [error]
        # One buyer that SAP or a mapping does not take concerns nobody else.
        return [found for buyer in buyers for found in _asked(context, [buyer])]
    except ConnectorError as error:
        return [error] * len(buyers)


def recognise(context: Context, row: OrderRow, found: Found | None = None) -> Change:
    """Find the buyer's customer number, hold for the sales rep, or create the customer once.

    `found` is what a look-up for many orders brought; by default SAP is asked here.
    """
    order = context.read(row)
    wrong = wrong_with_documents(context, row, order)
    key = buyer_key(order.buyer)
    bound = context.customers.get(key)
    if bound is not None:
        return (
            hold_for(wrong)
            if wrong
            else _recognised(
                context,
                bound.number,
                course.KNOWN_CUSTOMER(number=bound.number, how=_how(bound.how)),
            )
        )
    planned = creation(context, row, order)
    call = context.calls.find(planned.key)
    if call is not None and call.state != CallState.PENDING:
        # A creation is under way or was made: its outcome comes before any new look.
        return (
            hold_for(wrong) if wrong and call.order_pk != row.id else _create(context, row, order)
        )
    try:
        if isinstance(found, ConnectorError):
            raise found
        decision = None if found is None else decide(order.buyer, found)
        if decision is None or decision.verdict is Verdict.NEW:
            # Before somebody is created, SAP is asked at this very moment.
            found = context.sap_customers.find([order.buyer])[0]
            decision = decide(order.buyer, found)
    except Rejected as error:
        if error.code != TOO_MANY:
            raise
        # Whoever it is stands among more records than were read: a person looks.
        return _for_review(context, row, order, Decision(Verdict.REVIEW, None, error.said, ()))
    recognised = decision.verdict is Verdict.RECOGNISED and bool(decision.number and found)
    if not recognised and (decision.verdict is Verdict.NEW or call is not None):
        wrong += wrong_with_customer(context, order)
    if wrong:
        return hold_for(wrong)
    if decision.verdict is Verdict.RECOGNISED and decision.number is not None and found:
        if call is not None:
            # Somebody made the record meanwhile: it is not to be created any more.
            number, answer = decision.number, {"linked_by": "connector"}
            if context.calls.spare(planned, number, answer, context.clock()).document != number:
                return _create(context, row, order, decision)
        context.sap_customers.remember(order.buyer, found)
        return _recognised(
            context,
            decision.number,
            course.CUSTOMER_RECOGNISED(number=decision.number, reason=decision.reason),
            {"decision": _shown(decision)},
        )
    if decision.verdict is Verdict.NEW or call is not None:
        # That there are candidates does not matter where a creation was decided before.
        return _create(context, row, order, decision)
    return _for_review(context, row, order, decision)


def _for_review(context: Context, row: OrderRow, order: Order, decision: Decision) -> Change:
    return Change(
        event="held",
        text=decision.reason,
        hold=Hold(
            HoldCause.CUSTOMER_REVIEW,
            tuple(_review_reasons(order.buyer, decision, row.number)),
            {"decision": _shown(decision)},
        ),
        next_try_at=context.clock() + context.policy.review_again,
    )


def create_customer(context: Context, row: OrderRow) -> Change:
    """Create the customer although there are candidates: the sales rep said that it is new."""
    order = context.read(row)
    wrong = wrong_with_documents(context, row, order) + wrong_with_customer(context, order)
    return hold_for(wrong) if wrong else _create(context, row, order)


def _create(
    context: Context, row: OrderRow, order: Order, decision: Decision | None = None
) -> Change:
    unit = context.business_units[order.business_units[0]]
    desk, call = context.sap_customers, creation(context, row, order)

    def send() -> Document:
        # Once more, now that the call is recorded: another process may have taken the last place.
        _bounded(context, before=context.calls.by_key(call.key))
        given = partial(context.outbound.given, call)
        return Document(desk.create(order.buyer, asdict(unit), call.reference, given), {})

    known = context.calls.find(call.key)
    if known is None or known.state == CallState.PENDING:
        _bounded(context)
    document = context.outbound.perform(
        call, send=send, ask=lambda: _created(context, order.buyer, call)
    )
    number = document.number
    if "linked_by" in document.answer:
        # Somebody said meanwhile who the buyer is: nobody was created.
        actor = str(document.answer["linked_by"])
        context.customers.bind(buyer_key(order.buyer), number, "linked", actor, context.clock())
        return _recognised(
            context, number, course.KNOWN_CUSTOMER(number=number, how=_how("linked"))
        )
    cuts = desk.cuts(order.buyer, asdict(unit))
    context.customers.bind(buyer_key(order.buyer), number, "created", "connector", context.clock())
    reason = decision.reason if decision else course.AS_THE_REP_SAID()
    text = course.CUSTOMER_CREATED(number=number, reason=reason)
    detail: dict[str, Any] = {"decision": _shown(decision)} if decision else {}
    if cuts:
        text = together([text, *cuts])
        detail["cut"] = cuts
    return _recognised(context, number, text, detail)


def _bounded(context: Context, before: CallRow | None = None) -> None:
    """Raise RetryLater where no more customers may be created now, whatever asks for them."""
    limit, now = context.policy.creations, context.clock()
    sent, first = context.calls.sent_since(CREATE, now - WITHIN, before)
    if sent >= limit and first is not None:
        free_at = first + WITHIN
        raise RetryLater(
            systems.TOO_MANY_CREATIONS(limit=limit, at=f"{free_at:%H:%M}"),
            place="SAP create customer",
            after=min(
                max(free_at - now, timedelta(seconds=1)), context.policy.retry_most
            ).total_seconds(),
        )


def _created(context: Context, buyer: Buyer, call: Call) -> Document | None:
    """Return the customer that a creation made: by its reference, and by each number given."""
    desk = context.sap_customers
    found = desk.find_created(buyer, call.reference)
    if not found:
        numbers = numbers_given(context.calls.by_key(call.key))
        found = [each for number in numbers if (each := desk.read_back(number)) is not None]
    there = [each for each in found if not each.deleted and not is_another(buyer, each)]
    return Document(there[0].number, {}) if there else None


def creation(context: Context, row: OrderRow, order: Order) -> Call:
    """Return the call by which the buyer of an order is created in SAP, one for all their orders.

    Whoever says who the buyer is takes its key too, so that the two exclude each other.
    """
    key = buyer_key(order.buyer)
    unit = context.business_units[order.business_units[0]]
    return Call(
        system="sap",
        operation=CREATE,
        subject=key,
        reference=key,
        request={"buyer": asdict(order.buyer), "business_unit": asdict(unit)},
        order_pk=row.id,
        mapping_version=context.mappings().version,
    )


def _recognised(
    context: Context, number: str, text: Said, detail: dict[str, Any] | None = None
) -> Change:
    return Change(
        event="recognised",
        text=text,
        detail=detail or {},
        stage=Stage.RECOGNISED,
        values={"customer_number": number},
        next_try_at=context.clock(),
    )


def _review_reasons(buyer: Buyer, decision: Decision, number: str) -> list[Said]:
    reasons = [problems.BUYER(name=mask_name(buyer.name), reason=decision.reason)]
    reasons += [
        problems.CANDIDATE(number=weighed.candidate.number, evidence=weighed.summary)
        for weighed in decision.ranked[:5]
    ]
    return [*reasons, problems.SETTLE_CUSTOMER(number=number)]


def _how(how: str) -> Said:
    known = {"created": course.HOW_CREATED(), "linked": course.HOW_LINKED()}
    return known.get(how) or quoted(how)


def _shown(decision: Decision) -> dict[str, Any]:
    return {
        "verdict": decision.verdict.value,
        "reason": decision.reason,
        "candidates": [
            {"number": weighed.candidate.number, "evidence": weighed.summary}
            for weighed in decision.ranked[:5]
        ],
    }
