"""What a service says of itself: its entity sets, their properties, and its functions ($metadata).

Names, types and lengths are held against a mapping before anything is sent, values are written by
their types, and an answer is understood only where its type is the one that was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from lxml import etree

from connector.errors import Misconfigured
from connector.sap.odata.operation import Operation
from connector.sap.port import FieldType, Parameter

_SAP = "{http://www.sap.com/Protocols/SAPData}"
_METHOD = "{http://schemas.microsoft.com/ado/2007/08/dataservices/metadata}HttpMethod"
_KINDS = {
    "Edm.String": "C", "Edm.Guid": "C", "Edm.Decimal": "P", "Edm.Double": "F", "Edm.Single": "F",
    "Edm.Int16": "I", "Edm.Int32": "I", "Edm.Int64": "I", "Edm.Byte": "I", "Edm.SByte": "I",
    "Edm.Boolean": "L", "Edm.DateTime": "D", "Edm.DateTimeOffset": "D", "Edm.Time": "T",
}  # fmt: skip
_ANYTHING = "y"
# What a look-up may say beside the properties that it asks by.
OPTIONS = ("$select", "$expand")


@dataclass(frozen=True)
class Property:
    """A property, or a parameter of a function. `precision` and `scale` are those of a decimal."""

    name: str
    edm: str
    max_length: int = 0
    precision: int = 0
    scale: int = 0
    nullable: bool = True
    creatable: bool = True
    updatable: bool = True
    filterable: bool = True
    sortable: bool = True

    @property
    def type(self) -> FieldType:
        """What it is in the terms of the port."""
        length = 36 if self.edm == "Edm.Guid" else self.max_length or self.precision
        return FieldType(self.name, _KINDS.get(self.edm, _ANYTHING), length, self.scale)


@dataclass(frozen=True)
class Navigation:
    """Where a navigation property leads: to one entity of a type, or to many."""

    name: str
    type: str
    many: bool


@dataclass(frozen=True)
class EntityType:
    """An entity type, or a complex type, which has no keys; `name` with its namespace."""

    name: str
    keys: tuple[str, ...] = ()
    properties: Mapping[str, Property] = field(default_factory=dict)
    navigations: Mapping[str, Navigation] = field(default_factory=dict)


@dataclass(frozen=True)
class FunctionImport:
    """A function that reads; it returns one value of a type or, with `many`, a list of them."""

    name: str
    method: str
    parameters: Mapping[str, Property]
    returns: str
    many: bool


@dataclass(frozen=True)
class Service:
    """A service: its entity sets, each with the name of its type, its types and functions."""

    sets: Mapping[str, str]
    types: Mapping[str, EntityType]
    functions: Mapping[str, FunctionImport]

    def type_of(self, operation: Operation) -> EntityType:
        """Return the type of an operation's entity set. Raises Misconfigured."""
        name = self.sets.get(operation.name)
        if name is None or name not in self.types:
            raise Misconfigured(
                f"the service has no {operation.name}",
                place=operation.place,
                remedy="check the name in the mapping against the service's $metadata",
            )
        return self.types[name]

    def set_of(self, type_name: str) -> str:
        """Return the entity set whose entities are of a type; empty where there is none."""
        return next((name for name, each in self.sets.items() if each == type_name), "")

    def interface(self, operation: Operation) -> dict[str, Parameter]:
        """Return what an operation takes and gives. Raises Misconfigured."""
        function = self.functions.get(operation.name)
        if operation.method == "GET" and function is not None:
            return self._of_function(function)
        kind = self.type_of(operation)
        if operation.method == "GET":
            asked = {
                name: Parameter(name, "importing", True, FieldType(name, _ANYTHING, 0))
                for name, each in kind.properties.items()
                if each.filterable
            }
            options = {
                name: Parameter(name, "importing", True, FieldType(name, "C", 0))
                for name in OPTIONS
            }
            return {**asked, **options, "results": self._rows("results", kind)}
        if operation.method == "PATCH":
            return {
                name: Parameter(name, "importing", name not in kind.keys, each.type)
                for name, each in kind.properties.items()
                if each.updatable or name in kind.keys
            }
        return dict(self._of_creation(kind))

    def _rows(self, name: str, kind: EntityType) -> Parameter:
        return Parameter(name, "exporting", True, fields=self._fields(kind, ()), rows=True)

    def _of_creation(self, kind: EntityType) -> Iterator[tuple[str, Parameter]]:
        for name, each in kind.properties.items():
            direction = "changing" if each.creatable else "exporting"
            yield name, Parameter(name, direction, True, each.type)  # type: ignore[arg-type]
        for name, navigation in kind.navigations.items():
            fields = self._fields(self.types[navigation.type], (kind.name,))
            yield (
                name,
                Parameter(name, "changing", True, fields=fields, rows=navigation.many),
            )

    def _of_function(self, function: FunctionImport) -> dict[str, Parameter]:
        taken = {
            name: Parameter(name, "importing", each.nullable, each.type)
            for name, each in function.parameters.items()
        }
        kind = self.types.get(function.returns, EntityType(function.returns))
        if function.many:
            return {**taken, "results": self._rows("results", kind)}
        given = {
            name: Parameter(name, "exporting", True, each.type)
            for name, each in kind.properties.items()
        }
        return {**taken, **given}

    def _fields(self, kind: EntityType, within: tuple[str, ...]) -> dict[str, FieldType]:
        """Return the fields of a type with those below it; none leads back to where it came."""
        found = {name: each.type for name, each in kind.properties.items()}
        for name, navigation in kind.navigations.items():
            if navigation.type in (*within, kind.name) or navigation.type not in self.types:
                continue
            fields = self._fields(self.types[navigation.type], (*within, kind.name))
            found[name] = FieldType(name, "h" if navigation.many else "u", 0, fields=fields)
        return found


def read_service(data: bytes, place: str) -> Service:
    """Return the service that a $metadata document describes. Raises Misconfigured."""
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        root = etree.fromstring(data, parser)
        if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
            raise ValueError("it declares a document type")
        service = _service(root)
    except (etree.XMLSyntaxError, ValueError, KeyError, TypeError) as error:
        raise Misconfigured(
            f"what the service says of itself is unreadable ({str(error)[:100]})",
            place=place,
            remedy="look at the address of the service: sap.url, sap.services",
        ) from None
    if not service.sets and not service.functions:
        raise Misconfigured(
            "the service names no entity set",
            place=place,
            remedy="look at the address of the service: sap.url, sap.services",
        )
    return service


def _service(root: etree._Element) -> Service:
    types: dict[str, EntityType] = {}
    sets: dict[str, str] = {}
    functions: dict[str, FunctionImport] = {}
    ends = {
        f"{schema.get('Namespace')}.{each.get('Name')}": {
            str(end.get("Role")): (str(end.get("Type")), end.get("Multiplicity") == "*")
            for end in each.iterfind("{*}End")
        }
        for schema in root.iter("{*}Schema")
        for each in schema.iterfind("{*}Association")
    }
    for schema in root.iter("{*}Schema"):
        namespace = schema.get("Namespace")
        for each in (*schema.iterfind("{*}EntityType"), *schema.iterfind("{*}ComplexType")):
            name = f"{namespace}.{each.get('Name')}"
            types[name] = EntityType(
                name,
                tuple(str(key.get("Name")) for key in each.iterfind("{*}Key/{*}PropertyRef")),
                {str(one.get("Name")): _property(one) for one in each.iterfind("{*}Property")},
                {
                    str(one.get("Name")): Navigation(
                        str(one.get("Name")),
                        *ends[str(one.get("Relationship"))][str(one.get("ToRole"))],
                    )
                    for one in each.iterfind("{*}NavigationProperty")
                },
            )
        for each in schema.iterfind("{*}EntityContainer/{*}EntitySet"):
            sets[str(each.get("Name"))] = str(each.get("EntityType"))
        for each in schema.iterfind("{*}EntityContainer/{*}FunctionImport"):
            functions[str(each.get("Name"))] = _function(each)
    known = {
        name: replace(
            kind,
            navigations={each: way for each, way in kind.navigations.items() if way.type in types},
        )
        for name, kind in types.items()
    }
    return Service(sets, known, functions)


def _property(element: etree._Element) -> Property:
    def said(name: str) -> bool:
        return element.get(f"{_SAP}{name}") != "false"

    length = element.get("MaxLength") or ""
    return Property(
        str(element.get("Name")),
        str(element.get("Type")),
        int(length) if length.isdigit() else 0,
        int(element.get("Precision") or 0),
        int(element.get("Scale") or 0),
        element.get("Nullable") != "false",
        said("creatable"),
        said("updatable"),
        said("filterable"),
        said("sortable"),
    )


def _function(element: etree._Element) -> FunctionImport:
    returns = element.get("ReturnType") or ""
    many = returns.startswith("Collection(")
    # A parameter is needed unless it is said that it is not.
    parameters = {
        str(each.get("Name")): _parameter(each) for each in element.iterfind("{*}Parameter")
    }
    return FunctionImport(
        str(element.get("Name")),
        element.get(_METHOD) or "GET",
        parameters,
        returns.removeprefix("Collection(").removesuffix(")"),
        many,
    )


def _parameter(element: etree._Element) -> Property:
    known = _property(element)
    nullable = element.get("Nullable") == "true"
    return Property(known.name, known.edm, known.max_length, known.precision, known.scale, nullable)
