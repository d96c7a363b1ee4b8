"""Looks for customers in SAP as the site can: by RFC_READ_TABLE or its own function module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from connector.domain.identity import written
from connector.domain.matching import (
    Candidate,
    code_spellings,
    organisation_code,
    search_stem,
)
from connector.domain.order import Buyer, BuyerKind
from connector.domain.phones import normalise_phone, spellings
from connector.errors import InDoubt, Misconfigured, Rejected
from connector.mapping import Mapping as Spoken
from connector.mapping import MappingSet
from connector.mapping.expression import Expression
from connector.sap.answers import understood
from connector.sap.conversion import alpha
from connector.sap.port import Answer, SapSystem
from connector.sap.readtable import Condition, read
from connector.wording import systems

_FIND, _ASK, _READ = "sap_customer_find", "sap_customer_ask", "sap_customer_read"
_LENGTH = 10
# SAP keeps a long name in several fields.
_NAMES = ("name", "name_2", "name_3", "name_4")
# A tax number may stand where an earlier release kept it.
_CODES = ("code", "code_2", "code_3")

Row = Mapping[str, str]


class Finder:
    """Looks customers up. Nothing here writes."""

    def __init__(self, system: SapSystem, mappings: Callable[[], MappingSet]) -> None:
        self._system = system
        self._mappings = mappings

    def find(self, buyers: Sequence[Buyer]) -> list[list[Candidate]]:
        """Return the candidates of each buyer, asked for together. Raises RetryLater."""
        mapping = self._mappings()[_FIND]
        if mapping.read_table is None:
            return self._by_function(mapping, [search_source(buyer) for buyer in buyers])
        wanted = [_conditions(mapping, search_source(buyer)) for buyer in buyers]
        found = self._rows(mapping, [each for conditions in wanted for each in conditions])
        phone = _columns_by_name(mapping).get("phone")
        rows = [(candidate, _comparable(row, phone)) for candidate, row in found]
        return [
            [candidate for candidate, row in rows if any(_holds(row, each) for each in conditions)]
            for conditions in (_with_phone(each, phone) for each in wanted)
        ]

    def created(self, buyer: Buyer, reference: str) -> list[Candidate]:
        """Return the customers that a creation for this buyer made, by external reference.

        By `sap_customer_ask.yaml` where there is one: a record for which every condition holds.
        Otherwise by the buyer's code, which the creation writes.
        """
        if _ASK not in self._mappings().names():
            return self.by_code(buyer.code)
        mapping = self._mappings()[_ASK]
        source = {**search_source(buyer), "reference": reference}
        if mapping.read_table is None:
            return self._by_function(mapping, [source], ours=True)[0]
        conditions = _conditions(mapping, source)
        phone = _columns_by_name(mapping).get("phone")
        return [
            candidate
            for candidate, row in self._rows(mapping, conditions)
            if all(_holds(_comparable(row, phone), each) for each in _with_phone(conditions, phone))
        ]

    def by_code(self, code: str) -> list[Candidate]:
        """Return the customers with exactly this tax code or ID number."""
        mapping = self._mappings()[_FIND]
        if mapping.read_table is None:
            # Only the code is given: whatever else the mapping asks by stays empty.
            found = self._by_function(mapping, [{"code": code, "codes": [code]}])[0]
            return [each for each in found if code in each.codes]
        rows = self._rows(mapping, [Condition(_column(mapping, "code"), code)])
        return [candidate for candidate, _ in rows if code in candidate.codes]

    def by_number(self, number: str) -> Candidate | None:
        """Return one customer: by `sap_customer_read.yaml` if there is one, or by the table."""
        number = alpha(number, _LENGTH)
        if len(number) > _LENGTH:
            return None
        if _READ in self._mappings().names():
            mapping = self._mappings()[_READ]
            source = {"number": number, "plain_number": plain_number(number)}
            found = self._by_function(mapping, [source])[0]
            return next((each for each in found if each.number == number), None)
        mapping = self._mappings()[_FIND]
        if mapping.read_table is None:
            raise Misconfigured(
                "customers can be looked for, but not read by their number",
                place=f"mapping {_FIND}",
                remedy=f"add {_READ}.yaml beside it",
            )
        rows = self._rows(mapping, [Condition(_column(mapping, "number"), number)])
        return next((each for each, _ in rows if each.number == number), None)

    def _by_function(
        self, mapping: Spoken, sources: Sequence[Mapping[str, Any]], *, ours: bool = False
    ) -> list[list[Candidate]]:
        """Ask a function module, `batch` buyers at a time; who of them a row is for is not asked.

        The decision table drops what does not resemble a buyer. `ours`: what is found is what we
        made, and nothing else.
        """
        found: list[list[Candidate]] = []
        for start in range(0, len(sources), mapping.batch):
            chunk = sources[start : start + mapping.batch]
            source = {**chunk[0], "buyers": list(chunk)}
            if mapping.calls:
                answer = self._one_after_another(mapping, source)
            else:
                answer = self._system.call(mapping.target.operation, mapping.apply(source).body)
            reading = understood(mapping, answer, source)
            rows = (reading.values.get("customers") or []) if reading is not None else []
            customers = [row for row in rows if _is_customer(row, chunk, ours=ours)]
            found += [[_candidate(row) for row in customers] for _ in chunk]
        return found

    def _one_after_another(self, mapping: Spoken, source: Mapping[str, Any]) -> Answer:
        """Make the look-ups of a mapping, each of which may ask by what an earlier one found.

        One that has nothing to ask by finds nothing; when none has, nobody was looked for.
        """
        answers: list[Answer] = []
        asked = False
        for place, (operation, request) in enumerate(mapping.calls):
            known = {**source, "answers": answers}
            body = request(known).body if mapping.calls_at(place, known) else {}
            if not _asks(body):
                answers.append({"results": []})
                continue
            answers.append(self._system.call(operation, body))
            asked = True
        for each in mapping.spec.answer.fields:
            rows = Expression(each.each or "@")({"answers": answers})
            if not asked or (each.each is not None and not isinstance(rows, list)):
                what = "finds no list in the answers" if asked else "asks by nothing"
                raise Misconfigured(
                    what,
                    place=f"mapping {mapping.name}",
                    remedy="check the sources of its calls: `connector mappings preview`",
                )
        return {"answers": answers}

    def _rows(
        self, mapping: Spoken, conditions: Sequence[Condition]
    ) -> list[tuple[Candidate, Row]]:
        spec = mapping.read_table
        if spec is None or not conditions:
            return []
        # A column that is searched must come back too, to tell whose candidate a row is.
        searched = [each.column for each in conditions]
        searched += [each.within[0] for each in conditions if each.within]
        columns = list(dict.fromkeys([*spec.columns, *searched]))
        found: dict[str, tuple[Candidate, Row]] = {}
        operation = mapping.target.operation
        for row in read(self._system, spec.table, columns, conditions, operation):
            values = {name: row.get(column, "") for column, name in spec.columns.items()}
            candidate = _candidate(values)
            found[candidate.number] = (candidate, row)
        return list(found.values())


def search_source(buyer: Buyer) -> dict[str, Any]:
    """Return what mappings that look for a customer read: the buyer, and other ways to write it.

    SAP compares letter by letter, so that it is asked for each spelling.
    """
    company, stem = buyer.kind is BuyerKind.COMPANY, search_stem(buyer.name)
    return {
        **vars(buyer),
        "address": vars(buyer.address),
        "organisation_code": organisation_code(buyer.code) if company else "",
        "codes": code_spellings(buyer),
        "phones": spellings(buyer.phone),
        "name_stem": stem,
        "name_stems": [each for each in dict.fromkeys([stem, stem.title(), stem.lower()]) if each],
        "city_stem": buyer.address.city.removesuffix("市"),
    }


def _conditions(mapping: Spoken, source: Mapping[str, Any]) -> list[Condition]:
    spec = mapping.read_table
    assert spec is not None
    found = []
    for (column, value_of, prefix), how, inner in zip(
        mapping.find_by, spec.find_by, mapping.find_within, strict=True
    ):
        value = value_of(source)
        within = (inner[0], str(inner[1](source) or "")) if inner else None
        if within is not None and not within[1]:
            continue
        found += [
            Condition(column, str(each), prefix, how.contains, within)
            for each in (value if isinstance(value, list) else [value])
            if each not in (None, "")
        ]
    return found


def _asks(body: Mapping[str, Any]) -> bool:
    """Whether a look-up has anything to ask by, beside its options."""
    return any(
        any(each for each in value.values()) if isinstance(value, Mapping) else value
        for name, value in body.items()
        if not name.startswith("$")
    )


def _is_customer(
    row: Mapping[str, Any], buyers: Sequence[Mapping[str, Any]], *, ours: bool
) -> bool:
    """Whether a row has a customer's number; one that has none may be a mere business partner.

    Raises Rejected where that is a buyer all the same, and InDoubt where we made it: another
    customer is not what either needs.
    """
    if str(row.get("number") or "").strip():
        return True
    words = systems.PARTNER_WITHOUT_CUSTOMER(partner=row.get("partner") or "?")
    if ours:
        raise InDoubt(words, place="SAP", asked_again=True)
    codes = {written(str(row.get(each) or "")) for each in _CODES} - {""}
    spelled = {written(str(each)) for buyer in buyers for each in buyer.get("codes") or ()}
    if codes & spelled:
        raise Rejected("no-customer", words, place="SAP")
    return False


def plain_number(number: str) -> str:
    """Return a number as it is shown to people: without leading zeros."""
    return (number.lstrip("0") or number) if number.isdigit() else number


def _candidate(values: Mapping[str, Any]) -> Candidate:
    text = {name: str(value or "").strip() for name, value in values.items()}
    return Candidate(
        number=alpha(text.get("number", ""), _LENGTH),
        name=reduce(_joined, (text.get(part, "") for part in _NAMES)),
        code=text.get("code", ""),
        phone=text.get("phone", ""),
        street=text.get("street", ""),
        city=text.get("city", ""),
        postcode=text.get("postcode", ""),
        deleted=bool(text.get("deleted")),
        blocked=bool(text.get("blocked")),
        further_codes=tuple(filter(None, (text.get(each, "") for each in _CODES[1:]))),
    )


def _joined(name: str, rest: str) -> str:
    """Return a name of two of its parts: where words meet, with the space that was cut off."""
    words = (name[-1:] + rest[:1]).isascii() and name[-1:].isalnum() and rest[:1].isalnum()
    return f"{name} {rest}" if words else name + rest


def _comparable(row: Row, phone: str | None) -> Row:
    """Return a row whose phone number is written as `_with_phone` writes those asked for."""
    return {**row, phone: normalise_phone(row.get(phone, ""))} if phone else row


def _with_phone(conditions: Sequence[Condition], phone: str | None) -> list[Condition]:
    return [
        each._replace(value=normalise_phone(each.value)) if each.column == phone else each
        for each in conditions
    ]


def _holds(row: Row, condition: Condition) -> bool:
    held = row.get(condition.column, "")
    value = condition.value.strip()
    if condition.within and not row.get(condition.within[0], "").startswith(condition.within[1]):
        return False
    if condition.contains:
        return value in held
    return held.startswith(value) if condition.prefix else held == value


def _columns_by_name(mapping: Spoken) -> dict[str, str]:
    spec = mapping.read_table
    return {name: column for column, name in spec.columns.items()} if spec else {}


def _column(mapping: Spoken, name: str) -> str:
    column = _columns_by_name(mapping).get(name)
    if column is None:
        raise Misconfigured(
            f"no column is called {name!r}",
            place=f"mapping {mapping.name}",
            remedy="name it under read_table.columns",
        )
    return column
