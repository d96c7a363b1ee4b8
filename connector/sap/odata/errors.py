"""What an HTTP answer of SAP's means that is not the one asked for, as a table.

Of a write only SAP's own refusal proves that nothing was done: an error document of OData V2 with
a status of 4xx, or, of a change that named the state it is made to, what HTTP itself defines so
(412, 428). A logon page, a redirect, a gateway's refusal in JSON of its own, its 429 or 502, or a
page of a proxy may come after the work, and are in doubt. So is a good status that is another than
the one that belongs to the request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lxml import etree

from connector import retry_after
from connector.errors import (
    ConnectorError,
    InDoubt,
    LogonFailed,
    Misconfigured,
    Rejected,
    RetryLater,
    without_effect,
)
from connector.sap.errors import logon_failed
from connector.sap.passing import locked
from connector.wording import quoted, systems

_HTML = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*+)*+(<!doctype html|<html)", re.I | re.S
)
_LOGON_PAGE = re.compile(
    rb"sap-user|sap-password|j_username|samlrequest|samlresponse|type=.?password"
    rb"|\blog[ -]?(in|on)\b",
    re.I,
)
_LOGON_REMEDY = "check how sap.authentication logs on, and that the service does not ask a browser"
# The framework's own words: the request is not understood, or the service is not to be had.
_FRAMEWORK = "/IWFND/"
_FURTHER = 5
# Refusals of a change that names a state, by HTTP's own definition: nothing was done.
_OF_A_STATE = (412, 428)
# The statuses of done: a read gives what it found, a creation what it made, a change says so.
_READ, _WRITTEN = (200,), (200, 201, 204)
_METADATA = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
# Severities of messages that are none of an error; another one is an error, whatever it is called.
_HARMLESS = frozenset({"success", "info", "information", "warning"})
_WORDS = 300


class Reply(NamedTuple):
    """An HTTP answer as it came."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Message(NamedTuple):
    """A message of an error document; the code is class/number, as T100 has it."""

    code: str
    text: str


def token_required(reply: Reply) -> bool:
    """Whether SAP refuses a write for want of a valid CSRF token: nothing was done."""
    return reply.status == 403 and reply.headers.get("x-csrf-token", "").lower() == "required"


def of_reply(
    reply: Reply, place: str, *, write: bool, conditional: bool = False
) -> ConnectorError | None:
    """Type an answer; None when it is one that may be read.

    `conditional`: the write named the state of what it changes.
    """
    status, headers = reply.status, reply.headers
    html = _HTML.match(reply.content) is not None
    if status in (_WRITTEN if write else _READ) and not html:
        return _of_header(headers, place, write=write)
    messages = [] if html else messages_of(reply.content)
    error = _typed(reply, messages, place, html=html)
    if not write:
        return _for_reading(error)
    said_so = bool(messages) and 400 <= status < 500 and status not in (401, 408)
    by_http = conditional and status in _OF_A_STATE
    if (said_so or by_http) and not isinstance(error, InDoubt):
        return without_effect(error)
    error.no_effect = False
    if isinstance(error, RetryLater | Rejected):
        return InDoubt(error.message, place=place)
    return error


def _typed(reply: Reply, messages: list[Message], place: str, *, html: bool) -> ConnectorError:
    status, headers = reply.status, reply.headers
    words = _words(messages) or f"HTTP {status}"
    if status == 401:
        return logon_failed(_words(messages), place)
    if 300 <= status < 400 or (html and status < 300):
        return _of_page(reply, place)
    if status == 403:
        return Misconfigured(
            f"the user may not do this: {words}",
            place=place,
            remedy="on premise: S_SERVICE for the service and B_BUPA_… for partners (SU53); in the"
            " cloud: the user in the communication arrangement (SAP_COM_0008 for partners)",
        )
    if status == 404:
        return Misconfigured(
            f"is not there: {words}",
            place=place,
            remedy="activate the service (/IWFND/MAINT_SERVICE) or its communication arrangement,"
            " and check sap.url, sap.services and the name in the mapping",
        )
    if status == 412:
        return RetryLater(systems.CHANGED_MEANWHILE(), place=place, answered=True)
    if status == 428:
        return Misconfigured(
            "SAP wants to know which state is changed, and gave no ETag when it was read",
            place=place,
            remedy="let SAP's people look why the service or a proxy drops the ETag",
        )
    if status == 429:
        return RetryLater(systems.ASKS_FOR_LESS(), place=place, after=retry_after.seconds(headers))
    if status in (502, 503, 504):
        after = retry_after.seconds(headers) if "Retry-After" in headers else None
        return RetryLater(quoted(words), place=place, after=after)
    if status >= 500 or not messages:
        return InDoubt(quoted(words), place=place)
    if any(locked(each.code, each.text) for each in messages):
        return RetryLater(quoted(words), place=place, answered=True)
    if messages[0].code.startswith(_FRAMEWORK) or status in (405, 406, 415, 501):
        return Misconfigured(
            f"SAP does not understand the request: {words}",
            place=place,
            remedy="check the mapping against the service: `connector mappings check --live`",
        )
    code, text = messages[0]
    further: dict[str, object] = {
        "messages": [f"{each.code} {each.text}" for each in messages[1:_FURTHER]]
    }
    return Rejected(code, text, place=place, detail=further if messages[1:] else None)


def _of_page(reply: Reply, place: str) -> ConnectorError:
    """Return what a page is, or a way to one, in the place of an answer."""
    target = reply.headers.get("Location", "").partition("?")[0]
    if _LOGON_PAGE.search(reply.content) or _LOGON_PAGE.search(target.encode()):
        return LogonFailed(
            f"a logon page came in the place of an answer {target}".rstrip(),
            place=place,
            remedy=_LOGON_REMEDY,
        )
    what = f"leads elsewhere: {target}" if 300 <= reply.status < 400 else "a page came, no data"
    return Misconfigured(
        f"HTTP {reply.status}, {what}",
        place=place,
        remedy="sap.url must be the address of SAP's OData services themselves",
    )


def _for_reading(error: ConnectorError) -> ConnectorError:
    if isinstance(error, InDoubt):
        return RetryLater(error.message, place=error.place, remedy=error.remedy)
    return error


def _of_header(headers: Mapping[str, str], place: str, *, write: bool) -> ConnectorError | None:
    """Return the error that a good status hides in the header sap-message, or in its details."""
    text = headers.get("sap-message")
    if not text:
        return None
    found = _notified(text)
    if found is None:
        doubt = InDoubt(systems.OF_NO_SHAPE(what="the header sap-message"), place=place)
        return doubt if write else _for_reading(doubt)
    wrong = next((message for severity, message in found if severity not in _HARMLESS), None)
    if wrong is None:
        return None
    if write:
        return InDoubt(systems.CODED(code=wrong.code, text=wrong.text), place=place)
    return Rejected(wrong.code, wrong.text, place=place)


def _notified(text: str) -> list[tuple[str, Message]] | None:
    """Return the messages of a header, each with its severity; None where it is unreadable."""
    # HTTP's headers are read as Latin-1, and SAP writes UTF-8 into them.
    data = text.encode("latin-1", "replace")
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        said = _notification(data)
    if not isinstance(said, dict) or not isinstance(said.get("details") or [], list):
        return None
    rows = [said, *(said.get("details") or [])]
    if not all(isinstance(each, dict) and isinstance(each.get("severity"), str) for each in rows):
        return None
    return [
        (each["severity"].lower(), _message(each.get("code"), each.get("message"))) for each in rows
    ]


def _notification(data: bytes) -> dict[str, Any] | None:
    """Return what the XML form of the header says: a message with details of the same form."""
    root = _parsed(data)
    if root is None or etree.QName(root).localname != "notification":
        return None
    details = [_leaves(each) for each in root.iterfind("{*}details/{*}detail")]
    return {**_leaves(root), "details": details}


def _leaves(element: etree._Element) -> dict[str, Any]:
    return {
        etree.QName(each).localname: each.text or ""
        for each in element
        if isinstance(each.tag, str) and not len(each)
    }


def messages_of(content: bytes) -> list[Message]:
    """Return the messages of OData V2's error document, in JSON or XML; none if it is none.

    Others have an `error` too, whose message is a text: what stands before SAP, or no SAP at all.
    """
    return list(dict.fromkeys(_in_json(content) or _in_xml(content)))


def _in_json(content: bytes) -> list[Message]:
    try:
        error = json.loads(content)["error"]
        code, message = error["code"], error["message"]
        text, language = message["value"], message["lang"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
    if not all(isinstance(each, str) for each in (code, text, language)):
        return []
    inner = error.get("innererror")
    details = inner.get("errordetails") if isinstance(inner, Mapping) else None
    return [_message(code, text), *_details(details)]


def _details(details: Any) -> Iterator[Message]:
    for each in details if isinstance(details, list) else ():
        if isinstance(each, Mapping) and _is_error(each.get("severity")):
            yield _message(each.get("code"), each.get("message"))


def _is_error(severity: Any) -> bool:
    return str(severity or "error").lower() not in _HARMLESS


def _in_xml(content: bytes) -> list[Message]:
    root = _parsed(content)
    if root is None or root.tag != f"{{{_METADATA}}}error":
        return []
    message = root.find(f"{{{_METADATA}}}message")
    if message is None:
        return []
    found = [_message(root.findtext("{*}code"), message.text)]
    for each in root.iter("{*}errordetail"):
        if _is_error(each.findtext("{*}severity")):
            found.append(_message(each.findtext("{*}code"), each.findtext("{*}message")))
    return found


def _parsed(content: bytes) -> etree._Element | None:
    try:
        return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError):
        return None


def _message(code: Any, text: Any) -> Message:
    return Message(str(code or "")[:60], str(text or "")[:_WORDS])


def _words(messages: list[Message]) -> str:
    return "; ".join(f"{each.code} {each.text}".strip() for each in messages[:3])
