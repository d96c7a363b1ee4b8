"""Step: who is the buyer in SAP (workflow.md, step 2)? Known, to be settled, or new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from connector.domain.lifecycle import HoldCause, Stage
from connector.domain.masking import mask_name
from connector.domain.matching import Candidate, Decision, Verdict, decide
from connector.domain.order import Buyer, Order
from connector.steps.context import Context, buyer_key
from connector.steps.outbound import Document
from connector.store.calls import Call
from connector.store.orders import Change, Hold
from connector.store.tables import OrderRow

CREATE = "create_customer"


def recognise(
    context: Context, row: OrderRow, candidates: Sequence[Candidate] | None = None
) -> Change:
    """Find the buyer's customer number, hold for the sales rep, or create the customer once.

    `candidates` are those of a look-up made for many orders at once; by default SAP is asked.
    """
    order = context.read(row)
    key = buyer_key(order.buyer)
    bound = context.customers.get(key)
    if bound is not None:
        return _recognised(context, bound.number, f"customer {bound.number} ({bound.how})")
    call = context.calls.find(_call(context, row, order).key)
    if call is not None:
        # A creation is under way or was made: its outcome comes before any new look.
        return _create(context, row, order)
    if candidates is None:
        candidates = context.sap_customers.find([order.buyer])[0]
    decision = decide(order.buyer, candidates)
    if decision.verdict is Verdict.RECOGNISED and decision.number is not None:
        return _recognised(
            context,
            decision.number,
            f"customer {decision.number} recognised: {decision.reason}",
            {"decision": _shown(decision)},
        )
    if decision.verdict is Verdict.NEW:
        return _create(context, row, order, decision)
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
    return _create(context, row, context.read(row))


def _create(
    context: Context, row: OrderRow, order: Order, decision: Decision | None = None
) -> Change:
    unit = context.business_units[order.business_units[0]]
    number = context.outbound.perform(
        _call(context, row, order),
        send=lambda: Document(context.sap_customers.create(order.buyer, asdict(unit)), {}),
        ask=lambda: _created(context, order.buyer),
    ).number
    context.customers.bind(buyer_key(order.buyer), number, "created", "connector", context.clock())
    return _recognised(
        context,
        number,
        f"customer {number} created: {decision.reason if decision else 'as the sales rep said'}",
        {"decision": _shown(decision)} if decision else {},
    )


def _created(context: Context, buyer: Buyer) -> Document | None:
    found = [
        candidate
        for candidate in context.sap_customers.find_by_code(buyer.code)
        if not candidate.deleted
    ]
    return Document(found[0].number, {}) if found else None


def _call(context: Context, row: OrderRow, order: Order) -> Call:
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
    context: Context, number: str, text: str, detail: dict[str, Any] | None = None
) -> Change:
    return Change(
        event="recognised",
        text=text,
        detail=detail or {},
        stage=Stage.RECOGNISED,
        values={"customer_number": number},
        next_try_at=context.clock(),
    )


def _review_reasons(buyer: Buyer, decision: Decision, number: str) -> list[str]:
    reasons = [f"{mask_name(buyer.name)}: {decision.reason}"]
    reasons += [
        f"candidate {weighed.candidate.number}: {weighed.summary}"
        for weighed in decision.ranked[:5]
    ]
    reasons.append(
        f"correct the record in SAP (it is then recognised by itself), or"
        f" `connector customers link {number} CUSTOMER`, or"
        f" `connector customers create {number}`"
    )
    return reasons


def _shown(decision: Decision) -> dict[str, Any]:
    return {
        "verdict": decision.verdict.value,
        "reason": decision.reason,
        "candidates": [
            {"number": weighed.candidate.number, "evidence": weighed.summary}
            for weighed in decision.ranked[:5]
        ],
    }
