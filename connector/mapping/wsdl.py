"""Reads what a WSDL's operations take and give, with every length, pattern and enumeration.

The SOAP client does not keep these; and reading the text alone needs no connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lxml import etree

from connector.mapping.shape import ANY, Kind, Shape

_XSD = "{http://www.w3.org/2001/XMLSchema}"
_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
_DEEPEST = 40
_KINDS: dict[str, Kind] = {
    "string": "text", "normalizedString": "text", "token": "text", "anyURI": "text",
    "NMTOKEN": "text", "ID": "text", "language": "text", "Name": "text", "NCName": "text",
    "decimal": "number", "float": "number", "double": "number",
    "integer": "integer", "int": "integer", "long": "integer", "short": "integer",
    "byte": "integer", "nonNegativeInteger": "integer", "positiveInteger": "integer",
    "unsignedInt": "integer", "unsignedLong": "integer", "unsignedShort": "integer",
    "boolean": "boolean", "date": "date", "dateTime": "time",
}  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """What an operation takes and gives."""

    request: Shape
    answer: Shape


def operations(wsdl: bytes) -> Mapping[str, Operation]:
    """Return the operations of a WSDL by name. Raises ValueError when it cannot be read."""
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        document = etree.fromstring(wsdl, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"is no XML: {error}") from None
    reader = _Reader(document)
    return {
        str(operation.get("name")): Operation(
            reader.message(_local(operation.find(f"{_WSDL}input"), "message")),
            reader.message(_local(operation.find(f"{_WSDL}output"), "message")),
        )
        for operation in document.iterfind(f"{_WSDL}portType/{_WSDL}operation")
    }


class _Reader:
    def __init__(self, document: etree._Element) -> None:
        self._types: dict[str, etree._Element] = {}
        self._elements: dict[str, etree._Element] = {}
        self._groups: dict[str, etree._Element] = {}
        for schema in document.iter(f"{_XSD}schema"):
            for each in schema:
                if not isinstance(each.tag, str):
                    continue
                place = {
                    "complexType": self._types,
                    "simpleType": self._types,
                    "element": self._elements,
                    "group": self._groups,
                }.get(each.tag.rpartition("}")[2])
                if place is not None and each.get("name"):
                    place[str(each.get("name"))] = each
        self._messages = {
            str(message.get("name")): message for message in document.iterfind(f"{_WSDL}message")
        }

    def message(self, name: str) -> Shape:
        message = self._messages.get(name)
        parts = [] if message is None else message.findall(f"{_WSDL}part")
        if len(parts) == 1 and parts[0].get("element"):
            return self._element(self._elements.get(_local(parts[0], "element")), 0)
        return Shape(
            "object",
            fields={
                str(part.get("name")): replace(self._named(_local(part, "type"), 0), required=True)
                for part in parts
            },
        )

    def _element(self, element: etree._Element | None, depth: int) -> Shape:
        if element is None or depth > _DEEPEST:
            return ANY
        if element.get("ref"):
            return self._element(self._elements.get(_local(element, "ref")), depth + 1)
        if element.get("type"):
            return self._named(_local(element, "type"), depth)
        for kind in ("complexType", "simpleType"):
            inner = element.find(f"{_XSD}{kind}")
            if inner is not None:
                return self._type(inner, depth)
        return ANY

    def _named(self, name: str, depth: int) -> Shape:
        if name in self._types:
            return self._type(self._types[name], depth)
        kind = _KINDS.get(name)
        return Shape(kind) if kind else ANY

    def _type(self, definition: etree._Element, depth: int) -> Shape:
        if definition.tag == f"{_XSD}simpleType":
            return self._simple(definition, depth)
        fields: dict[str, Shape] = {}
        open_ = False
        content = definition.find(f"{_XSD}simpleContent")
        if content is not None:
            return self._named(_local(content[0], "base"), depth + 1)
        extension = definition.find(f"{_XSD}complexContent/{_XSD}extension")
        if extension is not None:
            base = self._named(_local(extension, "base"), depth + 1)
            fields |= base.fields
            open_ = base.open
        for name, shape in self._content(extension if extension is not None else definition, depth):
            if name:
                fields[name] = shape
            else:
                open_ = True
        return Shape("object", fields=fields, open=open_)

    def _content(
        self, around: etree._Element, depth: int, optional: bool = False
    ) -> Iterator[tuple[str, Shape]]:
        for each in around:
            tag = each.tag.rpartition("}")[2] if isinstance(each.tag, str) else ""
            none = optional or each.get("minOccurs") == "0"
            if tag in ("sequence", "all"):
                yield from self._content(each, depth, none)
            elif tag == "choice":
                yield from self._content(each, depth, True)
            elif tag == "group" and each.get("ref"):
                group = self._groups.get(_local(each, "ref"))
                if group is not None:
                    yield from self._content(group, depth, none)
            elif tag == "any":
                yield "", ANY
            elif tag == "element":
                name = str(each.get("name") or _local(each, "ref"))
                shape = self._element(each, depth + 1)
                if each.get("maxOccurs", "1") != "1":
                    shape = Shape("list", item=shape)
                empty = each.get("nillable") == "true" or each.get("default") is not None
                yield name, replace(shape, required=not (none or empty))

    def _simple(self, definition: etree._Element, depth: int) -> Shape:
        restriction = definition.find(f"{_XSD}restriction")
        if restriction is None:
            return Shape("text")
        base = (
            self._named(_local(restriction, "base"), depth + 1)
            if restriction.get("base")
            else Shape("text")
        )
        facets: dict[str, list[str]] = {}
        for each in restriction:
            if isinstance(each.tag, str) and each.get("value") is not None:
                facets.setdefault(each.tag.rpartition("}")[2], []).append(str(each.get("value")))
        changed: dict[str, Any] = {}
        if "length" in facets:
            changed |= {"max_length": int(facets["length"][0])}
        if "maxLength" in facets:
            changed |= {"max_length": int(facets["maxLength"][0])}
        if "minLength" in facets:
            changed |= {"min_length": int(facets["minLength"][0])}
        if "fractionDigits" in facets:
            changed |= {"decimals": int(facets["fractionDigits"][0])}
        if "enumeration" in facets:
            changed |= {"allowed": tuple(facets["enumeration"])}
        if "pattern" in facets and base.kind == "text":
            # XSD's patterns hold for the whole text, as fullmatch does.
            changed |= {"pattern": "|".join(f"(?:{each})" for each in facets["pattern"])}
        return replace(base, **changed)


def _local(element: etree._Element | None, name: str) -> str:
    value = element.get(name) if element is not None else None
    return str(value or "").rpartition(":")[2]
