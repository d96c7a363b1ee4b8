"""What a SOAP call's errors mean for the connector."""

from __future__ import annotations

from typing import Any

import requests
from lxml import etree
from zeep.exceptions import Error as ZeepError
from zeep.exceptions import Fault, TransportError, XMLParseError

from connector.bounded import AnswerTooLarge
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
from connector.wording import systems

_WORDS = 300
# Fault codes (local names, SOAP 1.1 and WS-Security 1.0) that mean refused credentials.
_LOGON = frozenset(
    {"FailedAuthentication", "InvalidSecurityToken", "InvalidSecurity", "FailedCheck"}
)
# Faults of the envelope itself.
_ENVELOPE = frozenset({"VersionMismatch", "MustUnderstand"})


def typed(error: Exception, *, place: str, write: bool, admitted: bool = False) -> ConnectorError:
    """Type whatever a call raised. What is not known is in doubt for a write.

    `admitted`: the DMS has taken calls of this process before, so that settings are not to blame.
    """
    if isinstance(error, ConnectorError):
        return error
    if isinstance(error, Fault):
        return _of_fault(error, place=place, write=write, admitted=admitted)
    if isinstance(error, TransportError):
        return of_status(error.status_code, place=place, write=write, admitted=admitted)
    if certificate_refused(error):
        return without_effect(
            Misconfigured(
                "the certificate of the DMS is not accepted",
                place=place,
                remedy="set dms.ca_file to its CA",
            )
        )
    if not_connected(error):
        return RetryLater(systems.UNREACHABLE(), place=place)
    if isinstance(error, AnswerTooLarge):
        return lost(systems.ANSWER_LOST(what=str(error)), place=place, write=write)
    if isinstance(error, requests.RequestException | XMLParseError | etree.Error):
        return lost(systems.ANSWER_LOST(what=type(error).__name__), place=place, write=write)
    if isinstance(error, ZeepError):
        return lost(systems.UNREADABLE(words=str(error)[:_WORDS]), place=place, write=write)
    return lost(systems.UNFORESEEN(error=type(error).__name__), place=place, write=write)


def of_status(status: int, *, place: str, write: bool, admitted: bool = False) -> ConnectorError:
    """Type an HTTP status that came without a SOAP answer.

    No status proves that a write had no effect: an error page (302), a firewall that inspects
    answers (403) and a missing one (404) come after the work as well. Where the DMS has not taken
    a single call yet, they tell of settings that are wrong; the write is in doubt all the same.
    """
    if not (write and admitted):
        if status == 401:
            return _logon("the DMS refuses our credentials", place)
        if 300 <= status < 400 or status in (403, 404, 405):
            return Misconfigured(
                f"HTTP {status}", place=place, remedy="check dms.wsdl and dms.endpoint"
            )
    return lost(systems.NO_SOAP(status=status), place=place, write=write)


def lost(what: str, *, place: str, write: bool, remedy: str = "") -> ConnectorError:
    """Return what a lost answer is: a doubt for a write, a reason to repeat for a read."""
    kind = InDoubt if write else RetryLater
    return kind(what, place=place, remedy=remedy)


def _logon(what: str, place: str) -> LogonFailed:
    return LogonFailed(
        what,
        place=place,
        remedy="check dms.user, dms.authentication and CONNECTOR_DMS__PASSWORD",
    )


def _of_fault(fault: Fault, *, place: str, write: bool, admitted: bool) -> ConnectorError:
    """Type a fault by what every DMS means by it; a mapping may know more (`ConnectorError.fault`).

    A fault is a refusal when it gives a code of its own in its detail. The names of SOAP itself
    (Client, Server) give no reason: a server may have failed after the work.
    """
    code, subcode = _local(fault.code), _local(next(iter(reversed(fault.subcodes or ())), ""))
    refused = next((each for each in (code, subcode) if each in _LOGON), None)
    if refused is not None:
        # Said by name, and before anything is done for whom it is said of.
        return without_effect(_logon(f"the DMS refuses our credentials ({refused})", place))
    if code in _ENVELOPE and not (write and admitted):
        return Misconfigured(
            f"the DMS does not take our envelopes ({code})",
            place=place,
            remedy="check dms.port: SOAP 1.1 or 1.2, and what headers it wants",
        )
    detail = _detail(fault.detail)
    said = str(fault.message or "without words")[:_WORDS]
    if detail.get("code"):
        text = detail.get("message") or detail.get("text") or fault.message or ""
        error: ConnectorError = Rejected(
            detail["code"], str(text)[:_WORDS], place=place, detail=dict(detail)
        )
    else:
        error = lost(systems.FAULT(code=code or "(none)", words=said), place=place, write=write)
    error.fault = {
        "faultcode": code,
        "subcode": subcode,
        "faultstring": str(fault.message or ""),
        "detail": detail,
    }
    return error


def _detail(detail: Any) -> dict[str, str]:
    """Return the leaves of a fault's detail by local name; the first of a name counts.

    Each stands under its own name, and under the same with a small first letter.
    """
    leaves: dict[str, str] = {}
    if isinstance(detail, etree._Element):
        for element in detail.iter():
            if isinstance(element.tag, str) and not len(element) and element.text:
                name = etree.QName(element).localname
                leaves.setdefault(name, element.text.strip())
                leaves.setdefault(name[:1].lower() + name[1:], element.text.strip())
    return leaves


def _local(code: Any) -> str:
    text = str(code or "")
    return text.rpartition("}")[2].rpartition(":")[2]


def unreadable(response: requests.Response) -> Exception:
    """Return the error that stands for an HTTP answer without a SOAP envelope."""
    return TransportError(status_code=response.status_code, message="no SOAP envelope")
