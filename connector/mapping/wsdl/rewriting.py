"""Rewrites a WSDL's documents into what zeep and libxml2 understand, without changing its meaning.

zeep knows neither substitution groups nor the limits of simple types, and names no type that is
declared where it is used; libxml2 wants every import said, and knows no schema within a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from connector.mapping.wsdl.documents import WSDL, XSD, packaged, parse

_REFERRING = ("type", "ref", "base", "itemType", "substitutionGroup")
_IMPORT = f"{{{XSD}}}import"


@dataclass(frozen=True)
class Restriction:
    """What a simple type allows of its base: facets by name, each with its values."""

    base: str
    facets: Mapping[str, tuple[str, ...]]


@dataclass
class Rewritten:
    """Documents by location, and what zeep would not tell of them, by qualified names."""

    documents: dict[str, bytes] = field(default_factory=dict)
    restrictions: dict[str, Restriction] = field(default_factory=dict)
    abstract: set[str] = field(default_factory=set)
    # (binding, operation) → the sides of it that are encoded: input, output.
    encoded: dict[tuple[str, str], set[str]] = field(default_factory=dict)


def for_zeep(documents: Mapping[str, bytes]) -> Rewritten:
    """Return documents in which simple types have names and substitutions are choices."""
    made = Rewritten()
    roots = {location: parse(content) for location, content in documents.items()}
    schemas = []
    for location, root in roots.items():
        for schema in list(_schemas(root)):
            renewed = _with_prefix(schema)
            if schema is root:
                roots[location] = renewed
            schemas.append(renewed)
    members = _substitutes(schemas)
    number = 0
    for schema in schemas:
        _lead_packaged(schema)
        _opened(schema)
        for element in schema.iter(f"{{{XSD}}}any"):
            # What may be anything is read by its names, whether or not a schema knows them.
            element.set("processContents", "skip")
        number = _named(schema, number)
        _substituted(schema, members)
        made.restrictions |= dict(_restrictions(schema))
        made.abstract |= {
            _declared(each)
            for each in schema
            if each.get("abstract") in ("true", "1") and each.get("name")
        }
    for root in roots.values():
        for binding in root.iter(f"{{{WSDL}}}binding"):
            _note_encoded(binding, made)
    made.documents = {location: etree.tostring(root) for location, root in roots.items()}
    return made


def for_libxml2(schema: etree._Element) -> None:
    """Make a schema one that libxml2 compiles: imports are said, schemas in messages are open."""
    _opened(schema)
    for element in schema.iter(f"{{{XSD}}}any"):
        if element.get("processContents", "strict") == "strict":
            # What no schema declares is no fault of the answer.
            element.set("processContents", "lax")
    said = {each.get("namespace") or "" for each in schema.iterfind(_IMPORT)}
    used = {
        etree.QName(name).namespace or ""
        for element in schema.iter(f"{{{XSD}}}*")
        for key in _REFERRING
        if (name := _resolved(element, element.get(key))) is not None
    }
    own = schema.get("targetNamespace") or ""
    for namespace in sorted(used - said - {XSD, own, ""}):
        schema.insert(0, etree.Element(_IMPORT, namespace=namespace))


def mentioned(documents: Iterable[bytes]) -> list[str]:
    """Return the namespaces whose schemas come with the connector and that documents use."""
    found: set[str] = set()
    for content in documents:
        root = parse(content)
        for element in root.iter(f"{{{XSD}}}*", f"{{{WSDL}}}part"):
            names = [_resolved(element, element.get(key)) for key in (*_REFERRING, "element")]
            found |= {etree.QName(name).namespace or "" for name in names if name is not None}
    return sorted(each for each in found if packaged(each) is not None)


def _schemas(root: etree._Element) -> Iterator[etree._Element]:
    return root.iter(f"{{{XSD}}}schema")


def _with_prefix(schema: etree._Element) -> etree._Element:
    """Return the schema with a prefix for its own namespace, to name its types by."""
    namespace = schema.get("targetNamespace")
    if not namespace or namespace in schema.nsmap.values():
        return schema
    nsmap: Any = schema.nsmap | {"connector-own": namespace}
    attributes: Any = schema.attrib
    made = etree.Element(schema.tag, attributes, nsmap=nsmap)
    made.extend(list(schema))
    parent = schema.getparent()
    if parent is not None:
        parent.replace(schema, made)
    return made


def _lead_packaged(schema: etree._Element) -> None:
    for element in schema.iterfind(_IMPORT):
        namespace = element.get("namespace") or ""
        if packaged(namespace) is not None:
            element.set("schemaLocation", namespace)


def _opened(schema: etree._Element) -> None:
    """Let a schema that comes within a message (DataSet) be any element."""
    for element in list(schema.iter(f"{{{XSD}}}element")):
        name = _resolved(element, element.get("ref"))
        if name is None or etree.QName(name).namespace != XSD:
            continue
        any_ = etree.Element(f"{{{XSD}}}any", namespace=XSD, processContents="skip")
        for each in ("minOccurs", "maxOccurs"):
            if element.get(each) is not None:
                any_.set(each, element.get(each, ""))
        element.getparent().replace(element, any_)  # type: ignore[union-attr]


def _named(schema: etree._Element, number: int) -> int:
    """Give every simple type that stands where it is used a name of its own."""
    if not schema.get("targetNamespace"):
        return number
    keys = {"element": "type", "attribute": "type", "restriction": "base"}
    for kind in list(schema.iter(f"{{{XSD}}}simpleType")):
        parent = kind.getparent()
        key = keys.get(etree.QName(parent).localname) if parent is not None else None
        if kind.get("name") or parent is None or key is None:
            continue
        number += 1
        own = schema.get("targetNamespace")
        prefix = next(each for each, namespace in schema.nsmap.items() if namespace == own)
        name = f"{parent.get('name') or 'value'}.{number}"
        parent.remove(kind)
        parent.set(key, f"{prefix}:{name}" if prefix else name)
        kind.set("name", name)
        schema.append(kind)
    return number


def _substitutes(schemas: Iterable[etree._Element]) -> dict[str, list[tuple[str, bool]]]:
    """Return the heads of substitution groups → what may stand there, and whether it is abstract.

    The head itself is among them.
    """
    heads: dict[str, str] = {}
    abstract: dict[str, bool] = {}
    for schema in schemas:
        for element in schema.iterfind(f"{{{XSD}}}element"):
            name = _declared(element)
            abstract[name] = element.get("abstract") in ("true", "1")
            head = _resolved(element, element.get("substitutionGroup"))
            if head is not None:
                heads[name] = head
    found: dict[str, list[tuple[str, bool]]] = {}
    for member in heads:
        head, seen = heads.get(member), {member}
        while head is not None and head not in seen:
            seen.add(head)
            group = found.setdefault(head, [(head, abstract.get(head, False))])
            group.append((member, abstract[member]))
            head = heads.get(head)
    return found


def _substituted(schema: etree._Element, members: Mapping[str, list[tuple[str, bool]]]) -> None:
    """Let each reference to the head of a group be a choice of what may stand there."""
    for element in list(schema.iter(f"{{{XSD}}}element")):
        parent = element.getparent()
        group = members.get(_resolved(element, element.get("ref")) or "")
        if group is None or parent is None or parent is schema:
            continue
        choice = etree.Element(f"{{{XSD}}}choice")
        for key in ("minOccurs", "maxOccurs"):
            if element.get(key) is not None:
                choice.set(key, element.get(key, ""))
        parent.replace(element, choice)
        for name, abstract in group:
            if not abstract:
                _refer(choice, etree.QName(name))


def _refer(choice: etree._Element, name: etree.QName) -> None:
    """Add a reference to a choice. The prefix is the one in force there, whichever that is."""
    nsmap: dict[Any, str] = {"connector-member": name.namespace} if name.namespace else {}
    reference = etree.SubElement(choice, f"{{{XSD}}}element", nsmap=nsmap)
    known = reference.nsmap.items()
    prefix = next((each for each, namespace in known if namespace == name.namespace), None)
    reference.set("ref", f"{prefix}:{name.localname}" if prefix else name.localname)


def _restrictions(schema: etree._Element) -> Iterator[tuple[str, Restriction]]:
    for kind in schema.iterfind(f"{{{XSD}}}simpleType"):
        restriction = kind.find(f"{{{XSD}}}restriction")
        if restriction is None or not kind.get("name"):
            continue
        facets: dict[str, tuple[str, ...]] = {}
        for each in restriction:
            if isinstance(each.tag, str) and each.get("value") is not None:
                name = etree.QName(each).localname
                facets[name] = (*facets.get(name, ()), each.get("value", ""))
        base = _resolved(restriction, restriction.get("base")) or ""
        yield _declared(kind), Restriction(base, facets)


def _note_encoded(binding: etree._Element, made: Rewritten) -> None:
    for operation in binding.iterfind(f"{{{WSDL}}}operation"):
        for side in ("input", "output"):
            body = operation.find(f"{{{WSDL}}}{side}/{{*}}body")
            if body is not None and body.get("use") == "encoded":
                key = (binding.get("name") or "", operation.get("name") or "")
                made.encoded.setdefault(key, set()).add(side)


def _declared(element: etree._Element) -> str:
    """Return the qualified name of what a schema declares at its top."""
    schema = next(element.iterancestors(f"{{{XSD}}}schema"))
    return etree.QName(schema.get("targetNamespace") or None, element.get("name") or "").text


def _resolved(element: etree._Element, name: str | None) -> str | None:
    if not name:
        return None
    prefix, _, local = name.strip().rpartition(":")
    namespace = element.nsmap.get(prefix or None)
    return etree.QName(namespace, local).text
