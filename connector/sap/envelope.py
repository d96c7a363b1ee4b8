"""The envelope of SOAP-RFC: a call's parameters to XML, and an answer or fault back.

Two styles of names: `rfc` keeps them as they are in ABAP (service /sap/bc/soap/rfc); `mc` has
them in mixed case (services made in SOAMANAGER, below /sap/bc/srt/rfc).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from lxml import etree

from connector.bounded import AnswerLimits
from connector.errors import ConnectorError, InDoubt, Misconfigured, RetryLater
from connector.sap.errors import logon_failed, of_abap
from connector.sap.port import Answer, Parameters
from connector.wording import systems

_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_SESSION = "http://www.sap.com/webas/630/soap/features/session/"
_RFC = "urn:sap-com:document:sap:rfc:functions"
_MC = "urn:sap-com:document:sap:soap:functions:mc-style"

# What XML 1.0 cannot carry (controls, lone surrogates) would break the whole call.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Style = Literal["rfc", "mc"]


def request_xml(
    function: str,
    parameters: Parameters,
    style: Style,
    tables: Sequence[str] = (),
    command: str = "",
) -> bytes:
    """Return the SOAP envelope of a call, with those `tables` empty that the parameters leave.

    `command` opens or closes a session: services of SOAMANAGER read it here.
    """
    namespace = _RFC if style == "rfc" else _MC
    envelope = etree.Element(f"{{{_ENVELOPE}}}Envelope", nsmap={"soap": _ENVELOPE})
    if command:
        header = etree.SubElement(envelope, f"{{{_ENVELOPE}}}Header")
        session = etree.SubElement(header, f"{{{_SESSION}}}Session", nsmap={"sapsess": _SESSION})
        etree.SubElement(session, "enableSession").text = "true" if command == "open" else "false"
    body = etree.SubElement(envelope, f"{{{_ENVELOPE}}}Body")
    root = etree.SubElement(
        body, f"{{{namespace}}}{name_in(function, style)}", nsmap={"rfc": namespace}
    )
    empty: dict[str, list[Any]] = {name: [] for name in tables if name not in parameters}
    for name, value in {**parameters, **empty}.items():
        _write(root, name_in(name, style), value, style)
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")


def _write(parent: etree._Element, name: str, value: Any, style: Style) -> None:
    element = etree.SubElement(parent, name)
    if isinstance(value, str):
        # Most values are text; asking that first spares the slower question below.
        element.text = _UNPRINTABLE.sub(" ", value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            _write(element, name_in(key, style), inner, style)
    elif isinstance(value, list | tuple):
        for row in value:
            _write(element, "item", row, style)
    elif value is not None:
        element.text = _text(value)


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bool):
        return "X" if value else ""
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    return _UNPRINTABLE.sub(" ", str(value))


def name_in(name: str, style: Style) -> str:
    """Return the name of a parameter, field or function module in a style."""
    if style == "rfc":
        return name.replace("/", "_-")
    if "/" in name:
        raise Misconfigured(
            f"mixed case has no form for {name}",
            place="sap.namespace_style",
            remedy="use a service with `namespace_style: rfc` for names with a namespace",
        )
    return "".join(part.capitalize() for part in name.split("_"))


def read_answer(
    status: int,
    content: bytes,
    function: str,
    names: Mapping[str, str] | None = None,
    style: Style = "rfc",
    deepest: int = AnswerLimits.deepest,
) -> Answer:
    """Read an answer's envelope; types every error. It must be the answer of this function.

    `names` are those of the interface by their form in this style: mixed case does not tell
    NAME2 from NAME_2.
    """
    place = f"SAP {function}"
    if status == 401:
        raise logon_failed(_plain(content), place)
    if 300 <= status < 400 or status in (403, 404):
        raise Misconfigured(
            f"HTTP {status}",
            place=place,
            remedy="check sap.url, and in SICF that the service is active and permitted",
        )
    if status == 503:
        # The ICM answers so when it has no work process or session; so may whoever stands before.
        busy = RetryLater(systems.NO_SESSION(), place=place)
        busy.no_effect = False
        raise busy
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        document = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        raise InDoubt(systems.UNREADABLE_ANSWER(status=status), place=place) from None
    if document.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise InDoubt(systems.DOCUMENT_TYPE(), place=place)
    fault = document.find(f".//{{{_ENVELOPE}}}Fault")
    if fault is not None:
        raise _of_fault(fault, place)
    body = document.find(f"{{{_ENVELOPE}}}Body")
    answered = _elements(body)[:1] if status == 200 and body is not None else []
    if not answered:
        raise InDoubt(systems.NO_ANSWER(status=status), place=place)
    root, name = str(etree.QName(answered[0]).localname), name_in(function, style)
    if root not in (f"{name}.Response", f"{name}Response"):
        raise InDoubt(systems.OTHER_ANSWER(answered=root[:60]), place=place)
    try:
        return {
            _upper(child, names or {}): _value(child, names or {}, deepest)
            for child in _elements(answered[0])
        }
    except _TooDeep:
        raise InDoubt(systems.OF_NO_SHAPE(what="answers.deepest"), place=place) from None


def _elements(parent: etree._Element) -> list[etree._Element]:
    return [child for child in parent if isinstance(child.tag, str)]


def _of_fault(fault: etree._Element, place: str) -> ConnectorError:
    words = [text.strip() for text in fault.itertext() if isinstance(text, str) and text.strip()]
    said = fault.findtext("faultstring") or ""
    key = said.rpartition(":")[2].strip() or (words[0] if words else "fault")
    return of_abap(key, words, place, _message_in(fault))


def _message_in(fault: etree._Element) -> str:
    """Return the class and number of the message that an exception was raised with, if any."""
    found = {str(etree.QName(each).localname).upper(): (each.text or "").strip()
             for each in fault.iter() if isinstance(each.tag, str)}  # fmt: skip
    identity, number = found.get("ID", ""), found.get("NUMBER", "")
    return f"{identity}/{number.zfill(3)}" if identity and number else ""


def _plain(content: bytes) -> str:
    """Return the words of a page that stands instead of an answer, shortened."""
    text = re.sub(r"<[^>]*>", " ", content[:2000].decode("utf-8", "replace"))
    return " ".join(text.split())[:100]


class _TooDeep(Exception):
    """Elements stand deeper within one another than an answer may have them."""


def _value(element: etree._Element, names: Mapping[str, str], deeper: int) -> Any:
    if not deeper:
        raise _TooDeep
    children = _elements(element)
    if not children:
        return element.text or ""
    if all(etree.QName(child).localname == "item" for child in children):
        return [_value(child, names, deeper - 1) for child in children]
    return {_upper(child, names): _value(child, names, deeper - 1) for child in children}


def _upper(element: etree._Element, names: Mapping[str, str]) -> str:
    name = str(etree.QName(element).localname)
    if name in names:
        return names[name]
    if name.upper() == name:
        return name.replace("_-", "/")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()
