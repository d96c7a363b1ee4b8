"""What an HTTP answer of SAP's means that is not the one asked for, as a table.

Of a write only SAP's own refusal proves that nothing was done: an error document of OData with a
status of 4xx, or a status that HTTP itself defines so (412, 428, 429). A logon page, a redirect, a
gateway's 502 or a page of a proxy may come after the work, and are in doubt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import requests
from lxml import etree

from connector.departure import certificate_refused, not_connected
from connector.errors import (
    ConnectorError,
    InDoubt,
    LogonFailed,
    Misconfigured,
    Rejected,
    RetryLater,
    without_effect,
)
from connector.sap.errors import logon_failed, lost
from connector.sap.passing import locked
from connector.wording import quoted, systems

_HTML = re.compile(rb"\s*(<!--.*?-->\s*)?(<!doctype html|<html)", re.I | re.S)
_LOGON_PAGE = re.compile(
    rb"sap-user|sap-password|j_username|samlrequest|samlresponse|type=.?password|log ?in|log ?on",
    re.I,
)
_LOGON_REMEDY = "check how sap.authentication logs on, and that the service does not ask a browser"
# The framework's own words: the request is not understood, or the service is not to be had.
_FRAMEWORK = "/IWFND/"
_FURTHER = 5
# Refusals by HTTP's own definition, whoever answers: nothing was done.
_BY_HTTP = (412, 428, 429)
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


def of_exception(error: requests.RequestException, place: str) -> ConnectorError:
    """Type what `requests` raised: only a connection that never came about proves absence."""
    if certificate_refused(error):
        return without_effect(
            Misconfigured(
                "the certificate of SAP is not accepted", place=place, remedy="set sap.ca_file"
            )
        )
    if not_connected(error):
        return RetryLater(systems.UNREACHABLE(), place=place)
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return without_effect(
            Misconfigured("is no address", place="sap.url", remedy="give its https address")
        )
    if isinstance(error, OSError) and "client_certificate" in str(error):
        return without_effect(
            Misconfigured(
                str(error)[:200],
                place="sap.client_certificate",
                remedy="name a file that is there and may be read",
            )
        )
    return lost(type(error).__name__, place)


def token_required(reply: Reply) -> bool:
    """Whether SAP refuses a write for want of a valid CSRF token: nothing was done."""
    return reply.status == 403 and reply.headers.get("x-csrf-token", "").lower() == "required"


def of_reply(reply: Reply, place: str, *, write: bool) -> ConnectorError | None:
    """Type an answer; None when it is one that may be read."""
    status, headers = reply.status, reply.headers
    html = _HTML.match(reply.content) is not None
    if 200 <= status < 300 and not html:
        return _of_header(headers, place, write=write)
    messages = [] if html else messages_of(reply.content)
    error = _typed(reply, messages, place, html=html)
    if not write:
        return _for_reading(error)
    said_so = bool(messages) and 400 <= status < 500 and status not in (401, 408)
    if (said_so or status in _BY_HTTP) and not isinstance(error, InDoubt):
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
        return RetryLater(systems.ASKS_FOR_LESS(), place=place, after=_seconds(headers))
    if status in (502, 503, 504):
        after = _seconds(headers) if "Retry-After" in headers else None
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
    """Return the error that a good status hides in the header sap-message."""
    try:
        said = json.loads(headers.get("sap-message") or "null")
    except ValueError:
        return None
    if not isinstance(said, dict) or said.get("severity") != "error":
        return None
    code, text = str(said.get("code") or ""), str(said.get("message") or "")[:_WORDS]
    if write:
        return InDoubt(systems.CODED(code=code, text=text), place=place)
    return Rejected(code, text, place=place)


def messages_of(content: bytes) -> list[Message]:
    """Return the messages of OData's error document, in JSON or XML; none if it is none."""
    return list(dict.fromkeys(_in_json(content) or _in_xml(content)))


def _in_json(content: bytes) -> list[Message]:
    try:
        error = json.loads(content)["error"]
        text = error["message"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
    if isinstance(text, Mapping):
        text = text.get("value")
    inner = error.get("innererror")
    details = inner.get("errordetails") if isinstance(inner, Mapping) else None
    return [_message(error.get("code"), text), *_details(details)]


def _details(details: Any) -> Iterator[Message]:
    for each in details if isinstance(details, list) else ():
        if isinstance(each, Mapping) and str(each.get("severity", "error")) == "error":
            yield _message(each.get("code"), each.get("message"))


def _in_xml(content: bytes) -> list[Message]:
    try:
        root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError):
        return []
    if etree.QName(root).localname != "error":
        return []
    found = [_message(root.findtext("{*}code"), root.findtext("{*}message"))]
    for each in root.iter("{*}errordetail"):
        if (each.findtext("{*}severity") or "error") == "error":
            found.append(_message(each.findtext("{*}code"), each.findtext("{*}message")))
    return found


def _message(code: Any, text: Any) -> Message:
    return Message(str(code or "")[:60], str(text or "")[:_WORDS])


def _words(messages: list[Message]) -> str:
    return "; ".join(f"{each.code} {each.text}".strip() for each in messages[:3])


def _seconds(headers: Mapping[str, str]) -> float:
    try:
        return min(max(float(headers.get("Retry-After") or 30), 1), 3600)
    except ValueError:
        return 30
