"""Stock in SAP: what can be promised of a part (ATP)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from connector.domain.allocation import Availability
from connector.errors import Rejected
from connector.mapping import MappingSet
from connector.sap.answers import understood
from connector.sap.conversion import decimal_of
from connector.sap.port import SapSystem
from connector.wording import systems


class StockDesk:
    """Asks SAP for stock."""

    def __init__(self, system: SapSystem, mappings: Callable[[], MappingSet]) -> None:
        self._system = system
        self._mappings = mappings

    def available(self, *, plant: str, material: str, unit: str) -> Decimal:
        """Return the available quantity of a part in a plant, in that unit. Errors as `ask`."""
        return self.ask(plant=plant, material=material, unit=unit).free

    def ask(self, *, plant: str, material: str, unit: str) -> Availability:
        """Return what can be promised of a part in a plant.

        Raises Rejected when SAP does not know the part, RetryLater, Misconfigured.
        """
        mapping = self._mappings()["sap_stock"]
        source = {"plant": plant, "material": material, "unit": unit}
        answer = self._system.call(mapping.target.operation, mapping.apply(source).body)
        reading = understood(mapping, answer, source)
        if reading is None:
            raise Rejected("absent", systems.NO_QUANTITY(material=material), place="SAP stock")
        values = reading.values
        if values.get("available") in (None, ""):
            raise Rejected("no-quantity", systems.NO_QUANTITY(material=material), place="SAP stock")
        place = f"SAP {mapping.target.operation}"
        pieces, minimum, multiple = (
            decimal_of(values.get(name) or default, place)
            for name, default in (("pieces", 1), ("minimum", 0), ("multiple", 0))
        )
        return Availability(decimal_of(values["available"], place) * pieces, minimum, multiple)
