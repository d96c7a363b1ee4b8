"""Writes requests by a plan that is made once of what the WSDL says of an operation.

zeep walks all its types with every request, twice, and makes objects of the values on the way,
which costs more than all the rest of a call. For what is plain (document style, one sequence of
elements in each type) the plan writes the same at a fraction of it. What is not plain is zeep's,
and so is every request that a plan cannot place: zeep writes it, or says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from lxml import etree
from zeep.wsdl.messages.soap import DocumentMessage
from zeep.xsd.elements import Element, Sequence
from zeep.xsd.types import AnySimpleType, ComplexType

# Adds the text of an element and all within it.
Write = Callable[[list[str], Any], None]
# No plan writes elements nested deeper than this, the SOAP body counted.
DEEPEST = 30
_VALUES = frozenset({str, int, bool, Decimal, date, datetime})


class _NotPlain(Exception):
    """Raised where zeep must write."""


class Plan:
    """How the requests of one operation are written. Used by one thread."""

    def __init__(self, bound: Any, headers: Mapping[str, str]) -> None:
        message = bound.input
        body = message.body
        wrapped = message._is_body_wrapped or bound.abstract.wsa_action
        if not isinstance(message, DocumentMessage) or body is None or wrapped:
            raise _NotPlain
        tags = _Tags(
            {**message.wsdl.types._prefix_map_custom, "soap-env": message.nsmap["soap-env"]}
        )
        write = _nested(tags.of(body.qname), _complex(body.type, (), tags))
        self._write = _nested(
            f"soap-env:Envelope{tags.declared()}", _nested("soap-env:Body", write)
        )
        self.headers = dict(headers)

    @classmethod
    def proven(
        cls,
        bound: Any,
        headers: Mapping[str, str],
        request: Mapping[str, Any],
        envelope: etree._Element,
    ) -> Plan | None:
        """Return the plan of an operation, if it writes this request just as zeep did."""
        try:
            plan = cls(bound, headers)
        except _NotPlain:
            return None
        written = plan.envelope(request)
        same = written is not None and _canonical(written) == _canonical(envelope)
        return plan if same else None

    def envelope(self, request: Mapping[str, Any]) -> etree._Element | None:
        """Return the envelope of a request, or None where zeep must write it."""
        text: list[str] = []
        try:
            self._write(text, request)
            return etree.fromstring("".join(text))
        except (_NotPlain, TypeError, ValueError, etree.XMLSyntaxError):
            return None


class _Tags:
    """The names of elements with their prefixes, and the prefixes that were needed."""

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self._prefixes = {namespace: prefix for prefix, namespace in prefixes.items()}

    def of(self, name: etree.QName) -> str:
        if not name.namespace:
            return name.localname
        prefix = self._prefixes.setdefault(name.namespace, f"p{len(self._prefixes)}")
        return f"{prefix}:{name.localname}"

    def declared(self) -> str:
        return "".join(
            f" xmlns:{prefix}={quoteattr(namespace)}"
            for namespace, prefix in self._prefixes.items()
        )


def _canonical(envelope: etree._Element) -> str:
    """Return what an envelope says, whatever its prefixes."""
    return str(etree.canonicalize(envelope, rewrite_prefixes=True))


def _complex(kind: Any, within: tuple[Any, ...], tags: _Tags) -> Write:
    """Return what writes the children of an element of this type."""
    if type(kind).render is not ComplexType.render or kind._array_type or kind.attributes:
        raise _NotPlain
    nested = [container for _, container in kind.elements_nested]
    if len(nested) != 1 or kind in within:  # a type that contains itself has no end
        raise _NotPlain
    if len(within) > DEEPEST - 3:  # body, the element of the operation, and these children
        raise _NotPlain
    (container,) = nested
    if type(container) is not Sequence or container.accepts_multiple or container.is_optional:
        raise _NotPlain
    inside = (*within, kind)
    fields = [_field(name, each, inside, tags) for name, each in container.elements_nested]

    def write(text: list[str], value: Any) -> None:
        if type(value) is not dict:
            raise _NotPlain
        placed = 0
        for name, required, write_field in fields:
            if name in value:
                write_field(text, value[name])
                placed += 1
            elif required:
                raise _NotPlain
        if placed != len(value):
            raise _NotPlain

    return write


def _field(
    name: str, element: Any, within: tuple[Any, ...], tags: _Tags
) -> tuple[str, bool, Write]:
    if type(element) is not Element:
        raise _NotPlain
    tag, kind = tags.of(element.qname), element.type
    simple = type(kind).render is AnySimpleType.render
    write = _simple(tag, kind.xmlvalue) if simple else _nested(tag, _complex(kind, within, tags))
    if element.accepts_multiple:
        write = _repeated(write, element.min_occurs, element.max_occurs)
    return name, not element.is_optional, write


def _simple(tag: str, text_of: Callable[[Any], str]) -> Write:
    begins, ends = f"<{tag}>", f"</{tag}>"

    def write(text: list[str], value: Any) -> None:
        if type(value) not in _VALUES:
            raise _NotPlain
        # A bare carriage return would be read as a line feed.
        text += (begins, escape(text_of(value)).replace("\r", "&#13;"), ends)

    return write


def _nested(tag: str, inner: Write) -> Write:
    begins, ends = f"<{tag}>", f"</{tag.partition(' ')[0]}>"

    def write(text: list[str], value: Any) -> None:
        text.append(begins)
        inner(text, value)
        text.append(ends)

    return write


def _repeated(once: Write, least: int, most: int | str) -> Write:
    limit = float("inf") if most == "unbounded" else int(most)

    def write(text: list[str], value: Any) -> None:
        if type(value) is not list or not least <= len(value) <= limit:
            raise _NotPlain
        for each in value:
            once(text, each)

    return write
