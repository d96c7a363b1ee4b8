"""The one tree of errors, typed by what is to be done about them.

Every gateway turns whatever its transport raises into one of these, so that no caller ever
looks at a `requests`, `zeep` or `pyrfc` exception. What a table of errors does not know is
`InDoubt` for a write and `RetryLater` for a read: unknown is never "fine".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from connector.wording import Said, quoted, systems, together


class ConnectorError(Exception):
    """Base of all errors of this project.

    `message` says what is wrong, `place` where (a file and line, a field, a system and its
    operation), `remedy` what a person can do. Nothing personal or secret stands in any of them.
    `said` is all three; a message or remedy of the catalogue (`connector.wording`) can be read in
    Chinese too.

    `no_effect` says that a write which raised this provably had no effect, so that it may be sent
    again unasked. It is said where that is known (`nothing_sent`, `without_effect`), never by a
    kind of error: a refused logon may come back after the work was done.

    `fault` holds the words of the SOAP fault that the error was made of, where there was one:
    `faultcode`, `subcode` (of SOAP 1.2), `faultstring`, and `detail` with its leaves by name.
    """

    no_effect = False
    fault: Mapping[str, Any] | None = None

    def __init__(self, message: str, *, place: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.remedy = remedy

    @property
    def said(self) -> Said:
        """Where, what, and the remedy."""
        message = self.message
        said = message if isinstance(message, Said) else quoted(message)
        if self.place:
            said = systems.AT(place=self.place, message=said)
        return systems.REMEDY(message=said, remedy=self.remedy) if self.remedy else said

    def __str__(self) -> str:
        return str(self.said)


Raised = TypeVar("Raised", bound=ConnectorError)


def without_effect(error: Raised) -> Raised:
    """Return an error as one that proves that the write had no effect."""
    error.no_effect = True
    return error


@contextmanager
def nothing_sent() -> Iterator[None]:
    """Say of whatever is raised within that nothing was sent yet."""
    try:
        yield
    except ConnectorError as error:
        without_effect(error)
        raise


def said_of(error: BaseException) -> Said:
    """Return what an error of whatever kind says."""
    return error.said if isinstance(error, ConnectorError) else quoted(error)


class RetryLater(ConnectorError):
    """Raised when the same request may succeed later and has provably had no effect so far.

    An outage, throttling or a lock. `after` is the wait in seconds the other side asked for.
    `answered`: it is well and said so itself (a lock), so that other calls need not wait.
    """

    no_effect = True

    def __init__(
        self,
        message: str,
        *,
        place: str = "",
        remedy: str = "",
        after: float | None = None,
        answered: bool = False,
    ) -> None:
        super().__init__(message, place=place, remedy=remedy)
        self.after = after
        self.answered = answered


class Rejected(ConnectorError):
    """Raised when the other side understood the request and said no.

    `code` and `text` are its own words; they go into the order's hold. `detail` holds further
    fields of the answer or fault.
    """

    def __init__(
        self,
        code: str,
        text: str,
        *,
        place: str = "",
        remedy: str = "",
        detail: dict[str, object] | None = None,
    ) -> None:
        words = systems.CODED(code=code, text=text) if code and text else code or text
        super().__init__(words, place=place, remedy=remedy)
        self.code = code
        self.text = text
        self.detail = detail or {}


def answered(error: BaseException) -> bool:
    """Whether the other side is well: what is wrong concerns the request, and no other one."""
    return isinstance(error, Rejected) or (isinstance(error, RetryLater) and error.answered)


class InDoubt(ConnectorError):
    """Raised when a write may or may not have taken effect: its answer was lost or unreadable.

    `asked_again`: the other side is asked by itself from time to time, while a person looks too.
    """

    def __init__(
        self, message: str, *, place: str = "", remedy: str = "", asked_again: bool = False
    ) -> None:
        super().__init__(message, place=place, remedy=remedy)
        self.asked_again = asked_again


class Doubled(InDoubt):
    """Raised when the other side holds, or may hold, more than one document of a write.

    A process that stood still sent it all the same, after another had done so in its place.
    """


class AlreadyThere(ConnectorError):
    """Raised when the other side says that it holds our external reference already."""


class Misconfigured(ConnectorError):
    """Raised when only a change of settings, mappings or authorisation helps.

    The job stops and IT is told; no order is blamed. A write that was answered so is in doubt,
    unless the error says that it had no effect.
    """


class LogonFailed(Misconfigured):
    """Raised when a system refuses our credentials. Not tried again by itself: SAP locks users."""


class UnreadableOrder(ConnectorError):
    """Raised when what is stored of an order cannot be read any more.

    It concerns that order only. When the storefront gives it anew, it is taken in again.
    """

    def __init__(self, number: str) -> None:
        super().__init__(
            systems.STORED_UNREADABLE(),
            place=f"order {number}",
            remedy=systems.HAVE_IT_TAKEN_ANEW(),
        )


class MappingFailed(ConnectorError):
    """Raised when a mapping cannot be applied to one input.

    `findings` lists every reason, each naming the mapping's field, so that one look mends all.
    """

    def __init__(self, mapping: str, findings: list[str]) -> None:
        super().__init__(together(findings), place=f"mapping {mapping}")
        self.mapping = mapping
        self.findings = findings
