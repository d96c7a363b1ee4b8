"""SAP's deliveries and billing documents, as the nightly reconciliation reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from connector.mapping import MappingSet
from connector.sap.conversion import date_of, decimal_of
from connector.sap.port import SapSystem
from connector.sap.returns import check


@dataclass(frozen=True)
class Delivery:
    """A delivery whose goods issue is posted. `reference` is what the DMS calls the shipment."""

    number: str
    reference: str
    day: date | None
    items: tuple[tuple[str, str, Decimal], ...]  # order number, part, quantity


@dataclass(frozen=True)
class Billing:
    """A billing document. `invoice` is the number of the invoice that was issued for it."""

    number: str
    order: str
    invoice: str
    day: date | None
    net: Decimal
    tax: Decimal
    cancelled: bool


class SapBooks:
    """Reads SAP's documents day by day, so that one answer is never a month's."""

    def __init__(self, system: SapSystem, mappings: Callable[[], MappingSet]) -> None:
        self._system = system
        self._mappings = mappings

    def can(self) -> bool:
        """Whether this site maps both conversations."""
        mappings = self._mappings()
        return all(
            name in mappings.names() and not mappings[name].absent
            for name in ("sap_deliveries", "sap_billing")
        )

    def deliveries(self, since: date, until: date) -> Iterator[Delivery]:
        """Give the deliveries whose goods left from `since` to `until`. Raises RetryLater."""
        for values in self._days("sap_deliveries", since, until):
            items: dict[str, list[tuple[str, str, Decimal]]] = {}
            for each in values.get("items") or []:
                quantity = decimal_of(each.get("quantity"), "SAP delivery")
                items.setdefault(str(each["number"]), []).append(
                    (_text(each.get("order")), _part(each.get("sku")), quantity)
                )
            for header in values.get("headers") or []:
                number = str(header["number"])
                yield Delivery(
                    number,
                    _text(header.get("reference")) or number,
                    date_of(header.get("day"), "SAP delivery"),
                    tuple(items.get(number, ())),
                )

    def billing(self, since: date, until: date) -> Iterator[Billing]:
        """Give the billing documents from `since` to `until`. Raises RetryLater."""
        for values in self._days("sap_billing", since, until):
            for each in values.get("documents") or []:
                number = str(each["number"])
                yield Billing(
                    number,
                    _text(each.get("order")),
                    _text(each.get("invoice")) or number,
                    date_of(each.get("day"), "SAP billing"),
                    decimal_of(each.get("net") or 0, "SAP billing"),
                    decimal_of(each.get("tax") or 0, "SAP billing"),
                    bool(_text(each.get("cancelled"))),
                )

    def _days(self, conversation: str, since: date, until: date) -> Iterator[dict[str, Any]]:
        mapping = self._mappings()[conversation]
        day = since
        while day <= until:
            source = {"days": [{"since": day, "until": day}]}
            answer = self._system.call(mapping.target.operation, mapping.apply(source).body)
            check(answer, mapping.target.operation)
            yield mapping.read(answer).values
            day += timedelta(days=1)


def _text(value: Any) -> str:
    return str(value or "").strip()


def _part(value: Any) -> str:
    # ALPHA fills numeric part numbers up with zeros; nobody else does.
    text = _text(value)
    return text.lstrip("0") if text.isdigit() else text
