"""What an answer of SAP's says by its mapping; one that was not understood is never "nothing"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.errors import (
    AlreadyThere,
    ConnectorError,
    InDoubt,
    Misconfigured,
    Rejected,
    RetryLater,
)
from connector.mapping import Mapping as Spoken
from connector.mapping import Reading
from connector.sap.port import Answer
from connector.sap.returns import check
from connector.wording import systems


def understood(
    mapping: Spoken, answer: Answer, source: Mapping[str, Any] | None = None
) -> Reading | None:
    """Return what the answer to a question says; None where it says that there is nothing.

    The mapping's `outcome` is obeyed first: what comes as an error code may mean "nobody". Then
    messages count wherever they stand, and what the mapping reads must be there.

    Raises Rejected, RetryLater (passing, or no rule fits), Misconfigured, MappingFailed.
    """
    function = mapping.target.operation
    said = mapping.outcome(answer, source)
    if said.outcome == "absent":
        if said.otherwise:  # whatever else was said: that may be an error
            check(answer, function, mapping.messages(answer))
        return None
    try:
        obey(mapping, function, said, answer)
    except InDoubt as error:
        raise RetryLater(error.message, place=error.place, remedy=error.remedy) from None
    whole(mapping, answer)
    return mapping.read(answer, source)


def obey(mapping: Spoken, function: str, said: Reading, answer: Answer) -> None:
    """Raise what an outcome means, or else what the messages of the answer say.

    Raises Rejected, AlreadyThere, RetryLater; InDoubt where the outcome fits no rule.
    """
    place = f"SAP {function}"
    words = f"{said.code} {said.text}".strip()
    if said.outcome == "exists":
        raise AlreadyThere(words, place=place)
    if said.outcome == "passing":
        raise RetryLater(words or systems.BUSY(), place=place)
    if said.outcome in ("rejected", "absent"):
        if not words:
            check(answer, function, mapping.messages(answer))  # whose words are the better ones
        raise Rejected(said.code or said.outcome, said.text, place=place)
    check(answer, function, mapping.messages(answer), said.named)
    if said.outcome == "unknown":
        raise InDoubt(
            systems.NO_RULE(words=words),
            place=place,
            remedy=systems.SAY_WHAT_IT_MEANS(mapping=mapping.name),
        )


def check_call(mapping: Spoken, function: str, answers: Sequence[Answer]) -> None:
    """Raise what the last of these answers says of its call, of several in one session.

    What an error means a rule of the mapping may say, whose condition sees all answers so far.
    """
    answer = answers[-1]
    try:
        check(answer, function, mapping.messages(answer))
    except ConnectorError:
        said = mapping.outcome({"answers": list(answers)})
        if said.outcome not in ("ok", "unknown") and not said.otherwise:
            obey(mapping, function, said, answer)
        if not (said.outcome == "ok" and said.named):
            raise
        check(answer, function, mapping.messages(answer), said.named)


def obey_all(mapping: Spoken, answers: Sequence[Answer]) -> None:
    """Raise what the outcome means that the mapping sees in the answers of a whole session."""
    said = mapping.outcome({"answers": list(answers)})
    obey(mapping, mapping.target.operation, said, {})


def whole(mapping: Spoken, answer: Answer) -> None:
    """Raise Misconfigured where a part that the mapping reads is missing, or is no table.

    What was asked for and is not there is not taken for empty.
    """
    function = mapping.target.operation
    for part in mapping.parts:
        if not part.names & answer.keys():
            raise Misconfigured(
                f"the answer has no {' / '.join(sorted(part.names))}",
                place=f"SAP {function}",
                remedy=f"hold {mapping.name} against the function module:"
                " `connector mappings check --live`",
            )
        if part.rows is None:
            continue
        rows = part.rows({**answer, "root": answer})
        # A table without rows is an empty element, over SOAP.
        if rows not in (None, "") and not isinstance(rows, list | tuple):
            raise Misconfigured(
                f"{part.rows.text} is no table in the answer",
                place=f"SAP {function}",
                remedy=f"map it as a list in {mapping.name}.yaml: each: '[{part.rows.text}]'",
            )
