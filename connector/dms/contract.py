"""The WSDL's own schema, held against every request and every answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from lxml import etree

XSD = "http://www.w3.org/2001/XMLSchema"
_DEEPEST = 100


class Contract:
    """What the WSDL's schemas allow. `hash` tells when the WSDL changed."""

    def __init__(self, schemas: Sequence[etree._Element]) -> None:
        self._by_namespace: dict[str, etree.XMLSchema] = {}
        digest = hashlib.sha256()
        for schema in schemas:
            digest.update(etree.tostring(schema, method="c14n"))
            namespace = schema.get("targetNamespace") or ""
            try:
                self._by_namespace[namespace] = etree.XMLSchema(schema)
            except etree.XMLSchemaParseError:
                # A schema that refers to others by namespace alone cannot be held up by itself;
                # zeep's own checks remain.
                continue
        self.hash = digest.hexdigest()

    def findings(self, envelope: etree._Element) -> list[str]:
        """Return how the body of an envelope breaks the schema, each with its path."""
        body = envelope.find("{*}Body")
        if body is None:
            return ["there is no SOAP body"]
        if _depth(body) > _DEEPEST:
            return [f"nested deeper than {_DEEPEST} elements"]
        found: list[str] = []
        for element in body:
            if not isinstance(element.tag, str):
                continue
            name = etree.QName(element)
            schema = self._by_namespace.get(name.namespace or "")
            if schema is None or name.localname == "Fault":
                continue
            # A copy of its own: paths then begin at the message, and validation sees no more.
            message = etree.fromstring(etree.tostring(element))
            if not schema.validate(message):
                found += [_told(entry) for entry in schema.error_log]  # type: ignore[attr-defined]
        return found


def _told(entry: etree._LogEntry) -> str:
    path = "/".join(
        part.rpartition(":")[2] for part in (entry.path or "").split("/") if part and part != "*"
    )
    message = entry.message.replace("Element ", "", 1)
    # Values are not repeated: they may be personal.
    return f"{path}: {_without_values(message)}"


def _without_values(message: str) -> str:
    head, mark, tail = message.partition("The value ")
    if not mark:
        return message[:300]
    return f"{head}the value {tail.partition(chr(39) + ' ')[2] or tail}"[:300]


def _depth(element: etree._Element) -> int:
    deepest, stack = 0, [(element, 1)]
    while stack:
        each, depth = stack.pop()
        deepest = max(deepest, depth)
        if deepest > _DEEPEST:
            return deepest
        stack += [(child, depth + 1) for child in each]
    return deepest
