"""WHERE clauses as RFC_READ_TABLE takes them: a small parser for the conditions of Open SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Row = Mapping[str, str]
Test = Callable[[Row], bool]

_TOKEN = re.compile(
    r"\s*(\(|\)|'(?:[^']|'')*'|[A-Za-z_][A-Za-z0-9_]*|<>|<=|>=|=|<|>|,)(?=\s|\)|,|$|\()"
)
_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "EQ": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "NE": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "LT": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "GT": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    "LE": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "GE": lambda a, b: a >= b,
}


class NotValid(Exception):
    """The clause is none (OPTION_NOT_VALID)."""


def parse(clause: str, columns: frozenset[str]) -> Test:
    """Return the test that a clause stands for. Raises NotValid."""
    if not clause.strip():
        return lambda _row: True
    tokens: list[str] = []
    position = 0
    text = clause.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise NotValid(text[position : position + 20])
        tokens.append(match.group(1))
        position = match.end()
    parser = _Parser(tokens, columns)
    test = parser.either()
    if parser.rest():
        raise NotValid(parser.rest())
    return test


class _Parser:
    def __init__(self, tokens: list[str], columns: frozenset[str]) -> None:
        self._tokens = tokens
        self._columns = columns
        self._at = 0

    def rest(self) -> str:
        return " ".join(self._tokens[self._at :])

    def either(self) -> Test:
        tests = [self._both()]
        while self._take("OR"):
            tests.append(self._both())
        return lambda row: any(test(row) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._take("AND"):
            tests.append(self._one())
        return lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._take("NOT"):
            inner = self._one()
            return lambda row: not inner(row)
        if self._take("("):
            inner = self.either()
            if not self._take(")"):
                raise NotValid("a bracket is not closed")
            return inner
        column = self._next().upper()
        if column not in self._columns:
            raise NotValid(column)
        negated = self._take("NOT")
        test = self._comparison(column)
        return (lambda row: not test(row)) if negated else test

    def _comparison(self, column: str) -> Test:
        operator = self._next().upper()
        if operator == "LIKE":
            pattern = re.compile(_like(self._literal()), re.DOTALL)
            return lambda row: pattern.fullmatch(row.get(column, "")) is not None
        if operator == "IN":
            if not self._take("("):
                raise NotValid("IN without a bracket")
            values = [self._literal()]
            while self._take(","):
                values.append(self._literal())
            if not self._take(")"):
                raise NotValid("a bracket is not closed")
            return lambda row: row.get(column, "") in values
        if operator not in _COMPARE:
            raise NotValid(operator)
        compare, value = _COMPARE[operator], self._literal()
        return lambda row: compare(row.get(column, ""), value)

    def _literal(self) -> str:
        token = self._next()
        if not token.startswith("'"):
            raise NotValid(token)
        return token[1:-1].replace("''", "'").rstrip()

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise NotValid("the clause ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].upper() == word:
            self._at += 1
            return True
        return False


def _like(pattern: str) -> str:
    return "".join(
        ".*" if character == "%" else "." if character == "_" else re.escape(character)
        for character in pattern
    )
