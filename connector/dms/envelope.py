"""Reads the envelope of an HTTP answer as servers send it, and its faults as they write them."""

from __future__ import annotations

import base64
import codecs
import re
from email.message import Message as Headers
from email.parser import BytesParser
from urllib.parse import unquote

import requests
from lxml import etree
from zeep.exceptions import Fault, XMLParseError

from connector.dms.errors import unreadable

# Statuses under which faults come besides good ones; 400 is SOAP 1.2's for the sender's.
_FAULTS = (400, 500)
_XOP = "{http://www.w3.org/2004/08/xop/include}Include"
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_DECLARED = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
# What servers write by habit for every answer: it proves nothing where the document says otherwise.
_HABITUAL = frozenset({"iso8859-1", "ascii", "cp1252"})
# What is named after the smaller set is often of the larger.
_LARGER = {"gb2312": "gb18030", "gbk": "gb18030"}


def envelope_of(response: requests.Response) -> etree._Element:
    """Return the envelope of an answer. Raises Fault for one, and what says why there is none."""
    good = 200 <= response.status_code < 300
    if not (good or response.status_code in _FAULTS) or not response.content:
        raise unreadable(response)
    document = _document(response)
    if etree.QName(document).localname != "Envelope":
        raise unreadable(response)
    fault = document.find("{*}Body/{*}Fault")
    if fault is not None:
        raise _fault(fault)
    if not good:
        raise unreadable(response)
    return document


def parsed(content: bytes, charset: str | None = None) -> etree._Element:
    """Parse what a server sent; comments do not cut values. Raises what says why it cannot be."""
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    document = etree.fromstring(_text(content, charset), parser)
    if document.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise XMLParseError("a document type is not accepted")
    return document


def _document(response: requests.Response) -> etree._Element:
    headers = Headers()
    headers["Content-Type"] = response.headers.get("Content-Type", "text/xml")
    charset = headers.get_param("charset")
    if headers.get_content_maintype() != "multipart":
        return parsed(response.content, charset if isinstance(charset, str) else None)
    return _of_parts(response, headers)


def _of_parts(response: requests.Response, headers: Headers) -> etree._Element:
    """Return the root of a multipart answer, with its attachments put where they belong."""
    head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode("latin-1", "replace")
    whole = BytesParser().parsebytes(head + response.content)
    parts = [each for each in whole.walk() if not each.is_multipart()]
    if not parts or not whole.is_multipart():
        raise XMLParseError("a multipart answer without parts")
    by_id = {_id(part): part for part in parts}
    start = headers.get_param("start")
    root = by_id.get(start.strip("<>") if isinstance(start, str) else "", parts[0])
    charset = root.get_param("charset")
    document = parsed(_content(root), charset if isinstance(charset, str) else None)
    for include in list(document.iter(_XOP)):
        name = unquote((include.get("href") or "").removeprefix("cid:"))
        around = include.getparent()
        if name not in by_id or around is None:
            raise XMLParseError("an attachment of the answer is missing")
        around.remove(include)
        around.text = base64.b64encode(_content(by_id[name])).decode()
    return document


def _id(part: Headers) -> str:
    return str(part.get("Content-ID", "")).strip().strip("<>")


def _content(part: Headers) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text(content: bytes, charset: str | None) -> bytes:
    """Return the document as UTF-8 without declaration, whatever it came in.

    The header's charset counts before the document's own word, as HTTP says; what cannot be read
    by it is read by the other.
    """
    for mark, name in _BOMS.items():
        if content.startswith(mark):
            return _decoded(content, name)
    if b"\x00" in content[:4]:
        return content  # of two bytes a character and without a mark: the parser's own matter
    match = _DECLARED.match(content)
    declared = match[1].decode("ascii") if match else None
    wanted = [each for each in (charset, declared) if each and _known(each)]
    if declared and charset and _known(charset) in _HABITUAL:
        wanted.reverse()
    for name in (*wanted, "utf-8"):
        try:
            return _decoded(content, _LARGER.get(_known(name) or "", name))
        except UnicodeError:
            continue
    return content.lstrip()


def _decoded(content: bytes, name: str) -> bytes:
    text = content.decode(name).lstrip("\ufeff \t\r\n")
    return _DECLARATION.sub("", text).lstrip().encode()


def _known(name: str) -> str | None:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def _fault(fault: etree._Element) -> Fault:
    """Return a fault of either version of SOAP, in an envelope of either."""
    codes = [_word(each) for each in fault.iterfind("{*}Code//{*}Value")]
    if codes:
        return Fault(
            message=_word(fault.find("{*}Reason/{*}Text")),
            code=codes[0],
            actor=None,
            detail=fault.find("{*}Detail"),
            subcodes=codes[1:],
        )
    return Fault(
        message=_word(fault.find("{*}faultstring")),
        code=_word(fault.find("{*}faultcode")),
        actor=_word(fault.find("{*}faultactor")),
        detail=fault.find("{*}detail"),
    )


def _word(element: etree._Element | None) -> str | None:
    return element.text.strip() if element is not None and element.text else None
