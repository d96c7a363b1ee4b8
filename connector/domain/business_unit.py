"""Business units (事业部): who sells which part, from which plant and sales area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import reduce

from connector.domain.order import Order, Problem
from connector.wording import Said, quoted, shown
from connector.wording import problems as wrong


@dataclass(frozen=True)
class BusinessUnit:
    """One business unit, with what SAP and the DMS know it by.

    `sku_patterns` are shell patterns over part numbers. Reference customers are those that new
    ones are copied from in SAP (PI_COPYREFERENCE).
    """

    code: str
    name: str
    sku_patterns: tuple[str, ...]
    plant: str
    sales_org: str
    distribution_channel: str
    division: str
    reference_company: str
    reference_person: str
    dms_code: str

    def sells(self, sku: str) -> bool:
        """Whether this unit sells a part."""
        return any(fnmatchcase(sku, pattern) for pattern in self.sku_patterns)


def assign(order: Order, units: Sequence[BusinessUnit]) -> tuple[Order, tuple[Problem, ...]]:
    """Return the order with each line's business unit, and what could not be assigned."""
    lines, problems = [], []
    for line in order.lines:
        sellers = [unit for unit in units if unit.sells(line.sku)]
        if len(sellers) == 1:
            lines.append(replace(line, business_unit=sellers[0].code))
            continue
        lines.append(line)
        problems.append(
            Problem(
                f"lines[{line.number}].sku",
                _sold_by(shown(line.sku), sellers),
                wrong.CORRECT_PATTERNS(),
            )
        )
    return order.with_lines(tuple(lines)), tuple(problems)


def kept(order: Order, sellers: Mapping[int, str]) -> Order:
    """Return the order with its lines at the units that they were assigned to, by line number."""
    return order.with_lines(
        tuple(
            replace(line, business_unit=sellers.get(line.number) or line.business_unit)
            for line in order.lines
        )
    )


def _sold_by(sku: str, sellers: Sequence[BusinessUnit]) -> Said:
    if not sellers:
        return wrong.SOLD_BY_NOBODY(sku=sku)
    codes = [quoted(unit.code) for unit in sellers]
    return wrong.SOLD_BY(sku=sku, units=reduce(lambda a, b: wrong.AND(one=a, other=b), codes))
