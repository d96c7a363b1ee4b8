"""One table of what SAP's errors mean, for every transport."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from connector.errors import (
    ConnectorError,
    InDoubt,
    LogonFailed,
    Misconfigured,
    Rejected,
    RetryLater,
    said_of,
)
from connector.sap.passing import admits_nobody, is_there, locked, passes, raised_in
from connector.wording import Said, systems

# ABAP exceptions and runtime errors that only IT can help with, and how.
_MISCONFIGURED = {
    "FU_NOT_FOUND": "check the function module's name in the mapping",
    "FUNCTION_NOT_EXIST": "check the function module's name in the mapping",
    "CALL_FUNCTION_NOT_FOUND": "check the function module's name in the mapping",
    "CALL_FUNCTION_NOT_REMOTE": "SAP's people must make the function module remote-enabled",
    "NO_AUTHORITY": "give the user S_RFC for the function group (look with SU53)",
    "NOT_AUTHORIZED": "give the user S_TABU_DIS or S_TABU_NAM for the table (look with SU53)",
    "RFC_NO_AUTHORITY": "give the user S_RFC for the function group (look with SU53)",
    "TABLE_NOT_AVAILABLE": "check the table's name in the mapping",
    "FIELD_NOT_VALID": "check the columns in the mapping",
    "DATA_BUFFER_EXCEEDED": "read fewer columns in the mapping",
    "CALL_FUNCTION_PARM_UNKNOWN": "check the request in the mapping against the function module",
    "CALL_FUNCTION_PARM_MISSING": "add the field to the request in the mapping",
}
# Refusals that come as words in the logon language, with no key that tells.
_IN_WORDS = (
    (
        re.compile(
            r"no (\w+ )?authori[sz]ation|not authori[sz]ed|keine .*berechtigung|没有.*(权限|授权)",
            re.I,
        ),
        "NO_AUTHORITY",
    ),
    (
        re.compile(r"function (module )?\S+ (was )?not found|函数模块.*(不存在|未找到)", re.I),
        "FU_NOT_FOUND",
    ),
)
# What SAP says instead of the password: said as it is, because each has another remedy.
_LOGON = (
    (re.compile(r"lock", re.I), "unlock it in SU01"),
    (re.compile(r"expire|initial", re.I), "set a productive password (SU01, user type System)"),
    (re.compile(r"client", re.I), "check sap.client"),
)


def logon_failed(said: str, place: str) -> ConnectorError:
    """Return what a refused logon is.

    Where SAP admits nobody for a while it is waited. Otherwise it is LogonFailed and not tried
    again: SAP locks users.
    """
    if admits_nobody(said):
        return RetryLater(systems.ADMITS_NOBODY(said=said), place=place)
    remedy = "check sap.user and CONNECTOR_SAP__PASSWORD; too many tries lock the user"
    for pattern, better in _LOGON:
        if pattern.search(said):
            remedy = better
            break
    return LogonFailed(
        f"SAP refuses our credentials: {said}" if said else "SAP refuses our credentials",
        place=place,
        remedy=remedy,
    )


def keeps_no_session() -> Misconfigured:
    """Return what a service is that gives a session no name: nothing could be committed there."""
    return Misconfigured(
        "SAP keeps no session here: what one call writes, the next cannot commit",
        place="sap.url",
        remedy="set the service to stateful (SOAMANAGER: enable session handling in the binding;"
        " SICF: session timeout), let whatever stands before SAP pass the cookie sap-contextid, or"
        " map a function module that commits by itself, with `commits_itself: true`",
    )


def refused_before(said: str) -> LogonFailed:
    """Return what every call is after a refused logon. Another refusal could lock the user."""
    return LogonFailed(
        f"logon was refused before and is not tried again: {said}",
        place="SAP logon",
        remedy="mend sap.user and CONNECTOR_SAP__PASSWORD and restart, or once SAP admits them as"
        " they are, `connector check --live` lets all go on; then `connector job rerun`",
    )


def of_abap(key: str, words: Iterable[str], place: str, message: str = "") -> ConnectorError:
    """Type an ABAP exception or runtime error by its key, or by a key among its words.

    `message` is the class and number of a message that was raised. A runtime error (a short dump)
    rolls everything back that was not committed.
    """
    said = [word for word in words if word]
    message = message or next(filter(None, map(raised_in, said)), "")
    if locked(message, " ".join(said)):
        text = "; ".join(said)[:300]
        return _answered(RetryLater(systems.CODED(code=message, text=text), place=place))
    for known, remedy in _MISCONFIGURED.items():
        if known == key or any(re.search(rf"\b{known}\b", word) for word in said):
            return Misconfigured(f"ABAP exception {known}", place=place, remedy=remedy)
    if passes(key):
        return _answered(RetryLater(systems.ABAP(key=key), place=place), there=is_there(key))
    for pattern, meant in _IN_WORDS:
        if any(pattern.search(word) for word in said):
            return Misconfigured(
                f"{key}: {said[0][:200]}", place=place, remedy=_MISCONFIGURED[meant]
            )
    return Rejected(key[:60] or "ABAP", "; ".join(said)[:300], place=place)


def _answered(error: RetryLater, *, there: bool = True) -> RetryLater:
    """Return an error that SAP answered with: what it had committed by then stays."""
    error.no_effect = False
    error.answered = there
    return error


@contextmanager
def doubted(
    place: str, why: Callable[[Said], Said] | None = None, *, proofs: bool = False
) -> Iterator[None]:
    """Make every error InDoubt, whatever its class: what is done within may have taken effect.

    A commit is done so, and all that follows it. What is raised there tells of a link that was
    opened anew, of whoever stands before SAP, or of a later question, never that nothing was done.
    With `proofs`, an error that proves that nothing was sent stays what it is.
    """
    try:
        yield
    except InDoubt:
        raise
    except Exception as error:
        if proofs and isinstance(error, ConnectorError) and error.no_effect:
            raise
        said = said_of(error)
        if not isinstance(error, ConnectorError):
            said = systems.NAMED(name=type(error).__name__, message=said)
        raise InDoubt(why(said) if why else said, place=place) from error


def lost(what: str, place: str) -> InDoubt:
    """Return what a lost answer is; a reading call makes RetryLater of it."""
    return InDoubt(systems.ANSWER_LOST(what=what), place=place)
