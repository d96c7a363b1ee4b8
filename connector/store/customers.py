"""Which SAP customer a buyer is, where the connector or a person settled it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from connector.store.database import Database
from connector.store.tables import CustomerRow

_PAGE = 500


class Customers:
    """Bindings of buyers to SAP customers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, buyer_key: str) -> CustomerRow | None:
        """Return the binding of a buyer, if there is one."""
        with self._database.reading() as session:
            return session.get(CustomerRow, buyer_key)

    def known(self, buyer_keys: Collection[str]) -> set[str]:
        """Return those of the buyers that have a binding."""
        keys = sorted(buyer_keys)
        found: set[str] = set()
        with self._database.reading() as session:
            for start in range(0, len(keys), _PAGE):
                page = CustomerRow.buyer_key.in_(keys[start : start + _PAGE])
                found |= set(session.scalars(select(CustomerRow.buyer_key).where(page)))
        return found

    def bind(self, buyer_key: str, number: str, how: str, actor: str, now: datetime) -> None:
        """Note that a buyer is this customer. A later word replaces an earlier one."""
        try:
            with self._database.transaction() as session:
                session.merge(
                    CustomerRow(buyer_key=buyer_key, number=number, how=how, actor=actor, at=now)
                )
        except IntegrityError:
            # Another process bound the same buyer in the same moment; ours is the later word.
            with self._database.transaction() as session:
                session.merge(
                    CustomerRow(buyer_key=buyer_key, number=number, how=how, actor=actor, at=now)
                )
