"""Look-ups over OData: what a mapping asks by becomes `$filter`, and all pages of the answer rows.

A property asked by with several values is to equal any of them; of several properties each must
fit. Nothing is ever asked without a condition: SAP would give every entity there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
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
# Query → the page that SAP gives for it.
Fetch = Callable[[Query], Page]


def look_up(
    operation: Operation, kind: EntityType, parameters: Parameters, fetch: Fetch
) -> list[dict[str, Any]]:
    """Return the entities for which what is asked by holds.

    Raises MappingFailed for what the entity has not, Misconfigured without any condition, Rejected
    where a single value fits too many, and InDoubt for an answer that contradicts itself.
    """
    conditions = _conditions(operation, kind, parameters)
    if not all(conditions.values()):
        return []  # nothing can equal one of no values, and nobody need be asked
    options: list[tuple[str, str]] = [("$format", "json"), ("$inlinecount", "allpages")]
    options += [(name, str(parameters[name])) for name in OPTIONS if parameters.get(name)]
    widest = max(conditions, key=lambda name: len(conditions[name]))
    fixed = [_any_of(each) for name, each in conditions.items() if name != widest]
    rows = [
        row
        for part in _parts(conditions[widest])
        for row in _rows(operation, part, fixed, options, fetch)
    ]
    if not all(key in row for row in rows for key in kind.keys):
        return rows
    # Of conditions asked for in parts, one entity may fit several.
    return list({tuple(str(row[key]) for key in kind.keys): row for row in rows}.values())


def asked_of(parameters: Parameters) -> Asked:
    """Return what the rows must bring, as the options say."""
    return Asked.of(*(str(parameters.get(name) or "") for name in OPTIONS))


def _rows(
    operation: Operation,
    alternatives: Sequence[str],
    fixed: Sequence[str],
    options: Sequence[tuple[str, str]],
    fetch: Fetch,
) -> list[dict[str, Any]]:
    text = " and ".join([_any_of(alternatives), *fixed])
    try:
        return _all_pages(operation, (("$filter", text), *options), fetch)
    except Rejected:
        if len(alternatives) == 1:
            raise
    half = len(alternatives) // 2
    return [
        row
        for part in (alternatives[:half], alternatives[half:])
        for row in _rows(operation, part, fixed, options, fetch)
    ]


def _all_pages(operation: Operation, query: Query, fetch: Fetch) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    seen: set[Query] = set()
    total: int | None = None
    following = query
    while True:
        seen.add(following)
        page = fetch(following)
        rows += page.entities
        total = page.total if page.total is not None else total
        if max(len(rows), total or 0) >= MOST_ROWS:
            words = systems.TOO_MANY_ROWS(most=MOST_ROWS, column=operation.name)
            raise Rejected(TOO_MANY, words, place=operation.place)
        if not page.following:
            break
        # Behind a proxy the address names a host that only SAP knows: its query is what counts.
        following = page.following
        if following in seen:
            raise InDoubt(systems.SAME_PAGE(), place=operation.place)
    if total is not None and len(rows) < total:
        raise InDoubt(systems.MORE_THAN_GIVEN(total=total, read=len(rows)), place=operation.place)
    return rows


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
