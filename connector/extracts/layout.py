"""The columns of finance's tables, as the mappings `extract_…` lay them out, and their cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.errors import Misconfigured
from connector.extracts.table import Cell, Column, Kind, is_amount
from connector.mapping import MappingSet
from connector.mapping.engine import Mapping as CompiledMapping


@dataclass(frozen=True)
class Layout:
    """The columns of one table, and how a record becomes a row."""

    name: str
    columns: tuple[Column, ...]
    version: str
    _mapping: CompiledMapping

    def row(self, record: Mapping[str, Any]) -> list[Cell]:
        """Return the cells of a record. Raises Misconfigured: a file with a wrong cell is none."""
        values, findings = self._mapping.apply_leniently(record)
        if findings:
            raise self._wrong("; ".join(findings[:3]))
        return [self._cell(column, values.get(column.name)) for column in self.columns]

    def _cell(self, column: Column, value: Any) -> Cell:
        if value is None or value == "":
            return None
        try:
            if column.kind in (Kind.AMOUNT, Kind.QUANTITY):
                return value if isinstance(value, Decimal) else Decimal(str(value))
            if column.kind is Kind.INTEGER:
                return int(value)
            if column.kind is Kind.TIME:
                return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
            if column.kind is Kind.DATE:
                return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
        except (ValueError, InvalidOperation):
            raise self._wrong(
                f"{column.name}: {str(value)[:40]!r} is no {column.kind.value}"
            ) from None
        # What a book says may be an amount: it stays a number among words.
        return value if is_amount(value) else str(value)

    def _wrong(self, why: str) -> Misconfigured:
        return Misconfigured(
            why, place=f"extract_{self.name}.yaml", remedy="correct the column's source or kind"
        )


def layout_of(mappings: MappingSet, name: str) -> Layout:
    """Return the layout of a table. Raises Misconfigured when there is no such mapping."""
    mapping = mappings[f"extract_{name}"]
    columns = tuple(
        Column(
            field.field,
            field.column.zh,
            field.column.en,
            Kind(field.column.kind),
            field.column.total,
        )
        for field in mapping.spec.request
        if field.column is not None
    )
    if not columns:
        raise Misconfigured(
            "lays out no table", place=f"extract_{name}.yaml", remedy="target: {system: files}"
        )
    return Layout(name, columns, mapping.version, mapping)
