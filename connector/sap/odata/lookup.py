"""Look-ups over OData: what a mapping asks by becomes `$filter`, and all pages of the answer rows.

A property asked by with several values is to equal any of them; of several properties each must
fit. Nothing is ever asked without a condition: SAP would give every entity there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from connector.errors import InDoubt, MappingFailed, Misconfigured, Rejected
from connector.sap.odata import values
from connector.sap.odata.answers import Asked, Page
from connector.sap.odata.metadata import OPTIONS, EntityType, Property
from connector.sap.odata.operation import Operation
from connector.sap.port import Parameters
from connector.sap.readtable import MOST_ROWS, TOO_MANY
from connector.wording import Said, quoted, systems

# Characters of a filter in an address; servers and proxies refuse longer ones than some thousand.
_LONGEST = 1500
_PATTERNS = {
    "equals": "{name} eq {value}",
    "contains": "substringof({value},{name})",
    "startswith": "startswith({name},{value})",
}
Query = tuple[tuple[str, str], ...]
Key = tuple[str, ...]
# Query → the page that SAP gives for it.
Fetch = Callable[[Query], Page]


def look_up(
    operation: Operation, kind: EntityType, parameters: Parameters, fetch: Fetch
) -> list[dict[str, Any]]:
    """Return the entities for which what is asked by holds.

    Raises MappingFailed for what the entity has not, Misconfigured without any condition, Rejected
    where a single value fits too many, and InDoubt for a list that does not say how many entities
    there are, or contradicts itself.
    """
    conditions = _conditions(operation, kind, parameters)
    if not all(conditions.values()):
        return []  # nothing can equal one of no values, and nobody need be asked
    options = _options(kind, parameters)
    widest = max(conditions, key=lambda name: len(conditions[name]))
    fixed = [_any_of(each) for name, each in conditions.items() if name != widest]
    asking = _Asking(operation, kind, fixed, options, fetch)
    rows: dict[Key, dict[str, Any]] = {}
    for part in _parts(conditions[widest]):
        # Of conditions asked for in parts, one entity may fit several.
        rows |= asking.rows(part)
    return list(rows.values())


def asked_of(kind: EntityType, parameters: Parameters) -> Asked:
    """Return what the rows must bring: what the options say, and the keys."""
    return Asked.of(*(_option(kind, parameters, name) for name in OPTIONS))


def _option(kind: EntityType, parameters: Parameters, name: str) -> str:
    text = str(parameters.get(name) or "")
    if name != "$select" or not text:
        return text
    named = [each.strip() for each in text.split(",")]
    # By its keys it is told whether an entity came twice, and another one not.
    return ",".join([*(key for key in kind.keys if key not in named and "*" not in named), text])


def _options(kind: EntityType, parameters: Parameters) -> list[tuple[str, str]]:
    options = [("$format", "json"), ("$inlinecount", "allpages")]
    if kind.keys and all(kind.properties[key].sortable for key in kind.keys):
        # Pages of a list that stands in no sequence may leave an entity out and give another twice.
        options.append(("$orderby", ",".join(kind.keys)))
    given = ((name, _option(kind, parameters, name)) for name in OPTIONS)
    return options + [(name, text) for name, text in given if text]


class _Asking(NamedTuple):
    """What is the same in all requests of a look-up."""

    operation: Operation
    kind: EntityType
    fixed: Sequence[str]
    options: Sequence[tuple[str, str]]
    fetch: Fetch

    def rows(self, alternatives: Sequence[str]) -> dict[Key, dict[str, Any]]:
        """Return by key the entities for which any of the alternatives holds."""
        text = " and ".join([_any_of(alternatives), *self.fixed])
        try:
            return self._all_pages((("$filter", text), *self.options))
        except Rejected as error:
            if error.code != TOO_MANY or len(alternatives) == 1:
                raise
        half = len(alternatives) // 2
        return self.rows(alternatives[:half]) | self.rows(alternatives[half:])

    def _all_pages(self, query: Query) -> dict[Key, dict[str, Any]]:
        """Read a list to its end. It must give as many entities as it says that there are."""
        place = self.operation.place
        rows: dict[Key, dict[str, Any]] = {}
        total: int | None = None
        following = query
        seen: set[Query] = set()
        while following:
            seen.add(following)
            page = self.fetch(following)
            before = len(rows)
            rows |= {self._key(each): each for each in page.entities}
            total = page.total if page.total is not None else total
            if total is None:
                raise InDoubt(systems.NO_COUNT(), place=place)
            if max(len(rows), total) >= MOST_ROWS:
                words = systems.TOO_MANY_ROWS(most=MOST_ROWS, column=self.operation.name)
                raise Rejected(TOO_MANY, words, place=place)
            # Behind a proxy the address names a host that only SAP knows: its query is what counts.
            following = page.following
            # A list that leads on must bring something each time, or it may lead on for ever.
            if following in seen or (following and len(rows) == before):
                raise InDoubt(systems.SAME_PAGE(), place=place)
        if total is None or len(rows) < total:
            raise InDoubt(systems.MORE_THAN_GIVEN(total=total, read=len(rows)), place=place)
        return rows

    def _key(self, row: Mapping[str, Any]) -> Key:
        return tuple(str(row[key]) for key in self.kind.keys)


def _conditions(
    operation: Operation, kind: EntityType, parameters: Parameters
) -> dict[str, list[str]]:
    """Return by property the conditions of which any must hold."""
    found: dict[str, list[str]] = {}
    wrong: list[Said] = []
    for name, value in parameters.items():
        if name in OPTIONS:
            continue
        known = kind.properties.get(name)
        if known is None or not known.filterable:
            wrong.append(systems.NAMED(name=name, message=systems.NO_FIELD()))
            continue
        try:
            found[name] = list(dict.fromkeys(_alternatives(known, value)))
        except ValueError as error:
            wrong.append(systems.NAMED(name=name, message=quoted(error)))
    if wrong:
        raise MappingFailed(operation.place, list(wrong))
    if not found:
        raise Misconfigured(
            "asks by nothing: every entity would come",
            place=operation.place,
            remedy="give the look-up a property to ask by in the mapping",
        )
    return found


def _alternatives(known: Property, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for how, inner in value.items():
            if how not in _PATTERNS:
                raise ValueError(f"asked by {how!r}: equals, contains, startswith are known")
            for each in _each(known, inner):
                yield _PATTERNS[how].format(value=values.literal(known, each), name=known.name)
    else:
        for each in _each(known, value):
            yield f"{known.name} eq {values.literal(known, each)}"


def _each(known: Property, value: Any) -> Iterator[Any]:
    for each in value if isinstance(value, list | tuple) else [value]:
        # What is longer than the property stands in none, and SAP refuses to be asked by it.
        if each in (None, "") or (known.max_length and len(str(each)) > known.max_length):
            continue
        yield each


def _any_of(alternatives: Sequence[str]) -> str:
    joined = " or ".join(alternatives)
    return f"({joined})" if len(alternatives) > 1 else joined


def _parts(alternatives: Sequence[str]) -> Iterator[list[str]]:
    """Give conditions in parts that each fit into an address."""
    part: list[str] = []
    length = 0
    for each in alternatives:
        longer = len(quote(f" or {each}", safe=""))
        if part and length + longer > _LONGEST:
            yield part
            part, length = [], 0
        part.append(each)
        length += longer
    yield part
