"""Customers in SAP: looked for, created, corrected, read back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from connector.departure import last_look
from connector.domain.matching import Candidate, is_another
from connector.domain.order import Buyer
from connector.errors import (
    ConnectorError,
    InDoubt,
    MappingFailed,
    Misconfigured,
    Rejected,
    RetryLater,
    nothing_sent,
    without_effect,
)
from connector.mapping import Mapping as Spoken
from connector.mapping import MappingSet
from connector.mapping.origin import Unfit, traced
from connector.sap import fitting
from connector.sap.answers import check_call, obey_all
from connector.sap.conversion import alpha
from connector.sap.errors import doubted
from connector.sap.finding import Finder, plain_number
from connector.sap.port import SapSession, SapSystem
from connector.wording import Said, systems, together

_CHANGE = "sap_customer_change"
_LENGTH = 10
_MOST_REMEMBERED = 10_000


class Remembered:
    """Buyers who were recognised lately. That nobody was found is never remembered.

    `keep` is how long; nothing is kept for zero.
    """

    def __init__(self, clock: Callable[[], datetime], keep: timedelta) -> None:
        self._clock = clock
        self._keep = keep
        self._found: dict[Buyer, tuple[datetime, tuple[Candidate, ...]]] = {}
        self._lock = threading.Lock()

    def get(self, buyer: Buyer) -> tuple[Candidate, ...] | None:
        """Return the candidates by which this very buyer was recognised, if not too long ago."""
        with self._lock:
            at, candidates = self._found.get(buyer, (None, ()))
            if at is None or self._clock() - at >= self._keep:
                self._found.pop(buyer, None)
                return None
            return candidates

    def put(self, buyer: Buyer, candidates: Sequence[Candidate]) -> None:
        """Remember that these candidates told who the buyer is."""
        with self._lock:
            if len(self._found) >= _MOST_REMEMBERED:
                self._found.clear()
            self._found.setdefault(buyer, (self._clock(), tuple(candidates)))


class CustomerDesk:
    """Looks customers up, creates and corrects them, each conversation through its mapping."""

    def __init__(
        self,
        system: SapSystem,
        mappings: Callable[[], MappingSet],
        remembered: Remembered | None = None,
    ) -> None:
        self._system = system
        self._mappings = mappings
        self._remembered = remembered
        self._finder = Finder(system, mappings)

    def find(self, buyers: Sequence[Buyer]) -> list[list[Candidate]]:
        """Return the candidates of each buyer, asked for all at once. Raises RetryLater."""
        known = [self._remembered.get(buyer) if self._remembered else None for buyer in buyers]
        unknown = [buyer for buyer, each in zip(buyers, known, strict=True) if each is None]
        found = iter(self._finder.find(unknown) if unknown else [])
        return [list(each) if each is not None else next(found) for each in known]

    def remember(self, buyer: Buyer, candidates: Sequence[Candidate]) -> None:
        """Say that a buyer was recognised by these candidates: for a while, nobody is asked."""
        if self._remembered is not None:
            self._remembered.put(buyer, candidates)

    def find_by_code(self, code: str) -> list[Candidate]:
        """Return the customers with this tax code or ID number."""
        return self._finder.by_code(code)

    def find_created(self, buyer: Buyer, reference: str) -> list[Candidate]:
        """Return the customers that a creation under this reference made. Raises RetryLater."""
        return self._finder.created(buyer, reference)

    def read_back(self, number: str) -> Candidate | None:
        """Return one customer by number."""
        return self._finder.by_number(number)

    def create(
        self,
        buyer: Buyer,
        business_unit: Mapping[str, Any],
        reference: str = "",
        given: Callable[[str], None] = lambda _number: None,
    ) -> str:
        """Create a customer and return its number, read back after the commit.

        `given` is told the number before the commit is sent; what it raises keeps the commit back.

        All calls of the mapping and the commit run in one session. Until the commit is sent a
        lost answer has had no effect, since SAP rolls an abandoned session back: RetryLater.
        From then on every error is InDoubt; where the last function module commits by itself,
        from the moment that it was called.
        """
        with nothing_sent():
            mapping = self._creation(buyer)

        def number_in(answers: list[dict[str, Any]]) -> str:
            number = str(mapping.read({"answers": answers}).values.get("number") or "")
            if number.strip("0 "):
                return alpha(number, _LENGTH)
            if mapping.commits_itself:
                # It is made, whatever its number is.
                return self._asked_for(buyer, reference)
            raise Rejected("no-number", systems.NO_CUSTOMER_NUMBER(), place="SAP create customer")

        source = _source(buyer, business_unit, reference)
        number = self._in_one_session(mapping, source, number_in, given)
        if is_another(buyer, self._there(number, systems.DONE_CREATED())):
            # A number that was there before tells nothing of what was made now.
            raise InDoubt(systems.OTHERS_NUMBER(number=number), place="SAP create customer")
        return number

    def foresee(
        self, buyer: Buyer, business_unit: Mapping[str, Any], reference: str
    ) -> list[Unfit]:
        """Return what of a creation the mapping or SAP's interfaces refuse, as far as known now.

        What is made of the answer of an earlier call is not judged.
        """
        mapping = self._creation(buyer)
        source = _source(buyer, business_unit, reference)
        unknown = frozenset({"answers"})
        found: list[Unfit] = []
        for place, call in enumerate(mapping.of(source).spec.calls):
            body, findings = mapping.attempt(source, place)
            # What cannot be judged now is judged when it is sent.
            with suppress(ConnectorError):
                findings += fitting.findings(self._system.interface(call.function), body)
            found += traced(call.request, source, findings, unknown)
        return found

    def correct(self, number: str, buyer: Buyer, business_unit: Mapping[str, Any]) -> Candidate:
        """Write the buyer's data into a customer's record and return it as it then stands.

        Errors are those of `create`. Changing a record twice in the same way is harmless.
        """
        number = alpha(number, _LENGTH)
        mapping = self._mappings()[_CHANGE]
        if mapping.absent:
            raise without_effect(
                Misconfigured(
                    "this SAP has no function module that changes customers",
                    place=f"mapping {_CHANGE}",
                    remedy="correct the record in SAP",
                )
            )
        numbers = {"number": number, "plain_number": plain_number(number)}
        source = {**_source(buyer, business_unit, ""), **numbers}
        self._in_one_session(mapping, source, lambda _answers: number, lambda _number: None)
        return self._there(number, systems.DONE_CHANGED())

    def cuts(self, buyer: Buyer, business_unit: Mapping[str, Any]) -> list[str]:
        """Return which values the mapping cuts to SAP's length when it creates this customer."""
        source = _source(buyer, business_unit, "")
        notes: list[str] = []
        for _, request in self._creation(buyer).calls:
            try:
                notes += request(source).notes
            except MappingFailed:
                # Made of the answer of an earlier call, which is not there now.
                continue
        return notes

    def _creation(self, buyer: Buyer) -> Spoken:
        return self._mappings()[f"sap_customer_create_{buyer.kind.value}"]

    def _in_one_session(
        self,
        mapping: Spoken,
        source: dict[str, Any],
        outcome: Callable[[list[dict[str, Any]]], str],
        given: Callable[[str], None],
    ) -> str:
        answers: list[dict[str, Any]] = []
        first = mapping.commits_at
        by_themselves = range(first, len(mapping.calls))
        with ExitStack() as opened:
            # Whatever goes wrong before the commit, SAP rolls back.
            with nothing_sent():
                kept = first > 0 or not by_themselves
                session = opened.enter_context(self._system.session(kept=kept))
                try:
                    for place in range(first):
                        _call(session, mapping, place, source, answers)
                        check_call(mapping, mapping.calls[place][0], answers)
                    if not by_themselves:
                        obey_all(mapping, answers)
                except InDoubt as error:
                    raise RetryLater(
                        together([error.message, systems.NOTHING_COMMITTED()]), place=error.place
                    ) from None
                if not by_themselves:
                    made = outcome(answers)
                    given(made)
                # Others may believe by now that nothing comes any more.
                last_look()
            for place in by_themselves:
                # What is done stays done: only the first of them may have had no effect at all.
                with doubted(f"SAP {mapping.calls[place][0]}", proofs=place == first):
                    _call(session, mapping, place, source, answers)
                check_call(mapping, mapping.calls[place][0], answers)
                with doubted("SAP"):
                    if place == first:
                        _note_partner(mapping, answers, given)
            if by_themselves:
                obey_all(mapping, answers)
                with doubted("SAP"):
                    made = outcome(answers)
                    given(made)
                    return made
            with doubted("SAP"):
                session.commit()
                opened.close()
        return made

    def _asked_for(self, buyer: Buyer, reference: str) -> str:
        """Return the number of a customer that was created, where no answer tells it."""
        found = [each for each in self._finder.created(buyer, reference) if not each.deleted]
        if not found:
            raise InDoubt(systems.NO_CUSTOMER_NUMBER(), place="SAP create customer")
        return found[0].number

    def _there(self, number: str, done: Said) -> Candidate:
        """Read a record back after the commit: "saved" ones that are absent later are known."""
        with doubted("SAP", lambda why: systems.NOT_READ_BACK(why=why)):
            there = self.read_back(number)
        if there is None:
            raise InDoubt(systems.CUSTOMER_GONE(number=number, done=done), place="SAP")
        return there


def _call(
    session: SapSession,
    mapping: Spoken,
    place: int,
    source: dict[str, Any],
    answers: list[dict[str, Any]],
) -> None:
    """Make one of a mapping's calls and add its answer, an empty one where it is not made."""
    function, request = mapping.calls[place]
    with nothing_sent():
        known = {**source, "answers": answers}
        body = request(known).body if mapping.calls_at(place, known) else None
    answers.append({} if body is None else session.call(function, body))


def _note_partner(
    mapping: Spoken, answers: list[dict[str, Any]], given: Callable[[str], None]
) -> None:
    """Note the business partner that SAP made, before its number as a customer is known.

    What was given once is not created again. With its prefix it is nobody's customer number.
    """
    if len(answers) == len(mapping.calls):
        return
    partner = str(mapping.read({"answers": answers}).values.get("partner") or "").strip()
    if partner.strip("0"):
        given(f"BP {partner}")


def _source(buyer: Buyer, business_unit: Mapping[str, Any], reference: str) -> dict[str, Any]:
    return {
        "buyer": asdict(buyer),
        "business_unit": dict(business_unit),
        "reference": reference,
        "answers": [],
    }
