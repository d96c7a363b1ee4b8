"""SOAP 1.1's encoding: references of an answer are resolved, arrays of a request say their type."""

from __future__ import annotations

import copy
from typing import Any

from lxml import etree
from zeep.exceptions import XMLParseError

from connector.mapping.wsdl.documents import SOAP_ENCODING
from connector.mapping.wsdl.parsed import children, is_simple, item

# More copies than this are no answer: references may be built to grow without end.
_MOST_COPIES = 50_000
_ENVELOPES = (
    "http://schemas.xmlsoap.org/soap/envelope/",
    "http://www.w3.org/2003/05/soap-envelope",
)
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


def resolved(envelope: etree._Element) -> None:
    """Replace references by what they refer to, and take the marks of the encoding away.

    Raises XMLParseError where a reference leads nowhere, or to itself.
    """
    body = envelope.find("{*}Body")
    if body is None or not len(body):
        return
    if any(each.get("href", "").startswith("#") for each in body.iter("*")):
        named = {each.get("id", ""): each for each in body.iter("*") if each.get("id")}
        namespaces = _types_qualified(body)
        _replace(body[0], named, (), [_MOST_COPIES])
        # Besides the answer, the body holds what was referred to.
        for each in list(body)[1:]:
            body.remove(each)
        _types_prefixed(body, namespaces)
    for each in body.iter("*"):
        for name in list(each.attrib):
            namespace = etree.QName(name).namespace
            if namespace == SOAP_ENCODING or namespace in _ENVELOPES:
                del each.attrib[name]


def arrays_typed(envelope: etree._Element, kind: Any) -> None:
    """Write into each array of a request what it holds and how much: servers read it by that."""
    content = envelope.find("{*}Body/*")
    if content is not None:
        _typed(content, kind)


def _typed(element: etree._Element, kind: Any) -> None:
    inner = item(kind)
    if inner is not None:
        name = etree.QName(inner.qname.text)
        element.set(f"{{{SOAP_ENCODING}}}arrayType", f"{_prefixed(element, name)}[{len(element)}]")
        for each in element:
            _typed(each, inner)
    elif not is_simple(kind):
        known = {child.name: child.kind for child in children(kind)}
        for each in element:
            _typed(each, known.get(etree.QName(each).localname))


def _prefixed(element: etree._Element, name: etree.QName) -> str:
    prefix = next((key for key, each in element.nsmap.items() if each == name.namespace), None)
    if prefix is None:
        # Declares the namespace here by the use of an attribute, which is then taken away.
        mark = f"{{{name.namespace}}}connector"
        element.set(mark, "")
        prefix = next(key for key, each in element.nsmap.items() if each == name.namespace)
        del element.attrib[mark]
    return f"{prefix}:{name.localname}" if prefix else name.localname


def _replace(
    element: etree._Element,
    named: dict[str, etree._Element],
    within: tuple[str, ...],
    budget: list[int],
) -> None:
    budget[0] -= 1
    if budget[0] < 0:
        raise XMLParseError("the answer refers to itself without end")
    reference = element.get("href", "")
    if reference.startswith("#"):
        name = reference[1:]
        if name not in named or name in within:
            raise XMLParseError(f"the answer refers to {name}, which it does not hold")
        source = named[name]
        within = (*within, name)
        del element.attrib["href"]
        element.text = source.text
        for key, value in source.attrib.items():
            element.set(key, value)
        element.extend([copy.deepcopy(child) for child in source])
    element.attrib.pop("id", "")
    for child in list(element):
        _replace(child, named, within, budget)


def _types_qualified(body: etree._Element) -> set[str]:
    """Write each xsi:type with its namespace instead of a prefix: prefixes do not move along."""
    namespaces: set[str] = set()
    for each in body.iter("*"):
        prefix, _, local = (each.get(_TYPE) or "").strip().rpartition(":")
        namespace = each.nsmap.get(prefix or None)
        if local and namespace:
            each.set(_TYPE, f"{{{namespace}}}{local}")
            namespaces.add(namespace)
    return namespaces


def _types_prefixed(body: etree._Element, namespaces: set[str]) -> None:
    content = body[0]
    more = sorted(namespaces - set(content.nsmap.values()))
    more_prefixes = {f"type{number}": each for number, each in enumerate(more)}
    nsmap: Any = content.nsmap | more_prefixes
    attributes: Any = content.attrib
    renewed = etree.Element(content.tag, attributes, nsmap=nsmap)
    renewed.text = content.text
    renewed.extend(list(content))
    body.replace(content, renewed)
    for each in renewed.iter("*"):
        name = each.get(_TYPE)
        if name and name.startswith("{"):
            kind = etree.QName(name)
            prefix = next(key for key, known in each.nsmap.items() if known == kind.namespace)
            each.set(_TYPE, f"{prefix}:{kind.localname}" if prefix else kind.localname)
