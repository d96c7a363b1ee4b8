"""Requests and answers of the service's own address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request. `headers` has lower-case names; `query` and `form` the last of each name."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)

    def cookie(self, name: str) -> str:
        """Return a cookie's value, or ""."""
        try:
            found = SimpleCookie(self.headers.get("cookie", "")).get(name)
        except CookieError:
            return ""
        return found.value if found else ""


@dataclass(frozen=True)
class Answer:
    """One answer."""

    status: int
    body: bytes
    kind: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(status: int, value: Mapping[str, Any]) -> Answer:
    """Return a JSON answer."""
    return Answer(status, json.dumps(value).encode(), "application/json")


def as_text(status: int, text: str) -> Answer:
    """Return a plain answer."""
    return Answer(status, f"{text}\n".encode())
