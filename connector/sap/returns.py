"""What the messages of a function module mean: nothing, a lock that passes, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.errors import Rejected, RetryLater
from connector.sap import messages
from connector.sap.messages import code_of, text_of
from connector.sap.passing import locked
from connector.wording import systems


def check(
    answer: Mapping[str, Any],
    function: str,
    named: Sequence[Any] = (),
    harmless: frozenset[str] = frozenset(),
) -> None:
    """Raise Rejected (or RetryLater for a lock) when the answer says that the module failed.

    `named` is what stands where the mapping says that messages stand, `harmless` are the codes and
    flags that it calls good.
    """
    errors = messages.errors(answer, named, harmless)
    if not errors:
        return
    place = f"SAP {function}"
    code, text = code_of(errors[0]), "; ".join(text_of(row) for row in errors[:5])
    if any(locked(code_of(row), text_of(row)) for row in errors):
        # What is said behind a lock follows from it, or is said again once the lock is gone.
        raise RetryLater(systems.CODED(code=code, text=text), place=place, answered=True)
    raise Rejected(code, text, place=place)
