"""Messages that travel as a text within a message: XML or JSON, written and read."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from lxml import etree

from connector.mapping.convert import ConversionError
from connector.mapping.expression import One

Form = Literal["xml", "json"]

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
# A value within a complaint of libxml2, which may be personal.
_VALUE = re.compile(r"(?:The value )?'.*'(?= is not a)|The value '.*?'(?= )", re.DOTALL)
_NAME = re.compile(r"[^\W\d][\w.-]*")
_NAMED = re.compile(r"(?:\{([^{}]*)\})?(.*)", re.DOTALL)


class CData(str):
    """A text that stands in a CDATA section on the wire."""

    __slots__ = ()


class Schema:
    """An XML Schema that texts are held against. Threads share it. Raises ValueError."""

    def __init__(self, content: bytes) -> None:
        self._lock = threading.Lock()
        try:
            self._schema = etree.XMLSchema(_tree(content))
        except (etree.XMLSyntaxError, etree.XMLSchemaParseError) as error:
            raise ValueError(f"is no XML Schema: {error}") from None

    def complaint(self, root: etree._Element) -> str:
        """Return what the schema has against a document, without values; "" for nothing."""
        with self._lock:
            if self._schema.validate(root):
                return ""
            entry = next(iter(self._schema.error_log))  # type: ignore[call-overload]
            return _VALUE.sub("the value", str(entry.message))[:200]


def is_element(name: str) -> bool:
    """Whether a name can be that of an element, an attribute (`@name`) or the text (`#text`)."""
    return name == "#text" or _NAME.fullmatch(name.removeprefix("@")) is not None


def is_root(name: str) -> bool:
    """Whether a name can be that of a root: `name`, or `{namespace}name`."""
    found = _NAMED.fullmatch(name)
    return found is not None and _NAME.fullmatch(found[2]) is not None


def written(
    body: Mapping[str, Any], form: Form, root: str, schema: Schema | None, *, cdata: bool
) -> str:
    """Return a message as a text. Raises ConversionError for what the form cannot carry."""
    if form == "json":
        text = _json(body)
        # What would end a CDATA section stands in a text of the message, where it can be escaped.
        return CData(text.replace("]]>", "]]\\u003e")) if cdata else text
    namespace, name = _NAMED.fullmatch(root).groups()  # type: ignore[union-attr]
    try:
        element = etree.Element(
            f"{{{namespace}}}{name}" if namespace else name,
            nsmap={None: namespace} if namespace else None,  # type: ignore[dict-item]
        )
        _fill(element, body, namespace or "")
    except ValueError:
        raise ConversionError("holds a character that XML cannot carry") from None
    complaint = schema.complaint(element) if schema is not None else ""
    if complaint:
        raise ConversionError(complaint)
    text = etree.tostring(element, encoding="unicode")
    return CData(text) if cdata else text


def parsed(text: Any, form: Form, schema: Schema | None = None) -> Mapping[str, Any]:
    """Return what a text says. Raises ConversionError for one that is not of the form."""
    if not isinstance(text, str) or not text.strip():
        raise ConversionError("is empty")
    text = text.lstrip("\ufeff \t\r\n")
    if form == "json":
        try:
            said = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise ConversionError("is no JSON") from None
        return said if isinstance(said, dict) else {"value": said}
    try:
        # What it declares of its bytes was true before it became a text.
        root = _tree(_DECLARATION.sub("", text).encode())
    except (etree.XMLSyntaxError, ValueError):
        raise ConversionError("is no XML") from None
    complaint = schema.complaint(root) if schema is not None else ""
    if complaint:
        raise ConversionError(complaint)
    said = read(root)
    return said if isinstance(said, dict) else {"#text": said}


def _tree(content: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True,
        remove_pis=True,
    )  # fmt: skip
    root = etree.fromstring(content, parser)
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise ValueError("a document type is not accepted")
    return root


def _fill(element: etree._Element, value: Any, namespace: str) -> None:
    if not isinstance(value, Mapping):
        element.text = _text(value)
        return
    for name, inner in value.items():
        if name == "#text":
            element.text = _text(inner)
        elif name.startswith("@"):
            element.set(name[1:], _text(inner))
        else:
            tag = f"{{{namespace}}}{name}" if namespace else name
            for each in inner if isinstance(inner, list) else [inner]:
                _fill(etree.SubElement(element, tag), each, namespace)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _json(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = (f"{_json(str(name))}: {_json(each)}" for name, each in value.items())
        return f"{{{', '.join(inner)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    if isinstance(value, Decimal):
        return f"{value:f}"  # to the last digit, as no float would be
    if isinstance(value, date | datetime):
        value = value.isoformat()
    return json.dumps(value, ensure_ascii=False)


def read(element: etree._Element) -> Any:
    """Return an element's text, or its attributes and children by their local names."""
    if not len(element) and not element.attrib:
        return element.text or ""
    found = One({f"@{etree.QName(name).localname}": text for name, text in element.attrib.items()})
    for child in element:
        name, value = etree.QName(child).localname, read(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    if not len(element):
        found["#text"] = element.text or ""
    return found


def _no_number(text: str) -> Any:
    raise ValueError(text)
