"""Stock in SAP: what can be promised of a part (ATP)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from connector.errors import Rejected
from connector.mapping import MappingSet
from connector.sap.conversion import decimal_of
from connector.sap.port import SapSystem
from connector.sap.returns import check


class StockDesk:
    """Asks SAP for stock."""

    def __init__(self, system: SapSystem, mappings: Callable[[], MappingSet]) -> None:
        self._system = system
        self._mappings = mappings

    def available(self, *, plant: str, material: str, unit: str) -> Decimal:
        """Return the available quantity of a part in a plant, in that unit.

        Raises Rejected when SAP does not know the part, RetryLater, Misconfigured.
        """
        mapping = self._mappings()["sap_stock"]
        source = {"plant": plant, "material": material, "unit": unit}
        answer = self._system.call(mapping.target.operation, mapping.apply(source).body)
        check(answer, mapping.target.operation)
        value = mapping.read(answer).values.get("available")
        if value in (None, ""):
            raise Rejected("no-quantity", f"SAP says no quantity of {material}", place="SAP stock")
        return decimal_of(value, f"SAP {mapping.target.operation}")
