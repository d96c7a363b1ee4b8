"""RFC_READ_TABLE within its limits: WHERE lines of 71 characters, rows of 512."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from connector.errors import Misconfigured
from connector.sap.port import SapSystem

READ_TABLE = "RFC_READ_TABLE"  # a site may have another of the same form in its place
_LINE = 71
_ROW = 512
_DELIMITER = "\u00a6"
_MOST_CONDITIONS = 40


class Condition(NamedTuple):
    """A column's value; with `prefix` what it begins with, with `contains` what stands in it."""

    column: str
    value: str
    prefix: bool = False
    contains: bool = False

    def text(self) -> str:
        """Return the condition in Open SQL, quotes doubled."""
        literal = self.value.replace("'", "''")
        # The wildcards of LIKE cannot be escaped here: such a value is searched as it is.
        if not {"%", "_"} & set(literal):
            if self.contains:
                return f"{self.column} LIKE '%{literal}%'"
            if self.prefix:
                return f"{self.column} LIKE '{literal}%'"
        return f"{self.column} = '{literal}'"


def read(
    system: SapSystem, table: str, columns: Sequence[str], conditions: Sequence[Condition]
) -> Iterator[Mapping[str, str]]:
    """Give the rows for which any of the conditions holds; many conditions take several calls.

    Where no condition can be asked there is no row, and no call: without one SAP gives them all.
    """
    wanted = list(dict.fromkeys(conditions))
    for start in range(0, len(wanted), _MOST_CONDITIONS):
        lines = where(wanted[start : start + _MOST_CONDITIONS])
        if not lines:
            continue
        answer = system.call(
            "RFC_READ_TABLE",
            {
                "QUERY_TABLE": table,
                "DELIMITER": _DELIMITER,
                "OPTIONS": [{"TEXT": line} for line in lines],
                "FIELDS": [{"FIELDNAME": column} for column in columns],
            },
        )
        yield from _rows(answer, table)


def where(conditions: Sequence[Condition]) -> list[str]:
    """Return the lines of a WHERE clause that joins conditions with OR.

    Quotes are doubled. A condition never breaks inside a literal; one that does not fit into a
    line at all is left out: no column that can be searched is that long.
    """
    lines: list[str] = []
    for condition in conditions:
        line = f"{'OR ' if lines else ''}{condition.text()}"
        if len(line) <= _LINE:
            lines.append(line)
    return lines


def _rows(answer: Mapping[str, Any], table: str) -> Iterator[Mapping[str, str]]:
    fields = [
        (str(each["FIELDNAME"]), int(each["OFFSET"]), int(each["LENGTH"]))
        for each in answer.get("FIELDS") or []
    ]
    if fields and fields[-1][1] + fields[-1][2] > _ROW:
        raise Misconfigured(
            f"the columns together are longer than {_ROW} characters",
            place=f"SAP RFC_READ_TABLE {table}",
            remedy="read fewer columns in the mapping",
        )
    for row in answer.get("DATA") or []:
        line = str(row.get("WA", "") if isinstance(row, Mapping) else row)
        if line.count(_DELIMITER) == len(fields) - 1:
            values = line.split(_DELIMITER)
        else:
            # A value holds the delimiter itself: the offsets tell the columns all the same.
            values = [line[offset : offset + length] for _, offset, length in fields]
        yield {name: value.strip() for (name, _, _), value in zip(fields, values, strict=True)}
