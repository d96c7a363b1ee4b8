"""A WSDL as zeep parsed it: its ports and operations, and what their types allow.

Checks, the fit of mappings and calls all read this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Protocol

import zeep
from zeep.wsdl.bindings.soap import SoapBinding
from zeep.wsdl.messages.soap import RpcMessage
from zeep.xsd.elements import Any as AnyElement
from zeep.xsd.elements import Choice, Element
from zeep.xsd.elements.indicators import Indicator
from zeep.xsd.types import AnySimpleType, AnyType, ComplexType, ListType, UnionType
from zeep.xsd.types import builtins as xsd

from connector.mapping.shape import Kind, Shape
from connector.mapping.wsdl.documents import ZEEP_SETTINGS, Description, packaged
from connector.mapping.wsdl.rewriting import Restriction, Rewritten, for_zeep

# The first that fits counts.
_KINDS: tuple[tuple[type, Kind], ...] = (
    (xsd.Boolean, "boolean"),
    (xsd.DateTime, "time"),
    (xsd.Date, "date"),
    (xsd.Integer, "integer"),
    (xsd.Decimal, "number"),
    (xsd.Float, "number"),
    (xsd.Double, "number"),
    (xsd.BuiltinType, "text"),
)
# The name that stands for the text of an element with attributes.
TEXT = "_value_1"


class Loader(Protocol):
    """What zeep loads documents by."""

    def load(self, url: str) -> bytes:
        """Return a document."""
        ...


@dataclass(frozen=True)
class Port:
    """A SOAP port: its service and name, zeep's binding, and where it says that it is reached."""

    service: str
    name: str
    binding: Any
    address: str


@dataclass(frozen=True)
class Child:
    """An element or attribute of a type, under the name that a mapping calls it by.

    `required` as the schema says it, whatever it then may be filled with; `repeated` when it is a
    list. `kind` is zeep's type; None for what may be anything.
    """

    name: str
    kind: Any
    required: bool = False
    repeated: bool = False
    nillable: bool = False
    default: str | None = None
    attribute: bool = False
    any: bool = False


@lru_cache(maxsize=4)
def rewritten(description: Description) -> Rewritten:
    """Return a WSDL's documents as zeep understands them."""
    return for_zeep(description.documents)


class ParsedWsdl:
    """A WSDL for one user at a time. Raises what zeep raises for one that it cannot parse."""

    def __init__(
        self,
        description: Description,
        loader: Loader | None = None,
        *,
        service: str | None = None,
        port: str | None = None,
    ) -> None:
        self.description = description
        self._rewritten = rewritten(description)
        self.client = zeep.Client(
            description.location,
            transport=loader or _Documents(self._rewritten.documents),
            settings=ZEEP_SETTINGS,
        )
        self.ports = list(_ports(self.client.wsdl))
        self._chosen = self._default(service, port)
        self._port_of: dict[str, Port | None] = {}
        for kind in self.types.types:
            _may_be_empty(kind)

    def _default(self, service: str | None, port: str | None) -> Port:
        for each in self.ports:
            if service in (None, each.service) and port in (None, each.name):
                return each
        named = ", ".join(f"{each.service}/{each.name}" for each in self.ports)
        raise ValueError(f"there is no SOAP port {service or '*'}/{port or '*'}, but {named}")

    @property
    def types(self) -> Any:
        """Zeep's schema."""
        return self.client.wsdl.types

    def port_of(self, operation: str) -> Port | None:
        """Return the port of an operation: `Operation`, `Port/Operation`, `Service/Port/…`.

        One that is named alone is of the chosen port, or else of the first that has it.
        """
        if operation not in self._port_of:
            self._port_of[operation] = self._found(operation)
        return self._port_of[operation]

    def _found(self, operation: str) -> Port | None:
        place, _, name = operation.rpartition("/")
        service, _, port = place.rpartition("/")
        for each in (self._chosen, *self.ports):
            fits = not place or (each.name == port and service in ("", each.service))
            if fits and name in each.binding._operations:
                return each
        return None

    def operation(self, name: str) -> Any:
        """Return zeep's operation; None where there is no such."""
        port = self.port_of(name)
        return port.binding._operations[name.rpartition("/")[2]] if port is not None else None

    def names(self) -> list[str]:
        """Return the operations by the names that a mapping may use: those of one name once."""
        found = dict.fromkeys(self._chosen.binding._operations)
        for port in self.ports:
            found |= dict.fromkeys(port.binding._operations)
        return list(found)

    def qualified(self) -> list[str]:
        """Return the same with their ports, and with their services and ports."""
        return [
            f"{place}/{name}"
            for port in self.ports
            for place in (port.name, f"{port.service}/{port.name}")
            for name in port.binding._operations
        ]

    def encoded(self, bound: Any, side: str) -> bool:
        """Whether a side of an operation (input, output) is encoded, in the way of SOAP 1.1."""
        if not isinstance(getattr(bound, side), RpcMessage):
            return False
        key = (bound.binding.name.localname, bound.name)
        return side in self._rewritten.encoded.get(key, ())

    def abstract(self, kind: Any) -> bool:
        """Whether a type may only stand for those that extend it."""
        name = getattr(kind, "qname", None)
        return name is not None and name.text in self._rewritten.abstract

    def extensions(self, kind: Any) -> Mapping[str, Any]:
        """Return the types that extend a type, at any remove, by their local names."""
        name = getattr(kind, "qname", None)
        return self._extending.get(name.text, {}) if name is not None else {}

    @cached_property
    def _extending(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for kind in self.types.types:
            for base in _bases(kind):
                found.setdefault(base, {})[kind.qname.localname] = kind
        return found

    def simple(self, kind: Any) -> Shape:
        """Return what a simple type allows."""
        if isinstance(kind, ListType | UnionType):
            return Shape("text")
        chain: list[Restriction] = []
        name = kind.qname.text if kind.qname is not None else ""
        while name in self._rewritten.restrictions and len(chain) < 20:
            chain.append(self._rewritten.restrictions[name])
            name = chain[-1].base
        found = next((each for known, each in _KINDS if isinstance(kind, known)), None)
        shape = Shape(found) if found else Shape()
        for restriction in reversed(chain):
            shape = _restricted(shape, restriction.facets)
        return shape


def children(kind: Any) -> list[Child]:
    """Return what a type holds, as zeep names it: elements, groups that repeat, attributes."""
    found: list[Child] = []
    if isinstance(kind, ComplexType):
        for name, element in kind.elements_nested:
            found += _within(name, element, optional=False)
        for name, attribute in kind.attributes:
            if attribute.name is not None:
                found.append(
                    Child(
                        name,
                        attribute.type,
                        required=attribute.required,
                        default=attribute.default,
                        attribute=True,
                    )
                )
    return found


def item(kind: Any) -> Any:
    """Return the type of an encoded array's items; None for what is no such array."""
    array = getattr(kind, "_array_type", None)
    if array is None:
        return None
    if array.array_type is not None:
        return array.array_type
    return AnyType()


def is_simple(kind: Any) -> bool:
    """Whether a type is a text, a number and the like."""
    return isinstance(kind, AnySimpleType)


class Repeated:
    """What a group that repeats holds each time, to be looked at like a type."""

    def __init__(self, indicator: Any) -> None:
        self.children = [
            child
            for name, each in indicator.elements_nested
            for child in _within(name, each, optional=isinstance(indicator, Choice))
        ]


def _within(name: str | None, element: Any, *, optional: bool) -> Iterator[Child]:
    none = optional or getattr(element, "min_occurs", 1) == 0
    if isinstance(element, Indicator):
        if element.accepts_multiple:
            yield Child(name or TEXT, Repeated(_inner(element)), not none, repeated=True)
            return
        for inner, each in _inner(element).elements_nested:
            yield from _within(inner, each, optional=none or isinstance(_inner(element), Choice))
    elif isinstance(element, AnyElement):
        several = element.accepts_multiple
        yield Child(name or TEXT, element.restrict, not none, several, any=True)
    elif isinstance(element, Element):
        yield Child(
            name or element.attr_name,
            element.type,
            not none,
            element.accepts_multiple,
            nillable=element.nillable,
            default=element.default,
        )


def _may_be_empty(kind: Any) -> None:
    """Let an encoded array hold nothing: zeep wants one item at least."""
    if getattr(kind, "_array_type", None) is not None:
        for _, container in kind.elements_nested:
            for each in container if isinstance(container, list) else ():
                if isinstance(each, AnyElement):
                    each.min_occurs = 0


def _inner(indicator: Any) -> Any:
    """Return what a named group holds; any other group itself."""
    child = getattr(indicator, "child", None)
    return child if child is not None else indicator


def _bases(kind: Any) -> Iterator[str]:
    for each in getattr(kind, "_extension_types", ()):
        base = getattr(each, "_xsd_type", None)
        if base is not None and base.qname is not None:
            yield base.qname.text


def _ports(wsdl: Any) -> Iterator[Port]:
    for service in wsdl.services.values():
        for port in service.ports.values():
            address = (port.binding_options or {}).get("address")
            if isinstance(port.binding, SoapBinding):
                yield Port(service.name, port.name, port.binding, str(address or ""))


def _restricted(shape: Shape, facets: Mapping[str, tuple[str, ...]]) -> Shape:
    changed: dict[str, Any] = {}
    for name, key in (
        ("length", "max_length"),
        ("maxLength", "max_length"),
        ("minLength", "min_length"),
        ("fractionDigits", "decimals"),
    ):
        if name in facets:
            changed[key] = int(facets[name][0])
    if "enumeration" in facets:
        changed["allowed"] = facets["enumeration"]
    if "pattern" in facets and shape.kind == "text":
        # XSD's patterns hold for the whole text, as fullmatch does.
        changed["pattern"] = "|".join(f"(?:{each})" for each in facets["pattern"])
    return replace(shape, **changed)


class _Documents:
    """Loads what was read before, and what comes with the connector."""

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        self._documents = documents

    def load(self, url: str) -> bytes:
        found = self._documents.get(url) or packaged(url)
        if found is None:
            raise OSError(f"the WSDL imports {url}, which was not read with it")
        return found
