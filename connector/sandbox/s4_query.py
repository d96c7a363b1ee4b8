"""Query options of OData V2, as far as the sandbox's S/4HANA has them: $filter, in both senses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from connector.sandbox.s4_metadata import Entity

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<sign>[(),])|(?P<word>[A-Za-z_][\w/]*)|(?P<number>\d+M?))"
)
_FUNCTIONS = ("substringof", "startswith")
Test = Callable[[Mapping[str, Any]], bool]


class NotValid(Exception):
    """A query that the service does not understand."""


def filtered(text: str, entity: Entity) -> Test:
    """Return what a $filter asks. Raises NotValid."""
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            raise NotValid(f"Invalid token detected at position {at}")
        kind = str(found.lastgroup)
        tokens.append((kind, found[kind]))
        at = found.end()
    parser = _Parser(tokens, entity)
    test = parser.either()
    if parser.tokens:
        raise NotValid(f"Invalid token {parser.tokens[0][1]!r}")
    return test


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], entity: Entity) -> None:
        self.tokens = tokens
        self._entity = entity

    def either(self) -> Test:
        tests = [self._both()]
        while self._take("or"):
            tests.append(self._both())
        return lambda row: any(test(row) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._take("and"):
            tests.append(self._one())
        return lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._take("("):
            test = self.either()
            self._need(")")
            return test
        word = self._word()
        if word in _FUNCTIONS:
            self._need("(")
            if word == "substringof":
                value = self._value()
                self._need(",")
                name = self._property()
                self._need(")")
                return lambda row: value in str(row.get(name) or "")
            name = self._property()
            self._need(",")
            value = self._value()
            self._need(")")
            return lambda row: str(row.get(name) or "").startswith(value)
        name = self._known(word)
        how = self._word()
        if how not in ("eq", "ne"):
            raise NotValid(f"Operator {how!r} is not supported")
        value = self._value()
        return lambda row: (str(row.get(name) or "") == value) is (how == "eq")

    def _take(self, text: str) -> bool:
        if self.tokens and self.tokens[0][1] == text and self.tokens[0][0] != "text":
            self.tokens.pop(0)
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise NotValid(f"{text!r} is missing")

    def _word(self) -> str:
        if not self.tokens or self.tokens[0][0] != "word":
            raise NotValid("a name is missing")
        return self.tokens.pop(0)[1]

    def _property(self) -> str:
        return self._known(self._word())

    def _known(self, name: str) -> str:
        # One that leads to other entities would be a filter over many, which V2 has not.
        if name not in self._entity.fields:
            raise NotValid(f"Property {name} not found in the entity type")
        return name

    def _value(self) -> str:
        kind, text = self.tokens.pop(0) if self.tokens else ("", "")
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind in ("number", "word"):
            return {"true": "True", "false": ""}.get(text, text.rstrip("M"))
        raise NotValid("a value is missing")
