"""RETURN, in which a BAPI says whether it worked, in each of the shapes it comes in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connector.errors import Rejected, RetryLater
from connector.wording import systems

# Message class and number → a lock or a passing state, not a refusal.
_PASSING = frozenset({("F2", "042"), ("VP", "119"), ("ME", "006"), ("C_", "330")})
_NOT_AN_ERROR = frozenset({"", "S", "I", "W"})


def rows(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give the rows of RETURN: BAPIRETURN, BAPIRETURN1 and BAPIRET2, structure or table."""
    returned = answer.get("RETURN")
    if isinstance(returned, Mapping):
        yield returned
    elif isinstance(returned, list | tuple):
        yield from (row for row in returned if isinstance(row, Mapping))


def check(answer: Mapping[str, Any], function: str) -> None:
    """Raise Rejected (or RetryLater for a lock) when any row is of type A or E."""
    errors = [row for row in rows(answer) if _type(row) not in _NOT_AN_ERROR]
    if not errors:
        return
    place = f"SAP {function}"
    code, text = code_of(errors[0]), "; ".join(text_of(row) for row in errors[:5])
    if all((_text(row, "ID"), _text(row, "NUMBER").zfill(3)) in _PASSING for row in errors):
        raise RetryLater(systems.CODED(code=code, text=text), place=place)
    raise Rejected(code, text, place=place)


def code_of(row: Mapping[str, Any]) -> str:
    """Return a row's code: ID/NUMBER, or BAPIRETURN's five-character CODE as class/number."""
    if _text(row, "ID"):
        return f"{_text(row, 'ID')}/{_text(row, 'NUMBER').zfill(3)}"
    code = _text(row, "CODE")
    return f"{code[:2]}/{code[2:]}" if len(code) == 5 else code


def text_of(row: Mapping[str, Any]) -> str:
    """Return a row's message."""
    return _text(row, "MESSAGE")


def _type(row: Mapping[str, Any]) -> str:
    return _text(row, "TYPE").upper()


def _text(row: Mapping[str, Any], name: str) -> str:
    return str(row.get(name) or "").strip()
