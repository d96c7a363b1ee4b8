"""The shape of a rule of the reconciliation, and the table it fills."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text

from connector.domain.reconciliation import Book

WORDS = ("storefront", "connector", "dms", "sap")
DELTAS = ("ordered_storefront", "ordered_dms", "invoiced_dms", "invoiced_sap")
FOUND = Table(
    "found",
    MetaData(),
    Column("number", Text), Column("line", Integer), Column("document", Text),
    Column("unit", Text), Column("kind", Text), Column("field", Text), Column("book", Integer),
    *(Column(name, Text) for name in WORDS),
    Column("scaled", Integer), Column("amount", BigInteger),
    *(Column(name, BigInteger) for name in DELTAS),
    Column("detail", Text), Column("stray", Integer),
    Index("found_number", "number"),
    prefixes=["TEMPORARY"],
)  # fmt: skip
_DEFAULTS = {
    "number": "t.number", "line": "0", "document": "''", "unit": "''",
    **dict.fromkeys(WORDS, "NULL"), "scaled": "1", "amount": "0",
    **dict.fromkeys(DELTAS, "0"), "detail": "''", "stray": "0",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Rule:
    """One rule: what it says of the rows of `source`, a FROM clause with its WHERE.

    `kind`, `field` and the values of `columns` are SQL that SQLite and PostgreSQL both know.
    `book` is the one that deviates from ours.
    """

    kind: str
    field: str
    book: Book
    source: str
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def statement(self) -> str:
        """Return the statement that adds what the rule finds to the table `found`."""
        values = {
            **_DEFAULTS, **self.columns,
            "kind": self.kind, "field": self.field, "book": str(int(self.book)),
        }  # fmt: skip
        for name in WORDS:
            values[name] = f"CAST({values[name]} AS TEXT)"
        chosen = ", ".join(values[column.name] for column in FOUND.columns)
        return f"INSERT INTO found SELECT {chosen} {self.source}"


def untold(*fields: str) -> str:
    """Return the condition that nothing was found yet in these fields of the order `t`."""
    names = ", ".join(f"'{each}'" for each in fields)
    return f"NOT EXISTS (SELECT 1 FROM found f WHERE f.number = t.number AND f.field IN ({names}))"
