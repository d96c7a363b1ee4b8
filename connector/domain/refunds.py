"""What refunds give back: of which lines, of freight and charges, and what of it no line explains.

Rule's source: workflow.md, "a refund's own amount is the truth of what was given back". Its lines
only say what for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from connector.domain.amounts import largest
from connector.domain.currency import minor_unit, rounded, slack
from connector.domain.order import Order, OrderLine, Refund, RefundedLine
from connector.domain.pricing import split
from connector.domain.reader import Reader, listed, mapping, text

_ZERO = Decimal(0)


class RefundPolicy(StrEnum):
    """What becomes of an order when no open line explains what was refunded before its release."""

    HOLD = "hold"  # finance has it booked by lines
    SPREAD = "spread"  # the open lines are worth less, in proportion


def read_refunds(
    values: Any, lines: Sequence[OrderLine], unit: Decimal, reader: Reader
) -> tuple[Refund, ...]:
    """Return the refunds that the values describe, in whole minor units of the currency."""
    numbers = {line.line_id: line for line in lines}
    refunds = []
    for number, each in enumerate(listed(values), start=1):
        refund = mapping(each)
        field = f"refunds[{number}]"
        refunds.append(
            _to_the_cent(
                Refund(
                    refund_id=text(refund.get("refund_id")) or str(number),
                    amount=rounded(
                        abs(reader.decimal(refund.get("amount"), f"{field}.amount")), unit
                    ),
                    reason=text(refund.get("reason")),
                    refunded_at=reader.time(
                        refund.get("refunded_at"), f"{field}.refunded_at", required=False
                    ),
                    **_explained(refund, field, numbers, unit, reader),
                ),
                unit,
            )
        )
    return tuple(refunds)


def _explained(
    refund: Mapping[str, Any],
    field: str,
    numbers: Mapping[str, OrderLine],
    unit: Decimal,
    reader: Reader,
) -> dict[str, Any]:
    """Return lines and freight of a refund.

    A charge given back is freight. A subsidy taken back is given back less of the refund's lines;
    where it has none, of all lines that had a share in it.
    """
    pieces = []
    for each in listed(refund.get("lines")):
        line = mapping(each)
        known = numbers.get(text(line.get("line_id")))
        quantity = abs(reader.decimal(line.get("quantity") or 0, f"{field}.lines.quantity"))
        amount = abs(_taxed(line, "amount", "tax", f"{field}.lines", reader))
        pieces.append(RefundedLine(known.number if known else 0, quantity, rounded(amount, unit)))
    freight, taken_back = _ZERO, _ZERO
    for each in listed(refund.get("freight")):
        freight += abs(_taxed(mapping(each), "total", "total_tax", f"{field}.freight", reader))
    for each in listed(refund.get("fees")):
        amount = _taxed(mapping(each), "total", "total_tax", f"{field}.fees", reader)
        freight, taken_back = freight - min(amount, _ZERO), taken_back + max(amount, _ZERO)
    return {
        "lines": _less(tuple(pieces), rounded(taken_back, unit), numbers, unit),
        "freight": rounded(freight, unit),
    }


def _taxed(value: Mapping[str, Any], net: str, tax: str, field: str, reader: Reader) -> Decimal:
    return reader.decimal(value.get(net) or 0, f"{field}.{net}") + reader.decimal(
        value.get(tax) or 0, f"{field}.{tax}"
    )


def _less(
    pieces: tuple[RefundedLine, ...],
    taken_back: Decimal,
    numbers: Mapping[str, OrderLine],
    unit: Decimal,
) -> tuple[RefundedLine, ...]:
    if not taken_back:
        return pieces
    if any(piece.number and piece.amount for piece in pieces):
        weights = [piece.amount if piece.number else _ZERO for piece in pieces]
        return tuple(
            replace(piece, amount=piece.amount - share, subsidy=share)
            for piece, share in zip(pieces, split(taken_back, weights, unit), strict=True)
        )
    shared = [line for line in numbers.values() if line.subsidy]
    shares = split(taken_back, [line.subsidy for line in shared], unit)
    return (
        *pieces,
        *(
            RefundedLine(line.number, _ZERO, -share, share)
            for line, share in zip(shared, shares, strict=True)
        ),
    )


def _to_the_cent(refund: Refund, unit: Decimal) -> Refund:
    """Carry what rounding leaves between a refund's amount and its lines to the largest of them."""
    named = [at for at, line in enumerate(refund.lines) if line.number and line.amount]
    parts = len(named) + bool(refund.freight)
    if not refund.rest or not parts or abs(refund.rest) > slack(unit, parts):
        return refund
    at = largest([refund.lines[at].amount for at in named])
    if at is None:
        return replace(refund, freight=refund.freight + refund.rest)
    lines = list(refund.lines)
    carried = lines[named[at]]
    lines[named[at]] = replace(carried, amount=carried.amount + refund.rest)
    return replace(refund, lines=tuple(lines))


def with_refunds(order: Order, refunds: Sequence[Refund]) -> Order:
    """Return the order with these refunds and no others set against its lines and freight.

    The subsidy of a line that was refunded at its full price stays with the lines that are open. A
    cent that rounding left on a refunded line goes to the largest that is still open.
    """
    quantities: dict[int, Decimal] = {}
    amounts: dict[int, Decimal] = {}
    for refund in refunds:
        for line in refund.lines:
            quantities[line.number] = quantities.get(line.number, _ZERO) + line.quantity
            amounts[line.number] = amounts.get(line.number, _ZERO) + line.amount
    made = replace(
        order,
        refunds=tuple(refunds),
        refunded_freight=sum((refund.freight for refund in refunds), _ZERO),
        lines=tuple(
            replace(
                line,
                refunded_quantity=quantities.get(line.number, _ZERO),
                refunded_amount=amounts.get(line.number, _ZERO),
            )
            for line in order.lines
        ),
    )
    made = _subsidy_stays(made) if refunds else made
    cents = made.unexplained if refunds else _ZERO
    if not cents or abs(cents) > slack(minor_unit(order.currency), len(order.lines)):
        return made
    opened = made.open_lines
    at = largest([line.open_amount for line in opened])
    return made if at is None else _given_back(made, {opened[at].number: cents})


def _subsidy_stays(order: Order) -> Order:
    more = {
        line.number: line.amount - line.refunded_amount
        for line in order.lines
        if line.open_quantity <= 0 and 0 < line.refunded_amount - line.amount <= line.subsidy
    }
    opened = order.open_lines
    if not more or not opened:
        return order
    shares = split(
        -sum(more.values(), _ZERO),
        [max(line.open_amount, _ZERO) for line in opened],
        minor_unit(order.currency),
    )
    return _given_back(
        order, more | {line.number: share for line, share in zip(opened, shares, strict=True)}
    )


def as_of(order: Order, moment: datetime) -> Order:
    """Return the order with the refunds booked until then; those without a time were first."""
    return with_refunds(
        order,
        [each for each in order.refunds if each.refunded_at is None or each.refunded_at <= moment],
    )


def spread(order: Order, until: datetime | None, unknown: Collection[str] | None = None) -> Order:
    """Return the order with what no line explains of refunds set against its open lines.

    It is split in proportion to what is open of them, in whole minor units. Where all of the money
    went back, nothing is open any more; where more did than the goods are worth, no line can bear
    it, and nothing is spread. Refunds booked after
    `until` are left as they are: their rest is open money. Where it is known, `unknown` tells which
    these are: one that was booked before the release may have been seen after it.
    """
    before = as_of(order, until) if until is not None else order
    if unknown is not None:
        before = with_refunds(
            order, [each for each in order.refunds if each.refund_id not in unknown]
        )
    opened = before.open_lines
    if not opened or not before.unexplained:
        return order
    weights = [max(line.open_amount, _ZERO) for line in opened]
    if before.refunded == before.total:
        return _whole(order, {line.number for line in opened})
    if before.unexplained > sum(weights, _ZERO):
        return order
    shares = split(before.unexplained, weights, minor_unit(order.currency))
    return _given_back(
        order, {line.number: share for line, share in zip(opened, shares, strict=True)}
    )


def _whole(order: Order, numbers: Collection[int]) -> Order:
    return replace(
        order,
        refunded_freight=order.freight,
        lines=tuple(
            replace(line, refunded_quantity=line.quantity, refunded_amount=line.amount)
            if line.number in numbers
            else line
            for line in order.lines
        ),
    )


def _given_back(order: Order, more: Mapping[int, Decimal]) -> Order:
    return order.with_lines(
        tuple(
            replace(line, refunded_amount=line.refunded_amount + more.get(line.number, _ZERO))
            for line in order.lines
        )
    )
