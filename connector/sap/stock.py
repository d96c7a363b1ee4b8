"""Stock in SAP: what can be promised of a part (ATP)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from connector.domain.allocation import Availability
from connector.errors import Rejected
from connector.mapping import MappingSet
from connector.sap.answers import understood
from connector.sap.conversion import date_of, decimal_of
from connector.sap.port import SapSystem
from connector.wording import systems


class StockDesk:
    """Asks SAP for stock."""

    def __init__(
        self,
        system: SapSystem,
        mappings: Callable[[], MappingSet],
        today: Callable[[], date] = date.today,
    ) -> None:
        self._system = system
        self._mappings = mappings
        self._today = today

    def available(self, *, plant: str, material: str, unit: str) -> Decimal:
        """Return the available quantity of a part in a plant, in that unit. Errors as `ask`."""
        return self.ask(plant=plant, material=material, unit=unit).free

    def ask(self, *, plant: str, material: str, unit: str) -> Availability:
        """Return what can be promised of a part in a plant.

        Raises Rejected when SAP does not know the part, RetryLater, Misconfigured.
        """
        mapping = self._mappings()["sap_stock"]
        today = self._today()
        source = {"plant": plant, "material": material, "unit": unit, "day": today}
        answer = self._system.call(mapping.target.operation, mapping.apply(source).body)
        reading = understood(mapping, answer, source)
        if reading is None:
            raise Rejected("absent", systems.NO_QUANTITY(material=material), place="SAP stock")
        values = reading.values
        place = f"SAP {mapping.target.operation}"
        if any(each.field == "confirmed" for each in mapping.spec.answer.fields):
            values["available"] = _by(today, values.get("confirmed") or [], place)
        if values.get("available") in (None, ""):
            raise Rejected("no-quantity", systems.NO_QUANTITY(material=material), place="SAP stock")
        pieces, minimum, multiple = (
            decimal_of(values.get(name) or default, place)
            for name, default in (("pieces", 1), ("minimum", 0), ("multiple", 0))
        )
        return Availability(decimal_of(values["available"], place) * pieces, minimum, multiple)


def _by(day: date, confirmed: Sequence[Mapping[str, Any]], place: str) -> Decimal:
    """Return what the check confirms for this day; what comes later is no stock of today."""
    quantity = Decimal(0)
    for each in confirmed:
        at = date_of(each.get("day"), place)
        if at is None or at <= day:
            quantity += decimal_of(each["quantity"], place)
    return quantity
