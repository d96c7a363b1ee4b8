"""What the connector asks of a DMS, each conversation through its mapping."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from connector.dms.errors import lost
from connector.dms.port import Dms
from connector.dms.session import Session, SessionOver, Ticket, source_with
from connector.dms.session import shown as carried_by
from connector.errors import (
    AlreadyThere,
    ConnectorError,
    InDoubt,
    LogonFailed,
    MappingFailed,
    Misconfigured,
    Rejected,
    RetryLater,
    nothing_sent,
)
from connector.mapping import Broken, MappingSet, Reading
from connector.mapping import Mapping as FieldMapping
from connector.mapping.origin import Unfit, traced
from connector.wording import systems, together

# The list of records in an answer that tells what changed.
_CHANGES = "changes"
# Where a record goes that its mapping (by name) cannot read.
Aside = Callable[[str, Broken], None]
_WORDS = 300  # characters of a refusal's text that are kept


@dataclass(frozen=True)
class Prepared:
    """A write ready to be recorded and sent. `notes` tell what was cut or supplied.

    `source` is what was mapped: the mapping of the answer may speak of it, as `request`.
    """

    conversation: str
    operation: str
    body: dict[str, Any]
    notes: tuple[str, ...]
    mapping_version: str
    source: Mapping[str, Any] = field(default_factory=dict, repr=False)
    mapping: FieldMapping | None = field(default=None, repr=False)


class DmsDesk:
    """Sales orders, delivery notes and invoice applications in the DMS.

    `mappings` gives the mappings in force, which may change while the service runs.
    """

    def __init__(
        self, dms: Dms, mappings: Callable[[], MappingSet], session: Session | None = None
    ) -> None:
        self._dms = dms
        self._mappings = mappings
        self._session = session or Session(dms, mappings)

    def can(self, conversation: str) -> bool:
        """Whether this DMS has the conversation at all."""
        return not self._mappings()[conversation].absent

    def waits_for_people(self, conversation: str) -> bool:
        """Whether an order waits until people have done what this DMS has no operation for."""
        return self._mappings()[conversation].by_hand

    def then(self, conversation: str) -> Mapping[str, str]:
        """Return what is called next to finish a document: mapping → what dms_find calls it."""
        return self._mappings()[conversation].then

    def prepare(self, conversation: str, source: Mapping[str, Any]) -> Prepared:
        """Map a write without sending it. Raises MappingFailed with every reason."""
        mapping = self._mappings()[conversation]
        if mapping.absent:
            raise Misconfigured(
                "the mapping says that the DMS has no such operation",
                place=f"mapping {conversation}",
                remedy="map it, or settle these orders by hand in the DMS",
            )
        source = source_with(source)
        applied = mapping.apply(source)
        operation = mapping.target.operation
        return Prepared(
            conversation, operation, applied.body, applied.notes, mapping.version, source, mapping
        )

    def foresee(
        self, conversation: str, source: Mapping[str, Any], unknown: frozenset[str]
    ) -> list[Unfit]:
        """Return what of a write the mapping or the WSDL refuses, as far as they can be read now.

        For the `unknown` parts of the source something else stands, which is not judged.
        """
        mapping = self._mappings()[conversation].of(source)
        if mapping.absent:
            return []
        body, findings = mapping.attempt(source_with(source))
        # What cannot be judged now is judged when it is sent.
        with suppress(ConnectorError):
            findings += self._dms.findings(mapping.target.operation, body)
        return traced(mapping.spec.request, source, findings, unknown | {"session"})

    def send(self, prepared: Prepared) -> dict[str, Any]:
        """Make a write and return the values of its answer.

        Raises Rejected, AlreadyThere, RetryLater, InDoubt or Misconfigured. An answer that the
        mapping cannot read came after the write: it is a doubt.
        """
        with nothing_sent():
            mapping = prepared.mapping or self._mappings()[prepared.conversation]
        return self._session.within(lambda ticket: self._sent(mapping, prepared, ticket))

    def _sent(
        self, mapping: FieldMapping, prepared: Prepared, ticket: Ticket | None
    ) -> dict[str, Any]:
        with nothing_sent():
            body = self._body(mapping, prepared.source, ticket) or prepared.body
        answer = self._answer(mapping, body, ticket, write=True)
        try:
            reading = mapping.read(answer, prepared.source)
        except MappingFailed as error:
            place = f"DMS {prepared.operation}"
            words = systems.UNREADABLE(words=together(error.findings))
            raise InDoubt(words, place=place, remedy=_say(mapping)) from error
        self._look_at_session(reading)
        values = _values(mapping, reading, write=True)
        pattern = mapping.spec.answer.number_pattern
        if pattern and not re.fullmatch(pattern, str(values.get("number"))):
            raise InDoubt(
                systems.NAMED(name="number", message=systems.NOT_OF_FORM(pattern=pattern)),
                place=f"DMS {prepared.operation}",
            )
        return values

    def _body(
        self, mapping: FieldMapping, source: Mapping[str, Any], ticket: Ticket | None
    ) -> dict[str, Any] | None:
        """Return a request that carries the token itself; None where a request carries none."""
        if ticket is None or not ticket.in_body:
            return None
        return mapping.apply(source_with(source, ticket)).body

    def _answer(
        self, mapping: FieldMapping, body: Mapping[str, Any], ticket: Ticket | None, *, write: bool
    ) -> dict[str, Any]:
        """Return the answer to a call. Raises SessionOver where the DMS refuses its token."""
        try:
            return self._dms.call(
                mapping.target.operation, body, write=write, carried=carried_by(ticket)
            )
        except LogonFailed as error:
            # A read may be made again; a write where it is said by name that nothing was done.
            if ticket is not None and (error.no_effect or not write):
                raise SessionOver from error
            raise
        except (Rejected, InDoubt, RetryLater) as error:
            code, _ = _named(mapping, error)
            if code and self._session.is_over(code):
                raise SessionOver from error
            raise _meant(mapping, error, write=write) from error

    def _look_at_session(self, reading: Reading) -> None:
        if reading.outcome != "ok" and self._session.is_over(reading.code):
            raise SessionOver

    def find(
        self, external_number: str, business_unit: str, reference: str = ""
    ) -> list[dict[str, Any]] | None:
        """Return the DMS's orders under our number, each with its documents.

        `reference` is the number with the business unit, for a DMS that knows no such filter.
        None when the DMS cannot be asked. Raises RetryLater or Misconfigured.
        """
        mapping = self._mappings()["dms_find"]
        if mapping.absent:
            return None
        return self._find(mapping, [(external_number, reference)], business_unit)

    def find_together(
        self, orders: Sequence[tuple[str, str]], business_unit: str
    ) -> dict[str, list[dict[str, Any]]]:
        """Return the DMS's orders under many of our numbers by these, as `find` does of one.

        `orders` are our numbers, each with its reference, no more than `batch("dms_find")`.
        """
        mapping = self._mappings()["dms_find"]
        found: dict[str, list[dict[str, Any]]] = {number: [] for number, _ in orders}
        for held in self._find(mapping, orders, business_unit):
            # Asked for one, whatever comes is under that number.
            number = orders[0][0] if len(orders) == 1 else str(held.get("external_number"))
            if number not in found:
                raise Rejected(
                    "UNASKED",
                    systems.UNASKED(number=held.get("number")),
                    place=f"DMS {mapping.target.operation}",
                )
            found[number].append(held)
        return found

    def _find(
        self, mapping: FieldMapping, orders: Sequence[tuple[str, str]], business_unit: str
    ) -> list[dict[str, Any]]:
        number, reference = orders[0]
        source = {
            "external_number": number,
            "business_unit": business_unit,
            "reference": reference,
            "orders": [{"external_number": each, "reference": own} for each, own in orders],
        }
        values = self._ask(mapping, source)
        return [] if values is None else _listed(mapping, values, "orders")

    def changed_since(self, since: Any, aside: Aside) -> Iterator[dict[str, Any]]:
        """Give every order that changed at or after `since`, page by page.

        A record that the mapping cannot read goes `aside`, and the others of its page are given.
        """
        mapping = self._mappings()["dms_status"]
        token: Any = None
        while True:
            values = self._ask(mapping, {"since": since, "page_token": token}, aside) or {}
            yield from _listed(mapping, values, _CHANGES)
            token = values.get("next_page_token")
            if not token:
                return

    def status_of(self, orders: Sequence[Mapping[str, Any]], aside: Aside) -> list[dict[str, Any]]:
        """Return what the DMS says of these orders, asked for together; see `changed_since`.

        Each order names `sales_order`, `external_number`, `reference` and `business_unit`.
        """
        mapping = self._mappings()["dms_order_status"]
        values = self._ask(mapping, {"orders": list(orders), "order": orders[0]}, aside) or {}
        return _listed(mapping, values, _CHANGES)

    def told(self, conversation: str, record: Any) -> tuple[list[dict[str, Any]], list[Broken]]:
        """Return what a record that went aside says, as the mapping reads it now, or why not."""
        rows, broken = self._mappings()[conversation].read_row(_CHANGES, record)
        return [_unpadded(each) for each in rows], broken

    def batch(self, conversation: str) -> int:
        """Return how many orders one request of the conversation may ask for."""
        return self._mappings()[conversation].batch

    def _ask(
        self, mapping: FieldMapping, source: Mapping[str, Any], aside: Aside | None = None
    ) -> dict[str, Any] | None:
        return self._session.within(lambda ticket: self._asked(mapping, source, ticket, aside))

    def _asked(
        self,
        mapping: FieldMapping,
        source: Mapping[str, Any],
        ticket: Ticket | None,
        aside: Aside | None,
    ) -> dict[str, Any] | None:
        body = mapping.apply(source_with(source, ticket)).body
        try:
            answer = self._answer(mapping, body, ticket, write=False)
        except NotThere:
            return None
        reading = mapping.read(answer, source, _CHANGES if aside is not None else "")
        self._look_at_session(reading)
        for each in reading.broken:
            if aside is not None:
                aside(mapping.name, each)
        return None if reading.outcome == "absent" else _values(mapping, reading, write=False)


def _listed(mapping: FieldMapping, values: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return a list of an answer; fields leave out one without rows, a value is there as it is.

    Raises MappingFailed.
    """
    rows = values.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(each, Mapping) for each in rows):
        said = systems.NAMED(name=name, message=systems.NOT_OF_KIND(kind="list"))
        raise MappingFailed(mapping.name, [said])
    return rows


class NotThere(ConnectorError):
    """The DMS says in a refusal that there is nothing of what it was asked for."""


def _named(mapping: FieldMapping, error: ConnectorError) -> tuple[str, str]:
    """Return code and text of the refusal that an error is by the mapping; no code if it is none.

    Of a fault the mapping has the only word; its default is what the detail calls `code`.
    """
    if error.fault is not None:
        code, text = mapping.refusal(error.fault)
        return code, text[:_WORDS]
    return (error.code, error.text) if isinstance(error, Rejected) else ("", "")


def _meant(mapping: FieldMapping, error: ConnectorError, *, write: bool) -> ConnectorError:
    """Return what a call's error means by the mapping.

    A fault of which the mapping says that it is no refusal proves nothing, nor does a refusal in a
    code that the mapping does not name: it may come after the work.
    """
    code, text = _named(mapping, error)
    if not code:
        refused = isinstance(error, Rejected)
        return _unproved(mapping, error, error.message, write=write) if refused else error
    refusal = Rejected(code, text, place=error.place, remedy=error.remedy)
    refusal.fault = error.fault
    outcome = mapping.classify(code)
    if outcome == "exists":
        return AlreadyThere(refusal.said, place=error.place)
    if outcome == "passing":
        return RetryLater(refusal.said, place=error.place)
    if outcome == "absent" and not write:
        return NotThere(refusal.said, place=error.place)
    if outcome == "rejected":
        return refusal
    return _unproved(mapping, error, refusal.message, write=write)


def _unproved(
    mapping: FieldMapping, error: ConnectorError, words: str, *, write: bool
) -> ConnectorError:
    said = systems.NO_RULE(words=words)
    return lost(said, place=error.place, write=write, remedy=_say(mapping))


def _unpadded(value: Any) -> Any:
    """Return a value without the padding of fixed columns, which is no part of a number or code."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Mapping):
        return {name: _unpadded(each) for name, each in value.items()}
    return [_unpadded(each) for each in value] if isinstance(value, list) else value


def _say(mapping: FieldMapping) -> str:
    return systems.SAY_WHAT_IT_MEANS(mapping=mapping.name)


def _values(mapping: FieldMapping, reading: Reading, *, write: bool) -> dict[str, Any]:
    place = f"DMS {mapping.target.operation}"
    words = f"{reading.code} {reading.text}".strip()
    if reading.outcome == "ok":
        return {name: _unpadded(value) for name, value in reading.values.items()}
    if reading.outcome == "rejected":
        raise Rejected(reading.code, reading.text, place=place)
    if reading.outcome == "exists":
        raise AlreadyThere(words, place=place)
    if reading.outcome == "passing":
        raise RetryLater(words or systems.BUSY(), place=place)
    remedy = _say(mapping)
    if write:
        raise InDoubt(systems.NO_RULE(words=words), place=place, remedy=remedy)
    raise RetryLater(systems.NO_RULE(words=words), place=place, remedy=remedy)
