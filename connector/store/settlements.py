"""Closed settlements: kept as they were, never changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from connector.domain.settlement import Entry, EntryKind, Statement, Terms
from connector.store.database import Database
from connector.store.tables import (
    DifferenceRow,
    OrderRow,
    SettlementEntryRow,
    SettlementRow,
)

_SOLVED = "solved"
_PAGE = 500


@dataclass(frozen=True)
class OpenDifference:
    """A difference that is carried over: not part of what is due until it is settled."""

    number: str
    kind: str
    amount: Decimal
    currency: str = ""


class Settlements:
    """Reads and closes settlements."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def closed(self, unit: str, month: str) -> tuple[Statement, SettlementRow] | None:
        """Return a closed settlement as it was closed."""
        with self._database.reading() as session:
            row = session.scalar(
                select(SettlementRow).where(
                    SettlementRow.business_unit == unit, SettlementRow.month == month
                )
            )
            if row is None:
                return None
        return Statement(unit, month, _Closed(self._database, row.id), _terms(row.terms)), row

    def last(self, unit: str) -> SettlementRow | None:
        """Return the newest closed settlement of a unit."""
        with self._database.reading() as session:
            return session.scalar(
                select(SettlementRow)
                .where(SettlementRow.business_unit == unit)
                .order_by(SettlementRow.month.desc())
                .limit(1)
            )

    def listed(self) -> list[SettlementRow]:
        """Return closed settlements by unit and month."""
        query = select(SettlementRow).order_by(SettlementRow.business_unit, SettlementRow.month)
        with self._database.reading() as session:
            return list(session.scalars(query))

    def accounted(
        self, unit: str, numbers: Sequence[str]
    ) -> Mapping[tuple[str, str, str], Decimal]:
        """Return by (kind, reference, currency) what closed months hold of these orders."""
        found: dict[tuple[str, str, str], Decimal] = {}
        with self._database.reading() as session:
            for begin in range(0, len(numbers), 500):
                query = (
                    select(
                        SettlementEntryRow.kind,
                        SettlementEntryRow.reference,
                        SettlementEntryRow.currency,
                        func.sum(SettlementEntryRow.amount),
                    )
                    .join(SettlementRow, SettlementRow.id == SettlementEntryRow.settlement_id)
                    .where(
                        SettlementRow.business_unit == unit,
                        SettlementEntryRow.order_number.in_(numbers[begin : begin + 500]),
                    )
                    .group_by(
                        SettlementEntryRow.kind,
                        SettlementEntryRow.reference,
                        SettlementEntryRow.currency,
                    )
                )
                for kind, reference, currency, amount in session.execute(query):
                    found[kind, reference, currency] = amount
        return found

    def open_differences(self, shop: str, unit: str, until: datetime) -> Iterator[OpenDifference]:
        """Give the differences of a unit's orders placed until then that are not solved."""
        query = (
            select(DifferenceRow.number, DifferenceRow.kind, DifferenceRow.amount, OrderRow)
            .join(
                OrderRow,
                (OrderRow.shop == DifferenceRow.shop) & (OrderRow.number == DifferenceRow.number),
            )
            .where(
                DifferenceRow.shop == shop,
                DifferenceRow.state != _SOLVED,
                OrderRow.placed_at <= until,
            )
            .order_by(DifferenceRow.number, DifferenceRow.id)
        )
        with self._database.reading() as session:
            for number, kind, amount, row in session.execute(query).yield_per(500):
                if unit in row.business_units.split(","):
                    yield OpenDifference(number, kind, amount, row.currency)

    def close(
        self, statement: Statement, figures: Mapping[str, Any], actor: str, now: datetime
    ) -> bool:
        """Close a month for good; false when it was closed already, also just now by another."""
        try:
            with self._database.transaction() as session:
                row = SettlementRow(
                    business_unit=statement.unit,
                    month=statement.month,
                    closed_at=now,
                    closed_by=actor,
                    terms=asdict(statement.terms),
                    figures=dict(figures),
                )
                session.add(row)
                session.flush()
                rows = (
                    {
                        "settlement_id": row.id,
                        "kind": each.kind.value,
                        "reference": each.reference,
                        "order_number": each.order_number,
                        "origin": each.origin,
                        "amount": each.amount,
                        "currency": each.currency,
                    }
                    for each in statement.entries
                )
                while some := list(islice(rows, _PAGE)):
                    session.execute(insert(SettlementEntryRow), some)
        except IntegrityError:
            return False
        return True


class _Closed(Collection[Entry]):
    """The entries of a closed settlement, read anew each time, page by page."""

    def __init__(self, database: Database, settlement: int) -> None:
        self._database = database
        self._of = SettlementEntryRow.settlement_id == settlement

    def __len__(self) -> int:
        with self._database.reading() as session:
            return session.scalar(select(func.count()).where(self._of)) or 0

    def __contains__(self, entry: object) -> bool:
        return any(entry == each for each in self)

    def __iter__(self) -> Iterator[Entry]:
        query = select(SettlementEntryRow).where(self._of).order_by(SettlementEntryRow.id)
        last = 0
        while True:
            with self._database.reading() as session:
                page = list(session.scalars(query.where(SettlementEntryRow.id > last).limit(_PAGE)))
            for row in page:
                yield Entry(
                    EntryKind(row.kind),
                    row.reference,
                    row.order_number,
                    row.origin,
                    row.amount,
                    row.currency,
                )
            if len(page) < _PAGE:
                return
            last = page[-1].id


def _terms(values: Mapping[str, Any]) -> Terms:
    return Terms(
        fee_percent=Decimal(str(values["fee_percent"])),
        monthly_fee=Decimal(str(values["monthly_fee"])),
        freight_to_unit=bool(values["freight_to_unit"]),
        subsidy_to_unit=bool(values["subsidy_to_unit"]),
    )
