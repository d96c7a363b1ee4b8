"""What a mapping names: `GET`, `POST` or `PATCH`, a service, and its entity set or function."""

from __future__ import annotations

import re
from typing import NamedTuple

from connector.errors import Misconfigured

_FORM = re.compile(r"(GET|POST|PATCH) ([A-Za-z0-9_;=.]+)/([A-Za-z_]\w*)")


class Operation(NamedTuple):
    """One operation of a service; `name` is an entity set or a function import."""

    method: str
    service: str
    name: str

    @classmethod
    def of(cls, text: str) -> Operation:
        """Read an operation as mappings write it. Raises Misconfigured."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise Misconfigured(
                "is no operation of an OData service",
                place=f"SAP {text}",
                remedy="name it as GET, POST or PATCH and SERVICE/EntitySet, for example"
                " GET API_BUSINESS_PARTNER/A_BusinessPartner",
            )
        return cls(*found.groups())

    @property
    def writes(self) -> bool:
        """Whether it changes something; SAP commits that by itself."""
        return self.method != "GET"

    @property
    def place(self) -> str:
        """How errors name it."""
        return f"SAP {self.method} {self.service}/{self.name}"
