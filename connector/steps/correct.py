"""Writes a buyer's data into the SAP record that a person says is theirs (rule A, on request)."""

from __future__ import annotations

import hashlib
from dataclasses import asdict

import structlog

from connector.domain.lifecycle import HoldCause
from connector.domain.masking import mask_text
from connector.domain.matching import Agreement, Candidate, weigh
from connector.domain.order import Buyer, Order
from connector.errors import ConnectorError, Rejected
from connector.steps.context import Context, buyer_key
from connector.steps.outbound import Ask, Document
from connector.store.calls import WITHDRAWN, Call, CallState
from connector.store.tables import CallRow, OrderRow
from connector.store.types import dumps
from connector.wording import systems

_log = structlog.get_logger(__name__)

CORRECT = "correct_customer"


def usable(record: Candidate | None, number: str) -> Candidate:
    """Return a customer that a buyer may be. Raises Rejected for any other."""
    if record is None:
        raise Rejected(
            "",
            systems.NO_SUCH_CUSTOMER(number=number),
            remedy=systems.SEE_CANDIDATES(),
        )
    if record.deleted or record.blocked:
        state = systems.FOR_DELETION() if record.deleted else systems.IS_BLOCKED()
        raise Rejected(
            "",
            systems.CUSTOMER_UNUSABLE(number=record.number, state=state),
            remedy=systems.RELEASE_IT(),
        )
    return record


def correct(context: Context, row: OrderRow, order: Order, record: Candidate) -> bool:
    """Correct a record by the buyer's data; whether there was anything to correct.

    Errors are those of `Outbound.perform`. A lost answer is asked about by reading the record.
    """
    if agrees(order.buyer, record):
        return False
    desk, unit = context.sap_customers, asdict(context.business_units[order.business_units[0]])
    context.outbound.perform(
        _call(context, row, order.buyer, record.number),
        send=lambda: Document(desk.correct(record.number, order.buyer, unit).number, {}),
        ask=_asker(context, order.buyer, record.number),
    )
    return True


def _asker(context: Context, buyer: Buyer, number: str) -> Ask:
    def ask() -> Document | None:
        there = context.sap_customers.read_back(number)
        return Document(number, {}) if there and agrees(buyer, there) else None

    return ask


def settle_given_up(context: Context) -> None:
    """Bring the corrections to an end whose buyer was settled without them.

    One whose answer was lost is asked about by reading the record; what is provably absent, or was
    never sent, is withdrawn. While its order waits for the sales rep, it may still be wished for.
    """
    for call in context.calls.open_of(CORRECT):
        row = context.orders.get(call.order_pk or 0)
        if row.hold_cause == HoldCause.CUSTOMER_REVIEW:
            continue
        with structlog.contextvars.bound_contextvars(order=row.number, call=call.id):
            try:
                settle(context, row, call)
            except ConnectorError as error:
                # What cannot be asked about now is asked about with the next look.
                _log.info("correction not settled", error=mask_text(str(error)))


def settle(context: Context, row: OrderRow, call: CallRow) -> None:
    """Settle one correction that was given up. Raises as `Outbound.outcome` does."""
    ask = _asker(context, context.read(row).buyer, call.reference)
    if context.outbound.outcome(call, ask) is None:
        context.calls.give_up(context.calls.by_key(call.key), systems.NOT_WANTED(), context.clock())


def withdraw(context: Context, buyer: Buyer) -> None:
    """Give up corrections by this buyer that had no effect: the buyer is settled without them."""
    context.calls.withdraw(CORRECT, buyer_key(buyer), systems.NOT_WANTED(), context.clock())


def agrees(buyer: Buyer, record: Candidate) -> bool:
    """Whether a record says of the buyer what a correction would write."""
    evidence = weigh(buyer, record)
    return (
        evidence.code is Agreement.EQUAL
        and evidence.name is Agreement.EQUAL
        and evidence.phone in (Agreement.EQUAL, Agreement.ABSENT)
    )


def _call(context: Context, row: OrderRow, buyer: Buyer, number: str) -> Call:
    content = hashlib.sha256(dumps(asdict(buyer)).encode()).hexdigest()[:12]
    revision = 1
    while True:
        call = Call(
            system="sap",
            operation=CORRECT,
            subject=buyer_key(buyer),
            part=f"{number}/{content}",
            reference=number,
            request={"number": number, "buyer": asdict(buyer)},
            revision=revision,
            order_pk=row.id,
            mapping_version=context.mappings().version,
        )
        known = context.calls.find(call.key)
        ended = known is not None and (
            known.state == CallState.CONFIRMED or known.code == WITHDRAWN
        )
        if not ended:
            return call
        # It was corrected so before, and somebody has changed the record since; or it was begun
        # and a person decided otherwise.
        revision += 1
