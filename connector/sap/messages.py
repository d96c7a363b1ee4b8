"""What a function module says of its success, wherever in its answer that stands.

BAPIs say it in RETURN; a site's own modules say it in ET_RETURN, MESSAGES, E_SUBRC, EV_ERROR or
within a structure. What looks like an error message is one: it is never taken for data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# Names of parameters that hold messages, a return code or a flag; E_, EV_, ET_, EX_ … before them.
_PREFIX = r"([CE][STVX]?_|[XOT]_|PE_|PO_|LT_)?"
_MESSAGES = re.compile(
    _PREFIX + r"(BAPI_?)?(RETURN\d?|RETURNS|RET|BAPIRET\d|MESSAGES?|MSGS?|LOG|PROTOCOL|ERRORS?)"
    r"(_?(TAB|TABLE|T|OUT|LIST))?"
)
_CODE = re.compile(_PREFIX + r"(SY_)?(SUBRC|RC|RETCODE|RETURN_?CODE|RETURN)")
_FLAG = re.compile(_PREFIX + r"(ERROR|ERR|FAILED|FAILURE|EXCEPTION|ERROR_?FLAG|FLAG_ERROR)")
_TYPES = ("TYPE", "MSGTYP", "MSGTY", "MSG_TYPE", "MESSAGE_TYPE")
_IDS, _NUMBERS = ("ID", "MSGID", "MSG_ID"), ("NUMBER", "MSGNR", "MSGNO", "MSG_NO", "NUM")
_TEXTS = ("MESSAGE", "MSGTX", "MSG_TEXT", "MESSAGE_TEXT", "TEXT", "MSGV1", "MESSAGE_V1")
_FINE = frozenset({"", "S", "I", "W"})
_NO_FAILURE = _FINE | {"OK", "N", "NO", "NONE", "FALSE", "SUCCESS"}
_ZERO = re.compile(r"0+([.,]0+)?")
_BAD = frozenset({"A", "E", "X"})
_DEEPEST = 8

Row = Mapping[str, Any]


def errors(
    answer: Mapping[str, Any],
    named: Sequence[Any] = (),
    harmless: frozenset[str] = frozenset(),
) -> list[Row]:
    """Return the messages of an answer that say that it failed.

    `named` is what stands where the mapping says that messages stand. There and in parameters
    with a usual name a type that nobody knows counts as an error; elsewhere A, E and X do.
    `harmless` are return codes and flags of which the mapping says that this answer is good.
    """
    found: list[Row] = []
    for value in named:
        found += _of("messages", value, certain=True)
    for name, value in answer.items():
        usual = _MESSAGES.fullmatch(name) is not None
        if isinstance(value, Mapping | list | tuple):
            found += _rows(value, certain=usual)
        elif name not in harmless and (_CODE.fullmatch(name) or _FLAG.fullmatch(name)):
            found += _of(name, value, certain=True)
    return list({_key(row): row for row in found}.values())


def code_of(row: Row) -> str:
    """Return a row's code: ID/NUMBER, or BAPIRETURN's five-character CODE as class/number."""
    identity, number = _first(row, _IDS), _first(row, _NUMBERS)
    if identity:
        return f"{identity}/{number.zfill(3)}"
    code = str(row.get("CODE") or "").strip()
    return f"{code[:2]}/{code[2:]}" if len(code) == 5 else code


def text_of(row: Row) -> str:
    """Return a row's message."""
    return _first(row, _TEXTS)


def _of(name: str, value: Any, *, certain: bool) -> Iterator[Row]:
    """Give the errors in one value: rows, a return code, or a flag."""
    if isinstance(value, Mapping | list | tuple):
        yield from _rows(value, certain=certain)
        return
    said = str(value if value is not None else "").strip().upper()
    if said not in _NO_FAILURE and not _ZERO.fullmatch(said):
        yield {"TYPE": "E", "CODE": f"{name} {said[:20]}"}


def _rows(value: Any, *, certain: bool, depth: int = 0) -> Iterator[Row]:
    if depth > _DEEPEST:
        return
    if isinstance(value, list | tuple):
        for row in value:
            if isinstance(row, Mapping | list | tuple):
                yield from _rows(row, certain=certain, depth=depth + 1)
        return
    kind = _first(value, _TYPES).upper()
    if certain and any(name in value for name in _TYPES):
        if kind not in _FINE:
            yield value
    elif kind in _BAD and _looks_like_a_message(value):
        yield value
    for name, inner in value.items():
        if isinstance(inner, Mapping | list | tuple):
            usual = _MESSAGES.fullmatch(name) is not None
            yield from _rows(inner, certain=usual, depth=depth + 1)


def _looks_like_a_message(row: Row) -> bool:
    numbered = any(name in row for name in _IDS) and any(name in row for name in _NUMBERS)
    return numbered or "MESSAGE" in row or ("CODE" in row and any(n in row for n in _TEXTS))


def _first(row: Row, names: Sequence[str]) -> str:
    return next((str(row[name]).strip() for name in names if row.get(name) not in (None, "")), "")


def _key(row: Row) -> tuple[str, str, str]:
    return _first(row, _TYPES), code_of(row), text_of(row)
