"""What the messages of a function module mean: nothing, a lock that passes, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.errors import Rejected, RetryLater
from connector.sap import messages
from connector.sap.messages import code_of, text_of
from connector.wording import systems

# Message class and number → a lock or a passing state, not a refusal.
_PASSING = frozenset({("F2", "042"), ("VP", "119"), ("ME", "006"), ("C_", "330")})


def check(answer: Mapping[str, Any], function: str, named: Sequence[Any] = ()) -> None:
    """Raise Rejected (or RetryLater for a lock) when the answer says that the module failed.

    `named` is what stands where the mapping says that messages stand.
    """
    errors = messages.errors(answer, named)
    if not errors:
        return
    place = f"SAP {function}"
    code, text = code_of(errors[0]), "; ".join(text_of(row) for row in errors[:5])
    if all((_text(row, "ID"), _text(row, "NUMBER").zfill(3)) in _PASSING for row in errors):
        raise RetryLater(systems.CODED(code=code, text=text), place=place)
    raise Rejected(code, text, place=place)


def _text(row: Mapping[str, Any], name: str) -> str:
    return str(row.get(name) or "").strip()
