"""Only errors are logged: envelopes would fill the report of a failing test."""

from __future__ import annotations

import pytest

from connector.logs import configure


@pytest.fixture(autouse=True)
def _quiet() -> None:
    configure("error")
