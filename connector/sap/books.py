"""SAP's deliveries and billing documents: of days, of an order, or changed since a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from connector.errors import Misconfigured
from connector.mapping import MappingSet
from connector.sap.answers import understood
from connector.sap.conversion import date_of, decimal_of
from connector.sap.port import SapSystem

# Amounts stand unsigned in SAP; the type of the document says which way they count.
_REDUCING = frozenset({"credit_memo"})


@dataclass(frozen=True)
class Delivery:
    """A delivery whose goods issue is posted. `reference` is what the DMS calls the shipment."""

    number: str
    reference: str
    day: date | None
    items: tuple[tuple[str, str, Decimal], ...]  # order number, part, quantity


@dataclass(frozen=True)
class Billing:
    """A billing document. `invoice` is the number of the invoice that was issued for it.

    `kind` is invoice, credit_memo or cancellation; what reduces a debt has negative amounts. Of a
    cancelled document and the one that cancels it (`cancels`), neither counts: both are
    `cancelled`.
    """

    number: str
    order: str
    invoice: str
    day: date | None
    net: Decimal
    tax: Decimal
    cancelled: bool
    kind: str = "invoice"
    cancels: str = ""


class SapBooks:
    """Reads SAP's documents. Days are asked one by one, so that one answer is never a month's."""

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
            yield from _deliveries(values)

    def deliveries_of(self, order: str) -> list[Delivery]:
        """Return the deliveries of one order, several when it left in parts."""
        return list(_deliveries(self._ask("sap_deliveries", orders=[{"number": order}])))

    def deliveries_changed(self, since: date) -> list[Delivery]:
        """Return the deliveries that were made or changed on this day or later.

        SAP dates changes by the day: ask from the day of the last window, and take what was
        taken before as known.
        """
        return list(_deliveries(self._ask("sap_deliveries", changes=[{"since": since}])))

    def billing(self, since: date, until: date) -> Iterator[Billing]:
        """Give the billing documents from `since` to `until`. Raises RetryLater."""
        for values in self._days("sap_billing", since, until):
            yield from _billings(values)

    def billing_of(self, order: str) -> list[Billing]:
        """Return the billing documents of one order, cancelled ones and credit memos included."""
        return list(_billings(self._ask("sap_billing", orders=[{"number": order}])))

    def billing_changed(self, since: date) -> list[Billing]:
        """Return the billing documents that were made or cancelled on this day or later."""
        return list(_billings(self._ask("sap_billing", changes=[{"since": since}])))

    def _days(self, conversation: str, since: date, until: date) -> Iterator[dict[str, Any]]:
        day = since
        while day <= until:
            yield self._ask(conversation, days=[{"since": day, "until": day}])
            day += timedelta(days=1)

    def _ask(self, conversation: str, **source: list[dict[str, Any]]) -> dict[str, Any]:
        mapping = self._mappings()[conversation]
        answer = self._system.call(mapping.target.operation, mapping.apply(source).body)
        reading = understood(mapping, answer)
        return reading.values if reading is not None else {}


def _deliveries(values: dict[str, Any]) -> Iterator[Delivery]:
    items: dict[str, list[tuple[str, str, Decimal]]] = {}
    for each in values.get("items") or []:
        quantity = decimal_of(each.get("quantity"), "SAP delivery")
        items.setdefault(str(each["number"]), []).append(
            (_text(each.get("order")), _part(each.get("sku")), quantity)
        )
    headers = values.get("headers") or []
    if headers and not items:
        raise Misconfigured(
            f"SAP lists {len(headers)} deliveries and no item of any",
            place="mapping sap_deliveries",
            remedy="ask for the items: BAPI_DELIVERY_GETLIST gives them only where"
            " IS_DLV_DATA_CONTROL.ITEM is X",
        )
    for header in headers:
        number = str(header["number"])
        yield Delivery(
            number,
            _text(header.get("reference")) or number,
            date_of(header.get("day"), "SAP delivery"),
            tuple(items.get(number, ())),
        )


def _billings(values: dict[str, Any]) -> Iterator[Billing]:
    for each in values.get("documents") or []:
        number, kind = str(each["number"]), _text(each.get("kind")) or "invoice"
        if kind == "pro_forma":
            # It was printed and booked nowhere.
            continue
        net = decimal_of(each.get("net") or 0, "SAP billing")
        tax = decimal_of(each.get("tax") or 0, "SAP billing")
        if kind in _REDUCING:
            net, tax = -abs(net), -abs(tax)
        yield Billing(
            number,
            _text(each.get("order")),
            # A cancellation carries the number of the invoice that it takes back.
            number if kind == "cancellation" else _text(each.get("invoice")) or number,
            date_of(each.get("day"), "SAP billing"),
            net,
            tax,
            bool(_text(each.get("cancelled"))) or kind == "cancellation",
            kind,
            _text(each.get("cancels")),
        )


def _text(value: Any) -> str:
    return str(value or "").strip()


def _part(value: Any) -> str:
    # ALPHA fills numeric part numbers up with zeros; nobody else does.
    text = _text(value)
    return text.lstrip("0") if text.isdigit() else text
