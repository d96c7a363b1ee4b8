"""RFC_READ_TABLE within its limits: WHERE lines of 71 characters, rows of 512."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from connector.errors import MappingFailed, Misconfigured, Rejected
from connector.sap.port import SapSystem
from connector.sap.returns import check
from connector.wording import systems

READ_TABLE = "RFC_READ_TABLE"  # a site may have another of the same form in its place
TOO_MANY = "too-many"  # the code of a question that resembles more records than a person reads
_LINE = 71
_ROW = 512
_DELIMITER = "\u00a6"
_MOST_CONDITIONS = 150
# More records than these resemble no buyer: the condition says too little.
MOST_ROWS = 1000


class Condition(NamedTuple):
    """A column's value; with `prefix` what it begins with, with `contains` what stands in it.

    `within` is another column and what it begins with: both must hold.
    """

    column: str
    value: str
    prefix: bool = False
    contains: bool = False
    within: tuple[str, str] | None = None

    def parts(self) -> list[str]:
        """Return the condition in Open SQL, in parts that each stand in a line of their own."""
        if self.within is None:
            return [self.text()]
        inner = self._replace(within=None).text()
        return [f"( {inner}", f"AND {Condition(*self.within, prefix=True).text()} )"]

    def text(self) -> str:
        """Return what is said of the column itself, quotes doubled."""
        literal = self.value.replace("'", "''")
        # The wildcards of LIKE cannot be escaped here: such a value is searched as it is.
        if not {"%", "_"} & set(literal):
            if self.contains:
                return f"{self.column} LIKE '%{literal}%'"
            if self.prefix:
                return f"{self.column} LIKE '{literal}%'"
        return f"{self.column} = '{literal}'"


def read(
    system: SapSystem,
    table: str,
    columns: Sequence[str],
    conditions: Sequence[Condition],
    function: str = READ_TABLE,
) -> Iterator[Mapping[str, str]]:
    """Give the rows for which any of the conditions holds; many conditions take several calls.

    Where no condition can be asked there is no row, and no call: without one SAP gives them all.
    SAP gives at most so many rows at once: of conditions that together hold for more, each half is
    asked for by itself, and one that holds for more alone is Rejected.
    `function` is RFC_READ_TABLE, or what the site has in its place. Raises MappingFailed for a
    condition that cannot be asked, Misconfigured for an answer that is not understood.
    """
    wanted = list(dict.fromkeys(conditions))
    for start in range(0, len(wanted), _MOST_CONDITIONS):
        yield from _asked(
            system, table, columns, wanted[start : start + _MOST_CONDITIONS], function
        )


def _asked(
    system: SapSystem,
    table: str,
    columns: Sequence[str],
    conditions: Sequence[Condition],
    function: str,
) -> list[Mapping[str, str]]:
    answer = system.call(
        function,
        {
            "QUERY_TABLE": table,
            "DELIMITER": _DELIMITER,
            "ROWCOUNT": MOST_ROWS,
            "OPTIONS": [{"TEXT": line} for line in where(conditions)],
            "FIELDS": [{"FIELDNAME": column} for column in columns],
        },
    )
    check(answer, function)
    place = f"SAP {function} {table}"
    rows = list(_Table(answer, columns, place).rows())
    if len(rows) < MOST_ROWS:
        return rows
    if len(conditions) == 1:
        words = systems.TOO_MANY_ROWS(most=MOST_ROWS, column=conditions[0].column)
        raise Rejected(TOO_MANY, words, place=place)
    half = len(conditions) // 2
    return [
        row
        for part in (conditions[:half], conditions[half:])
        for row in _asked(system, table, columns, part, function)
    ]


def any_row(
    system: SapSystem, table: str, columns: Sequence[str], function: str = READ_TABLE
) -> None:
    """Read one row, whichever, to see that rows come as they are understood. Raises as `read`."""
    fields = [{"FIELDNAME": column} for column in columns]
    asked = {"QUERY_TABLE": table, "DELIMITER": _DELIMITER, "ROWCOUNT": 1, "FIELDS": fields}
    answer = system.call(function, asked)
    check(answer, function)
    list(_Table(answer, columns, f"SAP {function} {table}").rows())


def where(conditions: Sequence[Condition]) -> list[str]:
    """Return the lines of a WHERE clause that joins conditions with OR.

    Quotes are doubled. A condition that is too long for one line breaks before its literal, never
    inside it. Raises MappingFailed for a literal that is longer than a line.
    """
    lines: list[str] = []
    for condition, part in ((each, part) for each in conditions for part in each.parts()):
        joined = lines and not part.startswith("AND ")
        line = f"{'OR ' if joined else ''}{part}"
        if _units(line) <= _LINE:
            lines.append(line)
            continue
        head, quote, literal = line.partition("'")
        if _units(quote + literal) > _LINE:
            length = systems.CHARACTERS(length=len(condition.value), most=_LINE - 2)
            said = systems.NAMED(name=condition.column, message=length)
            raise MappingFailed("read_table", [said])
        lines += [head.rstrip(), quote + literal]
    return lines


def _units(text: str) -> int:
    """Return the length of a text as SAP counts it, in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class _Table:
    """An answer of RFC_READ_TABLE: which columns it has, and its rows. A real one has both.

    What is missing, or stands otherwise than it was asked for, is not understood: no answer is
    taken for an empty one unless it says so.
    """

    def __init__(self, answer: Mapping[str, Any], columns: Sequence[str], place: str) -> None:
        self._place = place
        try:
            self._fields = [
                (str(each["FIELDNAME"]).strip(), int(each["OFFSET"]), int(each["LENGTH"]))
                for each in self._part(answer, "FIELDS")
            ]
        except (KeyError, TypeError, ValueError):
            raise self._other("FIELDS without FIELDNAME, OFFSET or LENGTH") from None
        if [name for name, _, _ in self._fields] != list(columns):
            given = ", ".join(name for name, _, _ in self._fields) or "none"
            raise self._other(f"the answer has other columns than were asked for: {given}")
        if self._fields and self._fields[-1][1] + self._fields[-1][2] > _ROW:
            raise Misconfigured(
                f"the columns together are longer than {_ROW} characters",
                place=place,
                remedy="read fewer columns in the mapping",
            )
        # /BODS/RFC_READ_TABLE2 and its like say which of their tables holds the rows.
        self._data = self._part(answer, str(answer.get("OUT_TABLE") or "DATA").strip())
        if answer.get("ET_DATA") and not self._data:
            raise self._other("the rows stand in ET_DATA")

    def rows(self) -> Iterator[Mapping[str, str]]:
        """Give the rows by column."""
        for row in self._data:
            if isinstance(row, Mapping) and "WA" not in row:
                raise self._other("a row without WA")
            line = str(row["WA"] if isinstance(row, Mapping) else row)
            yield {
                name: value.strip()
                for (name, _, _), value in zip(self._fields, self._cut(line), strict=True)
            }

    def _cut(self, line: str) -> list[str]:
        values = line.split(_DELIMITER)
        if len(values) > len(self._fields):
            # A value holds the delimiter itself: the offsets tell the columns all the same.
            values = [line[offset : offset + length] for _, offset, length in self._fields]
            between = [line[offset - 1 : offset] for _, offset, _ in self._fields[1:]]
            if any(each != _DELIMITER for each in between):
                raise self._other("a row whose columns are not where FIELDS says")
        widths = [length for _, _, length in self._fields]
        if len(values) < len(widths) or any(
            len(value.rstrip()) > width for value, width in zip(values, widths, strict=True)
        ):
            raise self._other("a row that is not as wide as FIELDS says")
        return values

    def _part(self, answer: Mapping[str, Any], name: str) -> Sequence[Any]:
        # Over SOAP a table without rows is an empty element.
        found = answer.get(name)
        if found == "":
            return ()
        if not isinstance(found, list | tuple):
            raise self._other(f"the answer has no {name}")
        return found

    def _other(self, what: str) -> Misconfigured:
        return Misconfigured(
            what,
            place=self._place,
            remedy="let SAP's people look at what answers, or map a function module of the site",
        )
