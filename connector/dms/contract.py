"""The WSDL's own schema, held against every request and every answer."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from lxml import etree

from connector.mapping.wsdl.documents import XSD, Description, packaged, parse, references
from connector.mapping.wsdl.rewriting import for_libxml2, mentioned
from connector.wording import Said, quoted, systems

_log = structlog.get_logger(__name__)

_ROOT = "urn:connector:whole-schema"
_INCLUDED = (f"{{{XSD}}}include", f"{{{XSD}}}redefine")


@dataclass(frozen=True)
class Wrapper:
    """The element that RPC style puts around the parts of a message: (part, type or element)."""

    name: etree.QName
    parts: Sequence[tuple[str, etree.QName, bool]]


class Contract:
    """What the WSDL's schemas allow, across all its documents. Used by one thread.

    `wrappers` are the messages of RPC style, which no schema declares. `deepest` bounds the
    nesting of elements.
    """

    def __init__(
        self, description: Description, wrappers: Iterable[Wrapper] = (), deepest: int = 100
    ) -> None:
        self._deepest = deepest
        schemas = _Schemas(description)
        wrapped = {each.name.text: each for each in wrappers}
        self._document = schemas.compiled(())
        self._rpc = schemas.compiled(tuple(wrapped.values())) if wrapped else None
        self._known = schemas.namespaces
        self._wrapped = set(wrapped)

    def judges(self, wrapper: etree.QName | None) -> bool:
        """Whether there is a schema for messages: of RPC style (`wrapper`), or else of document."""
        return (self._rpc if wrapper is not None else self._document) is not None

    def findings(
        self,
        envelope: etree._Element,
        wrapper: etree.QName | None = None,
        *,
        measured: bool = False,
        encoded: bool = False,
    ) -> list[str]:
        """Return how the body of an envelope breaks the schema, each with its path.

        No schema describes what is `encoded`: only its depth is looked at.

        `wrapper` is the name that the content of an RPC body goes by in the schema, whatever the
        server calls it. What is `measured` is known not to be too deep.
        """
        body = envelope.find("{*}Body")
        if body is None:
            return ["there is no SOAP body"]
        if not measured and _depth(body, self._deepest) > self._deepest:
            return [f"nested deeper than {self._deepest} elements"]
        found: list[str] = []
        for element in () if encoded else body:
            if not isinstance(element.tag, str):
                continue
            name = etree.QName(element)
            if name.localname == "Fault":
                continue
            if wrapper is not None and self._rpc is not None and wrapper.text in self._wrapped:
                message = etree.fromstring(etree.tostring(element))  # a copy, to be renamed
                message.tag = wrapper.text
                found += _broken(self._rpc, message)
            elif name.namespace in self._known and self._document is not None:
                found += _broken(self._document, element)
        return found


def _broken(schema: etree.XMLSchema, message: etree._Element) -> list[str]:
    if schema.validate(message):
        return []
    return [_told(entry) for entry in schema.error_log]  # type: ignore[attr-defined]


class _Schemas:
    """All schemas of a WSDL as one, with their imports led to each other."""

    def __init__(self, description: Description) -> None:
        self._files: dict[str, bytes] = {}
        documents = dict(description.documents)
        for namespace in mentioned(description.documents.values()):
            documents[namespace] = packaged(namespace) or b""
        roots = {location: parse(content) for location, content in documents.items()}
        standing: dict[str, str] = {}  # location of a document that is a schema → its name here
        for number, (location, root) in enumerate(roots.items()):
            if root.tag == f"{{{XSD}}}schema":
                standing[location] = f"document-{number}"
        top: list[tuple[str, str]] = []  # namespace, name here
        loose: list[tuple[str, etree._Element, str]] = []
        included: set[str] = set()
        for number, (location, root) in enumerate(roots.items()):
            targets = references(root, location)
            included |= {where for each, where in targets.items() if each.tag in _INCLUDED}
            if location in standing:
                loose.append((standing[location], root, location))
                continue
            for place, schema in enumerate(root.iter(f"{{{XSD}}}schema")):
                name = f"inline-{number}-{place}"
                whole = etree.fromstring(etree.tostring(schema))
                loose.append((name, whole, location))
                top.append((whole.get("targetNamespace") or "", name))
        for name, schema, location in loose:
            if location in standing and location not in included:
                top.append((schema.get("targetNamespace") or "", name))
        self.namespaces = {namespace for namespace, _ in top}
        self._top = top
        for name, schema, location in loose:
            for_libxml2(schema)
            self._lead(schema, location, standing)
            self._files[name] = etree.tostring(schema)

    def _lead(self, schema: etree._Element, location: str, standing: dict[str, str]) -> None:
        targets = references(schema, location)
        for element in schema.iter(f"{{{XSD}}}import", *_INCLUDED):
            element.attrib.pop("schemaLocation", "")
            if element.tag in _INCLUDED:
                name = standing.get(targets.get(element, ""))
                if name:
                    element.set("schemaLocation", f"{name}.xsd")
            elif (namespace := element.get("namespace") or "") in self.namespaces:
                element.set("schemaLocation", _file(namespace))

    def compiled(self, wrappers: Sequence[Wrapper]) -> etree.XMLSchema | None:
        """Return one schema for everything; None when the WSDL has no schema that stands."""
        files = {f"{name}.xsd": content for name, content in self._files.items()}
        by_namespace: dict[str, list[str]] = {}
        for namespace, name in self._top:
            by_namespace.setdefault(namespace, []).append(name)
        for number, wrapper in enumerate(wrappers):
            name = f"wrapper-{number}"
            files[f"{name}.xsd"] = _declared(wrapper, self.namespaces)
            by_namespace.setdefault(wrapper.name.namespace or "", []).append(name)
        root = etree.Element(f"{{{XSD}}}schema", targetNamespace=_ROOT)
        for namespace, names in by_namespace.items():
            files[_file(namespace)] = _together(namespace, names)
            attributes = {"schemaLocation": _file(namespace)}
            if namespace:
                attributes["namespace"] = namespace
            etree.SubElement(root, f"{{{XSD}}}import", attributes)
        files["root.xsd"] = etree.tostring(root)
        # As files: what lxml resolves by itself it resolves wrongly while other threads parse.
        with tempfile.TemporaryDirectory(prefix="schema-") as folder:
            for file, content in files.items():
                (Path(folder) / file).write_bytes(content)
            try:
                return etree.XMLSchema(file=str(Path(folder) / "root.xsd"))
            except etree.XMLSchemaParseError as error:
                # What libxml2 cannot compile is held against the types alone (judging.py).
                _log.warning("a schema of the WSDL cannot be compiled", error=str(error)[:200])
                return None


def _file(namespace: str) -> str:
    return f"of-{hashlib.sha256(namespace.encode()).hexdigest()[:16]}.xsd"


def _together(namespace: str, names: Sequence[str]) -> bytes:
    attributes = {"targetNamespace": namespace} if namespace else {}
    schema = etree.Element(f"{{{XSD}}}schema", attributes)
    for name in names:
        etree.SubElement(schema, f"{{{XSD}}}include", {"schemaLocation": f"{name}.xsd"})
    return etree.tostring(schema)


def _declared(wrapper: Wrapper, known: set[str]) -> bytes:
    """Declare an RPC wrapper: its parts without namespace, each of its own type."""
    used = {name.namespace for _, name, _ in wrapper.parts if name.namespace}
    prefixes = {f"n{number}": namespace for number, namespace in enumerate(sorted(used))}
    attributes = {"targetNamespace": wrapper.name.namespace} if wrapper.name.namespace else {}
    schema = etree.Element(f"{{{XSD}}}schema", attributes, nsmap={"xs": XSD, **prefixes})
    for namespace in sorted(used - {XSD, wrapper.name.namespace}):
        imported = etree.SubElement(schema, f"{{{XSD}}}import", {"namespace": namespace})
        if namespace in known:
            imported.set("schemaLocation", _file(namespace))
    element = etree.SubElement(schema, f"{{{XSD}}}element", {"name": wrapper.name.localname})
    content = etree.SubElement(element, f"{{{XSD}}}complexType")
    sequence = etree.SubElement(content, f"{{{XSD}}}sequence")
    for part, name, is_element in wrapper.parts:
        prefix = next(
            (each for each, namespace in prefixes.items() if namespace == name.namespace), ""
        )
        reference = f"{prefix}:{name.localname}" if prefix else name.localname
        etree.SubElement(
            sequence,
            f"{{{XSD}}}element",
            {"ref": reference} if is_element else {"name": part, "type": reference},
        )
    # Servers of the older school write encodingStyle here.
    etree.SubElement(content, f"{{{XSD}}}anyAttribute", {"processContents": "lax"})
    return etree.tostring(schema)


# What libxml2 says of a facet → the same in a sentence; the text is that of its message.
_FACETS: Mapping[str, tuple[str, Callable[..., Said]]] = {
    "enumeration": (
        r"element of the set \{(.*)\}",
        lambda allowed: systems.NONE_OF(allowed=allowed),
    ),
    "pattern": (
        r"accepted by the pattern '(.*)'",
        lambda pattern: systems.NOT_OF_FORM(pattern=pattern),
    ),
    "maxLength": (
        r"length of '(\d+)'.*maximum length of '(\d+)'",
        lambda length, most: systems.CHARACTERS(length=length, most=most),
    ),
    "minLength": (
        r"length of '(\d+)'.*minimum length of '(\d+)'",
        lambda length, least: systems.TOO_SHORT(length=length, least=least),
    ),
    "totalDigits": (r"\('(\d+)'\)", lambda most: systems.MORE_DIGITS(most=most)),
    "fractionDigits": (r"\('(\d+)'\)", lambda most: systems.MORE_DECIMALS(most=most)),
}


def _facet(message: str) -> Said | None:
    facet = re.search(r"\[facet '(\w+)'\]", message)
    pattern, say = _FACETS.get(facet[1] if facet else "", ("", None))
    told = re.search(pattern, message) if say is not None else None
    return say(*told.groups()) if say is not None and told is not None else None


def _told(entry: etree._LogEntry) -> Said:
    path = "/".join(
        part.rpartition(":")[2] for part in (entry.path or "").split("/") if part and part != "*"
    )
    # Values are not repeated: they may be personal.
    return systems.NAMED(name=path, message=_facet(entry.message) or _without_values(entry.message))


def _without_values(message: str) -> Said:
    head, mark, tail = message.replace("Element ", "", 1).partition("The value ")
    if not mark:
        return quoted(head[:300])
    return quoted(f"{head}the value {tail.partition(chr(39) + ' ')[2] or tail}"[:300])


def _depth(element: etree._Element, most: int) -> int:
    """Return how deep elements are nested, or `most` and one where it is more."""
    depth, level = 0, [element]
    while level and depth <= most:
        depth += 1
        level = [child for each in level for child in each]
    return depth
