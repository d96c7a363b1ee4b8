"""Answers of OData V2, understood or refused: only what was asked for is taken for an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from connector.errors import InDoubt
from connector.sap.odata import values
from connector.sap.odata.errors import Reply
from connector.sap.odata.metadata import EntityType, FunctionImport, Service
from connector.sap.port import Answer
from connector.wording import systems

_DEEPEST = 8


class Asked(NamedTuple):
    """What a look-up asks for: paths of `$select`, all where there are none, and of `$expand`."""

    select: frozenset[str] = frozenset()
    expand: frozenset[str] = frozenset()

    @classmethod
    def of(cls, select: str, expand: str) -> Asked:
        """Read the options as mappings write them, with commas."""
        found = [
            frozenset(each.strip() for each in text.split(",") if each.strip())
            for text in (select, expand)
        ]
        return cls(*found)

    def expands(self, name: str) -> bool:
        """Whether a navigation property is to come with its entities."""
        return any(each == name or each.startswith(f"{name}/") for each in self.expand)

    def wants(self, name: str) -> bool:
        """Whether a property must come."""
        return not self.select or bool({name, "*"} & self.select)

    def below(self, name: str) -> Asked:
        """Return what is asked of the entities to which a navigation property leads."""
        prefix = f"{name}/"
        whole = name in self.select
        return Asked(
            frozenset()
            if whole or not self.select
            else frozenset(
                each.removeprefix(prefix) for each in self.select if each.startswith(prefix)
            ),
            frozenset(each.removeprefix(prefix) for each in self.expand if each.startswith(prefix)),
        )


class Page(NamedTuple):
    """One page of a list: its entities, how many there are in all, and where it goes on."""

    entities: list[dict[str, Any]]
    total: int | None
    following: tuple[tuple[str, str], ...]


def page(reply: Reply, service: Service, kind: EntityType, asked: Asked, place: str) -> Page:
    """Read a page of a list. Raises InDoubt for anything else."""
    body = _body(reply, place)
    rows = body.get("results") if isinstance(body, Mapping) else None
    if not isinstance(rows, list):
        raise _other("a list without d.results", place)
    entities = [entity(each, service, kind, asked, place) for each in rows]
    count, following = body.get("__count"), body.get("__next")
    if count is not None and not re.fullmatch(r"\d{1,12}", str(count), re.ASCII):
        raise _other("__count is no number", place)
    if following is not None and not isinstance(following, str):
        raise _other("__next is no address", place)
    query = parse_qsl(urlsplit(following).query, keep_blank_values=True) if following else []
    if following and not query:
        raise _other("__next leads nowhere", place)
    return Page(entities, None if count is None else int(count), tuple(query))


def single(reply: Reply, service: Service, kind: EntityType, place: str) -> dict[str, Any]:
    """Read one entity, as it stands after a creation. Raises InDoubt for anything else."""
    return entity(_body(reply, place), service, kind, None, place)


def returned(reply: Reply, service: Service, function: FunctionImport, place: str) -> Answer:
    """Read what a function returns. Raises InDoubt for anything else."""
    body = _body(reply, place)
    kind = service.types.get(function.returns)
    if kind is None:
        raise _other(f"{function.returns} is no type of the service", place)
    if function.many:
        rows = _all_of(body, "d", place)
        return {"results": [entity(each, service, kind, Asked(), place) for each in rows]}
    inner = body.get(function.name, body) if isinstance(body, Mapping) else body
    return entity(inner, service, kind, Asked(), place)


def entity(
    value: Any,
    service: Service,
    kind: EntityType,
    asked: Asked | None,
    place: str,
    depth: int = 0,
) -> dict[str, Any]:
    """Read an entity of a type; without `asked` it need not be whole. Raises InDoubt."""
    if not isinstance(value, Mapping) or depth > _DEEPEST:
        raise _other(f"a {type(value).__name__} in the place of a {kind.name}", place)
    about = value.get("__metadata")
    said = about.get("type") if isinstance(about, Mapping) else None
    if said != kind.name:
        raise _other(f"{str(said)[:60]} in the place of {kind.name}", place)
    found: dict[str, Any] = {}
    for name, known in kind.properties.items():
        if name in value:
            try:
                found[name] = values.read(known, value[name])
            except ValueError as error:
                raise _other(str(error), place) from None
        elif asked is not None and asked.wants(name):
            raise _other(f"{kind.name} without {name}", place)
    for name, navigation in kind.navigations.items():
        wanted = asked is not None and asked.expands(name)
        inner = value.get(name)
        if isinstance(inner, Mapping) and "__deferred" in inner:
            inner = None
            if wanted:
                raise _other(f"{name} was asked for and did not come", place)
        elif wanted and name not in value:
            raise _other(f"{kind.name} without {name}", place)
        below = asked.below(name) if asked is not None else None
        target = service.types[navigation.type]
        if navigation.many and isinstance(inner, Mapping):
            rows = _all_of(inner, name, place)
            found[name] = [entity(each, service, target, below, place, depth + 1) for each in rows]
        elif inner is not None:
            found[name] = entity(inner, service, target, below, place, depth + 1)
        elif wanted:
            if navigation.many:
                raise _other(f"{name} was asked for and did not come", place)
            found[name] = None
    if isinstance(about, Mapping) and about.get("etag"):
        found["__etag"] = str(about["etag"])
    return found


def _all_of(value: Any, name: str, place: str) -> list[Any]:
    """Return the elements of a list that comes whole. Raises InDoubt for one that goes on."""
    rows = value.get("results") if isinstance(value, Mapping) else None
    if not isinstance(rows, list):
        raise _other(f"{name} without results", place)
    if value.get("__next") is not None:
        raise _other(f"{name} goes on elsewhere", place)
    return rows


def _body(reply: Reply, place: str) -> Any:
    try:
        document = json.loads(
            reply.content, parse_float=Decimal, object_pairs_hook=_unequalled, parse_constant=_no
        )
    except (ValueError, RecursionError):
        raise InDoubt(systems.UNREADABLE_ANSWER(status=reply.status), place=place) from None
    if not isinstance(document, Mapping) or not isinstance(document.get("d"), Mapping):
        raise _other("JSON without d", place)
    return document["d"]


def _unequalled(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no(text: str) -> Any:
    raise ValueError(text)


def _other(what: str, place: str) -> InDoubt:
    return InDoubt(systems.OF_NO_SHAPE(what=what), place=place)
