"""Customers in SAP: looked for, created, read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from connector.domain.matching import Candidate, normalise_phone
from connector.domain.order import Buyer
from connector.errors import InDoubt, Misconfigured, Rejected, RetryLater
from connector.mapping import MappingSet
from connector.sap.conversion import alpha
from connector.sap.port import SapSystem
from connector.sap.readtable import Condition, read
from connector.sap.returns import check

_FIND = "sap_customer_find"
_CUSTOMER_LENGTH = 10


class CustomerDesk:
    """Looks customers up and creates them, each conversation through its mapping."""

    def __init__(self, system: SapSystem, mappings: Callable[[], MappingSet]) -> None:
        self._system = system
        self._mappings = mappings

    def find(self, buyers: Sequence[Buyer]) -> list[list[Candidate]]:
        """Return the candidates of each buyer, asked for all at once. Raises RetryLater."""
        mapping = self._mappings()[_FIND]
        wanted = [self._conditions(buyer) for buyer in buyers]
        together = [condition for conditions in wanted for condition in conditions]
        found = self._read(together) if together else []
        if mapping.read_table is None:
            raise _no_table()
        names = {name: column for column, name in mapping.read_table.columns.items()}
        return [
            [
                candidate
                for candidate, row in found
                if any(_holds(row, names, condition) for condition in conditions)
            ]
            for conditions in wanted
        ]

    def find_by_code(self, code: str) -> list[Candidate]:
        """Return the customers with this tax code or ID number."""
        mapping = self._mappings()[_FIND]
        if mapping.read_table is None:
            raise _no_table()
        column = _column(mapping.read_table.columns, "code")
        return [candidate for candidate, _ in self._read([Condition(column, code)])]

    def read_back(self, number: str) -> Candidate | None:
        """Return one customer by number."""
        mapping = self._mappings()[_FIND]
        if mapping.read_table is None:
            raise _no_table()
        column = _column(mapping.read_table.columns, "number")
        found = self._read([Condition(column, alpha(number, _CUSTOMER_LENGTH))])
        return found[0][0] if found else None

    def create(self, buyer: Buyer, business_unit: Mapping[str, Any]) -> str:
        """Create a customer and return its number, read back after the commit.

        All calls of the mapping and the commit run in one session. Until the commit is sent a
        lost answer has had no effect, since SAP rolls an abandoned session back: RetryLater.
        From then on it is InDoubt.
        """
        mapping = self._mappings()[f"sap_customer_create_{buyer.kind.value}"]
        source: dict[str, Any] = {
            "buyer": asdict(buyer),
            "business_unit": dict(business_unit),
            "answers": [],
        }
        with self._system.session() as session:
            try:
                for function, request in mapping.calls:
                    answer = session.call(function, request(source).body)
                    check(answer, function)
                    source["answers"] = [*source["answers"], answer]
            except InDoubt as error:
                raise RetryLater(
                    f"{error.message}; nothing was committed", place=error.place
                ) from None
            number = str(mapping.read({"answers": source["answers"]}).values.get("number") or "")
            if not number.strip("0 "):
                raise Rejected(
                    "no-number", "SAP created no customer number", place="SAP create customer"
                )
            session.commit()
        number = alpha(number, _CUSTOMER_LENGTH)
        try:
            there = self.read_back(number)
        except RetryLater as error:
            raise InDoubt(f"not read back: {error.message}", place=error.place) from None
        if there is None:
            raise InDoubt(
                f"customer {number} was committed and is not there", place="SAP create customer"
            )
        return number

    def _conditions(self, buyer: Buyer) -> list[Condition]:
        mapping = self._mappings()[_FIND]
        source = asdict(buyer)
        values = [(column, value(source), prefix) for column, value, prefix in mapping.find_by]
        return [
            Condition(column, str(value), prefix)
            for column, value, prefix in values
            if value not in (None, "")
        ]

    def _read(self, conditions: Sequence[Condition]) -> list[tuple[Candidate, Mapping[str, str]]]:
        mapping = self._mappings()[_FIND]
        if mapping.read_table is None:
            raise _no_table()
        names = mapping.read_table.columns
        # A column that is searched must come back too, to tell whose candidate a row is.
        columns = list(dict.fromkeys([*names, *(each.column for each in conditions)]))
        found: dict[str, tuple[Candidate, Mapping[str, str]]] = {}
        for row in read(self._system, mapping.read_table.table, columns, conditions):
            values = {name: row.get(column, "") for column, name in names.items()}
            candidate = Candidate(
                number=alpha(values["number"], _CUSTOMER_LENGTH),
                name=values.get("name", "") + values.get("name_2", ""),
                code=values.get("code", ""),
                phone=values.get("phone", ""),
                street=values.get("street", ""),
                city=values.get("city", ""),
                postcode=values.get("postcode", ""),
                deleted=bool(values.get("deleted")),
                blocked=bool(values.get("blocked")),
            )
            found[candidate.number] = (candidate, row)
        return list(found.values())


def _holds(row: Mapping[str, str], names: Mapping[str, str], condition: Condition) -> bool:
    held = row.get(condition.column, "")
    if condition.column == names.get("phone"):
        return normalise_phone(held) == normalise_phone(condition.value)
    value = condition.value.strip()
    return held.startswith(value) if condition.prefix else held == value


def _column(columns: Mapping[str, str], name: str) -> str:
    for column, each in columns.items():
        if each == name:
            return column
    raise Misconfigured(
        f"no column is called {name!r}",
        place=f"mapping {_FIND}",
        remedy="name it under read_table.columns",
    )


def _no_table() -> Misconfigured:
    return Misconfigured(
        "says not where customers are looked for",
        place=f"mapping {_FIND}",
        remedy="add read_table",
    )
